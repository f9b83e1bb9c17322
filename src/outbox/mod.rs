//! The outbox: emails are recorded in the transaction that causes them, and sent after it commits.
//!
//! A use case builds a row with [`row`], inserts it with `storage::outbox::insert` in its own transaction,
//! and calls [`wake`] once the transaction has committed. As a result, no request waits for a mail server, no
//! email is lost, and no email reports something that was rolled back.
//!
//! Emails wait for their turn (`turns.rs`). Each email belongs to a class, which depends mainly on the recipient.
//! Within a class, the askers (the users and clients that request emails) take turns. An asker who requests many
//! emails therefore delays mainly their own, and delays everyone else's by at most one turn.

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
mod identities;
mod mail_kind;
mod pace;
mod send;
mod turns;

pub use compose::{Composed, compose};
pub use mail_kind::MailKind;
pub use send::{run, send_due};

/// A request for an email.
#[derive(Clone, Copy, Debug)]
pub struct MailRequest<'a> {
    /// The kind of the email.
    pub kind: MailKind,
    /// The recipient.
    pub to: &'a EmailAddress,
    /// The user whom the email is about.
    pub user_id: Option<Uuid>,
    /// The challenge or security change whose code or link the email contains.
    pub challenge_id: Option<Uuid>,
    /// How long the email is worth sending.
    pub good_for: Duration,
}

/// Returns the row of a requested email, which is due immediately. The user whom the email is about counts as its asker,
/// unless the caller sets a different one.
#[must_use]
pub fn row(app: &App, order: MailRequest<'_>) -> outbox::Model {
    row_at(app.clock.now(), order)
}

/// Does the same as [`row`], for use in a transaction, where there is no app.
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

/// Wakes the sender of this process. Even without this call, a sender finds new emails within seconds.
pub fn wake(app: &App) {
    app.mail_waits.notify_one();
}
