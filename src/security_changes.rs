//! Security changes: changes of what signs a person in, and the notice that tells the owner of each and can undo it.
//!
//! A thief of an access token or of a password may make one; only the owner reads the mails to the account's address. So no
//! change is made without its notice, and the notice goes to an address that the owner has proven.

use std::time::Duration;

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    outbox::{self, MailRequest},
    rate_limit::{self, Action},
    secrets,
    storage::{
        self, Timestamp, Txn, identity,
        security_change::{self, ChangeKind},
        user,
    },
};

/// How long a change can be undone. A change of address is undone from an address that was proven for as long before: a thief
/// who has just moved an account to an address of their own gets no link.
pub const UNDO_TTL: Duration = Duration::from_hours(72);

/// How long a notice is worth sending.
const NOTICE_GOOD_FOR: Duration = Duration::from_hours(24);

/// A change about to be made, and its notice, which was charged.
#[derive(Clone, Debug)]
pub struct SecurityChange {
    id: Uuid,
    kind: ChangeKind,
    /// `None` if the account has no proven address.
    notice: Option<storage::outbox::Model>,
    now: Timestamp,
}

impl SecurityChange {
    /// Charges the notice of a change. Where a day's notices of its kind are used up, there must be no such change.
    ///
    /// # Errors
    /// [`Fault::RateLimited`].
    pub async fn announce(app: &App, user: &user::Model, kind: ChangeKind) -> Result<Self, Fault> {
        let now = app.clock.now();
        let id = secrets::uuid_v7(now);
        let email = user.email.as_deref().filter(|_| user.email_verified_at.is_some());
        let to = email.and_then(|email| EmailAddress::parse(email).ok());
        if to.is_some() {
            rate_limit::charge(app, Action::Notice(kind, user.id)).await?;
        }
        let notice = to.map(|to| {
            let order = MailRequest {
                kind: match kind {
                    ChangeKind::PasswordChanged => outbox::MailKind::PasswordChanged,
                    ChangeKind::PasswordReset => outbox::MailKind::PasswordWasReset,
                    ChangeKind::EmailChanged => outbox::MailKind::EmailChanged,
                    ChangeKind::IdentityLinked => outbox::MailKind::GoogleLinked,
                    ChangeKind::IdentityUnlinked => outbox::MailKind::GoogleUnlinked,
                },
                to: &to,
                user_id: Some(user.id),
                challenge_id: Some(id),
                good_for: NOTICE_GOOD_FOR,
            };
            outbox::row(app, order)
        });
        Ok(Self { id, kind, notice, now: Timestamp(now) })
    }

    /// Writes what is needed to undo the change, and its notice. It belongs into the transaction that makes the change:
    /// `before` is the locked account as it was, `removed` the identities that the change takes away.
    ///
    /// # Errors
    /// The database's.
    pub async fn insert(
        self,
        txn: &Txn,
        before: &user::Model,
        removed: &[identity::Model],
    ) -> Result<(), DbErr> {
        let Self { id, kind, notice, now } = self;
        let (Some(notice), Some(verified_at)) = (notice, before.email_verified_at) else { return Ok(()) };
        // an account that only its mailbox opens gave up the address by that mailbox: nothing else could approve the undo
        let has_other_proof =
            before.password_hash.is_some() || !identity::list(txn, &[before.id]).await?.is_empty();
        let is_revertible =
            verified_at.0 + UNDO_TTL <= now.0 && (kind != ChangeKind::EmailChanged || has_other_proof);
        let gives_up_address = kind == ChangeKind::EmailChanged;
        let row = security_change::Model {
            id,
            user_id: before.id,
            kind,
            is_revertible,
            email: before.email.clone().filter(|_| gives_up_address),
            email_key: before.email_key.clone().filter(|_| gives_up_address),
            email_verified_at: before.email_verified_at.filter(|_| gives_up_address),
            password_hash: before.password_hash.clone(),
            identities: security_change::RemovedIdentity::write(removed),
            created_at: now,
            expires_at: Timestamp(now.0 + UNDO_TTL),
            ended_at: None,
        };
        security_change::insert(txn, row).await?;
        let address = before.email.clone().unwrap_or_else(|| notice.address.clone());
        storage::outbox::insert(txn, storage::outbox::Model { address, ..notice }).await
    }
}
