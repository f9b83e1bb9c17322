//! Email addresses: an accepted address is also accepted in its displayed and its compared form, and stays the same.

#![no_main]

use gatehouse::input::EmailAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(address) = EmailAddress::parse(text) else { return };
    let shown = EmailAddress::parse(address.as_str()).expect("the displayed form should be an address");
    assert_eq!(shown.key(), address.key());
    let compared = EmailAddress::parse(address.key()).expect("the compared form should be an address");
    assert_eq!(compared.key(), address.key());
    assert!(address.key().len() <= 254, "SMTP allows at most 254 bytes");
    assert!(!address.as_str().chars().any(|c| c.is_control() || c.is_whitespace()), "not safe in a header");
    assert_eq!(address.key().matches('@').count(), 1);
    assert!(address.key().is_ascii());
});
