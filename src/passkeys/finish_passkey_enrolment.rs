//! Adding a passkey to an account.

use secrecy::SecretString;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{new_passkey::verify, passkey_name::passkey_name, start_passkey_enrolment::MAX_PASSKEYS};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    input::FieldError,
    outbox,
    rate_limit::{self, Action},
    second_factors::{NewCodes, complete, generate},
    security_changes::{SecurityChange, UNDO_TTL},
    sessions::Viewer,
    storage::{
        Timestamp, passkey,
        passkey_ceremony::{self, Kind},
        recovery_code,
        security_change::ChangeKind,
        session::AuthenticationMethod,
        user,
    },
};

/// The account after a passkey was added.
#[derive(Clone, Debug)]
pub struct PasskeyEnrolled {
    /// The user.
    pub user: user::Model,
    /// The passkey.
    pub passkey: passkey::Model,
    /// The new recovery codes, if the account had none before. Only their digests are stored.
    pub recovery_codes: Option<Vec<SecretString>>,
    /// The IDs of the sessions that ended.
    pub ended: Vec<Uuid>,
}

/// The reasons why the passkey is not added.
#[derive(Debug)]
pub enum FinishPasskeyEnrolmentRefusal {
    /// The ceremony is unknown, expired or spent, or the account has changed since. The client cannot tell which.
    InvalidToken,
    /// The browser's response is wrong, or an account already has the passkey.
    InvalidCredentials,
    /// The name is invalid.
    InvalidInput(FieldError),
}

impl Refusal for FinishPasskeyEnrolmentRefusal {}

/// Adds the passkey in a `RegistrationResponseJSON` to the viewer's account. If the account has no recovery codes,
/// creates some. Ends the viewer's other sessions, because a thief may have opened one of them with a single proof.
///
/// The ID shows that the viewer has started the enrollment, and starting it required a recent proof.
pub async fn finish_passkey_enrolment(
    app: &App,
    viewer: &Viewer,
    id: Uuid,
    credential: &Json,
    name: Option<&str>,
) -> Result<PasskeyEnrolled, Failure<FinishPasskeyEnrolmentRefusal>> {
    let user_id = viewer.user.id;
    rate_limit::charge(app, Action::Write(user_id)).await?;
    let name =
        name.map(passkey_name).transpose().map_err(FinishPasskeyEnrolmentRefusal::InvalidInput)?.flatten();
    let now = Timestamp(app.clock.now());
    let found = passkey_ceremony::find_live(app.db.read(), id, Kind::Enrolment, now).await?;
    let ceremony = found
        .filter(|ceremony| ceremony.user_id == Some(user_id))
        .ok_or(FinishPasskeyEnrolmentRefusal::InvalidToken)?;
    let verified = verify(app, &ceremony, credential, name);
    let verified = verified.ok_or(FinishPasskeyEnrolmentRefusal::InvalidCredentials)?;

    let change = SecurityChange::announce(app, &viewer.user, ChangeKind::PasskeyAdded).await?;
    let NewCodes { shown, digests } = generate(user_id);
    // not earlier than the time of the change, so that undoing the change finds the rows that are written here
    let now = Timestamp(app.clock.now());
    let (claim, version) = (viewer.claim(), ceremony.credentials_version);
    let passkey = verified.into_row(user_id, now);
    let row = passkey.clone();
    let added = app
        .db
        .write(async move |txn| {
            let locked = claim.lock(&txn, now).await?;
            let Some((user, session)) = locked.filter(|(user, _)| user.credentials_version == version) else {
                return Ok(Err(FinishPasskeyEnrolmentRefusal::InvalidToken));
            };
            let has_room = passkey::list(&txn, &[user_id]).await?.len() < MAX_PASSKEYS;
            if !has_room || !passkey_ceremony::end(&txn, id, now).await? {
                return Ok(Err(FinishPasskeyEnrolmentRefusal::InvalidToken));
            }
            if !passkey::insert(&txn, row).await? {
                txn.undo();
                return Ok(Err(FinishPasskeyEnrolmentRefusal::InvalidCredentials));
            }
            let needs_codes = recovery_code::list_usable(&txn, &[user_id]).await?.is_empty();
            if needs_codes {
                recovery_code::remove_all(&txn, user_id, now, Timestamp(now.0 + UNDO_TTL)).await?;
                recovery_code::insert_many(&txn, user_id, digests, now).await?;
            }
            change.insert(&txn, &user, &[]).await?;
            let completed = complete(&txn, session, AuthenticationMethod::Passkey, now).await?;
            let completed = completed.map(|(user, ended)| (user, ended, needs_codes));
            Ok(completed.ok_or(FinishPasskeyEnrolmentRefusal::InvalidToken))
        })
        .await?;
    outbox::wake(app);
    let (user, ended, needs_codes) = added?;
    Ok(PasskeyEnrolled { user, passkey, recovery_codes: needs_codes.then_some(shown), ended })
}
