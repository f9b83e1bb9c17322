//! The way to read. A database that hangs must not make its readers hang, so each statement has its time.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{db::TIME_LIMIT, pool::Connections};

/// Connections for statements that change nothing.
#[derive(Clone, Debug)]
pub struct Reader(pub(crate) Connections);

impl Reader {
    /// Closes them, clones included: every statement fails from then on.
    pub fn close(self) {
        self.0.close();
    }
}

/// Waits for a statement no longer than one may take.
async fn limited<T>(statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = |_| Err(DbErr::Custom("the database did not answer in time".to_owned()));
    tokio::time::timeout(TIME_LIMIT, statement).await.unwrap_or_else(late)
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.0.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        limited(self.0.execute_raw(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        limited(self.0.execute_unprepared(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        limited(self.0.query_one_raw(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        limited(self.0.query_all_raw(statement)).await
    }
}
