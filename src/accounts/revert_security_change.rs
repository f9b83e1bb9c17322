//! Undoing a security change by the link in its notice.
//!
//! The reader of the notice has the mailbox that the account had before the change, and nothing more is known of them: they may
//! be a thief with an old mailbox. So the link opens no session and gives back no password; it ends what the change brought, and
//! mails a reset. An address comes back only with a second proof from before the change.

use sea_orm::{ConnectionTrait, DbErr};
use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use crate::{
    app::App,
    challenges::{About, Challenge, IssuedChallenge, MailPermit},
    fault::{Failure, Fault, Refusal},
    google_login::{GoogleLoginInput, IdentifyRefusal, identify},
    input::{EmailAddress, Password},
    outbox,
    rate_limit::{Action, Address, Attempt},
    sessions::Client,
    storage::{
        Timestamp, Txn,
        challenge::{self, Purpose},
        identity, known_address,
        security_change::{self, ChangeKind},
        session_end, user, user_changes,
    },
};

/// The token of a link, and a proof from before the change.
#[derive(Clone, Debug)]
pub struct RevertSecurityChangeInput {
    /// The token of the link.
    pub token: SecretString,
    /// The proof; needed where the address would change.
    pub proof: Option<OwnershipProof>,
}

/// What shows that somebody owned the account before the change, beside the mailbox.
#[derive(Clone, Debug)]
pub enum OwnershipProof {
    /// The password that the account had.
    Password(SecretString),
    /// What a provider gave for an identity that the account had.
    Identity(GoogleLoginInput),
    /// Something that says nothing of the time before the change.
    Other,
}

/// Why nothing was undone.
#[derive(Debug)]
pub enum RevertSecurityChangeRefusal {
    /// The token is unknown, expired or spent: never told apart.
    InvalidToken,
    /// The address would change, for which a proof from before the change is missing. The link stays good.
    ReauthenticationRequired,
    /// The proof is none from before the change. The link stays good.
    InvalidCredentials,
    /// Another account has the address by now.
    EmailTaken,
    /// It is not known whose identity it is.
    Identify(IdentifyRefusal),
}

impl Refusal for RevertSecurityChangeRefusal {}

impl From<IdentifyRefusal> for RevertSecurityChangeRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

/// What undoing a change comes to, as things are at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Plan {
    account: user::Model,
    /// The change and the later ones, the earliest first.
    changes: Vec<security_change::Model>,
    /// The change that gave up the address that comes back.
    moved: Option<security_change::Model>,
    /// The issuers and subjects of the identities that signed in before the change.
    identities_before: Vec<(String, String)>,
}

enum Reverted {
    Done(Box<IssuedChallenge>),
    /// The change was undone by another request.
    Gone,
    /// The account was changed while the proof was checked.
    Outdated,
}

/// Takes the account back to before a change and all later ones: ends every session, the identities linked since, and the
/// password; puts back the identities unlinked since, and with a proof the address. Mails a reset to the address that the account
/// has then; no budget refuses it, or strangers could use it up.
///
/// # Errors
/// [`RevertSecurityChangeRefusal::InvalidToken`] if the link cannot be used any more.
pub async fn revert_security_change(
    app: &App,
    client: &Client,
    input: RevertSecurityChangeInput,
) -> Result<IssuedChallenge, Failure<RevertSecurityChangeRefusal>> {
    let now = Timestamp(app.clock.now());
    let id = app.tokens.read_undo_token(input.token.expose_secret());
    let id = id.ok_or(RevertSecurityChangeRefusal::InvalidToken)?;
    let change = security_change::find_live(app.db.read(), id, now).await?;
    let change = change.filter(|change| change.is_revertible);
    let change = change.ok_or(RevertSecurityChangeRefusal::InvalidToken)?;
    let account = user::find(app.db.read(), change.user_id).await?;
    let account = account.ok_or(RevertSecurityChangeRefusal::InvalidToken)?;
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
            attempt.succeed(&txn).await?.ok();
            let Some(account) = user::lock(&txn, &[change.user_id]).await?.pop() else {
                return Ok(Reverted::Gone);
            };
            let as_locked = Plan::make(&txn, account, &change, now).await?;
            if as_locked.changes.first().is_none_or(|first| first.id != change.id) {
                return Ok(Reverted::Gone);
            }
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

/// Checks a proof from before the change. Tries are counted for the account and for the client.
async fn check(
    app: &App,
    client: &Client,
    change: &security_change::Model,
    plan: &Plan,
    proof: OwnershipProof,
) -> Result<Attempt, Failure<RevertSecurityChangeRefusal>> {
    match proof {
        OwnershipProof::Password(password) => {
            let password = Password::parse(password.expose_secret());
            let password = password.map_err(|_| RevertSecurityChangeRefusal::InvalidCredentials)?;
            let address = Address::rationed(app, client.ip_address);
            let mut failures = vec![Action::UndoProof(change.user_id)];
            failures.extend(address.iter().map(Action::FailedCodeFrom));
            let attempt = Attempt::begin(app, &failures, None).await?;
            let verified =
                app.passwords.verify(password.into_secret(), change.password_hash.as_deref()).await;
            if attempt.unless_busy(app, verified).await?.is_right {
                return Ok(attempt);
            }
        }
        OwnershipProof::Identity(input @ GoogleLoginInput::AuthorizationCode { .. }) => {
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
        let linked = identity::list(on, &[account.id]).await?.into_iter();
        let linked = linked
            .filter(|identity| is_before(identity.linked_at.0))
            .map(|identity| (identity.issuer, identity.subject));
        let removed = unlinked(&changes)
            .filter(|identity| is_before(identity.linked_at()))
            .map(|identity| (identity.issuer, identity.subject));
        let identities_before: Vec<_> = linked.chain(removed).collect();
        // where no proof from before can be given, the mailbox of that time approved what came after
        let is_provable = change.password_hash.is_some() || !identities_before.is_empty();
        let moved = changes.iter().find(|change| change.kind == ChangeKind::EmailChanged && is_provable);
        Ok(Self { account, moved: moved.cloned(), changes, identities_before })
    }

    /// The address that the account will have.
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

/// The identities that the owner or a thief unlinked. Those that a reset removed stay removed: a thief may have linked them.
fn unlinked(changes: &[security_change::Model]) -> impl Iterator<Item = security_change::RemovedIdentity> {
    let unlinkings = changes.iter().filter(|change| change.kind == ChangeKind::IdentityUnlinked);
    unlinkings.flat_map(security_change::RemovedIdentity::read)
}
