//! `gatehouse check`: prints what is wrong before going live, with one line for each check.

use std::path::Path;

use gatehouse::{
    secrets::SecretKey,
    storage::condition::{HISTORY, TABLES},
};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    cli::text,
    support::{
        Database, Postgres, Sqlite,
        database::connect,
        mail_server::{FROM, MailServer},
        process::{Server, free_port, gatehouse, output},
    },
};

/// The settings of a server that is ready to go live, the folder it runs in, and its mail server.
struct Ready {
    folder: tempfile::TempDir,
    settings: Vec<(&'static str, String)>,
    mail: MailServer,
}

impl Ready {
    async fn new(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mail = MailServer::start(&[]);
        let settings = vec![
            ("SECRET_KEY", SecretKey::generate().1),
            ("DATABASE_URL", database.create(folder.path()).await),
            ("SMTP_URL", mail.url()),
            ("EMAIL_FROM", FROM.to_owned()),
            ("APP_URL", "https://app.example.org".to_owned()),
        ];
        Self { folder, settings, mail }
    }

    /// Starts the server, and sets `PUBLIC_URL` to it.
    async fn serve(&mut self, more: &[(&str, &str)]) -> Server {
        let mut all: Vec<(&str, &str)> =
            self.settings.iter().map(|(name, value)| (*name, &**value)).collect();
        all.push(("PUBLIC_URL", "http://127.0.0.1"));
        all.extend(more);
        let (server, _) = Server::start(self.folder.path(), &["serve"], &all).await;
        self.settings.push(("PUBLIC_URL", server.url.clone()));
        server
    }

    /// Returns whether no check failed, and the printed lines.
    fn check(&self, more: &[(&str, &str)]) -> (bool, String) {
        let settings = self.settings.iter().map(|(name, value)| (*name, &**value));
        check(self.folder.path(), &settings.chain(more.iter().copied()).collect::<Vec<_>>())
    }
}

fn check(folder: &Path, settings: &[(&str, &str)]) -> (bool, String) {
    let checked = output(gatehouse(folder, &["check"], settings), "");
    (checked.status.success(), text(&checked.stdout).to_owned())
}

/// Asserts that a check has this state, and that its line contains these words.
fn assert_line(said: &str, state: &str, what: &str, words: &str) {
    let begin = format!("{state:<8} {what:<18} ");
    let found = said.lines().any(|line| line.starts_with(&begin) && line.contains(words));
    assert!(found, "no `{state} {what} … {words}` in:\n{said}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_ready_passes(#[values(Sqlite, Postgres)] database: Database) {
    let mut ready = Ready::new(database).await;
    let _server = ready.serve(&[]).await;
    let (is_good, said) = ready.check(&[]);
    assert!(is_good, "{said}");
    for (what, words) in [
        ("settings", "none contradict"),
        ("database", "accepts writes"),
        ("schema", "match this version"),
        ("mail", "127.0.0.1"),
        ("public URL", "leads to a Gatehouse server"),
        ("forwarded address", "the server sees 127.0.0.1"),
    ] {
        assert_line(&said, "ok", what, words);
    }
    assert_line(&said, "warning", "TLS", "is an http URL");
    if database == Postgres {
        assert_line(&said, "ok", "clock", "ms from the database's clock");
        assert_line(&said, "warning", "database role", "superuser");
        assert_line(&said, "ok", "database TLS", "does not leave this machine");
    }
    assert!(ready.mail.mails().is_empty(), "no email is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_settings_are_named_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let (is_good, said) = check(folder.path(), &[("PORT", "many")]);
    assert!(!is_good);
    assert_line(&said, "failed", "settings", "SECRET_KEY is missing");
    assert_line(&said, "failed", "settings", "PORT must be");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_work_fails_and_says_what_to_do() {
    let mut ready = Ready::new(Sqlite).await;
    let gone = ready.folder.path().join("gone.db");
    let gone = format!("sqlite://{}", gone.display());
    let (port, nowhere) = (free_port(), format!("http://127.0.0.1:{}", free_port()));
    ready.mail.stop();
    let wrong = [
        ("DATABASE_URL", gone.as_str()),
        ("PUBLIC_URL", nowhere.as_str()),
        ("PORT", &port),
        ("METRICS_ADDR", &format!("127.0.0.1:{port}")),
        ("RATE_LIMITS", "off"),
        ("TRUSTED_DOCUMENTS", ready.folder.path().to_str().unwrap()),
        ("PLAYGROUND", "on"),
    ];
    let (is_good, said) = ready.check(&wrong);
    assert!(!is_good);
    assert_line(&said, "failed", "settings", "contains no manifest");
    assert_line(&said, "warning", "settings", "turn PLAYGROUND off");
    assert_line(&said, "failed", "settings", "METRICS_ADDR and PORT name the same port");
    assert_line(&said, "warning", "settings", "RATE_LIMITS=off");
    assert_line(&said, "failed", "database", "there is no database");
    assert_line(&said, "failed", "mail", "Connection refused");
    assert_line(&said, "failed", "public URL", "cannot be reached");
    assert!(!ready.folder.path().join("gone.db").exists());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pending_migrations_fail(#[values(Sqlite, Postgres)] database: Database) {
    let ready = Ready::new(Sqlite).await;
    let empty = tempfile::tempdir().unwrap();
    let url = database.create_empty(empty.path()).await;
    let (is_good, said) = ready.check(&[("DATABASE_URL", &url), ("PUBLIC_URL", "http://127.0.0.1:9")]);
    assert!(!is_good);
    assert_line(&said, "failed", "schema", "run `gatehouse migrate`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_and_a_proxy_that_is_not_trusted_fail() {
    let mut ready = Ready::new(Sqlite).await;
    let server = ready.serve(&[("TRUSTED_PROXIES", "127.0.0.1")]).await;
    let https = server.url.replace("http://", "https://");
    let (is_good, said) = ready.check(&[("PUBLIC_URL", &https)]);
    assert!(!is_good);
    assert_line(&said, "failed", "TLS", "no valid certificate");
    assert_line(&said, "warning", "settings", "TRUSTED_PROXIES is empty");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_writes_or_has_another_time_fails() {
    let ready = Ready::new(Postgres).await;
    let url = ready.settings.iter().find(|(name, _)| *name == "DATABASE_URL").unwrap().1.clone();
    let name = url.rsplit('/').next().unwrap();
    let sql = connect(&url).await;
    let run = async |text: &str| {
        sql.execute_unprepared(text).await.unwrap();
        ready.check(&[("PUBLIC_URL", "http://127.0.0.1:9")])
    };
    // PostgreSQL's own functions come first unless the path says otherwise
    sql.execute_unprepared("CREATE SCHEMA fake").await.unwrap();
    sql.execute_unprepared(
        "CREATE FUNCTION fake.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
         'SELECT pg_catalog.clock_timestamp() + interval ''1 minute'''",
    )
    .await
    .unwrap();
    let (is_good, said) =
        run(&format!("ALTER DATABASE {name} SET search_path = public, fake, pg_catalog")).await;
    assert!(!is_good);
    assert_line(&said, "failed", "clock", "60.0 s behind the database's clock");

    let (is_good, said) = run(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on")).await;
    assert!(!is_good);
    assert_line(&said, "failed", "database", "the server is a standby, or accepts no writes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_rights_fails() {
    let ready = Ready::new(Postgres).await;
    let url = ready.settings.iter().find(|(name, _)| *name == "DATABASE_URL").unwrap().1.clone();
    let name = url.rsplit('/').next().unwrap();
    let role = format!("guest_{name}");
    let sql = connect(&url).await;
    sql.execute_unprepared(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    sql.execute_unprepared(&format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")).await.unwrap();
    let as_guest = url.replace("gatehouse@", &format!("{role}@"));
    let (is_good, said) = ready.check(&[("DATABASE_URL", &as_guest), ("PUBLIC_URL", "http://127.0.0.1:9")]);
    assert!(!is_good);
    assert_line(&said, "failed", "database role", "lacks privileges on");
    let mut tables: Vec<String> = sql
        .query_all_raw(Statement::from_string(
            DbBackend::Postgres,
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        ))
        .await
        .unwrap()
        .iter()
        .map(|row| row.try_get("", "tablename").unwrap())
        .collect();
    tables.sort();
    let mut known = [&TABLES[..], &HISTORY[..]].concat();
    known.sort_unstable();
    assert_eq!(tables, known, "every table is checked");
    let tables = TABLES.join(", ");
    sql.execute_unprepared(&format!(
        "GRANT ALL ON {tables} TO {role}; REVOKE SELECT ON seaql_migrations FROM {role}"
    ))
    .await
    .unwrap();
    let (is_good, said) = ready.check(&[("DATABASE_URL", &as_guest), ("PUBLIC_URL", "http://127.0.0.1:9")]);
    assert!(!is_good);
    assert_line(&said, "failed", "database role", "cannot read seaql_migrations");
}

/// Starts a proxy that adds an `X-Forwarded-For` as the last or the first header, and returns its URL.
async fn proxy(server: &Server, address: &'static str, is_last: bool) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let to = server.url.strip_prefix("http://").unwrap().to_owned();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = tokio::net::TcpStream::connect(&to).await.unwrap();
            let mut head = vec![0; 4096];
            let length = client.read(&mut head).await.unwrap();
            let head = String::from_utf8(head[..length].to_vec()).unwrap();
            let place = if is_last { "\r\n\r\n" } else { "\r\n" };
            let with = format!("\r\nX-Forwarded-For: {address}{place}");
            server.write_all(head.replacen(place, &with, 1).as_bytes()).await.unwrap();
            tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
        }
    });
    url
}

#[rstest]
#[case::is_good("127.0.0.1", "198.51.100.7", true, "ok", "the server sees 198.51.100.7, even if")]
#[case::believes_clients("127.0.0.1", "198.51.100.7", false, "failed", "clients can evade all rate limits")]
#[case::is_not_trusted("", "198.51.100.7", true, "failed", "the proxy at 127.0.0.1 is not trusted")]
#[case::is_too_trusted("127.0.0.1,198.51.100.7", "198.51.100.7", true, "warning", "is in TRUSTED_PROXIES")]
#[case::sends_words("127.0.0.1", "unknown", true, "failed", "cannot read the address")]
#[tokio::test(flavor = "multi_thread")]
async fn the_forwarded_address_is_checked_through_the_proxy(
    #[case] trusted: &str,
    #[case] address: &'static str,
    #[case] is_last: bool,
    #[case] state: &str,
    #[case] words: &str,
) {
    let mut ready = Ready::new(Sqlite).await;
    let server = ready.serve(&[("TRUSTED_PROXIES", trusted)]).await;
    let url = proxy(&server, address, is_last).await;
    // the last value of a setting counts
    let (_, said) = ready.check(&[("PUBLIC_URL", &url), ("TRUSTED_PROXIES", trusted)]);
    assert_line(&said, state, "forwarded address", words);
    // this proxy passes on the IDs that clients choose
    let is_believed = ["ok", "failed"].contains(&state) && trusted == "127.0.0.1" && address != "unknown";
    assert_eq!(said.contains("request id"), is_believed, "{said}");
}
