//! The end of every sign-in to an account that there is, by whatever it was proven.

use super::{Client, PendingSession, SignIn, SignedIn};
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

/// Why nobody is signed in, though the credentials were right.
#[derive(Debug)]
pub enum SignInRefusal {
    /// The account is deactivated.
    AccountDisabled,
    /// The credentials were right when they were read, and no longer are.
    Outdated,
}

impl Refusal for SignInRefusal {}

/// Opens the session; where verification is mandatory and the address unproven, asks for its proof instead.
///
/// # Errors
/// Why not.
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
    let opened = app
        .db
        .write(async move |txn| match attempt.succeed(&txn).await? {
            Ok(()) => Ok(Ok(pending.open(&txn).await?)),
            Err(too_many) => Ok(Err(too_many)),
        })
        .await?;
    let opened = opened?.ok_or(SignInRefusal::Outdated)?;
    Ok(SignIn::SignedIn(Box::new(SignedIn::issue(app, opened)?)))
}

/// The challenge that is awaited of a user already, or a new one.
async fn challenge(
    app: &App,
    client: &Client,
    user: &user::Model,
    email: &EmailAddress,
    attempt: Attempt,
) -> Result<IssuedChallenge, Fault> {
    let now = Timestamp(app.clock.now());
    let awaited = challenge::list_live(app.db.read(), email.key(), now).await?;
    let awaited = awaited.into_iter().find(|challenge| challenge.user_id == Some(user.id));
    if let Some(awaited) = awaited.filter(|challenge| challenge.purpose == Purpose::VerifyEmail) {
        app.db.write(async move |txn| attempt.succeed_without_session(&txn).await).await??;
        return Ok(IssuedChallenge::earlier(app, awaited));
    }
    let permit =
        challenges::charge(app, Asker::of(client.ip_address, user.id), Purpose::VerifyEmail, email).await?;
    let about = About { user_id: Some(user.id), ..About::default() };
    let challenge = Challenge::new(app, Purpose::VerifyEmail, email, about, permit);
    let issued = app.db.write(async move |txn| match attempt.succeed_without_session(&txn).await? {
        Ok(()) => challenge.insert(&txn).await.map(Ok),
        Err(too_many) => Ok(Err(too_many)),
    });
    let issued = issued.await??;
    outbox::wake(app);
    Ok(issued)
}
