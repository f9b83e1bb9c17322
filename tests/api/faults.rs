//! Faults of the database: requests fail in time with an error, and the service recovers by itself and loses nothing.
//!
//! Some tests need rights or programs that not every machine has. Run them with
//! `cargo test --test api faults -- --ignored`.

use std::{
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;

use crate::support::{
    Answer, Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    database::Cluster,
};

/// The server promises a response within three seconds, but a machine that runs all tests at once may need longer.
pub(crate) const IN_TIME: Duration = Duration::from_secs(15);

/// Starts a server with a PostgreSQL cluster of its own.
pub(crate) async fn start(settings: &[(&str, &str)]) -> (Cluster, TestApp) {
    let cluster = Cluster::start().await;
    let url = cluster.create("template").await;
    let settings = [&[("DATABASE_URL", url.as_str()), NO_VERIFICATION], settings].concat();
    let app = TestApp::with(Sqlite, &settings).await;
    (cluster, app)
}

pub(crate) async fn health(app: &TestApp, path: &str) -> u16 {
    Answer::of(app.http.get(format!("{}/health/{path}", app.url))).await.status.as_u16()
}

async fn ready_again(app: &TestApp) {
    let begun = Instant::now();
    while health(app, "ready").await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the service does not resume");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Asserts that operations on the database fail in time, and that the server reports itself as live but not ready.
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
        "{ usernameAvailable(username: \"ada\") { __typename } }",
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
async fn requests_fail_in_time_while_the_database_is_down_and_work_afterwards() {
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
async fn requests_fail_in_time_while_the_database_hangs_and_work_afterwards() {
    let (mut cluster, app) = start(&[]).await;
    let ada = app.sign_up(EMAIL).await;
    cluster.tell("pause");
    assert_refused_in_time(&app, &ada).await;
    assert_refused_in_time(&app, &ada).await; // and it does not get worse
    cluster.tell("resume");
    ready_again(&app).await;
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
    let next = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(app.me(&next.access_token).await, EMAIL);
}

/// Five hundred clients share five read connections: they wait for each other, but not forever.
#[tokio::test(flavor = "multi_thread")]
async fn requests_fail_in_time_while_the_pool_is_too_small_and_work_afterwards() {
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

/// Refreshes sessions continuously, and retries each failed refresh with the same token.
#[tokio::test(flavor = "multi_thread")]
async fn refreshes_interrupted_by_faults_can_be_retried_and_do_not_count_as_theft() {
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
            // once the new access token is used, reuse of the previous refresh token counts as theft
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
    assert!(failed.load(Ordering::Relaxed) > 8, "the faults had no effect");
}

/// After a client disconnects during a refresh, its session is unchanged or refreshed once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_disconnect_during_a_request_lose_nothing(
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
