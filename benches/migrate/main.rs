//! Measures whether migrations keep requests waiting: migrates a large PostgreSQL database from schema 3 to the newest
//! schema while statements run on it.
//!
//! `cargo bench --bench migrate` creates `gatehouse_bench_migrate` on `BENCH_POSTGRES_URL`, with a million users
//! (`BENCH_USERS`) and as many sessions. The server does not work with schema 3, so the load consists of statements
//! that use the columns of that schema: reading a session with its user, a refresh, and a sign-in. As in the server,
//! each statement may take two seconds. The figures depend on the machine, so none are asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]
#![expect(clippy::disallowed_methods, reason = "the variables that it reads are not settings of the server")]

use std::{
    env,
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use migrations::SchemaManager;
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement, Value, prelude::Uuid,
};

/// The schema to begin with. Migration 4 is the first one that fills in rows.
const SCHEMA: usize = 3;

/// How many connections send each kind of statement, and the pause between two statements.
const CONNECTIONS: u64 = 4;
const PAUSE: Duration = Duration::from_millis(4);

const USERS: &str = "INSERT INTO users (id, email, email_key, username, username_key, first_name, last_name, role, is_active,
    credentials_version, created_at, updated_at)
    SELECT lpad(to_hex(n), 32, '0')::uuid, n || '@example.org', n || '@example.org', 'person' || n, 'person' || n,
    'First' || to_hex(n), 'Last' || n, 'user', TRUE, 0, 0, 0 FROM generate_series(1, $1) n";

const SESSIONS: &str = "INSERT INTO sessions (id, user_id, counter, seen_counter, created_at, last_used_at, expires_at, max_expires_at)
    SELECT id, id, 0, 0, 0, 0, 4000000000000, 4000000000000 FROM users";

/// The load. Each statement has a name, and its parameter is the ID of both a user and their session.
const STATEMENTS: [(&str, &str); 3] = [
    (
        "me",
        "SELECT s.id, s.counter, s.expires_at, u.id, u.email, u.role FROM sessions s JOIN users u ON u.id = s.user_id
        WHERE s.id = $1",
    ),
    (
        "refresh",
        "UPDATE sessions SET counter = counter + 1, last_used_at = last_used_at + 1, expires_at = expires_at + 1
        WHERE id = $1 AND ended_at IS NULL RETURNING id, counter, expires_at",
    ),
    (
        "login",
        "WITH a AS (UPDATE users SET last_login_at = 1 WHERE id = $1 AND is_active RETURNING id)
        INSERT INTO sessions (id, user_id, counter, seen_counter, created_at, last_used_at, expires_at, max_expires_at)
        SELECT gen_random_uuid(), id, 0, 0, 0, 0, 4000000000000, 4000000000000 FROM a RETURNING id",
    ),
];

#[tokio::main]
async fn main() {
    // `cargo test --all-targets` runs this program too, but must not measure anything
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let Ok(url) = env::var("BENCH_POSTGRES_URL") else {
        println!("set BENCH_POSTGRES_URL to the PostgreSQL server on which to create and migrate a database");
        return;
    };
    let users: i64 = env::var("BENCH_USERS").map_or(1_000_000, |text| text.parse().unwrap());
    let database_url = prepare(&url, users).await;

    let stop = AtomicBool::new(false);
    let migrating = async {
        // let the load reach its usual speed before the migration starts
        let before = tokio::time::sleep(Duration::from_secs(3));
        before.await;
        let program =
            env::var("BENCH_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gatehouse").to_owned());
        let mut command = Command::new(program);
        command.arg("migrate").env_clear().env("DATABASE_URL", &database_url).env("RUST_LOG", "error");
        command.stdout(Stdio::null());
        let begun = Instant::now();
        let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(status.success(), "migrating failed");
        begun.elapsed()
    };
    let kinds = STATEMENTS.iter().map(|(_, sql)| load(&database_url, sql, users, &stop));
    let (took, results) = tokio::join!(migrating, join_all(kinds));

    println!("{users} users were migrated in {:.1} s", took.as_secs_f64());
    println!("{:<10}{:>12}{:>10}{:>14}", "statement", "sent", "failed", "slowest, ms");
    for ((name, _), result) in STATEMENTS.iter().zip(results) {
        println!(
            "{name:<10}{:>12}{:>10}{:>14.1}",
            result.sent,
            result.failed,
            1e3 * result.slowest.as_secs_f64()
        );
    }
}

/// Creates and fills the database.
async fn prepare(url: &str, users: i64) -> String {
    let on = connect(url).await;
    on.execute_unprepared("DROP DATABASE IF EXISTS gatehouse_bench_migrate").await.unwrap();
    on.execute_unprepared("CREATE DATABASE gatehouse_bench_migrate").await.unwrap();
    let database_url = format!("{}/gatehouse_bench_migrate", url.rsplit_once('/').unwrap().0);
    let on = connect(&database_url).await;
    let install =
        "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)";
    on.execute_unprepared(install).await.unwrap();
    for step in migrations::all().into_iter().take(SCHEMA) {
        step.migration.up(&SchemaManager::new(&on)).await.unwrap();
        let record = format!("INSERT INTO seaql_migrations VALUES ('{}', 0)", step.name());
        on.execute_unprepared(&record).await.unwrap();
    }
    run(&on, USERS, users.into()).await.unwrap();
    on.execute_unprepared(SESSIONS).await.unwrap();
    on.execute_unprepared("VACUUM ANALYZE").await.unwrap();
    database_url
}

async fn connect(url: &str) -> DatabaseConnection {
    Database::connect(ConnectOptions::new(url).max_connections(1).to_owned()).await.unwrap()
}

async fn run(on: &DatabaseConnection, sql: &str, value: Value) -> Result<usize, sea_orm::DbErr> {
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, sql, [value]);
    on.query_all_raw(statement).await.map(|rows| rows.len())
}

struct Load {
    sent: u64,
    failed: u64,
    slowest: Duration,
}

/// Sends a statement on several connections until `stop` is set.
async fn load(database_url: &str, sql: &str, users: i64, stop: &AtomicBool) -> Load {
    let number = &AtomicU64::new(1);
    let connections = (0..CONNECTIONS).map(|_| async move {
        let on = connect(database_url).await;
        on.execute_unprepared("SET statement_timeout = '2s'").await.unwrap();
        let mut load = Load { sent: 0, failed: 0, slowest: Duration::ZERO };
        while !stop.load(Ordering::Relaxed) {
            // multiples of a large prime visit all users in an order that does not benefit from caches
            let next = number.fetch_add(1, Ordering::Relaxed).wrapping_mul(7_368_787);
            let user = Uuid::from_u128(u128::from(next % users.unsigned_abs() + 1));
            let begun = Instant::now();
            let answer = run(&on, sql, user.into()).await;
            load.sent += 1;
            load.slowest = load.slowest.max(begun.elapsed());
            if answer.as_ref().ok() != Some(&1) {
                load.failed += 1;
                eprintln!("{answer:?}");
            }
            tokio::time::sleep(PAUSE).await;
        }
        load
    });
    let add = |all: Load, one: Load| Load {
        sent: all.sent + one.sent,
        failed: all.failed + one.failed,
        slowest: all.slowest.max(one.slowest),
    };
    join_all(connections).await.into_iter().reduce(add).unwrap()
}
