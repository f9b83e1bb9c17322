//! The playground: its pages as the server delivers them, and each of its operations against a real server.

use std::{collections::BTreeSet, fs};

use gatehouse::{
    clock::Clock,
    config::ProviderKind,
    fake_provider::FakeProvider,
    graphql::guard::policy::{Access, POLICIES},
    secrets::SecretKey,
};
use reqwest::StatusCode;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::support::{
    Answer, Database, PASSWORD, Postgres, Sqlite, TestApp,
    database::connect,
    node::{node, text},
    process::{Server, gatehouse, output},
};

const OPERATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playground/operations");

/// Operations that need verification by link; all others use codes.
const BY_LINK: [&str; 2] = ["activateAccount", "resendActivationEmail"];

/// An operation that needs a change that the owner can undo.
const UNDO: &str = "revertSecurityChange";

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http.get(format!("{}{path}", app.url)).header("accept", "text/html")).await
}

/// Returns the root fields that have an operation file.
pub(crate) fn operations() -> Vec<String> {
    let files =
        fs::read_dir(OPERATIONS).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let named = files.filter_map(|file| Some(file.strip_suffix(".graphql")?.split_once('-')?.1.to_owned()));
    named.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_and_root_fields_correspond() {
    let app = TestApp::start(Sqlite).await;
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } \
                 subscriptionType { fields { name } } } }";
    let schema = app.run(query, Value::Null).await.data("__schema");
    let fields = |root: &str| schema[root]["fields"].as_array().cloned().unwrap_or_default();
    let fields = ["queryType", "mutationType", "subscriptionType"].into_iter().flat_map(fields);
    let fields: BTreeSet<String> = fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(operations().into_iter().collect::<BTreeSet<_>>(), fields);
}

#[test]
fn operations_that_require_a_session_say_so() {
    for field in operations() {
        let file = fs::read_dir(OPERATIONS).unwrap().map(|file| file.unwrap().path());
        let path = file
            .into_iter()
            .find(|path| path.to_str().unwrap().ends_with(&format!("-{field}.graphql")))
            .unwrap();
        let says_so = fs::read_to_string(path).unwrap().lines().any(|line| line == "# Requires a session.");
        let access = POLICIES.iter().find(|policy| policy.field == field).unwrap().access;
        assert_eq!(says_so, access != Access::Anybody, "{field}");
    }
}

/// A server with a superuser, to run operations on.
struct Visited {
    server: Server,
    database: String,
    _google: FakeProvider,
    _folder: tempfile::TempDir,
}

async fn visited(database: Database, settings: &[(&str, &str)]) -> Visited {
    let (folder, fake_provider) = (
        tempfile::tempdir().unwrap(),
        FakeProvider::start(ProviderKind::Google, &Clock::default()).await.unwrap(),
    );
    let google = &fake_provider;
    let (url, google) = (database.create(folder.path()).await, google.settings());
    let mut all = vec![("DATABASE_URL", url.as_str()), ("RESEND_COOLDOWN", "1s"), ("RATE_LIMITS", "off")];
    all.extend(google.iter().map(|(name, value)| (*name, value.as_str())));
    all.extend_from_slice(settings);
    let create = ["create-superuser", "--email", "root@example.org", "--password-stdin"];
    let created = output(gatehouse(folder.path(), &create, &all), &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", text(&created.stderr));
    let (server, _) = Server::start(folder.path(), &["dev"], &all).await;
    Visited { server, database: url, _google: fake_provider, _folder: folder }
}

impl Visited {
    /// Runs operations, with placeholders filled in by the playground's own code, and checks that each succeeded.
    fn run(&self, names: &[&str]) {
        let ran =
            node(&[&["operations.mjs", &self.server.url, "root@example.org", PASSWORD][..], names].concat());
        assert!(ran.status.success(), "{}{}", text(&ran.stdout), text(&ran.stderr));
        let ran: BTreeSet<String> = text(&ran.stdout).lines().map(ToOwned::to_owned).collect();
        assert_eq!(ran, names.iter().map(ToString::to_string).collect());
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_tab_can_be_run_without_typing(#[values(Sqlite, Postgres)] database: Database) {
    let all = operations();
    let is_by_code = |name: &&str| !BY_LINK.contains(name) && *name != UNDO;
    let by_code: Vec<&str> = all.iter().map(String::as_str).filter(is_by_code).collect();
    visited(database, &[]).await.run(&by_code);

    let by_link = visited(database, &[("EMAIL_VERIFICATION_METHOD", "link")]).await;
    by_link.run(&["signup", BY_LINK[0], BY_LINK[1]]);

    // only an address verified at least three days before a change gets a link to undo it
    let later = visited(database, &[]).await;
    later.run(&["signup", "verifyOtp"]);
    let rows = connect(&later.database).await;
    rows.execute_unprepared("UPDATE users SET email_verified_at = 1").await.unwrap();
    later.run(&["changePassword", UNDO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_loads_only_its_own_files_and_cannot_be_framed() {
    let app = TestApp::start(Sqlite).await;
    let page = get(&app, "/").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy").to_owned();
    for part in ["default-src 'none'", "script-src 'self';", "connect-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("eval") && !policy.contains("http"), "{policy}");
    assert!(!page.text.contains("<script>") && !page.text.contains("http://1"), "{}", page.text);
    for (name, value) in [
        ("cache-control", "no-store"),
        ("content-type", "text/html; charset=utf-8"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("vary", "accept"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let files = playground::paths().filter(|path| path.starts_with("assets/"));
    for path in files {
        let file = app.http.get(format!("{}/playground/{path}", app.url)).send().await.unwrap();
        assert_eq!(file.status(), StatusCode::OK, "{path}");
        let header = |name: &str| file.headers()[name].to_str().unwrap();
        assert_eq!(header("cache-control"), "public, max-age=31536000, immutable");
        assert_eq!(header("content-encoding"), "gzip");
        assert_ne!(header("content-type"), "application/octet-stream", "{path}");
    }
    for path in ["graphiql/index.html", "assets/none.js", "../Cargo.toml", "assets/..%2f..%2fCargo.toml"] {
        let refused = get(&app, &format!("/playground/{path}")).await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{path}");
    }
}

/// The editor bundles an outdated copy of the sanitizer.
#[tokio::test(flavor = "multi_thread")]
async fn the_editor_sanitizes_with_the_pinned_version_and_not_its_own_copy() {
    let app = TestApp::start(Sqlite).await;
    let named: Value = serde_json::from_str(include_str!("../../playground/package.json")).unwrap();
    let named = named["dependencies"]["dompurify"].as_str().unwrap();
    let copy = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/playground/node_modules/monaco-editor/esm/vs/base/browser/dompurify/dompurify.js"
    );
    let copy = fs::read_to_string(copy).unwrap();
    let copied = copy.split("DOMPurify.version = '").nth(1).unwrap().split('\'').next().unwrap();
    let scripts = playground::paths().filter(|path| path.rsplit('.').next() == Some("js"));
    let urls: Vec<String> = scripts.map(|path| format!("{}/playground/{path}", app.url)).collect();
    // finds `e.version = "3.5.0"`, also when minified
    let read = "for (const url of process.argv.slice(1)) {
        const script = await (await fetch(url)).text();
        for (const [, version] of script.matchAll(/\\.version=.(\\d+\\.\\d+\\.\\d+)/g)) console.log(version);
    }";
    let arguments: Vec<&str> = ["--input-type=module", "-e", read, "--"]
        .into_iter()
        .chain(urls.iter().map(String::as_str))
        .collect();
    let read = node(&arguments);
    assert!(read.status.success(), "{}", text(&read.stderr));
    let versions = text(&read.stdout);
    assert!(versions.lines().any(|version| version == named), "{named}: {versions}");
    assert!(versions.lines().all(|version| version != copied), "{copied}: {versions}");
}

#[rstest]
#[case(&[], &["Playground", "GraphQL", "Mailbox", "Keys", "Demo", "Docs"])]
#[case(&[("SMTP_URL", "smtp://127.0.0.1:9"), ("EMAIL_FROM", "accounts@example.org")], &["Playground", "GraphQL", "Keys", "Demo", "Docs"])]
#[case(&[("GOOGLE_CLIENT_ID", "gatehouse"), ("GOOGLE_CLIENT_SECRET", "secret")], &["Playground", "GraphQL", "Mailbox", "Keys", "Google", "Demo", "Docs"])]
#[tokio::test(flavor = "multi_thread")]
async fn clients_that_are_not_browsers_get_addresses_that_exist(
    #[case] settings: &[(&str, &str)],
    #[case] expected: &[&str],
) {
    let app = TestApp::with(Sqlite, settings).await;
    let told = Answer::of(app.http.get(&app.url)).await.text;
    let addresses = told.lines().filter_map(|line| line.strip_prefix("  ")?.split_once("  http://"));
    let mut names = Vec::new();
    for (name, address) in addresses {
        names.push(name.trim_end());
        let (_, path) = address.split_once('/').unwrap();
        let page = get(&app, &format!("/{path}")).await;
        assert_ne!(page.status, StatusCode::NOT_FOUND, "{address}");
    }
    assert_eq!(names, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_serves_the_playground_if_enabled_and_development_unless_disabled() {
    let app = TestApp::with(Sqlite, &[("PLAYGROUND", "off")]).await;
    assert_eq!(get(&app, "/").await.status, StatusCode::NOT_FOUND);
    app.run("{ __schema { queryType { name } } }", Value::Null).await.data("__schema");

    for (switch, introspection, page, is_told) in
        [("", "", 404, false), ("on", "", 200, true), ("on", "off", 200, false), ("off", "on", 404, true)]
    {
        let folder = tempfile::tempdir().unwrap();
        let secret = SecretKey::generate().1;
        let settings = [
            ("SECRET_KEY", secret.as_str()),
            ("DATABASE_URL", "sqlite://accounts.db"),
            ("PUBLIC_URL", "http://127.0.0.1"),
            ("SMTP_URL", "smtp://127.0.0.1:9"),
            ("EMAIL_FROM", "accounts@example.org"),
            ("PLAYGROUND", switch),
            ("INTROSPECTION", introspection),
        ];
        let (server, _) = Server::start(folder.path(), &["serve", "--migrate"], &settings).await;
        let http = reqwest::Client::new();
        let shown = http.get(&server.url).send().await.unwrap();
        assert_eq!(shown.status().as_u16(), page);
        let docs = http.get(format!("{}/docs", server.url)).send().await.unwrap();
        assert_eq!(docs.status().as_u16(), page);
        let shown = shown.text().await.unwrap();
        assert!(!shown.contains("data-mailbox"), "production has no mailbox");
        assert_eq!(shown.contains("data-introspection"), page == 200 && is_told);
        let schema = server.run(&http, "{ __schema { queryType { name } } }").await.unwrap();
        assert_eq!(schema.get("errors").is_none(), is_told, "{schema}");
    }
}
