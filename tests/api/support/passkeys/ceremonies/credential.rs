//! Alterations of the authenticator data and of the JSON around it, in both ceremonies.

use coset::cbor::Value as Cbor;
use serde_json::{Value, json};

use super::{
    super::{BACKED_UP, EXTENSIONS, RESERVED, USER_PRESENT, USER_VERIFIED, encode, encode_cbor, sha256},
    Case,
    case::{accepted, open, rejected},
};

pub(super) fn cases() -> Vec<Case> {
    [vec![accepted("unaltered", "§7.1, §7.2")], parties(), flags(), parts(), json()].concat()
}

fn parties() -> Vec<Case> {
    let step = "§7.1 step 14, §7.2 step 15: the hash is that of the RP ID";
    vec![
        rejected("the hash of another RP ID", step)
            .before(|draft, _| draft.data.rp_id_hash = sha256(b"example.com")),
        rejected("the hash of a subdomain", step)
            .before(|draft, _| draft.data.rp_id_hash = sha256(b"accounts.example.org")),
        rejected("the hash of the origin", step)
            .before(|draft, _| draft.data.rp_id_hash = sha256(b"https://example.org")),
        rejected("an RP ID without a hash", step).before(|draft, _| {
            let mut name = b"example.org".to_vec();
            name.resize(32, 0);
            draft.data.rp_id_hash = name;
        }),
    ]
}

fn flags() -> Vec<Case> {
    let present = "§7.1 step 15, §7.2 step 16: the user was present";
    let verified = "§7.1 step 16, §7.2 step 17: the user was verified";
    vec![
        accepted("reserved flags", "§6.1: bits 1 and 5 are reserved")
            .before(|draft, _| draft.data.flags |= RESERVED),
        rejected("the user was not present", present).before(|draft, _| draft.data.flags &= !USER_PRESENT),
        rejected("the user was not verified", verified).before(|draft, _| draft.data.flags &= !USER_VERIFIED),
        rejected("the user was neither present nor verified", present)
            .before(|draft, _| draft.data.flags &= !(USER_PRESENT | USER_VERIFIED)),
        rejected("a backup of a key that cannot be backed up", "§7.1 step 17, §7.2 step 18: BS requires BE")
            .before(|draft, _| draft.data.flags |= BACKED_UP),
    ]
}

fn parts() -> Vec<Case> {
    let layout = "§6.1: the flags say which parts there are, and nothing follows them";
    vec![
        accepted("extensions", "§7.1 step 21, §7.2 step 23: outputs may be ignored").before(|draft, _| {
            let output = (Cbor::Text("credProtect".to_owned()), Cbor::Integer(2.into()));
            draft.data.extensions = encode_cbor(&Cbor::Map(vec![output]));
            draft.data.flags |= EXTENSIONS;
        }),
        rejected("extensions without their flag", layout).alone().before(|draft, _| {
            draft.data.extensions = encode_cbor(&Cbor::Map(Vec::new()));
        }),
        rejected("the flag of extensions without any", layout)
            .alone()
            .before(|draft, _| draft.data.flags |= EXTENSIONS),
        rejected("extensions that are cut off", layout).before(|draft, _| {
            draft.data.flags |= EXTENSIONS;
            draft.data.extensions = b"\xa1\x6bcredProtect".to_vec();
        }),
        rejected("a byte after the authenticator data", layout)
            .before(|draft, _| draft.data.trailing = vec![0]),
        rejected("an empty map after the authenticator data", layout)
            .before(|draft, _| draft.data.trailing = vec![0xa0]),
    ]
}

fn json() -> Vec<Case> {
    let form = "§5.1: id is the text of rawId";
    let encoding = "§3: base64url is without padding, but decoders of RFC 4648 may allow it";
    let alphabet = "§3: base64url has - and _ for + and /";
    let member = "§5.1.8, §5.1.9: the member is required";
    vec![
        accepted("unknown members in the JSON", "§5.1: members may be added").after(|response, _| {
            response["other"] = json!({});
            response["response"]["other"] = json!([1]);
            response["clientExtensionResults"]["other"] = json!(true);
        }),
        accepted("no attachment", "§5.1: the attachment may be null or absent").after(|response, _| {
            response["authenticatorAttachment"] = Value::Null;
        }),
        rejected("another type of credential", "§5.1.3: the type is public-key")
            .after(|response, _| response["type"] = "password".into()),
        rejected("no type of credential", "§5.1.3: the type is public-key")
            .after(|response, _| response["type"] = Value::Null),
        rejected("an id that is not the raw ID", form).after(|response, cast| {
            response["rawId"] = encode(&cast.grace.credential_id).into();
        }),
        rejected("no raw ID", form).after(|response, _| response["rawId"] = Value::Null),
        rejected("no client data", member)
            .after(|response, _| response["response"]["clientDataJSON"] = Value::Null),
        rejected("client data as JSON", member).after(|response, _| {
            response["response"]["clientDataJSON"] = json!({ "type": "webauthn.create" });
        }),
        rejected("an empty response", member).after(|response, _| response["response"] = json!({})),
        open("base64url with padding", encoding).after(|response, _| {
            each_text(response, |text| {
                while text.len() % 4 != 0 {
                    text.push('=');
                }
            });
        }),
        rejected("base64 with the other alphabet", alphabet).alone().after(|response, _| {
            each_text(response, |text| *text = text.replace('-', "+").replace('_', "/"));
        }),
        rejected("base64url with a character of no alphabet", alphabet)
            .after(|response, _| each_text(response, |text| text.insert(4, '!'))),
        rejected("base64url with a line break", alphabet)
            .after(|response, _| each_text(response, |text| text.insert(4, '\n'))),
    ]
}

/// Changes each binary member.
fn each_text(response: &mut Value, edit: fn(&mut String)) {
    for name in ["clientDataJSON", "authenticatorData", "attestationObject", "signature"] {
        if let Some(text) = response["response"][name].as_str() {
            let mut text = text.to_owned();
            edit(&mut text);
            response["response"][name] = text.into();
        }
    }
}
