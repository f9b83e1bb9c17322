//! Several servers on one PostgreSQL.

use std::time::Duration;

use futures_util::future::join_all;
use gatehouse::{
    storage::{session, user},
    tokens::Audience,
};
use rstest::rstest;
use sea_orm::{ConnectionTrait, EntityTrait};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PROXY, Postgres, Serializable, SignedIn, Sqlite, TestApp,
    database::connect,
};

const GRACE: Duration = Duration::from_secs(30);
const OWNER: (&str, &str) = ("198.51.100.7", "a browser");
const THIEF: (&str, &str) = ("203.0.113.66", "a script");

async fn refreshed(app: &TestApp, client: (&str, &str), pair: &SignedIn) -> SignedIn {
    SignedIn::from(&app.refresh_from(client, &pair.refresh_token).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_on_one_server_applies_to_the_next_request_on_another() {
    let one = TestApp::start(Postgres).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    for round in 0..20 {
        let session = if round == 0 { ada.clone() } else { other.sign_in(EMAIL).await };
        assert_eq!(other.me(&session.access_token).await, EMAIL, "the servers have the same keys");
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

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_revoked_on_one_server_are_revoked_on_the_other(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let one = TestApp::with(database, &[NO_VERIFICATION, PROXY]).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    let thief = refreshed(&one, THIEF, &ada).await;
    for app in [&one, &other] {
        app.advance(GRACE);
    }
    // the owner has two tabs, on two networks, with two servers
    let elsewhere = ("192.0.2.1", "a browser");
    let (here, there) = tokio::join!(refreshed(&one, OWNER, &ada), refreshed(&other, elsewhere, &ada));
    assert_eq!(here.refresh_token, there.refresh_token);
    assert_ne!(here.refresh_token, thief.refresh_token);
    assert_eq!(one.me(&here.access_token).await, EMAIL);
    assert_eq!(other.me(&thief.access_token).await, "REVOKED");
    assert_eq!(one.me(&here.access_token).await, "REVOKED", "the session ended on both servers");
}

/// Refreshes with the SQL of an older server, which does not know clients and siblings. Returns the new pair.
async fn refreshed_by_an_older_server(app: &TestApp, pair: &SignedIn) -> SignedIn {
    let token = app.app.tokens.read_refresh_token(&pair.refresh_token).unwrap();
    let (id, now) = (token.session_id, app.app.clock.now());
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let backend = rows.get_database_backend();
    let sql = r#"UPDATE "sessions" SET "counter" = $2 + 1, "last_used_at" = $3,
        "expires_at" = CASE WHEN "max_expires_at" < $4 THEN "max_expires_at" ELSE $4 END
        WHERE "sessions"."id" = $1 AND "sessions"."counter" <= $2 AND "sessions"."ended_at" IS NULL
        AND "sessions"."expires_at" > $3"#;
    let milliseconds = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap();
    let until = milliseconds + 86_400_000;
    let values = [id.into(), token.counter.into(), milliseconds.into(), until.into()];
    let rotated =
        rows.execute_raw(sea_orm::Statement::from_sql_and_values(backend, sql, values)).await.unwrap();
    assert_eq!(rotated.rows_affected(), 1);
    let session = session::Entity::find_by_id(id).one(&rows).await.unwrap().unwrap();
    let user = user::Entity::find_by_id(session.user_id).one(&rows).await.unwrap().unwrap();
    let access_token = app.app.tokens.access_token(&session, &user, Audience::Everyone, now, now).unwrap();
    SignedIn {
        access_token: access_token.token.expose_secret().to_owned(),
        refresh_token: app.app.tokens.refresh_token(id, session.counter).expose_secret().to_owned(),
        ..pair.clone()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_next_to_this_one_invalidates_no_valid_token(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION, PROXY]).await;
    let ada = app.sign_up(EMAIL).await;
    let first = refreshed(&app, OWNER, &ada).await;
    app.advance(GRACE);

    // the client that asked the older server is unknown, so it is not the one that asked this server before
    let second = refreshed_by_an_older_server(&app, &first).await;
    app.advance(GRACE);
    let again = refreshed(&app, ("192.0.2.1", "a browser"), &first).await;
    assert_eq!(again.refresh_token, second.refresh_token);
    assert_eq!(app.me(&second.access_token).await, EMAIL);

    // the older server refreshes a sibling: invalid tokens stay invalid, and valid tokens stay valid
    let lost = refreshed(&app, OWNER, &second).await;
    app.advance(GRACE);
    let sibling = refreshed(&app, THIEF, &second).await;
    let next = refreshed_by_an_older_server(&app, &sibling).await;
    let newest = refreshed_by_an_older_server(&app, &next).await;
    for good in [&second, &sibling, &next, &newest] {
        assert_eq!(app.me(&good.access_token).await, EMAIL);
    }
    app.advance(GRACE);
    let last = refreshed(&app, OWNER, &newest).await;
    assert_eq!(app.me(&last.access_token).await, EMAIL);
    assert_eq!(app.me(&lost.access_token).await, "REVOKED");
    assert_eq!(app.me(&last.access_token).await, "REVOKED");
}

/// An older server inserts sessions without the columns that were added later.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_started_by_an_older_server_continues_here(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[NO_VERIFICATION, PROXY]).await;
    let ada = app.sign_up(EMAIL).await;
    let columns = "user_id, counter, seen_counter, created_at, last_used_at, expires_at, max_expires_at";
    let id = gatehouse::secrets::uuid_v7(app.app.clock.now());
    let literal = match database {
        Sqlite => format!("x'{}'", id.simple()),
        Postgres | Serializable => format!("'{id}'"),
    };
    app.sql(&format!("INSERT INTO sessions (id, {columns}) SELECT {literal}, {columns} FROM sessions")).await;
    let begun = SignedIn {
        refresh_token: app.app.tokens.refresh_token(id, 0).expose_secret().to_owned(),
        session_id: id.to_string(),
        ..ada
    };
    let first = refreshed(&app, OWNER, &begun).await;
    app.advance(GRACE);
    assert_eq!(refreshed(&app, OWNER, &begun).await.refresh_token, first.refresh_token);
    let sibling = refreshed(&app, THIEF, &begun).await;
    assert_ne!(sibling.refresh_token, first.refresh_token);
    assert_eq!(app.me(&sibling.access_token).await, EMAIL);
    assert_eq!(app.me(&first.access_token).await, "REVOKED");
}
