//! Proofs of a second factor. They are checked first, and then spent in the transaction that depends on them.

use sea_orm::DbErr;
use secrecy::SecretString;
use serde_json::Value as Json;
use uuid::Uuid;

use super::{
    passkey::{ClaimedPasskey, ProvenPasskey},
    recovery_codes::digest_of,
    totp,
};
use crate::{
    app::App,
    fault::Fault,
    input::{OneTimeCode, RecoveryCode},
    outbox::{self, MailKind},
    rate_limit::{Action, Address, Attempt},
    security_changes::notice,
    sessions::Client,
    storage::{self, Timestamp, Txn, known_address, recovery_code, session::AuthenticationMethod, user},
    tokens::CeremonyPurpose,
};

/// Returns whether the owner gets an email after this number of consecutive wrong codes. Budgets allow so few codes that
/// the owner gets at most a few of these emails a day.
fn is_told_at(failures: i32) -> bool {
    matches!(failures, 3 | 10 | 30) || (failures > 0 && failures % 100 == 0)
}

/// A proof of a second factor.
#[derive(Clone, Debug)]
pub enum SecondFactorProof {
    /// The code that the authenticator app shows.
    Totp(SecretString),
    /// A recovery code.
    RecoveryCode(SecretString),
    /// The browser's response from a passkey: an `AuthenticationResponseJSON`.
    Passkey(Json),
}

/// A proof that was right when it was checked.
#[derive(Clone, Debug)]
pub struct CheckedProof {
    user_id: Uuid,
    found: Found,
    /// The attempt, charged as a failure until the proof is spent.
    pub attempt: Attempt,
}

#[derive(Clone, Debug)]
enum Found {
    Totp { id: Uuid, step: i64 },
    RecoveryCode { digest: String },
    Passkey(Box<ProvenPasskey>),
}

/// The reasons why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongProof {
    /// The code is wrong, or was used before.
    Wrong,
    /// The passkey is not the user's, or its signature is wrong.
    WrongPasskey,
    /// The challenge allows no more authenticator codes.
    NoAttemptLeft,
}

/// Checks a proof. The inner result is an error if the proof is refused.
///
/// Wrong authenticator codes are charged to the client and to the account. `count` counts an attempt at the challenge,
/// and returns whether the challenge allows it. Wrong codes never block passkeys or recovery codes: these cannot be
/// guessed, and a thief who knows the password must not be able to keep the owner from using them. `asked` is the
/// ceremony in which the browser was asked for a passkey.
pub async fn check(
    app: &App,
    client: &Client,
    user: &user::Model,
    proof: SecondFactorProof,
    asked: (CeremonyPurpose, Uuid),
    count: impl AsyncFnOnce() -> Result<bool, Fault>,
) -> Result<Result<CheckedProof, WrongProof>, Fault> {
    match proof {
        SecondFactorProof::Totp(code) => match OneTimeCode::parse(&code, totp::DIGITS) {
            Some(code) => check_totp(app, client, user, &code, count).await,
            None => Ok(Err(WrongProof::Wrong)),
        },
        SecondFactorProof::RecoveryCode(code) => {
            let Some(digest) = RecoveryCode::parse(&code).map(|code| digest_of(user.id, &code)) else {
                return Ok(Err(WrongProof::Wrong));
            };
            let is_usable = recovery_code::is_usable(app.db.read(), user.id, &digest).await?;
            let found = Found::RecoveryCode { digest };
            let proof = CheckedProof { user_id: user.id, found, attempt: Attempt::free(app) };
            Ok(if is_usable { Ok(proof) } else { Err(WrongProof::Wrong) })
        }
        SecondFactorProof::Passkey(response) => {
            let claimed = ClaimedPasskey::find(app, &response).await?;
            let own = claimed.filter(|claimed| claimed.passkey.user_id == user.id);
            let proven = own.and_then(|own| own.prove(app, asked, &response));
            Ok(proven.ok_or(WrongProof::WrongPasskey).map(|proven| CheckedProof {
                user_id: user.id,
                found: Found::Passkey(Box::new(proven)),
                attempt: Attempt::free(app),
            }))
        }
    }
}

async fn check_totp(
    app: &App,
    client: &Client,
    user: &user::Model,
    code: &OneTimeCode,
    count: impl AsyncFnOnce() -> Result<bool, Fault>,
) -> Result<Result<CheckedProof, WrongProof>, Fault> {
    let attempt = charge(app, client, user).await?;
    // counted before the code is compared, so that parallel guesses cannot exceed the limit
    if !count().await? {
        return Ok(Err(WrongProof::NoAttemptLeft));
    }
    let Some(row) = storage::totp::find(app.db.read(), user.id).await? else {
        return Ok(Err(WrongProof::Wrong));
    };
    let step = totp::step_of(app, &row, code.expose(), app.clock.now())?;
    if let Some(step) = step.filter(|step| *step > row.last_step) {
        let found = Found::Totp { id: row.id, step };
        return Ok(Ok(CheckedProof { user_id: user.id, found, attempt }));
    }
    count_failure(app, user, row.id).await?;
    Ok(Err(WrongProof::Wrong))
}

/// Charges a wrong code to the client. If the user has never signed in from the client's address, also charges the code to
/// the account. A thief who knows the password thus cannot use up the attempts that the owner has at home.
async fn charge(app: &App, client: &Client, user: &user::Model) -> Result<Attempt, Fault> {
    let Some(address) = Address::rationed(app, client.ip_address) else { return Ok(Attempt::free(app)) };
    let mut failures = vec![Action::FailedSecondFactorFrom(user.id, &address)];
    // strangers who share a known address with the owner must not use up the owner's attempts
    if !known_address::is_known(app.db.read(), user.id, address.as_str()).await? {
        failures.extend([Action::FailedCodeFrom(&address), Action::FailedSecondFactor(user.id)]);
    }
    Attempt::begin(app, &failures, None).await
}

/// Counts a wrong code. Notifies the owner of repeated wrong codes, because the person who enters them has already given a
/// correct first proof.
async fn count_failure(app: &App, user: &user::Model, authenticator: Uuid) -> Result<(), Fault> {
    let mail = notice(app.clock.now(), MailKind::SecondFactorFailed, user, None);
    app.db
        .write(async move |txn| {
            let failures = storage::totp::count_failure(&txn, authenticator).await?;
            match mail {
                Some(mail) if is_told_at(failures) => storage::outbox::insert(&txn, mail).await,
                _ => Ok(()),
            }
        })
        .await?;
    outbox::wake(app);
    Ok(())
}

impl CheckedProof {
    /// Returns the method by which the user has proven their identity.
    #[must_use]
    pub fn method(&self) -> AuthenticationMethod {
        match self.found {
            Found::Totp { .. } => AuthenticationMethod::Totp,
            Found::RecoveryCode { .. } => AuthenticationMethod::RecoveryCode,
            Found::Passkey(_) => AuthenticationMethod::Passkey,
        }
    }

    /// Spends the proof, and notifies the owner if it was a recovery code. Returns `false` if another request has already
    /// spent the proof, and the caller must then undo the transaction. The transaction must have locked the user. For a
    /// passkey, the caller must also spend the challenge, so that the same response does not work twice.
    pub async fn spend(&self, txn: &Txn, user: &user::Model, now: Timestamp) -> Result<bool, DbErr> {
        match &self.found {
            Found::Totp { id, step } => storage::totp::spend(txn, *id, *step).await,
            Found::RecoveryCode { digest } => {
                if !recovery_code::spend(txn, self.user_id, digest, now).await? {
                    return Ok(false);
                }
                if let Some(mail) = notice(now.0, MailKind::RecoveryCodeUsed, user, None) {
                    storage::outbox::insert(txn, mail).await?;
                }
                Ok(true)
            }
            Found::Passkey(proven) => proven.record_use(txn, now).await,
        }
    }
}
