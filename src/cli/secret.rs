//! `gatehouse secret`.

use crate::secrets::SecretKey;

pub(super) fn run() {
    println!("{}", SecretKey::generate().1);
}
