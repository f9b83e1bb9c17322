//! How servers on one PostgreSQL database hear of each other's events, and what they do if they cannot.

use std::time::{Duration, Instant};

use rstest::rstest;
use rustix::process::{Pid, Signal, kill_process};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::support::{
    EMAIL, Postgres, SignedIn, TestApp, database::connect, process::Server, socket::Socket,
};

/// Without a notice, a server finds the end of a session only by its check every 30 seconds.
const NOTICED: Duration = Duration::from_secs(15);

/// Ends the notice connections of all servers. Each connects again after 0.2 seconds.
const DISCONNECT: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
    WHERE application_name = 'gatehouse events' AND datname = current_database()";

/// Starts the program on the database and with the keys of `app`.
async fn process(app: &TestApp, folder: &std::path::Path) -> Server {
    let tokens = &app.app.config.tokens;
    let own = [("JWT_ISSUER", tokens.issuer.as_str()), ("JWT_AUDIENCE", tokens.audience.as_str())];
    let shared = app.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let settings: Vec<_> = shared.filter(|(name, _)| *name != "PUBLIC_URL").chain(own).collect();
    Server::start(folder, &["dev"], &settings).await.0
}

async fn log_out(server: &Server, who: &SignedIn) {
    let request = reqwest::Client::new()
        .post(format!("{}/graphql", server.url))
        .bearer_auth(&who.access_token)
        .json(&json!({ "query": "mutation { logout { endedSessionIds } }" }));
    let answer = request.send().await.unwrap().text().await.unwrap();
    assert!(answer.contains(&who.session_id), "{answer}");
}

async fn ends(stream: &mut Socket, who: &SignedIn) {
    while stream.event().await.1.as_ref() != Some(&who.session_id) {}
    assert_eq!(stream.hear().await["type"], "complete");
    assert_eq!(stream.hear().await, json!({ "closed": 4403, "reason": "REVOKED" }));
}

/// The server is killed after its COMMIT. Its connection for notices is cut just before that, so that it sends none.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_session_is_found_although_its_server_was_killed_before_the_notice() {
    let app = TestApp::start(Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let other = process(&app, folder.path()).await;
    let sql = connect(&app.settings["DATABASE_URL"]).await;
    let ada = app.sign_up(EMAIL).await;
    let mut stream = app.follow(&ada).await;
    sql.execute_unprepared(DISCONNECT).await.unwrap();
    log_out(&other, &ada).await;
    drop(other);
    assert_eq!(app.me(&ada.access_token).await, "REVOKED");
    ends(&mut stream, &ada).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_first_sends_its_last_notices() {
    let app = TestApp::start(Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let mut other = process(&app, folder.path()).await;
    let ada = app.sign_up(EMAIL).await;
    let mut stream = app.follow(&ada).await;
    let begun = Instant::now();
    log_out(&other, &ada).await;
    let pid = Pid::from_raw(other.child.id().cast_signed()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(other.child.wait().unwrap().success());
    ends(&mut stream, &ada).await;
    assert!(begun.elapsed() < NOTICED, "it was found by a check: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_notices_each_server_finds_ended_sessions_by_checking() {
    let check = [("DATABASE_EVENTS", "check"), ("VIEWER_CACHE_STALENESS", "1m")];
    let one = TestApp::with(Postgres, &check).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    let sql = connect(&one.settings["DATABASE_URL"]).await;
    let listening = sql.query_one_raw(sea_orm::Statement::from_string(
        sea_orm::DbBackend::Postgres,
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatehouse events' \
         AND datname = current_database()",
    ));
    assert_eq!(listening.await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap(), 0);
    for _ in 0..2 {
        assert_eq!(other.me(&ada.access_token).await, EMAIL);
    }
    let mut stream = other.follow(&ada).await;
    one.run_as(&ada.access_token, "mutation { logout { endedSessionIds } }", json!({})).await;
    assert_eq!(other.me(&ada.access_token).await, "REVOKED", "no session is kept in memory");
    ends(&mut stream, &ada).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_event_on_one_server_reaches_the_other(#[values("session", "transaction")] pooler: &str) {
    let one = TestApp::with(Postgres, &[("RATE_LIMITS", "off")]).await;
    let direct = one.settings["DATABASE_URL"].clone();
    let other = one.another(&[("DATABASE_POOLER", pooler), ("DATABASE_LISTEN_URL", &direct)]).await;
    let ada = one.sign_up(EMAIL).await;
    let mut stream = other.follow(&ada).await;
    let profiles = (0..50).map(|number| {
        let (one, token) = (&one, &ada.access_token);
        async move {
            let change =
                format!("mutation {{ updateProfile(input: {{ bio: \"{number}\" }}) {{ __typename }} }}");
            one.run_as(token, &change, json!({})).await.data("updateProfile");
        }
    });
    let heard = async {
        for number in 0..50 {
            assert_eq!(stream.event().await, ("PROFILE_CHANGED".to_owned(), None), "{number}");
        }
    };
    let changed = futures_util::StreamExt::for_each(
        futures_util::StreamExt::buffer_unordered(futures_util::stream::iter(profiles), 16),
        async |()| (),
    );
    tokio::join!(heard, changed);
}
