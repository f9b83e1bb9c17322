//! All faults in an input are reported together, with what a form needs to explain them.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

const WEAK: &str = "password1";

/// Returns the code of the response, and the code of each field.
fn faults(answer: &Value) -> (&str, Vec<(&str, &str)>) {
    let fields = answer["fields"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let pair = |field| -> (&str, &str) {
        let field: &Value = field;
        (field["field"].as_str().unwrap(), field["code"].as_str().unwrap())
    };
    (answer["code"].as_str().unwrap(), fields.iter().map(pair).collect())
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_taken_and_passwords_that_are_weak_stand_beside_what_is_malformed(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.signup(json!({ "email": EMAIL, "username": "ada", "password": PASSWORD })).await;
    for (email, username, password, fields) in [
        ("x", "ADA", WEAK, vec![("email", "MALFORMED"), ("password", "TOO_WEAK"), ("username", "TAKEN")]),
        (EMAIL, "ada", WEAK, vec![("password", "TOO_WEAK"), ("email", "TAKEN"), ("username", "TAKEN")]),
        (EMAIL, "ada", PASSWORD, vec![("email", "TAKEN"), ("username", "TAKEN")]),
        (EMAIL, "x", "short", vec![("username", "TOO_SHORT"), ("password", "TOO_SHORT"), ("email", "TAKEN")]),
        (EMAIL, "admin", PASSWORD, vec![("email", "TAKEN"), ("username", "TAKEN")]),
    ] {
        let answer = app.signup(json!({ "email": email, "username": username, "password": password })).await;
        assert_eq!(faults(&answer), ("INVALID_INPUT", fields), "{email} {username} {password}");
    }
    // a single taken name has a code of its own
    let taken = app.signup(json!({ "email": EMAIL, "username": "eve", "password": PASSWORD })).await;
    assert_eq!(faults(&taken), ("EMAIL_TAKEN", vec![("email", "TAKEN")]));
    let taken =
        app.signup(json!({ "email": "eve@example.org", "username": "ada", "password": PASSWORD })).await;
    assert_eq!(faults(&taken), ("USERNAME_TAKEN", vec![("username", "TAKEN")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_sign_up_does_not_tell_who_has_an_address_that_must_be_verified() {
    let app = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    app.signup(json!({ "email": EMAIL, "password": PASSWORD })).await;
    app.verify(EMAIL, &app.code(EMAIL).await, None).await;
    let of =
        async |email: &str| app.signup(json!({ "email": email, "username": "x", "password": WEAK })).await;
    let (known, unknown) = (of(EMAIL).await, of("eve@example.org").await);
    assert_eq!(known, unknown);
    assert_eq!(faults(&known), ("INVALID_INPUT", vec![("username", "TOO_SHORT"), ("password", "TOO_WEAK")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_up_names_is_charged_even_if_something_else_is_wrong() {
    let settings = [("RATE_LIMIT_SIGNUPS", "2/1h"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let app = TestApp::with(Sqlite, &settings).await;
    let signup = async |username: &str, password: &str| {
        let query = "mutation($input: SignupInput!) { signup(input: $input) { ... on UserError { code } } }";
        let input = json!({ "email": "x", "username": username, "password": password });
        let body = json!({ "query": query, "variables": { "input": input } });
        let answer = Answer::of(app.post().header("x-forwarded-for", "192.0.2.1").json(&body)).await;
        answer.data("signup")["code"].clone()
    };
    for _ in 0..5 {
        assert_eq!(signup("x", "x").await, "INVALID_INPUT", "nothing is looked up, so nothing is charged");
    }
    for _ in 0..2 {
        assert_eq!(signup("ada", "x").await, "INVALID_INPUT");
    }
    assert_eq!(signup("ada", "x").await, "RATE_LIMITED");
    assert_eq!(signup("x", PASSWORD).await, "RATE_LIMITED", "so is weighing a password");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_taken_username_stands_beside_the_other_faults_of_a_profile(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.signup(json!({ "email": EMAIL, "username": "ada", "password": PASSWORD })).await;
    let grace =
        SignedIn::from(&app.signup(json!({ "email": "grace@example.org", "password": PASSWORD })).await);
    let update = async |input: Value| {
        let query = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename
            ... on UserError { code fields { field code } } } }";
        app.run_as(&grace.access_token, query, json!({ "input": input })).await.data("updateProfile")
    };
    let answer = update(json!({ "username": "Ada", "avatarUrl": "http://x", "bio": "x".repeat(501) })).await;
    let all = vec![("bio", "TOO_LONG"), ("avatarUrl", "MALFORMED"), ("username", "TAKEN")];
    assert_eq!(faults(&answer), ("INVALID_INPUT", all));
    assert_eq!(
        faults(&update(json!({ "username": "ada" })).await),
        ("USERNAME_TAKEN", vec![("username", "TAKEN")])
    );
    assert_eq!(update(json!({ "username": "grace" })).await["__typename"], "User");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_learns_the_limits_and_a_name_that_is_free() {
    let app = TestApp::start(Sqlite).await;
    app.signup(json!({ "email": EMAIL, "username": "ada", "password": PASSWORD })).await;
    let query = "mutation($input: SignupInput!) { signup(input: $input) {
        ... on UserError { fields { field code min max suggestion } } } }";
    let input =
        json!({ "email": "x".repeat(255), "username": "ada", "password": "short", "name": "x".repeat(151) });
    let answer = app.run(query, json!({ "input": input })).await.data("signup");
    let [email, name, password, username] = answer["fields"].as_array().unwrap().as_slice() else {
        panic!("{answer}")
    };
    assert_eq!(
        email,
        &json!({ "field": "email", "code": "TOO_LONG", "min": null, "max": 254, "suggestion": null })
    );
    assert_eq!(name["max"], 150);
    assert_eq!((&password["min"], &password["max"]), (&json!(8), &Value::Null));
    let suggestion = username["suggestion"].as_str().unwrap();
    let signed_up =
        app.signup(json!({ "email": "eve@example.org", "username": suggestion, "password": PASSWORD })).await;
    assert_eq!(signed_up["user"]["username"], suggestion);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_inputs_of_a_login_are_checked() {
    let app = TestApp::start(Sqlite).await;
    let answer = app.login(&"x".repeat(255), &"x".repeat(129)).await;
    assert_eq!(
        faults(&answer),
        ("INVALID_INPUT", vec![("identifier", "TOO_LONG"), ("password", "TOO_LONG")])
    );
}
