//! Several servers on one PostgreSQL.

use futures_util::future::join_all;
use gatehouse::{
    config::{Config, Mode},
    storage::migrate::{migrate, status},
};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::support::{EMAIL, Postgres, SignedIn, TestApp, database::connect};

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_on_one_server_counts_on_the_other_from_the_next_request_on() {
    let one = TestApp::start(Postgres).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    for round in 0..20 {
        let session = if round == 0 { ada.clone() } else { other.sign_in(EMAIL).await };
        assert_eq!(other.me(&session.access_token).await, EMAIL, "their keys are the same");
        one.run_as(&session.access_token, "mutation { logout { endedSessionIds } }", json!({})).await;
        assert_eq!(other.me(&session.access_token).await, "REVOKED");
        assert_eq!(other.refresh(&session.refresh_token).await["code"], "INVALID_TOKEN");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn racing_refreshes_on_two_servers_get_the_same_pair() {
    let one = TestApp::start(Postgres).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    let racing = (0..32).map(|number| if number % 2 == 0 { &one } else { &other });
    let pairs = join_all(racing.map(|app| app.refresh(&ada.refresh_token))).await;
    let first = SignedIn::from(&pairs[0]);
    assert!(pairs.iter().all(|pair| SignedIn::from(pair) == first));
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_migrate_once() {
    let app = TestApp::start(Postgres).await;
    let url = &app.settings["DATABASE_URL"];
    connect(url).await.execute_unprepared("DROP SCHEMA public CASCADE; CREATE SCHEMA public").await.unwrap();
    let config = || Config::load(Mode::Command, &[("DATABASE_URL", url)].into_iter().collect()).unwrap();
    assert!(status(&config()).await.unwrap().iter().all(|migration| !migration.is_applied));
    let applied = join_all((0..8).map(|_| async move { migrate(&config()).await.unwrap().len() })).await;
    let all = status(&config()).await.unwrap();
    assert_eq!(applied.iter().filter(|count| **count == all.len()).count(), 1);
    assert_eq!(applied.iter().filter(|count| **count == 0).count(), 7);
    assert!(all.iter().all(|migration| migration.is_applied));
}
