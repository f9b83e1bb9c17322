//! One connection to either database.

use std::time::{Duration, Instant};

use sea_orm::{
    DbErr, ExecResult, QueryResult, RuntimeErr, Statement,
    sqlx::{
        self, AssertSqlSafe, Connection as _, IntoArguments, PgConnection, SqliteConnection,
        postgres::PgConnectOptions, query::Query, sqlite::SqliteConnectOptions,
    },
};
use sea_query_sqlx::SqlxValues;

use super::{
    limits::{MAX_CONNECTION_AGE, SLOW_STATEMENT},
    postgres::{broken_tls::without_tls, connection_settings::ConnectionSettings},
    statement_counts::StatementCounter,
};
use crate::{secrets, telemetry::LogLimit};

static SLOW_LIMIT: LogLimit = LogLimit::new();

/// The pragma that shows a SQLite connection whether another connection has committed.
pub(crate) const DATA_VERSION: &str = "PRAGMA data_version";

/// A connection that counts its statements and knows whether it has an unfinished statement or transaction.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) sqlx: Sqlx,
    is_in_transaction: bool,
    /// Whether the outcome of a statement that was sent is unknown.
    is_cut_off: bool,
    /// Whether the server has reported that it is a standby, that it is stopping or starting, or that the connection is
    /// lost.
    is_misrouted: bool,
    /// The age from which the connection is replaced. It varies, so that the connections are not all replaced at the
    /// same time.
    max_age: Duration,
    statements: StatementCounter,
}

#[derive(Debug)]
pub(crate) enum Sqlx {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Sqlx {
    // boxed, because otherwise the future of every statement would be as large as the future that connects
    pub(crate) async fn connect_postgres(
        server: &PgConnectOptions,
        settings: &ConnectionSettings,
    ) -> Result<Self, sqlx::Error> {
        let mut connection = match Box::pin(PgConnection::connect_with(server)).await {
            Ok(connection) => connection,
            Err(error) => {
                let server = without_tls(server, &error).ok_or(error)?;
                Box::pin(PgConnection::connect_with(&server)).await?
            }
        };
        settings.apply(&mut connection).await?;
        Ok(Self::Postgres(connection))
    }

    pub(crate) async fn connect_sqlite(options: &SqliteConnectOptions) -> Result<Self, sqlx::Error> {
        Box::pin(SqliteConnection::connect_with(options)).await.map(Self::Sqlite)
    }
}

impl Connection {
    pub(crate) fn new(sqlx: Sqlx, statements: StatementCounter) -> Self {
        let [spread] = secrets::guessable();
        let max_age = MAX_CONNECTION_AGE.mul_f64(1.0 - f64::from(spread) / 1024.0);
        Self { sqlx, is_in_transaction: false, is_cut_off: false, is_misrouted: false, max_age, statements }
    }

    /// Returns whether a connection of this age should be replaced.
    pub(crate) fn is_old(&self, age: Duration) -> bool {
        age > self.max_age
    }

    pub(crate) async fn execute(&mut self, statement: Statement) -> Result<ExecResult, DbErr> {
        let begun = self.begin();
        let result = match &mut self.sqlx {
            Sqlx::Postgres(sqlx) => query(statement).execute(sqlx).await.map(ExecResult::from),
            Sqlx::Sqlite(sqlx) => query(statement).execute(sqlx).await.map(ExecResult::from),
        };
        self.end(begun, result)
    }

    pub(crate) async fn execute_text(&mut self, sql: &str) -> Result<ExecResult, DbErr> {
        let text = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        let begun = self.begin();
        let result = match &mut self.sqlx {
            Sqlx::Postgres(sqlx) => text.execute(sqlx).await.map(ExecResult::from),
            Sqlx::Sqlite(sqlx) => text.execute(sqlx).await.map(ExecResult::from),
        };
        self.end(begun, result)
    }

    pub(crate) async fn query_one(&mut self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let begun = self.begin();
        let result = match &mut self.sqlx {
            Sqlx::Postgres(sqlx) => {
                query(statement).fetch_optional(sqlx).await.map(|row| row.map(Into::into))
            }
            Sqlx::Sqlite(sqlx) => query(statement).fetch_optional(sqlx).await.map(|row| row.map(Into::into)),
        };
        self.end(begun, result)
    }

    pub(crate) async fn query_all(&mut self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let begun = self.begin();
        let result = match &mut self.sqlx {
            Sqlx::Postgres(sqlx) => query(statement).fetch_all(sqlx).await.map(into_results),
            Sqlx::Sqlite(sqlx) => query(statement).fetch_all(sqlx).await.map(into_results),
        };
        self.end(begun, result)
    }

    /// Sends commands, the first of which must be a form of BEGIN.
    pub(crate) async fn begin_transaction(&mut self, commands: &'static str) -> Result<(), DbErr> {
        self.is_in_transaction = true;
        self.command(sqlx::raw_sql(commands)).await
    }

    pub(crate) async fn end_transaction(&mut self, commands: String) -> Result<(), DbErr> {
        self.command(sqlx::raw_sql(AssertSqlSafe(commands))).await?;
        self.is_in_transaction = false;
        self.is_cut_off = false;
        Ok(())
    }

    pub(crate) async fn data_version(&mut self) -> Option<i64> {
        match &mut self.sqlx {
            Sqlx::Sqlite(sqlite) => sqlx::query_scalar(DATA_VERSION).fetch_one(sqlite).await.ok(),
            Sqlx::Postgres(_) => None,
        }
    }

    pub(crate) async fn ping(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.sqlx {
            Sqlx::Postgres(sqlx) => sqlx.ping().await,
            Sqlx::Sqlite(sqlx) => sqlx.ping().await,
        }
    }

    /// Returns whether something on this connection is unfinished or the connection leads to the wrong server.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_in_transaction || self.is_cut_off || self.is_misrouted
    }

    pub(crate) fn is_misrouted(&self) -> bool {
        self.is_misrouted
    }

    /// Runs commands without counting them as statements.
    async fn command(&mut self, commands: sqlx::RawSql) -> Result<(), DbErr> {
        let result = match &mut self.sqlx {
            Sqlx::Postgres(sqlx) => commands.execute(sqlx).await.map(drop),
            Sqlx::Sqlite(sqlx) => commands.execute(sqlx).await.map(drop),
        };
        self.note_misrouted(result.as_ref().err());
        result.map_err(failed)
    }

    /// Notes SQLSTATE 25006 (the server is read-only), 57P01 to 57P03 (it is stopping or starting) and class 08 (the
    /// connection is lost). After any of these errors, all further statements on the connection would fail in the same
    /// way.
    fn note_misrouted(&mut self, error: Option<&sqlx::Error>) {
        let code = error.and_then(|error| error.as_database_error()?.code());
        self.is_misrouted |= code.is_some_and(|code| {
            ["25006", "57P01", "57P02", "57P03"].contains(&&*code) || code.starts_with("08")
        });
    }

    fn begin(&mut self) -> Instant {
        // stays true if the future of the statement is dropped
        self.is_cut_off = true;
        Instant::now()
    }

    fn end<T>(&mut self, begun: Instant, result: Result<T, sqlx::Error>) -> Result<T, DbErr> {
        let time = begun.elapsed();
        self.statements.add(time);
        if time >= SLOW_STATEMENT {
            SLOW_LIMIT.log(|left_out| {
                tracing::warn!(?time, left_out, "a statement was slow; RUST_LOG=sqlx=debug shows statements");
            });
        }
        // a database that responds with an error is ready for the next statement
        self.is_cut_off = !matches!(result, Ok(_) | Err(sqlx::Error::Database(_)));
        self.note_misrouted(result.as_ref().err());
        result.map_err(failed)
    }
}

fn query<DB: sqlx::Database>(statement: Statement) -> Query<'static, DB, SqlxValues>
where
    SqlxValues: IntoArguments<DB>,
{
    let values = statement.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

fn into_results<R: Into<QueryResult>>(rows: Vec<R>) -> Vec<QueryResult> {
    rows.into_iter().map(Into::into).collect()
}

fn failed(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}
