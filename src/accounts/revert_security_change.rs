//! Undoing a security change with the link in its notice.
//!
//! The reader of the notice might not be the owner: they can read the mailbox that the account had before the change,
//! but a thief may control an old mailbox. The link therefore opens no session and restores no password. It undoes the
//! change and emails a reset link. The email address is restored only if the reader also proves in a second way that
//! they owned the account before the change.

use sea_orm::{ConnectionTrait, DbErr};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::{
    app::App,
    challenges::{About, Challenge, IssuedChallenge, MailPermit},
    fault::{Failure, Fault, Refusal},
    input::{EmailAddress, Password},
    outbox,
    provider_login::{IdentifyRefusal, ProviderLoginInput, ProviderProof, identify},
    rate_limit::{Action, Address, Attempt},
    second_factors,
    sessions::{Client, try_password},
    storage::{
        Timestamp, Txn,
        challenge::{self, Purpose},
        identity, known_address,
        security_change::{self, ChangeKind},
        session_end, user, user_changes,
    },
};

/// The token of a link, and a proof that the person owned the account before the change.
#[derive(Clone, Debug)]
pub struct RevertSecurityChangeInput {
    /// The token of the link.
    pub token: SecretString,
    /// The proof. Required if the email address would change.
    pub proof: Option<OwnershipProof>,
}

/// A proof, in addition to the mailbox, that the person owned the account before the change.
#[derive(Clone, Debug)]
pub enum OwnershipProof {
    /// The password that the account had before the change.
    Password(SecretString),
    /// The provider's response for an identity that the account had before the change.
    Identity(ProviderLoginInput),
    /// Anything else. It proves nothing about the time before the change.
    Other,
}

/// The reasons why nothing is undone.
#[derive(Debug)]
pub enum RevertSecurityChangeRefusal {
    /// The token is unknown, expired or spent. The client cannot tell which.
    InvalidToken,
    /// The email address would change, and the ownership proof is missing. The link remains usable.
    ReauthenticationRequired,
    /// The proof is wrong, or proves nothing about the time before the change. The link remains usable.
    InvalidCredentials,
    /// Another account has the email address now.
    EmailTaken,
    /// The provider did not identify anyone.
    Identify(IdentifyRefusal),
}

impl Refusal for RevertSecurityChangeRefusal {}

impl From<IdentifyRefusal> for RevertSecurityChangeRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

/// The effects of undoing a change, given the current rows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    account: user::Model,
    /// The change and all later changes, earliest first.
    changes: Vec<security_change::Model>,
    /// The change of email address that is undone, if there is one.
    moved: Option<security_change::Model>,
    /// The issuers and subjects of the identities that were linked before the change.
    identities_before: Vec<(String, String)>,
}

enum Reverted {
    Done(Box<IssuedChallenge>),
    /// Another request has undone the change.
    Gone,
    /// The account changed while the proof was checked.
    Outdated,
}

/// Undoes a change and all later changes.
///
/// Ends every session and removes the password. Removes the identities and second factors that were added since the
/// change. Restores the identities that were unlinked and the second factors that were removed since then. With an
/// ownership proof, also restores the email address. Emails a reset link to the address that the account has
/// afterwards. That email is not subject to a budget, because strangers could use the budget up.
pub async fn revert_security_change(
    app: &App,
    client: &Client,
    input: RevertSecurityChangeInput,
) -> Result<IssuedChallenge, Failure<RevertSecurityChangeRefusal>> {
    let now = Timestamp(app.clock.now());
    let id = app
        .tokens
        .read_undo_token(input.token.expose_secret())
        .ok_or(RevertSecurityChangeRefusal::InvalidToken)?;
    let change = security_change::find_live(app.db.read(), id, now)
        .await?
        .filter(|change| change.is_revertible)
        .ok_or(RevertSecurityChangeRefusal::InvalidToken)?;
    let account =
        user::find(app.db.read(), change.user_id).await?.ok_or(RevertSecurityChangeRefusal::InvalidToken)?;
    let plan = Plan::make(app.db.read(), account, &change, now).await?;
    let attempt = match input.proof {
        Some(proof) => check(app, client, &change, &plan, proof).await?,
        None if plan.moved.is_some() => {
            return Err(RevertSecurityChangeRefusal::ReauthenticationRequired.into());
        }
        None => Attempt::free(app),
    };
    let to = EmailAddress::parse(plan.email()).map_err(|_| RevertSecurityChangeRefusal::InvalidToken)?;
    let permit = MailPermit::uncharged(app);
    let reset = Challenge::new(app, Purpose::ResetPassword, &to, About::default(), permit);
    let outcome = app
        .db
        .write(async move |txn| {
            // this attempt charges no budget for successes, so it cannot be refused
            attempt.succeed(&txn).await?.ok();
            let Some(account) = user::lock(&txn, &[change.user_id]).await?.pop() else {
                return Ok(Reverted::Gone);
            };
            let as_locked = Plan::make(&txn, account, &change, now).await?;
            if as_locked.changes.first().is_none_or(|first| first.id != change.id) {
                return Ok(Reverted::Gone);
            }
            // the proof was checked against the old plan, and might not be enough for the new one
            if as_locked != plan {
                return Ok(Reverted::Outdated);
            }
            plan.carry_out(&txn, &change, now).await?;
            Ok(Reverted::Done(Box::new(reset.insert(&txn).await?)))
        })
        .await;
    match outcome {
        Ok(Reverted::Done(issued)) => {
            outbox::wake(app);
            Ok(*issued)
        }
        Ok(Reverted::Gone) => Err(RevertSecurityChangeRefusal::InvalidToken.into()),
        Ok(Reverted::Outdated) => Err(Fault::Busy.into()),
        Err(Fault::Conflict(_)) => Err(RevertSecurityChangeRefusal::EmailTaken.into()),
        Err(fault) => Err(fault.into()),
    }
}

/// Checks an ownership proof. Attempts are charged to the account and to the client.
async fn check(
    app: &App,
    client: &Client,
    change: &security_change::Model,
    plan: &Plan,
    proof: OwnershipProof,
) -> Result<Attempt, Failure<RevertSecurityChangeRefusal>> {
    match proof {
        OwnershipProof::Password(password) => {
            let entered = Password::parse(password.expose_secret())
                .map_err(|_| RevertSecurityChangeRefusal::InvalidCredentials)?;
            let address = Address::rationed(app, client.ip_address);
            let mut failures = vec![Action::UndoProof(change.user_id)];
            failures.extend(address.iter().map(Action::FailedCodeFrom));
            let stored = change.password_hash.as_deref();
            if let Some(attempt) = try_password(app, address.as_ref(), &failures, entered, stored).await? {
                return Ok(attempt);
            }
        }
        OwnershipProof::Identity(
            input @ ProviderLoginInput { proof: ProviderProof::AuthorizationCode { .. }, .. },
        ) => {
            let (account, attempt) = identify(app, client, &input).await.map_err(Failure::into_refusal)?;
            if plan.identities_before.contains(&(account.issuer, account.subject)) {
                return Ok(attempt);
            }
        }
        OwnershipProof::Identity(_) | OwnershipProof::Other => {}
    }
    Err(RevertSecurityChangeRefusal::InvalidCredentials.into())
}

impl Plan {
    async fn make(
        on: &impl ConnectionTrait,
        account: user::Model,
        change: &security_change::Model,
        now: Timestamp,
    ) -> Result<Self, DbErr> {
        let changes = security_change::list_since(on, account.id, change.id, now).await?;
        let is_before = |linked_at: OffsetDateTime| linked_at < change.created_at.0;
        let linked = identity::list(on, &[account.id])
            .await?
            .into_iter()
            .filter(|identity| is_before(identity.linked_at.0))
            .map(|identity| (identity.issuer, identity.subject));
        let removed = unlinked(&changes)
            .filter(|identity| is_before(identity.linked_at()))
            .map(|identity| (identity.issuer, identity.subject));
        let identities_before: Vec<_> = linked.chain(removed).collect();
        // if the account had neither a password nor an identity, the mailbox was the only way in, and the owner of the
        // mailbox has approved the change of address
        let is_provable = change.password_hash.is_some() || !identities_before.is_empty();
        let moved = changes.iter().find(|change| change.kind == ChangeKind::EmailChanged && is_provable);
        Ok(Self { account, moved: moved.cloned(), changes, identities_before })
    }

    /// Returns the email address that the account has afterwards.
    fn email(&self) -> &str {
        let moved = self.moved.as_ref().and_then(|moved| moved.email.as_deref());
        moved.or(self.account.email.as_deref()).unwrap_or_default()
    }

    async fn carry_out(
        &self,
        txn: &Txn,
        change: &security_change::Model,
        now: Timestamp,
    ) -> Result<(), DbErr> {
        let id = self.account.id;
        for email_key in
            [self.account.email_key.as_deref(), change.email_key.as_deref()].into_iter().flatten()
        {
            challenge::end_all(txn, email_key, now).await?;
        }
        challenge::end_all_of(txn, id, now).await?;
        security_change::end_since(txn, id, change.id, now).await?;
        user_changes::remove_password(txn, id, now).await?;
        if let Some(security_change::Model {
            email: Some(email),
            email_key: Some(key),
            email_verified_at,
            ..
        }) = self.moved.clone()
        {
            user_changes::set_email(txn, id, email, key, email_verified_at.unwrap_or(now), now).await?;
        }
        second_factors::revert(txn, &self.account, change.created_at, now).await?;
        session_end::end_all(txn, id, now).await?;
        known_address::forget_others(txn, id, "").await?;
        let added = identity::list_since(txn, id, change.created_at).await?;
        identity::delete(txn, id, &added, now).await?;
        for removed in unlinked(&self.changes) {
            if removed.linked_at() < change.created_at.0 {
                identity::insert(txn, removed.into_row(id, now)).await?;
            }
        }
        Ok(())
    }
}

/// Returns the identities that were unlinked on request. Identities that a reset removed stay removed, because a thief
/// may have linked them.
fn unlinked(changes: &[security_change::Model]) -> impl Iterator<Item = security_change::RemovedIdentity> {
    let unlinkings = changes.iter().filter(|change| change.kind == ChangeKind::IdentityUnlinked);
    unlinkings.flat_map(security_change::RemovedIdentity::read)
}
