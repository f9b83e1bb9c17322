//! Accepting the proof of a reauthentication.

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{
    app::App,
    challenges,
    fault::{Failure, Refusal},
    input::{OneTimeCode, Password},
    provider_login::{IdentifyRefusal, ProviderLoginInput, ProviderProof, identify},
    rate_limit::{Action, Address, Attempt},
    second_factors::{self, CheckedProof, SecondFactorProof, WrongProof},
    sessions::{Client, Viewer, check_current_password},
    storage::{
        Timestamp,
        challenge::{self, Purpose},
        identity,
        session::{self, AuthenticationMethod},
    },
    tokens::{AccessToken, Amr, CeremonyPurpose},
};

/// The proof of the viewer's identity.
#[derive(Clone, Debug)]
pub enum ReauthenticationProof {
    /// The password of the account.
    Password(SecretString),
    /// The code that was emailed to the account's email address.
    EmailCode(SecretString),
    /// The provider's response for an identity that is linked to the account.
    Identity(ProviderLoginInput),
    /// A second factor of the account.
    SecondFactor(SecondFactorProof),
}

/// The reasons why a proof is refused.
#[derive(Debug)]
pub enum ReauthenticateRefusal {
    /// The reauthentication is unknown, expired or spent, or belongs to another session. The client cannot tell which.
    InvalidToken,
    /// The password is wrong, or the identity is not linked to the account.
    InvalidCredentials,
    /// The code is wrong, or none was requested.
    InvalidOtp,
    /// The passkey is not the user's, or its signature is wrong.
    InvalidPasskey,
    /// The account has a second factor, so only a proof of a second factor is accepted.
    SecondFactorRequired,
    /// The proof is a provider's access token. Such a token shows that the user once signed in at the provider, but not that
    /// they are present now.
    NotAccepted,
    /// The provider did not identify anyone.
    Identify(IdentifyRefusal),
}

impl Refusal for ReauthenticateRefusal {}

impl From<IdentifyRefusal> for ReauthenticateRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

/// The viewer's session after the proof, and an access token that records the proof.
#[derive(Clone, Debug)]
pub struct Reauthenticated {
    /// The session.
    pub session: session::Model,
    /// The access token. The session's other tokens do not change, so the proof does not help a thief who has one of them.
    pub access_token: AccessToken,
}

/// Accepts one proof for a reauthentication of the viewer's session.
pub async fn reauthenticate(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    id: Uuid,
    proof: ReauthenticationProof,
) -> Result<Reauthenticated, Failure<ReauthenticateRefusal>> {
    let now = Timestamp(app.clock.now());
    let is_own = |challenge: &challenge::Model| {
        challenge.purpose == Purpose::Reauthentication && challenge.session_id == Some(viewer.session.id)
    };
    let found = challenge::find_live(app.db.read(), id, now).await?;
    let challenge = found.filter(is_own).ok_or(ReauthenticateRefusal::InvalidToken)?;
    let Checked { methods, attempt, second_factor } = check(app, client, viewer, &challenge, proof).await?;

    let (user_id, session_id) = (viewer.user.id, viewer.session.id);
    let version = viewer.user.credentials_version;
    let proven = app
        .db
        .write(async move |txn| {
            // this charges no budget, so it cannot be refused
            attempt.succeed(&txn).await?.ok();
            let locked = challenges::lock(&txn, &challenge).await?;
            let is_valid = locked
                .account
                .as_ref()
                .is_some_and(|user| user.is_active && user.credentials_version == version);
            if !is_valid || challenge::end(&txn, challenge.id, now).await?.is_none() {
                return Ok(None);
            }
            if let (Some(proof), Some(user)) = (&second_factor, &locked.account)
                && !proof.spend(&txn, user, now).await?
            {
                txn.undo();
                return Ok(None);
            }
            if !session::authenticate(&txn, session_id, user_id, &methods, now).await? {
                txn.undo();
                return Ok(None);
            }
            Ok(locked.account.zip(session::find(&txn, session_id).await?))
        })
        .await?;
    let (user, session) = proven.ok_or(ReauthenticateRefusal::InvalidToken)?;
    let access_token =
        viewer.access_token(app, &user, &session, (now.0, Amr::of(&session.methods())), now.0)?;
    Ok(Reauthenticated { session, access_token })
}

/// A proof that was right when it was checked.
struct Checked {
    /// How the user has now proven their identity.
    methods: Vec<AuthenticationMethod>,
    attempt: Attempt,
    /// The proof to spend, if it was a second factor.
    second_factor: Option<CheckedProof>,
}

impl Checked {
    fn by(method: AuthenticationMethod, attempt: Attempt) -> Self {
        Self { methods: vec![method], attempt, second_factor: None }
    }
}

/// Checks a proof. The attempt is charged as a failure until it succeeds.
async fn check(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    challenge: &challenge::Model,
    proof: ReauthenticationProof,
) -> Result<Checked, Failure<ReauthenticateRefusal>> {
    // a thief who has the password or the mailbox must not get past the factor
    if viewer.user.has_second_factor() && !matches!(proof, ReauthenticationProof::SecondFactor(_)) {
        return Err(ReauthenticateRefusal::SecondFactorRequired.into());
    }
    match proof {
        ReauthenticationProof::Password(password) => {
            let entered = Password::parse(password.expose_secret())
                .map_err(|_| ReauthenticateRefusal::InvalidCredentials)?;
            let attempt = check_current_password(app, client, viewer, Some(entered)).await?;
            let attempt = attempt.ok_or(ReauthenticateRefusal::InvalidCredentials)?;
            Ok(Checked::by(AuthenticationMethod::Password, attempt))
        }
        ReauthenticationProof::EmailCode(code) => {
            let attempt = count_code(app, client, viewer, challenge, &code).await?;
            Ok(Checked::by(AuthenticationMethod::EmailCode, attempt))
        }
        ReauthenticationProof::Identity(input) => {
            if app.providers.get(&input.provider).is_none() {
                return Err(ReauthenticateRefusal::Identify(IdentifyRefusal::NotEnabled).into());
            }
            let input = fresh(input, challenge.id)?;
            let (account, attempt) = identify(app, client, &input).await.map_err(Failure::into_refusal)?;
            let owner = identity::find_user(app.db.read(), &account.issuer, &account.subject).await?;
            if owner.is_none_or(|owner| owner.id != viewer.user.id) {
                return Err(ReauthenticateRefusal::InvalidCredentials.into());
            }
            Ok(Checked::by(AuthenticationMethod::Identity, attempt))
        }
        ReauthenticationProof::SecondFactor(proof) => {
            let most = app.config.codes.otp_max_attempts;
            let (id, key, now) = (challenge.id, challenge.email_key.clone(), Timestamp(app.clock.now()));
            let count = async || {
                let count = async move |txn| challenge::count_attempt(&txn, id, &key, most, now).await;
                Ok(app.db.write_one(count).await?.is_some())
            };
            let asked = (CeremonyPurpose::Reauthentication, id);
            let checked = second_factors::check(app, client, &viewer.user, proof, asked, count).await?;
            let proof = checked.map_err(|wrong| match wrong {
                WrongProof::Wrong => ReauthenticateRefusal::InvalidOtp,
                WrongProof::WrongPasskey => ReauthenticateRefusal::InvalidPasskey,
                WrongProof::NoAttemptLeft => ReauthenticateRefusal::InvalidToken,
            })?;
            // the first proof of the session still counts
            let mut methods = session::Model::clone(&viewer.session).without_second_factors().methods();
            methods.push(proof.method());
            Ok(Checked { methods, attempt: proof.attempt.clone(), second_factor: Some(proof) })
        }
    }
}

/// Makes sure that the provider's response is recent. Refuses access tokens, and requires that the nonce of an ID token be
/// the ID of the reauthentication. An authorization code is always recent, because its `state` expires soon and works
/// only once.
fn fresh(input: ProviderLoginInput, id: Uuid) -> Result<ProviderLoginInput, Failure<ReauthenticateRefusal>> {
    let proof = match input.proof {
        ProviderProof::AccessToken(_) => return Err(ReauthenticateRefusal::NotAccepted.into()),
        ProviderProof::IdToken { id_token, .. } => {
            ProviderProof::IdToken { id_token, nonce: Some(id.to_string()) }
        }
        code @ ProviderProof::AuthorizationCode { .. } => code,
    };
    Ok(ProviderLoginInput { proof, ..input })
}

/// Checks the emailed code. The attempt is counted before the code is compared, so that parallel guesses cannot exceed
/// the limit.
async fn count_code(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    challenge: &challenge::Model,
    code: &SecretString,
) -> Result<Attempt, Failure<ReauthenticateRefusal>> {
    let entered =
        OneTimeCode::parse(code, app.config.codes.otp_length).ok_or(ReauthenticateRefusal::InvalidOtp)?;
    let address = Address::rationed(app, client.ip_address);
    let mut failures = vec![Action::Code(viewer.session.id), Action::FailedCodeBy(viewer.user.id)];
    failures.extend(address.iter().map(Action::FailedCodeFrom));
    let attempt = Attempt::begin(app, &failures, None).await?;
    let (id, key, now) = (challenge.id, challenge.email_key.clone(), Timestamp(app.clock.now()));
    let most = app.config.codes.otp_max_attempts;
    let counted =
        app.db.write_one(async move |txn| challenge::count_attempt(&txn, id, &key, most, now).await).await?;
    if counted.is_some() && app.tokens.is_one_time_code(id, entered.expose()) {
        Ok(attempt)
    } else {
        Err(ReauthenticateRefusal::InvalidOtp.into())
    }
}
