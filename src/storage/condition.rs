//! Examines the database for an operator who is about to go live.

use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, Statement,
    sqlx::postgres::{PgConnectOptions, PgSslMode},
};
use secrecy::ExposeSecret;
use time::OffsetDateTime;

use super::engine::connect::connect_alone;
use crate::{
    clock::Clock,
    config::{Config, DatabaseUrl, is_loopback},
};

/// What Gatehouse found when it connected.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The name and version of the database.
    pub name: String,
    /// Details of a PostgreSQL server. `None` for SQLite.
    pub server: Option<ServerCondition>,
}

/// What Gatehouse found on a PostgreSQL server.
#[derive(Clone, Debug)]
pub struct ServerCondition {
    /// The role that Gatehouse connects as.
    pub role: String,
    /// Whether the role is a superuser.
    pub is_superuser: bool,
    /// The tables for which the role lacks the permission to read or to write.
    pub forbidden: Vec<String>,
    /// The tables that the role may not read.
    pub unreadable: Vec<String>,
    /// How the connection is protected.
    pub protection: Protection,
    /// How far the server's clock is ahead of this machine's clock.
    pub clock_lead: time::Duration,
}

/// How a connection to a server is protected on the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// The connection does not leave this machine.
    Local,
    /// Gatehouse connects only if the connection is encrypted.
    Required,
    /// PostgreSQL says that the connection is encrypted, but Gatehouse would also connect without encryption. Behind a
    /// pooler, this describes the pooler's connection to PostgreSQL.
    Encrypted,
    /// The connection is not encrypted.
    None,
}

/// The tables that Gatehouse reads and writes.
pub const TABLES: [&str; 15] = [
    "authorization_requests",
    "challenges",
    "identities",
    "known_addresses",
    "outbox",
    "passkey_ceremonies",
    "passkeys",
    "rate_limits",
    "recovery_codes",
    "second_factor_challenges",
    "security_changes",
    "sessions",
    "signing_keys",
    "totps",
    "users",
];

/// The tables that Gatehouse only reads, to find out whether it works with the schema.
pub const HISTORY: [&str; 2] = ["schema_compatibility", "seaql_migrations"];

/// Reads the state of a server as one row. A table that does not exist yet does not count as forbidden.
const EXAMINE: &str = r#"SELECT current_setting('server_version') AS "version", current_user::text AS "role",
    (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "is_superuser",
    COALESCE((SELECT string_agg("name", ',') FROM unnest(CAST($1::text AS text[])) AS "table" ("name") WHERE to_regclass("name") IS NOT NULL
        AND NOT (has_table_privilege(to_regclass("name"), 'SELECT') AND has_table_privilege(to_regclass("name"), 'INSERT')
        AND has_table_privilege(to_regclass("name"), 'UPDATE') AND has_table_privilege(to_regclass("name"), 'DELETE'))), '')
        AS "forbidden",
    COALESCE((SELECT string_agg("name", ',') FROM unnest(CAST($2::text AS text[])) AS "table" ("name") WHERE to_regclass("name") IS NOT NULL
        AND NOT has_table_privilege(to_regclass("name"), 'SELECT')), '') AS "unreadable",
    COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS "is_encrypted",
    (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "now""#;

/// Connects to the database and examines it. Changes nothing.
///
/// # Errors
/// Fails if the database cannot be reached or accepts no writes.
pub async fn examine(config: &Config) -> Result<Condition, DbErr> {
    if let DatabaseUrl::Sqlite(path) = &config.database.url
        && !path.exists()
    {
        // opening the file would create it
        return Err(DbErr::Custom(format!("there is no database at {}", path.display())));
    }
    let connection = connect_alone(config).await?;
    let condition = match connection.get_database_backend() {
        DbBackend::Postgres => of_server(&connection, &config.database.url).await?,
        _ => of_file(&connection).await?,
    };
    connection.close().await?;
    Ok(condition)
}

async fn of_file(on: &impl ConnectionTrait) -> Result<Condition, DbErr> {
    // fails if the file, its folder or its disk is read-only
    on.execute_unprepared("BEGIN IMMEDIATE; PRAGMA user_version = 0; ROLLBACK").await?;
    let version = Statement::from_string(DbBackend::Sqlite, r#"SELECT sqlite_version() AS "version""#);
    let row = on.query_one_raw(version).await?.ok_or_else(nothing)?;
    Ok(Condition { name: format!("SQLite {}", row.try_get::<String>("", "version")?), server: None })
}

async fn of_server(on: &impl ConnectionTrait, url: &DatabaseUrl) -> Result<Condition, DbErr> {
    let clock = Clock::default();
    let before = clock.now();
    // as text, because sea-orm's array feature is off
    let list = |tables: &[&str]| format!("{{{}}}", tables.join(",")).into();
    let examine =
        Statement::from_sql_and_values(DbBackend::Postgres, EXAMINE, [list(&TABLES), list(&HISTORY)]);
    let row = on.query_one_raw(examine).await?.ok_or_else(nothing)?;
    // the server read its clock somewhere between the request and the response
    let here = before + (clock.now() - before) / 2;
    let there: i64 = row.try_get("", "now")?;
    let there = OffsetDateTime::UNIX_EPOCH + time::Duration::milliseconds(there);
    let tables = |column| {
        let names: String = row.try_get("", column)?;
        Ok::<_, DbErr>(names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    };
    let server = ServerCondition {
        role: row.try_get("", "role")?,
        is_superuser: row.try_get("", "is_superuser")?,
        forbidden: tables("forbidden")?,
        unreadable: tables("unreadable")?,
        protection: protection(url, row.try_get("", "is_encrypted")?),
        clock_lead: there - here,
    };
    let version: String = row.try_get("", "version")?;
    Ok(Condition { name: format!("PostgreSQL {version}"), server: Some(server) })
}

fn protection(url: &DatabaseUrl, is_encrypted: bool) -> Protection {
    let DatabaseUrl::Postgres(servers) = url else { return Protection::Local };
    let servers: Vec<PgConnectOptions> =
        servers.iter().filter_map(|server| server.expose_secret().parse().ok()).collect();
    let is_local = |server: &PgConnectOptions| {
        let host = server.get_host();
        server.get_socket().is_some() || host.starts_with('/') || is_loopback(host)
    };
    let requires = |server: &PgConnectOptions| {
        matches!(server.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull)
    };
    match is_encrypted {
        _ if servers.iter().all(is_local) => Protection::Local,
        _ if servers.iter().all(requires) => Protection::Required,
        true => Protection::Encrypted,
        false => Protection::None,
    }
}

fn nothing() -> DbErr {
    DbErr::Custom("the database returned no row".to_owned())
}
