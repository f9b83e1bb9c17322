//! Pages of our own: for links in mails, where the app has none, `/activate` and `/reset-password`; in development, to try
//! Google sign-in in a browser, `/google`.
//!
//! The token of a link stands in its fragment, so it reaches no server, no log and no `Referer`. Opening a page spends
//! nothing, since mail scanners follow links too: its button calls the API. These pages sign nobody in.

use std::sync::Arc;

use minijinja::HtmlEscape;
use poem::{Response, Route, get, handler, http::header, web::Data};

use super::answer;
use crate::{
    app::App,
    config::{Config, Mode},
};

/// The pages' own files, and the API; nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `routes` with those pages that the app does not have.
pub(super) fn add_to(mut routes: Route, config: &Config) -> Route {
    if config.activation_url.is_none() {
        routes = routes.at("/activate", get(activate));
    }
    if config.password_reset_url.is_none() {
        routes = routes.at("/reset-password", get(reset_password));
    }
    if has_google(config) {
        routes = routes.at("/google", get(google_page)).at("/pages/google.js", get(google_script));
    }
    routes.at("/pages/account.css", get(style)).at("/pages/account.js", get(script))
}

/// Whether there is a page that tries Google sign-in out.
pub(super) fn has_google(config: &Config) -> bool {
    config.mode == Mode::Dev && config.google.as_ref().is_some_and(|google| google.client_secret.is_some())
}

#[handler]
fn activate(Data(app): Data<&Arc<App>>) -> Response {
    page(&app.config, include_str!("pages/activate.html"))
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
fn google_script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("pages/google.js").to_owned())
}

#[handler]
fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("pages/account.css").to_owned())
}

#[handler]
fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("pages/account.js").to_owned())
}

fn page(config: &Config, template: &str) -> Response {
    let help = config.mail.support_email.as_ref().map(|email| {
        let email = HtmlEscape(email.as_str());
        format!("<p class=\"help\">Need help? Write to <a href=\"mailto:{email}\">{email}</a>.</p>")
    });
    let html = template
        .replace("<!-- help -->", &help.unwrap_or_default())
        .replace("{app_name}", &HtmlEscape(&config.mail.app_name).to_string());
    file("text/html; charset=utf-8", html)
}

fn file(content_type: &'static str, text: String) -> Response {
    let answer = Response::builder().content_type(content_type);
    answer::shield(answer.header(header::CONTENT_SECURITY_POLICY, POLICY).body(text))
}
