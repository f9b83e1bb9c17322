//! The authenticator data (§6.1): what the authenticator says about itself, the user and the key.

use aws_lc_rs::digest::{SHA256, digest};
use coset::cbor::Value;

use super::{Rejected, RelyingParty, encoding::read_cbor};

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const HAS_CREDENTIAL: u8 = 1 << 6;
const HAS_EXTENSIONS: u8 = 1 << 7;

/// The maximum length of a credential's ID, in bytes (§7.1).
const MAX_CREDENTIAL_ID_BYTES: usize = 1023;

/// The authenticator data, parsed.
#[derive(Debug)]
pub(super) struct AuthenticatorData<'a> {
    rp_id_hash: &'a [u8],
    flags: u8,
    /// The number of signatures with the key, or 0 if the authenticator does not count them.
    pub(super) sign_count: u32,
    /// The new credential. Only registrations have one.
    pub(super) credential: Option<AttestedCredential<'a>>,
}

/// A new credential.
#[derive(Debug)]
pub(super) struct AttestedCredential<'a> {
    /// The model of the authenticator. All zeros if it is not disclosed.
    pub(super) aaguid: [u8; 16],
    pub(super) id: &'a [u8],
    /// The public key, a `COSE_Key` (RFC 9052).
    pub(super) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Parses the data. Fails if any bytes are left over.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Rejected> {
        let (rp_id_hash, rest) = split(bytes, 32)?;
        let (&[flags], rest) = split_array(rest)?;
        let (sign_count, rest) = split_array(rest)?;
        let (credential, rest) = match flags & HAS_CREDENTIAL {
            0 => (None, rest),
            _ => AttestedCredential::parse(rest).map(|(credential, rest)| (Some(credential), rest))?,
        };
        let rest = match flags & HAS_EXTENSIONS {
            0 => rest,
            _ => match read_cbor(rest)? {
                (Value::Map(_), rest) => rest,
                _ => return Err(Rejected::Malformed),
            },
        };
        if !rest.is_empty() {
            return Err(Rejected::Malformed);
        }
        Ok(Self { rp_id_hash, flags, sign_count: u32::from_be_bytes(*sign_count), credential })
    }

    /// Checks that the data is for this relying party, that the user was present and verified, and that the backup flags are
    /// consistent.
    pub(super) fn check(&self, party: &RelyingParty) -> Result<(), Rejected> {
        if digest(&SHA256, party.id.as_bytes()).as_ref() != self.rp_id_hash {
            return Err(Rejected::RelyingParty);
        }
        if !self.has(USER_PRESENT) || !self.has(USER_VERIFIED) {
            return Err(Rejected::User);
        }
        if self.is_backed_up() && !self.is_backup_eligible() {
            return Err(Rejected::Backup);
        }
        Ok(())
    }

    /// Returns whether the key may be copied to other devices of the user.
    pub(super) fn is_backup_eligible(&self) -> bool {
        self.has(BACKUP_ELIGIBLE)
    }

    /// Returns whether the key is also on the user's other devices or in a backup.
    pub(super) fn is_backed_up(&self) -> bool {
        self.has(BACKED_UP)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

impl<'a> AttestedCredential<'a> {
    fn parse(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), Rejected> {
        let (aaguid, rest) = split_array(bytes)?;
        let (length, rest) = split_array(rest)?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length > MAX_CREDENTIAL_ID_BYTES {
            return Err(Rejected::Malformed);
        }
        let (id, from_key) = split(rest, length)?;
        let (_, rest) = read_cbor(from_key)?;
        let public_key = &from_key[..from_key.len() - rest.len()];
        Ok((Self { aaguid: *aaguid, id, public_key }, rest))
    }
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), Rejected> {
    bytes.split_at_checked(at).ok_or(Rejected::Malformed)
}

fn split_array<const N: usize>(bytes: &[u8]) -> Result<(&[u8; N], &[u8]), Rejected> {
    bytes.split_first_chunk().ok_or(Rejected::Malformed)
}
