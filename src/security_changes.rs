//! Security changes: changes to how a person signs in. The owner is notified of each change, and can usually undo it
//! with a link in the notice.
//!
//! A thief with an access token or a password can make such a change, but only the owner reads the emails to the
//! account's email address. Therefore, if the owner has proven an address, no change is made without a notice to that
//! address.

use std::time::Duration;

use sea_orm::DbErr;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    outbox::{self, MailKind, MailRequest},
    rate_limit::{self, Action},
    secrets,
    storage::{
        self, Timestamp, Txn, identity,
        security_change::{self, ChangeKind},
        user,
    },
};

/// How long a change can be undone. A notice contains an undo link only if its address was proven at least this long
/// ago. A thief who has just moved an account to their own address therefore gets no such link.
pub const UNDO_TTL: Duration = Duration::from_hours(72);

/// How long the server keeps trying to send a notice.
const NOTICE_GOOD_FOR: Duration = Duration::from_hours(24);

/// Returns the proven email address of a user. Returns `None` if the user has no address, or if the address was never
/// proven and may therefore belong to a stranger.
#[must_use]
pub fn proven_address(user: &user::Model) -> Option<EmailAddress> {
    let email = user.email.as_deref().filter(|_| user.email_verified_at.is_some())?;
    EmailAddress::parse(email).ok()
}

/// Builds a security notice to the owner of an account. `change` is the ID of the reported change, if that change can
/// be undone. Returns `None` if the account has no proven email address.
#[must_use]
pub fn notice(
    now: OffsetDateTime,
    kind: MailKind,
    owner: &user::Model,
    change: Option<Uuid>,
) -> Option<storage::outbox::Model> {
    let to = proven_address(owner)?;
    let request = MailRequest {
        kind,
        to: &to,
        user_id: Some(owner.id),
        challenge_id: change,
        good_for: NOTICE_GOOD_FOR,
    };
    Some(outbox::row_at(now, request))
}

/// A change that is about to be made, and its notice, which has already been charged to the budget for notices.
#[derive(Clone, Debug)]
pub struct SecurityChange {
    id: Uuid,
    kind: ChangeKind,
    /// `None` if the account has no proven address.
    notice: Option<storage::outbox::Model>,
    now: Timestamp,
}

impl SecurityChange {
    /// Prepares a change, and charges its notice to the daily budget for notices of this kind. Fails with
    /// [`Fault::RateLimited`] if the budget is used up. In that case, the change must not be made, because the owner
    /// would not learn about it.
    pub async fn announce(app: &App, user: &user::Model, kind: ChangeKind) -> Result<Self, Fault> {
        let now = app.clock.now();
        let id = secrets::uuid_v7(now);
        if proven_address(user).is_some() {
            rate_limit::charge(app, Action::Notice(kind, user.id)).await?;
        }
        let mail_kind = match kind {
            ChangeKind::PasswordChanged => MailKind::PasswordChanged,
            ChangeKind::PasswordReset => MailKind::PasswordWasReset,
            ChangeKind::EmailChanged => MailKind::EmailChanged,
            ChangeKind::IdentityLinked => MailKind::IdentityLinked,
            ChangeKind::IdentityUnlinked => MailKind::IdentityUnlinked,
            ChangeKind::SecondFactorEnabled => MailKind::SecondFactorEnabled,
            ChangeKind::SecondFactorRemoved => MailKind::SecondFactorRemoved,
            ChangeKind::RecoveryCodesReplaced => MailKind::RecoveryCodesReplaced,
            ChangeKind::PasskeyAdded => MailKind::PasskeyAdded,
            ChangeKind::PasskeyRemoved => MailKind::PasskeyRemoved,
        };
        let notice = notice(now, mail_kind, user, Some(id));
        Ok(Self { id, kind, notice, now: Timestamp(now) })
    }

    /// Writes the data needed to undo the change, and the notice. Must be called in the transaction that makes the
    /// change. `before` is the locked account as it was before the change, and `removed` are the identities that the
    /// change removes.
    pub async fn insert(
        self,
        txn: &Txn,
        before: &user::Model,
        removed: &[identity::Model],
    ) -> Result<(), DbErr> {
        let Self { id, kind, notice, now } = self;
        let (Some(notice), Some(verified_at)) = (notice, before.email_verified_at) else { return Ok(()) };
        // if the mailbox is the only way into the account, then the owner of the mailbox has approved the change of
        // address, and no second proof exists with which the change could be undone
        let has_other_proof = before.password_hash.is_some()
            || before.has_passkey()
            || !identity::list(txn, &[before.id]).await?.is_empty();
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
