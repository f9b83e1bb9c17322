//! The endpoints of GitHub's API.

use poem::{
    Response, handler,
    http::{HeaderMap, StatusCode},
    web::Data,
};
use serde_json::{Value, json};

use super::{
    FakeProvider, lock,
    token::{answer, authorization},
};

#[handler]
pub(super) fn user(Data(fake): Data<&FakeProvider>, headers: &HeaderMap) -> Response {
    respond(fake, headers, |person| {
        let id: u64 = person["sub"]
            .as_str()
            .and_then(|sub| sub.get(sub.len().saturating_sub(9)..)?.parse().ok())
            .unwrap_or_default();
        json!({ "id": id, "login": "a-login", "name": person["name"], "avatar_url": "https://avatars.example/u/1" })
    })
}

#[handler]
pub(super) fn emails(Data(fake): Data<&FakeProvider>, headers: &HeaderMap) -> Response {
    respond(fake, headers, |person| {
        json!([
            { "email": "old@elsewhere.example", "primary": false, "verified": true },
            { "email": person["email"], "primary": true, "verified": person["email_verified"] },
        ])
    })
}

fn respond(fake: &FakeProvider, headers: &HeaderMap, about: impl Fn(&Value) -> Value) -> Response {
    let tokens = lock(&fake.0.tokens);
    match authorization(headers, "Bearer ").and_then(|token| tokens.get(token)) {
        Some(token) => answer(StatusCode::OK, &about(&token.userinfo)),
        None => answer(StatusCode::UNAUTHORIZED, &json!({ "message": "Bad credentials" })),
    }
}
