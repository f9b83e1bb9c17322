//! Metrics while the database is unavailable, and metrics of what happens in the background.

use std::{
    future::pending,
    time::{Duration, Instant},
};

use gatehouse::{housekeeping, http};
use rstest::rstest;
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    faults,
    support::{Answer, Database, EMAIL, NO_VERIFICATION, Postgres, Sqlite, TestApp},
};

const METRICS: (&str, &str) = ("METRICS_ADDR", "127.0.0.1:0");

/// Serves the metrics of an app, and returns their address.
pub(crate) async fn serve(app: &TestApp) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    tokio::spawn(http::serve_metrics(app.app.clone(), listener, pending()));
    url
}

async fn read(app: &TestApp, url: &str) -> String {
    let answer = Answer::of(app.http.get(url)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text
}

/// Returns the value of a metric, whose name includes its labels.
fn value(text: &str, name: &str) -> Option<f64> {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    found.map(|value| value.parse().unwrap())
}

/// Reads the metrics until they meet a condition.
async fn until(app: &TestApp, url: &str, is_met: impl Fn(&str) -> bool) -> String {
    let begun = Instant::now();
    loop {
        let text = read(app, url).await;
        if is_met(&text) {
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_while_the_database_is_away() {
    let (mut cluster, app) = faults::start(&[METRICS, ("EMAIL_VERIFICATION", "optional")]).await;
    let url = serve(&app).await;
    app.sign_up(EMAIL).await; // which writes an email that nobody sends
    app.advance(Duration::from_secs(100));
    let before = until(&app, &url, |text| value(text, "gatehouse_events_heard") == Some(1.0)).await;
    assert_eq!(value(&before, "gatehouse_outbox_waiting"), Some(1.0), "{before}");
    assert!(value(&before, "gatehouse_outbox_oldest_seconds").unwrap() >= 100.0, "{before}");
    for (fault, end) in [("crash", "start"), ("pause", "resume")] {
        cluster.tell(fault);
        app.advance(Duration::from_secs(100));
        let failed = app.run("{ usernameAvailable(username: \"ada\") { __typename } }", json!({})).await;
        assert_eq!(failed.status, 503);
        let away = read(&app, &url).await;
        assert_eq!(value(&away, "gatehouse_outbox_waiting"), Some(1.0), "{fault}: {away}");
        let ages = [&before, &away].map(|text| value(text, "gatehouse_outbox_oldest_seconds").unwrap());
        assert!(ages[1] >= ages[0] + 100.0, "{fault}: {ages:?}");
        assert!(value(&away, "gatehouse_http_errors_total{cause=\"database\"}").unwrap() >= 1.0, "{away}");
        until(&app, &url, |text| value(text, "gatehouse_events_heard") == Some(0.0)).await;
        cluster.tell(end);
        until(&app, &url, |text| value(text, "gatehouse_events_heard") == Some(1.0)).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_what_is_open_what_is_refused_and_what_ran(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings = [METRICS, NO_VERIFICATION, ("RATE_LIMIT_USERNAME_CHECKS", "1/1h"), crate::support::PROXY];
    let app = TestApp::with(database, &settings).await;
    let url = serve(&app).await;
    let fresh = read(&app, &url).await;
    assert_eq!(value(&fresh, "gatehouse_last_sweep_timestamp_seconds"), None, "{fresh}");
    assert_eq!(value(&fresh, "gatehouse_websockets"), Some(0.0), "{fresh}");
    let ada = app.sign_up(EMAIL).await;
    let socket = app.socket(&ada.access_token).await;
    let check = "{ usernameAvailable(username: \"ada\") { __typename } }";
    for _ in 0..3 {
        Answer::of(app.post().header("x-forwarded-for", "192.0.2.7").json(&json!({ "query": check }))).await;
    }
    let background = app.app.clone();
    tokio::spawn(async move { housekeeping::run(&background).await });
    let swept = |text: &str| value(text, "gatehouse_last_sweep_timestamp_seconds").is_some();
    let text = until(&app, &url, swept).await;
    assert_eq!(value(&text, "gatehouse_websockets"), Some(1.0), "{text}");
    assert!(value(&text, "gatehouse_http_connections").unwrap() >= 1.0, "{text}");
    let refused = value(&text, "gatehouse_refusals_total{setting=\"RATE_LIMIT_USERNAME_CHECKS\"}");
    assert_eq!(refused, Some(2.0), "{text}");
    assert_eq!(value(&text, "gatehouse_limiter_refused_total"), Some(2.0), "{text}");
    assert_eq!(value(&text, "gatehouse_hash_wait_seconds_count"), Some(1.0), "{text}");
    assert!(value(&text, "gatehouse_database_pool_wait_seconds_count").unwrap() > 3.0, "{text}");
    assert_eq!(value(&text, "gatehouse_outbox_oldest_seconds"), Some(0.0), "{text}");
    assert_eq!(value(&text, "gatehouse_events_heard").is_some(), database == Postgres, "{text}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(text.contains(&format!("gatehouse_build_info{{version=\"{version}\",commit=\"")), "{text}");
    if cfg!(target_os = "linux") {
        let process = ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds"];
        for name in process {
            assert!(value(&text, &format!("process_{name}")).unwrap() > 0.0, "{name}: {text}");
        }
    }
    drop(socket);
    until(&app, &url, |text| value(text, "gatehouse_websockets") == Some(0.0)).await;
}
