//! Broken surroundings: whoever asks meanwhile is told so in time, and afterwards everything goes on by itself, as it was.
//!
//! What needs rights or programs that not every machine has is run by `cargo test --test api faults -- --ignored`.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    database::Cluster,
    process::{Server, free_port, gatehouse},
};

/// An answer is promised within three seconds; a machine that runs all tests at once may need longer.
const IN_TIME: Duration = Duration::from_secs(15);

/// A server on a PostgreSQL of the test's own.
async fn start(settings: &[(&str, &str)]) -> (Cluster, TestApp) {
    let cluster = Cluster::start().await;
    let url = cluster.create().await;
    let settings = [&[("DATABASE_URL", url.as_str()), NO_VERIFICATION], settings].concat();
    let app = TestApp::with(Sqlite, &settings).await;
    (cluster, app)
}

async fn health(app: &TestApp, path: &str) -> u16 {
    Answer::of(app.http.get(format!("{}/health/{path}", app.url))).await.status.as_u16()
}

async fn ready_again(app: &TestApp) {
    let begun = Instant::now();
    while health(app, "ready").await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the service does not resume");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Everything that needs the database is refused in time, and the server says that it is not ready, but alive.
async fn assert_refused_in_time(app: &TestApp, ada: &SignedIn) {
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"late@example.org\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    let login =
        "mutation { login(input: { identifier: \"ada@example.org\", password: \"x\" }) { __typename } }";
    let refresh = format!("mutation {{ refresh(refreshToken: \"{}\") {{ __typename }} }}", ada.refresh_token);
    let reset = format!("mutation {{ requestPasswordReset(email: \"{EMAIL}\") {{ __typename }} }}");
    let asked = [
        "{ me { id } }",
        "{ usernameAvailable(username: \"ada\") }",
        login,
        &signup,
        &refresh,
        &reset,
        "mutation { updateProfile(input: { firstName: \"Ada\" }) { __typename } }",
        "mutation { logoutAll { endedSessionIds } }",
    ];
    let asked = asked.map(|query| async move {
        let begun = Instant::now();
        let answer = app.run_as(&ada.access_token, query, json!({})).await;
        (query, answer, begun.elapsed())
    });
    for (query, answer, took) in join_all(asked).await {
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (503, "SERVICE_UNAVAILABLE"),
            "{query}: {}",
            answer.text
        );
        assert_eq!(answer.header("retry-after"), "1", "{query}");
        assert!(took < IN_TIME, "{query} took {took:?}");
        println!("{took:?} {query:.40}");
    }
    assert_eq!((health(app, "ready").await, health(app, "live").await), (503, 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_crashes_and_comes_back() {
    let (mut cluster, app) = start(&[]).await;
    let ada = app.sign_up(EMAIL).await;
    cluster.tell("crash");
    assert_refused_in_time(&app, &ada).await;
    cluster.tell("start");
    ready_again(&app).await;
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
    let next = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(app.me(&next.access_token).await, EMAIL);
    app.sign_up("late@example.org").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_and_goes_on() {
    let (mut cluster, app) = start(&[]).await;
    let ada = app.sign_up(EMAIL).await;
    cluster.tell("pause");
    assert_refused_in_time(&app, &ada).await;
    assert_refused_in_time(&app, &ada).await; // nor does it get worse
    cluster.tell("resume");
    ready_again(&app).await;
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
    let next = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(app.me(&next.access_token).await, EMAIL);
}

/// Five connections that read, five hundred clients: they wait for each other, but not for ever, and nobody is lost.
#[tokio::test(flavor = "multi_thread")]
async fn a_pool_that_is_too_small_for_its_clients() {
    let (mut cluster, app) = start(&[("DATABASE_MAX_CONNECTIONS", "10")]).await;
    let ada = app.sign_up(EMAIL).await;
    let crowd = || {
        join_all((0..500).map(|_| async {
            let begun = Instant::now();
            let answer = app.run_as(&ada.access_token, "{ me { email } }", json!({})).await;
            (answer.status.as_u16(), begun.elapsed())
        }))
    };
    let quiet = crowd().await;
    assert!(quiet.iter().all(|(status, _)| [200, 503].contains(status)));
    assert!(quiet.iter().filter(|(status, _)| *status == 200).count() > 5);
    cluster.tell("pause");
    let paused = crowd().await;
    assert!(paused.iter().all(|(status, took)| *status == 503 && *took < IN_TIME), "{paused:?}");
    println!("at most {:?}", paused.iter().map(|(_, took)| took).max());
    cluster.tell("resume");
    ready_again(&app).await;
    assert!(crowd().await.iter().any(|(status, _)| *status == 200));
}

/// Sessions that are refreshed all the while, each failed refresh being tried again with the same token.
#[tokio::test(flavor = "multi_thread")]
async fn refreshes_that_faults_cut_off_are_tried_again_and_are_no_theft() {
    let (mut cluster, app) = start(&[]).await;
    let everybody = join_all((0..8).map(|n| {
        let app = &app;
        async move { app.sign_up(&format!("p{n}@example.org")).await }
    }))
    .await;
    let (is_over, failed) = (AtomicBool::new(false), AtomicU32::new(0));
    let refreshing = everybody.into_iter().map(async |mut person| {
        let query = "mutation($token: String!) { refresh(refreshToken: $token) { __typename
            ... on AuthPayload { refreshToken accessToken } ... on UserError { code } } }";
        let mut rotated = 0;
        while !is_over.load(Ordering::Relaxed) {
            let answer = app.run(query, json!({ "token": person.refresh_token })).await;
            if answer.status == 503 {
                failed.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            let pair = answer.data("refresh");
            assert_eq!(pair["__typename"], "AuthPayload", "{pair}");
            person.refresh_token = pair["refreshToken"].as_str().unwrap().to_owned();
            person.access_token = pair["accessToken"].as_str().unwrap().to_owned();
            rotated += 1;
            // once it was used, the token before it would be a stolen one
            let me = app.run_as(&person.access_token, "{ me { id } }", json!({})).await;
            assert!([200, 503].contains(&me.status.as_u16()), "{}", me.text);
        }
        assert!(rotated > 3, "{rotated}");
    });
    let faults = async {
        for (fault, end) in [("pause", "resume"), ("crash", "start"), ("pause", "resume"), ("crash", "start")]
        {
            tokio::time::sleep(Duration::from_millis(400)).await;
            cluster.tell(fault);
            tokio::time::sleep(Duration::from_millis(2600)).await;
            cluster.tell(end);
            ready_again(&app).await;
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(faults, join_all(refreshing));
    assert!(failed.load(Ordering::Relaxed) > 8, "the faults were felt");
}

/// A client that goes away in the midst of a refresh finds its session as it was, or one step on.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_in_the_midst_of_a_request_lose_nothing(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let mut ada = app.sign_up(EMAIL).await;
    let query = "mutation($token: String!) { refresh(refreshToken: $token) { __typename } }";
    for round in 0..100 {
        let body = json!({ "query": query, "variables": { "token": ada.refresh_token } });
        let sent = app.post().json(&body).send();
        let _ = tokio::time::timeout(Duration::from_micros(50 * (round % 40)), sent).await;
        if round % 10 == 9 {
            ada = SignedIn::from(&app.refresh(&ada.refresh_token).await);
            assert_eq!(app.me(&ada.access_token).await, EMAIL, "round {round}");
        }
    }
}

/// A server whose data lie on a file system of 8 MB that it alone sees.
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
async fn a_disk_that_is_full_and_then_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let small = Small::start(folder.path()).await;
    let http = reqwest::Client::new();
    let ballast = small.folder.join("ballast");
    let mut number = 0;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        // half of the disk, or what is left of it
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
            assert!(number < 20_000, "the disk does not fill");
        }
        assert_eq!(small.ready().await, 503, "round {round}");
        let live = reqwest::get(format!("{}/health/live", small.server.url)).await.unwrap();
        assert_eq!(live.status(), 200);
        fs::remove_file(&ballast).unwrap();
        assert_eq!(small.ready().await, 200, "round {round}: it resumes by itself");
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
    assert!(acknowledged.iter().all(|email| kept.contains(email)), "what was acknowledged is kept");
    assert_eq!(kept.len(), acknowledged.len(), "what was refused is not");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs libfaketime"]
async fn a_clock_that_steps_signs_nobody_out_for_good_and_accuses_nobody() {
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
        // the library looks at the file now and then
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
    // by a clock that is years ahead the session is over; once the clock is right, it is not
    step_to("+400d").await;
    let refresh = format!("mutation {{ refresh(refreshToken: {}) {{ {fields} }} }}", pair["refreshToken"]);
    assert_eq!(run(&refresh, None).await.data("refresh")["code"], "INVALID_TOKEN");
    step_to("+0").await;
    assert_eq!(run(&refresh, None).await.data("refresh")["__typename"], "AuthPayload");
}
