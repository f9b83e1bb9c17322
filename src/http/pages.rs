//! The pages that links in emails open, for apps that have no such pages of their own: `/activate`, `/sign-in`,
//! `/reset-password` and `/undo`. In development, there is also `/google`, a page for trying to sign in with Google.
//!
//! The token of a link is in the link's fragment. Browsers do not send the fragment, so the token appears in no log and
//! no `Referer` header. Opening a page does not use up or confirm the link. Only pressing a button does, because mail
//! scanners also follow links, and some of them run scripts. Only `/sign-in` keeps a session, in the cookie of cookie
//! mode. It does so only if the session belongs to the account that the link names. If another browser requested the
//! link, `/sign-in` also offers to sign in there.

use std::sync::Arc;

use minijinja::HtmlEscape;
use poem::{
    Response, Route, get, handler,
    http::header,
    web::{Data, Path},
};

use super::answer;
use crate::{
    app::App,
    config::{Config, Mode, ProviderKind},
};

/// The content security policy of the pages. It allows the pages' own files and the API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The scripts of the pages, by name.
const SCRIPTS: [(&str, &str); 7] = [
    ("account.js", include_str!("pages/account.js")),
    ("activate.js", include_str!("pages/activate.js")),
    ("google.js", include_str!("pages/google.js")),
    ("passkey.js", include_str!("pages/passkey.js")),
    ("reset_password.js", include_str!("pages/reset_password.js")),
    ("sign_in.js", include_str!("pages/sign_in.js")),
    ("undo.js", include_str!("pages/undo.js")),
];

/// Adds to `routes` the pages that the app does not provide.
pub(super) fn add_to(mut routes: Route, config: &Config) -> Route {
    if config.codes.activation_url.is_none() {
        routes = routes.at("/activate", get(activate));
    }
    if config.codes.login_url.is_none() {
        routes = routes.at("/sign-in", get(sign_in));
    }
    if config.codes.password_reset_url.is_none() {
        routes = routes.at("/reset-password", get(reset_password));
    }
    if config.codes.undo_url.is_none() {
        routes = routes.at("/undo", get(undo));
    }
    if has_google(config) {
        routes = routes.at("/google", get(google_page));
    }
    routes.at("/pages/account.css", get(style)).at("/pages/:script", get(script))
}

/// Returns whether there is a page for trying to sign in with Google.
pub(super) fn has_google(config: &Config) -> bool {
    let mut providers = config.providers.all.iter();
    config.mode == Mode::Dev && providers.any(|it| it.kind == ProviderKind::Google && it.accepts_codes())
}

#[handler]
fn activate(Data(app): Data<&Arc<App>>) -> Response {
    page(&app.config, include_str!("pages/activate.html"))
}

#[handler]
fn sign_in(Data(app): Data<&Arc<App>>) -> Response {
    page(&app.config, include_str!("pages/sign_in.html"))
}

#[handler]
fn undo(Data(app): Data<&Arc<App>>) -> Response {
    page(&app.config, include_str!("pages/undo.html"))
}

#[handler]
fn reset_password(Data(app): Data<&Arc<App>>) -> Response {
    page(&app.config, include_str!("pages/reset_password.html"))
}

#[handler]
fn google_page(Data(app): Data<&Arc<App>>) -> Response {
    page(&app.config, include_str!("pages/google.html"))
}

#[handler]
fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("pages/account.css").to_owned())
}

#[handler]
fn script(Path(name): Path<String>) -> Response {
    let found = SCRIPTS.into_iter().find(|(script, _)| *script == name);
    found.map_or_else(
        || answer::nothing("There is no such script."),
        |(_, text)| file("text/javascript; charset=utf-8", text.to_owned()),
    )
}

fn page(config: &Config, template: &str) -> Response {
    let help = config.mail.support_email.as_ref().map(|email| {
        let email = HtmlEscape(email.as_str());
        format!("<p class=\"help\">Need help? Write to <a href=\"mailto:{email}\">{email}</a>.</p>")
    });
    let app =
        config.mail.app_url.as_ref().map(|url| {
            format!("<p class=\"help\"><a href=\"{}\">Go to {{app_name}}</a></p>", HtmlEscape(url))
        });
    let rp_id = config.passkeys.relying_party.as_ref().map_or("", |party| party.id.as_str());
    let html = template
        .replace("<!-- app -->", &app.unwrap_or_default())
        .replace("<!-- help -->", &help.unwrap_or_default())
        .replace("{passkey_rp_id}", rp_id)
        .replace("{app_name}", &HtmlEscape(&config.mail.app_name).to_string());
    file("text/html; charset=utf-8", html)
}

fn file(content_type: &'static str, text: String) -> Response {
    let answer = Response::builder().content_type(content_type);
    answer::shield(answer.header(header::CONTENT_SECURITY_POLICY, POLICY).body(text))
}
