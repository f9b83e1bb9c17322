//! The outbox: mails are written in the transaction that causes them, and sent afterwards.
//!
//! A use case builds a row by [`row`], inserts it by `storage::outbox::insert` in its own transaction, and wakes the
//! sender by [`wake`] once that is committed. So no request waits for a mail server, and no mail is lost or tells of what
//! did not happen.
//!
//! Mails wait for their turn (`turns.rs`): the recipient decides a mail's class, and within a class the askers take turns. So
//! somebody who asks for many mails delays their own, and anybody else's by one turn.

use std::time::Duration;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    input::EmailAddress,
    secrets,
    storage::{Timestamp, outbox},
};

mod compose;
mod deliver;
mod pace;
mod send;
mod turns;

pub use compose::{Composed, MailKind, compose};
pub use send::{run, send_due};

/// A mail that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct MailRequest<'a> {
    /// What it is about.
    pub kind: MailKind,
    /// To whom it goes.
    pub to: &'a EmailAddress,
    /// The person whom it is about.
    pub user_id: Option<Uuid>,
    /// The challenge that it carries.
    pub challenge_id: Option<Uuid>,
    /// How long it is worth sending.
    pub good_for: Duration,
}

/// The row of a mail that is asked for, due at once. Among mails that wait it takes the turn of the person whom it is about,
/// unless another asker is put in.
#[must_use]
pub fn row(app: &App, order: MailRequest<'_>) -> outbox::Model {
    row_at(app.clock.now(), order)
}

/// [`row`] within a transaction, which has no app.
#[must_use]
pub fn row_at(now: OffsetDateTime, order: MailRequest<'_>) -> outbox::Model {
    outbox::Model {
        id: secrets::uuid_v7(now),
        kind: order.kind.name().to_owned(),
        address: order.to.as_str().to_owned(),
        user_id: order.user_id,
        challenge_id: order.challenge_id,
        asker: order.user_id,
        class: None,
        turn: None,
        created_at: Timestamp(now),
        expires_at: Timestamp(now + order.good_for),
        attempts: 0,
        due_at: Some(Timestamp(now)),
        sent_at: None,
        failed_at: None,
        last_error: None,
    }
}

/// Has this process send at once what it has just written. Another, or this one if it is forgotten, finds it seconds later.
pub fn wake(app: &App) {
    app.mail_waits.notify_one();
}
