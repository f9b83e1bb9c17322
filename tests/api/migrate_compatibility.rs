//! Older programs on databases that a newer one has migrated.

use std::time::Duration;

use gatehouse::secrets::SecretKey;
use rstest::rstest;
use serde_json::json;

use crate::{
    cli::{run, text},
    support::{Database, EMAIL, NO_VERIFICATION, Postgres, SignedIn, Sqlite, TestApp, process::Server},
};

const NEW: &str = "m20990101_000099_add_what_is_not_known_yet";

/// The settings of production with the database of `app`.
fn production<'a>(app: &'a TestApp, secret: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("DATABASE_URL", app.settings["DATABASE_URL"].as_str()),
        ("SECRET_KEY", secret),
        ("PUBLIC_URL", "http://127.0.0.1"),
        ("SMTP_URL", "smtp://127.0.0.1:9"),
        ("EMAIL_FROM", "accounts@example.org"),
    ]
}

/// Does what a newer program does when it applies a migration.
async fn apply(app: &TestApp, oldest_schema: Option<usize>) {
    app.sql(&format!("INSERT INTO seaql_migrations VALUES ('{NEW}', 0)")).await;
    if let Some(number) = oldest_schema {
        app.sql(&format!("INSERT INTO schema_compatibility VALUES ('{NEW}', {number})")).await;
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_works_with_tables_that_a_newer_one_has_added_to(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION, ("MAX_SESSIONS_PER_USER", "2")]).await;
    let mut ada = app.sign_up(EMAIL).await;
    // several connections have prepared the statements with the tables as they were
    app.advance(Duration::from_hours(1));
    for _ in 0..12 {
        assert!(app.refresh(&ada.refresh_token).await["accessToken"].is_string());
        app.sign_in(EMAIL).await;
        ada = app.sign_in(EMAIL).await;
    }
    for table in ["users", "sessions", "known_addresses", "outbox", "rate_limits", "challenges"] {
        app.sql(&format!("ALTER TABLE {table} ADD COLUMN not_known_yet bigint NOT NULL DEFAULT 0")).await;
    }
    apply(&app, Some(migrations::all().len())).await;

    for _ in 0..12 {
        ada = SignedIn::from(&app.refresh(&ada.refresh_token).await);
        assert_eq!(app.me(&ada.access_token).await, EMAIL);
        app.sign_in(EMAIL).await;
        ada = app.sign_in(EMAIL).await;
    }
    app.run_as(&ada.access_token, "mutation { logoutAll { endedSessionIds } }", json!({})).await;
    assert_eq!(app.me(&ada.access_token).await, "REVOKED");

    let folder = tempfile::tempdir().unwrap();
    let secret = SecretKey::generate().1;
    let settings = production(&app, &secret);
    let status = run(folder.path(), &["migrate", "--status"], &settings);
    assert!(text(&status.stdout).ends_with(&format!("newer    {NEW}\n")), "{}", text(&status.stdout));
    let migrated = run(folder.path(), &["migrate"], &settings);
    let said = (text(&migrated.stdout), text(&migrated.stderr));
    assert!(migrated.status.success() && said.0.is_empty(), "{said:?}");
    for arguments in [&["serve"][..], &["serve", "--migrate"]] {
        let (server, _) = Server::start(folder.path(), arguments, &settings).await;
        let answer = server.run(&reqwest::Client::new(), "{ authSettings { otpLength } }").await.unwrap();
        assert_eq!(answer["data"]["authSettings"]["otpLength"], 8);
        let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
        assert!(log.contains("a newer version has migrated the database"), "{log}");
    }
}

#[rstest]
#[case::contracted(Some(1), true, "needs schema")]
#[case::interrupted(Some(1), false, "needs schema")]
#[case::unrecorded(None, true, "does not say which versions work with it")]
#[tokio::test(flavor = "multi_thread")]
async fn an_older_program_refuses_tables_that_it_may_not_work_with(
    #[values(Sqlite, Postgres)] database: Database,
    #[case] above: Option<usize>,
    #[case] is_applied: bool,
    #[case] why: &str,
) {
    let app = TestApp::start(database).await;
    apply(&app, above.map(|above| migrations::all().len() + above)).await;
    if !is_applied {
        app.sql(&format!("DELETE FROM seaql_migrations WHERE version = '{NEW}'")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let secret = SecretKey::generate().1;
    let settings = production(&app, &secret);
    for arguments in [
        &["migrate"][..],
        &["serve"],
        &["serve", "--migrate"],
        &["create-superuser", "--username", "root", "--password-stdin"],
    ] {
        let refused = run(folder.path(), arguments, &settings);
        let message = text(&refused.stderr);
        assert!(!refused.status.success(), "{arguments:?}");
        for part in [NEW, why, "install the"] {
            assert!(message.contains(part), "{arguments:?}: {message}");
        }
    }
    let status = run(folder.path(), &["migrate", "--status"], &settings);
    assert!(text(&status.stdout).ends_with(&format!("too new  {NEW}\n")), "{}", text(&status.stdout));
}
