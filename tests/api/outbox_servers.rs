//! Several servers and versions share one outbox, and servers crash: no email is lost, and few are sent twice.

use std::{
    collections::HashMap,
    process::Command,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use gatehouse::{
    outbox::{self, MailKind, MailRequest, send_due},
    storage::{
        Timestamp,
        outbox::{Model, Outcome, claim, insert, settle},
        outbox_turns::{Turn, sort},
    },
};
use rstest::rstest;

use crate::{
    outbox::{ids, row},
    support::{
        Database, EMAIL, NO_VERIFICATION, Postgres, Sqlite, TestApp, mail_server::MailServer, process::Server,
    },
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_mail_belongs_to_its_server_until_the_lease_ends(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    let id = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    let claim_now = async || {
        let now = Timestamp(app.app.clock.now());
        let claimed = app.app.db.write(async move |txn| {
            sort(&txn, &[Turn { id, class: 1, turn: 0 }], now).await?;
            claim(&txn, None, 10, now, Duration::from_mins(1)).await
        });
        claimed.await.unwrap()
    };
    let settle_now = async |attempt| {
        let now = Timestamp(app.app.clock.now());
        let settled =
            app.app.db.write_one(async move |txn| settle(&txn, id, attempt, Outcome::Sent, now).await);
        settled.await.unwrap()
    };
    assert_eq!(claim_now().await.iter().map(|row| row.attempts).collect::<Vec<_>>(), [1]);
    assert!(claim_now().await.is_empty());
    app.advance(Duration::from_secs(59));
    assert!(claim_now().await.is_empty());
    app.advance(Duration::from_secs(2));
    assert_eq!(claim_now().await[0].attempts, 2, "the first server may have died");
    assert!(!settle_now(1).await, "if it was only late, its result no longer counts");
    assert!(row(&app, id).await.due_at.is_some());
    assert!(settle_now(2).await);
    assert!(!settle_now(2).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_send_each_mail_once() {
    let server = MailServer::start(&[]);
    let one = server.app(Postgres).await;
    let other = one.another(&[]).await;
    let ada = one.sign_up(EMAIL).await;
    let ordered = join_all((0..60).map(|_| one.order(MailKind::PasswordChanged, EMAIL, &ada.user_id))).await;
    let sent = join_all([&one, &other, &one, &other].map(|app| send_due(&app.app))).await;
    let sent: Vec<u64> = sent.into_iter().map(Result::unwrap).collect();
    assert_eq!(sent.iter().sum::<u64>(), 60);
    assert!(sent.iter().all(|count| *count > 0), "the servers do not share the work: {sent:?}");
    let (mut ids, mut ordered) = (ids(&server.mails()), ordered);
    ids.sort_unstable();
    ordered.sort_unstable();
    assert_eq!(ids, ordered.iter().map(|id| format!("<{id}@127.0.0.1>")).collect::<Vec<_>>());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_while_sending_loses_no_mail(#[values(Sqlite, Postgres)] database: Database) {
    const KILLS: usize = 3;
    let mail_server = MailServer::start(&[]);
    mail_server.answer("slow");
    let app = mail_server.app(database).await;
    let ada = app.sign_up(EMAIL).await;
    let mut ordered = Vec::new();
    for _ in 0..40 {
        ordered.push(app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await);
    }
    let folder = tempfile::tempdir().unwrap();
    let settings = ["DATABASE_URL", "PUBLIC_URL", "SECRET_KEY", "SMTP_URL", "EMAIL_FROM"]
        .map(|name| (name, app.settings[name].as_str()));
    for _ in 0..KILLS {
        let before = mail_server.mails().len();
        let (server, _) = Server::start(folder.path(), &["serve"], &settings).await;
        while mail_server.mails().len() < before + 6 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    }
    mail_server.answer("ok");
    send_due(&app.app).await.unwrap();
    assert!(mail_server.mails().len() >= 40 - KILLS * 4);
    app.advance(Duration::from_secs(61));
    send_due(&app.app).await.unwrap();

    let mut copies = HashMap::<String, Vec<String>>::new();
    for mail in mail_server.mails() {
        copies.entry(mail.header("Message-ID")).or_default().push(mail.content);
    }
    for id in &ordered {
        let copies = copies.get(&format!("<{id}@127.0.0.1>")).unwrap_or_else(|| panic!("{id} was lost"));
        assert!(copies.iter().all(|copy| *copy == copies[0]), "the copies are not identical");
    }
    let twice = copies.values().map(|copies| copies.len() - 1).sum::<usize>();
    assert!(
        (1..=KILLS * 4).contains(&twice),
        "{twice} mails were sent twice: a kill repeats only the mails being sent"
    );
    assert_eq!(copies.len(), 40);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_of_this_server_are_sent_at_once_and_those_of_others_soon(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn({
        let app = app.app.clone();
        async move { outbox::run(&app, async { drop(stopped.await) }).await }
    });
    let arrived = async |count: usize| {
        let begun = Instant::now();
        while server.mails().len() < count {
            assert!(begun.elapsed() < Duration::from_secs(10), "the email does not arrive");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        begun.elapsed()
    };
    // the first check of the outbox is over
    tokio::time::sleep(Duration::from_millis(300)).await;
    app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    let took = arrived(1).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let other = app.another(&[]).await;
    other.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    arrived(2).await;

    // an email that is being sent when the server stops is finished and recorded
    server.answer("slow");
    let last = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    arrived(3).await;
    drop(stop);
    running.await.unwrap();
    assert!(row(&app, last).await.sent_at.is_some());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_of_a_newer_version_wait_for_a_newer_server(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    let to = gatehouse::input::EmailAddress::parse(EMAIL).unwrap();
    let order = MailRequest {
        kind: MailKind::PasswordChanged,
        to: &to,
        user_id: None,
        challenge_id: None,
        good_for: Duration::from_hours(1),
    };
    let future = Model { kind: "birthday".to_owned(), ..outbox::row(&app.app, order) };
    let id = future.id;
    app.app.db.write_one(async move |txn| insert(&txn, future).await).await.unwrap();
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    let row = row(&app, id).await;
    assert!(row.due_at.is_some() && row.last_error.unwrap().contains("does not know"));
}
