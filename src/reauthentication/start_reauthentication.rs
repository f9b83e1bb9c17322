//! Starting a reauthentication.

use std::time::Duration;

use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    app::App,
    challenges::{self, About, Asker, Challenge, IssuedChallenge},
    fault::{Failure, Fault, Refusal},
    outbox,
    rate_limit::{self, Action},
    security_changes::proven_address,
    sessions::{Client, Viewer, passkey_options, usable_methods, usable_passkeys},
    storage::{
        challenge::{self, Purpose},
        identity,
        session::AuthenticationMethod,
        user::{self, SecondFactorMethod},
    },
    tokens::CeremonyPurpose,
};

/// A reauthentication that has started.
#[derive(Clone, Debug)]
pub struct Reauthentication {
    /// The ID of the reauthentication. An ID token given as proof must have this ID as its nonce.
    pub id: Uuid,
    /// The methods by which this user can prove their identity.
    pub methods: Vec<AuthenticationMethod>,
    /// The options with which the browser asks for a passkey, if the user has one.
    pub passkey_options: Option<Json>,
    /// The challenge whose code was emailed, if a code was requested.
    pub issued: Option<IssuedChallenge>,
    /// The time until the reauthentication expires.
    pub expires_in: Duration,
}

/// The reasons why no reauthentication starts.
#[derive(Debug)]
pub enum StartReauthenticationRefusal {
    /// A code was requested, but the account has no proven email address.
    NotEnabled,
    /// A code was requested, but the account has a second factor, so only a proof of a second factor is accepted.
    SecondFactorRequired,
}

impl Refusal for StartReauthenticationRefusal {}

/// Starts a reauthentication that counts for this session only. If requested, a code is emailed to the account's current email
/// address.
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
        let expires_in = app.config.codes.otp_ttl;
        let passkey_options = match &usable_passkeys(app.db.read(), user).await?[..] {
            [] => None,
            own => passkey_options(app, CeremonyPurpose::Reauthentication, id, own, expires_in),
        };
        return Ok(Reauthentication { id, methods, passkey_options, issued: None, expires_in });
    }
    if user.has_second_factor() {
        return Err(StartReauthenticationRefusal::SecondFactorRequired.into());
    }
    let address = address.ok_or(StartReauthenticationRefusal::NotEnabled)?;
    let permit = challenges::charge(app, Asker::of(client.ip_address, user.id), purpose, &address).await?;
    let challenge = Challenge::new(app, purpose, &address, about, permit);
    let issued = app.db.write(async move |txn| challenge.insert(&txn).await).await?;
    outbox::wake(app);
    let (id, expires_in) = (issued.challenge.id, issued.expires_in);
    Ok(Reauthentication { id, methods, passkey_options: None, issued: Some(issued), expires_in })
}

async fn methods(
    app: &App,
    user: &user::Model,
    has_address: bool,
) -> Result<Vec<AuthenticationMethod>, Fault> {
    if user.has_second_factor() {
        let usable = usable_methods(app.db.read(), user).await?;
        let method = |method| match method {
            SecondFactorMethod::Passkey => AuthenticationMethod::Passkey,
            SecondFactorMethod::Totp => AuthenticationMethod::Totp,
            SecondFactorMethod::RecoveryCode => AuthenticationMethod::RecoveryCode,
        };
        return Ok(usable.into_iter().map(method).collect());
    }
    let linked = identity::list(app.db.read(), &[user.id]).await?;
    let has_identity = linked.iter().any(|identity| app.providers.get(&identity.provider).is_some());
    let all = [
        (AuthenticationMethod::Password, user.password_hash.is_some()),
        (AuthenticationMethod::EmailCode, has_address),
        (AuthenticationMethod::Identity, has_identity),
    ];
    Ok(all.into_iter().filter_map(|(method, is_available)| is_available.then_some(method)).collect())
}
