//! The way to read. A database that hangs must not make its readers hang, so each statement has its time.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{TIME_LIMIT, postgres::Connections};

/// Connections for statements that change nothing.
#[derive(Clone, Debug)]
pub struct Reader(pub(super) Source);

#[derive(Clone, Debug)]
pub(super) enum Source {
    Postgres(Connections),
    Sqlite(DatabaseConnection),
}

impl Reader {
    /// Closes them, clones included: every statement fails from then on.
    ///
    /// # Errors
    /// The database's.
    pub async fn close(self) -> Result<(), DbErr> {
        match self.0 {
            Source::Postgres(connections) => {
                connections.close();
                Ok(())
            }
            Source::Sqlite(pool) => pool.close().await,
        }
    }
}

async fn limited<T>(statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = |_| Err(DbErr::Custom("the database did not answer in time".to_owned()));
    tokio::time::timeout(TIME_LIMIT, statement).await.unwrap_or_else(late)
}

/// Sends one statement, and waits for it no longer than one may take.
macro_rules! send {
    ($self:ident.$method:ident($argument:expr)) => {
        match &$self.0 {
            Source::Postgres(connections) => limited(connections.$method($argument)).await,
            Source::Sqlite(pool) => limited(pool.$method($argument)).await,
        }
    };
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Source::Postgres(_) => DbBackend::Postgres,
            Source::Sqlite(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        send!(self.execute_raw(statement))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        send!(self.execute_unprepared(sql))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        send!(self.query_one_raw(statement))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        send!(self.query_all_raw(statement))
    }
}
