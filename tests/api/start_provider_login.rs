use std::{collections::HashMap, time::Duration};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, Postgres, Serializable, SignedIn, Sqlite, TestApp, google::Visit, node::browse,
};

const REDIRECTS: (&str, &str) = (
    "PROVIDER_REDIRECT_URIS",
    "https://app.example.org:8443/Signed/In?from=google,https://other.example.org/",
);

#[tokio::test(flavor = "multi_thread")]
async fn the_authorization_url_has_a_fresh_state_and_hides_the_code_verifier() {
    let (app, google) = TestApp::with_google(Sqlite, &[REDIRECTS]).await;
    let begun = app.start_provider_login(None).await;
    assert_eq!(begun["expiresIn"], 600);
    let url = begun["authorizationUrl"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/authorize?", google.issuer())), "{url}");
    let verifier = begun["codeVerifier"].as_str().unwrap();
    assert!(!url.contains(verifier), "the secret that binds the flow to this browser is not in the URL");
    let query: HashMap<String, String> =
        reqwest::Url::parse(url).unwrap().query_pairs().into_owned().collect();
    let say = |name: &str| query[name].as_str();
    assert_eq!(say("response_type"), "code");
    assert_eq!(say("client_id"), gatehouse::fake_provider::CLIENT_ID);
    assert_eq!(say("redirect_uri"), "https://app.example.org:8443/Signed/In?from=google");
    assert_eq!(say("scope"), "openid email profile");
    assert_eq!(say("code_challenge_method"), "S256");
    assert_eq!(say("state"), begun["state"].as_str().unwrap());
    assert_eq!(say("state").len(), 43, "256 bits");
    let other = app.start_provider_login(Some("https://other.example.org/")).await;
    assert_ne!(other["state"], begun["state"]);
    assert_ne!(other["codeVerifier"], begun["codeVerifier"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn google_can_return_only_to_a_configured_address() {
    let (app, _) = TestApp::with_google(Sqlite, &[REDIRECTS]).await;
    for uri in [
        "https://evil.example.org:8443/Signed/In?from=google",
        "https://app.example.org.evil.example:8443/Signed/In?from=google",
        "https://app.example.org@evil.example:8443/Signed/In?from=google",
        "https://app.example.org/Signed/In?from=google",
        "https://app.example.org:8444/Signed/In?from=google",
        "http://app.example.org:8443/Signed/In?from=google",
        "https://app.example.org:8443/Signed/In/?from=google",
        "https://app.example.org:8443/Signed/In/../In?from=google",
        "https://app.example.org:8443/signed/in?from=google",
        "https://APP.example.org:8443/Signed/In?from=google",
        "https://app.example.org:8443/Signed/In?from=google&x=1",
        "https://app.example.org:8443/Signed/In",
        "https://app.example.org:8443/Signed/In?from=google#x",
        " https://other.example.org/",
        "https://other.example.org",
        "",
    ] {
        let refused = app.start_provider_login(Some(uri)).await;
        assert_eq!(refused["code"], "INVALID_INPUT", "{uri}");
        assert_eq!(refused["fields"], json!([{ "field": "redirectUri", "code": "MALFORMED" }]));
    }
}

async fn rejected(app: &TestApp, visit: Visit, what: &str) {
    let outcome = app.google_login(visit.input()).await;
    assert_eq!(outcome["code"], "PROVIDER_REJECTED", "{what}: {outcome}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_within_ten_minutes_in_the_browser_that_started_the_flow(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let (visit, other) = (app.visit_google(0).await, app.visit_google(1).await);
    let traded = google.requests("/token");
    rejected(&app, Visit { state: String::new(), ..visit.clone() }, "no state").await;
    rejected(&app, Visit { state: "x".repeat(43), ..visit.clone() }, "an unknown state").await;
    rejected(&app, Visit { state: other.state.clone(), ..visit.clone() }, "another flow's state").await;
    rejected(&app, Visit { code_verifier: other.code_verifier.clone(), ..visit.clone() }, "another browser")
        .await;
    rejected(&app, Visit { code_verifier: String::new(), ..visit.clone() }, "no verifier").await;
    assert_eq!(google.requests("/token"), traded, "no code was exchanged");

    let outcome = app.google_login(visit.input()).await;
    assert_eq!(
        outcome["user"]["email"], "ada.lovelace@gmail.com",
        "the refused attempts did not use up the code"
    );
    rejected(&app, visit.clone(), "the same code again").await;
    rejected(&app, Visit { code: visit.code, ..other.clone() }, "a used code in another flow").await;
    rejected(&app, other, "the state of that flow is used up").await;

    let late = app.visit_google(1).await;
    app.advance(Duration::from_mins(10));
    rejected(&app, late, "an expired flow").await;
    let wrong = Visit { code: "4/unknown".to_owned(), ..app.visit_google(1).await };
    rejected(&app, wrong, "an unknown code").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_racing_uses_of_a_state_signs_in(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let visit = app.visit_google(0).await;
    let all = join_all((0..64).map(|_| app.google_login(visit.input()))).await;
    let signed_in: Vec<&Value> = all.iter().filter(|it| it["__typename"] == "AuthPayload").collect();
    assert_eq!(signed_in.len(), 1);
    assert_eq!(all.iter().filter(|it| it["code"] == "PROVIDER_REJECTED").count(), 63);
    assert_eq!(google.requests("/token"), 1);
    let token = SignedIn::from(signed_in[0]).access_token;
    let sessions = app.run_as(&token, "{ me { sessions { id } } }", json!({})).await.data("me");
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_a_google_login_is_limited_by_address() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_PROVIDER_STARTS", "3/1h")];
    let (app, _) = TestApp::with_google(Sqlite, &settings).await;
    let start = async |address: &str| {
        let query = "mutation { startProviderLogin(provider: \"google\") { __typename ... on UserError { code retryAfter } } }";
        let request = app.post().header("x-forwarded-for", address).json(&json!({ "query": query }));
        Answer::of(request).await.data("startProviderLogin")
    };
    for _ in 0..3 {
        assert_eq!(start("192.0.2.1").await["__typename"], "ProviderAuthorization");
    }
    assert_eq!(start("192.0.2.1").await["code"], "RATE_LIMITED");
    assert_eq!(start("192.0.2.2").await["__typename"], "ProviderAuthorization");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_in_with_google_in_a_real_browser() {
    let (app, _) = TestApp::with_google(Sqlite, &[]).await;
    let page = format!("{}/google", app.url);
    let steps = json!([
        ["open", page],
        ["click", "Sign in with Google"],
        ["click", "Ada Lovelace"],
        ["await", "Signed in as Ada Lovelace."],
        ["read"],
        ["click", "Sign in with Google"],
        ["click", "Cancel"],
        ["await", "You did not allow Google to confirm your identity."],
        ["read"],
        // a link with which an attacker would sign the user in to the attacker's account
        ["open", format!("{page}?code=4/theirs&state=theirs")],
        ["await", "This sign-in was not started in this browser."],
        ["read"],
    ]);
    let seen = tokio::task::spawn_blocking(move || browse(&steps)).await.unwrap();
    assert_eq!(seen["complaints"], json!([]));
    let reads = seen["reads"].as_array().unwrap();
    for read in reads {
        assert_eq!(read["url"], page, "the address bar shows neither code nor state");
    }
    let requests = seen["requests"].to_string();
    assert!(!requests.contains("code_verifier"), "{requests}");
    let signed_up = app.run("{ usernameAvailable(username: \"x\") { __typename } }", json!({})).await;
    assert_eq!(signed_up.status, 200);
}
