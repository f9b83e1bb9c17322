//! Alterations of an authentication: its signature, counter, credential and user (§7.2).

use coset::cbor::Value as Cbor;
use serde_json::Value;

use super::{
    super::{
        ATTESTED, Algorithm, BACKED_UP, BACKUP_ELIGIBLE, decode, edit_bytes, edit_map, encode, encode_cbor,
        random, signatures, signed_bytes,
    },
    Case, Stored,
    case::{accepted, open, rejected},
};

pub(super) fn cases() -> Vec<Case> {
    [signatures(), bytes(), counters(), backups(), credentials(), keys()].concat()
}

fn signatures() -> Vec<Case> {
    let step = "§7.2 step 21: the signature is right";
    let der = "§6.5.5: an ES256 signature is an Ecdsa-Sig-Value in DER";
    vec![
        rejected("a signature with its first bit changed", step)
            .after(|response, _| edit_bytes(response, "signature", |bytes| bytes[0] ^= 0x80)),
        rejected("a signature with a bit in the middle changed", step)
            .after(|response, _| edit_bytes(response, "signature", |bytes| bytes[20] ^= 4)),
        rejected("a signature with its last bit changed", step).after(|response, _| {
            edit_bytes(response, "signature", |bytes| *bytes.last_mut().unwrap() ^= 1);
        }),
        rejected("an empty signature", step)
            .after(|response, _| edit_bytes(response, "signature", Vec::clear)),
        rejected("a signature of zeros", step)
            .after(|response, _| edit_bytes(response, "signature", |bytes| bytes.fill(0))),
        rejected("a signature that is cut off", step).after(|response, _| {
            edit_bytes(response, "signature", |bytes| bytes.truncate(bytes.len() - 1));
        }),
        rejected("a signature with a byte after it", step)
            .after(|response, _| edit_bytes(response, "signature", |bytes| bytes.push(0))),
        rejected("a signature by the key of another user", step)
            .after(|response, cast| resign(response, |message| cast.grace.key.sign(message))),
        rejected("a signature with another digest", step).after(|response, cast| {
            resign(response, |message| cast.ada.key.sign_with_another_digest(message));
        }),
        rejected("a signature with PSS", step)
            .only(Algorithm::Rs256)
            .after(|response, cast| resign(response, |message| cast.ada.key.sign_with_pss(message))),
        rejected("a signature as r and s", der).only(Algorithm::Es256).after(|response, _| {
            edit_bytes(response, "signature", |bytes| *bytes = signatures::split(bytes).concat());
        }),
        rejected("a signature with leading zeros", der).only(Algorithm::Es256).after(|response, _| {
            edit_bytes(response, "signature", |bytes| *bytes = signatures::with_leading_zeros(bytes));
        }),
        rejected("a signature with r and s of zero", step).only(Algorithm::Es256).after(|response, _| {
            edit_bytes(response, "signature", |bytes| *bytes = vec![0x30, 6, 2, 1, 0, 2, 1, 0]);
        }),
        accepted("a signature with the other s", "SEC 1 §4.1.4: both are right")
            .only(Algorithm::Es256)
            .after(|response, _| {
                edit_bytes(response, "signature", |bytes| *bytes = signatures::negated(bytes));
            }),
        rejected("a signature with a larger s", "RFC 8032 §5.1.7: S is less than L")
            .only(Algorithm::EdDsa)
            .after(|response, _| {
                edit_bytes(response, "signature", |bytes| *bytes = signatures::with_larger_s(bytes));
            }),
        rejected("no signature", "§5.1.9: the member is required")
            .after(|response, _| response["response"]["signature"] = Value::Null),
    ]
}

fn resign(response: &mut Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) {
    let signature = sign(&signed_bytes(response));
    response["response"]["signature"] = encode(&signature).into();
}

fn bytes() -> Vec<Case> {
    let step = "§7.2 step 21: the signature is for these bytes";
    vec![
        rejected("client data that was changed after signing", step)
            .after(|response, _| edit_bytes(response, "clientDataJSON", |bytes| bytes.push(b' '))),
        rejected("a counter that was changed after signing", step)
            .after(|response, _| edit_bytes(response, "authenticatorData", |bytes| bytes[35] ^= 1)),
        rejected("a flag that was changed after signing", step)
            .after(|response, _| edit_bytes(response, "authenticatorData", |bytes| bytes[32] ^= 2)),
        rejected("short authenticator data", "§6.1: at least 37 bytes")
            .after(|response, _| edit_bytes(response, "authenticatorData", |bytes| bytes.truncate(36))),
        rejected("no authenticator data", "§5.1.9: the member is required")
            .after(|response, _| response["response"]["authenticatorData"] = Value::Null),
        open("a credential in the authenticator data", "§6.3.3 forbids it, and §7.2 does not look").before(
            |draft, cast| {
                draft.data.flags |= ATTESTED;
                draft.data.credential =
                    Some((cast.ada.credential_id.clone(), encode_cbor(&cast.ada.key.cose())));
            },
        ),
        rejected("the flag of a credential without one", "§6.1: the flags say which parts there are")
            .alone()
            .before(|draft, _| draft.data.flags |= ATTESTED),
    ]
}

fn counters() -> Vec<Case> {
    let copied = "§7.2 step 22: the key may have been copied, which these verifiers refuse";
    let count = |name, change| rejected(name, copied).before(change);
    vec![
        accepted("a counter that has leapt", "§7.2 step 22")
            .before(|draft, _| draft.data.sign_count = u32::MAX),
        accepted("no counter", "§7.2 step 22").before(|draft, _| draft.data.sign_count = 0).stored(
            |stored| {
                stored.records[0].sign_count = 0;
            },
        ),
        rejected("the same counter", copied).stored(|stored| stored.records[0].sign_count += 1),
        count("a lower counter", |draft, _| draft.data.sign_count = 1),
        count("a counter that went away", |draft, _| draft.data.sign_count = 0),
    ]
}

fn backups() -> Vec<Case> {
    let step = "§7.2 step 19: BE is as it was at the registration";
    vec![
        accepted("a key that can be backed up", step)
            .before(|draft, _| draft.data.flags |= BACKUP_ELIGIBLE)
            .stored(|stored| stored.records[0].is_backup_eligible = true),
        accepted("a key that is backed up", step)
            .before(|draft, _| draft.data.flags |= BACKUP_ELIGIBLE | BACKED_UP)
            .stored(|stored| stored.records[0].is_backup_eligible = true),
        rejected("a key that was bound to the device", step)
            .before(|draft, _| draft.data.flags |= BACKUP_ELIGIBLE),
        rejected("a key that is bound to the device now", step)
            .stored(|stored| stored.records[0].is_backup_eligible = true),
        open(
            "the counter of a key that can be backed up went back",
            "§7.2 step 22 leaves it to the verifier",
        )
        .before(|draft, _| {
            draft.data.flags |= BACKUP_ELIGIBLE;
            draft.data.sign_count = 1;
        })
        .stored(|stored| stored.records[0].is_backup_eligible = true),
    ]
}

fn credentials() -> Vec<Case> {
    let allowed = "§7.2 step 5: the credential is one that was allowed";
    let owner = "§7.2 step 6: the credential is of the user whose handle it names";
    vec![
        accepted("a credential that was allowed", allowed).stored(|stored| allow(stored, 0)),
        rejected("a credential that was not allowed", allowed).stored(|stored| allow(stored, 1)),
        accepted("no user handle for a known user", owner)
            .before(|draft, _| draft.user_handle = None)
            .stored(|stored| allow(stored, 0)),
        rejected("no user handle for an unknown user", owner).before(|draft, _| draft.user_handle = None),
        rejected("an empty user handle", owner).before(|draft, _| draft.user_handle = Some(Vec::new())),
        rejected("the user handle of another user", owner)
            .before(|draft, cast| draft.user_handle = Some(cast.grace.user_handle.clone())),
        rejected("the user handle of nobody", owner).before(|draft, _| draft.user_handle = Some(random(16))),
        rejected("an unknown credential", owner).before(|draft, _| draft.credential_id = random(32)),
        rejected("the credential of another user", owner)
            .before(|draft, cast| draft.credential_id.clone_from(&cast.grace.credential_id))
            .after(|response, cast| resign(response, |message| cast.grace.key.sign(message))),
        rejected("the credential and handle of another user with this user's signature", "§7.2 step 21")
            .before(|draft, cast| {
                draft.credential_id.clone_from(&cast.grace.credential_id);
                draft.user_handle = Some(cast.grace.user_handle.clone());
            }),
        accepted("another user", owner)
            .before(|draft, cast| {
                draft.credential_id.clone_from(&cast.grace.credential_id);
                draft.user_handle = Some(cast.grace.user_handle.clone());
            })
            .after(|response, cast| resign(response, |message| cast.grace.key.sign(message))),
    ]
}

fn allow(stored: &mut Stored, record: usize) {
    stored.allowed = vec![stored.records[record].credential_id.clone()];
}

fn keys() -> Vec<Case> {
    let step = "§7.2 step 21: the signature is with the algorithm of the stored key";
    vec![
        rejected("a stored key of another algorithm", step).stored(|stored| {
            edit_key(stored, |map| {
                let other = if map[1].1 == Cbor::Integer((-257).into()) { -258 } else { -36 };
                map[1].1 = Cbor::Integer(other.into());
            });
        }),
        rejected("a stored key of another kind", step).stored(|stored| {
            edit_key(stored, |map| {
                let other = if map[0].1 == Cbor::Integer(3.into()) { 2 } else { 3 };
                map[0].1 = Cbor::Integer(other.into());
            });
        }),
        rejected("a stored key with a bit changed", step).stored(|stored| {
            edit_key(stored, |map| {
                map.iter_mut().find_map(|entry| entry.1.as_bytes_mut()).unwrap()[31] ^= 1;
            });
        }),
    ]
}

fn edit_key(stored: &mut Stored, edit: impl FnOnce(&mut Vec<(Cbor, Cbor)>)) {
    let key = &mut stored.records[0].public_key;
    let mut bytes = decode(key);
    edit_map(&mut bytes, edit);
    *key = encode(&bytes);
}
