//! Signing in with a passkey.

use serde_json::Value as Json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::start_passkey_login::TTL;
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    rate_limit::{Account, Action, Attempt},
    second_factors::{ClaimedPasskey, ProvenPasskey},
    sessions::{Client, PendingSession, SignIn, SignInRefusal, UsedPasskey, sign_in},
    storage::{
        Timestamp, passkey,
        passkey_ceremony::{self, Kind},
        session::AuthenticationMethod,
        user,
    },
    tokens::CeremonyPurpose,
    webauthn::ClaimedCredential,
};

/// The maximum difference between the clocks of two servers.
const CLOCK_SKEW: Duration = Duration::minutes(1);

/// The reasons why nobody is signed in.
#[derive(Debug)]
pub enum PasskeyLoginRefusal {
    /// The ceremony is unknown, expired or spent. The client cannot tell which.
    InvalidToken,
    /// No account has ever had the passkey, or the passkey was deleted for good.
    NotFound,
    /// The passkey was removed, or its signature is wrong.
    InvalidCredentials,
    /// The account is deactivated.
    AccountDisabled,
}

impl Refusal for PasskeyLoginRefusal {}

impl From<SignInRefusal> for PasskeyLoginRefusal {
    fn from(refusal: SignInRefusal) -> Self {
        match refusal {
            SignInRefusal::AccountDisabled => Self::AccountDisabled,
            SignInRefusal::Outdated => Self::InvalidToken,
        }
    }
}

/// Signs in with an `AuthenticationResponseJSON`. The passkey names the account, and counts as two factors.
pub async fn passkey_login(
    app: &App,
    client: &Client,
    id: Uuid,
    credential: &Json,
) -> Result<SignIn, Failure<PasskeyLoginRefusal>> {
    let now = app.clock.now();
    let expires_at = expiry(id).filter(|at| *at > now && *at <= now + TTL + CLOCK_SKEW);
    let expires_at = expires_at.ok_or(PasskeyLoginRefusal::InvalidToken)?;
    let Some(claimed) = ClaimedPasskey::find(app, credential).await?.filter(|claimed| claimed.names_account)
    else {
        return Err(unknown(app, credential).await?.into());
    };
    // read before the proof is checked, so that this sign-in fails if all sessions are ended in the meantime
    let user = user::find(app.db.read(), claimed.passkey.user_id).await?;
    let user = user.ok_or_else(|| Fault::internal("a passkey has no user"))?;
    let proven = claimed.prove(app, (CeremonyPurpose::Login, id), credential);
    let ProvenPasskey { passkey, assertion } = proven.ok_or(PasskeyLoginRefusal::InvalidCredentials)?;
    let ceremony = passkey_ceremony::Model {
        id,
        kind: Kind::Login,
        user_id: Some(user.id),
        user_handle: passkey.user_handle,
        credentials_version: user.credentials_version,
        account: None,
        expires_at: Timestamp(expires_at),
        ended_at: Some(Timestamp(now)),
    };
    let spent = UsedPasskey {
        ceremony,
        id: passkey.id,
        sign_count: assertion.sign_count.into(),
        is_backed_up: assertion.is_backed_up,
    };
    let pending = PendingSession::new(app, &user, client, &[AuthenticationMethod::Passkey]).using(spent);
    let attempt = Attempt::free(app).charge_on_success(app, Action::Login(Account::Known(user.id)));
    sign_in(app, client, &user, pending, attempt).await.map_err(Failure::into_refusal)
}

/// Returns the refusal, from which the client learns whether the passkey is gone for good. The client may have the password
/// manager delete the passkey only if it is: a removed passkey can be restored with an undo link, and a passkey that merely
/// failed may work at the next attempt.
async fn unknown(app: &App, credential: &Json) -> Result<PasskeyLoginRefusal, Fault> {
    let Ok(claimed) = ClaimedCredential::read(credential) else {
        return Ok(PasskeyLoginRefusal::InvalidCredentials);
    };
    let exists = passkey::exists(app.db.read(), &claimed.credential_id).await?;
    Ok(if exists { PasskeyLoginRefusal::InvalidCredentials } else { PasskeyLoginRefusal::NotFound })
}

/// Returns when a ceremony expires. Its ID contains the time at which it started.
fn expiry(id: Uuid) -> Option<OffsetDateTime> {
    let (seconds, nanoseconds) = id.get_timestamp().filter(|_| id.get_version_num() == 7)?.to_unix();
    let started = OffsetDateTime::from_unix_timestamp(seconds.try_into().ok()?).ok()?;
    started.checked_add(Duration::nanoseconds(nanoseconds.into()) + TTL)
}
