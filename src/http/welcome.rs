//! The welcome text of development mode. It appears in the terminal, and at `/` for clients other than browsers.

use std::net::{IpAddr, ToSocketAddrs};

use poem::Response;

use super::pages;
use crate::{app::App, config::Config};

/// Returns the welcome text, with the addresses to try after starting the server.
#[must_use]
pub(crate) fn text(app: &App) -> String {
    let here = local_address(&app.config);
    text_at(app, here.as_deref().unwrap_or(app.config.server.base_url()))
}

/// Returns the server's URL with the host name `localhost`, if the server is reachable there. Apps in development are
/// opened at `localhost` and cannot use cookies of `127.0.0.1`.
fn local_address(config: &Config) -> Option<String> {
    let (url, host) = (&config.server.public_url, config.server.host.parse::<IpAddr>().ok()?);
    let is_default = url.host_str() == Some("127.0.0.1")
        && (url.scheme(), url.path()) == ("http", "/")
        && url.port_or_known_default() == Some(config.server.port);
    let leads_here = || {
        let addresses = ("localhost", config.server.port).to_socket_addrs();
        addresses.is_ok_and(|mut addresses| addresses.any(|address| address.ip() == host))
    };
    (is_default && leads_here()).then(|| format!("http://localhost:{}", config.server.port))
}

fn text_at(app: &App, address: &str) -> String {
    let config = &app.config;
    let links = [
        ("Playground", "/", config.server.playground),
        ("GraphQL", "/graphql", true),
        ("Mailbox", "/mailbox", app.mailer.mailbox().is_some()),
        ("Keys", "/.well-known/jwks.json", true),
        ("Google", "/google", pages::has_google(config)),
        ("Demo", "/demo", config.server.playground),
        ("Docs", "/docs", config.server.playground),
    ];
    let existing = links.into_iter().filter(|(_, _, exists)| *exists);
    let rows: Vec<_> = existing.map(|(name, path, _)| format!("  {name:<10}  {address}{path}")).collect();
    let links = rows.join("\n");
    let graphql = format!("{address}/graphql");
    format!(
        r#"Gatehouse is running in development mode.

{links}

Sign up:

  curl -s {graphql} -H 'content-type: application/json' \
    -d '{{"query":"mutation {{ signup(input: {{ email: \"grace@example.org\", password: \"correct horse battery\" }}) {{ __typename ... on AuthPayload {{ accessToken refreshToken user {{ id email }} }} ... on UserError {{ code message }} }} }}"}}'
"#
    )
}

pub(super) fn answer(app: &App) -> Response {
    Response::builder()
        .content_type("text/plain; charset=utf-8")
        .body(text_at(app, &app.config.server.public_address("")))
}
