//! Steps of migrations that run without a transaction. The steps hold no lock for long. They can be repeated, because
//! an interrupted migration runs again from its beginning.

use std::time::Duration;

use sea_orm_migration::{
    prelude::*,
    sea_orm::{
        DatabaseTransaction, DbBackend, SqliteTransactionMode, Statement, TransactionOptions,
        TransactionTrait,
    },
};

/// The number of rows that one transaction fills in.
pub(crate) const BATCH: u64 = 2000;

/// The pause between two transactions that fill in rows, during which others can write to a SQLite file.
const PAUSE: Duration = Duration::from_millis(20);

/// The kind of transaction that steps use. On SQLite, a deferred transaction that reads before it writes would fail
/// immediately if another transaction were writing.
pub const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// Adds columns that the table does not have yet.
pub(crate) async fn add_columns<const N: usize>(
    manager: &SchemaManager<'_>,
    table: &'static str,
    columns: [ColumnDef; N],
) -> Result<(), DbErr> {
    // in a transaction, because another server may be about to add the same columns to the same SQLite file
    let txn = begin(manager).await?;
    let manager = SchemaManager::new(&txn);
    for column in columns {
        if !manager.has_column(table, column.get_column_name()).await? {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
    }
    txn.commit().await
}

/// Creates an index while the table is in use.
pub(crate) async fn create_index(
    manager: &SchemaManager<'_>,
    index: &mut IndexCreateStatement,
) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Sqlite {
        return manager.create_index(index.if_not_exists().to_owned()).await;
    }
    let name = index.get_index_spec().get_name().unwrap_or_default().to_owned();
    create_concurrently(manager, &name, &index.concurrently().to_string(PostgresQueryBuilder)).await
}

/// Creates an index on PostgreSQL with `CREATE INDEX CONCURRENTLY`. First drops any invalid index that an interrupted
/// run has left behind.
pub(crate) async fn create_concurrently(
    manager: &SchemaManager<'_>,
    name: &str,
    sql: &str,
) -> Result<(), DbErr> {
    let on = manager.get_connection();
    let find = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";
    let found = on.query_one_raw(Statement::from_sql_and_values(DbBackend::Postgres, find, [name.into()]));
    match found.await?.map(|row| row.try_get("", "indisvalid")).transpose()? {
        Some(true) => return Ok(()),
        Some(false) => drop_index(manager, name).await?,
        None => {}
    }
    patiently(manager, sql).await
}

/// Drops an index while the table is in use.
pub(crate) async fn drop_index(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    match manager.get_database_backend() {
        DbBackend::Postgres => patiently(manager, &format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).await,
        _ => manager
            .get_connection()
            .execute_unprepared(&format!("DROP INDEX IF EXISTS {name}"))
            .await
            .map(drop),
    }
}

/// Begins a transaction that fills in rows.
pub(crate) async fn begin(manager: &SchemaManager<'_>) -> Result<DatabaseTransaction, DbErr> {
    manager.get_connection().begin_with_options(IMMEDIATE).await
}

/// Commits a transaction that has filled in rows, and then pauses so that others can write.
pub(crate) async fn commit(txn: DatabaseTransaction) -> Result<(), DbErr> {
    txn.commit().await?;
    tokio::time::sleep(PAUSE).await;
    Ok(())
}

/// Runs a `CONCURRENTLY` statement on PostgreSQL. The statement waits for every open transaction, but nothing waits for
/// the statement.
async fn patiently(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    let on = manager.get_connection();
    on.execute_unprepared("SET lock_timeout = 0").await?;
    let done = on.execute_unprepared(sql).await;
    on.execute_unprepared("RESET lock_timeout").await?;
    done.map(drop)
}
