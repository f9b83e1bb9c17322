//! Stored password hashes, Gatehouse's and Django's: any value in the database is parsed or refused.

#![no_main]

use gatehouse::passwords::is_verifiable;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if is_verifiable(text) {
        assert!(text.len() <= 512 && !text.chars().any(char::is_control));
    }
});
