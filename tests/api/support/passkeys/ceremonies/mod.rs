//! Ceremonies for verifiers to judge: as browsers make them, and with one or more alterations.

mod authentication;
mod case;
mod client_data;
mod credential;
mod keys;
mod registration;

use serde::Serialize;
use serde_json::{Value, json};

use super::{Algorithm, BACKUP_ELIGIBLE, Draft, Kind, SecurityKey, encode, random};
pub use case::{Case, Expected};

pub const RP_ID: &str = "example.org";
pub const ORIGIN: &str = "https://example.org";
pub const ANOTHER_ORIGIN: &str = "https://accounts.example.org";

/// The unusual but valid cases that every alteration is combined with. All of them can be made at once.
const UNUSUAL: [&str; 6] = [
    "client data with a byte order mark",
    "client data with another member",
    "client data in another order",
    "the second origin",
    "reserved flags",
    "extensions",
];

/// What a verifier gets, and how it must decide.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ceremony {
    /// The algorithm, the alteration and whether it is combined with others.
    pub name: String,
    pub kind: Kind,
    pub rp_id: &'static str,
    pub origins: [&'static str; 2],
    /// The expected challenge, in base64url.
    pub challenge: String,
    pub require_user_verification: bool,
    /// The numbers of the algorithms that were offered.
    pub algorithms: Vec<i64>,
    /// What the browser returned.
    pub response: Value,
    /// What is stored.
    pub stored: Stored,
    /// The name of the alteration, without those that it is combined with.
    #[serde(skip)]
    pub case: &'static str,
    #[serde(skip)]
    pub expected: Expected,
    /// The rule of the specification, by its section and step.
    #[serde(skip)]
    pub rule: &'static str,
}

/// The credentials of two users, and those that the options of an authentication allow. If `allowed` is empty, all are
/// allowed.
#[derive(Clone, Debug, Serialize)]
pub struct Stored {
    pub records: Vec<Record>,
    pub allowed: Vec<String>,
}

/// A stored credential. Bytes are in base64url.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub credential_id: String,
    pub user_handle: String,
    /// A `COSE_Key`.
    pub public_key: String,
    pub sign_count: u32,
    pub is_backup_eligible: bool,
}

/// Two users with a passkey each.
pub struct Cast {
    pub ada: SecurityKey,
    pub grace: SecurityKey,
}

impl Ceremony {
    /// Returns a ceremony without alterations.
    pub fn new(kind: Kind, challenge: &str, response: Value, stored: Stored) -> Self {
        Self {
            name: format!("{kind:?}"),
            kind,
            rp_id: RP_ID,
            origins: [ORIGIN, ANOTHER_ORIGIN],
            challenge: challenge.to_owned(),
            require_user_verification: true,
            algorithms: Algorithm::ALL.map(Algorithm::id).to_vec(),
            response,
            stored,
            case: "unaltered",
            expected: Expected::Accepted,
            rule: "§7.1, §7.2",
        }
    }

    /// Returns the record that an authentication is verified with, or `None` if the ceremony fails before that (§7.2, steps 5
    /// and 6).
    pub fn record(&self) -> Option<&Record> {
        let Stored { records, allowed } = &self.stored;
        let id = self.response["id"].as_str()?;
        let record = records.iter().find(|record| record.credential_id == id)?;
        let is_allowed = allowed.is_empty() || allowed.iter().any(|allowed| allowed == id);
        let is_owner = match self.response["response"]["userHandle"].as_str() {
            Some(handle) => handle == record.user_handle,
            None => !allowed.is_empty(),
        };
        Some(record).filter(|_| is_allowed && is_owner)
    }
}

impl Record {
    /// Returns the record of a passkey.
    pub fn of(passkey: &SecurityKey) -> Self {
        Self {
            credential_id: encode(&passkey.credential_id),
            user_handle: encode(&passkey.user_handle),
            public_key: encode(&super::encode_cbor(&passkey.key.cose())),
            sign_count: passkey.sign_count,
            is_backup_eligible: passkey.flags & BACKUP_ELIGIBLE != 0,
        }
    }
}

impl Cast {
    /// Makes the passkeys.
    pub fn new(algorithm: Algorithm) -> Self {
        let passkey = || {
            let mut passkey = SecurityKey::new(algorithm);
            passkey.user_handle = random(16);
            passkey.sign_count = 7;
            passkey
        };
        Self { ada: passkey(), grace: passkey() }
    }
}

/// Returns the options for a new passkey.
pub fn creation_options(challenge: &str, user_handle: &[u8]) -> Value {
    let offered = Algorithm::ALL.map(|algorithm| json!({ "type": "public-key", "alg": algorithm.id() }));
    json!({
        "rp": { "id": RP_ID, "name": "Example" },
        "user": { "id": encode(user_handle), "name": "ada@example.org", "displayName": "Ada" },
        "challenge": challenge,
        "pubKeyCredParams": offered,
        "excludeCredentials": [],
        "authenticatorSelection": { "residentKey": "required", "userVerification": "required" },
        "attestation": "none",
    })
}

/// Returns the options for an authentication with any passkey.
pub fn request_options(challenge: &str) -> Value {
    json!({ "challenge": challenge, "rpId": RP_ID, "allowCredentials": [], "userVerification": "required" })
}

/// Returns every ceremony: each case for each algorithm, alone and combined with unusual but valid ones.
pub fn ceremonies() -> Vec<Ceremony> {
    let mut all = Vec::new();
    for algorithm in Algorithm::ALL {
        let mut cast = Cast::new(algorithm);
        for kind in [Kind::Registration, Kind::Authentication] {
            let cases = cases(kind);
            let unusual: Vec<&Case> =
                UNUSUAL.iter().map(|name| cases.iter().find(|case| case.name == *name).unwrap()).collect();
            for case in cases.iter().filter(|case| case.is_for(algorithm)) {
                all.push(ceremony(&mut cast, kind, &[case]));
                if !case.is_alone && !UNUSUAL.contains(&case.name) {
                    let combined: Vec<&Case> = unusual.iter().copied().chain([case]).collect();
                    all.push(ceremony(&mut cast, kind, &combined));
                }
            }
        }
    }
    all
}

fn cases(kind: Kind) -> Vec<Case> {
    let of_both = [client_data::cases(), credential::cases()].concat();
    let of_one = match kind {
        Kind::Registration => [registration::cases(), keys::cases()].concat(),
        Kind::Authentication => authentication::cases(),
    };
    [of_both, of_one].concat()
}

/// Makes a ceremony with these alterations. The last one determines the expected outcome.
fn ceremony(cast: &mut Cast, kind: Kind, alterations: &[&Case]) -> Ceremony {
    let last = alterations[alterations.len() - 1];
    let challenge = encode(&random(32));
    let mut stored = Stored { records: Vec::new(), allowed: Vec::new() };
    let mut draft: Draft = match kind {
        Kind::Registration => {
            let options = creation_options(&challenge, &cast.ada.user_handle.clone());
            cast.ada.registration(&options, ORIGIN)
        }
        Kind::Authentication => {
            stored.records = vec![Record::of(&cast.ada), Record::of(&cast.grace)];
            cast.ada.authentication(&request_options(&challenge), ORIGIN)
        }
    };
    for case in alterations {
        (case.before)(&mut draft, cast);
        (case.stored)(&mut stored);
    }
    let mut response = draft.sign(&cast.ada);
    for case in alterations {
        (case.after)(&mut response, cast);
    }
    let algorithm = cast.ada.key.algorithm();
    let combined = if alterations.len() > 1 { ", combined" } else { "" };
    Ceremony {
        name: format!("{kind:?}, {algorithm:?}: {}{combined}", last.name),
        case: last.name,
        expected: last.expected,
        rule: last.rule,
        ..Ceremony::new(kind, &challenge, response, stored)
    }
}
