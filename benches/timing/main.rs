//! Whether the time of an answer tells if somebody has an account.
//!
//! `cargo bench --bench timing` asks a server process the same about addresses that have an account and addresses that have
//! none, in turns, and prints for each request how well the two can be told apart by time: the area under the ROC curve
//! (Mann-Whitney). One half is a coin's guess; the control compares the known with the known. At a thousand samples of each,
//! chance alone stays within 0.46 and 0.54 (three standard deviations are 0.039), so what lies outside ends the command with
//! an error, unless its control does too: then the machine was not quiet enough to tell. It takes some minutes.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::{env, fs, ops::RangeInclusive, path::Path, process::ExitCode, time::Instant};

use argon2::Argon2;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};

use crate::{connection::Connection, server::Server};

#[expect(dead_code, reason = "another bench uses all of it")]
#[path = "../load/connection.rs"]
mod connection;
#[expect(dead_code, reason = "another bench uses all of it")]
#[path = "../load/server.rs"]
mod server;

const SAMPLES: usize = 1000;

/// Within this, nothing can be told.
const CHANCE: RangeInclusive<f64> = 0.46..=0.54;

/// What is asked, about `$email`: its name, the document, and `EMAIL_VERIFICATION`.
const REQUESTS: [(&str, &str, &str); 5] = [
    (
        "requestPasswordReset",
        "mutation($email: String!) { requestPasswordReset(email: $email) { __typename } }",
        "optional",
    ),
    ("resendOtp", "mutation($email: String!) { resendOtp(email: $email) { __typename } }", "optional"),
    (
        "verifyOtp, wrong code",
        "mutation($email: String!) { verifyOtp(input: { email: $email, otp: \"000000\" }) { __typename } }",
        "optional",
    ),
    (
        "login, wrong password",
        "mutation($email: String!) { login(input: { identifier: $email, password: \"x\" }) { __typename } }",
        "optional",
    ),
    (
        "signup, mandatory proof",
        "mutation($email: String!) { signup(input: { email: $email, password: \"battery horse correct\" }) { __typename } }",
        "mandatory",
    ),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // `cargo test --all-targets` runs this too, to see that it works
    if !env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    println!("{SAMPLES} samples of each; 0.5 is a coin's guess, within {CHANCE:?} nothing can be told");
    println!("{:<26}{:>18}{:>18}", "", "known or unknown", "known or known");
    let mut tells = false;
    for (name, query, verification) in REQUESTS {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let sqlite = format!("sqlite://{}", folder.path().join("gatehouse.db").display());
        Server::migrate(&sqlite);
        import(&sqlite, &folder.path().join("people.jsonl"));
        let server = Server::start_with(&sqlite, &[("EMAIL_VERIFICATION", verification)]).await;
        let [known, unknown] = ask(&server, name, query).await;
        let every_other = |from: usize| known.iter().skip(from).step_by(2).copied().collect::<Vec<f64>>();
        let control = distinguishability(&every_other(0), &every_other(1));
        let found = distinguishability(&known, &unknown);
        let verdict = match (CHANCE.contains(&found), CHANCE.contains(&control)) {
            (true, _) => "",
            (false, true) => "  it tells who has an account",
            (false, false) => "  the machine is not quiet enough to tell",
        };
        tells |= !verdict.is_empty();
        println!("{name:<26}{found:>18.3}{control:>18.3}{verdict}");
    }
    if tells { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The seconds that answers took, about the known and the unknown.
async fn ask(server: &Server, name: &str, query: &str) -> [Vec<f64>; 2] {
    let mut connection = Connection::open(server.address).await.unwrap();
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for sample in 0..SAMPLES {
        // who comes first takes turns as well
        for is_known in [sample % 2 == 0, sample % 2 != 0] {
            let email = format!("{}{sample:04}@example.org", if is_known { "person" } else { "nobody" });
            let body = json!({ "query": query, "variables": { "email": email } });
            let sent = Instant::now();
            let answer: Value = connection.post("", &body).await.unwrap();
            let seconds = sent.elapsed().as_secs_f64();
            assert!(answer.get("errors").is_none(), "{name}: {answer}");
            if is_known { &mut known } else { &mut unknown }.push(seconds);
        }
    }
    [known, unknown]
}

/// The chance that one of the first took longer than one of the second: the area under the ROC curve.
fn distinguishability(first: &[f64], second: &[f64]) -> f64 {
    let longer = |one: &f64| second.iter().filter(|other| one > other).count();
    let wins: usize = first.iter().map(longer).sum();
    #[expect(clippy::cast_precision_loss, reason = "there are a million pairs")]
    let share = wins as f64 / (first.len() * second.len()) as f64;
    share
}

/// People with proven addresses, and passwords hashed as the server hashes them.
fn import(database_url: &str, file: &Path) {
    let mut output = [0; 32];
    Argon2::default().hash_password_into(b"correct horse battery", &[7; 16], &mut output).unwrap();
    let [salt, output] = [&[7; 16][..], &output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    let hash = format!("argon2$argon2id$v=19$m=19456,t=2,p=1${salt}${output}");
    let line = |n: usize| {
        json!({ "id": n, "username": "", "email": format!("person{n:04}@example.org"), "password": hash,
            "date_joined": "2024-01-01T00:00:00Z" })
        .to_string()
    };
    fs::write(file, (0..SAMPLES).map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let arguments = ["--emails-verified", file.to_str().unwrap()];
    let status = server::gatehouse("import-users", database_url).args(arguments).status().unwrap();
    assert!(status.success(), "the import failed");
}
