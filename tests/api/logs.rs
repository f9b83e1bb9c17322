//! The log: what a server says when it starts, why requests fail, and a record for each request.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    house,
    support::{
        Answer, EMAIL, NO_VERIFICATION, PASSWORD,
        database::Cluster,
        process::{Server, gatehouse, output},
    },
};

const JSON: (&str, &str) = ("LOG_FORMAT", "json");
const SIGNUP: &str =
    "mutation { signup(input: { email: \"ada@example.org\", password: \"correct horse battery\" }) {
    ... on AuthPayload { accessToken user { id } } } }";
const LOGIN: &str =
    "mutation { login(input: { identifier: \"ada@example.org\", password: \"wrong\" }) { __typename } }";

/// The beginnings of statements.
const SQL: [&str; 6] = ["SELECT ", "INSERT ", "UPDATE ", "DELETE ", "WITH ", "BEGIN"];

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("server.log")).unwrap()
}

/// Returns the records of a log in JSON.
fn records(folder: &Path) -> Vec<Value> {
    // the server may be writing the last one
    let log = log(folder);
    let whole = &log[..log.rfind('\n').map_or(0, |end| end + 1)];
    whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect()
}

fn with_message<'r>(records: &'r [Value], message: &str) -> Vec<&'r Value> {
    records.iter().filter(|record| record["message"] == message).collect()
}

/// Runs an operation, perhaps with a token and with headers.
async fn run(server: &Server, query: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Answer {
    let mut request = reqwest::Client::new().post(format!("{}/graphql", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    Answer::of(request.json(&json!({ "query": query }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_record_names_the_version_and_the_changed_settings_without_values() {
    let folder = tempfile::tempdir().unwrap();
    // a value that is the default, and one that deserves a warning
    let settings = [JSON, ("HASH_QUEUE", "77"), ("RATE_LIMITS", "off"), ("MAX_CONNECTIONS", "10000")];
    let server = Server::production(folder.path(), &settings).await;
    let first = &records(folder.path())[0];
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    assert!(first["commit"].as_str().is_some_and(|commit| !commit.is_empty()), "{first}");
    let status = output(
        gatehouse(folder.path(), &["migrate", "--status"], &[("DATABASE_URL", "sqlite://accounts.db")]),
        "",
    );
    let migrations =
        String::from_utf8(status.stdout).unwrap().lines().filter(|line| line.contains("applied")).count();
    assert_eq!(first["schema"], migrations, "{first}");
    let names: Vec<&str> = first["settings"].as_str().unwrap().split(',').collect();
    for name in ["DATABASE_URL", "SECRET_KEY", "SMTP_URL", "LOG_FORMAT", "HASH_QUEUE", "RATE_LIMITS"] {
        assert!(names.contains(&name), "{name}: {first}");
    }
    assert!(!names.contains(&"MAX_CONNECTIONS") && !names.contains(&"ARGON2_MEMORY_KIB"), "{first}");
    let fields: BTreeSet<&str> = first.as_object().unwrap().keys().map(String::as_str).collect();
    let all = ["commit", "level", "message", "schema", "settings", "timestamp", "version"];
    assert_eq!(fields, all.into(), "{first}");
    drop(server);
}

/// Returns whether a line of a log says that requests failed because of the database.
fn is_outage(line: &&str) -> bool {
    // other records at the level WARN may have the same text as their cause
    line.contains("ERROR") && line.contains("the database is unavailable")
}

fn names(line: &str, causes: &[&str]) -> bool {
    causes.iter().any(|cause| line.to_lowercase().contains(cause))
}

/// Sends requests to a server whose database is down until its log has their cause, and returns how many.
async fn fail(server: &Server, folder: &Path, causes: &[&str]) -> usize {
    let begun = Instant::now();
    let mut sent = 0;
    let is_logged = || {
        let log = log(folder);
        let outages: Vec<&str> = log.lines().filter(is_outage).collect();
        // on a busy machine, the first requests run into a time limit instead of the fault;
        // what the first record left out is in the second
        outages.len() > 1 && outages.iter().any(|line| names(line, causes))
    };
    while begun.elapsed() < Duration::from_secs(3) || !is_logged() {
        assert!(begun.elapsed() < Duration::from_secs(30), "{}", log(folder));
        let answers = join_all(
            [LOGIN, SIGNUP, "{ usernameAvailable(username: \"ada\") { __typename } }"]
                .map(|query| run(server, query, None, &[])),
        )
        .await;
        assert!(answers.iter().all(|answer| answer.status == 503), "{answers:?}");
        sent += answers.len();
    }
    sent
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_logged_with_its_cause_a_few_times_a_second_and_without_sql() {
    let mut cluster = Cluster::start().await;
    let refused: &[&str] = &["connection refused"];
    // whether or not there is an idle connection when the database pauses
    let hangs: &[&str] = &["the database did not answer in time", "connection pool timed out"];
    for (format, fault, end, causes) in [
        ("json", "crash", "start", refused),
        ("text", "crash", "start", refused),
        ("json", "pause", "resume", hangs),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let url = cluster.create("template").await;
        let settings =
            [("DATABASE_URL", url.as_str()), ("LOG_FORMAT", format), ("RATE_LIMITS", "off"), NO_VERIFICATION];
        let server = Server::production(folder.path(), &settings).await;
        cluster.tell(fault);
        let begun = Instant::now();
        let sent = fail(&server, folder.path(), causes).await;
        let seconds = usize::try_from(begun.elapsed().as_secs()).unwrap();
        drop(server);
        cluster.tell(end);
        let log = log(folder.path());
        let failures: Vec<&str> = log.lines().filter(is_outage).collect();
        assert!((1..=seconds + 2).contains(&failures.len()), "{sent} requests in {seconds} s: {log}");
        assert!(failures.len() < sent, "the requests were too few");
        assert!(failures.iter().any(|line| names(line, causes)), "{log}");
        assert!(!SQL.iter().any(|word| log.contains(word)), "{log}");
        if format == "json" {
            let records = records(folder.path());
            let left_out = |record: &&Value| record["left_out"].as_u64().unwrap_or_default();
            let failures = with_message(&records, "the database is unavailable");
            assert!(failures.iter().map(left_out).sum::<u64>() > 0, "{log}");
            let bad = records.iter().filter(|record| record["level"] == "ERROR" || record["level"] == "WARN");
            assert!(bad.count() < 10 * (seconds + 2), "{log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_has_a_record_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [JSON, ("ACCESS_LOG", "on"), ("TRUSTED_PROXIES", "127.0.0.1"), NO_VERIFICATION];
    let server = Server::production(folder.path(), &settings).await;
    let from = [("x-forwarded-for", "192.0.2.7")];
    let signed_up = run(&server, SIGNUP, None, &from).await.data("signup");
    let (token, user) = (signed_up["accessToken"].as_str().unwrap(), &signed_up["user"]["id"]);
    run(&server, LOGIN, None, &from).await;
    let me = run(&server, "query Whoami { me { id } }", Some(token), &from).await;
    run(&server, "{ nonsense }", None, &from).await;
    let nowhere = reqwest::get(format!("{}/nowhere?secret=1", server.url)).await.unwrap();
    let records = records(folder.path());
    let requests = with_message(&records, "request");
    let requests: Vec<_> = requests.into_iter().filter(|record| record["path"] != "/health/ready").collect();
    let told: Vec<_> = requests
        .iter()
        .map(|record| {
            (record["path"].as_str().unwrap(), &record["operation"], &record["outcome"], &record["user.id"])
        })
        .collect();
    let (unknown, null) = (json!("unknown"), Value::Null);
    let expected = [
        ("/graphql", &json!("signup"), &json!("OK"), user),
        ("/graphql", &json!("login"), &json!("INVALID_CREDENTIALS"), &null),
        ("/graphql", &json!("me"), &json!("OK"), user),
        ("/graphql", &unknown, &json!("BAD_REQUEST"), &null),
        ("/nowhere", &null, &json!("NOT_FOUND"), &null),
    ];
    assert_eq!(told, expected, "{requests:?}");
    assert_eq!(
        (&requests[2]["span"]["id"], &requests[2]["status"]),
        (&json!(me.header("x-request-id")), &json!(200))
    );
    assert_eq!(requests[4]["status"], nowhere.status().as_u16());
    assert!(
        requests[..4].iter().all(|record| record["address"] == "192.0.2.7" && record["ms"].is_number()),
        "{requests:?}"
    );
    let log = log(folder.path());
    for secret in [EMAIL, PASSWORD, token, "secret=1"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_access_log_requests_leave_no_records() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::production(folder.path(), &[JSON, NO_VERIFICATION]).await;
    run(&server, SIGNUP, None, &[]).await;
    assert!(with_message(&records(folder.path()), "request").is_empty(), "{}", log(folder.path()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_is_in_the_access_log() {
    let mut cluster = Cluster::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = cluster.create("template").await;
    let settings = [JSON, ("ACCESS_LOG", "on"), ("DATABASE_URL", url.as_str()), NO_VERIFICATION];
    let server = Server::production(folder.path(), &settings).await;
    cluster.tell("pause");
    let sent = tokio::time::timeout(Duration::from_millis(200), run(&server, LOGIN, None, &[])).await;
    assert!(sent.is_err(), "the request was answered without a database");
    let begun = Instant::now();
    while with_message(&records(folder.path()), "request")
        .iter()
        .all(|record| record["outcome"] != "DISCONNECTED")
    {
        assert!(begun.elapsed() < Duration::from_secs(15), "{}", log(folder.path()));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    cluster.tell("resume");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_ids_and_traces_come_only_from_trusted_proxies() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("00-{trace}-00f067aa0ba902b7-01");
    for (proxies, is_trusted) in [("127.0.0.1", true), ("192.0.2.1", false)] {
        let folder = tempfile::tempdir().unwrap();
        let settings = [JSON, ("ACCESS_LOG", "on"), ("TRUSTED_PROXIES", proxies)];
        let server = Server::production(folder.path(), &settings).await;
        let headers = [("x-request-id", "edge-0001"), ("traceparent", parent.as_str())];
        let answer = run(&server, "{ __typename }", None, &headers).await;
        assert_eq!(answer.header("x-request-id") == "edge-0001", is_trusted, "{proxies}");
        let headers = [("x-request-id", "not one word"), ("traceparent", "nonsense")];
        let other = run(&server, "{ __typename }", None, &headers).await;
        assert_eq!(other.header("x-request-id").len(), 36, "{proxies}");
        let records = records(folder.path());
        let spans: Vec<_> = with_message(&records, "request")
            .into_iter()
            .rev()
            .take(2)
            .map(|record| &record["span"])
            .collect();
        assert_eq!(spans[1]["id"], answer.header("x-request-id"));
        assert_eq!(spans[1]["trace_id"], if is_trusted { json!(trace) } else { Value::Null });
        assert_eq!(
            (&spans[0]["id"], &spans[0]["trace_id"]),
            (&json!(other.header("x-request-id")), &Value::Null)
        );
    }
}

#[test]
fn records_of_errors_include_their_causes() {
    for (file, text) in house::files() {
        // the formats of the log would leave out the causes
        assert!(!text.contains("as &dyn"), "{file}: use `telemetry::with_causes`");
    }
}
