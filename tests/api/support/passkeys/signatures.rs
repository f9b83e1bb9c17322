//! Other encodings of a signature, and other signatures that follow from it.

/// The order of P-256.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The order of Ed25519, in little endian.
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Returns r and s of an ECDSA signature in DER.
pub(super) fn split(der: &[u8]) -> [[u8; 32]; 2] {
    let first_length = usize::from(der[3]);
    let (first, second) = (&der[4..4 + first_length], &der[6 + first_length..]);
    [first, second].map(|integer| {
        let mut wide = [0; 33];
        wide[33 - integer.len()..].copy_from_slice(integer);
        wide[1..].try_into().unwrap()
    })
}

/// Returns an ECDSA signature in DER.
pub(super) fn join(r: &[u8; 32], s: &[u8; 32]) -> Vec<u8> {
    let integers = [r, s].map(|number| {
        let mut digits: Vec<u8> = number.iter().copied().skip_while(|digit| *digit == 0).collect();
        if digits[0] >= 0x80 {
            digits.insert(0, 0);
        }
        [&[2, u8::try_from(digits.len()).unwrap()], digits.as_slice()].concat()
    });
    let content = integers.concat();
    [&[0x30, u8::try_from(content.len()).unwrap()], content.as_slice()].concat()
}

/// Returns the other ECDSA signature of the same message: with n - s.
pub(super) fn negated(der: &[u8]) -> Vec<u8> {
    let [r, s] = split(der);
    let mut other = [0; 32];
    let mut borrow = 0;
    for at in (0..32).rev() {
        let digit = i16::from(P256_ORDER[at]) - i16::from(s[at]) - borrow;
        borrow = i16::from(digit < 0);
        other[at] = u8::try_from(digit + 256 * borrow).unwrap();
    }
    join(&r, &other)
}

/// Returns an ECDSA signature with zeros before r, which DER forbids. They are enough to make even a short r too long.
pub(super) fn with_leading_zeros(der: &[u8]) -> Vec<u8> {
    let mut longer = der.to_vec();
    longer[1] += 16;
    longer[3] += 16;
    longer.splice(4..4, [0; 16]);
    longer
}

/// Returns an Ed25519 signature with S + L, which RFC 8032 forbids.
pub(super) fn with_larger_s(signature: &[u8]) -> Vec<u8> {
    let mut larger = signature.to_vec();
    let mut carry = 0;
    for (digit, add) in larger[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*digit) + u16::from(add) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    larger
}
