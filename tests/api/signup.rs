use futures_util::future::join_all;
use gatehouse::accounts::{NewAccountInput, create_superuser};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_user_can_sign_up_with_an_email_address_alone(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let mut answer = app.signup(json!({ "email": EMAIL, "password": PASSWORD })).await;
    for token in ["accessToken", "refreshToken"] {
        assert!(answer[token].take().as_str().unwrap().len() > 50);
    }
    let (user, session) = (answer["user"]["id"].take(), answer["session"]["id"].take());
    assert!(user.is_string() && session.is_string() && user != session);
    assert_eq!(
        answer,
        json!({
            "__typename": "AuthPayload",
            "accessToken": null,
            "tokenType": "Bearer",
            "expiresIn": 1800,
            "refreshToken": null,
            "refreshExpiresIn": 86400,
            "user": { "id": null, "email": EMAIL, "username": null, "name": null, "role": "USER" },
            "session": { "id": null, "isCurrent": true },
        })
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_user_can_sign_up_with_username_email_address_and_name(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let answer = app
        .signup(json!({
            "email": " Ada@Example.org ", "username": "Ada", "firstName": "Ada ", "lastName": "Lovelace",
            "password": PASSWORD, "passwordConfirmation": PASSWORD,
        }))
        .await;
    assert_eq!(answer["user"]["email"], "Ada@Example.org", "the address is shown as entered");
    assert_eq!(answer["user"]["username"], "Ada");
    assert_eq!(answer["user"]["name"], "Ada Lovelace", "the name is joined from its parts");
    for identifier in ["ada", "ADA", "ada@example.org", "ADA@EXAMPLE.ORG"] {
        assert_eq!(app.login(identifier, PASSWORD).await["__typename"], "AuthPayload", "{identifier}");
    }
    let named = app.signup(
        json!({ "email": "b@example.org", "name": "Countess", "firstName": "Ada", "password": PASSWORD }),
    );
    assert_eq!(named.await["user"]["name"], "Countess", "an explicit name is kept");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_username_is_enough_if_no_email_address_is_required(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[("EMAIL_REQUIRED", "false")]).await;
    let answer = app.signup(json!({ "username": "ada", "password": PASSWORD })).await;
    assert_eq!(answer["user"]["username"], "ada");
    assert_eq!(answer["user"]["email"], Value::Null);
    let neither = app.signup(json!({ "password": PASSWORD })).await;
    assert_eq!(neither["fields"], json!([{ "field": "username", "code": "REQUIRED" }]));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_name_is_refused_in_any_spelling(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.signup(json!({ "email": EMAIL, "username": "ada", "password": PASSWORD })).await;

    let email =
        app.signup(json!({ "email": "ADA@EXAMPLE.ORG", "username": "eve", "password": PASSWORD })).await;
    assert_eq!(email["code"], "EMAIL_TAKEN");
    assert_eq!(email["fields"], json!([{ "field": "email", "code": "TAKEN" }]));

    let username =
        app.signup(json!({ "email": "eve@example.org", "username": "ADA", "password": PASSWORD })).await;
    assert_eq!(username["code"], "USERNAME_TAKEN");
    assert_eq!(username["fields"], json!([{ "field": "username", "code": "TAKEN" }]));
    assert_eq!(
        app.login("eve@example.org", PASSWORD).await["code"],
        "INVALID_CREDENTIALS",
        "no account was created"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_sign_ups_for_one_name_succeeds(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
    #[values("EMAIL_TAKEN", "USERNAME_TAKEN")] taken: &str,
) {
    let app = TestApp::start(database).await;
    let answers = join_all((0..64).map(|number| {
        let (email, username) = match taken {
            "EMAIL_TAKEN" => (EMAIL.to_owned(), format!("ada{number}")),
            _ => (format!("ada{number}@example.org"), "ada".to_owned()),
        };
        app.signup(json!({ "email": email, "username": username, "password": PASSWORD }))
    }))
    .await;
    let succeeded = answers.iter().filter(|answer| answer["__typename"] == "AuthPayload").count();
    let refused = answers.iter().filter(|answer| answer["code"] == *taken).count();
    assert_eq!((succeeded, refused), (1, 63));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn each_sign_up_costs_one_hash_whether_or_not_the_name_is_free(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    assert_eq!(app.app.passwords.computed(), 1);
    assert_eq!(app.signup(json!({ "email": EMAIL, "password": PASSWORD })).await["code"], "EMAIL_TAKEN");
    assert_eq!(app.app.passwords.computed(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_up_can_be_switched_off() {
    let app = TestApp::with(Sqlite, &[("SIGNUP", "off")]).await;
    assert_eq!(app.signup(json!({ "email": EMAIL, "password": PASSWORD })).await["code"], "NOT_ENABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_field_is_reported_at_once() {
    let app = TestApp::start(Sqlite).await;
    let answer = app
        .signup(json!({
            "email": "ada", "username": "a b", "password": "short", "passwordConfirmation": "other",
            "name": "a\u{0}b", "firstName": "x".repeat(151), "lastName": "Lovelace",
        }))
        .await;
    assert_eq!(answer["code"], "INVALID_INPUT");
    assert_eq!(
        answer["fields"],
        json!([
            { "field": "email", "code": "MALFORMED" },
            { "field": "username", "code": "MALFORMED" },
            { "field": "name", "code": "MALFORMED" },
            { "field": "firstName", "code": "TOO_LONG" },
            { "field": "password", "code": "TOO_SHORT" },
            { "field": "passwordConfirmation", "code": "MISMATCH" },
        ])
    );
    assert_eq!(app.app.passwords.computed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_limit_refuses_just_above_and_accepts_just_below() {
    let app = TestApp::start(Sqlite).await;
    let long = |length: usize| "hr5 Ũx!".chars().cycle().take(length).collect::<String>();
    let address = |length: usize| {
        let label = "b".repeat(60);
        format!("{}@{label}.{label}.{label}.org", "a".repeat(length - 187))
    };
    for (field, below, above, code) in [
        ("password", long(8), long(7), "TOO_SHORT"),
        ("password", long(128), long(129), "TOO_LONG"),
        ("password", PASSWORD.into(), "password1".into(), "TOO_WEAK"),
        ("password", PASSWORD.into(), "countess lovelace".into(), "TOO_WEAK"),
        ("username", "abc".into(), "ab".into(), "TOO_SHORT"),
        ("username", "a".repeat(30), "a".repeat(31), "TOO_LONG"),
        ("email", address(251), address(252), "MALFORMED"),
        ("email", format!("{}@example.org", "a".repeat(64)), "x".repeat(255), "TOO_LONG"),
        ("name", "é".repeat(150), "é".repeat(151), "TOO_LONG"),
        ("firstName", "x".repeat(150), "x".repeat(60_000), "TOO_LONG"),
    ] {
        let email = format!("eve{}@example.org", app.app.passwords.computed());
        let mut input = json!({ "email": email, "name": "Countess Lovelace", "password": PASSWORD });
        input[field] = above.into();
        assert_eq!(
            app.signup(input.clone()).await["fields"],
            json!([{ "field": field, "code": code }]),
            "{field}"
        );
        input[field] = below.into();
        let accepted = app.signup(input).await;
        assert!(
            accepted["__typename"] == "AuthPayload" || accepted["code"] == "EMAIL_TAKEN",
            "{field}: {accepted}"
        );
    }
}

/// Passwords that are hard to rate: some made the library's estimate overflow, others made it take a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_hard_to_rate_does_no_harm() {
    let app = TestApp::with(Sqlite, &[("HASH_THREADS", "1")]).await;
    let leet: String = "@4({<[3 6 9 1!|7 0 $5+%2l8'×5".chars().cycle().take(128).collect();
    for password in ["20".repeat(52), "20".repeat(64), leet] {
        for round in 0..3 {
            let email = format!("{}-{round}@example.org", password.len());
            let answer = app.signup(json!({ "email": email, "password": password })).await;
            assert!(
                ["AuthPayload", "UserError"].contains(&answer["__typename"].as_str().unwrap()),
                "{answer}"
            );
        }
    }
    app.sign_up(EMAIL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_the_same_in_every_unicode_form() {
    let app = TestApp::start(Sqlite).await;
    app.signup(json!({ "email": EMAIL, "password": "zażółć gęślą jaźń \u{e9}" })).await;
    assert_eq!(app.login(EMAIL, "zażółć gęślą jaźń e\u{301}").await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_username_does_not_use_up_the_mail_of_the_next_attempt() {
    let app = TestApp::start(Sqlite).await;
    let input =
        |email: &str, username: &str| json!({ "email": email, "username": username, "password": PASSWORD });
    app.signup(input("grace@example.org", "grace")).await;
    assert_eq!(app.signup(input(EMAIL, "Grace")).await["code"], "USERNAME_TAKEN");
    assert_eq!(app.signup(input(EMAIL, "ada")).await["__typename"], "AuthPayload");
    assert_eq!(app.codes(EMAIL).await.len(), 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_username_is_refused_like_a_taken_one(#[values("optional", "mandatory")] mode: &str) {
    let app = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION", mode)]).await;
    for username in ["root", "Administrator", "SUPPORT"] {
        let refused = app.signup(json!({ "email": EMAIL, "username": username, "password": PASSWORD })).await;
        assert_eq!(refused["code"], "USERNAME_TAKEN", "{username}");
        assert_eq!(refused["message"], "This username is already taken.");
        assert_eq!(refused["fields"], json!([{ "field": "username", "code": "TAKEN" }]));
    }
    // an operator can assign a reserved username
    let input = NewAccountInput {
        email: Some("root@example.org".to_owned()),
        username: Some("root".to_owned()),
        password: Some(PASSWORD.into()),
        ..NewAccountInput::default()
    };
    create_superuser(&app.app, input).await.unwrap();
    assert_eq!(app.login("root", PASSWORD).await["user"]["role"], "SUPERUSER");
}

/// Phone keyboards add a space after a word, and text copied from pages and PDFs may contain invisible characters. The
/// address must be the same in the row, the claim, the email and the responses.
#[tokio::test(flavor = "multi_thread")]
async fn invisible_characters_pasted_with_a_name_or_an_address_are_removed() {
    let claimed = |access_token: &str| -> Value {
        let payload = access_token.split('.').nth(1).unwrap();
        let payload = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, payload).unwrap();
        serde_json::from_slice(&payload).unwrap()
    };
    for (email, kept, key) in [
        ("ada@exam\u{200b}ple.org", EMAIL, EMAIL),
        ("\u{feff}ada@example.org\u{200b} ", EMAIL, EMAIL),
        ("\u{202a}ada@example.org\u{202c}", EMAIL, EMAIL),
        ("ada@ex\u{ad}am\u{2060}ple.o\u{fe0f}rg", EMAIL, EMAIL),
        ("ada@exam\u{2800}ple.\u{3164}org", EMAIL, EMAIL),
        ("ada@\u{ff45}xample\u{3002}org", EMAIL, EMAIL),
        ("ada@bu\u{308}cher.example", "ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@XN--BCHER-KVA.example", "ada@bücher.example", "ada@xn--bcher-kva.example"),
    ] {
        let app = TestApp::start(Sqlite).await;
        let payload =
            app.signup(json!({ "email": email, "username": " ada\u{200b} ", "password": PASSWORD })).await;
        let user = &payload["user"];
        assert_eq!((&user["email"], &user["username"]), (&json!(kept), &json!("ada")), "{email:?}");
        let access_token = SignedIn::from(&payload).access_token;
        assert_eq!(claimed(&access_token)["email"], kept, "{email:?}");
        let mails = app.inbox(kept).await;
        assert_eq!((mails[0].to.as_str(), mails[0].to_key.as_str()), (kept, key), "{email:?}");
        assert!(mails[0].source.contains(&format!("To: {key}")), "{}", mails[0].source);
        for identifier in [email, kept, key, "ada", " ADA\n", "ada\u{200b}", "\u{a0}ada\u{feff}"] {
            assert_eq!(app.login(identifier, PASSWORD).await["__typename"], "AuthPayload", "{identifier:?}");
        }
        for username in ["admin ", "\u{200b}Root", "support\u{a0}"] {
            let taken = app
                .signup(json!({ "email": "eve@example.org", "username": username, "password": PASSWORD }))
                .await;
            assert_eq!(taken["code"], "USERNAME_TAKEN", "{username:?}");
        }
    }
    let app = TestApp::start(Sqlite).await;
    let payload = app.signup(json!({ "email": EMAIL, "username": "\u{200b} ", "password": PASSWORD })).await;
    assert_eq!(payload["user"]["username"], Value::Null, "a blank username counts as none");
}
