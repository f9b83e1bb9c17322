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

use super::{CLIENT_ID, CLIENT_SECRET, FakeProvider, lock};
use crate::config::ProviderKind;

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    code: String,
    redirect_uri: String,
    #[serde(default)]
    code_verifier: String,
    /// The credentials of the client, if they are not in the header.
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// Exchanges a code for tokens (RFC 6749 §4.1.3, with PKCE, RFC 7636 §4.5).
#[handler]
pub(super) fn trade(
    Data(fake): Data<&FakeProvider>,
    headers: &HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Response {
    if !is_client(fake, headers, &request) {
        return answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_client" }));
    }
    // a code works only once, whatever the outcome
    let grant = lock(&fake.0.codes).remove(&request.code);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, request.code_verifier.as_bytes()));
    let grant = grant.filter(|grant| {
        request.grant_type == "authorization_code"
            && grant.redirect_uri == request.redirect_uri
            && grant.code_challenge == challenge
    });
    if grant.is_none() && fake.0.kind == ProviderKind::GitHub {
        return answer(StatusCode::OK, &json!({ "error": "bad_verification_code" }));
    }
    let Some(grant) = grant else {
        return answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_grant" }));
    };
    let access_token = fake.access_token(FakeProvider::tokeninfo(&grant.person), grant.person.clone());
    if fake.0.kind == ProviderKind::GitHub {
        let scope = "read:user,user:email";
        return answer(
            StatusCode::OK,
            &json!({ "access_token": access_token, "token_type": "bearer", "scope": scope }),
        );
    }
    match fake.id_token(&with_nonce(fake.claims(&grant.person), grant.nonce)) {
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

fn with_nonce(mut claims: Value, nonce: String) -> Value {
    if !nonce.is_empty() {
        claims["nonce"] = nonce.into();
    }
    claims
}

/// Returns whether the client proves who it is, in the way that the provider documents.
fn is_client(fake: &FakeProvider, headers: &HeaderMap, request: &TokenRequest) -> bool {
    let is_named = request.client_id.as_deref() == Some(CLIENT_ID);
    let secret = request.client_secret.as_deref().unwrap_or_default();
    match fake.0.kind {
        ProviderKind::Apple => is_named && fake.is_apple_secret(secret),
        ProviderKind::GitHub => is_named && secret == CLIENT_SECRET,
        ProviderKind::Google | ProviderKind::Microsoft | ProviderKind::Oidc => {
            let credentials = STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
            authorization(headers, "Basic ") == Some(&credentials)
        }
    }
}

#[handler]
pub(super) fn tokeninfo(Data(fake): Data<&FakeProvider>, headers: &HeaderMap) -> Response {
    let tokens = lock(&fake.0.tokens);
    match authorization(headers, "Bearer ").and_then(|token| tokens.get(token)) {
        Some(said) => answer(StatusCode::OK, &said.tokeninfo),
        None => answer(StatusCode::BAD_REQUEST, &json!({ "error": "invalid_token" })),
    }
}

#[handler]
pub(super) fn userinfo(Data(fake): Data<&FakeProvider>, headers: &HeaderMap) -> Response {
    let tokens = lock(&fake.0.tokens);
    match authorization(headers, "Bearer ").and_then(|token| tokens.get(token)) {
        Some(said) => answer(StatusCode::OK, &said.userinfo),
        None => answer(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_request" })),
    }
}

pub(super) fn authorization<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix(scheme)
}

pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    Response::builder().status(status).content_type("application/json").body(body.to_string())
}
