//! File permissions: which files the program refuses, warns about and keeps private.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use gatehouse::secrets::SecretKey;
use rstest::rstest;

use crate::{
    cli::{run, text},
    support::process::Server,
};

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Creates a folder with this `.env`.
fn folder_with(env: &str, mode: u32) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(".env"), env).unwrap();
    set(&folder.path().join(".env"), mode);
    folder
}

fn production(secret: &str) -> [(&str, &str); 5] {
    [
        ("SECRET_KEY", secret),
        ("DATABASE_URL", "sqlite://kept/accounts.db"),
        ("PUBLIC_URL", "http://127.0.0.1"),
        ("SMTP_URL", "smtp://127.0.0.1:9"),
        ("EMAIL_FROM", "accounts@example.org"),
    ]
}

#[rstest]
#[case(0o666)]
#[case(0o606)]
#[case(0o620)]
fn production_refuses_an_env_file_that_others_can_write(#[case] mode: u32) {
    let folder = folder_with("OTP_LENGTH=8\n", mode);
    let secret = SecretKey::generate().1;
    for arguments in [&["serve"][..], &["config", "--serve"]] {
        let refused = run(folder.path(), arguments, &production(&secret));
        let why = text(&refused.stderr);
        assert!(!refused.status.success(), "{why}");
        let told = format!("  - .env can be changed by other users (mode {mode:o}): run `chmod go-w .env`\n");
        assert!(why.contains(&told), "{why}");
    }
    set(&folder.path().join(".env"), 0o640);
    let accepted = run(folder.path(), &["config", "--serve"], &production(&secret));
    assert!(accepted.status.success() && accepted.stderr.is_empty(), "{}", text(&accepted.stderr));
}

#[test]
fn production_refuses_an_env_file_that_others_can_replace() {
    let folder = folder_with("OTP_LENGTH=8\n", 0o600);
    let secret = SecretKey::generate().1;
    set(folder.path(), 0o777);
    let refused = run(folder.path(), &["config", "--serve"], &production(&secret));
    assert!(text(&refused.stderr).contains("(mode 777): run `chmod go-w .`"), "{}", text(&refused.stderr));
    // as in /tmp, where users cannot replace each other's files
    set(folder.path(), 0o1777);
    assert!(run(folder.path(), &["config", "--serve"], &production(&secret)).status.success());
}

#[test]
fn development_warns_about_an_env_file_that_others_can_write() {
    let folder = folder_with("OTP_LENGTH=8\n", 0o666);
    let printed = run(folder.path(), &["config"], &[]);
    assert!(printed.status.success());
    assert!(text(&printed.stdout).contains("OTP_LENGTH"), "{}", text(&printed.stdout));
    let told = text(&printed.stderr);
    assert!(told.contains("WARN") && told.contains("chmod go-w .env"), "{told}");
}

#[rstest]
#[case::gatehouse_setting("SECRET_KEY=x", true)]
#[case::setting_of_another_program("POSTGRES_PASSWORD=hush", true)]
#[case::in_a_url("SMTP_URL=smtp://ada:hush@127.0.0.1", true)]
#[case::in_a_query("DATABASE_URL=postgres:///x?user=ada&password=hush", true)]
#[case::no_secret("ACCESS_TOKEN_TTL=5m\nPASSWORD_MIN_LENGTH=9\nGOOGLE_CLIENT_ID=x", false)]
fn secrets_that_everybody_can_read_cause_a_warning(#[case] env: &str, #[case] is_secret: bool) {
    let folder = folder_with(&format!("{env}\n"), 0o644);
    // valid settings, so that only the permissions can cause warnings
    let settings = [("SECRET_KEY", ""), ("DATABASE_URL", "sqlite://a.db"), ("SMTP_URL", "file:///nowhere")];
    let secret = SecretKey::generate().1;
    let settings = settings.map(|(name, value)| (name, if value.is_empty() { &secret } else { value }));
    let told = run(folder.path(), &["config"], &settings);
    assert!(told.status.success(), "{}", text(&told.stderr));
    let told = text(&told.stderr);
    assert_eq!(
        told.contains("can be read by every user (mode 644): run `chmod o-r .env`"),
        is_secret,
        "{told}"
    );
    assert!(!told.contains("hush"));
    set(&folder.path().join(".env"), 0o640);
    let told = run(folder.path(), &["config"], &settings);
    assert!(told.stderr.is_empty(), "{}", text(&told.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn created_folders_are_private_and_existing_ones_keep_their_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("spool/mails");
    let mails_url = format!("file://{}", mails.display());
    let settings = [("DATABASE_URL", "sqlite://a/b/accounts.db"), ("SMTP_URL", &mails_url)];
    let sent = run(folder.path(), &["mail", "test", "ada@example.org"], &settings);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert!(run(folder.path(), &["migrate"], &settings).status.success());
    for made in ["spool", "spool/mails", "a", "a/b"] {
        assert_eq!(mode(&folder.path().join(made)), 0o700, "{made}");
    }
    for file in fs::read_dir(&mails).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    assert_eq!(mode(&folder.path().join("a/b/accounts.db")), 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_others_can_access_cause_a_warning_at_start_and_stay_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(folder.path(), &["dev"], &[]).await);
    let data = folder.path().join("data");
    let (mails, templates) = (folder.path().join("mails"), folder.path().join("templates"));
    fs::create_dir(&mails).unwrap();
    fs::create_dir(&templates).unwrap();
    let wide = [
        (&data, 0o755, "data can be read or changed by other users (mode 755): run `chmod 700 data`"),
        (
            &data.join("secret_key"),
            0o644,
            "data/secret_key can be read or changed by other users (mode 644): run `chmod 600 data/secret_key`",
        ),
        (
            &data.join("gatehouse.db"),
            0o640,
            "data/gatehouse.db can be read or changed by other users (mode 640)",
        ),
        (&mails, 0o750, "mails can be read or changed by other users (mode 750): run `chmod 700 "),
        (&templates, 0o775, "templates can be changed by other users (mode 775): run `chmod go-w "),
    ];
    for (path, mode, _) in &wide {
        set(path, *mode);
    }
    let mails_url = format!("file://{}", mails.display());
    let settings = [("SMTP_URL", mails_url.as_str()), ("EMAIL_TEMPLATES_DIR", "templates")];
    drop(Server::start(folder.path(), &["dev"], &settings).await);
    let log = fs::read_to_string(folder.path().join("server.log")).unwrap();
    for (path, expected, told) in &wide {
        assert!(log.contains(told), "{told}: {log}");
        assert_eq!(mode(path), *expected, "the permissions are not changed");
    }
    assert_eq!(log.matches("WARN").count(), wide.len(), "{log}");
}
