use std::time::Duration;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    process::{gatehouse, output},
};

async fn reset(app: &TestApp, who: &SignedIn, id: &str) -> Value {
    let query = "mutation($id: ID!) { resetSecondFactors(id: $id) { __typename
        ... on User { secondFactors recoveryCodesLeft } ... on UserError { code } } }";
    app.run_as(&who.access_token, query, json!({ "id": id })).await.data("resetSecondFactors")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_resets_the_factors_of_another(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_long_ago(EMAIL).await;
    let ada = app.sign_in(EMAIL).await;
    let authenticator = app.enroll(&ada, EMAIL).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    for (who, id, code) in [
        (&ada, &root.user_id, "NOT_ALLOWED"),
        (&staff, &ada.user_id, "NOT_ALLOWED"),
        (&root, &root.user_id, "NOT_ALLOWED"),
        (&root, &"01a22af6-2545-7831-be3a-811c19255222".to_owned(), "NOT_FOUND"),
        (&root, &"x".to_owned(), "NOT_FOUND"),
    ] {
        assert_eq!(reset(&app, who, id).await["code"], code);
    }
    assert_eq!(
        reset(&app, &root, &ada.user_id).await,
        json!({ "__typename": "User", "secondFactors": [], "recoveryCodesLeft": 0 })
    );
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    assert_eq!(app.me(&ada.access_token).await, EMAIL, "sessions go on");
    let mails = app.inbox(EMAIL).await.len();
    assert_eq!(reset(&app, &root, &ada.user_id).await["secondFactors"], json!([]));
    assert_eq!(app.inbox(EMAIL).await.len(), mails, "nothing has changed, so there is no notice");

    // somebody else may have talked the superuser into it
    let token = app.token_in(EMAIL, "second_factor_removed").await.expect("the notice has a link");
    app.revert(&token, None).await;
    app.advance(Duration::from_hours(73));
    app.request_reset(EMAIL).await;
    let token = app.token_in(EMAIL, "password_reset").await.unwrap();
    app.reset(&token, PASSWORD).await;
    let challenge = app.login(EMAIL, PASSWORD).await;
    assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
    let proof = json!({ "totp": authenticator.next_code(&app) });
    assert_eq!(app.verify_second_factor(&challenge["id"], proof).await["__typename"], "AuthPayload");

    app.advance(Duration::from_mins(11));
    let root = SignedIn::from(&app.login("root@example.org", PASSWORD).await);
    app.advance(Duration::from_mins(11));
    assert_eq!(reset(&app, &root, &ada.user_id).await["code"], "REAUTHENTICATION_REQUIRED");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_user_and_superusers_see_the_factors(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, _) = app.sign_up_enrolled(EMAIL).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    let all = json!({ "secondFactors": ["TOTP", "RECOVERY_CODE"], "recoveryCodesLeft": 10 });
    let none = json!({ "secondFactors": [], "recoveryCodesLeft": 0 });
    for (who, seen) in [(&ada, &all), (&root, &all), (&staff, &none)] {
        let query = "query($id: ID!) { user(id: $id) { secondFactors recoveryCodesLeft } }";
        let answer = app.run_as(&who.access_token, query, json!({ "id": ada.user_id })).await;
        assert_eq!(&answer.data("user"), seen);
    }
    let methods =
        "query($id: ID!) { user(id: $id) { enrolmentRequired sessions { methods } } node(id: $id) { id } }";
    let answer = app.run_as(&staff.access_token, methods, json!({ "id": ada.user_id })).await;
    let sessions = answer.data("user")["sessions"].clone();
    assert_eq!(sessions, json!([{ "methods": ["EMAIL_CODE"] }]), "staff do not learn of the factor");
    let query = "{ users { nodes { email secondFactors recoveryCodesLeft } } }";
    let users = app.run_as(&root.access_token, query, json!({})).await.data("users");
    let of_ada = users["nodes"].as_array().unwrap().iter().find(|user| user["email"] == EMAIL).unwrap();
    assert_eq!(of_ada["recoveryCodesLeft"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_resets_the_factors_on_the_command_line() {
    let app = TestApp::start(Sqlite).await;
    app.sign_up_enrolled(EMAIL).await;
    let folder = tempfile::tempdir().unwrap();
    let run = |account: &str| {
        let settings = [
            ("DATABASE_URL", app.settings["DATABASE_URL"].as_str()),
            ("SECRET_KEY", app.settings["SECRET_KEY"].as_str()),
        ];
        let done = output(gatehouse(folder.path(), &["reset-second-factors", account], &settings), "");
        let text = String::from_utf8([done.stdout, done.stderr].concat()).unwrap();
        (done.status.success(), text)
    };
    let (is_done, text) = run(" ADA@Example.org ");
    assert!(is_done && text.contains("Removed the second factors of"), "{text}");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    assert_eq!(app.inbox(EMAIL).await[0].template, "second_factor_removed");
    let (is_done, text) = run(EMAIL);
    assert!(is_done && text.contains("has no second factor"), "{text}");
    let (is_done, text) = run("grace");
    assert!(!is_done && text.contains("there is no account grace"), "{text}");
}
