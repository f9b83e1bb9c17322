//! Checks whether response times reveal who has an account, or who has a second factor.
//!
//! `cargo bench --bench timing` sends the same requests to a server process, alternately about addresses with an
//! account and addresses without one. For each request it prints how well time distinguishes the two, as the area under
//! the ROC curve (Mann-Whitney). A value of one half is a coin toss. The control compares two groups with an account.
//! With a thousand samples of each group, chance alone keeps the value between 0.46 and 0.54 (three standard deviations
//! are 0.039). A value outside this range ends the benchmark with an error, unless the control is outside too, which
//! means that the machine was not quiet enough. The benchmark takes 20 minutes.
//! `cargo bench --bench timing -- enrolled` makes only the comparisons whose names contain this text.
//!
//! Logins are measured for four kinds of people: with and without an account, and with and without a pending
//! registration. Two kinds are compared if they get the same response.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]

use std::{env, fs, ops::RangeInclusive, path::Path, process::ExitCode, time::Instant};

use argon2::Argon2;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use gatehouse::secrets::SecretKey;
use serde_json::{Value, json};

use crate::{connection::Connection, server::Server};

#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/connection.rs"]
mod connection;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/server.rs"]
mod server;

const SAMPLES: usize = 1000;

/// The range of values that reveal nothing.
const CHANCE: RangeInclusive<f64> = 0.46..=0.54;

/// Addresses with an account and without one.
const KNOWN: &str = "person";
const UNKNOWN: &str = "nobody";
/// Addresses with an account that has a second factor.
const ENROLLED: &str = "enrolled";
/// The same, with a pending registration.
const KNOWN_REGISTERED: &str = "applicant";
const UNKNOWN_REGISTERED: &str = "newcomer";

const ACCOUNTS_PASSWORD: &str = "correct horse battery";
const REGISTRATIONS_PASSWORD: &str = "staple battery horse";

/// The requests about `$email`, each with its name, its document and the value of `EMAIL_VERIFICATION`.
const REQUESTS: [(&str, &str, &str); 4] = [
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
    ("signup, mandatory proof", SIGNUP, "mandatory"),
];

const SIGNUP: &str = "mutation($email: String!, $password: String = \"battery horse correct\") { signup(input: { email: $email, password: $password }) { __typename } }";
const LOGIN: &str = "mutation($email: String!, $password: String!) { login(input: { identifier: $email, password: $password }) { __typename } }";

/// Logins that get the same response. Each has the password that is sent, and two kinds of people that the response
/// time must not distinguish.
const LOGINS: [(&str, [&str; 2]); 7] = [
    ("x", [ENROLLED, KNOWN]),
    ("x", [KNOWN, UNKNOWN]),
    ("x", [KNOWN_REGISTERED, UNKNOWN_REGISTERED]),
    ("x", [KNOWN_REGISTERED, KNOWN]),
    ("x", [UNKNOWN_REGISTERED, UNKNOWN]),
    (ACCOUNTS_PASSWORD, [KNOWN_REGISTERED, KNOWN]),
    (REGISTRATIONS_PASSWORD, [KNOWN_REGISTERED, UNKNOWN_REGISTERED]),
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // `cargo test --all-targets` runs this program too, but must not measure anything
    if !env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    println!("{SAMPLES} samples of each; 0.5 is a coin's guess, within {CHANCE:?} nothing can be told");
    println!("{:<66}{:>8}{:>9}", "", "", "control");
    let mut tells = false;
    let comparisons =
        REQUESTS.iter().flat_map(|request| [(request, [KNOWN, UNKNOWN]), (request, [ENROLLED, KNOWN])]);
    for (&(name, query, verification), kinds) in comparisons {
        let name = format!("{name}, {} {}", kinds[0], kinds[1]);
        if !is_wanted(&name) {
            continue;
        }
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let database = database(folder.path());
        let server = Server::start_with(&database, &[("EMAIL_VERIFICATION", verification)]).await;
        tells |= compare(&server, &name, &json!({ "query": query }), kinds).await;
    }
    for verification in ["optional", "mandatory"] {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let database = database(folder.path());
        let secret = SecretKey::generate().1;
        let mails = format!("file://{}", folder.path().join("mails").display());
        let always = [("SECRET_KEY", secret.as_str()), ("SMTP_URL", mails.as_str())];
        register(&database, &always).await;
        let settings = [&always[..], &[("EMAIL_VERIFICATION", verification)]].concat();
        let server = Server::start_with(&database, &settings).await;
        for (password, kinds) in LOGINS {
            let whose = match password {
                ACCOUNTS_PASSWORD => "the account's",
                REGISTRATIONS_PASSWORD => "the registration's",
                _ => "a wrong",
            };
            let name = format!("login, {verification}, {whose} password, {} {}", kinds[0], kinds[1]);
            if !is_wanted(&name) {
                continue;
            }
            let request = json!({ "query": LOGIN, "variables": { "password": password } });
            tells |= compare(&server, &name, &request, kinds).await;
        }
    }
    if tells { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Returns whether the command line includes a comparison.
fn is_wanted(name: &str) -> bool {
    env::args().skip(1).filter(|argument| argument != "--bench").all(|part| name.contains(&part))
}

/// Sends requests about two kinds of people, and prints how well time distinguishes them. Returns whether the machine
/// or the server failed.
async fn compare(server: &Server, name: &str, request: &Value, kinds: [&str; 2]) -> bool {
    let [first, second] = ask(server, name, request, kinds).await;
    let every_other = |from: usize| first.iter().skip(from).step_by(2).copied().collect::<Vec<f64>>();
    let control = distinguishability(&every_other(0), &every_other(1));
    let found = distinguishability(&first, &second);
    let verdict = match (CHANCE.contains(&found), CHANCE.contains(&control)) {
        (true, _) => "",
        (false, true) => "  the time tells them apart",
        (false, false) => "  the machine is not quiet enough to tell",
    };
    println!("{name:<66}{found:>8.3}{control:>9.3}{verdict}");
    !verdict.is_empty()
}

/// Returns the response times in seconds for each of two kinds of people.
async fn ask(server: &Server, name: &str, request: &Value, kinds: [&str; 2]) -> [Vec<f64>; 2] {
    let mut connection = Connection::open(server.address).await.unwrap();
    let mut seconds = [Vec::new(), Vec::new()];
    for sample in 0..SAMPLES {
        let mut answers = Vec::new();
        // the two kinds take turns to come first
        for which in [sample % 2, (sample + 1) % 2] {
            let mut body = request.clone();
            body["variables"]["email"] = json!(address(kinds[which], sample));
            let sent = Instant::now();
            let answer: Value = connection.post("", &body).await.unwrap();
            seconds[which].push(sent.elapsed().as_secs_f64());
            assert!(answer.get("errors").is_none(), "{name}: {answer}");
            answers.push(answer);
        }
        assert_eq!(answers[0], answers[1], "{name}: what answers tell, time may");
    }
    seconds
}

fn address(kind: &str, number: usize) -> String {
    format!("{kind}{number:04}@example.org")
}

/// Creates the pending registrations, which outlast the benchmark.
async fn register(database_url: &str, settings: &[(&str, &str)]) {
    let methods = [("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")];
    let server = Server::start_with(database_url, &[settings, &methods].concat()).await;
    let mut connection = Connection::open(server.address).await.unwrap();
    for kind in [KNOWN_REGISTERED, UNKNOWN_REGISTERED] {
        for number in 0..SAMPLES {
            let variables = json!({ "email": address(kind, number), "password": REGISTRATIONS_PASSWORD });
            let body = json!({ "query": SIGNUP, "variables": variables });
            let answer: Value = connection.post("", &body).await.unwrap();
            assert_eq!(answer["data"]["signup"]["__typename"], "EmailChallenge", "{answer}");
        }
    }
}

/// Returns the area under the ROC curve: the probability that a random time from `first` is longer than one from
/// `second`.
fn distinguishability(first: &[f64], second: &[f64]) -> f64 {
    let longer = |one: &f64| second.iter().filter(|other| one > other).count();
    let wins: usize = first.iter().map(longer).sum();
    #[expect(clippy::cast_precision_loss, reason = "there are a million pairs")]
    let share = wins as f64 / (first.len() * second.len()) as f64;
    share
}

/// Creates a database of users whose addresses are verified and whose passwords are hashed as the server hashes them.
fn database(folder: &Path) -> String {
    let database_url = format!("sqlite://{}", folder.join("gatehouse.db").display());
    Server::migrate(&database_url);
    let mut output = [0; 32];
    Argon2::default().hash_password_into(ACCOUNTS_PASSWORD.as_bytes(), &[7; 16], &mut output).unwrap();
    let [salt, output] = [&[7; 16][..], &output].map(|bytes| STANDARD_NO_PAD.encode(bytes));
    // without Django's prefix, so that no sign-in rehashes the password
    let hash = format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}");
    let line = |(id, (kind, number)): (usize, (&str, usize))| {
        json!({ "id": id, "username": "", "email": address(kind, number), "password": hash,
            "date_joined": "2024-01-01T00:00:00Z" })
        .to_string()
    };
    let kinds = [KNOWN, KNOWN_REGISTERED, ENROLLED];
    let people = kinds.into_iter().flat_map(|kind| (0..SAMPLES).map(move |n| (kind, n)));
    let file = folder.join("people.jsonl");
    fs::write(&file, people.enumerate().map(line).collect::<Vec<_>>().join("\n")).unwrap();
    let arguments = ["--emails-verified", file.to_str().unwrap()];
    let status = server::gatehouse("import-users", &database_url).args(arguments).status().unwrap();
    assert!(status.success(), "the import failed");
    let database = rusqlite::Connection::open(folder.join("gatehouse.db")).unwrap();
    let enroll = "UPDATE users SET second_factors = 'totp' WHERE email LIKE 'enrolled%'";
    assert_eq!(database.execute(enroll, []).unwrap(), SAMPLES);
    database_url
}
