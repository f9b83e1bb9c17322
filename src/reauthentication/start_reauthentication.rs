//! Beginning a proof that it is still the user who acts.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    fault::{Failure, Fault, Refusal},
    input::EmailAddress,
    outbox,
    rate_limit::{self, Action},
    sessions::{Client, Viewer},
    storage::{
        challenge::{self, Purpose},
        identity,
        session::AuthenticationMethod,
        user,
    },
};

/// A proof that has begun.
#[derive(Clone, Debug)]
pub struct Reauthentication {
    /// Names it; an ID token holds it as its nonce.
    pub id: Uuid,
    /// The ways in which this user can give the proof.
    pub methods: Vec<AuthenticationMethod>,
    /// What was mailed, if a code was asked for.
    pub issued: Option<IssuedChallenge>,
    /// How long the proof is awaited.
    pub expires_in: Duration,
}

/// Why nothing has begun.
#[derive(Debug)]
pub enum StartReauthenticationRefusal {
    /// A code was asked for, and the account has no proven address.
    NotEnabled,
}

impl Refusal for StartReauthenticationRefusal {}

/// Begins a proof by the viewer, for this session alone. A code is mailed only if it is asked for, and to the address that the
/// account has now.
///
/// # Errors
/// [`StartReauthenticationRefusal::NotEnabled`] if a code is asked for and there is no proven address.
pub async fn start_reauthentication(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    send_code: bool,
) -> Result<Reauthentication, Failure<StartReauthenticationRefusal>> {
    let Viewer { user, session, .. } = viewer;
    rate_limit::charge(app, Action::Reauthentication(session.id)).await?;
    let address = proven_address(user);
    let methods = methods(app, user, address.is_some()).await?;
    let about = About { user_id: Some(user.id), session_id: Some(session.id), registration: None };
    let purpose = Purpose::Reauthentication;
    if !send_code {
        let row = challenges::unmailed(app, purpose, about);
        let id = row.id;
        app.db.write_one(async move |txn| challenge::insert(&txn, row).await).await?;
        return Ok(Reauthentication { id, methods, issued: None, expires_in: app.config.codes.otp_ttl });
    }
    let address = address.ok_or(StartReauthenticationRefusal::NotEnabled)?;
    let permit = challenges::charge(app, Asker::of(client.ip_address, user.id), purpose, &address).await?;
    let challenge = Challenge::new(app, purpose, &address, about, permit);
    let issued = app.db.write(async move |txn| challenge.insert(&txn).await).await?;
    outbox::wake(app);
    let (id, expires_in) = (issued.challenge.id, issued.expires_in);
    Ok(Reauthentication { id, methods, issued: Some(issued), expires_in })
}

fn proven_address(user: &user::Model) -> Option<EmailAddress> {
    let email = user.email.as_deref().filter(|_| user.email_verified_at.is_some());
    email.and_then(|email| EmailAddress::parse(email).ok())
}

async fn methods(
    app: &App,
    user: &user::Model,
    has_address: bool,
) -> Result<Vec<AuthenticationMethod>, Fault> {
    let has_identity = app.google.is_some() && !identity::list(app.db.read(), &[user.id]).await?.is_empty();
    let all = [
        (AuthenticationMethod::Password, user.password_hash.is_some()),
        (AuthenticationMethod::EmailCode, has_address),
        (AuthenticationMethod::Identity, has_identity),
    ];
    Ok(all.into_iter().filter_map(|(method, is_there)| is_there.then_some(method)).collect())
}
