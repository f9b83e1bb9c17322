//! `/health/live` and `/health/ready`, and responses while the database fails.

use std::{future::pending, time::Duration};

use gatehouse::http::{self, Leaving};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Answer, EMAIL, Sqlite, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn live_is_always_ok_and_ready_checks_the_database() {
    let app = TestApp::start(Sqlite).await;
    for path in ["/health/live", "/health/ready"] {
        let answer = Answer::of(app.http.get(format!("{}{path}", app.url))).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, json!({ "status": "ok" })));
    }
    app.app.db.read().clone().close();
    tokio::time::sleep(Duration::from_millis(600)).await; // a result is cached for half a second
    let ready = Answer::of(app.http.get(format!("{}/health/ready", app.url))).await;
    assert_eq!((ready.status.as_u16(), ready.code()), (503, "SERVICE_UNAVAILABLE"));
    let live = Answer::of(app.http.get(format!("{}/health/live", app.url))).await;
    assert_eq!(live.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_can_be_ready_without_its_database_but_not_while_it_is_leaving() {
    let app = TestApp::with(Sqlite, &[("READINESS", "leaving")]).await;
    app.app.db.read().clone().close();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let leaving = Leaving::default();
    tokio::spawn(http::serve(app.app.clone(), listener, leaving.clone(), pending()));
    let ready = async || Answer::of(app.http.get(format!("{url}/health/ready"))).await;
    assert_eq!(ready().await.status, 200);
    let keys = Answer::of(app.http.get(format!("{url}/.well-known/jwks.json"))).await;
    assert!(keys.body["keys"].is_array(), "{}", keys.text);
    leaving.begin();
    let left = ready().await;
    assert_eq!((left.status.as_u16(), left.code()), (503, "SERVICE_UNAVAILABLE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_database_is_reported_as_unavailable_without_details() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    app.app.db.read().clone().close();
    for answer in [
        app.run_as(&ada.access_token, "{ me { id } }", Value::Null).await,
        app.run(
            "mutation { login(input: { identifier: \"ada\", password: \"x\" }) { __typename } }",
            Value::Null,
        )
        .await,
    ] {
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "SERVICE_UNAVAILABLE"));
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.text.to_lowercase().contains("pool"), "{}", answer.text);
    }
}
