//! Imports the dump of a real Django project, which Django creates during the test.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    process::Output,
};

use gatehouse::storage::user::{self, Role};
use rstest::rstest;
use sea_orm::EntityTrait;
use tempfile::TempDir;

use crate::support::{
    Database, Postgres, Sqlite, TestApp,
    database::connect,
    process::{gatehouse, output},
    python::python,
};

const PASSWORD: &str = "correct horse żółw";

/// Django's names of the hash formats that can be verified here.
const FORMATS: [&str; 6] = ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt", "bcrypt_sha256", "scrypt"];

fn dump() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let dumped = python(&["django_dump.py", folder.path().to_str().unwrap(), PASSWORD]).output().unwrap();
    assert!(dumped.status.success(), "{}", String::from_utf8_lossy(&dumped.stderr));
    folder
}

fn import(app: &TestApp, folder: &Path, arguments: &[&str]) -> Output {
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str())];
    output(gatehouse(folder, &[&["import-users"], arguments].concat(), &settings), "")
}

async fn rows(app: &TestApp) -> HashMap<String, user::Model> {
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let rows = user::Entity::find().all(&on).await.unwrap();
    let name = |row: &user::Model| row.username.clone().or(row.email.clone()).unwrap();
    rows.into_iter().map(|row| (name(&row), row)).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn users_sign_in_with_their_old_passwords_and_get_argon2id_hashes(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let folder = dump();
    let imported = import(&app, folder.path(), &["users.jsonl", "--usernames-are-emails"]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let before = rows(&app).await;

    for name in FORMATS {
        let stored = before[name].password_hash.as_deref().unwrap();
        assert!(stored.starts_with(&format!("{name}$")), "{stored}");
        let computed = app.app.passwords.computed();
        let costs = |expected: u64| assert_eq!(app.app.passwords.computed() - computed, expected, "{name}");

        assert_eq!(app.login(name, "correct horse zolw").await["code"], "INVALID_CREDENTIALS");
        costs(1);
        assert_eq!(rows(&app).await[name].password_hash.as_deref(), Some(stored), "the hash is unchanged");

        assert_eq!(app.login(name, PASSWORD).await["user"]["username"], *name);
        costs(3);
        let row = rows(&app).await.remove(name).unwrap();
        let hash = row.password_hash.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert_eq!(row.credentials_version, 0);

        assert_eq!(app.login(&format!("{name}@example.org"), PASSWORD).await["user"]["username"], *name);
        costs(4);
        assert_eq!(app.login(name, "correct horse zolw").await["code"], "INVALID_CREDENTIALS");
        costs(5);
        assert_eq!(rows(&app).await[name].password_hash, Some(hash), "the hash is replaced only once");
    }
    for (name, code) in [
        ("inactive", "ACCOUNT_DISABLED"),
        ("unusable", "INVALID_CREDENTIALS"),
        ("md5", "INVALID_CREDENTIALS"),
        ("two words", "INVALID_CREDENTIALS"),
    ] {
        assert_eq!(app.login(name, PASSWORD).await["code"], code, "{name}");
    }
    for (name, role) in [
        ("ROOT@example.org", "SUPERUSER"),
        ("staff", "STAFF"),
        ("nobody.has.mail", "USER"),
        ("mail@example.org", "USER"),
        ("only.a.name@example.org", "USER"),
        ("words@example.org", "USER"),
    ] {
        assert_eq!(app.login(name, PASSWORD).await["user"]["role"], role, "{name}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn both_file_formats_import_every_account_unchanged(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let folder = dump();
    let arguments = ["users.jsonl", "--emails-verified", "--usernames-are-emails"];
    let imported = import(&app, folder.path(), &arguments);
    let unknown = "without its password, whose hash has an unknown format or excessive parameters: the user must set a new one";
    assert_eq!(
        String::from_utf8(imported.stdout).unwrap(),
        format!(
            "line 7 (md5): imported, but {unknown}
line 14 (only.a.name@example.org): imported, but with its username as its email address
line 15 (two words): imported, but without its username, which is not valid here
line 16 (two words more): skipped: it has no email address, and its username is not valid here
15 imported, 0 already existed, 1 skipped
       1 skipped: it has no email address, and its username is not valid here
       1 imported, but with its username as its email address
       1 imported, but {unknown}
       1 imported, but without its username, which is not valid here
"
        )
    );
    let rows = rows(&app).await;
    let root = &rows["root"];
    assert_eq!(
        (root.email.as_deref(), root.email_key.as_deref()),
        (Some("Root@example.org"), Some("root@example.org"))
    );
    assert_eq!((root.first_name.as_deref(), root.last_name_key.as_deref()), (Some("Żółw"), Some("łoś")));
    assert_eq!((root.name_key.as_deref(), root.role), (Some("żółw łoś"), Role::Superuser));
    let millis = |time: gatehouse::storage::Timestamp| time.0.unix_timestamp_nanos() / 1_000_000;
    assert_eq!(millis(root.created_at), 1_558_081_815_123);
    assert_eq!(root.email_verified_at, Some(root.created_at));
    assert_eq!(root.last_login_at.map(millis), Some(1_706_702_400_654));
    assert_eq!(root.id.get_timestamp().unwrap().to_unix(), (1_558_081_815, 123_000_000));
    let others: BTreeMap<_, _> = rows
        .iter()
        .map(|(name, row)| (name.as_str(), (row.role, row.is_active, row.last_login_at.is_some())))
        .collect();
    assert_eq!(others["staff"], (Role::Staff, true, false));
    assert_eq!(others["inactive"], (Role::User, false, false));
    assert_eq!(rows["unusable"].password_hash, None);
    assert_eq!(rows["nobody.has.mail"].email_verified_at, None, "there is no address to verify");
    assert_eq!(rows["mail@example.org"].username, None);
    assert_eq!(
        rows["only.a.name@example.org"].email_verified_at, None,
        "a username is not a verified address"
    );

    let again = import(&app, folder.path(), &["users.csv", "--usernames-are-emails"]);
    let told = String::from_utf8(again.stdout).unwrap();
    assert!(told.contains("\n0 imported, 15 already existed, 1 skipped\n"), "{told}");
    assert_eq!(self::rows(&app).await, rows, "no account has changed");
}
