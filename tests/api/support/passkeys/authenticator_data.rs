//! The authenticator data (§6.1).

use super::sha256;

pub const USER_PRESENT: u8 = 1;
pub const USER_VERIFIED: u8 = 1 << 2;
pub const BACKUP_ELIGIBLE: u8 = 1 << 3;
pub const BACKED_UP: u8 = 1 << 4;
pub const ATTESTED: u8 = 1 << 6;
pub const EXTENSIONS: u8 = 1 << 7;
/// The two flags without a meaning.
pub const RESERVED: u8 = 1 << 1 | 1 << 5;

/// The parts of the authenticator data. The flags are independent of the parts, so that they may contradict them.
#[derive(Clone, Debug)]
pub struct AuthenticatorData {
    pub rp_id_hash: Vec<u8>,
    pub flags: u8,
    pub sign_count: u32,
    pub aaguid: [u8; 16],
    /// The ID of the credential and its public key, a `COSE_Key`.
    pub credential: Option<(Vec<u8>, Vec<u8>)>,
    pub extensions: Vec<u8>,
    pub trailing: Vec<u8>,
}

impl AuthenticatorData {
    /// Prepares the data without a credential and without extensions.
    pub fn new(rp_id: &str, flags: u8, sign_count: u32) -> Self {
        Self {
            rp_id_hash: sha256(rp_id.as_bytes()),
            flags,
            sign_count,
            aaguid: [0; 16],
            credential: None,
            extensions: Vec::new(),
            trailing: Vec::new(),
        }
    }

    /// Returns the data as the authenticator signs it.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.rp_id_hash.clone();
        bytes.push(self.flags);
        bytes.extend(self.sign_count.to_be_bytes());
        if let Some((id, key)) = &self.credential {
            bytes.extend(self.aaguid);
            bytes.extend(u16::try_from(id.len()).unwrap().to_be_bytes());
            bytes.extend(id);
            bytes.extend(key);
        }
        bytes.extend(&self.extensions);
        bytes.extend(&self.trailing);
        bytes
    }
}
