//! Rules of the GraphQL specification that clients rely on. The test in `differential` compares thousands of other
//! documents with the reference implementation.

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Answer, Database, EMAIL, Postgres, SignedIn, Sqlite, TestApp};

const PROFILE: &str = "mutation($name: String, $bio: String) { updateProfile(input: { name: $name, bio: $bio }) { __typename } }";

async fn profile(app: &TestApp, person: &SignedIn) -> Value {
    app.run_as(&person.access_token, "{ me { name bio firstName } }", json!({})).await.data("me")
}

/// §6.4.1: an omitted variable omits its field, unless it has a default.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn omitted_arguments_change_nothing(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let run = async |query: &str, variables: Value| {
        let answer = app.run_as(&ada.access_token, query, variables).await;
        assert!(answer.body["errors"].is_null(), "{}", answer.text);
    };
    run(PROFILE, json!({ "name": "Ada", "bio": "old" })).await;
    run(PROFILE, json!({ "bio": "new" })).await;
    assert_eq!(profile(&app, &ada).await, json!({ "name": "Ada", "bio": "new", "firstName": null }));
    let whole = "mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { __typename } }";
    run(whole, json!({ "input": { "firstName": "A" } })).await;
    run(
        "mutation($name: String = \"Default\") { updateProfile(input: { name: $name }) { __typename } }",
        json!({}),
    )
    .await;
    assert_eq!(profile(&app, &ada).await, json!({ "name": "Default", "bio": "new", "firstName": "A" }));
    run(PROFILE, json!({ "bio": null })).await;
    assert_eq!(profile(&app, &ada).await["bio"], Value::Null, "null is not the same as an omission");
}

/// §6.1.2 and §5: mistakes are found before anything runs.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_document_or_variable_is_refused_before_anything_runs() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let write = "a: updateProfile(input: { name: \"x\" }) { __typename }";
    let post = |declared: &str| {
        format!(
            "mutation({declared}) {{ {write} b: postToDashboard(text: $b) {{ ... on Dashboard {{ response }} }} }}"
        )
    };
    let update = |input: &str| {
        format!(
            "mutation($v: String) {{ {write} b: updateProfile(input: {input}) {{ __typename }} c: revokeSession(id: $v) {{ endedSessionIds }} }}"
        )
    };
    let name = "mutation($name: String!) { updateProfile(input: { name: $name }) { __typename } }".to_owned();
    let of = |input: &str| format!("mutation {{ {write} b: googleLogin(input: {input}) {{ __typename }} }}");
    let login =
        "mutation($input: GoogleLoginInput!) { googleLogin(input: $input) { __typename } }".to_owned();
    for (query, variables) in [
        (post("$b: String!"), json!({})),
        (post("$b: String!"), json!({ "b": null })),
        (post("$b: String!"), json!({ "b": 1 })),
        (post("$b: String!"), json!({ "b": ["x"] })),
        (post("$b: String"), json!({ "b": "x" })),
        (post("$b: [String!]!"), json!({ "b": "x" })),
        (post("$b: Int!"), json!({ "b": 1 })),
        (name, json!({ "name": null })),
        (update("{ name: \"a\", name: \"b\" }"), json!({ "v": "x" })),
        (update("{ name: \"a\", nme: \"b\" }"), json!({ "v": "x" })),
        (
            format!("mutation {{ {write} b: setUserRole(id: \"x\", role: \"STAFF\") {{ __typename }} }}"),
            json!({}),
        ),
        (
            format!(
                "mutation($r: String!) {{ {write} b: setUserRole(id: \"x\", role: $r) {{ __typename }} }}"
            ),
            json!({ "r": "STAFF" }),
        ),
        (
            format!("mutation($r: Role!) {{ {write} b: setUserRole(id: \"x\", role: $r) {{ __typename }} }}"),
            json!({ "r": "STAFFS" }),
        ),
        (of("{ accessToken: \"x\", idToken: { idToken: \"x\" } }"), json!({})),
        (of("{ accessToken: null }"), json!({})),
        (of("{}"), json!({})),
        (login.clone(), json!({ "input": { "accessToken": "x", "idToken": { "idToken": "x" } } })),
        (login.clone(), json!({ "input": { "accessToken": null } })),
        (login, json!({ "input": {} })),
    ] {
        let answer = app.run_as(&ada.access_token, &query, variables.clone()).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{query} {variables}: {}", answer.text);
        assert!(answer.body.get("data").is_none(), "{query} {variables}: {}", answer.text);
    }
    assert_eq!(profile(&app, &ada).await["name"], Value::Null);
}

/// §2.9.4: every way to write a character.
#[tokio::test(flavor = "multi_thread")]
async fn characters_can_be_written_as_escapes() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    for text in ["\"😀é\"", "\"\\ud83d\\ude00\\u00e9\"", "\"\\u{1F600}\\u{e9}\"", "\"\"\"😀é\"\"\""] {
        let query = format!("mutation {{ updateProfile(input: {{ name: {text} }}) {{ __typename }} }}");
        let answer = app.run_as(&ada.access_token, &query, json!({})).await;
        assert!(answer.body["errors"].is_null(), "{text}: {}", answer.text);
        assert_eq!(profile(&app, &ada).await["name"], "😀é", "{text}");
    }
    for text in
        ["\"\\ud83d\"", "\"\\ude00\"", "\"\\ude00\\ud83d\"", "\"\\u{D83D}\"", "\"\\u{110000}\"", "\"\\u{}\""]
    {
        let query = format!("{{ usernameAvailable(username: {text}) {{ __typename }} }}");
        let answer = app.run(&query, json!({})).await;
        assert_eq!(answer.code(), "BAD_REQUEST", "{text}: {}", answer.text);
        assert!(
            answer.body["errors"][0]["message"].as_str().unwrap().starts_with("Syntax error"),
            "{}",
            answer.text
        );
    }
}

/// §6.4.4: an error makes the nearest nullable field null. §6.3: keys are in the order of selection.
#[tokio::test(flavor = "multi_thread")]
async fn errors_propagate_to_the_nearest_nullable_field_and_keys_keep_their_order() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let ask = async |query: &str| app.run_as(&ada.access_token, query, json!({})).await;
    let refused = ask("{ me { email } users { nodes { id } } }").await;
    let data = json!({ "me": { "email": EMAIL }, "users": null });
    assert_eq!((refused.code(), refused.body.get("data")), ("FORBIDDEN", Some(&data)));
    assert_eq!(refused.body["errors"][0]["path"], json!(["users"]));
    let query = "{ z: dashboard { response } a: authSettings { otpLength appName: emailRequired } me { sessions { id } name email ... on User { id } } b: usernameAvailable(username: \"x\") { __typename } }";
    for _ in 0..10 {
        let answer = ask(query).await;
        // the text is searched because a parsed response sorts its keys
        let places = ["\"z\":", "\"a\":", "\"me\":", "\"sessions\":", "\"name\":", "\"email\":", "\"b\":"]
            .map(|key| answer.text.find(key));
        assert!(places.is_sorted(), "{}", answer.text);
    }
}

/// Apollo Client and urql may send a hash first, and send the document when the server asks for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_a_hash_is_asked_for_the_document() {
    let app = TestApp::start(Sqlite).await;
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": "0".repeat(64) } });
    let body = json!({ "operationName": "Q", "variables": {}, "extensions": extensions });
    let url = format!("{}/graphql", app.url);
    for request in [
        app.post().json(&body),
        app.http.get(&url).query(&[("extensions", extensions.to_string())]),
        app.post().header("accept", "application/graphql-response+json").json(&body),
    ] {
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.code(), "PERSISTED_QUERY_NOT_SUPPORTED");
        assert_eq!(answer.body["errors"][0]["message"], "PersistedQueryNotSupported");
    }
    let both = json!({ "query": "{ __typename }", "extensions": extensions });
    assert_eq!(Answer::of(app.post().json(&both)).await.data("__typename"), "Query");
}

/// §6.3.2: a root field that is selected twice under the same name runs once.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_selected_twice_runs_once(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let revoke = "revokeSession(id: $id)";
    for query in [
        format!("mutation A($id: ID!) {{ {revoke} {{ __typename }} {revoke} {{ endedSessionIds }} }}"),
        format!(
            "mutation A($id: ID!) {{ ...F ... on Mutation {{ {revoke} {{ __typename }} }} ...F }}
            fragment F on Mutation {{ {revoke} {{ endedSessionIds }} }}"
        ),
        format!(
            "mutation A($id: ID!, $is: Boolean = false) {{
                ... on Mutation @skip(if: $is) {{ {revoke} {{ __typename }} }} {revoke} {{ endedSessionIds }}
                x: __typename @include(if: $is) {revoke} @include(if: $is) {{ more: __typename }}
            }} mutation B {{ __typename }}"
        ),
    ] {
        let other = app.sign_in(EMAIL).await;
        let sessions =
            app.run_as(&other.access_token, "{ me { sessions { id isCurrent } } }", json!({})).await;
        let sessions = sessions.data("me")["sessions"].clone();
        let id =
            sessions.as_array().unwrap().iter().find(|one| one["isCurrent"] == true).unwrap()["id"].clone();
        let body = json!({ "query": query, "variables": { "id": id }, "operationName": "A" });
        let answer = Answer::of(app.post().bearer_auth(&ada.access_token).json(&body)).await;
        let ended = json!({ "revokeSession": { "__typename": "SessionsEnded", "endedSessionIds": [id] } });
        assert_eq!(answer.body, json!({ "data": ended }), "{query}");
    }
}
