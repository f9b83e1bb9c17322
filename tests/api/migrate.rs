//! Migrations of databases that are in use.

use std::{process::Stdio, time::Duration};

use futures_util::future::join_all;
use gatehouse::storage::migrate::{MigrateError, MigrationState, migrate, migrate_within, status};
use migrations::SchemaManager;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TransactionTrait};

use crate::support::{
    Database, Postgres, Serializable, Sqlite,
    database::{config, connect},
    process::gatehouse,
};

/// The users that a test migrates: more than two batches.
const USERS: i64 = 5000;

/// The name of the migration that adds search keys, and the number of those before it.
const SEARCH_KEYS: (&str, usize) = ("m20261121_000004_add_user_search_keys", 3);

/// Applies the first migrations, as the first versions did, which recorded only their names.
async fn migrate_to(on: &DatabaseConnection, count: usize) {
    let install =
        "CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL)";
    on.execute_unprepared(install).await.unwrap();
    for step in migrations::all().into_iter().take(count) {
        step.migration.up(&SchemaManager::new(on)).await.unwrap();
        let record = format!("INSERT INTO seaql_migrations VALUES ('{}', 0)", step.name());
        on.execute_unprepared(&record).await.unwrap();
    }
}

/// Adds users to a database that has no search keys. The newest is named `last`.
async fn add_users(on: &DatabaseConnection, database: Database) {
    let id = match database {
        Sqlite => "unhex(printf('%032x', n))",
        Postgres | Serializable => "lpad(to_hex(n), 32, '0')::uuid",
    };
    let sql = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {USERS})
        INSERT INTO users (id, email_key, first_name, role, is_active, credentials_version, created_at, updated_at)
        SELECT {id}, n || '@example.org', CASE WHEN n = {USERS} THEN 'last' ELSE 'Łucja' END, 'user', TRUE, 0, 0, 0
        FROM numbers"
    );
    on.execute_unprepared(&sql).await.unwrap();
}

async fn count(on: &DatabaseConnection, from: &str) -> i64 {
    let sql = format!("SELECT count(*) AS n FROM {from}");
    let row = on.query_one_raw(Statement::from_string(on.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "n").unwrap()
}

async fn text(on: &DatabaseConnection, expression: &str) -> String {
    let sql = format!("SELECT ({expression})::text AS text");
    let row = on.query_one_raw(Statement::from_string(on.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "text").unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn servers_that_start_together_migrate_once(#[values(Sqlite, Postgres)] database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = &database.create_empty(folder.path()).await;
    let all = status(&config(url)).await.unwrap();
    assert!(all.iter().all(|migration| migration.state == MigrationState::Pending));
    let applied = join_all((0..8).map(|_| async { migrate(&config(url)).await.unwrap() })).await.concat();
    let mut names: Vec<&str> = applied.iter().map(|migration| migration.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, all.iter().map(|migration| migration.name.as_str()).collect::<Vec<_>>());
    let all = status(&config(url)).await.unwrap();
    assert!(all.iter().all(|migration| migration.state == MigrationState::Applied));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_failed_halfway_continues(#[values(Sqlite, Postgres)] database: Database) {
    let folder = tempfile::tempdir().unwrap();
    let url = database.create_empty(folder.path()).await;
    let on = connect(&url).await;
    migrate_to(&on, SEARCH_KEYS.1).await;
    add_users(&on, database).await;
    let (fail, recover) = match database {
        Sqlite => (
            "CREATE TRIGGER fail BEFORE UPDATE ON users WHEN NEW.first_name = 'last'
            BEGIN SELECT RAISE(ABORT, 'the test says so'); END",
            "DROP TRIGGER fail",
        ),
        Postgres | Serializable => (
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN RAISE 'the test says so'; END $$;
            CREATE TRIGGER fail BEFORE UPDATE ON users FOR EACH ROW WHEN (NEW.first_name = 'last') EXECUTE FUNCTION fail()",
            "DROP TRIGGER fail ON users",
        ),
    };
    on.execute_unprepared(fail).await.unwrap();
    let failed = migrate(&config(&url)).await.unwrap_err();
    let message = failed.to_string();
    assert!(message.contains(SEARCH_KEYS.0) && message.contains("the test says so"), "{message}");
    assert_eq!(count(&on, "users WHERE name_key = 'łucja'").await, 4000, "of full batches");

    on.execute_unprepared(recover).await.unwrap();
    let applied = migrate(&config(&url)).await.unwrap();
    assert_eq!(applied.first().map(|migration| migration.name.as_str()), Some(SEARCH_KEYS.0));
    assert_eq!(applied.len(), migrations::all().len() - SEARCH_KEYS.1);
    assert_eq!(count(&on, "users WHERE name_key = 'łucja' AND first_name_key = 'łucja'").await, USERS - 1);
    assert_eq!(count(&on, "users WHERE name_key = 'last'").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_migration_continues() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres.create_empty(folder.path()).await;
    let (on, blocker) = (connect(&url).await, connect(&url).await);
    migrate_to(&on, SEARCH_KEYS.1).await;
    add_users(&on, Postgres).await;
    let wait = "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NEW; END $$;
        CREATE TRIGGER wait BEFORE UPDATE ON users FOR EACH ROW WHEN (NEW.first_name = 'last') EXECUTE FUNCTION wait()";
    on.execute_unprepared(wait).await.unwrap();
    blocker.execute_unprepared("SELECT pg_advisory_lock(1)").await.unwrap();
    let mut command = gatehouse(folder.path(), &["migrate"], &[("DATABASE_URL", &url)]);
    let mut program = command.stderr(Stdio::null()).spawn().unwrap();
    let has_begun = async || {
        let column = "information_schema.columns WHERE table_name = 'users' AND column_name = 'name_key'";
        count(&on, column).await == 1 && count(&on, "users WHERE name_key IS NOT NULL").await == 4000
    };
    while !has_begun().await {
        assert!(program.try_wait().unwrap().is_none(), "it waits for the last user");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    program.kill().unwrap();
    program.wait().unwrap();
    blocker.close().await.unwrap();

    let applied = migrate(&config(&url)).await.unwrap();
    assert_eq!(applied.len(), migrations::all().len() - SEARCH_KEYS.1);
    assert_eq!(count(&on, "users WHERE name_key IS NOT NULL").await, USERS);
    assert_eq!(count(&on, "pg_index WHERE NOT indisvalid").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_index_of_an_interrupted_run_is_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres.create_empty(folder.path()).await;
    let on = connect(&url).await;
    migrate_to(&on, SEARCH_KEYS.1).await;
    add_users(&on, Postgres).await;
    let twice = "CREATE UNIQUE INDEX CONCURRENTLY idx_users_name_key ON users (is_active)";
    on.execute_unprepared(twice).await.unwrap_err();
    assert_eq!(count(&on, "pg_index WHERE NOT indisvalid").await, 1);
    migrate(&config(&url)).await.unwrap();
    assert_eq!(count(&on, "pg_index WHERE NOT indisvalid").await, 0);
    assert_eq!(
        text(&on, "pg_get_indexdef('idx_users_name_key'::regclass)").await,
        "CREATE INDEX idx_users_name_key ON public.users USING btree (name_key)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_get_their_collation_without_a_rewrite_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let url = Postgres.create_empty(folder.path()).await;
    let on = connect(&url).await;
    migrate_to(&on, SEARCH_KEYS.1).await;
    add_users(&on, Postgres).await;
    let file = text(&on, "pg_relation_filenode('users')").await;
    migrate(&config(&url)).await.unwrap();
    assert_eq!(text(&on, "pg_relation_filenode('users')").await, file);
    for key in ["email_key", "username_key"] {
        assert_eq!(
            text(&on, &format!("pg_get_indexdef('users_{key}_key'::regclass)")).await,
            format!("CREATE UNIQUE INDEX users_{key}_key ON public.users USING btree ({key})")
        );
        let constraint = format!("pg_constraint WHERE conname = 'users_{key}_key' AND contype = 'u'");
        assert_eq!(count(&on, &constraint).await, 1);
    }
    let in_bytes = "information_schema.columns
        WHERE table_name = 'users' AND column_name LIKE '%_key' AND collation_name = 'C'";
    assert_eq!(count(&on, in_bytes).await, 5);
}

/// Requests wait behind a statement that waits for its lock. The server gives them two seconds.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_is_tried_again_and_no_request_waits_long(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let folder = tempfile::tempdir().unwrap();
    let url = &database.create_empty(folder.path()).await;
    let (on, blocker) = (connect(url).await, connect(url).await);
    migrate_to(&on, 11).await;
    let as_the_server = match database {
        Sqlite => "PRAGMA journal_mode = WAL",
        Postgres | Serializable => "SET statement_timeout = '2s'",
    };
    on.execute_unprepared(as_the_server).await.unwrap();
    let lock = async || {
        let locked = blocker.begin().await.unwrap();
        locked.execute_unprepared("DELETE FROM users").await.unwrap();
        locked
    };
    let locked = lock().await;
    let requests = async {
        loop {
            count(&on, "users").await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let refused = tokio::select! {
        refused = async { migrate_within(&config(url), 3).await.unwrap_err() } => refused,
        () = requests => unreachable!("they go on"),
    };
    let message = refused.to_string();
    assert!(matches!(refused, MigrateError::Locked { attempts: 3, .. }), "{message}");
    assert!(message.contains("add_user_last_reset was tried 3 times"), "{message}");
    locked.rollback().await.unwrap();

    let locked = lock().await;
    let release = async {
        tokio::time::sleep(Duration::from_millis(1500)).await;
        locked.rollback().await.unwrap();
    };
    let (applied, ()) = tokio::join!(async { migrate(&config(url)).await.unwrap() }, release);
    assert_eq!(applied.len(), migrations::all().len() - 11);
}
