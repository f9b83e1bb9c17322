//! The last step of every sign-in to an existing account, after the credentials have been checked.

use super::{
    client::Client,
    open::{Opening, PendingSession},
    signed_in::{SignIn, SignedIn},
};
use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    config::EmailVerification,
    fault::{Failure, Fault, Refusal},
    input::EmailAddress,
    outbox,
    rate_limit::Attempt,
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        user,
    },
};

/// The reasons why correct credentials are refused.
#[derive(Debug)]
pub enum SignInRefusal {
    /// The account is deactivated.
    AccountDisabled,
    /// The credentials have changed since they were read.
    Outdated,
}

impl Refusal for SignInRefusal {}

/// Opens the session. If verification is mandatory and the email address is not verified, requests a proof of the
/// address instead.
pub async fn sign_in(
    app: &App,
    client: &Client,
    user: &user::Model,
    pending: PendingSession,
    attempt: Attempt,
) -> Result<SignIn, Failure<SignInRefusal>> {
    if !user.is_active {
        return Err(SignInRefusal::AccountDisabled.into());
    }
    if app.config.sign_up.email_verification == EmailVerification::Mandatory
        && user.email_verified_at.is_none()
        && let Some(email) = user.email.as_deref().and_then(|email| EmailAddress::parse(email).ok())
    {
        let issued = challenge(app, client, user, &email, attempt).await?;
        return Ok(SignIn::EmailChallenge(Box::new(issued)));
    }
    let pending = pending.charging(attempt);
    match pending.open_alone(app).await? {
        Opening::Opened(opened) => Ok(SignedIn::issue(app, *opened)?.into()),
        Opening::SecondFactor(challenge) => Ok(SignIn::SecondFactor(challenge)),
        Opening::Outdated => Err(SignInRefusal::Outdated.into()),
        Opening::RateLimited(too_many) => Err(too_many.into()),
    }
}

/// Returns the open challenge of a user, or issues a new one.
async fn challenge(
    app: &App,
    client: &Client,
    user: &user::Model,
    email: &EmailAddress,
    attempt: Attempt,
) -> Result<IssuedChallenge, Fault> {
    let now = Timestamp(app.clock.now());
    let open = challenge::list_live(app.db.read(), email.key(), now).await?;
    let newest_own = open.into_iter().find(|challenge| challenge.user_id == Some(user.id));
    if let Some(awaited) = newest_own.filter(|challenge| challenge.purpose == Purpose::VerifyEmail) {
        app.db.write(async move |txn| attempt.succeed_without_session(&txn).await).await??;
        return Ok(IssuedChallenge::earlier(app, awaited));
    }
    let permit =
        challenges::charge(app, Asker::of(client.ip_address, user.id), Purpose::VerifyEmail, email).await?;
    let about = About { user_id: Some(user.id), ..About::default() };
    let challenge = Challenge::new(app, Purpose::VerifyEmail, email, about, permit);
    let issue = app.db.write(async move |txn| match attempt.succeed_without_session(&txn).await? {
        Ok(()) => challenge.insert(&txn).await.map(Ok),
        Err(too_many) => Ok(Err(too_many)),
    });
    let issued = issue.await??;
    outbox::wake(app);
    Ok(issued)
}
