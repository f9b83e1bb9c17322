//! What the terminal shows in development, and whoever asks `/` for anything but a page.

use poem::Response;

use super::pages;
use crate::app::App;

/// Where to go next, for whoever has just started the server.
#[must_use]
pub(crate) fn text(app: &App) -> String {
    let config = &app.config;
    let links = [
        ("Playground", "/", config.playground),
        ("GraphQL", "/graphql", true),
        ("Mailbox", "/mailbox", app.mailer.mailbox().is_some()),
        ("Keys", "/.well-known/jwks.json", true),
        ("Google", "/google", pages::has_google(config)),
        ("Demo", "/demo", config.playground),
    ];
    let links = links.into_iter().filter(|(_, _, exists)| *exists);
    let links = links.map(|(name, path, _)| format!("  {name:<10}  {}", config.public_address(path)));
    let links = links.collect::<Vec<_>>().join("\n");
    let graphql = config.public_address("/graphql");
    format!(
        r#"Gatehouse runs, in development mode.

{links}

Sign up:

  curl -s {graphql} -H 'content-type: application/json' \
    -d '{{"query":"mutation {{ signup(input: {{ email: \"grace@example.org\", password: \"correct horse battery\" }}) {{ __typename ... on AuthPayload {{ accessToken refreshToken user {{ id email }} }} ... on UserError {{ code message }} }} }}"}}'
"#
    )
}

pub(super) fn answer(app: &App) -> Response {
    Response::builder().content_type("text/plain; charset=utf-8").body(text(app))
}
