//! A sign-in with the right password replaces a hash that uses outdated parameters.

use std::time::Duration;

use gatehouse::storage::user;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};
use serde_json::json;

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp, database::connect};

/// A hash of [`PASSWORD`] by Django 5.2, with few iterations.
const DJANGO: &str = "pbkdf2_sha256$10$saltsaltsalt$t599aSIkBVNifwKjrULcB9t4bj+s5r/KjrdrRolmGTc=";

async fn hash(rows: &DatabaseConnection) -> String {
    user::Entity::find().one(rows).await.unwrap().unwrap().password_hash.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_next_sign_in_rehashes_once_with_new_parameters(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let before = app.sign_up(EMAIL).await;
    let other = app.another(&[("ARGON2_ITERATIONS", "2"), ("ARGON2_MEMORY_KIB", "16")]).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let old = hash(&rows).await;
    assert_eq!(other.login(EMAIL, "wrong horse battery").await["code"], "INVALID_CREDENTIALS");
    assert_eq!((hash(&rows).await, other.app.passwords.computed()), (old, 1));
    other.sign_in(EMAIL).await;
    let new = hash(&rows).await;
    assert!(new.starts_with("$argon2id$v=19$m=16,t=2,p=1$"), "{new}");
    assert_eq!(other.app.passwords.computed(), 3);
    other.sign_in(EMAIL).await;
    assert_eq!((hash(&rows).await, other.app.passwords.computed()), (new, 4));
    assert_eq!(app.me(&before.access_token).await, EMAIL, "the owner's session continues");
}

/// Starts two servers on one database. The second takes about a second to rehash a password.
async fn rehashing(database: Database, stored: Option<&str>) -> (TestApp, TestApp, DatabaseConnection) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    if let Some(stored) = stored {
        rows.execute_unprepared(&format!("UPDATE users SET password_hash = '{stored}'")).await.unwrap();
    }
    let slow = [("ARGON2_ITERATIONS", "10"), ("ARGON2_MEMORY_KIB", "65536"), ("HASH_THREADS", "1")];
    let other = app.another(&slow).await;
    (app, other, rows)
}

async fn until_it_is_rehashing(app: &TestApp) {
    let begun = std::time::Instant::now();
    while app.app.passwords.computed() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the password is not rehashed");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn credentials_changed_meanwhile_are_not_overwritten(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(None, Some(DJANGO))] stored: Option<&str>,
) {
    let (_app, other, rows) = rehashing(database, stored).await;
    let changed = async {
        until_it_is_rehashing(&other).await;
        let sql = "UPDATE users SET password_hash = 'changed', credentials_version = credentials_version + 1";
        rows.execute_unprepared(sql).await.unwrap();
    };
    let (answer, ()) = tokio::join!(other.login(EMAIL, PASSWORD), changed);
    assert_eq!(answer["code"], "INVALID_CREDENTIALS");
    assert_eq!(hash(&rows).await, "changed");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_for_a_disconnected_client(#[values(Sqlite, Postgres)] database: Database) {
    let (_app, other, rows) = rehashing(database, Some(DJANGO)).await;
    let query = format!(
        "mutation {{ login(input: {{ identifier: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    let request = other.post().json(&json!({ "query": query })).send();
    tokio::select! {
        answer = request => panic!("the login finished before the client could disconnect: {answer:?}"),
        () = until_it_is_rehashing(&other) => {}
    }
    // this sign-in waits for the only hash thread
    assert_eq!(other.login("nobody", PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(hash(&rows).await, DJANGO);
    other.sign_in(EMAIL).await;
    assert!(hash(&rows).await.starts_with("$argon2id$"));
}
