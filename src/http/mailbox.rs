//! The mailbox of development mode: a page with the emails, and the same emails as JSON for end-to-end tests.
//!
//! The mailbox shows everyone's codes, so it exists only in development mode. Scripts of other origins can neither read
//! nor clear it: the mailbox allows no other origins, and refuses requests that browsers mark as cross-site.

use std::sync::Arc;

use poem::{
    Endpoint, EndpointExt, IntoResponse, Middleware, Request, Response, Result, Route,
    error::MethodNotAllowedError,
    get, handler,
    http::{StatusCode, header},
    web::{Data, Json, Path, Query},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::answer;
use crate::{
    app::App,
    graphql::error::TopLevelErrorCode,
    input::EmailAddress,
    mail::{Mailbox, StoredMail},
};

/// The content security policy of the page. It allows the page's own files, and emails in frames.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                           frame-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'none'";

/// The content security policy of an email, which is an untrusted page. It gives the email a separate origin, and
/// forbids scripts, forms and external images.
const MAIL_POLICY: &str = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; \
                           style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; \
                           frame-ancestors 'self'";

/// All routes under `/mailbox`.
pub(super) fn routes() -> impl Endpoint<Output = Response> + use<> {
    Route::new()
        .at("/", get(show_page))
        .at("/mailbox.css", get(style))
        .at("/mailbox.js", get(script))
        .at("/mails/:id", get(mail_page))
        .at("/api", get(list_mails).delete(clear_mails).catch_error(only_read_or_clear))
        .at("/api/latest", get(latest_mail))
        .at("/api/:id", get(find_mail))
        .with(OwnSite)
}

/// Refuses requests that browsers mark as coming from another site, and adds the headers of `answer::shield` to all
/// other responses.
struct OwnSite;

impl<E: Endpoint> Middleware<E> for OwnSite {
    type Output = Guarded<E>;

    fn transform(&self, inner: E) -> Self::Output {
        Guarded(inner)
    }
}

struct Guarded<E>(E);

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        if is_foreign(&request) {
            let message =
                "The mailbox accepts requests only from its own page and from programs other than browsers.";
            return Ok(answer::refusal(StatusCode::FORBIDDEN, TopLevelErrorCode::Forbidden, message));
        }
        Ok(answer::shield(self.0.call(request).await?.into_response()))
    }
}

/// Returns whether the request comes from another site. Links from any site may open the mailbox, but requests by
/// scripts, forms and frames must come from this origin.
fn is_foreign(request: &Request) -> bool {
    let site = request.header("sec-fetch-site").unwrap_or("none");
    let is_link = request.method() == poem::http::Method::GET
        && request.header("sec-fetch-mode") == Some("navigate")
        && request.header("sec-fetch-dest") == Some("document");
    let host = request.header(header::HOST).unwrap_or_default();
    let own_origin = [format!("http://{host}"), format!("https://{host}")];
    let is_own =
        request.header(header::ORIGIN).is_none_or(|origin| own_origin.iter().any(|own| own == origin));
    !is_own || !(["none", "same-origin"].contains(&site) || is_link)
}

fn file(content_type: &'static str, text: &str) -> Response {
    Response::builder().content_type(content_type).body(text.to_owned())
}

/// Shows the page, which loads its files by URLs relative to `/mailbox`.
#[handler]
fn show_page(request: &Request) -> Response {
    if request.original_uri().path().ends_with('/') {
        let found = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
        return found.header(header::LOCATION, "../mailbox").finish();
    }
    let page = file("text/html; charset=utf-8", include_str!("pages/mailbox.html"));
    page.with_header(header::CONTENT_SECURITY_POLICY, PAGE_POLICY).into_response()
}

#[handler]
fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("pages/mailbox.css"))
}

#[handler]
fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("pages/mailbox.js"))
}

/// Shows an email's HTML. Its links open in a new tab.
#[handler]
fn mail_page(Data(app): Data<&Arc<App>>, Path(id): Path<Uuid>) -> Response {
    let Some(mail) = mailbox(app).and_then(|mailbox| mailbox.find(id)) else { return none() };
    let html = mail.html.replacen("<head>", "<head><base target=\"_blank\">", 1);
    let page = file("text/html; charset=utf-8", &html);
    page.with_header(header::CONTENT_SECURITY_POLICY, MAIL_POLICY).into_response()
}

#[handler]
fn list_mails(Data(app): Data<&Arc<App>>) -> Response {
    let mails = mailbox(app).map(Mailbox::list).unwrap_or_default();
    Json(mails.iter().map(|mail| summary(mail)).collect::<Vec<_>>()).into_response()
}

#[handler]
fn find_mail(Data(app): Data<&Arc<App>>, Path(id): Path<Uuid>) -> Response {
    mailbox(app).and_then(|mailbox| mailbox.find(id)).map_or_else(none, |mail| whole(&mail))
}

#[derive(Deserialize)]
struct Latest {
    to: String,
}

#[handler]
fn latest_mail(Data(app): Data<&Arc<App>>, Query(Latest { to }): Query<Latest>) -> Response {
    let address = EmailAddress::parse(&to).ok();
    let mail = address.and_then(|address| mailbox(app)?.latest(address.key()));
    mail.map_or_else(none, |mail| whole(&mail))
}

#[handler]
fn clear_mails(Data(app): Data<&Arc<App>>) -> Response {
    if let Some(mailbox) = mailbox(app) {
        mailbox.clear();
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn only_read_or_clear(_: MethodNotAllowedError) -> Response {
    answer::not_allowed("GET, HEAD, DELETE")
}

fn mailbox(app: &App) -> Option<&Mailbox> {
    app.mailer.mailbox()
}

fn none() -> Response {
    answer::nothing("There is no such email.")
}

fn summary(mail: &StoredMail) -> Value {
    json!({
        "id": mail.id,
        "date": mail.date.format(&Rfc3339).unwrap_or_default(),
        "to": mail.to,
        "template": mail.template,
        "subject": mail.subject,
        "code": mail.code.as_ref().map(ExposeSecret::expose_secret),
        "link": mail.link.as_ref().map(ExposeSecret::expose_secret),
    })
}

fn whole(mail: &StoredMail) -> Response {
    let mut whole = summary(mail);
    whole["text"] = mail.text.as_str().into();
    whole["html"] = mail.html.as_str().into();
    whole["source"] = mail.source.as_str().into();
    Json(whole).into_response()
}
