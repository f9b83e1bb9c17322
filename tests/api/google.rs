//! Failures of Google's endpoints, and what the server caches and stores.

use std::{fs, process::Stdio, sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use gatehouse::{clock::Clock, config::ProviderKind, fake_provider::FakeProvider};
use rstest::rstest;
use serde_json::json;

use crate::support::{
    EMAIL, PASSWORD, Sqlite, TestApp,
    google::{FaultyGoogle, Visit, Wrong, access_token, ada, id_token},
    process::{free_port, gatehouse},
};

async fn with(google: &FaultyGoogle) -> TestApp {
    let settings: Vec<(&str, &str)> =
        google.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    TestApp::with(Sqlite, &settings).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_google_is_bounded_and_reported(
    #[values(Wrong::Hangs, Wrong::Fails, Wrong::Floods, Wrong::Drips, Wrong::Babbles, Wrong::Redirects)]
    wrong: Wrong,
    #[values("/.well-known/openid-configuration", "/tokeninfo", "/userinfo", "/certs", "/token")]
    endpoint: &'static str,
) {
    let google = FaultyGoogle::start(endpoint, wrong).await;
    let app = with(&google).await;
    let asked = async {
        match endpoint {
            "/.well-known/openid-configuration" => app.start_provider_login(None).await,
            "/certs" => {
                let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.e30.AAAA";
                app.google_login(json!({ "idToken": { "idToken": token } })).await
            }
            "/token" => {
                let begun = app.start_provider_login(None).await;
                let text = |name: &str| begun[name].as_str().unwrap().to_owned();
                let visit =
                    Visit { code: "4/x".into(), state: text("state"), code_verifier: text("codeVerifier") };
                app.google_login(visit.input()).await
            }
            _ => app.google_login(json!({ "accessToken": "x" })).await,
        }
    };
    // long enough to tell a hang from a slow machine
    let answer = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("the server hangs");
    assert_eq!(answer["code"], "PROVIDER_UNAVAILABLE", "{answer}");
    let sent = google.sent.load(Ordering::Relaxed);
    assert!(sent < 16 << 20, "the server read {sent} bytes of a gigabyte");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_google_hangs_others_sign_in_and_few_requests_wait() {
    let google = FaultyGoogle::start("/tokeninfo", Wrong::Hangs).await;
    let app = with(&google).await;
    app.sign_up(EMAIL).await;
    let waiting = async { join_all((0..100).map(|_| app.google_login(json!({ "accessToken": "x" })))).await };
    let others = async {
        for _ in 0..5 {
            assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
        }
    };
    let (waited, ()) = tokio::join!(waiting, others);
    let count = |code: &str| waited.iter().filter(|answer| answer["code"] == code).count();
    assert_eq!((count("PROVIDER_UNAVAILABLE"), count("SERVER_BUSY")), (64, 36));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_signs_out_during_the_request_to_google_links_nothing() {
    let google = FaultyGoogle::start("/userinfo", Wrong::Dawdles).await;
    let app = with(&google).await;
    for end in ["logout", "logoutAll"] {
        let thief = app.sign_up(&format!("{}@example.org", end.to_lowercase())).await;
        let query = "mutation { linkIdentity(input: { provider: \"google\", proof: { accessToken: \"x\" } }) { __typename } }";
        let link = app.run_as(&thief.access_token, query, json!({}));
        let sign_out = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let query = format!("mutation {{ {end} {{ endedSessionIds }} }}");
            app.run_as(&thief.access_token, &query, json!({})).await.data(end)
        };
        let (linked, _) = tokio::join!(link, sign_out);
        assert_eq!(linked.code(), "UNAUTHENTICATED", "{end}: {}", linked.text);
    }
    let linked = app.google_login(json!({ "accessToken": "x" })).await;
    assert_eq!(linked["user"]["email"], "ada@gmail.com", "the Google account belongs to nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_google_is_reported_at_once() {
    let url = format!("http://127.0.0.1:{}", free_port());
    let discovery = format!("{url}/.well-known/openid-configuration");
    let tokeninfo = format!("{url}/tokeninfo");
    let settings = [
        ("GOOGLE_CLIENT_ID", "x"),
        ("GOOGLE_DISCOVERY_URL", &discovery),
        ("GOOGLE_TOKENINFO_URL", &tokeninfo),
    ];
    let app = TestApp::with(Sqlite, &settings).await;
    assert_eq!(app.google_login(json!({ "accessToken": "x" })).await["code"], "PROVIDER_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_documents_are_cached_for_as_long_as_it_allows() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let discovery = "/.well-known/openid-configuration";
    let asked = || (google.requests(discovery), google.requests("/certs"));
    let lasting = || {
        let mut claims = google.claims(&ada());
        claims["exp"] = (claims["exp"].as_i64().unwrap() + 24 * 3600).into();
        json!({ "idToken": { "idToken": google.id_token(&claims).unwrap() } })
    };
    let signs_in = async || app.google_login(lasting()).await["__typename"] == "AuthPayload";
    join_all((0..8).map(|_| app.google_login(lasting()))).await;
    assert_eq!(asked(), (1, 1), "concurrent sign-ins share one request");
    app.advance(Duration::from_mins(59));
    assert!(signs_in().await);
    assert_eq!(asked(), (1, 1));
    app.advance(Duration::from_mins(2));
    assert!(signs_in().await);
    assert_eq!(asked(), (2, 2));

    google.change_key().unwrap();
    assert!(signs_in().await, "a new key is accepted at once");
    assert_eq!(asked(), (2, 3));
    google.change_key().unwrap();
    for _ in 0..5 {
        assert!(!signs_in().await, "unknown keys cause at most one request per minute");
    }
    assert_eq!(asked(), (2, 3));
    app.advance(Duration::from_mins(1));
    assert!(signs_in().await);
    assert_eq!(asked(), (2, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn googles_tokens_are_neither_logged_nor_stored() {
    let google = FakeProvider::start(ProviderKind::Google, &Clock::default()).await.unwrap();
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let own = google.settings();
    let mut settings: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    settings.extend([("PORT", port.as_str()), ("RUST_LOG", "trace"), ("EMAIL_VERIFICATION", "none")]);
    let log = fs::File::create(folder.path().join("log")).unwrap();
    let mut command = gatehouse(folder.path(), &["dev"], &settings);
    let mut child = command.stdout(log.try_clone().unwrap()).stderr(Stdio::from(log)).spawn().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://127.0.0.1:{port}");
    while http.get(format!("{url}/health/ready")).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut secrets = Vec::new();
    for input in [
        id_token(&google, &ada()),
        access_token(&google, &ada()),
        json!({ "accessToken": "ya29.unknown-to-anybody" }),
    ] {
        let token = input.pointer("/idToken/idToken").or(input.get("accessToken")).unwrap();
        secrets.push(token.as_str().unwrap().to_owned());
        let query = "mutation($input: GoogleLoginInput!) { googleLogin(input: $input) { __typename } }";
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer = http.post(format!("{url}/graphql")).json(&body).send().await.unwrap();
        assert!(answer.text().await.unwrap().contains("__typename"));
    }
    let start = json!({ "query": "mutation { startProviderLogin(provider: \"google\") { ... on ProviderAuthorization { state codeVerifier } } }" });
    let begun = http.post(format!("{url}/graphql")).json(&start).send().await.unwrap();
    let begun: serde_json::Value = begun.json().await.unwrap();
    for name in ["state", "codeVerifier"] {
        secrets.push(begun["data"]["startProviderLogin"][name].as_str().unwrap().to_owned());
    }
    secrets.push(own[1].1.clone());
    child.kill().unwrap();
    child.wait().unwrap();

    let mut kept = fs::read(folder.path().join("log")).unwrap();
    assert!(
        String::from_utf8_lossy(&kept).contains("a sign-in with a provider was refused"),
        "the log has the reason"
    );
    for file in fs::read_dir(folder.path().join("data")).unwrap() {
        kept.extend(fs::read(file.unwrap().path()).unwrap());
    }
    let kept = String::from_utf8_lossy(&kept);
    for secret in secrets {
        assert!(!kept.contains(&secret), "{secret}");
    }
}
