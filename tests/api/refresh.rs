use std::{collections::HashSet, pin::pin, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use rstest::rstest;
use sea_orm::{ConnectionTrait, TransactionTrait};
use serde_json::json;

use crate::support::{
    Answer, Database, EMAIL, Postgres, Serializable, SignedIn, Sqlite, TestApp, database::connect,
};

const GRACE: Duration = Duration::from_secs(30);

async fn refreshed(app: &TestApp, refresh_token: &str) -> SignedIn {
    SignedIn::from(&app.refresh(refresh_token).await)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_continues_the_session_with_a_new_pair(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let second = refreshed(&app, &first.refresh_token).await;
    assert_eq!((&second.session_id, &second.user_id), (&first.session_id, &first.user_id));
    assert_ne!(second.refresh_token, first.refresh_token);
    assert_eq!(app.me(&second.access_token).await, EMAIL);
    let third = refreshed(&app, &second.refresh_token).await;
    assert_eq!(app.me(&third.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_refreshes_rotates_and_all_get_the_same_pair(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let pairs: HashSet<_> = join_all((0..64).map(|_| refreshed(&app, &first.refresh_token)))
        .await
        .into_iter()
        .map(|pair| (pair.access_token, pair.refresh_token))
        .collect();
    assert_eq!(pairs.len(), 1);
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let row = rows.query_one_raw(statement(database, "SELECT counter FROM sessions")).await.unwrap().unwrap();
    assert_eq!(row.try_get::<i64>("", "counter").unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshes_that_wait_for_postgresql_are_written_together() {
    let app = TestApp::start(Postgres).await;
    let people = join_all((0..24).map(|n| sign_up(&app, n))).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let meanwhile = rows.begin().await.unwrap();
    meanwhile.execute_unprepared("LOCK TABLE sessions").await.unwrap();
    let before = app.app.db.statements().count;
    let refreshing = join_all(people.iter().map(|person| refreshed(&app, &person.refresh_token)));
    let letting_go = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        meanwhile.commit().await.unwrap();
    };
    let (pairs, ()) = tokio::join!(refreshing, letting_go);
    let statements = app.app.db.statements().count - before;
    assert!(statements <= 6, "{statements}");
    for (before, after) in people.iter().zip(&pairs) {
        assert_eq!((&after.session_id, &after.user_id), (&before.session_id, &before.user_id));
        assert_eq!(refreshed(&app, &before.refresh_token).await.refresh_token, after.refresh_token);
    }
}

/// A statement that holds some rows while it waits for another could deadlock with the holder of that row.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_session_does_not_delay_the_refresh_of_another(#[values(false, true)] ended: bool) {
    let app = TestApp::start(Postgres).await;
    let people = join_all((0..8).map(|n| sign_up(&app, n))).await;
    let (held, free) = people.split_at(2);
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let elsewhere = rows.begin().await.unwrap();
    let end = if ended { "ended_at = last_used_at" } else { "user_agent = 'another'" };
    for person in held {
        let hold = format!("UPDATE sessions SET {end} WHERE id = '{}'", person.session_id);
        elsewhere.execute_unprepared(&hold).await.unwrap();
    }
    let mut waiting = pin!(join_all(held.iter().map(|person| app.refresh(&person.refresh_token))));
    let is_held = tokio::time::timeout(Duration::from_millis(300), &mut waiting).await.is_err();
    assert!(is_held, "the refreshes must wait for the locked rows");
    join_all(free.iter().map(|person| refreshed(&app, &person.refresh_token))).await;
    elsewhere.execute_unprepared("UPDATE sessions SET user_agent = 'another'").await.unwrap();
    elsewhere.commit().await.unwrap();
    for answer in waiting.await {
        let expected = if ended { "UserError" } else { "AuthPayload" };
        assert_eq!(answer["__typename"], expected, "{answer}");
    }
}

/// While all connections for batches are in use, the requests that a page sends at the same time get into one batch.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_repeat_a_token_together_wait_for_the_first_of_them() {
    let app = TestApp::start(Postgres).await;
    let people = join_all((0..3).map(|n| sign_up(&app, n))).await;
    let (others, person) = (&people[..2], &people[2]);
    let databases = join_all((0..2).map(|_| connect(&app.settings["DATABASE_URL"]))).await;
    let lock = async |database: usize, held: &str| {
        let transaction = databases[database].begin().await.unwrap();
        let sql = format!("SELECT 1 FROM sessions WHERE id {held} '{}' FOR UPDATE", person.session_id);
        transaction.execute_unprepared(&sql).await.unwrap();
        transaction
    };
    let (held_others, held) = (lock(0, "<>").await, lock(1, "=").await);
    let mut in_use = pin!(join_all(others.iter().map(|other| refreshed(&app, &other.refresh_token))));
    let is_held = tokio::time::timeout(Duration::from_millis(100), &mut in_use).await.is_err();
    assert!(is_held, "the connections must wait for the locked rows");
    let mut together = pin!(join_all((0..12).map(|_| refreshed(&app, &person.refresh_token))));
    let is_held = tokio::time::timeout(Duration::from_millis(100), &mut together).await.is_err();
    assert!(is_held, "the requests must wait for the connections");
    held_others.commit().await.unwrap();
    in_use.await;
    let is_held = tokio::time::timeout(Duration::from_millis(200), &mut together).await.is_err();
    assert!(is_held, "the requests must wait for the locked row");
    held.commit().await.unwrap();
    let pairs: HashSet<String> = together.await.into_iter().map(|pair| pair.refresh_token).collect();
    assert_eq!(pairs.len(), 1);
}

async fn sign_up(app: &TestApp, number: u8) -> SignedIn {
    app.sign_up(&format!("{number}@example.org")).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_the_grace_returns_the_unused_successor(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let second = refreshed(&app, &first.refresh_token).await;
    app.advance(GRACE * 120);
    let again = refreshed(&app, &first.refresh_token).await;
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(app.me(&again.access_token).await, EMAIL, "the access token is valid");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_within_the_grace_returns_the_successor_even_if_it_was_used(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let second = refreshed(&app, &first.refresh_token).await;
    assert_eq!(app.me(&second.access_token).await, EMAIL);
    app.advance(GRACE / 2);
    assert_eq!(refreshed(&app, &first.refresh_token).await.refresh_token, second.refresh_token);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_refresh_token_ends_the_session_once_its_successor_was_used(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("for a request", "for a refresh")] used: &str,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let other = app.sign_in(EMAIL).await;
    let second = refreshed(&app, &first.refresh_token).await;
    let newest = match used {
        "for a request" => {
            assert_eq!(app.me(&second.access_token).await, EMAIL);
            second
        }
        _ => refreshed(&app, &second.refresh_token).await,
    };
    app.advance(GRACE);
    assert_eq!(app.refresh(&first.refresh_token).await["code"], "INVALID_TOKEN");
    assert_eq!(app.me(&newest.access_token).await, "REVOKED");
    assert_eq!(app.refresh(&newest.refresh_token).await["code"], "INVALID_TOKEN");
    assert_eq!(app.me(&other.access_token).await, EMAIL, "the user's other session continues");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_two_steps_behind_ends_the_session_even_within_the_grace(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let second = refreshed(&app, &first.refresh_token).await;
    let third = refreshed(&app, &second.refresh_token).await;
    assert_eq!(app.refresh(&first.refresh_token).await["code"], "INVALID_TOKEN");
    assert_eq!(app.me(&third.access_token).await, "REVOKED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_newer_than_a_restored_backup_repairs_the_row(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let mut pair = app.sign_up(EMAIL).await;
    for _ in 0..3 {
        pair = refreshed(&app, &pair.refresh_token).await;
    }
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    rows.execute_unprepared("UPDATE sessions SET counter = 1, seen_counter = 0").await.unwrap();
    assert_eq!(app.me(&pair.access_token).await, EMAIL);
    let next = refreshed(&app, &pair.refresh_token).await;
    assert_eq!(refreshed(&app, &pair.refresh_token).await.refresh_token, next.refresh_token);
    assert_eq!(app.me(&next.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn refresh_tokens_expire_and_sessions_end(#[values(Sqlite, Postgres)] database: Database) {
    let settings = [("REFRESH_TOKEN_TTL", "1h"), ("SESSION_MAX_AGE", "2h"), ("ACCESS_TOKEN_TTL", "50m")];
    let app = TestApp::with(database, &settings).await;
    let idle = app.sign_up(EMAIL).await;
    let busy = app.sign_in(EMAIL).await;
    app.advance(Duration::from_mins(45));
    let busy = refreshed(&app, &busy.refresh_token).await;
    app.advance(Duration::from_mins(45));
    assert_eq!(app.refresh(&idle.refresh_token).await["code"], "INVALID_TOKEN");
    let payload = app.refresh(&busy.refresh_token).await;
    for (field, most) in
        [("refreshExpiresIn", "not longer than the session"), ("expiresIn", "not longer than the session")]
    {
        let seconds = payload[field].as_i64().unwrap();
        assert!((29 * 60..=30 * 60).contains(&seconds), "{field} is {seconds}: {most}");
    }
    app.advance(Duration::from_mins(31));
    assert_eq!(app.refresh(payload["refreshToken"].as_str().unwrap()).await["code"], "INVALID_TOKEN");
    assert_eq!(app.me(payload["accessToken"].as_str().unwrap()).await, "EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_but_our_refresh_token_is_refused() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let mut ahead = URL_SAFE_NO_PAD.decode(&ada.refresh_token).unwrap();
    ahead[23] += 1;
    let stranger = TestApp::start(Sqlite).await.sign_up(EMAIL).await;
    let altered = |at: usize| {
        let mut token = ada.refresh_token.clone().into_bytes();
        token[at] = if token[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(token).unwrap()
    };
    let mut tokens = vec![
        String::new(),
        "garbage".into(),
        ada.access_token.clone(),
        stranger.refresh_token,
        URL_SAFE_NO_PAD.encode(ahead),
        ada.refresh_token[1..].into(),
        format!("{}A", ada.refresh_token),
        "A".repeat(60_000),
        "\0".into(),
    ];
    tokens.extend([0, 10, 25, 35, 50, 52].map(altered));
    for token in tokens {
        assert_eq!(app.refresh(&token).await["code"], "INVALID_TOKEN", "{token}");
    }
    assert_eq!(app.me(&ada.access_token).await, EMAIL, "the session was not ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_token_is_reported() {
    let app = TestApp::start(Sqlite).await;
    let query = "mutation { refresh { ... on UserError { code fields { field code } } } }";
    let answer = app.run(query, json!({})).await.data("refresh");
    assert_eq!(
        answer,
        json!({ "code": "INVALID_INPUT", "fields": [{ "field": "refreshToken", "code": "REQUIRED" }] })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_authorization_header_prevents_neither_refresh_nor_logout() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    app.advance(Duration::from_hours(1));
    let query = "mutation($token: String) { refresh(refreshToken: $token) { __typename } }";
    let body = json!({ "query": query, "variables": { "token": ada.refresh_token } });
    let answer = Answer::of(app.post().bearer_auth(&ada.access_token).json(&body)).await;
    assert_eq!(answer.data("refresh")["__typename"], "AuthPayload");
    let query = "mutation($token: String) { logout(refreshToken: $token) { endedSessionIds } }";
    let body = json!({ "query": query, "variables": { "token": ada.refresh_token } });
    let answer = Answer::of(app.post().bearer_auth("garbage").json(&body)).await;
    assert_eq!(answer.data("logout")["endedSessionIds"], json!([ada.session_id]));
}

fn statement(database: Database, sql: &str) -> sea_orm::Statement {
    let backend = match database {
        Sqlite => sea_orm::DbBackend::Sqlite,
        Postgres | Serializable => sea_orm::DbBackend::Postgres,
    };
    sea_orm::Statement::from_string(backend, sql)
}
