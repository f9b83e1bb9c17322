//! The steps of users with any sign-in provider.

use gatehouse::{clock::Clock, config::ProviderKind, fake_provider::FakeProvider};
use reqwest::{Client, Response, Url, redirect::Policy};
use serde_json::{Value, json};

use super::{Database, SIGN_IN, TestApp, google::Visit};

impl TestApp {
    /// Starts a server with stand-ins for these providers.
    pub async fn with_providers(
        database: Database,
        kinds: &[ProviderKind],
        settings: &[(&str, &str)],
    ) -> (Self, Vec<FakeProvider>) {
        let mut fakes = Vec::new();
        for kind in kinds {
            fakes.push(FakeProvider::start(*kind, &Clock::default()).await.unwrap());
        }
        let own: Vec<_> = fakes.iter().flat_map(FakeProvider::settings).collect();
        let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(settings);
        (Self::with(database, &all).await, fakes)
    }

    /// Starts a sign-in, approves it at the stand-in as the person with this number, and follows the browser back to the app.
    pub async fn visit(&self, provider: &str, person: usize) -> Visit {
        let query = "mutation($provider: ID!) { startProviderLogin(provider: $provider) { __typename
            ... on ProviderAuthorization { authorizationUrl state codeVerifier } ... on UserError { code } } }";
        let begun = self.run(query, json!({ "provider": provider })).await.data("startProviderLogin");
        let text = |name: &str| begun[name].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
        let url = Url::parse(&text("authorizationUrl")).unwrap();
        let mut form: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        form.push(("person".to_owned(), person.to_string()));
        let mut answer = post(url.join(url.path()).unwrap(), &form).await;
        if answer.status() == 200 {
            let (action, fields) = posted_form(&answer.text().await.unwrap());
            answer = post(action.parse().unwrap(), &fields).await;
        }
        let location = answer.headers()["location"].to_str().unwrap();
        let back = Url::parse(location).unwrap();
        let query = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        assert_eq!(query("state"), text("state"), "the app gets the state that it started with");
        Visit { code: query("code"), state: query("state"), code_verifier: text("codeVerifier") }
    }

    pub async fn provider_login(&self, provider: &str, proof: Value) -> Value {
        let query = format!(
            "mutation($input: ProviderLoginInput!) {{ providerLogin(input: $input) {{ {SIGN_IN}
                ... on EmailChallenge {{ id email purpose }}
                ... on AuthPayload {{ me: user {{ emailVerified firstName lastName name
                    identities {{ providerId provider email }} }} }} }} }}"
        );
        let input = json!({ "provider": provider, "proof": proof });
        self.run(&query, json!({ "input": input })).await.data("providerLogin")
    }
}

/// Posts a form without following redirects.
pub async fn post(to: Url, form: &[(String, String)]) -> Response {
    let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    let body = serde_urlencoded::to_string(form).unwrap();
    http.post(to).header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap()
}

/// Returns where a page posts its form to, and the hidden fields.
fn posted_form(html: &str) -> (String, Vec<(String, String)>) {
    let plain = |text: &str| {
        text.replace("&quot;", "\"").replace("&#x2f;", "/").replace("&#x27;", "'").replace("&amp;", "&")
    };
    let between = |text: &str, before: &str| {
        let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("{text}"));
        plain(rest.split('"').next().unwrap())
    };
    let fields = html.split("<input type=\"hidden\" ").skip(1);
    let fields = fields.map(|input| (between(input, "name=\""), between(input, "value=\""))).collect();
    (between(html, "action=\""), fields)
}
