//! Ending a proof that it is still the user who acts.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    app::App,
    challenges,
    fault::{Failure, Refusal},
    google_login::{GoogleLoginInput, IdentifyRefusal, identify},
    input::{OneTimeCode, Password},
    rate_limit::{Action, Address, Attempt},
    sessions::{Client, Viewer},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        identity,
        session::{self, AuthenticationMethod},
    },
    tokens::AccessToken,
};

/// What a viewer proves with who they are.
#[derive(Clone, Debug)]
pub enum ReauthenticationProof {
    /// The password of the account.
    Password(SecretString),
    /// The code that was mailed to the account's address.
    EmailCode(SecretString),
    /// What a provider gave for an identity that is linked to the account.
    Identity(GoogleLoginInput),
}

/// Why a proof was not accepted.
#[derive(Debug)]
pub enum ReauthenticateRefusal {
    /// The reauthentication is unknown, expired, spent, or another session's: never told apart.
    InvalidToken,
    /// The password is wrong, or the identity is not linked to the account.
    InvalidCredentials,
    /// The code is wrong, or was not asked for.
    InvalidOtp,
    /// An access token shows only that its holder once had a sign-in there: it is no proof of this moment.
    NotAccepted,
    /// It is not known whose identity it is.
    Identify(IdentifyRefusal),
}

impl Refusal for ReauthenticateRefusal {}

impl From<IdentifyRefusal> for ReauthenticateRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

/// The viewer's session after the proof, and an access token that carries it.
#[derive(Clone, Debug)]
pub struct Reauthenticated {
    /// The session.
    pub session: session::Model,
    /// The token. Other tokens of the session stay as they are, so a stolen one gains nothing.
    pub access_token: AccessToken,
}

/// Accepts a proof for a reauthentication of the viewer's session, once.
///
/// # Errors
/// [`ReauthenticateRefusal::InvalidToken`] if there is no such reauthentication; else what is wrong with the proof.
pub async fn reauthenticate(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    id: Uuid,
    proof: ReauthenticationProof,
) -> Result<Reauthenticated, Failure<ReauthenticateRefusal>> {
    let now = Timestamp(app.clock.now());
    let challenge = challenge::find_live(app.db.read(), id, now).await?;
    let is_own = |challenge: &challenge::Model| {
        challenge.purpose == Purpose::Reauthentication && challenge.session_id == Some(viewer.session.id)
    };
    let challenge = challenge.filter(is_own).ok_or(ReauthenticateRefusal::InvalidToken)?;
    let (method, attempt) = check(app, client, viewer, &challenge, proof).await?;

    let (user_id, session_id) = (viewer.user.id, viewer.session.id);
    let version = viewer.user.credentials_version;
    let proven = app
        .db
        .write(async move |txn| {
            attempt.succeed(&txn).await?.ok();
            let locked = challenges::lock(&txn, &challenge).await?;
            let holds = locked
                .account
                .as_ref()
                .is_some_and(|user| user.is_active && user.credentials_version == version);
            if !holds || challenge::end(&txn, challenge.id, now).await?.is_none() {
                return Ok(None);
            }
            if !session::authenticate(&txn, session_id, user_id, &[method], now).await? {
                return Ok(None);
            }
            Ok(locked.account.zip(session::find(&txn, session_id).await?))
        })
        .await?;
    let (user, session) = proven.ok_or(ReauthenticateRefusal::InvalidToken)?;
    let access_token = viewer.access_token(app, &user, &session, now.0, now.0)?;
    Ok(Reauthenticated { session, access_token })
}

/// Checks a proof, and charges it as a failure that a success gives back.
async fn check(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    challenge: &challenge::Model,
    proof: ReauthenticationProof,
) -> Result<(AuthenticationMethod, Attempt), Failure<ReauthenticateRefusal>> {
    match proof {
        ReauthenticationProof::Password(password) => {
            let password = Password::parse(password.expose_secret());
            let password = password.map_err(|_| ReauthenticateRefusal::InvalidCredentials)?;
            let attempt = Attempt::begin(app, &[Action::PasswordProof(viewer.session.id)], None).await?;
            let stored = viewer.user.password_hash.as_deref();
            let verified = app.passwords.verify(password.into_secret(), stored).await;
            if !attempt.unless_busy(app, verified).await?.is_right {
                return Err(ReauthenticateRefusal::InvalidCredentials.into());
            }
            Ok((AuthenticationMethod::Password, attempt))
        }
        ReauthenticationProof::EmailCode(code) => {
            let attempt = count_code(app, client, viewer, challenge, &code).await?;
            Ok((AuthenticationMethod::EmailCode, attempt))
        }
        ReauthenticationProof::Identity(input) => {
            let input = fresh(input, challenge.id)?;
            let (account, attempt) = identify(app, client, &input).await.map_err(Failure::into_refusal)?;
            let owner = identity::find_user(app.db.read(), &account.issuer, &account.subject).await?;
            if owner.is_none_or(|owner| owner.id != viewer.user.id) {
                return Err(ReauthenticateRefusal::InvalidCredentials.into());
            }
            Ok((AuthenticationMethod::Identity, attempt))
        }
    }
}

/// What a provider gave for this reauthentication, and not for another time: a code that is spent with its `state`, or an ID
/// token that holds the reauthentication's id.
fn fresh(input: GoogleLoginInput, id: Uuid) -> Result<GoogleLoginInput, Failure<ReauthenticateRefusal>> {
    match input {
        GoogleLoginInput::AccessToken(_) => Err(ReauthenticateRefusal::NotAccepted.into()),
        GoogleLoginInput::IdToken { id_token, .. } => {
            Ok(GoogleLoginInput::IdToken { id_token, nonce: Some(id.to_string()) })
        }
        code @ GoogleLoginInput::AuthorizationCode { .. } => Ok(code),
    }
}

/// Counts a try of the mailed code, for good, before it is known whether it is right.
async fn count_code(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    challenge: &challenge::Model,
    code: &SecretString,
) -> Result<Attempt, Failure<ReauthenticateRefusal>> {
    let code =
        OneTimeCode::parse(code, app.config.codes.otp_length).ok_or(ReauthenticateRefusal::InvalidOtp)?;
    let address = Address::rationed(app, client.ip_address);
    let mut failures = vec![Action::Code(viewer.session.id), Action::FailedCodeBy(viewer.user.id)];
    failures.extend(address.iter().map(Action::FailedCodeFrom));
    let attempt = Attempt::begin(app, &failures, None).await?;
    let (id, key, now) = (challenge.id, challenge.email_key.clone(), Timestamp(app.clock.now()));
    let most = app.config.codes.otp_max_attempts;
    let counted =
        app.db.write_one(async move |txn| challenge::count_attempt(&txn, id, &key, most, now).await).await?;
    if counted.is_some() && app.tokens.is_one_time_code(id, code.expose()) {
        Ok(attempt)
    } else {
        Err(ReauthenticateRefusal::InvalidOtp.into())
    }
}
