//! Completing a sign-in with a second factor.

use uuid::Uuid;

use super::proof::{SecondFactorProof, WrongProof, check};
use crate::{
    app::App,
    challenges::RegisteredIdentity,
    fault::{Failure, Fault, Refusal},
    input::EmailAddress,
    outbox,
    provider_login::link_registered,
    rate_limit::{Account, Action, Attempt},
    sessions::{Client, Opening, PendingSession, SignedIn},
    storage::{
        Timestamp, identity,
        second_factor_challenge::{self, Model},
        session::AuthenticationMethod,
        user,
    },
    tokens::CeremonyPurpose,
};

/// The reasons why no session is opened.
#[derive(Debug)]
pub enum VerifySecondFactorRefusal {
    /// The challenge is unknown, expired or spent, or the account has changed since. The client cannot tell which.
    InvalidToken,
    /// The code is wrong, or was used before.
    InvalidOtp,
    /// The passkey is not the user's, or its signature is wrong.
    InvalidCredentials,
    /// The account is deactivated.
    AccountDisabled,
}

impl Refusal for VerifySecondFactorRefusal {}

impl From<WrongProof> for VerifySecondFactorRefusal {
    fn from(wrong: WrongProof) -> Self {
        match wrong {
            WrongProof::Wrong => Self::InvalidOtp,
            WrongProof::WrongPasskey => Self::InvalidCredentials,
            WrongProof::NoAttemptLeft => Self::InvalidToken,
        }
    }
}

enum Verified {
    Opening(Opening),
    /// Another request has spent the proof.
    ProofSpent,
    /// Another request has spent the challenge.
    ChallengeSpent,
}

/// Accepts the second proof of a sign-in, for the challenge with this ID, and opens the session.
pub async fn verify_second_factor(
    app: &App,
    client: &Client,
    id: Uuid,
    proof: SecondFactorProof,
) -> Result<SignedIn, Failure<VerifySecondFactorRefusal>> {
    let now = Timestamp(app.clock.now());
    let found = second_factor_challenge::find_live(app.db.read(), id, now).await?;
    let challenge = found.ok_or(VerifySecondFactorRefusal::InvalidToken)?;
    let user = user::find(app.db.read(), challenge.user_id).await?;
    let user = user.ok_or(VerifySecondFactorRefusal::InvalidToken)?;
    if !user.is_active {
        return Err(VerifySecondFactorRefusal::AccountDisabled.into());
    }
    if user.credentials_version != challenge.credentials_version {
        return Err(VerifySecondFactorRefusal::InvalidToken.into());
    }
    let most = app.config.codes.otp_max_attempts;
    let count = async || {
        let count = async move |txn| second_factor_challenge::count_attempt(&txn, id, most, now).await;
        app.db.write_one(count).await
    };
    let asked = (CeremonyPurpose::SecondFactor, id);
    let proof =
        check(app, client, &user, proof, asked, count).await?.map_err(VerifySecondFactorRefusal::from)?;

    let mut methods = AuthenticationMethod::split(&challenge.methods);
    methods.push(proof.method());
    let pending = PendingSession::new(app, &user, client, &methods).as_of(challenge.credentials_version);
    let pending = match identity_to_link(&challenge) {
        Some(identity) if may_link(app, &identity, &user).await? => {
            pending.linking(link_registered(app, identity, &user).await?)
        }
        _ => pending,
    };
    let attempt = first_attempt(app, &challenge).join(proof.attempt.clone());
    let verified = app
        .db
        .write(async move |txn| {
            if let Err(too_many) = attempt.succeed(&txn).await? {
                return Ok(Verified::Opening(Opening::RateLimited(too_many)));
            }
            user::lock(&txn, &[user.id]).await?;
            if !proof.spend(&txn, &user, now).await? {
                txn.undo();
                return Ok(Verified::ProofSpent);
            }
            if !second_factor_challenge::end(&txn, id, now).await? {
                txn.undo();
                return Ok(Verified::ChallengeSpent);
            }
            let opening = pending.open(&txn).await?;
            if !matches!(opening, Opening::Opened(_)) {
                txn.undo();
            }
            Ok(Verified::Opening(opening))
        })
        .await?;
    match verified {
        Verified::Opening(Opening::Opened(opened)) => {
            outbox::wake(app);
            Ok(SignedIn::issue(app, *opened)?)
        }
        Verified::Opening(Opening::RateLimited(too_many)) => Err(too_many.into()),
        Verified::ProofSpent => Err(VerifySecondFactorRefusal::InvalidOtp.into()),
        Verified::ChallengeSpent | Verified::Opening(_) => {
            Err(VerifySecondFactorRefusal::InvalidToken.into())
        }
    }
}

/// Returns the attempt of the first proof. The charges of this attempt are refunded when the second proof succeeds.
fn first_attempt(app: &App, challenge: &Model) -> Attempt {
    match &challenge.charges {
        Some(charges) => {
            let login = Action::Login(Account::Known(challenge.user_id));
            Attempt::resume(app, charges).charge_on_success(app, login)
        }
        None => Attempt::free(app),
    }
}

/// Returns whether the account at the provider would still be linked if the sign-in began now. In the meantime, the user may
/// have changed their email address, or linked another account at the provider.
async fn may_link(app: &App, identity: &RegisteredIdentity, user: &user::Model) -> Result<bool, Fault> {
    let email = EmailAddress::parse(&identity.email).ok();
    let has_address = email.is_some_and(|email| user.email_key.as_deref() == Some(email.key()));
    let linked = identity::list(app.db.read(), &[user.id]).await?;
    Ok(has_address && linked.iter().all(|linked| linked.issuer != identity.issuer))
}

fn identity_to_link(challenge: &Model) -> Option<RegisteredIdentity> {
    serde_json::from_str(challenge.identity.as_deref()?).ok()
}
