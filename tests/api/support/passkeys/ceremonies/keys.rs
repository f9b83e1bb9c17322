//! Alterations of the public key in a registration (§6.5.1, §5.8.5).

use coset::cbor::Value as Cbor;

use super::{
    super::{Algorithm, Draft},
    Case,
    case::{open, rejected},
};

pub(super) fn cases() -> Vec<Case> {
    [algorithms(), parameters(), encodings()].concat()
}

fn algorithms() -> Vec<Case> {
    let offered = "§7.1 step 20: the algorithm is one that was offered";
    let kind = "§6.5.1: the key has the parameters of its algorithm";
    vec![
        rejected("a key for ES384", offered).before(|draft, _| set(draft, 3, number(-35))),
        rejected("a key for PS256", offered).before(|draft, _| set(draft, 3, number(-37))),
        rejected("a key for RSA with SHA-1", offered).before(|draft, _| set(draft, 3, number(-65_535))),
        rejected("a key for a symmetric algorithm", offered).before(|draft, _| set(draft, 3, number(5))),
        rejected("a key with its algorithm as text", offered)
            .before(|draft, _| set(draft, 3, Cbor::Text("ES256".to_owned()))),
        rejected("a key without an algorithm", offered).before(|draft, _| unset(draft, 3)),
        rejected("a key for another algorithm that was offered", kind).before(|draft, _| {
            draft.edit_key(|map| {
                let other = if map[1].1 == number(-7) { -257 } else { -7 };
                map[1].1 = number(other);
            });
        }),
        rejected("a key of another kind", kind).before(|draft, _| {
            draft.edit_key(|map| {
                let other = if map[0].1 == number(3) { 2 } else { 3 };
                map[0].1 = number(other);
            });
        }),
        rejected("a key of an unknown kind", kind).before(|draft, _| set(draft, 1, number(99))),
        rejected("a key without a kind", kind).before(|draft, _| unset(draft, 1)),
    ]
}

fn parameters() -> Vec<Case> {
    let curve = "§5.8.5: ES256 is with P-256, and EdDSA with Ed25519";
    let point = "§5.8.5: the point of ES256 is not compressed";
    let length = "RFC 9053 §7: coordinates have the length of the curve";
    let parameters = "§6.5.1: the key has the parameters of its algorithm";
    vec![
        rejected("a key on P-384", curve).only(Algorithm::Es256).before(|draft, _| set(draft, -1, number(2))),
        rejected("a key on X25519", curve)
            .only(Algorithm::EdDsa)
            .before(|draft, _| set(draft, -1, number(4))),
        rejected("a compressed point", point)
            .only(Algorithm::Es256)
            .before(|draft, _| set(draft, -3, Cbor::Bool(true))),
        rejected("a point without y", parameters).only(Algorithm::Es256).before(|draft, _| unset(draft, -3)),
        rejected("a point that is not on the curve", "SEC 1 §3.2.2: a public key is on the curve")
            .only(Algorithm::Es256)
            .before(|draft, _| set(draft, -3, Cbor::Bytes(vec![1; 32]))),
        rejected("a short coordinate", length)
            .only(Algorithm::Es256)
            .before(|draft, _| set(draft, -2, Cbor::Bytes(vec![1; 31]))),
        rejected("a short Ed25519 key", length)
            .only(Algorithm::EdDsa)
            .before(|draft, _| set(draft, -2, Cbor::Bytes(vec![1; 31]))),
        rejected("an RSA key without an exponent", parameters)
            .only(Algorithm::Rs256)
            .before(|draft, _| unset(draft, -2)),
        rejected("an RSA key of 512 bits", "RFC 8812 §2: at least 2048 bits")
            .only(Algorithm::Rs256)
            .before(|draft, _| set(draft, -1, Cbor::Bytes([vec![0xc5; 63], vec![1]].concat()))),
        rejected("a key without its first parameter", parameters).before(|draft, _| unset(draft, -1)),
    ]
}

fn encodings() -> Vec<Case> {
    let canonical = "§2: decoders SHOULD refuse what is not in the canonical form of CTAP2";
    vec![
        rejected("a key that is not a map", "§6.5.1: the key is a COSE_Key")
            .before(|draft, _| draft.data.credential.as_mut().unwrap().1 = vec![0x80]),
        rejected("a key with its algorithm twice", "RFC 9052 §1.4: no label is there twice").before(
            |draft, _| {
                draft.edit_key(|map| map.push(map[1].clone()));
            },
        ),
        open("a key of indefinite length", canonical).before(|draft, _| {
            let key = &mut draft.data.credential.as_mut().unwrap().1;
            key[0] = 0xbf;
            key.push(0xff);
        }),
        open("a key in another order", canonical).before(|draft, _| draft.edit_key(|map| map.reverse())),
        open("a key with another parameter", "§6.5.1: no OPTIONAL parameters; verifiers need not check")
            .before(|draft, _| draft.edit_key(|map| map.insert(2, (number(2), Cbor::Bytes(vec![1]))))),
    ]
}

fn number(number: i64) -> Cbor {
    Cbor::Integer(number.into())
}

fn set(draft: &mut Draft, label: i64, value: Cbor) {
    draft.edit_key(|map| map.iter_mut().find(|(own, _)| *own == number(label)).unwrap().1 = value);
}

fn unset(draft: &mut Draft, label: i64) {
    draft.edit_key(|map| map.retain(|(own, _)| *own != number(label)));
}
