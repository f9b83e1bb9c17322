//! The REST endpoints of trusted documents, and their description in OpenAPI.

use std::{collections::BTreeSet, fs};

use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    cli::{run, text},
    support::{Answer, Database, EMAIL, PASSWORD, PROXY, Postgres, Sqlite, TestApp},
};

/// The address of the client that guesses.
const ADDRESS: &str = "203.0.113.7";

async fn post(app: &TestApp, name: &str, variables: Value, token: &str) -> Answer {
    let request = app.http.post(format!("{}/op/{name}", app.url)).json(&variables);
    Answer::of(if token.is_empty() { request } else { request.bearer_auth(token) }).await
}

async fn get(app: &TestApp, path: &str, token: &str) -> Answer {
    let request = app.http.get(format!("{}/op/{path}", app.url));
    Answer::of(if token.is_empty() { request } else { request.bearer_auth(token) }).await
}

fn outcome(answer: &Answer) -> &Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    &answer.body["data"]["answer"]
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_day_without_graphql(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    let input = json!({ "input": { "email": EMAIL, "username": "ada", "password": PASSWORD } });
    assert_eq!(outcome(&post(&app, "signup", input.clone(), "").await)["__typename"], "AuthPayload");
    let refused = post(&app, "signup", input, "").await;
    let refused = outcome(&refused);
    assert_eq!(refused["__typename"], "UserError");
    let faults: BTreeSet<_> =
        refused["fields"].as_array().unwrap().iter().map(|fault| fault["code"].as_str().unwrap()).collect();
    assert!(faults.contains("TAKEN"), "{refused}");
    let login =
        post(&app, "login", json!({ "input": { "identifier": "ada", "password": PASSWORD } }), "").await;
    let token = outcome(&login)["accessToken"].as_str().unwrap().to_owned();

    let me = get(&app, "me", &token).await;
    assert_eq!((&outcome(&me)["__typename"], &outcome(&me)["email"]), (&json!("User"), &json!(EMAIL)));
    let page = get(&app, "users?first=1&filter=%7B%22search%22%3A%22staff%22%7D", &staff.access_token).await;
    assert_eq!(outcome(&page)["nodes"][0]["email"], "staff@example.org", "{}", page.text);
    assert_eq!(outcome(&page)["pageInfo"]["hasNextPage"], false);
    let forbidden = get(&app, "users", &token).await;
    assert_eq!(outcome(&forbidden), &Value::Null);
    assert_eq!(forbidden.body["errors"][0]["extensions"]["code"], "FORBIDDEN");
    let ended = post(&app, "logoutAll", json!({}), &token).await;
    assert_eq!(outcome(&ended)["endedSessionIds"].as_array().unwrap().len(), 2);
    let over = get(&app, "me", &token).await;
    assert_eq!(
        (over.status.as_u16(), over.body["errors"][0]["extensions"]["reason"].as_str()),
        (401, Some("REVOKED"))
    );
    assert!(over.header("www-authenticate").starts_with("Bearer"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_in_a_request_is_named() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let token = &ada.access_token;
    for (path, status, message) in [
        ("%6de", 404, "There is no operation with this name."),
        ("nothing", 404, "There is no operation with this name. /openapi.json lists all operations."),
        ("sessionEvents", 404, "There is no operation with this name. /openapi.json lists all operations."),
        ("login", 405, "This operation is a mutation: use POST."),
        ("users?first=x", 400, "The variable `first` is not a 32-bit integer."),
        ("users?first=9999999999", 400, "The variable `first` is not a 32-bit integer."),
        ("users?first=1&first=2", 400, "The variable `first` is given more than once."),
        ("users?filter=%7B", 400, "The variable `filter` is not well-formed JSON."),
        ("users?%00=1", 400, "The operation has no variable `\0`."),
        ("usernameAvailable", 400, "A variable is missing or does not match its type"),
    ] {
        let answer = get(&app, path, token).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        let said = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(said.starts_with(message), "{path}: {said}");
        assert_eq!(answer.header("content-type"), "application/json; charset=utf-8");
    }
    let unknown = get(&app, &format!("me?{}=1", "x".repeat(5000)), token).await;
    assert!(unknown.status == 400 && unknown.text.len() < 1000, "{}", unknown.text);
    for (variables, message) in [
        (json!([]), "The body must be a JSON object with the variables."),
        (json!({ "inputs": {} }), "The operation has no variable `inputs`."),
        (json!({}), "A variable is missing or does not match its type"),
        (json!({ "input": { "identifier": 1 } }), "A variable is missing or does not match its type"),
    ] {
        let answer = post(&app, "login", variables, "").await;
        let said = answer.body["errors"][0]["message"].as_str().unwrap();
        assert!(answer.status == 400 && said.starts_with(message), "{said}");
    }
    // a form on any site could send these
    for content_type in ["text/plain", "application/x-www-form-urlencoded"] {
        let form = app
            .http
            .post(format!("{}/op/logoutAll", app.url))
            .header("content-type", content_type)
            .body("{}");
        assert_eq!(Answer::of(form.bearer_auth(token)).await.status, 415);
    }
    let empty = app.http.post(format!("{}/op/logoutAll", app.url)).header("content-type", "application/json");
    assert_eq!(
        Answer::of(empty.bearer_auth(token)).await.status,
        200,
        "an operation without variables needs no body"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_at_an_endpoint_use_the_same_budgets() {
    let app = TestApp::with(Sqlite, &[PROXY, ("RATE_LIMIT_FAILED_LOGINS", "3/1h")]).await;
    app.sign_up(EMAIL).await;
    let wrong = json!({ "input": { "identifier": EMAIL, "password": "wrong password" } });
    let mut codes = Vec::new();
    for guess in 0..8 {
        let code = if guess % 2 == 0 {
            let request = app.http.post(format!("{}/op/login", app.url)).header("x-forwarded-for", ADDRESS);
            outcome(&Answer::of(request.json(&wrong)).await)["code"].clone()
        } else {
            app.login_from(ADDRESS, EMAIL, "wrong password").await["code"].clone()
        };
        codes.push(code);
    }
    let (tested, refused) = codes.split_at(3);
    assert!(tested.iter().all(|code| code == "INVALID_CREDENTIALS"), "{codes:?}");
    assert!(refused.iter().all(|code| code == "RATE_LIMITED"), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_in_a_manifest_get_endpoints_but_do_not_replace_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = |documents: &[&str]| {
        json!(
            documents.iter().map(|text| ((*text).to_owned(), json!(text))).collect::<serde_json::Map<_, _>>()
        )
    };
    let old = manifest(&["query Greeting { viewer { email } }"]);
    let new = manifest(&[
        "query Greeting($ids: [ID!], $full: Boolean!) { viewer { email ... @include(if: $full) { role } } node(id: \"x\") { id } a: usernameAvailable(username: \"a\") @skip(if: true) { ... on UserError { code } } }",
        "query me { viewer { id } }",
    ]);
    fs::write(folder.path().join("2026-01.json"), old.to_string()).unwrap();
    fs::write(folder.path().join("2026-02.json"), new.to_string()).unwrap();
    let refused = run(
        folder.path(),
        &["dev"],
        &[("TRUSTED_DOCUMENTS", folder.path().to_str().unwrap()), ("PORT", "0")],
    );
    assert!(
        text(&refused.stderr).contains("`$ids` is not used") || text(&refused.stderr).contains("ids"),
        "{}",
        text(&refused.stderr)
    );
    let used = new.to_string().replace("$ids: [ID!], ", "");
    fs::write(folder.path().join("2026-02.json"), used).unwrap();

    let app = TestApp::with(Sqlite, &[("TRUSTED_DOCUMENTS", folder.path().to_str().unwrap())]).await;
    let signed_up =
        post(&app, "signup", json!({ "input": { "email": EMAIL, "password": PASSWORD } }), "").await;
    let token = outcome(&signed_up)["accessToken"].as_str().unwrap().to_owned();
    let greeting = get(&app, "Greeting?full=true", &token).await;
    assert_eq!(
        greeting.body["data"]["viewer"],
        json!({ "__typename": "User", "email": EMAIL, "role": "USER" }),
        "{}",
        greeting.text
    );
    assert_eq!(get(&app, "Greeting?full=yes", &token).await.status, 400);
    let me = get(&app, "me", &token).await;
    assert_eq!(outcome(&me)["email"], EMAIL, "the built-in operation");
    let run_by_text = app.run_as(&token, "query me { viewer { id } }", json!({})).await;
    assert!(run_by_text.body["data"]["viewer"]["id"].is_string(), "the document is trusted all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_matches_the_endpoints_and_requires_introspection() {
    let app = TestApp::start(Sqlite).await;
    let answer = Answer::of(app.http.get(format!("{}/openapi.json", app.url))).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, "*"));
    let described = &answer.body;
    assert_eq!(described["servers"][0]["url"], app.url);
    let paths = described["paths"].as_object().unwrap();
    for (path, methods) in paths {
        let is_query = methods.get("get").is_some();
        let name = path.strip_prefix("/op/").unwrap();
        assert_eq!(get(&app, name, "").await.status != 405, is_query, "{path}");
    }
    let union = &described["components"]["schemas"]["LoginData"]["properties"]["answer"];
    let members: BTreeSet<_> =
        union["discriminator"]["mapping"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        ["AuthPayload", "EmailChallenge", "SecondFactorChallenge", "UserError"].map(str::to_owned).into()
    );
    assert_eq!(union["oneOf"].as_array().unwrap().len(), members.len());
    let user = &described["components"]["schemas"]["User"]["properties"];
    assert_eq!(user["__typename"]["const"], "User");
    assert_eq!(user["username"]["type"], json!(["string", "null"]));
    assert_eq!(described["paths"]["/op/me"]["get"]["security"], json!([{ "accessToken": [] }]));
    assert_eq!(described["paths"]["/op/login"]["post"]["security"], json!([{}, { "accessToken": [] }]));
    for reference in references(described) {
        let name = reference.strip_prefix("#/components/schemas/").unwrap();
        assert!(described["components"]["schemas"].get(name).is_some(), "{name}");
    }
    let printed = run(std::path::Path::new("."), &["schema", "--openapi"], &[]);
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed["paths"], described["paths"]);

    let closed = TestApp::with(Sqlite, &[("INTROSPECTION", "off")]).await;
    assert_eq!(Answer::of(closed.http.get(format!("{}/openapi.json", closed.url))).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_description_of_a_manifest_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = json!({
        "1": "query Aaa($full: Boolean!) { me @include(if: $full) { email } me { id ...SignupInput } } fragment SignupInput on User { name }",
        "2": "query usersByPost { viewer { id } }",
        "3": "query Bbb($full: Boolean!) { viewer @include(if: $full) { email } }",
    });
    fs::write(folder.path().join("a.json"), manifest.to_string()).unwrap();
    let printed = run(
        folder.path(),
        &["schema", "--openapi"],
        &[("TRUSTED_DOCUMENTS", folder.path().to_str().unwrap())],
    );
    let described: Value =
        serde_json::from_slice(&printed.stdout).unwrap_or_else(|_| panic!("{}", text(&printed.stderr)));
    let schemas = &described["components"]["schemas"];
    assert_eq!(
        schemas["AaaMe"]["required"],
        json!(["__typename", "id", "name"]),
        "the email may be left out"
    );
    assert_eq!(
        schemas["BbbViewer"]["required"],
        json!(["__typename", "email"]),
        "without it there is no viewer"
    );
    assert_eq!(schemas["BbbData"]["required"], json!([]));
    assert!(schemas["SignupInput"]["properties"]["email"].is_object(), "an input keeps its name: {schemas}");
    let paths = described["paths"].as_object().unwrap().values();
    let ids: Vec<_> = paths
        .flat_map(|path| path.as_object().unwrap().values())
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_limits_of_documents_do_not_apply_to_built_in_operations() {
    let settings = ["ALIASES", "FRAGMENTS", "DIRECTIVES"].map(|limit| (format!("GRAPHQL_MAX_{limit}"), "0"));
    let mut settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    settings.extend([("GRAPHQL_MAX_DEPTH", "2"), ("GRAPHQL_MAX_FIELDS", "2"), ("GRAPHQL_MAX_BYTES", "1024")]);
    let app = TestApp::with(Sqlite, &settings).await;
    for _ in 0..2 {
        let refused = post(&app, "activateAccount", json!({ "token": "x" }), "").await;
        assert_eq!(outcome(&refused)["code"], "INVALID_TOKEN", "{}", refused.text);
    }
    let other = app.run("{ a: __typename }", json!({})).await;
    assert_eq!(other.code(), "LIMIT_EXCEEDED", "{}", other.text);
}

/// Returns every `$ref` in a value.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value {
                Value::String(text) if name == "$ref" => vec![text.as_str()],
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}
