//! A Django service that authenticates requests with access tokens, using the package in
//! `playground/integrations/django`.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    time::Duration,
};

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{EMAIL, Sqlite, TestApp, python::python};

struct Service(Child, String);

impl Service {
    async fn start(issuer: &str) -> Self {
        let issuer = issuer.to_owned();
        let start = move || {
            let mut command = python(&["drf_service.py", &issuer]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            let mut port = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
            Self(child, format!("http://127.0.0.1:{}/whoami", port.trim()))
        };
        tokio::task::spawn_blocking(start).await.unwrap()
    }

    async fn ask(&self, authorization: Option<&str>) -> (u16, Value) {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.get(&self.1);
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_django_service_knows_the_user_of_a_token(#[values("EdDSA", "ES256", "RS256")] algorithm: &str) {
    let app = TestApp::with(Sqlite, &[("JWT_ALGORITHM", algorithm)]).await;
    let ada = app.sign_up_as("superuser", EMAIL).await;
    let ada_again = app.sign_in(EMAIL).await;
    let service = Service::start(&app.app.config.tokens.issuer).await;
    let bearer = format!("Bearer {}", ada_again.access_token);
    let (status, first) = service.ask(Some(&bearer)).await;
    assert_eq!(status, 200, "{first}");
    let expected = json!({
        "username": ada.user_id, "email": EMAIL, "is_staff": false, "has_password": false, "id": 1, "role": "SUPERUSER",
    });
    assert_eq!(first, expected, "no rights are copied");
    assert_eq!(service.ask(Some(&bearer)).await.1, first, "the same user again");
    let grace = app.sign_up("grace@example.org").await;
    let grace = service.ask(Some(&format!("Bearer {}", grace.access_token))).await.1;
    assert_eq!((&grace["id"], &grace["role"]), (&json!(2), &json!("USER")));

    let (header, rest) = ada.access_token.split_once('.').unwrap();
    let (body, signature) = rest.split_once('.').unwrap();
    for (what, wrong) in [
        ("no token", None),
        ("another scheme", Some("Basic YTpi".to_owned())),
        ("a refresh token", Some(format!("Bearer {}", ada.refresh_token))),
        ("not a token", Some("Bearer x".to_owned())),
        ("two tokens", Some("Bearer x y".to_owned())),
        ("not signed", Some(format!("Bearer {header}.{body}."))),
        (
            "another's signature",
            Some(format!("Bearer {header}.{body}.{}", signature.chars().rev().collect::<String>())),
        ),
    ] {
        assert_eq!(service.ask(wrong.as_deref()).await.0, 401, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_django_service_refuses_tokens_of_others_and_expired_ones() {
    let app = TestApp::with(Sqlite, &[("ACCESS_TOKEN_TTL", "2s")]).await;
    let ada = app.sign_up(EMAIL).await;
    let other = TestApp::start(Sqlite).await;
    let stranger = other.sign_up(EMAIL).await;
    let service = Service::start(&app.app.config.tokens.issuer).await;
    assert_eq!(service.ask(Some(&format!("Bearer {}", stranger.access_token))).await.0, 401);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(service.ask(Some(&format!("Bearer {}", ada.access_token))).await.0, 401, "it has expired");
}
