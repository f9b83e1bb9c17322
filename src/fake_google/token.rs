//! The endpoints for clients: the token endpoint, tokeninfo and userinfo.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use poem::{
    Response, handler,
    http::{HeaderMap, StatusCode, header},
    web::{Data, Form},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CLIENT_ID, CLIENT_SECRET, FakeGoogle, lock};

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    code: String,
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
}

/// Exchanges a code for tokens (RFC 6749 §4.1.3, with PKCE, RFC 7636 §4.5).
#[handler]
pub(super) fn trade(
    Data(google): Data<&FakeGoogle>,
    headers: &HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Response {
    let credentials = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
    if authorization(headers, "Basic ") != Some(&credentials) {
        return answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));
    }
    // a code works once, whatever the outcome
    let grant = lock(&google.0.codes).remove(&request.code);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, request.code_verifier.as_bytes()));
    let grant = grant.filter(|grant| {
        request.grant_type == "authorization_code"
            && grant.redirect_uri == request.redirect_uri
            && grant.code_challenge == challenge
    });
    let Some(grant) = grant else {
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" }));
    };
    let access_token = google.access_token(FakeGoogle::tokeninfo(&grant.person), grant.person.clone());
    match google.id_token(&google.claims(&grant.person)) {
        Ok(id_token) => answer(
            StatusCode::OK,
            &json!({
                "access_token": access_token, "id_token": id_token, "token_type": "Bearer", "expires_in": 3599,
                "scope": "openid email profile",
            }),
        ),
        Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "server_error" })),
    }
}

#[handler]
pub(super) fn tokeninfo(Data(google): Data<&FakeGoogle>, headers: &HeaderMap) -> Response {
    let tokens = lock(&google.0.tokens);
    match authorization(headers, "Bearer ").and_then(|token| tokens.get(token)) {
        Some(said) => answer(StatusCode::OK, &said.tokeninfo),
        None => answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_token" })),
    }
}

#[handler]
pub(super) fn userinfo(Data(google): Data<&FakeGoogle>, headers: &HeaderMap) -> Response {
    let tokens = lock(&google.0.tokens);
    match authorization(headers, "Bearer ").and_then(|token| tokens.get(token)) {
        Some(said) => answer(StatusCode::OK, &said.userinfo),
        None => answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_request" })),
    }
}

fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix(scheme)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}
