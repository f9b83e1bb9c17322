//! Metrics for Prometheus.

use std::future::pending;

use gatehouse::http;
use rstest::rstest;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Database, EMAIL, NO_VERIFICATION, Postgres, Sqlite, TestApp};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_can_read_counts_of_requests_and_their_outcomes(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(
        database,
        &[NO_VERIFICATION, ("METRICS_ADDR", "127.0.0.1:0"), ("ARGON2_BACKEND", "portable")],
    )
    .await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    tokio::spawn(http::serve_metrics(app.app.clone(), listener, pending()));

    let ada = app.sign_up(EMAIL).await;
    app.me(&ada.access_token).await;
    app.run("{ me { id } }", json!({})).await;
    assert_eq!(app.login(EMAIL, "wrong").await["code"], "INVALID_CREDENTIALS");
    for stranger in ["{ nonsense }", "{", "query x($a: Strange) { __typename }"] {
        app.run(stranger, json!({})).await;
    }
    let text = loop {
        let answer = app.http.get(&url).send().await.unwrap();
        let content_type = answer.headers()["content-type"].to_str().unwrap();
        assert!(content_type.starts_with("application/openmetrics-text"));
        let text = answer.text().await.unwrap();
        // the thread that computed the last hash frees its place after the response
        if text.lines().any(|line| line == "gatehouse_hash_queue 0.0") {
            break text;
        }
    };
    for line in [
        r#"gatehouse_requests_total{operation="signup",outcome="OK"} 1"#,
        r#"gatehouse_requests_total{operation="me",outcome="OK"} 1"#,
        r#"gatehouse_requests_total{operation="me",outcome="UNAUTHENTICATED"} 1"#,
        r#"gatehouse_requests_total{operation="login",outcome="INVALID_CREDENTIALS"} 1"#,
        r#"gatehouse_requests_total{operation="unknown",outcome="BAD_REQUEST"} 3"#,
        r#"gatehouse_request_seconds_count{operation="login"} 1"#,
        r#"gatehouse_argon2_info{library="argon2"} 1"#,
        "gatehouse_hashes_total 2.0",
        "gatehouse_outbox_waiting 0.0",
        "gatehouse_database_writes_waiting 0.0",
        "# EOF",
    ] {
        assert!(text.lines().any(|told| told == line), "{line} is missing:\n{text}");
    }
    for name in [
        "database_connections ",
        "database_statements_total ",
        "viewer_cache_hits_total ",
        "limiter_permitted_total ",
    ] {
        assert!(text.contains(&format!("\ngatehouse_{name}")), "{name} is missing:\n{text}");
    }
    assert!(!text.contains(EMAIL) && !text.contains(&ada.user_id), "the metrics name a user");
    assert_eq!(app.http.get(format!("{}/metrics", app.url)).send().await.unwrap().status(), 404);
}
