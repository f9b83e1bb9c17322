//! `gatehouse backup`: a copy that is made while the server runs, and that a server can start from.

use std::path::Path;

use crate::{
    cli::{run, text},
    support::{
        Database, EMAIL, PASSWORD, Postgres, Sqlite, TestApp,
        process::{Server, gatehouse, output},
    },
};

async fn sign_up(server: &Server, email: &str) -> String {
    let query = format!(
        "mutation {{ signup(input: {{ email: \"{email}\", password: \"{PASSWORD}\" }}) {{ ... on AuthPayload {{ refreshToken }} }} }}"
    );
    let answer = server.run(&reqwest::Client::new(), &query).await.unwrap();
    answer["data"]["signup"]["refreshToken"].as_str().expect("an account").to_owned()
}

/// Exchanges a refresh token for the next one.
async fn refresh(server: &Server, token: &str) -> String {
    let query = format!(
        "mutation {{ refresh(refreshToken: \"{token}\") {{ ... on AuthPayload {{ refreshToken }} }} }}"
    );
    let answer = server.run(&reqwest::Client::new(), &query).await.unwrap();
    answer["data"]["refresh"]["refreshToken"].as_str().expect("the session lives").to_owned()
}

async fn login(server: &Server, email: &str) -> String {
    let query = format!(
        "mutation {{ login(input: {{ identifier: \"{email}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    let answer = server.run(&reqwest::Client::new(), &query).await.unwrap();
    answer["data"]["login"]["__typename"].as_str().unwrap().to_owned()
}

fn back_up(folder: &Path, file: &str) -> std::process::Output {
    run(folder, &["backup", file], &[("DATABASE_URL", "sqlite://data/gatehouse.db")])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_while_the_server_runs_and_restored_by_copying_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(folder.path(), &["dev"], &[]).await;
    let token = sign_up(&server, EMAIL).await;
    let made = back_up(folder.path(), "copies/monday.db");
    assert!(made.status.success(), "{}", text(&made.stderr));
    let said = text(&made.stdout);
    assert!(said.contains("checked and intact") && said.contains("1 users"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let copy = std::fs::metadata(folder.path().join("copies/monday.db")).unwrap();
        assert_eq!(copy.permissions().mode() & 0o777, 0o600);
    }
    sign_up(&server, "late@example.org").await;
    let token = refresh(&server, &token).await;
    let token = refresh(&server, &token).await;
    drop(server);

    let data = folder.path().join("data");
    for file in ["gatehouse.db-wal", "gatehouse.db-shm"] {
        let _ = std::fs::remove_file(data.join(file));
    }
    std::fs::copy(folder.path().join("copies/monday.db"), data.join("gatehouse.db")).unwrap();
    let (server, _) = Server::start(folder.path(), &["dev"], &[]).await;
    assert_eq!(login(&server, EMAIL).await, "AuthPayload");
    // the app is ahead of the restored database
    refresh(&server, &token).await;
    assert_eq!(
        login(&server, "late@example.org").await,
        "UserError",
        "the account is younger than the backup"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_overwrites_nothing_and_leaves_nothing_if_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let missing = back_up(folder.path(), "copy.db");
    assert!(!missing.status.success() && text(&missing.stderr).contains("there is no database at"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "no files were created");

    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/gatehouse.db"), "not a database, but as long as one ".repeat(99))
        .unwrap();
    let damaged = back_up(folder.path(), "copy.db");
    assert!(!damaged.status.success() && text(&damaged.stderr).contains("the backup failed"));
    assert!(!folder.path().join("copy.db").exists());

    std::fs::write(folder.path().join("copy.db"), "precious").unwrap();
    let refused = back_up(folder.path(), "copy.db");
    assert!(!refused.status.success() && text(&refused.stderr).contains("cannot be created"));
    assert_eq!(std::fs::read_to_string(folder.path().join("copy.db")).unwrap(), "precious");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_database_gives_no_backup() {
    let app = TestApp::start(Sqlite).await;
    let file = app.settings["DATABASE_URL"].strip_prefix("sqlite://").unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let mut bytes = std::fs::read(file).unwrap();
    // the head stays readable
    bytes[8192..].fill(0xff);
    std::fs::write(data.join("gatehouse.db"), bytes).unwrap();
    let damaged = back_up(folder.path(), "copy.db");
    assert!(!damaged.status.success() && !folder.path().join("copy.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql_the_command_names_the_tools_to_use() {
    let folder = tempfile::tempdir().unwrap();
    let url = Database::create(Postgres, folder.path()).await;
    let refused =
        output(gatehouse(folder.path(), &["backup", "copy.db"], &[("DATABASE_URL", url.as_str())]), "");
    let said = text(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("pg_basebackup") && said.contains("pg_dump"),
        "{said}"
    );
    assert!(!folder.path().join("copy.db").exists());
}
