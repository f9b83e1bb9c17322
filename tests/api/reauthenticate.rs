use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp,
    google::{access_token, ada, id_token},
};

/// Longer than `STEP_UP_MAX_AGE`, shorter than the lifetime of an access token.
const LATER: Duration = Duration::from_mins(11);

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn set_username(app: &TestApp, access_token: &str, username: &str) -> Value {
    let query = "mutation($username: String) { updateProfile(input: { username: $username }) { __typename
        ... on UserError { code } } }";
    app.run_as(access_token, query, json!({ "username": username })).await.data("updateProfile")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_admits_the_same_request_for_a_while(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    assert_eq!(
        set_username(&app, &ada.access_token, "ada").await["__typename"],
        "User",
        "signing in counts as a proof"
    );
    app.advance(LATER);
    let refused = set_username(&app, &ada.access_token, "ada.lovelace").await;
    assert_eq!(refused["code"], "REAUTHENTICATION_REQUIRED");
    assert_eq!(
        set_username(&app, &ada.access_token, "ada").await["__typename"],
        "User",
        "an unchanged value needs no proof"
    );

    let begun = app.start_reauthentication(&ada.access_token, false).await;
    assert_eq!(begun["methods"], json!(["PASSWORD", "EMAIL_CODE"]));
    assert_eq!(begun["emailChallenge"], Value::Null);
    let mails = app.inbox(EMAIL).await.len();
    let done = app.reauthenticate(&ada.access_token, &begun["id"], json!({ "password": PASSWORD })).await;
    assert_eq!(done["session"]["id"], ada.session_id.as_str());
    assert_eq!(done["session"]["methods"], json!(["PASSWORD"]));
    let token = done["accessToken"].as_str().unwrap();
    assert_eq!(set_username(&app, token, "ada.lovelace").await["__typename"], "User");
    assert_eq!(app.inbox(EMAIL).await.len(), mails, "no code was requested");

    // the previous access token gains nothing: it may be a thief's copy
    let refused = set_username(&app, &ada.access_token, "ada.thief").await;
    assert_eq!(refused["code"], "REAUTHENTICATION_REQUIRED");
    // the owner's next tokens carry the proof
    let refreshed = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(set_username(&app, &refreshed.access_token, "ada").await["__typename"], "User");
    app.advance(Duration::from_mins(10));
    assert_eq!(
        set_username(&app, &refreshed.access_token, "augusta").await["code"],
        "REAUTHENTICATION_REQUIRED"
    );
    assert_eq!(
        app.reauthenticate(&refreshed.access_token, &begun["id"], json!({ "password": PASSWORD })).await["code"],
        "INVALID_TOKEN",
        "a reauthentication works only once"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tokens_contain_the_time_and_method_of_the_proof(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let first = claims(&ada.access_token);
    assert_eq!((&first["amr"], &first["auth_time"]), (&json!(["pwd"]), &first["iat"]));
    app.advance(LATER);
    let refreshed = SignedIn::from(&app.refresh(&ada.refresh_token).await);
    assert_eq!(claims(&refreshed.access_token)["auth_time"], first["auth_time"], "a refresh proves nothing");
    let begun = app.start_reauthentication(&refreshed.access_token, true).await;
    assert_eq!(begun["emailChallenge"]["purpose"], "REAUTHENTICATION");
    assert_eq!(app.inbox(EMAIL).await[0].template, "reauthentication");
    let proof = json!({ "emailCode": app.code(EMAIL).await });
    let done = app.reauthenticate(&refreshed.access_token, &begun["id"], proof).await;
    let proven = claims(done["accessToken"].as_str().unwrap());
    assert_eq!((&proven["amr"], &proven["auth_time"]), (&json!(["otp"]), &proven["iat"]));
    assert_eq!(proven["rc"], claims(&refreshed.access_token)["rc"]);
    assert_eq!(
        app.refresh(&refreshed.refresh_token).await["__typename"],
        "AuthPayload",
        "the refresh token is still the newest"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_counts_only_in_the_session_that_requested_it_and_only_for_a_while(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let elsewhere = app.sign_in(EMAIL).await;
    let grace = app.sign_up("grace@example.org").await;
    let begun = app.start_reauthentication(&ada.access_token, true).await;
    let code = app.code(EMAIL).await;
    for (token, proof) in [
        (&elsewhere.access_token, json!({ "password": PASSWORD })),
        (&grace.access_token, json!({ "password": PASSWORD })),
        (&elsewhere.access_token, json!({ "emailCode": code })),
    ] {
        assert_eq!(app.reauthenticate(token, &begun["id"], proof).await["code"], "INVALID_TOKEN");
    }
    let wrong = app.reauthenticate(&ada.access_token, &begun["id"], json!({ "password": "x" })).await;
    assert_eq!(wrong["code"], "INVALID_CREDENTIALS");
    let wrong = app.reauthenticate(&ada.access_token, &begun["id"], json!({ "emailCode": "x" })).await;
    assert_eq!(wrong["code"], "INVALID_OTP");
    app.advance(Duration::from_mins(10));
    let late = app.reauthenticate(&ada.access_token, &begun["id"], json!({ "emailCode": code })).await;
    assert_eq!(late["code"], "INVALID_TOKEN");
    let nobody = app.reauthenticate(&ada.access_token, &json!("x"), json!({ "password": PASSWORD })).await;
    assert_eq!(nobody["code"], "INVALID_TOKEN");
    let unproven = app.start_reauthentication(&grace.access_token, true).await;
    assert_eq!(unproven["code"], "NOT_ENABLED", "no code is sent to an unverified address");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_allows_five_attempts(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let begun = app.start_reauthentication(&ada.access_token, true).await;
    let code = app.code(EMAIL).await;
    for _ in 0..5 {
        app.reauthenticate(&ada.access_token, &begun["id"], json!({ "emailCode": "00000000" })).await;
    }
    let proof = json!({ "emailCode": code });
    assert_eq!(app.reauthenticate(&ada.access_token, &begun["id"], proof).await["code"], "INVALID_OTP");
    let proof = json!({ "password": PASSWORD });
    let done = app.reauthenticate(&ada.access_token, &begun["id"], proof).await;
    assert_eq!(done["__typename"], "Reauthenticated", "wrong codes do not affect other proofs");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn google_reauthenticates_with_a_fresh_code_or_token(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let person = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    let token = &person.access_token;
    let identity = |proof: Value| json!({ "identity": { "provider": "google", "proof": proof } });
    let begun = app.start_reauthentication(token, false).await;
    assert_eq!(begun["methods"], json!(["EMAIL_CODE", "IDENTITY"]));
    let try_it = async |proof: Value| app.reauthenticate(token, &begun["id"], identity(proof)).await;

    assert_eq!(try_it(access_token(&google, &ada())).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(
        try_it(id_token(&google, &ada())).await["code"],
        "PROVIDER_REJECTED",
        "a token without the nonce may be an old one"
    );
    let mut person = ada();
    person["nonce"] = begun["id"].clone();
    let mut other = json!({ "sub": "4711", "email": "eve@gmail.com", "email_verified": true });
    other["nonce"] = begun["id"].clone();
    assert_eq!(
        try_it(id_token(&google, &other)).await["code"],
        "INVALID_CREDENTIALS",
        "the Google account is not linked"
    );
    let done = try_it(id_token(&google, &person)).await;
    assert_eq!(done["session"]["methods"], json!(["IDENTITY"]), "{done}");

    let begun = app.start_reauthentication(token, false).await;
    let unknown = json!({ "identity": { "provider": "elsewhere", "proof": { "accessToken": "x" } } });
    assert_eq!(app.reauthenticate(token, &begun["id"], unknown).await["code"], "NOT_ENABLED");
    let other = app.reauthenticate(token, &begun["id"], identity(app.visit_google(1).await.input())).await;
    assert_eq!(other["code"], "INVALID_CREDENTIALS");
    let grace = SignedIn::from(&app.google_login(app.visit_google(1).await.input()).await).access_token;
    let begun = app.start_reauthentication(&grace, false).await;
    let done = app.reauthenticate(&grace, &begun["id"], identity(app.visit_google(1).await.input())).await;
    assert_eq!(done["__typename"], "Reauthenticated", "{done}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_proofs_succeeds(#[values(Sqlite, Postgres, Serializable)] database: Database) {
    let app = Arc::new(TestApp::with(database, &[("RATE_LIMIT_PASSWORD_CHANGES", "100/1m")]).await);
    let ada = app.sign_up_proven(EMAIL).await;
    let begun = app.start_reauthentication(&ada.access_token, false).await;
    let proofs = (0..64).map(|_| {
        let (app, token, id) = (app.clone(), ada.access_token.clone(), begun["id"].clone());
        tokio::spawn(async move { app.reauthenticate(&token, &id, json!({ "password": PASSWORD })).await })
    });
    let answers: Vec<Value> = join_all(proofs).await.into_iter().map(Result::unwrap).collect();
    let proven = answers.iter().filter(|answer| answer["__typename"] == "Reauthenticated").count();
    assert_eq!(proven, 1, "{answers:?}");
}

/// A thief tries passwords with a stolen access token; the owner can still act in another session or by email.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_thiefs_guesses_do_not_use_up_the_owners_budget(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let stolen = app.sign_up_proven(EMAIL).await;
    let change = async |token: &str, current: &str, new: &str| -> Value {
        let query = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename
            ... on UserError { code } } }";
        let input = json!({ "currentPassword": current, "newPassword": new });
        app.run_as(token, query, json!({ "input": input })).await.data("changePassword")
    };
    for _ in 0..11 {
        change(&stolen.access_token, "wrong horse battery", "battery horse correct").await;
    }
    let refused = change(&stolen.access_token, PASSWORD, "battery horse correct").await;
    assert_eq!(refused["code"], "RATE_LIMITED");
    app.request_reset(EMAIL).await;
    let reset = app.reset(&app.token(EMAIL).await, "staple horse correct").await;
    assert_eq!(reset["__typename"], "PasswordChanged", "a proof by email has a budget of its own");
    let owner = SignedIn::from(&app.login(EMAIL, "staple horse correct").await);
    let changed = change(&owner.access_token, "staple horse correct", "battery horse correct").await;
    assert_eq!(changed["__typename"], "PasswordChanged");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_can_try_only_one_proof() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let query = "mutation { a: reauthenticate(id: \"x\", proof: { password: \"x\" }) { __typename }
        b: reauthenticate(id: \"x\", proof: { password: \"y\" }) { __typename } }";
    let answer: Answer = app.run_as(&ada.access_token, query, json!({})).await;
    assert_eq!(answer.code(), "LIMIT_EXCEEDED");
}
