//! The playground: its pages as they are served, each of its operations against a real server, and a newcomer's first
//! minutes in a real browser.

use std::{collections::BTreeSet, fs};

use gatehouse::{clock::Clock, fake_google::FakeGoogle, secrets::SecretKey};
use reqwest::StatusCode;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::Value;

use crate::support::{
    Answer, Database, NO_VERIFICATION, PASSWORD, Postgres, Sqlite, TestApp,
    database::connect,
    node::{in_browser, node, text},
    process::{Server, gatehouse, output},
};

const OPERATIONS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playground/operations");

/// These prove an address by link, where the others do by code.
const BY_LINK: [&str; 2] = ["activateAccount", "resendActivationEmail"];

/// Needs a change that its owner can undo.
const UNDO: &str = "revertSecurityChange";

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http.get(format!("{}{path}", app.url)).header("accept", "text/html")).await
}

/// The root fields that have an operation file.
fn operations() -> Vec<String> {
    let files =
        fs::read_dir(OPERATIONS).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let named = files.filter_map(|file| Some(file.strip_suffix(".graphql")?.split_once('-')?.1.to_owned()));
    named.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_root_field_has_an_operation_and_every_operation_a_root_field() {
    let app = TestApp::start(Sqlite).await;
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } \
                 subscriptionType { fields { name } } } }";
    let schema = app.run(query, Value::Null).await.data("__schema");
    let fields = |root: &str| schema[root]["fields"].as_array().cloned().unwrap_or_default();
    let fields = ["queryType", "mutationType", "subscriptionType"].into_iter().flat_map(fields);
    let fields: BTreeSet<String> = fields.map(|field| field["name"].as_str().unwrap().to_owned()).collect();
    assert_eq!(operations().into_iter().collect::<BTreeSet<_>>(), fields);
}

/// A server with a superuser, to run operations on.
struct Visited {
    server: Server,
    database: String,
    _google: FakeGoogle,
    _folder: tempfile::TempDir,
}

async fn visited(database: Database, settings: &[(&str, &str)]) -> Visited {
    let (folder, fake_google) =
        (tempfile::tempdir().unwrap(), FakeGoogle::start(&Clock::default()).await.unwrap());
    let google = &fake_google;
    let (url, google) = (database.create(folder.path()).await, google.settings());
    let mut all = vec![("DATABASE_URL", url.as_str()), ("RESEND_COOLDOWN", "1s"), ("RATE_LIMITS", "off")];
    all.extend(google.iter().map(|(name, value)| (*name, value.as_str())));
    all.extend_from_slice(settings);
    let create = ["create-superuser", "--email", "root@example.org", "--password-stdin"];
    let created = output(gatehouse(folder.path(), &create, &all), &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", text(&created.stderr));
    let (server, _) = Server::start(folder.path(), &["dev"], &all).await;
    Visited { server, database: url, _google: fake_google, _folder: folder }
}

impl Visited {
    /// Runs operations, all of them filled in by the playground's own code, and checks that each came to what it is for.
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
async fn whoever_goes_through_the_tabs_types_nothing(#[values(Sqlite, Postgres)] database: Database) {
    let all = operations();
    let is_by_code = |name: &&str| !BY_LINK.contains(name) && *name != UNDO;
    let by_code: Vec<&str> = all.iter().map(String::as_str).filter(is_by_code).collect();
    visited(database, &[]).await.run(&by_code);

    let by_link = visited(database, &[("EMAIL_VERIFICATION_METHOD", "link")]).await;
    by_link.run(&["signup", BY_LINK[0], BY_LINK[1]]);

    // only an address that was proven three days before a change is told how to undo it
    let later = visited(database, &[]).await;
    later.run(&["signup", "verifyOtp"]);
    let rows = connect(&later.database).await;
    rows.execute_unprepared("UPDATE users SET email_verified_at = 1").await.unwrap();
    later.run(&["changePassword", UNDO]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_offline_signs_up_reads_the_code_proves_the_address_and_is_told_what_to_do_next() {
    let (folder, shots) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    let seen = in_browser("playground.mjs", &[&server.url, shots.path().to_str().unwrap()]);
    let holds = |what: &str, text: &str| {
        assert!(seen[what].as_str().is_some_and(|seen| seen.contains(text)), "{what}: {}", seen[what]);
    };

    assert_eq!(seen["elsewhere"], Value::Array(Vec::new()), "nothing leaves this machine");
    for complaint in seen["complaints"].as_array().unwrap() {
        // a browser complains of the two refusals that were asked for
        assert!(
            complaint
                .as_str()
                .unwrap()
                .starts_with("Failed to load resource: the server responded with a status of 40"),
            "{complaint}"
        );
    }
    assert_eq!(seen["faults"], Value::Array(Vec::new()), "axe finds nothing serious");
    assert_eq!(seen["tabs"].as_array().unwrap().len(), operations().len());
    holds("header", "Authorization: Bearer eyJ");
    assert_eq!(seen["unread"], "", "who has been to the mailbox has read it");
    holds("me", "\"emailVerified\": true");
    holds("proven", "\"PASSWORD\"");
    holds("afterProof", "\"__typename\": \"User\"");
    holds("completion", "emailVerified");
    holds("hover", "Whether the owner of the account has proven that the address is theirs");
    holds("limit", "GRAPHQL_MAX_ROOT_FIELDS");
    holds("unauthenticated", "Login signs in");
    assert_eq!(seen["byKeyboard"], "VerifyOtp");
    assert_eq!(seen["width"], 360, "nothing is wider than a phone");

    // a name that is a page is a name
    holds("me", "<img src=x onerror=");
    holds("mail", "<img src=x onerror=");
    holds("mailText", "<img src=x onerror=");
    assert_eq!(seen["titles"], serde_json::json!(["Mailbox · Gatehouse", "Playground · Gatehouse"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_loads_what_is_its_own_and_no_other_site_has_a_hold_on_it() {
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

/// The editor carries a copy of the sanitizer that nobody has mended for years.
#[tokio::test(flavor = "multi_thread")]
async fn its_editor_sanitizes_by_the_version_that_is_named_and_not_by_its_own_copy() {
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
    // as `e.version = "3.5.0"`, however that is minified
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
async fn whoever_is_no_browser_is_told_addresses_that_exist(
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
async fn production_has_it_where_it_is_switched_on_and_development_where_it_is_not_switched_off() {
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
        assert!(!shown.contains("data-mailbox"), "there is none");
        assert_eq!(shown.contains("data-introspection"), page == 200 && is_told);
        let schema = server.run(&http, "{ __schema { queryType { name } } }").await.unwrap();
        assert_eq!(schema.get("errors").is_none(), is_told, "{schema}");
    }
}

/// What the way through the tabs leaves out: see `playground/graphiql/operations.js`.
const LEFT_OUT: [&str; 8] = [
    "RevertSecurityChange",
    "StartGoogleLogin",
    "GoogleLogin",
    "LinkGoogle",
    "UnlinkGoogle",
    "Users",
    "SetUserRole",
    "SetUserActive",
];

/// The way of a newcomer who always presses the first button: what was run, what it came to, and what was said then.
fn obey(server: &Server, arguments: &[&str]) -> Vec<(String, String, String)> {
    let way = in_browser("newcomer.mjs", &[&[server.url.as_str()], arguments].concat());
    serde_json::from_value(way).unwrap()
}

fn has_succeeded((_, answer, said): &(String, String, String)) -> bool {
    // what listens has no answer yet
    !answer.contains("errors")
        && !answer.contains("UserError")
        && (!answer.is_empty() || said.contains("Listening"))
}

#[rstest]
#[case::by_code(&[])]
#[case::proven_before(&[("EMAIL_VERIFICATION", "mandatory")])]
#[case::unproven(&[NO_VERIFICATION])]
#[case::by_link(&[("EMAIL_VERIFICATION_METHOD", "link")])]
#[case::only_by_link(&[("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")])]
#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_who_always_presses_the_first_button_sees_everything_succeed(
    #[case] settings: &[(&str, &str)],
) {
    let (folder, all) = (tempfile::tempdir().unwrap(), operations());
    let (server, _) = Server::start(folder.path(), &[], settings).await;
    let is_by_link = settings.contains(&("EMAIL_VERIFICATION_METHOD", "link"));
    let is_unproven = settings.contains(&NO_VERIFICATION);
    // and so on the next day, in another tab
    for day in ["the first day", "the second day"] {
        let way = obey(&server, &[]);
        for step in &way {
            assert!(has_succeeded(step), "{day}: {step:?} in {way:#?}");
        }
        let seen: BTreeSet<&str> = way.iter().map(|(name, ..)| name.as_str()).collect();
        let expected: Vec<String> = all.iter().map(|name| name[..1].to_uppercase() + &name[1..]).collect();
        let way_to_prove = |name: &&str| match *name {
            "ActivateAccount" | "ResendActivationEmail" => is_by_link,
            "ResendOtp" => !is_by_link && !is_unproven,
            _ => !LEFT_OUT.contains(name),
        };
        let expected = expected.iter().map(String::as_str).filter(way_to_prove).collect();
        assert_eq!(seen, expected, "{day}");
        assert!(way.last().unwrap().2.contains("You have run all other operations."), "{day}");
        let said: String = way.iter().map(|(.., said)| said.as_str()).collect();
        for name in ["RevertSecurityChange", "EMAIL_VERIFICATION_METHOD", "Google", "SetUserRole"] {
            assert!(said.contains(name), "{day}: nothing was said of {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_begins_in_the_middle_gets_to_what_they_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    for (first, refusal) in [
        ("Me", "UNAUTHENTICATED"),
        ("SessionEvents", "UNAUTHENTICATED"),
        ("Login", "INVALID_CREDENTIALS"),
        ("Refresh", "<refreshToken>"),
        ("VerifyOtp", "<code>"),
        ("ResetPassword", "<resetToken>"),
        ("Reauthenticate", "<reauthenticationId>"),
        ("RevokeSession", "<otherSessionId>"),
        ("UpdateProfile", "UNAUTHENTICATED"),
    ] {
        let way = obey(&server, &[first, "9"]);
        assert!(way[0].1.contains(refusal), "{first}: {way:#?}");
        let later = &way[1..];
        assert!(later.iter().all(has_succeeded), "{first}: {way:#?}");
        assert!(later.iter().any(|(name, ..)| name == first), "{first}: {way:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_in_words_what_is_missing_or_broken() {
    let (folder, shots) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    let seen = in_browser("playground_faults.mjs", &[&server.url, shots.path().to_str().unwrap()]);
    for (what, texts) in [
        ("/signedOut", &["Sign in first"][..]),
        ("/missing", &["Not sent", "<otherSessionId>"]),
        ("/variables/0", &["Not sent", "<code>"]),
        ("/variables/1", &["Not sent", "<code>"]),
        ("/variables/2", &["Not sent", "<whatever>"]),
        ("/literal", &["Not sent", "<code>"]),
        ("/unreachable", &["The server does not respond"]),
        ("/html", &["The server responded with status 502"]),
        ("/going/0", &["The connection was closed (1001)"]),
        ("/broken/0", &["The connection was closed (1011 oops)"]),
        ("/expired/0", &["has expired"]),
        ("/expired/1", &["Refresh"]),
        ("/ended/1", &["Login"]),
        ("/noSocket", &["Cannot connect by WebSocket"]),
    ] {
        let said = seen.pointer(what).and_then(Value::as_str).unwrap_or_else(|| panic!("{what}: {seen}"));
        assert!(texts.iter().all(|text| said.contains(text)), "{what}: {said}");
        assert!(!said.contains("isTrusted"), "{what}: {said}");
    }
    assert_eq!(seen["sent"], serde_json::json!([]), "no placeholder is sent");
    assert_eq!(seen["guide"], serde_json::json!([1]), "a command stays on one line");
    let lines = seen["command"].as_array().unwrap();
    assert!(lines.iter().any(|line| line.as_str().unwrap().contains("create-superuser")), "{lines:?}");
    for contrast in seen["contrast"].as_array().unwrap() {
        assert!(contrast.as_f64().unwrap() >= 4.5, "{contrast} to 1");
    }
}
