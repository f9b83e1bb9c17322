//! Signing in on the device that requested a link, by opening the link on another device.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    event_stream::Stream,
    support::{Database, EMAIL, Postgres, Serializable, SignedIn, Sqlite, TestApp},
};

pub(crate) const SSE: (&str, &str) = ("accept", "text/event-stream");

pub(crate) fn subscription(id: &Value) -> String {
    format!("subscription {{ loginLinkConfirmed(challengeId: {id}) {{ otp }} }}")
}

/// A tab that waits for the link it requested.
pub(crate) struct Tab {
    pub(crate) id: Value,
    pub(crate) number: String,
    stream: Stream,
}

impl Tab {
    pub(crate) async fn request(app: &TestApp, email: &str) -> Self {
        let query = "mutation($email: String!) { requestLoginCode(email: $email) { ... on EmailChallenge {
            id confirmationNumber } } }";
        let asked = app.run(query, json!({ "email": email })).await.data("requestLoginCode");
        let stream = wait(app, &asked["id"]).await;
        Self {
            id: asked["id"].clone(),
            number: asked["confirmationNumber"].as_str().unwrap().to_owned(),
            stream,
        }
    }

    /// Waits on a new connection.
    pub(crate) async fn wait_again(&self, app: &TestApp) -> Option<String> {
        code(&mut wait(app, &self.id).await).await
    }

    /// Returns the code that the stream sends, or `None` if it ends without one.
    pub(crate) async fn code(&mut self) -> Option<String> {
        code(&mut self.stream).await
    }
}

pub(crate) async fn wait(app: &TestApp, id: &Value) -> Stream {
    Stream::of(Stream::open(app, &subscription(id), &[SSE]).await)
}

pub(crate) async fn code(stream: &mut Stream) -> Option<String> {
    let (event, data) = stream.next().await.unwrap();
    if event == "complete" {
        return None;
    }
    let otp = data["data"]["loginLinkConfirmed"]["otp"].as_str().unwrap_or_else(|| panic!("{data}"));
    assert_eq!(stream.next().await, Some(("complete".to_owned(), Value::Null)), "one code, and the end");
    assert_eq!(stream.next().await, None);
    Some(otp.to_owned())
}

/// Returns what the page behind the link receives.
pub(crate) async fn confirm(app: &TestApp, token: &str, number: Option<&str>, id: Option<&Value>) -> Value {
    let query = "mutation($token: String!, $number: String, $id: ID) {
        confirmLoginLink(token: $token, confirmationNumber: $number, challengeId: $id) { __typename
            ... on LoginLink { email otp confirmationNumber isRequestedHere isConfirmed expiresIn }
            ... on UserError { code fields { field code } } } }";
    let variables = json!({ "token": token, "number": number, "id": id });
    app.run(query, variables).await.data("confirmLoginLink")
}

pub(crate) async fn token(app: &TestApp, email: &str) -> String {
    app.token_in(email, "login_code").await.unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_waiting_tab_signs_in_once_the_link_is_confirmed_elsewhere(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(true, false)] has_account: bool,
) {
    let app = TestApp::start(database).await;
    if has_account {
        app.sign_up_proven(EMAIL).await;
    }
    let mut tab = Tab::request(&app, EMAIL).await;
    assert!(
        tab.number.len() == 2 && tab.number.bytes().all(|digit| digit.is_ascii_digit()),
        "{}",
        tab.number
    );
    let token = token(&app, EMAIL).await;
    for is_confirmed in [false, false, true] {
        let link = confirm(&app, &token, is_confirmed.then_some(tab.number.as_str()), None).await;
        assert!((1..=1800).contains(&link["expiresIn"].as_i64().unwrap()), "{link}");
        let shown = json!({
            "__typename": "LoginLink", "email": EMAIL, "otp": app.code(EMAIL).await,
            "confirmationNumber": tab.number, "isRequestedHere": false, "isConfirmed": is_confirmed,
            "expiresIn": link["expiresIn"],
        });
        assert_eq!(link, shown, "opening the page changes nothing");
    }
    let code = tab.code().await.unwrap();
    assert_eq!(
        tab.wait_again(&app).await.as_ref(),
        Some(&code),
        "a tab that lost its connection hears of it too"
    );
    let signed_in = SignedIn::from(&app.verify(EMAIL, &code, Some(&tab.id)).await);
    assert_eq!(app.me(&signed_in.access_token).await, EMAIL);
    assert_eq!(tab.wait_again(&app).await, None, "a used challenge sends nothing");
    assert_eq!(confirm(&app, &token, None, None).await["code"], "INVALID_TOKEN");
    assert_eq!(app.activate(&token).await["code"], "INVALID_TOKEN");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_link_knows_the_browser_that_requested_it_and_still_signs_in_there(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up_proven(EMAIL).await;
    let mut first = Tab::request(&app, EMAIL).await;
    let old = token(&app, EMAIL).await;
    assert_eq!(confirm(&app, &old, None, Some(&first.id)).await["isRequestedHere"], true);
    app.advance(Duration::from_mins(2));
    let second = app.resend_otp(EMAIL, Some(&first.id)).await;
    let token = token(&app, EMAIL).await;
    for id in [&first.id, &second["id"]] {
        assert_eq!(confirm(&app, &token, None, Some(id)).await["isRequestedHere"], true, "the same series");
    }
    for id in [json!(Uuid::nil()), json!("x")] {
        assert_eq!(confirm(&app, &token, None, Some(&id)).await["isRequestedHere"], false);
    }
    assert_eq!(confirm(&app, &old, Some(&first.number), None).await["code"], "INVALID_TOKEN", "superseded");
    assert_eq!(first.code().await, None, "the stream of a superseded challenge ends");
    let number = confirm(&app, &token, None, None).await["confirmationNumber"].clone();
    assert_eq!(confirm(&app, &token, number.as_str(), None).await["isConfirmed"], true);
    assert_eq!(app.activate(&token).await["__typename"], "AuthPayload", "a confirmed link can still be used");
}

/// A stranger requests a code for the owner's address, and waits.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_signed_in_only_if_the_owner_confirms_that_very_number(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up_proven(EMAIL).await;
    let mut stranger = Tab::request(&app, EMAIL).await;
    let of_stranger = token(&app, EMAIL).await;
    let mut owner = loop {
        app.advance(Duration::from_mins(2));
        let owner = Tab::request(&app, EMAIL).await;
        // one number in a hundred is the same
        if owner.number != stranger.number {
            break owner;
        }
    };
    let of_owner = token(&app, EMAIL).await;
    let refused = confirm(&app, &of_stranger, Some(&owner.number), None).await;
    let fields = json!([{ "field": "confirmationNumber", "code": "MISMATCH" }]);
    assert_eq!((&refused["code"], &refused["fields"]), (&json!("INVALID_INPUT"), &fields));
    assert_eq!(confirm(&app, &of_stranger, None, None).await["isConfirmed"], false);
    assert_eq!(confirm(&app, &of_owner, Some(&owner.number), None).await["isConfirmed"], true);
    let code = owner.code().await.unwrap();
    let stolen = app.verify(EMAIL, &code, Some(&stranger.id)).await;
    assert_eq!(stolen["code"], "INVALID_OTP", "a code works only for its own challenge");
    assert_eq!(app.verify(EMAIL, &code, Some(&owner.id)).await["__typename"], "AuthPayload");
    assert_eq!(stranger.code().await, None, "the owner's sign-in ends every other challenge");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_64_racing_confirmations_codes_and_links_one_signs_in(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::with(database, &[("OTP_MAX_ATTEMPTS", "20")]).await);
    app.sign_up_proven(EMAIL).await;
    let tab = Tab::request(&app, EMAIL).await;
    let token = token(&app, EMAIL).await;
    let acts = (0..64).map(|n| {
        let (app, token, id, number) = (app.clone(), token.clone(), tab.id.clone(), tab.number.clone());
        tokio::spawn(async move {
            let mut stream = if n % 32 == 0 { Some(wait(&app, &id).await) } else { None };
            match (n % 3, &mut stream) {
                (_, Some(stream)) => match code(stream).await {
                    Some(code) => app.verify(EMAIL, &code, Some(&id)).await,
                    None => Value::Null,
                },
                (0, None) => app.activate(&token).await,
                _ => confirm(&app, &token, Some(&number), None).await,
            }
        })
    });
    let answers: Vec<Value> = join_all(acts).await.into_iter().map(Result::unwrap).collect();
    let signed_in = answers.iter().filter(|answer| answer["__typename"] == "AuthPayload").count();
    assert_eq!(signed_in, 1, "{answers:?}");
    let expected = ["AuthPayload", "LoginLink", "UserError"];
    assert!(
        answers.iter().all(|it| it.is_null() || expected.contains(&it["__typename"].as_str().unwrap())),
        "{answers:?}"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_second_factor_asks_for_it_in_the_waiting_tab(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up_enrolled(EMAIL).await;
    app.advance(Duration::from_mins(2));
    let mut tab = Tab::request(&app, EMAIL).await;
    confirm(&app, &token(&app, EMAIL).await, Some(&tab.number), None).await;
    let code = tab.code().await.unwrap();
    let challenge = app.verify(EMAIL, &code, Some(&tab.id)).await;
    assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
}
