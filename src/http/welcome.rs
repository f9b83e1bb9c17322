//! What the terminal shows in development, and whoever asks `/` for anything but a page.

use poem::Response;

use crate::config::Config;

/// Where to go next, for whoever has just started the server.
#[must_use]
pub(crate) fn text(config: &Config) -> String {
    let (playground, demo) = if config.playground {
        let [playground, demo] = ["/", "/demo"].map(|path| config.public_address(path));
        (format!("\n  Playground  {playground}"), format!("\n  Demo        {demo}"))
    } else {
        Default::default()
    };
    let graphql = config.public_address("/graphql");
    let mailbox = config.public_address("/mailbox");
    let google = match &config.google {
        Some(google) if google.client_secret.is_some() => {
            format!("\n  Google      {}", config.public_address("/google"))
        }
        _ => String::new(),
    };
    let jwks = config.public_address("/.well-known/jwks.json");
    format!(
        r#"Gatehouse runs, in development mode.
{playground}
  GraphQL     {graphql}
  Mailbox     {mailbox}
  Keys        {jwks}{google}{demo}

Sign up:

  curl -s {graphql} -H 'content-type: application/json' \
    -d '{{"query":"mutation {{ signup(input: {{ email: \"grace@example.org\", password: \"correct horse battery\" }}) {{ __typename ... on AuthPayload {{ accessToken refreshToken user {{ id email }} }} ... on UserError {{ code message }} }} }}"}}'
"#
    )
}

pub(super) fn answer(config: &Config) -> Response {
    Response::builder().content_type("text/plain; charset=utf-8").body(text(config))
}
