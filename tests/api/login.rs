use std::{collections::HashSet, time::Duration};

use gatehouse::storage::challenge;
use rstest::rstest;
use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter, Set,
};
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, Sqlite, TestApp, database::connect};

const NOBODY: &str = "nobody@example.org";
/// The password of a pending registration.
const REGISTERED: &str = "battery horse correct";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_login_opens_its_own_session(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    let second = app.sign_in(EMAIL).await;
    assert_eq!(first.user_id, second.user_id);
    assert_ne!(first.session_id, second.session_id);
    assert_eq!(app.me(&first.access_token).await, EMAIL);
    assert_eq!(app.me(&second.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn unknown_accounts_wrong_passwords_and_missing_passwords_get_the_same_error(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    app.sign_up("grace@example.org").await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let sql = "UPDATE users SET password_hash = NULL WHERE email = 'grace@example.org'";
    rows.execute_unprepared(sql).await.unwrap();

    let wrong = app.login(EMAIL, "wrong horse battery").await;
    assert_eq!(wrong["code"], "INVALID_CREDENTIALS");
    assert_eq!(wrong["fields"], json!([]));
    let before = app.app.passwords.computed();
    for (cost, identifier) in (1..).zip([
        "grace@example.org",
        "nobody@example.org",
        "nobody",
        "not an address@",
        "",
        "ada\0@example.org",
    ]) {
        assert_eq!(app.login(identifier, PASSWORD).await, wrong, "{identifier:?}");
        assert_eq!(app.app.passwords.computed() - before, cost, "{identifier:?} costs one hash");
    }
}

/// Creates an account for Ada, and pending registrations for her address and for an address without an account.
async fn with_registrations(database: Database) -> TestApp {
    let app = TestApp::with(database, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    app.register_and_prove(EMAIL, PASSWORD).await;
    app.advance(Duration::from_mins(2));
    for email in [EMAIL, NOBODY] {
        assert_eq!(app.register(email, REGISTERED).await["__typename"], "EmailChallenge");
    }
    app
}

/// Returns the outcome of a sign-in, and the number of hashes it computed.
async fn outcome(app: &TestApp, identifier: &str, password: &str) -> (String, u64) {
    let before = app.app.passwords.computed();
    let answer = app.challenged(identifier, password).await;
    let kind = answer["code"].as_str().or(answer["__typename"].as_str()).unwrap().to_owned();
    (kind, app.app.passwords.computed() - before)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_pending_registration_adds_no_hash_to_a_failed_login(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &with_registrations(database).await;
    let refused = ("INVALID_CREDENTIALS".to_owned(), 1);
    for identifier in [EMAIL, NOBODY, "grace@example.org", "grace"] {
        assert_eq!(outcome(app, identifier, "wrong horse battery").await, refused, "{identifier}");
    }
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, ("AuthPayload".to_owned(), 1));
    for identifier in [EMAIL, NOBODY] {
        let right = outcome(app, identifier, REGISTERED).await;
        assert_eq!(right, ("EmailChallenge".to_owned(), 2), "{identifier}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_signs_in_despite_pending_registrations(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &with_registrations(database).await;
    // a password whose MAC matches the registration's
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let registrations = challenge::Entity::find().filter(challenge::Column::Registration.is_not_null());
    for row in registrations.all(&rows).await.unwrap() {
        let mut registration: Value = serde_json::from_str(row.registration.as_ref().unwrap()).unwrap();
        let hash = registration["password_hash"].as_str().unwrap().to_owned();
        registration["password_mac"] = app.app.tokens.password_mac(&hash, &PASSWORD.into()).into();
        let row = challenge::ActiveModel {
            registration: Set(Some(registration.to_string())),
            ..row.into_active_model()
        };
        row.update(&rows).await.unwrap();
    }
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, ("AuthPayload".to_owned(), 1));
    assert_eq!(outcome(app, NOBODY, PASSWORD).await, ("INVALID_CREDENTIALS".to_owned(), 2));

    // the account and the registration have the same password: the owner signed up twice
    app.advance(Duration::from_mins(2));
    app.register(EMAIL, PASSWORD).await;
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, ("AuthPayload".to_owned(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_pending_registration_is_found_by_its_own_password() {
    let app = &TestApp::with(Sqlite, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    let mut macs = HashSet::new();
    for n in 0..4 {
        app.register(&format!("person-{n}@example.org"), PASSWORD).await;
    }
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    for row in challenge::Entity::find().all(&rows).await.unwrap() {
        let registration: Value = serde_json::from_str(row.registration.as_ref().unwrap()).unwrap();
        macs.insert(registration["password_mac"].as_u64().unwrap());
    }
    assert!(macs.len() > 1, "equal passwords have equal MACs: {macs:?}");

    // neither a stranger's later registration nor a later email hides the owner's registration
    let own = app.register(EMAIL, PASSWORD).await;
    app.advance(Duration::from_mins(2));
    let strangers = app.register(EMAIL, REGISTERED).await;
    assert_eq!(app.challenged(EMAIL, PASSWORD).await["id"], own["id"]);
    assert_eq!(app.challenged(EMAIL, REGISTERED).await["id"], strangers["id"]);
    app.advance(Duration::from_mins(2));
    let again = app.resend_otp(EMAIL, Some(&own["id"])).await;
    assert_eq!(app.challenged(EMAIL, PASSWORD).await["id"], again["id"]);

    // a registration that an earlier version of the server wrote
    app.sql("UPDATE challenges SET registration = json_remove(registration, '$.password_mac')").await;
    assert_eq!(
        outcome(app, EMAIL, REGISTERED).await.0,
        "INVALID_CREDENTIALS",
        "the newest registration hides it"
    );
    assert_eq!(outcome(app, EMAIL, PASSWORD).await, ("EmailChallenge".to_owned(), 2));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_password_reveals_that_an_account_is_deactivated(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    rows.execute_unprepared("UPDATE users SET is_active = FALSE").await.unwrap();
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "ACCOUNT_DISABLED");
    assert_eq!(app.login(EMAIL, "wrong horse battery").await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.me(&ada.access_token).await, "REVOKED");
    assert_eq!(app.refresh(&ada.refresh_token).await["code"], "INVALID_TOKEN");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_beyond_the_session_limit_ends_the_oldest_session(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("MAX_SESSIONS_PER_USER", "2")]).await;
    let first = app.sign_up(EMAIL).await;
    app.sign_up("grace@example.org").await;
    let second = app.sign_in(EMAIL).await;
    let third = app.sign_in(EMAIL).await;
    assert_eq!(app.me(&first.access_token).await, "REVOKED");
    assert_eq!(app.me(&second.access_token).await, EMAIL);
    assert_eq!(app.me(&third.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn sign_ins_at_the_same_time_keep_to_the_session_limit(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app =
        TestApp::with(database, &[("MAX_SESSIONS_PER_USER", "2"), ("RATE_LIMIT_LOGINS", "100/1h")]).await;
    app.sign_up(EMAIL).await;
    for _ in 0..3 {
        let signed_in = futures_util::future::join_all((0..12).map(|_| app.sign_in(EMAIL))).await;
        let mut live = 0;
        for session in &signed_in {
            live += u32::from(app.me(&session.access_token).await == EMAIL);
        }
        assert_eq!(live, 2, "of {} sessions", signed_in.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn overlong_passwords_are_refused_without_hashing() {
    let app = TestApp::start(Sqlite).await;
    for (identifier, password, field) in [
        ("a".repeat(255), PASSWORD.to_owned(), "identifier"),
        (EMAIL.to_owned(), "p".repeat(129), "password"),
        (EMAIL.to_owned(), "p".repeat(60_000), "password"),
    ] {
        let answer = app.login(&identifier, &password).await;
        assert_eq!(answer["fields"], json!([{ "field": field, "code": "TOO_LONG" }]));
    }
    assert_eq!(app.app.passwords.computed(), 0);
    assert_eq!(app.login(&"a".repeat(254), &"p".repeat(128)).await["code"], "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_logins_at_once() {
    let settings = [
        ("HASH_QUEUE", "1"),
        ("HASH_THREADS", "1"),
        ("ARGON2_MEMORY_KIB", "65536"),
        ("ARGON2_ITERATIONS", "10"),
    ];
    let app = TestApp::with(Sqlite, &settings).await;
    let answers = futures_util::future::join_all((0..8).map(|_| app.login(EMAIL, PASSWORD))).await;
    let busy: Vec<_> = answers.iter().filter(|answer| answer["code"] == "SERVER_BUSY").collect();
    assert!((1..=7).contains(&busy.len()), "{answers:?}");
    assert_eq!(busy[0]["retryAfter"], 1);
    assert_eq!(app.app.passwords.computed(), 8 - busy.len() as u64, "refused logins were not hashed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_whose_client_disconnected_is_not_hashed() {
    let settings = [("HASH_THREADS", "1"), ("ARGON2_MEMORY_KIB", "65536"), ("ARGON2_ITERATIONS", "10")];
    let app = TestApp::with(Sqlite, &settings).await;
    let query = "mutation { login(input: { identifier: \"ada\", password: \"x\" }) { __typename } }";
    let gone = futures_util::future::join_all((0..32).map(|_| {
        let sent =
            app.post().json(&json!({ "query": query })).timeout(std::time::Duration::from_millis(100)).send();
        async { sent.await.is_err() }
    }));
    assert!(gone.await.into_iter().filter(|gone| *gone).count() > 25);
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert!(app.app.passwords.computed() < 8, "{} hashes", app.app.passwords.computed());
}
