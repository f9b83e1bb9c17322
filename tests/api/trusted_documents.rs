//! Trusted documents: clients may send their IDs, and with `TRUSTED_DOCUMENTS` no others run.

use std::{fs, path::Path};

use rstest::rstest;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    cli::{run, text},
    support::{
        Answer, Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp,
        demo::{NEW, Visit},
        node::{self, browse, node},
        socket::FOLLOW,
    },
};

const ME: &str = "query Me { me { email } }";
const LOGIN: &str =
    "mutation Login($input: LoginInput!) { login(input: $input) { ... on AuthPayload { accessToken } } }";
const EVENTS: &str = "subscription Events { sessionEvents { kind sessionId } }";

/// Returns a folder with a manifest of each format.
fn manifests() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let apollo = json!({ "format": "apollo-persisted-query-manifest", "version": 1, "operations": [
        { "id": "apollo-1", "name": "Me", "type": "query", "body": ME },
        { "id": "apollo-2", "name": "Events", "type": "subscription", "body": EVENTS },
    ] });
    write(&folder, "1.json", &format!("\u{feff}{apollo}\r\n"));
    write(&folder, "2.json", &json!({ "relay-1": LOGIN }).to_string());
    write(&folder, "readme.txt", "not a manifest");
    folder
}

fn write(folder: &TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

async fn only_trusted(database: Database, folder: &TempDir) -> TestApp {
    TestApp::with(database, &[("TRUSTED_DOCUMENTS", folder.path().to_str().unwrap())]).await
}

async fn send(app: &TestApp, body: Value, token: &str) -> Answer {
    let request = app.post().header("accept", "application/graphql-response+json").json(&body);
    Answer::of(if token.is_empty() { request } else { request.bearer_auth(token) }).await
}

fn login() -> Value {
    json!({ "input": { "identifier": EMAIL, "password": PASSWORD } })
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_documents_of_the_manifests_run(#[values(Sqlite, Postgres)] database: Database) {
    let folder = manifests();
    let app = only_trusted(database, &folder).await;
    let open = app.another(&[("TRUSTED_DOCUMENTS", "")]).await;
    open.sign_up(EMAIL).await;
    let signed_in = send(&app, json!({ "query": LOGIN, "variables": login() }), "").await;
    let token = signed_in.body["data"]["login"]["accessToken"].as_str().unwrap().to_owned();
    for (what, body) in [
        ("the text", json!({ "query": ME })),
        ("other whitespace", json!({ "query": "query Me{me{email}} # of our app" })),
        (
            "an ID of Apollo's",
            json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "apollo-1" } } }),
        ),
        ("an ID of the specification", json!({ "documentId": "apollo-1" })),
        ("an ID of Relay's", json!({ "doc_id": "apollo-1", "query": null })),
        ("another", json!({ "id": "apollo-1", "operationName": "Me" })),
        (
            "an ID beside no hash",
            json!({ "extensions": { "persistedQuery": { "version": 1 } }, "documentId": null, "id": "apollo-1" }),
        ),
    ] {
        let answer = send(&app, body, &token).await;
        assert_eq!(answer.body["data"]["me"]["email"], EMAIL, "{what}: {}", answer.text);
    }
    let signed_in = send(&app, json!({ "documentId": "relay-1", "variables": login() }), "").await;
    assert!(signed_in.body["data"]["login"]["accessToken"].is_string(), "{}", signed_in.text);

    for (what, body) in [
        ("another field", json!({ "query": "query Me { me { email id } }" })),
        ("another name", json!({ "query": "query You { me { email } }" })),
        (
            "another argument",
            json!({ "query": LOGIN.replace("$input)", "$input) @skip(if: true)"), "variables": login() }),
        ),
        ("a part", json!({ "query": "{ __typename }" })),
        ("introspection", json!({ "query": "{ __schema { types { name } } }" })),
        (
            "an additional operation",
            json!({ "query": format!("{ME} query Other {{ viewer {{ id }} }}"), "operationName": "Me" }),
        ),
        ("an unknown ID", json!({ "documentId": "apollo-9" })),
        (
            "an unknown hash",
            json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": "0" } } }),
        ),
        ("no hash", json!({ "extensions": { "persistedQuery": {} } })),
    ] {
        let answer = send(&app, body, &token).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (400, "DOCUMENT_NOT_TRUSTED"),
            "{what}: {}",
            answer.text
        );
    }
    let malformed = send(&app, json!({ "query": "{" }), &token).await;
    assert_eq!(malformed.code(), "BAD_REQUEST");
    let refused = send(&app, json!({ "documentId": "apollo-1" }), "").await;
    assert_eq!(
        (refused.status.as_u16(), refused.code()),
        (401, "UNAUTHENTICATED"),
        "the guard still applies"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_can_be_sent_by_get_and_over_both_transports_of_subscriptions() {
    let folder = manifests();
    let app = only_trusted(Sqlite, &folder).await;
    let open = app.another(&[("TRUSTED_DOCUMENTS", "")]).await;
    let ada = open.sign_up(EMAIL).await;
    let get =
        |query: &str| app.http.get(format!("{}/graphql?{query}", app.url)).bearer_auth(&ada.access_token);
    for query in [
        "documentId=apollo-1",
        "extensions=%7B%22persistedQuery%22%3A%7B%22sha256Hash%22%3A%22apollo-1%22%7D%7D",
    ] {
        let answer = Answer::of(get(query)).await;
        assert_eq!(answer.body["data"]["me"]["email"], EMAIL, "{}", answer.text);
    }
    assert_eq!(Answer::of(get("documentId=relay-1")).await.status, 405, "a mutation");

    let events = json!({ "documentId": "apollo-2" });
    let stream = app.post().bearer_auth(&ada.access_token).header("accept", "text/event-stream");
    let stream = stream.json(&events).send().await.unwrap();
    assert_eq!(
        (stream.status().as_u16(), &stream.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let untrusted = app.post().bearer_auth(&ada.access_token).header("accept", "text/event-stream");
    let untrusted = Answer::of(untrusted.json(&json!({ "query": FOLLOW }))).await;
    assert_eq!(untrusted.code(), "DOCUMENT_NOT_TRUSTED", "{}", untrusted.text);

    let mut socket = app.socket(&ada.access_token).await;
    socket.say(json!({ "type": "subscribe", "id": "1", "payload": { "query": FOLLOW } })).await;
    let refused = socket.hear().await;
    assert_eq!(refused["payload"][0]["extensions"]["code"], "DOCUMENT_NOT_TRUSTED", "{refused}");
    socket.say(json!({ "type": "subscribe", "id": "2", "payload": events })).await;
    socket.say(json!({ "type": "ping" })).await;
    assert_eq!(socket.hear().await["type"], "pong", "the subscription is not refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_every_document_runs_and_known_ids_work() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let manifest: Value =
        serde_json::from_str(include_str!("../../playground/client/trusted-documents.json")).unwrap();
    let me = manifest["operations"]
        .as_array()
        .unwrap()
        .iter()
        .find(|operation| operation["name"] == "me")
        .unwrap();
    for id in [me["id"].as_str().unwrap().to_owned(), format!("sha256:{}", me["id"].as_str().unwrap())] {
        let answer = send(&app, json!({ "documentId": id }), &ada.access_token).await;
        assert_eq!(answer.body["data"]["answer"]["email"], EMAIL, "{}", answer.text);
    }
    let unknown = send(&app, json!({ "documentId": "0" }), &ada.access_token).await;
    assert_eq!((unknown.status.as_u16(), unknown.code()), (200, "PERSISTED_QUERY_NOT_SUPPORTED"));
    assert_eq!(unknown.body["errors"][0]["message"], "PersistedQueryNotSupported");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_and_the_emailed_links_work_with_trusted_documents() {
    let folder = manifests();
    let mut visit = Visit::of(only_trusted(Sqlite, &folder).await);
    visit.tab_to("Sign up");
    visit.enter();
    visit.sees("Sign up");
    visit.fill("Email address", EMAIL);
    visit.fill("Password", PASSWORD);
    visit.enter();
    visit.sees("Check your email");
    let code = visit.app.code(EMAIL).await;
    visit.fill("8-digit code", &code);
    visit.enter();
    visit.sees("Profile");

    let app = &visit.app;
    let page = format!("{}/reset-password", app.url);
    browse(&json!([["open", page], ["press", "Tab"], ["type", EMAIL], ["press", "Enter"], ["read"]]));
    let link = app.link(EMAIL).await;
    let steps = json!([["open", link], ["press", "Tab"], ["type", NEW], ["press", "Enter"], ["read"]]);
    assert_eq!(browse(&steps)["reads"][0]["title"], "Your new password is set");
    let variables = json!({ "input": { "identifier": EMAIL, "password": NEW } });
    let signed_in = send(app, json!({ "documentId": "relay-1", "variables": variables }), "").await;
    assert!(signed_in.body["data"]["login"]["accessToken"].is_string(), "{}", signed_in.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn apollo_client_sends_the_ids_of_its_manifest() {
    let folder = tempfile::tempdir().unwrap();
    let made = node(&["persisted.mjs", "manifest"]);
    assert!(made.status.success(), "{}", node::text(&made.stderr));
    write(&folder, "apollo.json", &node::text(&made.stdout));
    let app = only_trusted(Sqlite, &folder).await;
    let url = format!("{}/graphql", app.url);
    let ran = tokio::task::spawn_blocking(move || node(&["persisted.mjs", "run", &url])).await.unwrap();
    assert!(ran.status.success(), "{}", node::text(&ran.stderr));
    let seen: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(seen, json!({ "signup": "AuthPayload", "viewer": "apollo@example.org", "texts": 0 }));
}

#[test]
fn the_server_names_every_problem_in_the_manifests() {
    let start = |folder: &Path, documents: &Path| {
        let refused =
            run(folder, &["dev"], &[("TRUSTED_DOCUMENTS", documents.to_str().unwrap()), ("PORT", "0")]);
        assert_eq!(refused.status.code(), Some(1));
        text(&refused.stderr).to_owned()
    };
    let work = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    assert!(start(work.path(), folder.path()).contains("contains no manifest (*.json)"));
    assert!(start(work.path(), &folder.path().join("missing")).contains("cannot be read"));
    for (name, manifest) in [
        ("a.json", "{"),
        ("b.json", r#"{"1": "{ a"}"#),
        ("c.json", r#"{"1": "{ viewer { id } }"}"#),
        ("d.json", r#"{"1": "query A { viewer { id } }", "2": "query A { viewer { email } }"}"#),
        ("e.json", r#"{"1": "query B { viewer { name } }"}"#),
        (
            "f.json",
            &format!(
                r#"{{"5": "query F {{ a{}{} }}"}}"#,
                "(a:[".to_owned() + &"[".repeat(5000),
                "]".repeat(5001) + ")"
            ),
        ),
    ] {
        write(&folder, name, manifest);
    }
    let said = start(work.path(), folder.path());
    for problem in [
        "a.json: not a JSON object",
        "b.json: document 1: ",
        "c.json: document 1: the operation has no name",
        "d.json: document 2: another document in the file has the name A",
        "e.json: document 1: another document has the same ID",
        "f.json: document 5: More than 64 levels of brackets",
    ] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    let folder = tempfile::tempdir().unwrap();
    write(
        &folder,
        "a.json",
        r#"{"1": "query A { viewer { shoeSize } }", "2": "query B { viewer { id ...F } }"}"#,
    );
    let said = start(work.path(), folder.path());
    assert!(said.contains("shoeSize") && said.contains("fragment"), "{said}");
}
