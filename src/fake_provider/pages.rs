//! The page on which a person chooses an account and gives consent.

use minijinja::HtmlEscape;
use poem::{
    Response, handler,
    http::{StatusCode, header},
    web::{Data, Form, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::{CLIENT_ID, FakeProvider, Grant, lock, person::people, random};
use crate::config::ProviderKind;

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
    #[serde(default, skip_serializing_if = "String::is_empty")]
    response_mode: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    nonce: String,
}

/// An authorization request, and the number of the account that the person chose. `person` is `None` if the person
/// refused.
#[derive(Deserialize)]
struct Allowed {
    #[serde(flatten)]
    asked: Asked,
    person: Option<usize>,
}

#[handler]
pub(super) fn consent(Data(fake): Data<&FakeProvider>, Query(asked): Query<Asked>) -> Response {
    let name = name(fake.0.kind);
    if let Some(wrong) = fault(fake.0.kind, &asked) {
        return page(
            StatusCode::BAD_REQUEST,
            &format!("<h1>Fake {name} rejects this request</h1><p>{wrong}</p>"),
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
            "<h1>Fake {name}</h1><p>This is not {name}, and it does not ask for a password. Choose an account.</p>\
             <form method=\"post\" action=\"\">{hidden}{buttons}<button class=\"no\">Cancel</button></form>"
        ),
    )
}

#[handler]
pub(super) fn allow(Data(fake): Data<&FakeProvider>, Form(allowed): Form<Allowed>) -> Response {
    let Allowed { asked, person } = allowed;
    let url = Url::parse(&asked.redirect_uri).ok().filter(|_| fault(fake.0.kind, &asked).is_none());
    let Some(mut url) = url else {
        return page(StatusCode::BAD_REQUEST, "<h1>This request is not allowed</h1>");
    };
    let person = person.and_then(|number| people().get(number).cloned());
    let (name, value) = match &person {
        Some(person) => {
            let code = format!("4/{}", random());
            let Asked { redirect_uri, code_challenge, nonce, .. } = &asked;
            let grant = Grant {
                person: person.clone(),
                redirect_uri: redirect_uri.clone(),
                code_challenge: code_challenge.clone(),
                nonce: nonce.clone(),
            };
            lock(&fake.0.codes).insert(code.clone(), grant);
            ("code", code)
        }
        None => ("error", "access_denied".to_owned()),
    };
    let fields = [("state", asked.state.as_str()), (name, value.as_str())];
    if asked.response_mode == "form_post" {
        let html = fake.post_back(url.as_str(), &fields, person.as_ref());
        return Response::builder().content_type("text/html; charset=utf-8").body(html);
    }
    url.query_pairs_mut().extend_pairs(fields);
    Response::builder().status(StatusCode::SEE_OTHER).header(header::LOCATION, url.as_str()).finish()
}

fn name(kind: ProviderKind) -> &'static str {
    match kind {
        ProviderKind::Google => "Google",
        ProviderKind::Microsoft => "Microsoft",
        ProviderKind::Apple => "Apple",
        ProviderKind::GitHub => "GitHub",
        ProviderKind::Oidc => "Example ID",
    }
}

fn fault(kind: ProviderKind, asked: &Asked) -> Option<&'static str> {
    if asked.client_id != CLIENT_ID {
        return Some("The client is not known.");
    }
    if asked.response_type != "code"
        || asked.code_challenge_method != "S256"
        || asked.code_challenge.is_empty()
    {
        return Some("The request must use response_type=code and PKCE with S256.");
    }
    // Apple sends an email address only with `form_post`
    if kind == ProviderKind::Apple && asked.response_mode != "form_post" {
        return Some("The request must use response_mode=form_post.");
    }
    let needed = if kind == ProviderKind::GitHub { "user:email" } else { "openid" };
    (!asked.scope.split(' ').any(|scope| scope == needed)).then_some("The request lacks a scope.")
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sign in</title><link rel=\"icon\" href=\"data:,\">\
         <meta name=\"viewport\" content=\"width=device-width\"><style>\
         body{{font:16px/1.5 system-ui,sans-serif;color-scheme:light dark;max-width:24rem;margin:10vh auto;padding:0 1rem}}\
         button{{display:block;width:100%;margin:.5rem 0;padding:.75rem 1rem;font:inherit;text-align:left;border:1px solid #8888;border-radius:.5rem;background:none;color:inherit;cursor:pointer}}\
         button:hover,button:focus-visible{{border-color:currentColor}}.no{{border:0;text-align:center}}\
         </style><main>{body}</main></html>"
    );
    Response::builder().status(status).content_type("text/html; charset=utf-8").body(html)
}
