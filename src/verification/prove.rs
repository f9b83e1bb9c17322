//! What becomes of a proof by mail, whichever way it was given.
//!
//! Anybody can have a mail sent to an address. So reading it proves the address, and nothing that somebody chose before: neither
//! the password of a registration nor that of an account whose address was never proven. Those are kept only for the person who
//! shows that they chose them, see [`Claim`]. For others the account begins, or goes on, without anything to sign in by.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    challenges::{self, Locked, RegisteredIdentity, Registration},
    fault::{Failure, Fault, Refusal},
    outbox,
    rate_limit::Attempt,
    secrets,
    security_changes::SecurityChange,
    sessions::{Client, OpenedSession, PendingSession, SignedIn, Viewer},
    storage::{
        Timestamp, Txn,
        challenge::{self, Purpose},
        identity, security_change,
        session::{self, AuthenticationMethod},
        session_end, user, user_changes,
    },
};

/// Why a proof was not accepted.
#[derive(Debug)]
pub enum ProofRefusal {
    /// Invalid, expired, used up or superseded: never told apart.
    Invalid,
    /// The password beside the proof is wrong. The link is not spent.
    InvalidCredentials,
    /// The proof was good, but the account is deactivated.
    AccountDisabled,
    /// Somebody else has proven the address meanwhile, or had it a short while ago.
    EmailTaken,
}

impl Refusal for ProofRefusal {}

/// What shows that the prover chose the credentials that came before the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing: the prover has read the mail.
    Mail,
    /// The id of a challenge of the same series: the answer to whoever asked for it, and in no mail.
    ChallengeId,
    /// The password of the challenge's registration.
    RegistrationPassword,
    /// The password of this account, whose credentials had this version.
    AccountPassword(Uuid, i64),
}

/// Who proves something, and how.
#[derive(Clone, Debug)]
pub(super) struct Prover<'a> {
    pub(super) client: &'a Client,
    /// Who is signed in as they do.
    pub(super) viewer: Option<&'a Viewer>,
    pub(super) claim: Claim,
    pub(super) methods: Vec<AuthenticationMethod>,
    /// What the proof is charged to if it fails.
    pub(super) attempt: Attempt,
}

enum Proven {
    SignedIn(Box<OpenedSession>),
    /// The viewer's session goes on.
    Viewer(Box<user::Model>, Box<session::Model>),
    Disabled,
    EmailTaken,
    /// Others were faster, or there is nothing that it proves.
    Nothing,
}

/// Spends a challenge, makes the address the account's, and signs in. A viewer to whose account it belongs goes on in their
/// session instead, and gets no refresh token: a stolen access token must not be traded for one.
pub(super) async fn prove(
    app: &App,
    prover: Prover<'_>,
    challenge: challenge::Model,
) -> Result<SignedIn, Failure<ProofRefusal>> {
    let now = Timestamp(app.clock.now());
    let Prover { client, viewer, claim, methods, attempt } = prover;
    let pending = PendingSession::draft(app, client, &methods);
    let change = announce(app, &challenge).await?;
    let restoration = challenges::restore(app, Some(&challenge.email));
    let viewing = viewer.map(|viewer| (viewer.user.id, viewer.user.credentials_version, viewer.session.id));
    let outcome = app
        .db
        .write(async move |txn| {
            attempt.succeed(&txn).await?.ok();
            restoration.apply(&txn).await?;
            let Locked { account, challenges } = challenges::lock(&txn, &challenge).await?;
            let session = match (viewing, &account) {
                (Some((user_id, version, id)), Some(account))
                    if account.id == user_id && account.credentials_version == version =>
                {
                    // the row as it is now: the one that the viewer came with may have been kept in memory
                    session::lock(&txn, id).await?.filter(|session| session.is_live(now))
                }
                _ => None,
            };
            let is_for_this_session = challenge.purpose != Purpose::ChangeEmail
                || session.as_ref().is_some_and(|session| Some(session.id) == challenge.session_id);
            if !is_for_this_session || challenge::end(&txn, challenge.id, now).await?.is_none() {
                return Ok(Proven::Nothing);
            }
            // a deactivated account stays as it is, whatever is proven
            if account.as_ref().is_some_and(|account| !account.is_active) {
                return Ok(Proven::Disabled);
            }
            let proof = Proof { challenge, account, claim, is_viewer: session.is_some(), now };
            let user = match proof.challenge.purpose {
                Purpose::VerifyEmail => proof.verify_email(&txn, &challenges).await?,
                Purpose::SignIn => proof.sign_in(&txn).await?,
                Purpose::ChangeEmail => proof.change_email(&txn, change).await?,
                Purpose::ResetPassword | Purpose::Reauthentication => Outcome::Nothing,
            };
            let user = match user {
                Outcome::User(user) => user,
                Outcome::EmailTaken => return Ok(Proven::EmailTaken),
                Outcome::Nothing => return Ok(Proven::Nothing),
            };
            if let Some(session) = session {
                return Ok(Proven::Viewer(user, Box::new(session)));
            }
            let opened = pending.of(&user).open(&txn).await?;
            Ok(opened.map_or(Proven::Nothing, |opened| Proven::SignedIn(Box::new(opened))))
        })
        .await;
    match (outcome, viewer) {
        (Ok(Proven::SignedIn(opened)), _) => Ok(SignedIn::issue(app, *opened)?),
        (Ok(Proven::Viewer(user, session)), Some(viewer)) => {
            outbox::wake(app);
            Ok(SignedIn::go_on(app, *user, *session, viewer)?)
        }
        (Ok(Proven::Viewer(..)), None) => Err(Fault::internal("there is no viewer").into()),
        (Ok(Proven::Disabled), _) => Err(ProofRefusal::AccountDisabled.into()),
        (Ok(Proven::EmailTaken) | Err(Fault::Conflict(_)), _) => Err(ProofRefusal::EmailTaken.into()),
        (Ok(Proven::Nothing), _) => Err(ProofRefusal::Invalid.into()),
        (Err(fault), _) => Err(fault.into()),
    }
}

/// The notice that the old address will get. Only the owner of the account learns of it, so it may be read ahead.
async fn announce(app: &App, challenge: &challenge::Model) -> Result<Option<SecurityChange>, Fault> {
    let (Purpose::ChangeEmail, Some(id)) = (challenge.purpose, challenge.user_id) else { return Ok(None) };
    let Some(user) = user::find(app.db.read(), id).await? else { return Ok(None) };
    SecurityChange::announce(app, &user, security_change::ChangeKind::EmailChanged).await.map(Some)
}

/// A proof that was good, and what it concerns, locked.
struct Proof {
    challenge: challenge::Model,
    account: Option<user::Model>,
    claim: Claim,
    /// Whether the prover is signed in to the account.
    is_viewer: bool,
    now: Timestamp,
}

enum Outcome {
    /// Whose address it is now.
    User(Box<user::Model>),
    EmailTaken,
    Nothing,
}

impl From<Option<user::Model>> for Outcome {
    fn from(user: Option<user::Model>) -> Self {
        user.map_or(Self::Nothing, |user| Self::User(Box::new(user)))
    }
}

impl Proof {
    async fn verify_email(self, txn: &Txn, challenges: &[challenge::Model]) -> Result<Outcome, DbErr> {
        let email_key = &self.challenge.email_key;
        let registration = Registration::read(&self.challenge);
        let id = match &self.account {
            // a code for an account that needs no proof would be a second password
            Some(account) if account.email_verified_at.is_some() => return Ok(Outcome::Nothing),
            Some(account) if self.owns(account) => {
                user_changes::verify_email(txn, account.id, self.now).await?;
                account.id
            }
            // the account is a stranger's, made with an address that was never theirs: it becomes the prover's
            Some(account) => {
                let own = registration.filter(|_| self.owns_registration());
                self.take_over(txn, account, own).await?;
                account.id
            }
            None if security_change::is_reserved(txn, email_key, Uuid::nil(), self.now).await? => {
                return Ok(Outcome::EmailTaken);
            }
            None => match self.begin(txn, registration, challenges).await? {
                Some(id) => id,
                None => return Ok(Outcome::Nothing),
            },
        };
        challenge::end_all(txn, email_key, self.now).await?;
        Ok(user::find(txn, id).await?.into())
    }

    /// Signs in to the account that has the address. One whose address was never proven may be a stranger's, who waits for its
    /// owner to come in.
    async fn sign_in(self, txn: &Txn) -> Result<Outcome, DbErr> {
        let Some(account) = &self.account else { return Ok(Outcome::Nothing) };
        if account.email_verified_at.is_none() {
            if self.owns(account) {
                user_changes::verify_email(txn, account.id, self.now).await?;
            } else {
                self.take_over(txn, account, None).await?;
            }
        }
        let email_key = &self.challenge.email_key;
        challenge::end_all_for(txn, email_key, Purpose::SignIn, self.now).await?;
        Ok(user::find(txn, account.id).await?.into())
    }

    /// Gives the viewer's account the address that was proven. The old one is told, and stays reserved for a while.
    async fn change_email(self, txn: &Txn, change: Option<SecurityChange>) -> Result<Outcome, DbErr> {
        let Some(account) = self.account else { return Ok(Outcome::Nothing) };
        let challenge::Model { email, email_key, .. } = self.challenge;
        if security_change::is_reserved(txn, &email_key, account.id, self.now).await? {
            return Ok(Outcome::EmailTaken);
        }
        if let Some(change) = change {
            change.insert(txn, &account, &[]).await?;
        }
        user_changes::set_email(txn, account.id, email, email_key, self.now, self.now).await?;
        challenge::end_all_of(txn, account.id, self.now).await?;
        Ok(user::find(txn, account.id).await?.into())
    }

    /// Whether the prover has shown that the account is theirs, and not only that the address is.
    fn owns(&self, account: &user::Model) -> bool {
        let by_claim = match self.claim {
            Claim::Mail | Claim::RegistrationPassword => false,
            Claim::ChallengeId => self.challenge.user_id == Some(account.id),
            Claim::AccountPassword(id, version) => (id, version) == (account.id, account.credentials_version),
        };
        self.is_viewer || by_claim
    }

    fn owns_registration(&self) -> bool {
        matches!(self.claim, Claim::ChallengeId | Claim::RegistrationPassword)
    }

    /// Begins the account of the registration, or of nobody in particular where only its mail was asked for again. `None` if
    /// nobody has registered with the address.
    async fn begin(
        &self,
        txn: &Txn,
        registration: Option<Registration>,
        challenges: &[challenge::Model],
    ) -> Result<Option<Uuid>, DbErr> {
        let is_registered = challenges.iter().any(|challenge| challenge.registration.is_some());
        let registration = match registration {
            Some(own) if self.owns_registration() => own,
            Some(of_somebody) => of_somebody.without_credentials(),
            None if is_registered => Registration::empty(self.challenge.email.clone()),
            None => return Ok(None),
        };
        let identity = registration.identity().cloned();
        let row = registration.into_row(self.challenge.email_key.clone(), self.now);
        let id = claim_names(txn, row).await?;
        if let Some(id) = id {
            link(txn, id, identity.as_ref(), self.now).await?;
        }
        Ok(id)
    }

    /// Ends every way into the account that was there before, and then adds those of the prover's own registration.
    async fn take_over(
        &self,
        txn: &Txn,
        account: &user::Model,
        own: Option<Registration>,
    ) -> Result<(), DbErr> {
        let password_hash = own.as_ref().and_then(Registration::password_hash).map(str::to_owned);
        user_changes::reset_password(txn, account.id, password_hash, self.now).await?;
        session_end::end_all(txn, account.id, self.now).await?;
        identity::delete_all(txn, account.id, self.now).await?;
        challenge::end_all_of(txn, account.id, self.now).await?;
        link(txn, account.id, own.as_ref().and_then(Registration::identity), self.now).await
    }
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
async fn claim_names(txn: &Txn, row: user::Model) -> Result<Option<Uuid>, DbErr> {
    let id = row.id;
    if user::insert(txn, row.clone()).await? {
        return Ok(Some(id));
    }
    let nameless = user::Model { username: None, username_key: None, ..row };
    Ok(user::insert(txn, nameless).await?.then_some(id))
}
