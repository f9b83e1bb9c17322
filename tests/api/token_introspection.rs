//! Token introspection for services that must know of a sign-out at once.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, Postgres, Sqlite, TestApp};

const SECRET: &str = "an-introspection-secret-of-32-or-more";

fn ask(app: &TestApp, token: &str) -> RequestBuilder {
    let client = Client::builder().no_proxy().build().unwrap();
    let body = serde_urlencoded::to_string([("token", token), ("token_type_hint", "access_token")]).unwrap();
    let request = client.post(format!("{}/oauth/introspect", app.url)).body(body);
    request.header("content-type", "application/x-www-form-urlencoded")
}

async fn json(answer: Response) -> Value {
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    answer.json().await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_active_until_its_session_ends(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("INTROSPECTION_SECRET", SECRET)]).await;
    let ada = app.sign_up(EMAIL).await;
    let of = async |token: &str| {
        json(ask(&app, token).basic_auth("a service", Some(SECRET)).send().await.unwrap()).await
    };
    let said = of(&ada.access_token).await;
    assert_eq!((&said["active"], &said["token_type"]), (&json!(true), &json!("Bearer")));
    assert_eq!((&said["sub"], &said["sid"]), (&json!(ada.user_id), &json!(ada.session_id)));
    assert_eq!(said["email"], EMAIL);
    assert!(said["exp"].is_i64() && said["iss"].is_string() && said["aud"].is_string(), "{said}");
    let by_bearer = json(ask(&app, &ada.access_token).bearer_auth(SECRET).send().await.unwrap()).await;
    assert_eq!(by_bearer, said);

    let inactive = json!({ "active": false });
    for other in ["", "x", "a.b.c", ada.refresh_token.as_str()] {
        assert_eq!(of(other).await, inactive, "{other}");
    }
    let again = app.sign_in(EMAIL).await;
    app.run_as(&ada.access_token, "mutation { logout { endedSessionIds } }", json!({})).await.data("logout");
    assert_eq!(of(&ada.access_token).await, inactive, "the session has ended");
    assert_eq!(of(&again.access_token).await["active"], true);
    app.advance(Duration::from_mins(31));
    assert_eq!(of(&again.access_token).await, inactive, "the token has expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_secret_nothing_is_told() {
    let app = TestApp::with(Sqlite, &[("INTROSPECTION_SECRET", SECRET)]).await;
    let ada = app.sign_up(EMAIL).await;
    for request in [
        ask(&app, &ada.access_token),
        ask(&app, &ada.access_token).basic_auth("a service", Some(format!("{SECRET}%"))),
        ask(&app, &ada.access_token).bearer_auth(&ada.access_token),
        ask(&app, &ada.access_token).bearer_auth(&SECRET[..SECRET.len() - 1]),
        ask(&app, &ada.access_token).basic_auth(SECRET, Some("")),
        ask(&app, &ada.access_token).header("authorization", "Basic ?"),
        ask(&app, &ada.access_token).header("authorization", SECRET),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 401);
        assert!(answer.headers().contains_key("www-authenticate"));
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let said: Value = answer.json().await.unwrap();
        assert_eq!(said["error"], "invalid_client", "{said}");
    }
    let malformed = ask(&app, "x").body("nothing=x").bearer_auth(SECRET).send().await.unwrap();
    assert_eq!(malformed.status(), 400);
    assert_eq!(malformed.json::<Value>().await.unwrap()["error"], "invalid_request");
    let metadata = format!("{}/.well-known/oauth-authorization-server", app.url);
    let metadata: Value = reqwest::get(metadata).await.unwrap().json().await.unwrap();
    assert!(
        metadata["introspection_endpoint"].as_str().unwrap().ends_with("/oauth/introspect"),
        "{metadata}"
    );

    let off = TestApp::start(Sqlite).await;
    assert_eq!(ask(&off, "x").bearer_auth("").send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_may_be_encoded_as_in_a_form() {
    let secret = "a+secret/with=characters%that are encoded";
    let secret = secret.replace(' ', "&");
    let app = TestApp::with(Sqlite, &[("INTROSPECTION_SECRET", &secret)]).await;
    let ada = app.sign_up(EMAIL).await;
    let encoded = serde_urlencoded::to_string([("", &secret)]).unwrap();
    for password in [&secret, encoded.trim_start_matches('=')] {
        let said = ask(&app, &ada.access_token).basic_auth("a service", Some(password)).send().await.unwrap();
        assert_eq!(json(said).await["active"], true, "{password}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_receive_forms_say_that_they_accept_only_post() {
    let app = TestApp::with(Sqlite, &[("INTROSPECTION_SECRET", SECRET)]).await;
    for path in ["/oauth/introspect", "/callback/apple"] {
        for method in [reqwest::Method::GET, reqwest::Method::PUT] {
            let answer = app.http.request(method, format!("{}{path}", app.url)).send().await.unwrap();
            assert_eq!(
                (answer.status().as_u16(), &answer.headers()["allow"]),
                (405, &"POST".parse().unwrap())
            );
        }
    }
}
