use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use gatehouse::storage::user;
use rstest::rstest;
use sea_orm::{DatabaseConnection, EntityTrait, PaginatorTrait};
use serde_json::json;

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp,
    database::connect,
    process::{free_port, gatehouse, output},
};

pub(crate) fn import(app: &TestApp, folder: &Path, arguments: &[&str]) -> Output {
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str())];
    output(gatehouse(folder, &[&["import-users"], arguments].concat(), &settings), "")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

pub(crate) fn line(pk: u32, username: &str, email: &str, password: &str) -> String {
    let joined = "2024-01-31T12:00:00Z";
    let fields = json!({ "username": username, "email": email, "password": password, "date_joined": joined });
    format!("{}\n", json!({ "model": "auth.user", "pk": pk, "fields": fields }))
}

pub(crate) fn people(range: std::ops::Range<u32>) -> String {
    range.fold(String::new(), |mut lines, n| {
        let name = format!("person{n}");
        write!(lines, "{}", line(n, &name, &format!("{name}@example.org"), "!")).unwrap();
        lines
    })
}

async fn count(rows: &DatabaseConnection) -> u64 {
    user::Entity::find().count(rows).await.unwrap()
}

/// Checks the complete report, and that a dry run prints the same but writes nothing.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn invalid_lines_are_reported_and_the_others_are_imported(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let there = json!({ "email": EMAIL, "username": "ada", "password": PASSWORD });
    app.signup(there).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let folder = tempfile::tempdir().unwrap();
    let endless = "pbkdf2_sha256$1000000000$salt$NOsxLKOMzrrLOx8Kl+1eSvrdSRGaw5WQ0Fe3Hzzs7kI=";
    let lines = [
        line(1, "Ada", "lovelace@example.org", "!"),
        line(2, "lovelace", "ADA@example.org", "!"),
        "{\"model\": \"auth.user\", \"pk\": 3\n".to_owned(),
        line(4, "grace", "grace@example.org", endless),
        line(5, "Grace", "hopper@example.org", "!"),
        line(6, "hopper", "Grace@example.org", "!"),
        line(4, "grace", "grace@example.org", endless),
        format!("{{\"username\": \"{}\"}}\n", "x".repeat(70_000)),
        "\n".to_owned(),
        "{\"model\": \"auth.group\", \"pk\": 1, \"fields\": {\"name\": \"x\"}}\n".to_owned(),
        line(7, "\u{1b}[31mred", "nowhere", "!"),
        line(8, "edith", "nowhere", "md5$x$y"),
    ];
    fs::write(folder.path().join("users.jsonl"), lines.concat()).unwrap();
    let unknown = "without its password, whose hash has an unknown format or excessive parameters: the user must set a new one";
    let expected = format!(
        "line 1 (Ada): skipped: another account has its username
line 2 (lovelace): skipped: another account has its email address
line 3: skipped: it cannot be read: EOF while parsing an object at column 30
line 4 (grace): imported, but {unknown}
line 5 (Grace): skipped: another account has its username
line 6 (hopper): skipped: another account has its email address
line 8: skipped: it is longer than 64 KiB
line 10: skipped: it is not a user
line 11 ([31mred): skipped: its email address is invalid, and its username is not valid here
line 12 (edith): imported, but without its email address, which is invalid; {unknown}
2 imported, 1 already existed, 8 skipped
       2 skipped: another account has its email address
       2 skipped: another account has its username
       1 skipped: it cannot be read
       1 skipped: it is longer than 64 KiB
       1 skipped: it is not a user
       1 skipped: its email address is invalid, and its username is not valid here
       1 imported, but without its email address, which is invalid
       2 imported, but {unknown}
"
    );
    let dry = import(&app, folder.path(), &["--dry-run", "users.jsonl"]);
    assert_eq!(
        text(&dry.stdout).replace("2 would be imported", "2 imported"),
        expected,
        "{}",
        text(&dry.stderr)
    );
    assert_eq!((count(&rows).await, dry.status.success()), (1, true));
    let wet = import(&app, folder.path(), &["users.jsonl"]);
    assert_eq!(text(&wet.stdout), expected, "{}", text(&wet.stderr));
    assert_eq!((count(&rows).await, wet.status.success()), (3, true));
    assert_eq!(text(&wet.stderr), "", "no progress bar without a terminal");

    let before = app.app.passwords.computed();
    assert_eq!(app.login("grace", PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.app.passwords.computed() - before, 1);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn importing_the_same_file_again_changes_nothing(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.jsonl"), people(0..1234)).unwrap();
    for (arguments, told) in [
        (&["users.jsonl", "--dry-run"][..], "1234 would be imported, 0 already existed, 0 skipped\n"),
        (&["users.jsonl"], "1234 imported, 0 already existed, 0 skipped\n"),
        (&["users.jsonl"], "0 imported, 1234 already existed, 0 skipped\n"),
        (&["users.jsonl", "--dry-run"], "0 would be imported, 1234 already existed, 0 skipped\n"),
    ] {
        assert_eq!(text(&import(&app, folder.path(), arguments).stdout), told);
    }
    assert_eq!(count(&rows).await, 1234);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_continues_when_run_again(#[values(Sqlite, Postgres)] database: Database) {
    const PEOPLE: u32 = 20_000;
    let app = TestApp::start(database).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.jsonl"), people(0..PEOPLE)).unwrap();
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str())];
    let mut command = gatehouse(folder.path(), &["import-users", "users.jsonl"], &settings);
    let mut killed = command.stdout(Stdio::null()).spawn().unwrap();
    while count(&rows).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    killed.kill().unwrap();
    assert!(!killed.wait().unwrap().success(), "the import ended before it was killed");
    // PostgreSQL may still be running what the killed process sent
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = count(&rows).await;
    assert!(before > 0 && before < PEOPLE.into() && before.is_multiple_of(500), "{before}");
    let told = import(&app, folder.path(), &["users.jsonl"]).stdout;
    let missing = u64::from(PEOPLE) - before;
    assert_eq!(text(&told), format!("{missing} imported, {before} already existed, 0 skipped\n"));
    assert_eq!(count(&rows).await, u64::from(PEOPLE));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_cannot_start_fails_at_once() {
    let app = TestApp::start(Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("users.json"), "[{\"model\": \"auth.user\"}]").unwrap();
    fs::write(folder.path().join("users.csv"), "id,name\n1,ada\n").unwrap();
    for (file, why) in [
        ("users.json", "dumpdata --format jsonl"),
        ("users.csv", "must name the column"),
        ("missing.jsonl", "missing.jsonl cannot be read"),
        (".", "cannot be read"),
    ] {
        let refused = import(&app, folder.path(), &[file]);
        assert_eq!(refused.status.code(), Some(1), "{file}");
        assert!(text(&refused.stderr).contains(why), "{file}: {}", text(&refused.stderr));
    }
    let early =
        gatehouse(folder.path(), &["import-users", "users.csv"], &[("DATABASE_URL", "sqlite://x.db")]);
    assert!(text(&output(early, "").stderr).contains("gatehouse migrate"));
    let url = format!("postgres://127.0.0.1:{}/x", free_port());
    let nowhere = gatehouse(folder.path(), &["import-users", "users.csv"], &[("DATABASE_URL", &url)]);
    assert_eq!(output(nowhere, "").status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_cannot_be_another_users_address() {
    let app = TestApp::start(Sqlite).await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let folder = tempfile::tempdir().unwrap();
    let lines = [line(1, EMAIL, "", "!"), line(2, "ada", EMAIL, "!"), line(3, "bob@example.org", "", "!")];
    fs::write(folder.path().join("users.jsonl"), lines.concat()).unwrap();
    let reason = "its only email address is its username, which is used only with --usernames-are-emails";
    for dry in [&["--dry-run"][..], &[]] {
        let told = import(&app, folder.path(), &[dry, &["--emails-verified", "users.jsonl"]].concat()).stdout;
        assert_eq!(
            text(&told).replace("1 would be imported", "1 imported"),
            format!(
                "line 1 ({EMAIL}): skipped: {reason}
line 3 (bob@example.org): skipped: {reason}
1 imported, 0 already existed, 2 skipped
       2 skipped: {reason}
"
            )
        );
    }
    let imported = user::Entity::find().all(&rows).await.unwrap();
    assert_eq!(imported.len(), 1);
    assert_eq!((imported[0].username.as_deref(), imported[0].email.as_deref()), (Some("ada"), Some(EMAIL)));
    assert!(imported[0].email_verified_at.is_some());
}

/// Each file without importable users is reported in one line, and the command fails.
#[rstest]
#[case::utf_16(utf_16(&people(0..3), true), "users.jsonl", "UTF-16")]
#[case::utf_16_in_the_other_byte_order(utf_16(&people(0..3), false), "users.jsonl", "UTF-16")]
#[case::utf_16_without_a_byte_order_mark(utf_16(&people(0..3), true)[2..].to_vec(), "users.jsonl", "UTF-16")]
#[case::csv_in_utf_16(utf_16("id,username,password\n1,ada,!\n", true), "users.csv", "UTF-16")]
#[case::empty(Vec::new(), "users.jsonl", "it is empty")]
#[case::empty_csv(Vec::new(), "users.csv", "it is empty")]
#[case::only_a_byte_order_mark(b"\xef\xbb\xbf".to_vec(), "users.jsonl", "it is empty")]
#[case::csv_with_the_wrong_extension(b"id,username,password\n1,ada,!\n".to_vec(), "users.jsonl", "name it `.csv`")]
#[case::json_with_the_wrong_extension(people(0..3).into_bytes(), "users.csv", "must name the column")]
#[case::one_array(format!(" [{}]", people(0..1)).into_bytes(), "users.json", "one JSON array")]
#[case::compressed(b"\x1f\x8b\x08\x00\x00".to_vec(), "users.jsonl.gz", "cannot be read: it is not UTF-8 text")]
#[case::an_html_page(b"<!doctype html>\n".to_vec(), "users.jsonl", "does not begin with a JSON object")]
#[case::blank_lines(b"\n\n".to_vec(), "users.jsonl", "no account from users.jsonl was imported")]
#[case::only_a_header(b"id,username,password\n".to_vec(), "users.csv", "no account from users.csv was imported")]
#[case::no_users(b"{\"model\":\"auth.group\",\"fields\":{}}\n".to_vec(), "users.jsonl", "no account from users.jsonl was imported")]
#[case::pretty_json(b"{\n\"username\": \"ada\"\n}\n".to_vec(), "users.jsonl", "no account from users.jsonl was imported")]
#[tokio::test(flavor = "multi_thread")]
async fn an_import_without_users_fails(#[case] bytes: Vec<u8>, #[case] name: &str, #[case] why: &str) {
    let app = TestApp::start(Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), bytes).unwrap();
    for arguments in [&[name][..], &["--dry-run", name]] {
        let ended = import(&app, folder.path(), arguments);
        assert!(!ended.status.success());
        let said = text(&ended.stderr);
        assert!(said.contains(why), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// Encodes a text with a byte order mark; PowerShell's `>` writes the little-endian form.
fn utf_16(text: &str, is_little: bool) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(|unit| if is_little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}
