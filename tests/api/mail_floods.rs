//! A flood of emails does not delay the emails of others.
//!
//! The tests print how long a person waited: `cargo test --test api mail_floods -- --nocapture`.

use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use gatehouse::{
    challenges::{self, About, Asker, Challenge, Registration},
    input::EmailAddress,
    outbox,
    sessions::Client,
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        outbox as mails, user,
    },
};
use rstest::rstest;
use sea_orm::{EntityTrait, IntoActiveModel};
use uuid::Uuid;

use crate::{
    mail_turns::{MANDATORY, Sender, strangers_ask},
    support::{
        Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Sqlite, TestApp, database::connect,
        mail_server::MailServer,
    },
};

/// The number of emails that may go first: those already being sent, and the turns of other classes.
const FEW: usize = 10;

/// Waits for the email to this address, and returns how many others went before it, not counting the server's first
/// `before`.
async fn mails_before(server: &MailServer, to: &str, before: usize) -> usize {
    let asked = Instant::now();
    loop {
        let position = server.mails().iter().skip(before).position(|mail| mail.to == [to]);
        if let Some(position) = position {
            println!("    {to} waited {:.1} s, behind {position} others", asked.elapsed().as_secs_f64());
            return position;
        }
        assert!(asked.elapsed() < Duration::from_mins(1), "the email does not arrive");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Registers `count` invented addresses as one client.
async fn flood(app: &TestApp, count: usize) {
    let client = &Client { ip_address: "203.0.113.9".parse().ok(), user_agent: None };
    let asks = stream::iter(0..count).map(|n| async move {
        let to = EmailAddress::parse(&format!("invented-{n}@example.org")).unwrap();
        let now = Timestamp(app.app.clock.now());
        let row = user::Model::new(Uuid::from_u128(n as u128), now);
        let registration = Registration::of(user::Model { email: Some(to.as_str().to_owned()), ..row });
        let (purpose, about) = (Purpose::VerifyEmail, About { registration, ..About::default() });
        let permit =
            challenges::charge(&app.app, Asker::anonymous(client.ip_address), purpose, &to).await.unwrap();
        let challenge = Challenge::new(&app.app, purpose, &to, about, permit);
        app.app.db.write(async move |txn| challenge.insert(&txn).await).await.unwrap();
    });
    asks.buffer_unordered(32).collect::<()>().await;
    outbox::wake(&app.app);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_gets_its_code_before_the_mails_of_a_flood(#[values(Sqlite, Postgres)] database: Database) {
    let server = MailServer::start(&[]);
    server.answer("150ms");
    let settings = [MANDATORY, ("RATE_LIMIT_MAILS_ADDRESS", "10000/1h"), ("MAIL_RATE", "10/1s")];
    let app = server.app_with(database, &settings).await;
    let sender = Sender::start(&app);
    flood(&app, 1500).await;
    let before = server.mails().len();
    assert_eq!(app.register(EMAIL, PASSWORD).await["__typename"], "EmailChallenge");
    assert!(mails_before(&server, EMAIL, before).await < FEW);
    sender.stop().await;
    let sent = server.mails().len();
    assert!(sent < 500, "{sent} of 1500 were sent: the flood did not wait");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_to_account_holders_go_ahead_of_requests_from_10000_addresses(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let server = MailServer::start(&[]);
    server.answer("150ms");
    let settings = [NO_VERIFICATION, ("NO_ACCOUNT_NOTICE", "on"), ("MAIL_RATE", "10/1s")];
    let app = server.app_with(database, &settings).await;
    app.sign_up(EMAIL).await;
    app.sql("UPDATE users SET email_verified_at = 1").await;
    let rows: Vec<_> = (0..10_000).map(|n| strangers_ask(&app, n)).collect();
    let on = connect(&app.settings["DATABASE_URL"]).await;
    for rows in rows.chunks(500) {
        let challenges = rows.iter().map(|(challenge, _)| challenge.clone().into_active_model());
        challenge::Entity::insert_many(challenges).exec_without_returning(&on).await.unwrap();
        let mails = rows.iter().map(|(_, mail)| mail.clone().into_active_model());
        mails::Entity::insert_many(mails).exec_without_returning(&on).await.unwrap();
    }
    let sender = Sender::start(&app);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = server.mails().len();
    assert_eq!(app.request_reset(EMAIL).await["__typename"], "EmailChallenge");
    assert!(mails_before(&server, EMAIL, before).await < FEW);
    sender.stop().await;
}
