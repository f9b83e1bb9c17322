use std::sync::Arc;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp};

async fn update(app: &TestApp, who: &SignedIn, input: Value) -> Value {
    let query = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) {
        __typename
        ... on User { name firstName lastName bio avatarUrl username }
        ... on UserError { code fields { field code } } } }";
    app.run_as(&who.access_token, query, json!({ "input": input })).await.data("updateProfile")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn omitted_fields_are_unchanged_and_null_clears_a_field(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let all = json!({
        "name": " Ada King ", "firstName": "Ada", "lastName": "Lovelace", "bio": "One.\r\nTwo.",
        "avatarUrl": "https://example.org/ada.png", "username": "Ada",
    });
    let set = json!({
        "__typename": "User", "name": "Ada King", "firstName": "Ada", "lastName": "Lovelace",
        "bio": "One.\nTwo.", "avatarUrl": "https://example.org/ada.png", "username": "Ada",
    });
    assert_eq!(update(&app, &ada, all).await, set);
    assert_eq!(update(&app, &ada, json!({})).await, set);
    let changed = update(&app, &ada, json!({ "name": null, "bio": "  ", "avatarUrl": null })).await;
    assert_eq!(
        changed,
        json!({
            "__typename": "User", "name": "Ada Lovelace", "firstName": "Ada", "lastName": "Lovelace",
            "bio": null, "avatarUrl": null, "username": "Ada",
        })
    );
    assert_eq!(app.login("ADA", PASSWORD).await["__typename"], "AuthPayload");
    assert_eq!(update(&app, &ada, json!({ "username": null })).await["username"], Value::Null);
    assert_eq!(app.login("ADA", PASSWORD).await["code"], "INVALID_CREDENTIALS");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_field_is_named_and_nothing_changes() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    for (field, value, code) in [
        ("name", "n".repeat(151), "TOO_LONG"),
        ("firstName", "a\u{0}b".to_owned(), "MALFORMED"),
        ("lastName", "\u{202e}evil".to_owned(), "MALFORMED"),
        ("bio", "b".repeat(501), "TOO_LONG"),
        ("bio", "a\u{1b}[31m".to_owned(), "MALFORMED"),
        ("avatarUrl", "http://example.org/a.png".to_owned(), "MALFORMED"),
        ("avatarUrl", "javascript:alert(1)".to_owned(), "MALFORMED"),
        ("avatarUrl", "data:image/png;base64,AAAA".to_owned(), "MALFORMED"),
        ("avatarUrl", "https://user:secret@example.org/".to_owned(), "MALFORMED"),
        ("avatarUrl", format!("https://example.org/{}", "a".repeat(2048)), "TOO_LONG"),
        ("username", "ad".to_owned(), "TOO_SHORT"),
        ("username", "ada@example.org".to_owned(), "MALFORMED"),
        ("username", "a\u{200b}da".to_owned(), "MALFORMED"),
    ] {
        let refused = update(&app, &ada, json!({ "bio": "ok", field: value })).await;
        assert_eq!(refused["code"], "INVALID_INPUT", "{field} {value}");
        assert_eq!(refused["fields"], json!([{ "field": field, "code": code }]), "{value}");
    }
    let two = update(&app, &ada, json!({ "username": "x", "avatarUrl": "x" })).await;
    assert_eq!(two["fields"].as_array().unwrap().len(), 2);
    assert_eq!(update(&app, &ada, json!({})).await["bio"], Value::Null);
}

/// Only invisible characters count as blank and clear a field. They are also removed from both ends of a value.
#[tokio::test(flavor = "multi_thread")]
async fn invisible_characters_count_as_blank() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let set = json!({ "name": "Ada", "firstName": "Ada", "bio": "Me.", "avatarUrl": "https://example.org/", "username": "ada" });
    for blank in [
        "",
        " ",
        "\t\n",
        "\u{a0}",
        "\u{3000}",
        "\u{200b}",
        "\u{200d}",
        "\u{200f}",
        "\u{202e}",
        "\u{2066}\u{2069}",
        "\u{ad}",
        "\u{34f}",
        "\u{61c}",
        "\u{115f}",
        "\u{1160}",
        "\u{17b4}",
        "\u{180e}",
        "\u{2060}",
        "\u{2800}",
        "\u{3164}",
        "\u{fe0f}",
        "\u{feff}",
        "\u{ffa0}",
        "\u{e0020}\u{e007f}",
        "\u{e0100}",
        " \u{200b} \u{2800} ",
    ] {
        assert_eq!(update(&app, &ada, set.clone()).await["username"], "ada");
        let all =
            json!({ "name": blank, "firstName": blank, "bio": blank, "avatarUrl": blank, "username": blank });
        let cleared = json!({
            "__typename": "User", "name": null, "firstName": null, "lastName": null, "bio": null, "avatarUrl": null,
            "username": null,
        });
        assert_eq!(update(&app, &ada, all).await, cleared, "{blank:?}");
    }
    for (typed, kept) in [
        ("\u{feff}Ada King\u{200b} ", "Ada King"),
        ("\u{3164}Ada", "Ada"),
        ("Ada \u{2764}\u{fe0f}", "Ada \u{2764}\u{fe0f}"),
        ("A\u{30a}da", "\u{c5}da"),
    ] {
        assert_eq!(update(&app, &ada, json!({ "name": typed })).await["name"], kept, "{typed:?}");
    }
    for typed in [" ada", "ada ", "ada\n", "\u{a0}ada\u{200b}", "\u{feff}ada"] {
        assert_eq!(update(&app, &ada, json!({ "username": typed })).await["username"], "ada", "{typed:?}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_racing_claims_of_a_username_succeeds(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::start(database).await);
    let people = join_all((0..16).map(|n| {
        let app = app.clone();
        async move { app.sign_up(&format!("person-{n}@example.org")).await }
    }));
    let claims = people.await.into_iter().map(|person| {
        let app = app.clone();
        tokio::spawn(async move { update(&app, &person, json!({ "username": "Ada", "bio": "me" })).await })
    });
    let answers: Vec<Value> = join_all(claims).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer["username"] == "Ada").count(), 1);
    for refused in answers.iter().filter(|answer| answer["username"] != "Ada") {
        assert_eq!(refused["code"], "USERNAME_TAKEN");
        assert_eq!(refused["fields"], json!([{ "field": "username", "code": "TAKEN" }]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_name_for_signing_in_cannot_be_cleared() {
    let app = TestApp::with(Sqlite, &[("EMAIL_REQUIRED", "false")]).await;
    let ada = SignedIn::from(&app.signup(json!({ "username": "ada", "password": PASSWORD })).await);
    let refused = update(&app, &ada, json!({ "username": null, "bio": "hi" })).await;
    assert_eq!(refused["fields"], json!([{ "field": "username", "code": "REQUIRED" }]));
    let renamed = update(&app, &ada, json!({ "username": "ada.l" })).await;
    assert_eq!((&renamed["username"], &renamed["bio"]), (&json!("ada.l"), &Value::Null));
}

/// A claim reveals whether a username is free, as `usernameAvailable` does.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn username_claims_are_limited_by_account_and_count_as_availability_checks(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_USERNAME_CHECKS", "4/1h")];
    let app = &TestApp::with(database, &settings).await;
    let (ada, grace) = (app.sign_up(EMAIL).await, app.sign_up("grace@example.org").await);
    let claim = async |from: &str, who: &SignedIn, username: &str| {
        let query = "mutation($u: String) { updateProfile(input: { username: $u }) {
            ... on User { username } ... on UserError { code retryAfter } } }";
        let body = json!({ "query": query, "variables": { "u": username } });
        let request = app.post().bearer_auth(&who.access_token).header("x-forwarded-for", from).json(&body);
        Answer::of(request).await.data("updateProfile")
    };
    let ask = async |from: &str| {
        let body = json!({ "query": "{ usernameAvailable(username: \"free\") { ... on UsernameAvailability { isAvailable } } }" });
        let answer = Answer::of(app.post().header("x-forwarded-for", from).json(&body)).await;
        answer.body["data"]["usernameAvailable"]["isAvailable"] == true
    };
    let (office, home) = ("203.0.113.9", "198.51.100.7");
    for name in ["one", "two", "three"] {
        assert_eq!(claim(office, &ada, name).await["username"], name);
    }
    assert!(ask(office).await);
    assert!(!ask(office).await, "the claims count as availability checks");
    assert_eq!(
        claim(office, &ada, "four").await["username"],
        "four",
        "claims are limited by account, not by address"
    );
    let refused = json!({ "code": "RATE_LIMITED", "retryAfter": 900 });
    assert_eq!(claim(office, &ada, "five").await, refused);
    assert_eq!(claim(home, &ada, "five").await, refused, "the address makes no difference");
    assert_eq!(
        claim(home, &ada, "FOUR").await["username"],
        "FOUR",
        "one's own name does not count as a check"
    );
    assert_eq!(update(app, &ada, json!({ "bio": "hi" })).await["bio"], "hi");
    assert_eq!(claim(office, &grace, "grace").await["username"], "grace");
    assert!(ask(home).await, "a refused claim does not count as a check");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_username_is_refused_unless_the_user_already_has_it() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let refused = update(&app, &ada, json!({ "username": "Admin", "bio": "me" })).await;
    assert_eq!(refused["code"], "USERNAME_TAKEN");
    assert_eq!(refused["fields"], json!([{ "field": "username", "code": "TAKEN" }]));
    app.sql("UPDATE users SET username = 'admin', username_key = 'admin'").await;
    let kept = update(&app.another(&[]).await, &ada, json!({ "username": "Admin", "bio": "me" })).await;
    assert_eq!((&kept["username"], &kept["bio"]), (&json!("Admin"), &json!("me")));
}
