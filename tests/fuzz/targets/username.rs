//! Usernames: an accepted username is not an email address, and stays the same in its compared form.

#![no_main]

use gatehouse::input::{EmailAddress, Username};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(username) = Username::parse(text) else { return };
    let compared = Username::parse(&username.key()).expect("the compared form should be a username");
    assert_eq!(compared.key(), username.key());
    assert!((3..=30).contains(&username.as_str().len()));
    assert!(EmailAddress::parse(username.as_str()).is_err(), "a username is also an email address");
});
