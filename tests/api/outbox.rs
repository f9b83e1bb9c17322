//! Emails are written in the transaction that causes them, sent once, and not lost.

use std::time::{Duration, Instant};

use gatehouse::{
    housekeeping::sweep,
    outbox::{self, MailKind, MailRequest, send_due},
    storage::outbox::{Entity, Model, insert},
};
use rstest::rstest;
use sea_orm::{DbErr, EntityTrait, PaginatorTrait};
use serde_json::json;
use uuid::Uuid;

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, Postgres, Sqlite, TestApp,
    mail_server::{FROM, MailServer, Received},
    process::{Server, gatehouse, output},
};

pub(crate) async fn row(app: &TestApp, id: Uuid) -> Model {
    Entity::find_by_id(id).one(app.app.db.read()).await.unwrap().unwrap()
}

pub(crate) fn ids(mails: &[Received]) -> Vec<String> {
    mails.iter().map(|mail| mail.header("Message-ID")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_many_mails_takes_one_connection() {
    let server = MailServer::start(&[]);
    let app = server.app_with(Postgres, &[NO_VERIFICATION, ("DATABASE_MAX_CONNECTIONS", "2")]).await;
    let ada = app.sign_up(EMAIL).await;
    for _ in 0..40 {
        app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    }
    assert_eq!(send_due(&app.app).await.unwrap(), 40);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_only_after_its_transaction_commits(#[values(Sqlite, Postgres)] database: Database) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await;
    let to = gatehouse::input::EmailAddress::parse(EMAIL).unwrap();
    let order = MailRequest {
        kind: MailKind::PasswordChanged,
        to: &to,
        user_id: ada.user_id.parse().ok(),
        challenge_id: None,
        good_for: Duration::from_hours(1),
    };
    let undone = outbox::row(&app.app, order);
    let failed = app.app.db.write(async move |txn| {
        insert(&txn, undone).await?;
        Err::<(), _>(DbErr::Custom("on purpose".to_owned()))
    });
    failed.await.unwrap_err();
    let id = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    assert_eq!(send_due(&app.app).await.unwrap(), 1);
    assert_eq!(send_due(&app.app).await.unwrap(), 0, "the email is sent only once");
    let mails = server.mails();
    assert_eq!(ids(&mails), [format!("<{id}@127.0.0.1>")]);
    assert_eq!((mails[0].from.as_str(), mails[0].to.as_slice()), (FROM, &[EMAIL.to_owned()][..]));
    let row = row(&app, id).await;
    assert!(row.sent_at.is_some() && row.due_at.is_none() && row.last_error.is_none(), "{row:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn notices_describe_the_account_as_it_is_when_they_are_sent(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let ada = app
        .signup(json!({ "email": EMAIL, "name": "Ada Lovelace", "password": crate::support::PASSWORD }))
        .await;
    let ada = crate::support::SignedIn::from(&ada);
    app.order(MailKind::EmailChanged, "old@example.org", &ada.user_id).await;
    app.order(MailKind::EmailChanged, EMAIL, &ada.user_id).await;
    let gone = app.order(MailKind::PasswordChanged, "gone@example.org", &Uuid::nil().to_string()).await;
    let changed = &app.inbox("old@example.org").await[0];
    for text in ["Hello,", "account is now\nada@example.org", "instead of old@example.org"] {
        assert!(changed.text.contains(text), "{text}: {}", changed.text);
    }
    assert!(app.inbox(EMAIL).await.is_empty(), "the address is current again, so there is nothing to report");
    for (proven, hello) in [("NULL", "Hello,"), ("1", "Hello Ada Lovelace,")] {
        app.sql(&format!("UPDATE users SET email_verified_at = {proven}")).await;
        app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
        let changed = &app.inbox(EMAIL).await[0];
        assert!(
            changed.text.starts_with(hello),
            "names are sent only to verified addresses: {}",
            changed.text
        );
    }
    assert!(app.inbox("gone@example.org").await.is_empty());
    let gone = row(&app, gone).await;
    assert!(gone.due_at.is_none() && gone.sent_at.is_none() && gone.failed_at.is_none(), "{gone:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn undelivered_mails_are_sent_once_the_mail_server_is_back(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("stopped", "4xx", "data-4xx", "drop", "hang")] trouble: &str,
) {
    let mut server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await;
    let sent = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    assert_eq!(send_due(&app.app).await.unwrap(), 1);
    if trouble == "stopped" {
        server.stop();
    } else {
        server.answer(trouble);
    }
    if trouble == "hang" {
        // an open connection would not be affected
        server.restart();
    }
    let id = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    assert_eq!(send_due(&app.app).await.unwrap(), 0, "a retry does not follow at once");
    let waits = row(&app, id).await;
    let words = waits.last_error.clone().unwrap();
    let (said, now) = (
        match trouble {
            "stopped" => "connect: Connection refused",
            "4xx" => "recipient: 451 4.3.2 try again later",
            "data-4xx" => "message: 452 4.3.1 no room",
            "drop" => "message: ",
            _ => "connect: no answer within 10s",
        },
        app.app.clock.now(),
    );
    assert!(words.starts_with(said), "{words}");
    let wait = waits.due_at.unwrap().0 - now;
    assert!(waits.attempts == 1 && wait.as_seconds_f64() > 2.0 && wait.as_seconds_f64() < 6.1, "{wait}");

    server.answer("ok");
    server.restart();
    app.advance(Duration::from_secs(7));
    assert_eq!(send_due(&app.app).await.unwrap(), 1);
    assert_eq!(ids(&server.mails()), [sent, id].map(|id| format!("<{id}@127.0.0.1>")));
    assert!(row(&app, id).await.sent_at.is_some());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_that_are_refused_permanently_are_given_up(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("5xx", "data-5xx")] trouble: &str,
) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await;
    server.answer(trouble);
    let id = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    let failed = row(&app, id).await;
    assert!(failed.failed_at.is_some() && failed.due_at.is_none(), "{failed:?}");
    let said = if trouble == "5xx" {
        "recipient: 550 5.1.1 nobody of this name here"
    } else {
        "message: 554 5.6.0 not wanted here"
    };
    assert_eq!(failed.last_error.as_deref(), Some(said));
    server.answer("ok");
    app.advance(Duration::from_hours(1));
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    assert!(server.mails().is_empty());

    // operators see the failure
    let folder = tempfile::tempdir().unwrap();
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str())];
    let listed = output(gatehouse(folder.path(), &["mail", "queue"], &settings), "");
    let listed = String::from_utf8(listed.stdout).unwrap();
    for text in
        ["0 emails waiting", "1 email failed", "password_changed  to ada@example.org", "attempts 1", said]
    {
        assert!(listed.contains(text), "{text}: {listed}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_mail_is_sent_after_it_expires_or_a_day_late(#[values(Sqlite, Postgres)] database: Database) {
    let mut server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await;
    let to = gatehouse::input::EmailAddress::parse(EMAIL).unwrap();
    let (user_id, kind) = (ada.user_id.parse().ok(), MailKind::PasswordChanged);
    let short = MailRequest { kind, to: &to, user_id, challenge_id: None, good_for: Duration::from_mins(10) };
    let short = outbox::row(&app.app, short);
    let short_id = short.id;
    app.app.db.write_one(async move |txn| insert(&txn, short).await).await.unwrap();
    let long = app.order(kind, EMAIL, &ada.user_id).await;
    server.stop();
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    app.advance(Duration::from_mins(11));
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    let expired = row(&app, short_id).await;
    assert!(expired.failed_at.is_some(), "{expired:?}");
    assert!(expired.last_error.unwrap().starts_with("too late; connect: "));
    assert!(row(&app, long).await.due_at.is_some(), "the email still waits");
    server.restart();
    app.advance(Duration::from_hours(24));
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    assert!(row(&app, long).await.failed_at.is_some());
    assert!(server.mails().is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn settled_mails_are_deleted_after_a_week(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    let count = async || Entity::find().count(app.app.db.read()).await.unwrap();
    app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    send_due(&app.app).await.unwrap();
    app.advance(Duration::from_hours(6 * 24));
    sweep(&app.app).await.unwrap();
    assert_eq!(count().await, 1);
    let waiting = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    app.advance(Duration::from_hours(25));
    sweep(&app.app).await.unwrap();
    assert_eq!(count().await, 1);
    app.advance(Duration::from_hours(8 * 24));
    sweep(&app.app).await.unwrap();
    assert!(row(&app, waiting).await.due_at.is_some(), "a waiting email is kept");
}

#[rstest]
#[case("dev", true)]
#[case("serve", false)]
#[tokio::test(flavor = "multi_thread")]
async fn the_log_names_recipients_only_in_development(#[case] command: &str, #[case] names: bool) {
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    let id = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    let refused = app.order(MailKind::PasswordChanged, "grace@example.org", &ada.user_id).await;
    let folder = tempfile::tempdir().unwrap();
    // makes delivery of the second email fail
    std::fs::create_dir_all(folder.path().join(format!("{refused}.part"))).unwrap();
    let (port, way) = (crate::support::process::free_port(), format!("file://{}", folder.path().display()));
    let settings = [
        ("DATABASE_URL", app.settings["DATABASE_URL"].as_str()),
        ("SECRET_KEY", app.settings["SECRET_KEY"].as_str()),
        ("PUBLIC_URL", "http://127.0.0.1"),
        ("PORT", port.as_str()),
        ("SMTP_URL", way.as_str()),
        ("EMAIL_FROM", FROM),
        ("RUST_LOG", "debug"),
    ];
    let path = folder.path().join("log");
    let log = std::fs::File::create(&path).unwrap();
    let child = gatehouse(folder.path(), &[command], &settings).stderr(log).spawn().unwrap();
    let server = Server { child, url: String::new() };
    let begun = Instant::now();
    while row(&app, id).await.sent_at.is_none() || row(&app, refused).await.last_error.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the emails are not sent");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(server);
    let log = std::fs::read_to_string(path).unwrap();
    assert!(log.contains(&refused.to_string()) && log.contains("will be retried"), "{log}");
    assert_eq!(log.contains("mail to ada@example.org: Your Gatehouse password was changed"), names, "{log}");
    assert!(names || !log.contains("@example.org"), "{log}");
}
