//! A database for each test: a SQLite file, or a copy of a migrated template on a PostgreSQL server of this run.

use std::{
    fs::OpenOptions,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    process::{Child, ChildStdout, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use gatehouse::{
    config::{Config, Mode},
    secrets::private_file,
    storage::migrate::migrate,
};
use sea_orm::{ConnectOptions, ConnectionTrait, Database as SeaOrm, DatabaseConnection};
use tokio::sync::{Mutex, OnceCell};

/// The database that a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
    /// PostgreSQL with serializable transactions by default. It undoes transactions that could see only part of each
    /// other's changes.
    Serializable,
}

pub use Database::{Postgres, Serializable, Sqlite};

impl Database {
    /// Creates an empty, migrated database and returns its URL; a SQLite file is in `folder`.
    pub async fn create(self, folder: &std::path::Path) -> String {
        match self {
            Sqlite => {
                let file = folder.join("gatehouse.db");
                let migrated = SQLITE.get_or_init(migrated_file).await;
                // private, as the program creates it
                let mut private = private_file(&file, OpenOptions::new().write(true).create(true)).unwrap();
                private.write_all(migrated).unwrap();
                format!("sqlite://{}", file.display())
            }
            Postgres => CLUSTER.get_or_init(Cluster::start).await.create("template").await,
            Serializable => CLUSTER.get_or_init(Cluster::start).await.create_serializable("template").await,
        }
    }

    /// Creates a database without tables and returns its URL; a SQLite file is in `folder`.
    pub async fn create_empty(self, folder: &std::path::Path) -> String {
        match self {
            Sqlite => {
                let file = folder.join("gatehouse.db");
                private_file(&file, OpenOptions::new().write(true).create(true)).unwrap();
                format!("sqlite://{}", file.display())
            }
            Postgres => CLUSTER.get_or_init(Cluster::start).await.create("template0").await,
            Serializable => CLUSTER.get_or_init(Cluster::start).await.create_serializable("template0").await,
        }
    }
}

/// The contents of a migrated SQLite file.
static SQLITE: OnceCell<Vec<u8>> = OnceCell::const_new();

async fn migrated_file() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gatehouse.db");
    migrate(&config(&format!("sqlite://{}", file.display()))).await.unwrap();
    std::fs::read(file).unwrap()
}

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// A PostgreSQL server.
pub struct Cluster {
    /// The server stops when its standard input closes, at the latest when this process ends.
    server: Child,
    words: BufReader<ChildStdout>,
    url: String,
    created: AtomicU32,
    /// Held while the template is copied, because only one connection can copy it at a time.
    template: Mutex<()>,
}

impl Cluster {
    pub async fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/api/support/postgres.sh");
        let mut server = Command::new(script)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the script that runs PostgreSQL could not be started");
        let words = BufReader::new(server.stdout.take().unwrap());
        let url = format!("postgres://gatehouse@127.0.0.1:{port}");
        let mut cluster = Self { server, words, url, created: AtomicU32::new(0), template: Mutex::new(()) };
        assert_eq!(cluster.hear(), "ready", "PostgreSQL could not be started; see its output above");
        cluster.run("CREATE DATABASE template").await;
        migrate(&config(&format!("{}/template", cluster.url))).await.unwrap();
        cluster
    }

    /// Makes the server fail or recover, as described in the script.
    pub fn tell(&mut self, command: &str) {
        writeln!(self.server.stdin.as_mut().unwrap(), "{command}").unwrap();
        assert_eq!(self.hear(), "done", "{command}");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.words.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    /// Creates a copy of a database and returns its URL.
    pub async fn create(&self, template: &str) -> String {
        let _alone = self.template.lock().await;
        let name = format!("test_{}", self.created.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        format!("{}/{name}", self.url)
    }

    async fn create_serializable(&self, template: &str) -> String {
        let url = self.create(template).await;
        let name = url.rsplit('/').next().unwrap();
        self.run(&format!("ALTER DATABASE {name} SET default_transaction_isolation = serializable")).await;
        url
    }

    async fn run(&self, sql: &str) {
        let connection = connect(&format!("{}/postgres", self.url)).await;
        connection.execute_unprepared(sql).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Connects to the database without the Gatehouse server.
pub async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    // works around sqlx issue 3645, like `storage/engine/connect.rs`
    options.max_connections(1).idle_timeout(None).max_lifetime(None);
    SeaOrm::connect(options).await.unwrap()
}

pub fn config(url: &str) -> Config {
    Config::load(Mode::Command, &[("DATABASE_URL", url)].into_iter().collect()).unwrap()
}
