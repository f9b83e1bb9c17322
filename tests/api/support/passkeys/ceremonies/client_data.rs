//! Alterations of the client data, in both ceremonies (§7.1, steps 5 to 11; §7.2, steps 8 to 14).

use serde_json::json;

use super::{
    super::{decode, encode, random},
    ANOTHER_ORIGIN, Case,
    case::{accepted, open, rejected},
};

const ORIGIN_STEP: &str = "§7.1 step 9, §7.2 step 12: the origin is one that is expected";

pub(super) fn cases() -> Vec<Case> {
    [texts(), types(), challenges(), origins(), frames()].concat()
}

fn texts() -> Vec<Case> {
    let decoding = "§7.1 steps 5 and 6, §7.2 steps 8 and 9: UTF-8 decode, then parse as JSON";
    let members = "§5.8.1: verifiers ignore members that they do not know";
    vec![
        accepted("client data with a byte order mark", decoding)
            .before(|draft, _| draft.client_data.leading = b"\xef\xbb\xbf".to_vec()),
        accepted("client data with spaces around it", decoding)
            .before(|draft, _| draft.client_data.trailing = b" \n".to_vec()),
        accepted("client data with escapes", decoding)
            .before(|draft, _| draft.client_data.replaced.push(("webauthn.", b"w\\u0065bauthn."))),
        accepted("client data that is not UTF-8 in an unknown member", decoding).alone().before(
            |draft, _| {
                draft.client_data.set("other", "HERE");
                draft.client_data.replaced.push(("HERE", b"\xff"));
            },
        ),
        rejected("client data that is cut off", decoding).before(|draft, _| {
            draft.client_data.replaced.push(("}", b""));
        }),
        rejected("client data with text after it", decoding)
            .before(|draft, _| draft.client_data.trailing = b"x".to_vec()),
        rejected("client data that is a list", decoding).alone().before(|draft, _| {
            draft.client_data.leading = b"[".to_vec();
            draft.client_data.trailing = b"]".to_vec();
        }),
        rejected("client data in UTF-16", decoding).alone().before(|draft, _| {
            let json = String::from_utf8(draft.client_data.bytes()).unwrap();
            draft.client_data.leading = json.encode_utf16().flat_map(u16::to_le_bytes).collect();
            draft.client_data.members.clear();
            draft.client_data.replaced.push(("{}", b""));
        }),
        open("client data with a member twice", "JSON leaves open which of two equal members counts").before(
            |draft, _| {
                let kind = json!(draft.client_data.text("type"));
                draft.client_data.members.push(("type".to_owned(), kind));
            },
        ),
        accepted("client data with another member", members).before(|draft, _| {
            draft
                .client_data
                .set("other_keys_can_be_added_here", "do not compare clientDataJSON against a template");
        }),
        accepted("client data in another order", members)
            .before(|draft, _| draft.client_data.members.reverse()),
        accepted("client data with a supported token binding", members)
            .before(|draft, _| draft.client_data.set("tokenBinding", json!({ "status": "supported" }))),
        accepted("client data with an unknown token binding", members)
            .before(|draft, _| draft.client_data.set("tokenBinding", json!({ "status": "other" }))),
    ]
}

fn types() -> Vec<Case> {
    let step = "§7.1 step 7, §7.2 step 10: the type is the ceremony's";
    vec![
        rejected("the type of the other ceremony", step).before(|draft, _| {
            let other = match draft.client_data.text("type").as_str() {
                "webauthn.get" => "webauthn.create",
                _ => "webauthn.get",
            };
            draft.client_data.set("type", other);
        }),
        rejected("a type in capitals", step).before(|draft, _| {
            let kind = draft.client_data.text("type").to_uppercase();
            draft.client_data.set("type", kind);
        }),
        rejected("the type of a payment", step)
            .before(|draft, _| draft.client_data.set("type", "payment.get")),
        rejected("no type", step).before(|draft, _| draft.client_data.remove("type")),
    ]
}

fn challenges() -> Vec<Case> {
    let step = "§7.1 step 8, §7.2 step 11: the challenge is the text of the one that was sent";
    vec![
        rejected("another challenge", step)
            .before(|draft, _| draft.client_data.set("challenge", encode(&random(32)))),
        rejected("a challenge with one bit changed", step).before(|draft, _| {
            let mut challenge = decode(&draft.client_data.text("challenge"));
            challenge[31] ^= 1;
            draft.client_data.set("challenge", encode(&challenge));
        }),
        rejected("the beginning of the challenge", step).before(|draft, _| {
            let challenge = decode(&draft.client_data.text("challenge"));
            draft.client_data.set("challenge", encode(&challenge[..16]));
        }),
        rejected("an empty challenge", step).before(|draft, _| draft.client_data.set("challenge", "")),
        rejected("no challenge", step).before(|draft, _| draft.client_data.remove("challenge")),
        rejected("a challenge with padding", step).before(|draft, _| {
            let challenge = draft.client_data.text("challenge") + "=";
            draft.client_data.set("challenge", challenge);
        }),
    ]
}

fn origins() -> Vec<Case> {
    let origin = |name, change| rejected(name, ORIGIN_STEP).before(change);
    vec![
        accepted("the second origin", ORIGIN_STEP)
            .before(|draft, _| draft.client_data.set("origin", ANOTHER_ORIGIN)),
        origin("the origin of another site", |draft, _| {
            draft.client_data.set("origin", "https://example.com");
        }),
        origin("an origin without TLS", |draft, _| draft.client_data.set("origin", "http://example.org")),
        origin("an origin with a port", |draft, _| {
            draft.client_data.set("origin", "https://example.org:8443");
        }),
        origin("the origin of another subdomain", |draft, _| {
            draft.client_data.set("origin", "https://shop.example.org");
        }),
        origin("an origin that begins with the expected one", |draft, _| {
            draft.client_data.set("origin", "https://example.org.example.com");
        }),
        origin("an origin with a slash", |draft, _| draft.client_data.set("origin", "https://example.org/")),
        origin("an origin in capitals", |draft, _| draft.client_data.set("origin", "https://EXAMPLE.org")),
        origin("an opaque origin", |draft, _| draft.client_data.set("origin", "null")),
        origin("no origin", |draft, _| draft.client_data.remove("origin")),
    ]
}

fn frames() -> Vec<Case> {
    let step = "§7.1 step 10, §7.2 step 13: no frame in another site's page is expected";
    let top = "§7.1 step 11, §7.2 step 14: no top origin is expected";
    vec![
        accepted("client data without crossOrigin", step)
            .before(|draft, _| draft.client_data.remove("crossOrigin")),
        rejected("a frame in a page of another site", step)
            .before(|draft, _| draft.client_data.set("crossOrigin", true)),
        rejected("a frame in a named page of another site", top).before(|draft, _| {
            draft.client_data.set("crossOrigin", true);
            draft.client_data.set("topOrigin", "https://example.com");
        }),
        rejected("a top origin without a frame", top)
            .before(|draft, _| draft.client_data.set("topOrigin", "https://example.com")),
    ]
}
