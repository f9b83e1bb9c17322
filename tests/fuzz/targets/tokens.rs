//! Access tokens, refresh tokens, links and cursors: a value that was not issued is refused, and one that was issued
//! has only one form.

#![no_main]

use std::sync::LazyLock;

use gatehouse::{
    config::{Config, Mode},
    storage::challenge::Purpose,
    tokens::{Rejected, Tokens},
};
use libfuzzer_sys::fuzz_target;
use secrecy::ExposeSecret;
use time::OffsetDateTime;

/// The key with which the seeds were made.
const SECRET_KEY: &str = "9f3a61c8e07d52b4a6c1f98e3d70b52c4e8a1769d03bf5c28e714ad960fb3c57";

/// A valid token for this key.
const ACCESS_TOKEN: &str = include_str!("../seeds/tokens/access_token");

static TOKENS: LazyLock<Tokens> = LazyLock::new(|| {
    let settings = [("SECRET_KEY", SECRET_KEY), ("PUBLIC_URL", "http://127.0.0.1:8000")];
    let config = Config::load(Mode::Command, &settings.into_iter().collect()).expect("valid settings");
    let tokens = Tokens::new(&config, Vec::new()).expect("valid keys");
    assert!(tokens.read_access_token(ACCESS_TOKEN, OffsetDateTime::UNIX_EPOCH).is_ok(), "an invalid seed");
    tokens
});

fuzz_target!(|text: &str| {
    match TOKENS.read_access_token(text, OffsetDateTime::UNIX_EPOCH) {
        Ok(_) | Err(Rejected::Expired(_)) => assert_eq!(text, ACCESS_TOKEN, "a forged token was accepted"),
        Err(Rejected::Invalid) => {}
    }
    if let Some(claims) = TOKENS.read_refresh_token(text) {
        let issued = TOKENS.refresh_token(claims.session_id, claims.counter);
        assert_eq!(issued.expose_secret(), text);
    }
    if let Some(id) = TOKENS.read_cursor(text) {
        assert_eq!(TOKENS.cursor(id), text);
    }
    for purpose in [Purpose::VerifyEmail, Purpose::ResetPassword, Purpose::ChangeEmail] {
        if let Some(id) = TOKENS.read_link_token(purpose, text) {
            assert_eq!(TOKENS.link_token(purpose, id).expose_secret(), text);
        }
    }
});
