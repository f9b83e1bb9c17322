//! The codes of authenticator apps (RFC 6238). A code has six digits, and there is a new one every 30 seconds.
//!
//! The algorithm is SHA-1, because many apps ignore the parameter that selects another one. SHA-1 collisions do not
//! affect HMAC-SHA-1 (RFC 4226 §B.2).

use time::OffsetDateTime;
use totp_rs::{Algorithm, Builder, Totp, TotpError};

use crate::{app::App, fault::Fault, storage::totp};

/// The number of digits of a code.
pub(super) const DIGITS: u8 = 6;

/// The number of seconds for which a code is shown.
const STEP: u64 = 30;

/// How many earlier and how many later codes are accepted, because clocks differ (RFC 6238 §5.2).
const SKEW: u16 = 1;

/// Builds the authenticator with this secret. `account` is the name that the app shows.
pub(super) fn authenticator(secret: &[u8], issuer: &str, account: &str) -> Result<Totp, TotpError> {
    // a colon separates the issuer from the account in the URI
    let without_colon = |name: &str| name.replace(':', " ");
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(SKEW)
        .with_step_duration(STEP)
        .with_secret(secret)
        .with_issuer(Some(without_colon(issuer)))
        .with_account_name(without_colon(account))
        .build()
}

/// Returns the time step of a code, or `None` if the code is wrong. The step may be spent already.
///
/// # Errors
/// Fails with an internal fault if neither `SECRET_KEY` nor one of `SECRET_KEY_FALLBACKS` decrypts the secret.
pub(super) fn step_of(
    app: &App,
    row: &totp::Model,
    code: &str,
    now: OffsetDateTime,
) -> Result<Option<i64>, Fault> {
    let secret = app.tokens.totp_secrets.open(row.id, &row.sealed_secret).ok_or_else(|| {
        Fault::internal(
            "an authenticator's secret is encrypted under a key that is not in SECRET_KEY_FALLBACKS",
        )
    })?;
    let totp = authenticator(&secret, "", "").map_err(Fault::internal)?;
    let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
    Ok(totp.check(code, seconds).and_then(|step| i64::try_from(step).ok()))
}
