//! Accepting an emailed code or link as a proof of an email address.

use super::proof::{Claim, Outcome, Proof};
use crate::{
    app::App,
    challenges::{self, Locked},
    fault::{Failure, Fault, Refusal},
    outbox,
    rate_limit::Attempt,
    security_changes::SecurityChange,
    sessions::{
        Client, OpenedSession, Opening, PendingSession, SecondFactorChallenge, SignIn, SignedIn, Viewer,
    },
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        security_change,
        session::{self, AuthenticationMethod},
        user,
    },
};

/// The reasons why a proof is refused.
#[derive(Debug)]
pub enum ProofRefusal {
    /// The code or link is wrong, expired, used up or superseded. The client cannot tell which.
    Invalid,
    /// The password sent along with the link is wrong. The link remains usable.
    InvalidCredentials,
    /// The proof is valid, but the account is deactivated.
    AccountDisabled,
    /// Someone else has proven the address in the meantime, or gave it up recently.
    EmailTaken,
}

impl Refusal for ProofRefusal {}

/// The prover and the evidence.
#[derive(Clone, Debug)]
pub(super) struct Prover<'a> {
    pub(super) client: &'a Client,
    /// The viewer, if the request has a session.
    pub(super) viewer: Option<&'a Viewer>,
    pub(super) claim: Claim,
    pub(super) methods: Vec<AuthenticationMethod>,
    /// The attempt, charged as a failure until the proof is accepted.
    pub(super) attempt: Attempt,
}

enum Proven {
    SignedIn(Box<OpenedSession>),
    SecondFactor(Box<SecondFactorChallenge>),
    /// The viewer's session continues.
    Viewer(Box<user::Model>, Box<session::Model>),
    Disabled,
    EmailTaken,
    /// Another request was faster, or the proof changes nothing.
    Nothing,
}

/// Spends a challenge, gives the account the proven address, and signs in.
///
/// A viewer who proves an address of their own account continues in the same session and gets no new refresh token,
/// because a thief must not be able to exchange a stolen access token for a refresh token.
pub(super) async fn prove(
    app: &App,
    prover: Prover<'_>,
    challenge: challenge::Model,
) -> Result<SignIn, Failure<ProofRefusal>> {
    let now = Timestamp(app.clock.now());
    let Prover { client, viewer, claim, methods, attempt } = prover;
    let pending = PendingSession::draft(app, client, &methods);
    let change = announce(app, &challenge).await?;
    let restoration = challenges::restore(app, Some(&challenge.email));
    let may_sign_up = app.config.sign_up.signup;
    let viewing = viewer.map(|viewer| (viewer.user.id, viewer.user.credentials_version, viewer.session.id));
    let outcome = app
        .db
        .write(async move |txn| {
            // this charges no budget, so it cannot be refused
            attempt.succeed(&txn).await?.ok();
            restoration.apply(&txn).await?;
            let Locked { account, challenges } = challenges::lock(&txn, &challenge).await?;
            let session = match (viewing, &account) {
                (Some((user_id, version, id)), Some(account))
                    if account.id == user_id && account.credentials_version == version =>
                {
                    // read again, because the viewer's copy may come from the cache
                    session::lock(&txn, id).await?.filter(|session| session.is_live(now))
                }
                _ => None,
            };
            let is_for_this_session = challenge.purpose != Purpose::ChangeEmail
                || session.as_ref().is_some_and(|session| Some(session.id) == challenge.session_id);
            if !is_for_this_session || challenge::end(&txn, challenge.id, now).await?.is_none() {
                return Ok(Proven::Nothing);
            }
            // no proof changes a deactivated account
            if account.as_ref().is_some_and(|account| !account.is_active) {
                return Ok(Proven::Disabled);
            }
            let proof = Proof { challenge, account, claim, is_viewer: session.is_some(), may_sign_up, now };
            let outcome = match proof.challenge.purpose {
                Purpose::VerifyEmail => proof.verify_email(&txn, &challenges).await?,
                Purpose::SignIn => proof.sign_in(&txn).await?,
                Purpose::ChangeEmail => proof.change_email(&txn, change).await?,
                Purpose::ResetPassword | Purpose::Reauthentication => Outcome::Nothing,
            };
            let user = match outcome {
                Outcome::User(user) => user,
                Outcome::EmailTaken => return Ok(Proven::EmailTaken),
                Outcome::Nothing => return Ok(Proven::Nothing),
            };
            if let Some(session) = session {
                return Ok(Proven::Viewer(user, Box::new(session)));
            }
            Ok(match pending.of(&user).open(&txn).await? {
                Opening::Opened(opened) => Proven::SignedIn(opened),
                Opening::SecondFactor(challenge) => Proven::SecondFactor(challenge),
                Opening::Outdated | Opening::RateLimited(_) => Proven::Nothing,
            })
        })
        .await;
    match (outcome, viewer) {
        (Ok(Proven::SignedIn(opened)), _) => Ok(SignedIn::issue(app, *opened)?.into()),
        (Ok(Proven::SecondFactor(challenge)), _) => Ok(SignIn::SecondFactor(challenge)),
        (Ok(Proven::Viewer(user, session)), Some(viewer)) => {
            outbox::wake(app);
            Ok(SignedIn::go_on(app, *user, *session, viewer)?.into())
        }
        (Ok(Proven::Viewer(..)), None) => Err(Fault::internal("the viewer is missing").into()),
        (Ok(Proven::Disabled), _) => Err(ProofRefusal::AccountDisabled.into()),
        (Ok(Proven::EmailTaken) | Err(Fault::Conflict(_)), _) => Err(ProofRefusal::EmailTaken.into()),
        (Ok(Proven::Nothing), _) => Err(ProofRefusal::Invalid.into()),
        (Err(fault), _) => Err(fault.into()),
    }
}

/// Prepares the notice to the old address. It may be prepared before the transaction, because only the owner of the
/// account sees it.
async fn announce(app: &App, challenge: &challenge::Model) -> Result<Option<SecurityChange>, Fault> {
    let (Purpose::ChangeEmail, Some(id)) = (challenge.purpose, challenge.user_id) else { return Ok(None) };
    let Some(user) = user::find(app.db.read(), id).await? else { return Ok(None) };
    SecurityChange::announce(app, &user, security_change::ChangeKind::EmailChanged).await.map(Some)
}
