//! Alterations of a registration: its flags, attestation object and statement (§7.1).

use coset::cbor::Value as Cbor;
use serde_json::{Value, json};

use super::{
    super::{
        ATTESTED, Attestation, BACKED_UP, BACKUP_ELIGIBLE, edit_attestation, edit_bytes, encode, random,
        sha256,
    },
    Case,
    case::{accepted, open, rejected},
};

pub(super) fn cases() -> Vec<Case> {
    [credentials(), objects(), encodings(), statements()].concat()
}

fn credentials() -> Vec<Case> {
    let layout = "§6.1, §6.5.1: the flags say which parts there are, and each is complete";
    let length = "§7.1 step 26: a longer ID than 1023 bytes SHOULD be refused";
    vec![
        accepted("a key that can be backed up", "§7.1 step 18")
            .before(|draft, _| draft.data.flags |= BACKUP_ELIGIBLE),
        accepted("a key that is backed up", "§7.1 step 19")
            .before(|draft, _| draft.data.flags |= BACKUP_ELIGIBLE | BACKED_UP),
        accepted("a model", "§6.5.1: the AAGUID names the model")
            .before(|draft, _| draft.data.aaguid = [7; 16]),
        accepted("no counter", "§6.1.1: counters are optional").before(|draft, _| draft.data.sign_count = 0),
        accepted("the highest counter", "§6.1.1").before(|draft, _| draft.data.sign_count = u32::MAX),
        accepted("no transports", "§5.2.1: the list may be empty").after(|response, _| {
            response["response"]["transports"] = json!([]);
        }),
        accepted("an unknown transport", "§5.2.1: unknown transports are ignored").after(|response, _| {
            response["response"]["transports"] = json!(["pigeon"]);
        }),
        accepted("a credential ID of 1023 bytes", length).before(|draft, _| set_id(draft, 1023)),
        open("a credential ID of 1024 bytes", length).before(|draft, _| set_id(draft, 1024)),
        rejected("an empty credential ID", "§4: a credential ID has at least 16 bytes")
            .before(|draft, _| set_id(draft, 0)),
        open("another ID in the JSON than in the authenticator data", "§7.1 names only the latter").after(
            |response, cast| {
                response["id"] = encode(&cast.grace.credential_id).into();
                response["rawId"] = response["id"].clone();
            },
        ),
        rejected("a credential without its flag", layout).before(|draft, _| draft.data.flags &= !ATTESTED),
        rejected("no credential", layout).alone().before(|draft, _| {
            draft.data.flags &= !ATTESTED;
            draft.data.credential = None;
        }),
        rejected("the flag of a credential without one", layout)
            .alone()
            .before(|draft, _| draft.data.credential = None),
        rejected("a key that is cut off", layout).alone().before(|draft, _| {
            draft.data.credential.as_mut().unwrap().1.truncate(20);
        }),
    ]
}

fn set_id(draft: &mut super::Draft, length: usize) {
    draft.credential_id = random(length);
    draft.data.credential.as_mut().unwrap().0 = draft.credential_id.clone();
}

fn objects() -> Vec<Case> {
    let step = "§7.1 step 13: the attestation object has fmt, authData and attStmt";
    vec![
        rejected("an attestation object without fmt", step).after(|response, _| without(response, "fmt")),
        rejected("an attestation object without attStmt", step)
            .after(|response, _| without(response, "attStmt")),
        rejected("an attestation object without authData", step)
            .after(|response, _| without(response, "authData")),
        rejected("authenticator data as text", step).after(|response, _| {
            edit_attestation(response, |map| map[2].1 = Cbor::Text("x".repeat(164)));
        }),
        rejected("short authenticator data", "§6.1: at least 37 bytes").after(|response, _| {
            edit_attestation(response, |map| map[2].1.as_bytes_mut().unwrap().truncate(36));
        }),
        rejected("authenticator data without its credential", "§6.1").after(|response, _| {
            edit_attestation(response, |map| map[2].1.as_bytes_mut().unwrap().truncate(37));
        }),
        rejected("an empty attestation object", step)
            .after(|response, _| edit_bytes(response, "attestationObject", Vec::clear)),
        rejected("an attestation object that is cut off", step).after(|response, _| {
            edit_bytes(response, "attestationObject", |bytes| bytes.truncate(bytes.len() - 40));
        }),
        rejected("an attestation object that is a list", step).after(|response, _| {
            edit_bytes(response, "attestationObject", |bytes| bytes.insert(0, 0x81));
        }),
        accepted("another member in the attestation object", "§6.5: unknown members are ignored").after(
            |response, _| {
                edit_attestation(response, |map| map.push((Cbor::Text("zzzzzzzzz".to_owned()), Cbor::Null)));
            },
        ),
    ]
}

fn without(response: &mut Value, name: &str) {
    edit_attestation(response, |map| map.retain(|(key, _)| key.as_text() != Some(name)));
}

fn encodings() -> Vec<Case> {
    let canonical = "§2: decoders SHOULD refuse what is not in the canonical form of CTAP2";
    let twice = "RFC 8949 §5.6: a map with a key twice is not valid; §2: SHOULD be refused";
    vec![
        open("a byte after the attestation object", canonical)
            .after(|response, _| edit_bytes(response, "attestationObject", |bytes| bytes.push(0))),
        open("an attestation object in another order", canonical)
            .after(|response, _| edit_attestation(response, |map| map.reverse())),
        open("an attestation object of indefinite length", canonical).after(|response, _| {
            edit_bytes(response, "attestationObject", |bytes| {
                bytes[0] = 0xbf;
                bytes.push(0xff);
            });
        }),
        open("an attestation object with a longer head", canonical).after(|response, _| {
            edit_bytes(response, "attestationObject", |bytes| {
                bytes.splice(0..1, [0xb8, 3]);
            });
        }),
        rejected("fmt twice", twice).after(|response, _| {
            edit_attestation(response, |map| map.push(map[0].clone()));
        }),
        rejected("authData twice", twice).after(|response, _| {
            edit_attestation(response, |map| {
                let mut other = map[2].clone();
                other.1.as_bytes_mut().unwrap()[0] ^= 1;
                map.insert(0, other);
            });
        }),
    ]
}

fn statements() -> Vec<Case> {
    let none = "§8.7: the statement of format none is empty";
    let formats = "§7.1 step 22: the format is one that the verifier knows";
    let packed = "§8.2: the new key has signed, with the algorithm that the statement names";
    let packed_case =
        |name| rejected(name, packed).before(|draft, _| draft.attestation = Attestation::Itself);
    vec![
        accepted("an attestation by the key itself", packed)
            .before(|draft, _| draft.attestation = Attestation::Itself),
        rejected("format none with a signature", none).after(|response, _| {
            set_statement(response, "none", vec![("sig", Cbor::Bytes(vec![1; 64]))]);
        }),
        rejected("a statement that is a list", none).after(|response, _| {
            edit_attestation(response, |map| map[1].1 = Cbor::Array(Vec::new()));
        }),
        rejected("an unknown format", formats)
            .after(|response, _| set_statement(response, "other", Vec::new())),
        rejected("a format in capitals", formats)
            .after(|response, _| set_statement(response, "NONE", Vec::new())),
        rejected("no format", formats).after(|response, _| set_statement(response, "", Vec::new())),
        rejected("format packed without a signature", packed)
            .after(|response, _| set_statement(response, "packed", Vec::new())),
        packed_case("an attestation with a changed signature").after(|response, _| {
            edit_attestation(response, |map| {
                let statement = map[1].1.as_map_mut().unwrap();
                *statement[1].1.as_bytes_mut().unwrap().last_mut().unwrap() ^= 1;
            });
        }),
        packed_case("an attestation with another algorithm").after(|response, _| {
            edit_attestation(response, |map| {
                let statement = map[1].1.as_map_mut().unwrap();
                let other = if statement[0].1 == Cbor::Integer((-257).into()) { -7 } else { -257 };
                statement[0].1 = Cbor::Integer(other.into());
            });
        }),
        packed_case("an attestation without an algorithm").after(|response, _| {
            edit_attestation(response, |map| {
                map[1].1.as_map_mut().unwrap().remove(0);
            });
        }),
        packed_case("an attestation by another key").after(|response, cast| {
            let client_data = super::super::decode(response["response"]["clientDataJSON"].as_str().unwrap());
            edit_attestation(response, |map| {
                let data = map[2].1.as_bytes().unwrap().clone();
                let signature = cast.grace.key.sign(&[data, sha256(&client_data)].concat());
                map[1].1.as_map_mut().unwrap()[1].1 = Cbor::Bytes(signature);
            });
        }),
        packed_case("client data that was changed after the attestation").after(|response, _| {
            edit_bytes(response, "clientDataJSON", |json| json.push(b' '));
        }),
        packed_case("a model that was changed after the attestation").after(|response, _| {
            edit_attestation(response, |map| map[2].1.as_bytes_mut().unwrap()[37] ^= 1);
        }),
    ]
}

fn set_statement(response: &mut Value, format: &str, statement: Vec<(&str, Cbor)>) {
    let statement = statement.into_iter().map(|(name, value)| (Cbor::Text(name.to_owned()), value)).collect();
    edit_attestation(response, |map| {
        map[0].1 = Cbor::Text(format.to_owned());
        map[1].1 = Cbor::Map(statement);
    });
}
