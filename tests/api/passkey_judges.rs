//! Passkey ceremonies, valid and altered, judged by two third-party libraries and by the specification.

use std::collections::HashSet;

use gatehouse::webauthn::{RelyingParty, StoredKey, verify_authentication, verify_registration};

use crate::support::passkeys::{
    Algorithm, Kind, SecurityKey,
    ceremonies::{Ceremony, Expected, ORIGIN, Record, Stored, ceremonies, creation_options, request_options},
    decode, encode,
    judges::{Judge, Verdict},
    random,
};

/// Alterations that judges decide differently from the specification, and why.
struct Exception {
    judges: &'static [Judge],
    kinds: &'static [Kind],
    cases: &'static [&'static str],
    reason: &'static str,
}

const SIMPLE: &[Judge] = &[Judge::SimpleWebAuthn];
const PY: &[Judge] = &[Judge::PyWebAuthn];
const REGISTRATION: &[Kind] = &[Kind::Registration];
const AUTHENTICATION: &[Kind] = &[Kind::Authentication];
const BOTH: &[Kind] = &[Kind::Registration, Kind::Authentication];

/// The alterations with frames.
const FRAMES: &[&str] = &[
    "a frame in a page of another site",
    "a frame in a named page of another site",
    "a top origin without a frame",
];

#[rustfmt::skip]
const EXCEPTIONS: &[Exception] = &[
    Exception {
        judges: SIMPLE, kinds: REGISTRATION, cases: FRAMES,
        reason: "it ignores crossOrigin and topOrigin in registrations",
    },
    Exception {
        judges: SIMPLE, kinds: AUTHENTICATION, cases: &["a frame in a page of another site"],
        reason: "it accepts crossOrigin without topOrigin, because Safari does not send topOrigin",
    },
    Exception { judges: PY, kinds: BOTH, cases: FRAMES, reason: "it ignores crossOrigin and topOrigin" },
    Exception {
        judges: &Judge::ALL, kinds: AUTHENTICATION,
        cases: &["a key that was bound to the device", "a key that is bound to the device now"],
        reason: "the comparison of BE with the registration is left to the caller",
    },
    Exception {
        judges: &Judge::ALL, kinds: BOTH, cases: &["client data with an unknown token binding"],
        reason: "tokenBinding is verified as in Level 2, and Level 3 ignores it",
    },
    Exception {
        judges: PY, kinds: BOTH,
        cases: &["client data in UTF-16", "client data that is not UTF-8 in an unknown member"],
        reason: "Python's json.loads guesses the encoding, and is strict about it",
    },
    Exception {
        judges: PY, kinds: BOTH,
        cases: &[
            "a challenge with padding",
            "base64 with the other alphabet",
            "base64url with a character of no alphabet",
            "base64url with a line break",
        ],
        reason: "Python's base64 is lenient, and the challenges are compared as bytes",
    },
    Exception {
        judges: &Judge::ALL, kinds: REGISTRATION, cases: &["a statement that is a list"],
        reason: "a statement of format none is right if it has no members",
    },
    Exception {
        judges: PY, kinds: REGISTRATION, cases: &["an attestation object without attStmt"],
        reason: "a statement of format none is right if it has no members",
    },
    Exception {
        judges: SIMPLE, kinds: REGISTRATION,
        cases: &["an attestation with another algorithm", "a key for another algorithm that was offered"],
        reason: "it takes only the digest from the algorithm, and nothing for Ed25519",
    },
    Exception {
        judges: SIMPLE, kinds: AUTHENTICATION, cases: &["a stored key of another algorithm"],
        reason: "it takes only the digest from the algorithm, and nothing for Ed25519",
    },
    Exception {
        judges: &Judge::ALL, kinds: REGISTRATION, cases: &["an RSA key of 512 bits"],
        reason: "the length of RSA keys is not checked",
    },
    Exception {
        judges: SIMPLE, kinds: AUTHENTICATION,
        cases: &["a signature with a byte after it", "a signature with its first bit changed"],
        reason: "it reads the DER of ES256 leniently",
    },
];

/// Decides about a ceremony as this server does.
pub fn our_verdict(ceremony: &Ceremony) -> bool {
    let party = RelyingParty {
        id: ceremony.rp_id.to_owned(),
        name: "Example".to_owned(),
        origins: ceremony.origins.map(str::to_owned).to_vec(),
    };
    let challenge = decode(&ceremony.challenge);
    match ceremony.kind {
        Kind::Registration => verify_registration(&party, &challenge, &ceremony.response).is_ok(),
        Kind::Authentication => ceremony.record().is_some_and(|record| {
            let key = StoredKey {
                public_key: &record.public_key,
                sign_count: record.sign_count,
                is_backup_eligible: record.is_backup_eligible,
            };
            verify_authentication(&party, &challenge, &ceremony.response, &key).is_ok()
        }),
    }
}

fn is_right(ceremony: &Ceremony, accepted: bool) -> bool {
    match ceremony.expected {
        Expected::Accepted => accepted,
        Expected::Rejected => !accepted,
        Expected::Open => true,
    }
}

/// Returns the ceremonies that a judge decided differently from the specification and the exceptions.
fn differences(judge: Judge, ceremonies: &[Ceremony]) -> Vec<String> {
    let mut used = HashSet::new();
    let mut found = Vec::new();
    for (ceremony, Verdict { accepted, reason }) in ceremonies.iter().zip(judge.judge(ceremonies)) {
        if is_right(ceremony, accepted) {
            continue;
        }
        let is_exception = EXCEPTIONS.iter().any(|exception| {
            exception.judges.contains(&judge)
                && exception.kinds.contains(&ceremony.kind)
                && exception.cases.contains(&ceremony.case)
        });
        if is_exception {
            used.insert((ceremony.kind, ceremony.case));
        } else {
            let Ceremony { name, rule, .. } = ceremony;
            found.push(format!("{judge:?}, {name}: accepted is {accepted}, {reason} ({rule})"));
        }
    }
    for exception in EXCEPTIONS.iter().filter(|exception| exception.judges.contains(&judge)) {
        let pairs =
            exception.kinds.iter().flat_map(|kind| exception.cases.iter().map(move |case| (*kind, *case)));
        let needless = pairs.filter(|pair| !used.contains(pair));
        found.extend(
            needless.map(|pair| format!("{judge:?} needs no exception: {pair:?}, {}", exception.reason)),
        );
    }
    found
}

#[test]
fn two_libraries_decide_about_passkeys_like_the_specification() {
    let ceremonies = ceremonies();
    let of = |kind| ceremonies.iter().filter(|ceremony| ceremony.kind == kind).count();
    assert!(of(Kind::Registration) >= 120 && of(Kind::Authentication) >= 120, "{}", ceremonies.len());
    let names: HashSet<_> = ceremonies.iter().map(|ceremony| &ceremony.name).collect();
    assert_eq!(names.len(), ceremonies.len(), "two ceremonies have one name");
    let found = Judge::ALL.map(|judge| differences(judge, &ceremonies)).concat();
    assert!(found.is_empty(), "{} differences:\n{}", found.len(), found.join("\n"));
}

#[test]
fn this_server_decides_about_passkeys_like_the_specification() {
    let ceremonies = ceremonies();
    let wrong = ceremonies.iter().filter(|ceremony| !is_right(ceremony, our_verdict(ceremony)));
    let wrong: Vec<_> = wrong.map(|ceremony| format!("{} ({})", ceremony.name, ceremony.rule)).collect();
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn two_libraries_accept_what_a_software_passkey_does_in_its_life() {
    let mut life = Vec::new();
    for algorithm in Algorithm::ALL {
        let mut passkey = SecurityKey::new(algorithm);
        passkey.sign_count = 1;
        let challenge = encode(&random(32));
        let registered = passkey.register(&creation_options(&challenge, &random(16)), ORIGIN);
        let nothing = Stored { records: Vec::new(), allowed: Vec::new() };
        life.push(Ceremony::new(Kind::Registration, &challenge, registered, nothing));
        for _ in 0..2 {
            let stored = Stored { records: vec![Record::of(&passkey)], allowed: Vec::new() };
            let challenge = encode(&random(32));
            let signed_in = passkey.authenticate(&request_options(&challenge), ORIGIN);
            life.push(Ceremony::new(Kind::Authentication, &challenge, signed_in, stored));
        }
    }
    for judge in Judge::ALL {
        for verdict in judge.judge(&life) {
            assert!(verdict.accepted, "{judge:?}: {}", verdict.reason);
        }
    }
}
