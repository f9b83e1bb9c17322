//! What becomes of a proof, whichever way it was given.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    challenges::{self, RegisteredIdentity, Registration},
    config::ChallengeMethod,
    fault::Fault,
    input::EmailAddress,
    outbox::{self, Kind, Order},
    secrets,
    sessions::{Client, Opened, Opening, SignedIn, Viewer},
    storage::{
        self, Timestamp, Txn,
        challenge::{self, Purpose},
        identity, session, user,
    },
};

/// Why a proof was not accepted.
#[derive(Debug)]
pub enum ProofError {
    /// Addresses are proven another way here.
    NotEnabled,
    /// Wrong, expired, used up or superseded: never told apart.
    Invalid,
    /// The proof was good, but the account is deactivated.
    AccountDisabled,
    /// Somebody else has proven the address meanwhile.
    EmailTaken,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for ProofError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// How somebody came by a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// They asked for it: they know its id, and it is their own registration that they prove.
    Id,
    /// They read the mail; it may have been asked for by another.
    Mail,
}

/// Who proves something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prover<'a> {
    pub(super) client: &'a Client,
    /// Who is signed in as they do.
    pub(super) viewer: Option<&'a Viewer>,
}

pub(super) fn require(app: &App, method: ChallengeMethod) -> Result<(), ProofError> {
    let is_on = app.config.email_verification_method == method;
    if is_on { Ok(()) } else { Err(ProofError::NotEnabled) }
}

enum Proven {
    SignedIn(Box<Opened>),
    /// The viewer's session goes on.
    Viewer(Box<user::Model>),
    Disabled,
    /// Others were faster, or there is nothing that it proves.
    Nothing,
}

/// Spends a challenge, makes the address the account's, and signs in.
///
/// # Errors
/// Why not.
pub(super) async fn prove(
    app: &App,
    prover: Prover<'_>,
    challenge: challenge::Model,
    by: By,
) -> Result<SignedIn, ProofError> {
    let now = Timestamp(app.clock.now());
    let opening = Opening::draft(app, prover.client);
    let viewer = prover.viewer.map(|viewer| (viewer.user.id, viewer.user.credentials_version));
    let notice = |user: &user::Model| {
        let to = EmailAddress::parse(user.email.as_deref()?).ok()?;
        let good_for = app.config.session_max_age.min(std::time::Duration::from_hours(24));
        let order =
            Order { kind: Kind::EmailChanged, to: &to, user_id: Some(user.id), challenge_id: None, good_for };
        Some(outbox::row(app, order))
    };
    // only the owner of the account learns of it, so it may be read ahead
    let notice = match (challenge.purpose, challenge.user_id) {
        (Purpose::ChangeEmail, Some(id)) => user::find(app.db.read(), id).await?.as_ref().and_then(notice),
        _ => None,
    };
    let outcome = app
        .db
        .write(async move |txn| {
            let account = challenges::lock(&txn, &challenge, now).await?;
            let Some(challenge) = challenge::end(&txn, challenge.id, now).await? else {
                return Ok(Proven::Nothing);
            };
            // a deactivated account stays as it is, whatever is proven
            if account.as_ref().is_some_and(|account| !account.is_active) {
                return Ok(Proven::Disabled);
            }
            let user = match challenge.purpose {
                Purpose::VerifyEmail => verify_email(&txn, &challenge, account, by, now).await?,
                Purpose::ChangeEmail => change_email(&txn, &challenge, account, notice, now).await?,
                Purpose::ResetPassword => None,
            };
            let Some(user) = user else { return Ok(Proven::Nothing) };
            if viewer == Some((user.id, user.credentials_version)) {
                return Ok(Proven::Viewer(Box::new(user)));
            }
            let opened = opening.of(&user).open(&txn).await?;
            Ok(opened.map_or(Proven::Nothing, |opened| Proven::SignedIn(Box::new(opened))))
        })
        .await;
    match outcome {
        Ok(Proven::SignedIn(opened)) => {
            outbox::wake(app);
            Ok(SignedIn::issue(app, *opened)?)
        }
        Ok(Proven::Viewer(user)) => {
            outbox::wake(app);
            let session = prover.viewer.map(|viewer| session::Model::clone(&viewer.session));
            let session = session.ok_or_else(|| Fault::internal("there is no viewer"))?;
            Ok(SignedIn::go_on(app, *user, session)?)
        }
        Ok(Proven::Disabled) => Err(ProofError::AccountDisabled),
        Ok(Proven::Nothing) => Err(ProofError::Invalid),
        Err(Fault::Conflict(_)) => Err(ProofError::EmailTaken),
        Err(fault) => Err(fault.into()),
    }
}

/// The account whose address is proven now. None: it was already, or there is nobody to be.
async fn verify_email(
    txn: &Txn,
    challenge: &challenge::Model,
    account: Option<user::Model>,
    by: By,
    now: Timestamp,
) -> Result<Option<user::Model>, DbErr> {
    let registration = match &account {
        // a code for an account that needs no proof would be a second password, of six digits
        Some(account) if account.email_verified_at.is_some() => return Ok(None),
        // whoever has the account's password proves the account, whatever others would like it to be
        Some(account) if by == By::Id && challenge.user_id == Some(account.id) => None,
        account => registration(txn, challenge, account.as_ref(), by, now).await?,
    };
    let id = match (account, registration) {
        (Some(user), None) => {
            user::verify_email(txn, user.id, now).await?;
            user.id
        }
        // whoever made it never proved the address: it becomes the account of who did
        (Some(user), Some(registration)) => {
            let password_hash = registration.password_hash().map(str::to_owned);
            user::reset_password(txn, user.id, password_hash, now).await?;
            session::end_all(txn, user.id, now).await?;
            identity::delete_all(txn, user.id, now).await?;
            link(txn, user.id, registration.identity(), now).await?;
            user.id
        }
        (None, Some(registration)) => {
            let identity = registration.identity().cloned();
            let Some(id) = claim(txn, registration.into_row(challenge.email_key.clone(), now)).await? else {
                return Ok(None);
            };
            link(txn, id, identity.as_ref(), now).await?;
            id
        }
        (None, None) => return Ok(None),
    };
    challenge::end_all(txn, &challenge.email_key, now).await?;
    user::find(txn, id).await
}

/// The registration that is proven. Whoever has only read the mail may have proven another's than their own: if there are
/// several, or one and an account with a password, nobody's password is taken, and they set one once they are signed in.
async fn registration(
    txn: &Txn,
    challenge: &challenge::Model,
    account: Option<&user::Model>,
    by: By,
    now: Timestamp,
) -> Result<Option<Registration>, DbErr> {
    let own = Registration::read(challenge);
    if by == By::Id && own.is_some() {
        return Ok(own);
    }
    let others = challenge::list_live(txn, &challenge.email_key, now).await?;
    let others = others.iter().filter_map(Registration::read);
    let mut all: Vec<Registration> = own.into_iter().chain(others).collect();
    all.dedup_by(|one, other| one.has_credentials_of(other));
    let has_password = account.is_some_and(|account| account.password_hash.is_some());
    let is_ambiguous = all.len() + usize::from(has_password) > 1;
    let newest = all.into_iter().next();
    Ok(newest
        .map(|registration| if is_ambiguous { registration.without_credentials() } else { registration }))
}

/// What the account was registered by signs its owner in. Where it has become somebody else's since, it is left to them.
async fn link(
    txn: &Txn,
    user_id: Uuid,
    identity: Option<&RegisteredIdentity>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let Some(RegisteredIdentity { issuer, subject, email }) = identity.cloned() else { return Ok(()) };
    let (id, email) = (secrets::uuid_v7(now.0), Some(email));
    let row = identity::Model { id, user_id, issuer, subject, email, linked_at: now };
    identity::insert(txn, row).await.map(drop)
}

/// Makes the account. A username that somebody has taken meanwhile is left to them; the person may choose another.
async fn claim(txn: &Txn, row: user::Model) -> Result<Option<Uuid>, DbErr> {
    let id = row.id;
    if user::insert(txn, row.clone()).await? {
        return Ok(Some(id));
    }
    let nameless = user::Model { username: None, username_key: None, ..row };
    Ok(user::insert(txn, nameless).await?.then_some(id))
}

/// The account that has the address now; the one that it had is told.
async fn change_email(
    txn: &Txn,
    challenge: &challenge::Model,
    account: Option<user::Model>,
    notice: Option<storage::outbox::Model>,
    now: Timestamp,
) -> Result<Option<user::Model>, DbErr> {
    let Some(user::Model { id, .. }) = account else { return Ok(None) };
    let (email, key) = (challenge.email.clone(), challenge.email_key.clone());
    user::set_email(txn, id, email, key, now).await?;
    challenge::end_all_of(txn, id, now).await?;
    if let Some(notice) = notice {
        storage::outbox::insert(txn, notice).await?;
    }
    user::find(txn, id).await
}
