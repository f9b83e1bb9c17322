//! The settings of the database and of the viewer cache.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{
    connection_url,
    reader::{DefaultValue, Reader},
    values::{MINUTE, duration, one_of, optional, within},
};

/// The location of the data, and how much of it is cached in memory.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct DatabaseConfig {
    pub data_dir: PathBuf,
    pub url: DatabaseUrl,
    pub max_connections: u32,
    pub events: DatabaseEvents,
    pub pooler: DatabasePooler,
    /// The servers on which Gatehouse executes LISTEN. `None` if they are the servers of `url`.
    pub listen_url: Option<Vec<SecretString>>,
    /// The maximum number of cached sessions and, separately, of cached users.
    pub viewer_cache_size: usize,
    /// The maximum age of cached sessions and users. Ignored on SQLite, where the cache is never stale.
    pub viewer_cache_staleness: Duration,
}

/// The location of the database.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A file, which is created if it is missing.
    Sqlite(PathBuf),
    /// The URLs of one or more servers, one of which accepts writes. Each URL may contain a password.
    Postgres(Vec<SecretString>),
}

/// How servers on one PostgreSQL database learn of each other's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseEvents {
    /// By LISTEN and NOTIFY.
    Notify,
    /// Only by checking the database.
    Check,
}

/// How a pooler between Gatehouse and PostgreSQL assigns its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabasePooler {
    /// To a client for as long as the client is connected. Also applies if there is no pooler.
    Session,
    /// To a client for one transaction at a time. Settings that the client changes on a connection would also apply to
    /// other clients.
    Transaction,
}

impl DatabaseConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section("Database", "");
        let data_dir = r.setting(
            "DATA_DIR",
            "data",
            "The folder in which `dev` keeps its database and its secret.",
            |s| Ok(PathBuf::from(s)),
        );
        let sqlite = format!("sqlite://{}", data_dir.join("gatehouse.db").display());
        let name = "DATABASE_URL";
        let url = r.setting(
            name,
            DefaultValue::derived(sqlite, "`sqlite://DATA_DIR/gatehouse.db`").required_by_serve(),
            "Where the database is: `sqlite://path` or `postgres://…`. Separate several PostgreSQL servers with \
             commas (`postgres://user:password@one:5432,two:5432/name?target_session_attrs=read-write`). Gatehouse \
             uses the one that accepts writes.",
            database_url,
        );
        let given = r.find(name).and_then(|found| found.text().ok());
        r.warnings.extend(given.and_then(connection_url::unused_parameters));
        let pooler = r.setting(
            "DATABASE_POOLER",
            "session",
            "The mode of a pooler between Gatehouse and PostgreSQL: `transaction`, or `session`, which also suits a direct \
             connection. See [Operating](operating.md#behind-a-connection-pooler).",
            |s| one_of(s, &[("session", DatabasePooler::Session), ("transaction", DatabasePooler::Transaction)]),
        );
        let listen_url = r.setting(
            "DATABASE_LISTEN_URL",
            "",
            "The URL of the PostgreSQL server itself, for LISTEN and migrations. It is needed if `DATABASE_URL` \
             leads to a pooler in transaction mode. Each Gatehouse server keeps one connection to this URL.",
            |s| optional(s, listen_url),
        );
        if pooler == DatabasePooler::Transaction && listen_url.is_none() {
            let problem = "DATABASE_POOLER=transaction needs DATABASE_LISTEN_URL, PostgreSQL's own address";
            r.problems.push(problem.to_owned());
        }
        Self {
            data_dir,
            url,
            max_connections: r.setting(
                "DATABASE_MAX_CONNECTIONS",
                "12",
                "The maximum number of connections to PostgreSQL. Nearly half of them are used only for reading. \
                 A distant database server needs more connections.",
                |s| within(s, 2..=1000),
            ),
            events: r.setting(
                "DATABASE_EVENTS",
                "notify",
                "How servers that share a PostgreSQL database learn of each other's events: `notify` \
                 (immediately, by LISTEN and NOTIFY), or `check` for databases and connection poolers without \
                 LISTEN. With `check`, each server learns within seconds which sessions have ended, but learns of \
                 no other events, and keeps no sessions in memory. See [Events](events.md).",
                |s| one_of(s, &[("notify", DatabaseEvents::Notify), ("check", DatabaseEvents::Check)]),
            ),
            pooler,
            listen_url,
            viewer_cache_size: r.setting(
                "VIEWER_CACHE_SIZE",
                "20000",
                "How many sessions are kept in memory, with their users and access tokens. `0` keeps none.",
                |s| within(s, 0..=10_000_000),
            ),
            viewer_cache_staleness: r.setting(
                "VIEWER_CACHE_STALENESS",
                "0s",
                "On PostgreSQL, how long sessions in memory are used, even if another program has changed them in \
                 the meantime. With `0s`, no sessions are kept in memory. See [Speed](speed.md).",
                |s| duration(s, Duration::ZERO..=MINUTE),
            ),
        }
    }
}

fn listen_url(s: &str) -> Result<Vec<SecretString>, String> {
    match database_url(s)? {
        DatabaseUrl::Postgres(servers) => Ok(servers),
        DatabaseUrl::Sqlite(_) => Err("must begin with postgres://".to_owned()),
    }
}

fn database_url(s: &str) -> Result<DatabaseUrl, String> {
    if let Some(path) = s.strip_prefix("sqlite://").or_else(|| s.strip_prefix("sqlite:")) {
        let path = path.split('?').next().unwrap_or_default();
        return match path {
            "" | ":memory:" => Err("must name a file: sqlite://path/to/file.db".to_owned()),
            path => Ok(DatabaseUrl::Sqlite(path.into())),
        };
    }
    match s.split_once("://") {
        Some((scheme, _))
            if ["postgres", "postgresql"].iter().any(|one| scheme.eq_ignore_ascii_case(one)) =>
        {
            connection_url::postgres(s).map(DatabaseUrl::Postgres)
        }
        _ => Err("must begin with sqlite:// or postgres://".to_owned()),
    }
}
