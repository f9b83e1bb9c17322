//! A full disk, and a clock that jumps.
//!
//! These tests need rights or libraries that not every machine has; run them with
//! `cargo test --test api faults -- --ignored`.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    faults::IN_TIME,
    support::{
        Answer, EMAIL, NO_VERIFICATION, PASSWORD,
        process::{Server, free_port, gatehouse},
    },
};

/// A server whose data is on a file system of 8 MB that only it can see.
struct Small {
    server: Server,
    folder: PathBuf,
}

impl Small {
    async fn start(folder: &std::path::Path) -> Self {
        let (data, port) = (folder.join("data"), free_port());
        fs::create_dir(&data).unwrap();
        let program = gatehouse(folder, &["dev"], &[]);
        let script = format!(
            "mount -t tmpfs -o size=8m tmpfs {} && exec {} dev",
            data.display(),
            program.get_program().display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", &script]).current_dir(folder);
        command.env("PORT", &port).env("EMAIL_VERIFICATION", "none").env("ARGON2_MEMORY_KIB", "8");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Server { child, url: format!("http://127.0.0.1:{port}") };
        let begun = Instant::now();
        while reqwest::get(format!("{}/health/ready", server.url)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let folder = format!("/proc/{}/root{}", server.child.id(), data.display()).into();
        Self { server, folder }
    }

    async fn ready(&self) -> u16 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        reqwest::get(format!("{}/health/ready", self.server.url)).await.unwrap().status().as_u16()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "mounts a file system: it needs unshare (of util-linux), and the right to use it"]
async fn requests_fail_in_time_while_the_disk_is_full_and_work_afterwards() {
    let folder = tempfile::tempdir().unwrap();
    let small = Small::start(folder.path()).await;
    let http = reqwest::Client::new();
    let ballast = small.folder.join("ballast");
    let mut number = 0;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        // fills half of the disk, or what is left of it
        let _ = fs::write(&ballast, vec![0; 4 << 20]);
        let mut refused = 0;
        while refused < 20 {
            number += 1;
            let query = format!(
                "mutation {{ signup(input: {{ email: \"p{number}@example.org\", firstName: \"{}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}",
                "x".repeat(100)
            );
            let begun = Instant::now();
            let sent = http.post(format!("{}/graphql", small.server.url)).json(&json!({ "query": query }));
            let answer = Answer::of(sent).await;
            assert!(begun.elapsed() < IN_TIME);
            if answer.status == 503 {
                assert_eq!(answer.code(), "SERVICE_UNAVAILABLE");
                refused += 1;
            } else {
                assert_eq!(answer.data("signup")["__typename"], "AuthPayload", "{}", answer.text);
                acknowledged.push(format!("p{number}@example.org"));
            }
            assert!(number < 20_000, "the disk never fills up");
        }
        assert_eq!(small.ready().await, 503, "round {round}");
        let live = reqwest::get(format!("{}/health/live", small.server.url)).await.unwrap();
        assert_eq!(live.status(), 200);
        fs::remove_file(&ballast).unwrap();
        assert_eq!(small.ready().await, 200, "round {round}: the server does not recover");
    }
    let database = folder.path().join("copy.db");
    for end in ["", "-wal"] {
        let from = small.folder.join(format!("gatehouse.db{end}"));
        fs::copy(from, format!("{}{end}", database.display())).unwrap();
    }
    drop(small);
    let rows = crate::support::database::connect(&format!("sqlite://{}", database.display())).await;
    let kept = crate::crash::emails(&rows).await;
    println!("{} acknowledged, {} kept", acknowledged.len(), kept.len());
    assert!(acknowledged.iter().all(|email| kept.contains(email)), "an acknowledged sign-up was lost");
    assert_eq!(kept.len(), acknowledged.len(), "a refused sign-up was stored");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime"]
async fn a_clock_that_jumps_ends_no_session_and_reports_no_theft() {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    assert!(
        fs::exists(library).unwrap(),
        "libfaketime is not installed (on Debian: apt-get install faketime)"
    );
    let folder = tempfile::tempdir().unwrap();
    let offset = folder.path().join("offset");
    let step_to = async |time: &str| {
        let next = folder.path().join("next");
        fs::write(&next, format!("{time}\n")).unwrap();
        fs::rename(next, &offset).unwrap();
        // the library reads the file only from time to time
        tokio::time::sleep(Duration::from_millis(1500)).await;
    };
    step_to("+0").await;
    let settings = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_NO_CACHE", "1"),
        NO_VERIFICATION,
    ];
    let (server, _) = Server::start(folder.path(), &["dev"], &settings).await;
    let http = reqwest::Client::new();
    let run = async |query: &str, token: Option<&str>| {
        let request = http.post(format!("{}/graphql", server.url)).json(&json!({ "query": query }));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        Answer::of(request).await
    };
    let fields = "__typename ... on AuthPayload { accessToken refreshToken } ... on UserError { code }";
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ {fields} }} }}"
    );
    let mut pair = run(&signup, None).await.data("signup");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    for step in ["+1h", "-1h", "+0", "+20h", "-1h", "+0", "-20h", "+0"] {
        step_to(step).await;
        let begun = Instant::now();
        let refresh =
            format!("mutation {{ refresh(refreshToken: {}) {{ {fields} }} }}", pair["refreshToken"]);
        let next = run(&refresh, None).await.data("refresh");
        assert_eq!(next["__typename"], "AuthPayload", "{step}: {next}");
        assert_eq!(run("{ me { id } }", Some(&text(&next["accessToken"]))).await.status, 200, "{step}");
        let ready = reqwest::get(format!("{}/health/ready", server.url)).await.unwrap();
        assert_eq!(ready.status(), 200, "{step}");
        assert!(begun.elapsed() < IN_TIME, "{step}");
        pair = next;
    }
    // with the clock 400 days ahead, the session has expired; once the clock is right, the session is valid
    step_to("+400d").await;
    let refresh = format!("mutation {{ refresh(refreshToken: {}) {{ {fields} }} }}", pair["refreshToken"]);
    assert_eq!(run(&refresh, None).await.data("refresh")["code"], "INVALID_TOKEN");
    step_to("+0").await;
    assert_eq!(run(&refresh, None).await.data("refresh")["__typename"], "AuthPayload");
}
