//! The order of waiting emails: nobody can delay the emails of others by requesting many.
//!
//! The tests print how long a person waited: `cargo test --test api mail_turns -- --nocapture`.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use gatehouse::{
    input::EmailAddress,
    outbox::{self, MailKind, MailRequest, send_due},
    storage::{
        Timestamp,
        challenge::{self, Method, Purpose},
        outbox as mails,
        outbox_turns::{Turn, sort},
        user,
    },
};
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use tokio::{sync::oneshot, task::JoinHandle};
use uuid::Uuid;

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp, database::connect, mail_server::MailServer,
};

pub(crate) const MANDATORY: (&str, &str) = ("EMAIL_VERIFICATION", "mandatory");
const PROXY: (&str, &str) = ("TRUSTED_PROXIES", "127.0.0.1");

/// A task that sends emails until it is stopped.
pub(crate) struct Sender(JoinHandle<()>, oneshot::Sender<()>);

impl Sender {
    pub(crate) fn start(app: &TestApp) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let app = app.app.clone();
        Self(tokio::spawn(async move { outbox::run(&app, async { drop(stopped.await) }).await }), stop)
    }

    pub(crate) async fn stop(self) {
        drop(self.1);
        self.0.await.unwrap();
    }
}

/// Returns the rows that a request for an address without an account writes; each `n` is a different client.
pub(crate) fn strangers_ask(app: &TestApp, n: u128) -> (challenge::Model, mails::Model) {
    let to = EmailAddress::parse(&format!("invented-{n}@example.org")).unwrap();
    let (id, now) = (Uuid::from_u128(n), app.app.clock.now());
    let good_for = Duration::from_mins(30);
    let (created_at, expires_at) = (Timestamp(now), Timestamp(now + good_for));
    let challenge = challenge::Model {
        email: to.as_str().to_owned(),
        email_key: to.key().to_owned(),
        link_id: Some(id),
        ..challenge::Model::new(id, Purpose::ResetPassword, Method::Link, created_at, expires_at)
    };
    let order = MailRequest {
        kind: MailKind::ResetPassword,
        to: &to,
        user_id: None,
        challenge_id: Some(id),
        good_for,
    };
    (challenge, mails::Model { asker: Some(id), ..outbox::row(&app.app, order) })
}

/// Writes a notice to this address, which is sent if the account exists.
async fn order_as(app: &TestApp, asker: u128, to: &str, user_id: Option<Uuid>) {
    let to = EmailAddress::parse(to).unwrap();
    let good_for = Duration::from_hours(1);
    let order =
        MailRequest { kind: MailKind::PasswordChanged, to: &to, user_id, challenge_id: None, good_for };
    let row = mails::Model { asker: Some(Uuid::from_u128(asker)), ..outbox::row(&app.app, order) };
    app.app.db.write_one(async move |txn| mails::insert(&txn, row).await).await.unwrap();
}

/// Otherwise the delay of a requested email would reveal whether the emails requested before it were skipped.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_skipped_mail_takes_its_turn_like_any_other(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(true, false)] says_nothing: bool,
) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await.user_id.parse().ok();
    for _ in 0..8 {
        order_as(&app, 1, "other@example.org", ada.filter(|_| !says_nothing)).await;
    }
    order_as(&app, 1, "own@example.org", ada).await;
    for _ in 0..20 {
        order_as(&app, 2, "neighbour@example.org", ada).await;
    }
    send_due(&app.app).await.unwrap();
    let mails = server.mails();
    let own = mails.iter().position(|mail| mail.to == ["own@example.org"]).unwrap();
    let neighbours = mails[..own].iter().filter(|mail| mail.to == ["neighbour@example.org"]).count();
    assert!((5..=11).contains(&neighbours), "{neighbours} of the neighbor's emails instead of eight");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verified_users_go_first_strangers_last_and_nobody_waits_forever(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let server = MailServer::start(&[]);
    let app = server.app_with(database, &[MANDATORY, PROXY, ("NO_ACCOUNT_NOTICE", "on")]).await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    for n in 0..30 {
        let (challenge, mail) = strangers_ask(&app, n);
        challenge::insert(&on, challenge).await.unwrap();
        mails::insert(&on, mail).await.unwrap();
    }
    let register = |n: usize| {
        let app = &app;
        let email = format!("person-{n}@example.org");
        async move { app.register(&email, PASSWORD).await["__typename"] == "EmailChallenge" }
    };
    assert!(stream::iter(0..30).map(register).buffer_unordered(8).all(async |begun| begun).await);
    let user = user::Model {
        email: Some(EMAIL.to_owned()),
        ..user::Model::new(Uuid::max(), Timestamp(app.app.clock.now()))
    };
    app.app.db.write(async move |txn| user::insert(&txn, user).await).await.unwrap();
    for n in 0..30 {
        order_as(&app, 1000 + n, EMAIL, Some(Uuid::max())).await;
    }
    assert_eq!(send_due(&app.app).await.unwrap(), 90);
    let mails = server.mails();
    let class = |to: &str| match to {
        EMAIL => 0,
        to if to.starts_with("person-") => 1,
        _ => 2,
    };
    let classes: Vec<usize> = mails.iter().map(|mail| class(&mail.to[0])).collect();
    let count = |class| classes[..30].iter().filter(|each| **each == class).count();
    // several emails are sent at once, so the last of the thirty may arrive a little later
    let counts = [count(0), count(1), count(2)];
    assert!(
        (18..=24).contains(&counts[0]) && (4..=9).contains(&counts[1]) && (1..=5).contains(&counts[2]),
        "{counts:?}"
    );
    let last = |class| classes.iter().rposition(|each| *each == class).unwrap();
    assert!(last(0) < last(1) && last(1) < last(2), "{classes:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_that_failed_do_not_delay_others(#[values(Sqlite, Postgres)] database: Database) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await.user_id.parse().ok();
    server.answer("4xx");
    for _ in 0..8 {
        order_as(&app, 1, "failed@example.org", ada).await;
    }
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    server.answer("ok");
    for _ in 0..8 {
        order_as(&app, 1, "later@example.org", ada).await;
    }
    assert_eq!(send_due(&app.app).await.unwrap(), 8);
    let waiting = mails::list_waiting(app.app.db.read(), 100).await.unwrap();
    assert!(waiting.len() == 8 && waiting.iter().all(|mail| mail.class.is_none() && mail.turn.is_none()));
    // when they are due again they take turns with the others
    app.advance(Duration::from_secs(7));
    for _ in 0..8 {
        order_as(&app, 2, "neighbour@example.org", ada).await;
    }
    assert_eq!(send_due(&app.app).await.unwrap(), 16);
    let mails = server.mails();
    let failed = mails[8..16].iter().filter(|mail| mail.to == ["failed@example.org"]).count();
    assert!((2..=6).contains(&failed), "{failed} instead of four");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_that_expire_in_the_queue_are_dropped(#[values(Sqlite, Postgres)] database: Database) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let rows = (0..1200).map(|n| strangers_ask(&app, n).1.into_active_model());
    let rows: Vec<_> = rows.collect();
    for rows in rows.chunks(400) {
        mails::Entity::insert_many(rows.to_vec()).exec_without_returning(&on).await.unwrap();
    }
    app.advance(Duration::from_mins(31));
    assert_eq!(send_due(&app.app).await.unwrap(), 0);
    assert_eq!(mails::count_waiting(app.app.db.read()).await.unwrap(), 0);
    let all = mails::Entity::find().all(app.app.db.read()).await.unwrap();
    let is_dropped = |mail: &mails::Model| {
        mail.failed_at.is_some()
            && mail.class.is_none()
            && mail.last_error.as_deref() == Some("too late; nobody tried to send it in time")
    };
    assert!(all.len() == 1200 && all.iter().all(is_dropped));
    assert!(all.iter().all(|mail| mail.attempts == 0), "no attempt was made to send them");
    assert_eq!(server.mails().len(), 0);
}

/// A server of the previous version claims emails without regard to turns.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_claimed_by_an_older_server_are_left_to_it(#[values(Sqlite, Postgres)] database: Database) {
    let server = MailServer::start(&[]);
    let app = server.app(database).await;
    let ada = app.sign_up(EMAIL).await.user_id.parse().ok();
    // more than this server sends at once
    for _ in 0..8 {
        order_as(&app, 1, EMAIL, ada).await;
    }
    let now = Timestamp(app.app.clock.now());
    let waiting = mails::list_waiting(app.app.db.read(), 8).await.unwrap();
    let turns: Vec<_> = waiting.iter().map(|mail| Turn { id: mail.id, class: 1, turn: 0 }).collect();
    app.app.db.write_one(async move |txn| sort(&txn, &turns, now).await).await.unwrap();
    app.sql("UPDATE outbox SET due_at = due_at + 60000, attempts = 1").await;
    order_as(&app, 1, "later@example.org", ada).await;
    assert_eq!(send_due(&app.app).await.unwrap(), 1);
    assert_eq!(server.mails()[0].to, ["later@example.org"]);
    app.advance(Duration::from_secs(61));
    assert_eq!(send_due(&app.app).await.unwrap(), 8, "the leases of the older server have expired");
    assert_eq!(server.mails().len(), 9);
}
