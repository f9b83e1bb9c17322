//! The page on which a person chooses an account and gives consent.

use minijinja::HtmlEscape;
use poem::{
    Response, handler,
    http::{StatusCode, header},
    web::{Data, Form, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::{CLIENT_ID, FakeGoogle, Grant, lock, random};

/// An authorization request (RFC 6749 §4.1.1, RFC 7636 §4.3).
#[derive(Deserialize, Serialize)]
struct Asked {
    response_type: String,
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: String,
    code_challenge: String,
    code_challenge_method: String,
}

/// The request, and the account that the person chose. `None` means that they refused.
#[derive(Deserialize)]
struct Allowed {
    #[serde(flatten)]
    asked: Asked,
    person: Option<usize>,
}

/// Returns the accounts to choose from: one at Google's own domain, one at a domain it hosts, and one
/// elsewhere.
#[must_use]
pub(super) fn people() -> [Value; 3] {
    [
        json!({
            "sub": "100000000000000000001", "email": "ada.lovelace@gmail.com", "email_verified": true,
            "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
        }),
        json!({
            "sub": "100000000000000000002", "email": "grace@navy.example", "email_verified": true, "hd": "navy.example",
            "name": "Grace Hopper", "given_name": "Grace", "family_name": "Hopper",
        }),
        json!({
            "sub": "100000000000000000003", "email": "mary@elsewhere.example", "email_verified": true,
            "name": "Mary Somerville", "given_name": "Mary", "family_name": "Somerville",
        }),
    ]
}

#[handler]
pub(super) fn consent(Query(asked): Query<Asked>) -> Response {
    if let Some(wrong) = fault(&asked) {
        return page(
            StatusCode::BAD_REQUEST,
            &format!("<h1>Fake Google rejects this request</h1><p>{wrong}</p>"),
        );
    }
    let hidden: Vec<String> = serde_json::to_value(&asked)
        .ok()
        .and_then(|asked| asked.as_object().cloned())
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            let value = HtmlEscape(value.as_str().unwrap_or_default()).to_string();
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let text = |person: &Value, name: &str| HtmlEscape(person[name].as_str().unwrap_or_default()).to_string();
    let button = |(number, person): (usize, &Value)| {
        let [name, email] = ["name", "email"].map(|part| text(person, part));
        format!("<button name=\"person\" value=\"{number}\"><b>{name}</b><br>{email}</button>")
    };
    let buttons: Vec<String> = people().iter().enumerate().map(button).collect();
    let (hidden, buttons) = (hidden.concat(), buttons.concat());
    page(
        StatusCode::OK,
        &format!(
            "<h1>Fake Google</h1><p>This is not Google, and it does not ask for a password. Choose an account.</p>\
             <form method=\"post\" action=\"/authorize\">{hidden}{buttons}<button class=\"no\">Cancel</button></form>"
        ),
    )
}

#[handler]
pub(super) fn allow(Data(google): Data<&FakeGoogle>, Form(allowed): Form<Allowed>) -> Response {
    let Allowed { asked, person } = allowed;
    let url = Url::parse(&asked.redirect_uri).ok().filter(|_| fault(&asked).is_none());
    let Some(mut url) = url else {
        return page(StatusCode::BAD_REQUEST, "<h1>Fake Google rejects this request</h1>");
    };
    url.query_pairs_mut().append_pair("state", &asked.state);
    match person.and_then(|number| people().get(number).cloned()) {
        Some(person) => {
            let code = format!("4/{}", random());
            url.query_pairs_mut().append_pair("code", &code);
            let Asked { redirect_uri, code_challenge, .. } = asked;
            lock(&google.0.codes).insert(code, Grant { person, redirect_uri, code_challenge });
        }
        None => {
            url.query_pairs_mut().append_pair("error", "access_denied");
        }
    }
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, url.as_str()).finish()
}

fn fault(asked: &Asked) -> Option<&'static str> {
    if asked.client_id != CLIENT_ID {
        return Some("The client is not known.");
    }
    if asked.response_type != "code"
        || asked.code_challenge_method != "S256"
        || asked.code_challenge.is_empty()
    {
        return Some("The request must use response_type=code and PKCE with S256.");
    }
    (!asked.scope.split(' ').any(|scope| scope == "openid")).then_some("The request is not for an ID token.")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Fake Google</title><link rel=\"icon\" href=\"data:,\">\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\
         body{{font:16px/1.5 system-ui,sans-serif;color-scheme:light dark;max-width:24rem;margin:10vh auto;padding:0 1rem}}\
         button{{display:block;width:100%;margin:.5rem 0;padding:.75rem 1rem;font:inherit;text-align:left;border:1px solid #8888;border-radius:.5rem;background:none;color:inherit;cursor:pointer}}\
         button:hover,button:focus-visible{{border-color:currentColor}}.no{{border:0;text-align:center}}\
         </style><main>{body}</main></html>"
    );
    Response::builder().status(status).content_type("text/html; charset=utf-8").body(html)
}
