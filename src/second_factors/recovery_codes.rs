//! Recovery codes, for owners who have lost their authenticator.

use aws_lc_rs::digest::{SHA256, digest};
use secrecy::SecretString;
use uuid::Uuid;

use crate::{input::RecoveryCode, secrets};

/// The number of codes that are generated together.
const COUNT: usize = 10;

/// New codes. Only the digests are stored.
pub(crate) struct NewCodes {
    /// The codes as people see them.
    pub(crate) shown: Vec<SecretString>,
    pub(crate) digests: Vec<String>,
}

/// Generates the codes of a user.
pub(crate) fn generate(user_id: Uuid) -> NewCodes {
    let codes: Vec<_> = (0..COUNT).map(|_| RecoveryCode::new(secrets::random())).collect();
    NewCodes {
        shown: codes.iter().map(RecoveryCode::in_groups).collect(),
        digests: codes.iter().map(|code| digest_of(user_id, code)).collect(),
    }
}

/// Returns the digest of a user's code, in hex. The digest needs no key, because nobody can try all 80-bit values. The
/// digest includes the user's ID, so that an attacker with a copy of the database cannot try a value against all users at
/// the same time.
pub(super) fn digest_of(user_id: Uuid, code: &RecoveryCode) -> String {
    hex::encode(digest(&SHA256, &[user_id.as_bytes(), code.expose().as_bytes()].concat()))
}
