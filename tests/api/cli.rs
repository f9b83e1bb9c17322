//! The command line, as operators use it.

use std::{path::Path, process::Output, time::Duration};

use gatehouse::secrets::SecretKey;
use rstest::rstest;
use serde_json::json;

use crate::support::{
    Database, PASSWORD, Postgres, Sqlite, TestApp,
    process::{Server, free_port, gatehouse, output},
};

pub(crate) fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Output {
    output(gatehouse(folder, arguments, settings), "")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_command_has_help() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(folder.path(), &["--help"], &[]);
    for command in [
        "dev",
        "serve",
        "migrate",
        "create-superuser",
        "import-users",
        "mail",
        "backup",
        "check",
        "schema",
        "config",
        "secret",
    ] {
        assert!(text(&help.stdout).contains(command));
        assert!(run(folder.path(), &[command, "--help"], &[]).status.success(), "{command}");
    }
    assert!(text(&run(folder.path(), &["--version"], &[]).stdout).starts_with("gatehouse "));
}

#[test]
fn secret_prints_a_new_key_each_time_and_serve_accepts_it() {
    let folder = tempfile::tempdir().unwrap();
    let [one, other] = [(); 2].map(|()| text(&run(folder.path(), &["secret"], &[]).stdout).trim().to_owned());
    assert_ne!(one, other);
    SecretKey::parse(&one).unwrap();
}

#[test]
fn serve_refuses_invalid_settings_and_names_all_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), &["serve"], &[("SECRET_KEY", "changeme"), ("PORT", "99999")]);
    assert_eq!(refused.status.code(), Some(1));
    for name in ["SECRET_KEY", "DATABASE_URL is missing", "PUBLIC_URL is missing", "PORT", "gatehouse secret"]
    {
        assert!(text(&refused.stderr).contains(name), "{name}: {}", text(&refused.stderr));
    }
}

#[test]
fn config_prints_the_value_and_the_source_of_each_setting() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), "PORT=8001\nOTP_LENGTH=8\n").unwrap();
    let printed = run(folder.path(), &["config"], &[("PORT", "8002")]);
    let printed = text(&printed.stdout);
    let line = |name: &str| {
        printed.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect()
    };
    let (port, otp, host, secret): (Vec<_>, Vec<_>, Vec<_>, Vec<_>) =
        (line("PORT "), line("OTP_LENGTH "), line("HOST "), line("SECRET_KEY "));
    assert_eq!(port, ["PORT", "environment", "8002"]);
    assert_eq!(otp, ["OTP_LENGTH", ".env", "8"]);
    assert_eq!(host, ["HOST", "default", "127.0.0.1"]);
    assert_eq!(secret, ["SECRET_KEY", "default", "(hidden)", "(required", "by", "serve)"]);
    assert_eq!(line("PLAYGROUND ") as Vec<_>, ["PLAYGROUND", "default", "on", "(serve:", "off)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_migrates_creates_a_superuser_and_serves() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let public_url = format!("http://127.0.0.1:{port}");
    let secret = SecretKey::generate().1;
    let settings = [
        ("SECRET_KEY", secret.as_str()),
        ("DATABASE_URL", "sqlite://accounts.db"),
        ("PUBLIC_URL", public_url.as_str()),
        ("SMTP_URL", "smtp://127.0.0.1:9"),
        ("EMAIL_FROM", "accounts@example.org"),
        ("ARGON2_ITERATIONS", "1"),
    ];
    let early = run(folder.path(), &["serve"], &settings);
    assert!(text(&early.stderr).contains("gatehouse migrate"), "{}", text(&early.stderr));

    let superuser = run(folder.path(), &["create-superuser", "--username", "root"], &settings);
    assert!(text(&superuser.stderr).contains("gatehouse migrate"), "{}", text(&superuser.stderr));
    let status = run(folder.path(), &["migrate", "--status"], &settings);
    assert!(text(&status.stdout).lines().all(|line| line.starts_with("pending")));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no files were created so far");
    assert!(run(folder.path(), &["migrate"], &settings).status.success());
    let status = run(folder.path(), &["migrate", "--status"], &settings);
    assert!(text(&status.stdout).lines().all(|line| line.starts_with("applied")));
    assert_eq!(text(&run(folder.path(), &["migrate"], &settings).stdout), "");

    let create =
        ["create-superuser", "--email", "root@example.org", "--username", "root", "--password-stdin"];
    let weak = output(gatehouse(folder.path(), &create, &settings), "password1\n");
    assert!(
        text(&weak.stderr).contains("password: This password is too easy to guess."),
        "{}",
        text(&weak.stderr)
    );
    let created = output(gatehouse(folder.path(), &create, &settings), &format!("{PASSWORD}\n"));
    assert_eq!(
        text(&created.stdout),
        "Created the superuser root@example.org.\n",
        "{}",
        text(&created.stderr)
    );
    let again = output(gatehouse(folder.path(), &create, &settings), &format!("{PASSWORD}\n"));
    assert!(!again.status.success() && text(&again.stderr).contains("username is taken"));
    let silent = run(folder.path(), &["create-superuser", "--username", "root"], &settings);
    assert!(text(&silent.stderr).contains("--password-stdin"));

    let (server, _) = Server::start(folder.path(), &["serve"], &settings).await;
    let http = reqwest::Client::new();
    let login = format!(
        "mutation {{ login(input: {{ identifier: \"root\", password: \"{PASSWORD}\" }}) {{
            ... on AuthPayload {{ user {{ role emailVerified }} }} }} }}"
    );
    let answer = server.run(&http, &login).await.unwrap();
    assert_eq!(answer["data"]["login"]["user"], json!({ "role": "SUPERUSER", "emailVerified": true }));
    let introspection = server.run(&http, "{ __schema { types { name } } }").await.unwrap();
    assert_eq!(
        introspection["errors"][0]["extensions"]["code"], "FORBIDDEN",
        "introspection is off in production"
    );
    let welcome = http.get(&server.url).send().await.unwrap();
    assert_eq!(welcome.status(), 404, "there is no welcome page");
}

#[tokio::test(flavor = "multi_thread")]
async fn serve_can_migrate_the_database_first() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::production(folder.path(), &[]).await;
    let answer = server.run(&reqwest::Client::new(), "{ authSettings { otpLength } }").await.unwrap();
    assert_eq!(answer["data"]["authSettings"]["otpLength"], 8);
}

#[rstest]
#[case("", 1)]
#[case("https://app.example.org", 0)]
#[tokio::test(flavor = "multi_thread")]
async fn serve_warns_once_if_app_url_is_not_set(#[case] app_url: &str, #[case] warnings: usize) {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::production(folder.path(), &[("APP_URL", app_url)]).await);
    let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert_eq!(log.matches("APP_URL is not set").count(), warnings, "{log}");
}

#[test]
fn app_url_must_be_safe_to_open_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    for (address, is_good) in [
        ("https://app.example.org", true),
        ("https://app.example.org/#/home", true),
        ("http://localhost:5173", true),
        ("http://app.example.org", false),
        ("https://ada:hush@app.example.org", false),
        ("javascript:alert(1)", false),
        ("app.example.org", false),
    ] {
        let told = run(folder.path(), &["config", "--serve"], &[("APP_URL", address)]);
        let said = format!("{}{}", text(&told.stdout), text(&told.stderr));
        assert_eq!(!said.contains("- APP_URL must"), is_good, "{address}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_needs_no_settings_keeps_its_secret_private_and_prints_the_next_steps() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    let welcome = reqwest::get(&server.url).await.unwrap().text().await.unwrap();
    assert!(welcome.contains(&format!("curl -s {}/graphql", server.url)), "{welcome}");
    let first = std::fs::read_to_string(folder.path().join("data/secret_key")).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for file in ["secret_key", "gatehouse.db", "gatehouse.db-wal"] {
            let file = std::fs::metadata(folder.path().join("data").join(file)).unwrap();
            assert_eq!(file.permissions().mode() & 0o777, 0o600);
        }
        let data = std::fs::metadata(folder.path().join("data")).unwrap();
        assert_eq!(data.permissions().mode() & 0o777, 0o700);
        let log = std::fs::read_to_string(folder.path().join("server.log")).unwrap();
        assert!(!log.contains("WARN"), "{log}");
    }
    drop(server);
    let (_server, _) = Server::start(folder.path(), &["dev"], &[]).await;
    assert_eq!(std::fs::read_to_string(folder.path().join("data/secret_key")).unwrap(), first);
}

#[test]
fn dev_is_never_exposed_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let refused = run(folder.path(), &["dev"], &[("HOST", "0.0.0.0")]);
    assert!(
        !refused.status.success() && text(&refused.stderr).contains("--expose"),
        "{}",
        text(&refused.stderr)
    );
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://ada:lovelace@127.0.0.1:{}/x", free_port());
    let refused = run(folder.path(), &["migrate"], &[("DATABASE_URL", &url)]);
    let why = text(&refused.stderr);
    assert!(why.contains("PostgreSQL at 127.0.0.1, port") && !why.contains("lovelace"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = run(folder.path(), &["dev"], &[("PORT", &port)]);
    assert!(text(&refused.stderr).contains("set PORT to use another port"), "{}", text(&refused.stderr));
}

/// On a stop signal the server finishes the running requests and exits, within ten seconds.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_finishes_running_requests(#[values("TERM", "INT")] signal: &str) {
    let folder = tempfile::tempdir().unwrap();
    let slow = [("HASH_THREADS", "1"), ("ARGON2_MEMORY_KIB", "65536"), ("ARGON2_ITERATIONS", "10")];
    let (mut server, _) = Server::start(folder.path(), &["dev"], &slow).await;
    let http = reqwest::Client::new();
    let idle = http.get(format!("{}/health/live", server.url)).send().await.unwrap();
    assert!(idle.status().is_success());
    let login =
        "mutation { login(input: { identifier: \"ada\", password: \"x\" }) { ... on UserError { code } } }";
    let pid = server.child.id().to_string();
    let stop = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let kill = std::process::Command::new("kill").args([&format!("-{signal}"), &pid]).status();
        assert!(kill.unwrap().success());
    };
    let begun = std::time::Instant::now();
    let (answer, ()) = tokio::join!(server.run(&http, login), stop);
    assert_eq!(answer.expect("an answer")["data"]["login"]["code"], "INVALID_CREDENTIALS");
    while server.child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_secs(10), "the server is still running");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(server.child.wait().unwrap().success());
    assert!(reqwest::get(&server.url).await.is_err());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_superuser_can_be_created_while_the_server_runs(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str()), ("ARGON2_MEMORY_KIB", "8")];
    let create = ["create-superuser", "--email", "root@example.org", "--password-stdin"];
    let created = output(gatehouse(folder.path(), &create, &settings), &format!("{PASSWORD}\n"));
    assert!(created.status.success(), "{}", text(&created.stderr));
    assert_eq!(app.login("root@example.org", PASSWORD).await["user"]["role"], "SUPERUSER");
}
