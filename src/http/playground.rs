//! The playground and the demonstration app: pages of the `playground` crate, served from the program itself.
//!
//! The playground has no special rights: it can do only what any client can do, and its user is anonymous until they
//! sign in. Only one link can fill in the editor: the link by which Google sends back a person who started a sign-in
//! here. No other site can frame the playground.

use std::sync::Arc;

use poem::{
    Body, Request, Response, handler,
    http::{HeaderValue, header},
    web::{Data, Path},
};

use super::{answer, media, welcome};
use crate::{
    app::App,
    config::{Config, Mode},
};

/// The content security policy of GraphiQL. It allows the page's own files and the API. Inline styles are allowed
/// because Monaco, the editor in GraphiQL, creates `style` elements at run time, which have no known hash and no nonce.
const GRAPHIQL_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; \
                               style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; \
                               base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The content security policy of the other pages, which need no inline styles.
const POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Shows GraphiQL to browsers. In development, other clients get the address of the API and a first request.
#[handler]
pub(super) fn show_graphiql(request: &Request, Data(app): Data<&Arc<App>>) -> Response {
    let is_browser = media::prefers_html(request.headers());
    let mut answer = if is_browser || app.config.mode != Mode::Dev {
        graphiql(app).unwrap_or_else(|| not_built(&app.config))
    } else {
        welcome::answer(app)
    };
    answer.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    answer
}

/// Returns the GraphiQL page, with attributes for the features of this server. Returns `None` if the page was not
/// built.
fn graphiql(app: &App) -> Option<Response> {
    let file = playground::file("graphiql/index.html")?;
    let features = [
        ("data-mailbox", app.mailer.mailbox().is_some()),
        ("data-introspection", app.config.server.introspection),
    ];
    let attributes: Vec<&str> =
        features.iter().filter(|(_, has_it)| *has_it).map(|(name, _)| *name).collect();
    let html =
        String::from_utf8_lossy(file.bytes).replacen("<html", &format!("<html {}", attributes.join(" ")), 1);
    Some(answer_of(GRAPHIQL_POLICY, file.content_type, html))
}

/// Shows the demonstration app.
#[handler]
pub(super) fn show_demo(Data(app): Data<&Arc<App>>) -> Response {
    let file = playground::file("app/index.html");
    file.map_or_else(|| not_built(&app.config), |file| answer_of(POLICY, file.content_type, file.bytes))
}

/// Sends a file that pages load: a script, a stylesheet or a font.
#[handler]
pub(super) fn show_file(Path(path): Path<String>) -> Response {
    let Some(file) = playground::file(&path).filter(|file| file.is_immutable) else {
        let message = "There is nothing at this address. The playground is at `/`.";
        return answer::nothing(message);
    };
    let mut answer = answer_of(GRAPHIQL_POLICY, file.content_type, file.bytes);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    answer.headers_mut().insert(header::CACHE_CONTROL, forever);
    if let Some(encoding) = file.encoding {
        answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    answer
}

/// Explains how to get the pages if the program was built without them.
pub(super) fn not_built(config: &Config) -> Response {
    let html = include_str!("pages/no_playground.html");
    let html = html.replace("{graphql}", &config.server.public_address("/graphql"));
    answer_of(POLICY, "text/html; charset=utf-8", html)
}

pub(super) fn answer_of(policy: &'static str, content_type: &'static str, body: impl Into<Body>) -> Response {
    let answer = Response::builder().content_type(content_type);
    answer::shield(answer.header(header::CONTENT_SECURITY_POLICY, policy).body(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Variables;

    #[tokio::test]
    async fn a_build_without_pages_says_how_to_get_them_and_where_the_api_is() {
        let config = Config::load(Mode::Command, &Variables::from_iter([("PORT", "8123")])).unwrap();
        let page = not_built(&config).into_body().into_string().await.unwrap();
        for words in ["Node.js 20.19", "cargo run", "http://127.0.0.1:8123/graphql"] {
            assert!(page.contains(words), "{page}");
        }
    }
}
