//! The connections that read. Each statement has a time limit, so that requests do not hang if the database hangs.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{limits::STATEMENT_TIME_LIMIT, pool::Pool};
use crate::telemetry::traces::span;

/// Connections for statements that change nothing.
#[derive(Clone, Debug)]
pub struct Reader(pub(crate) Pool);

impl Reader {
    /// Closes the connections, including those of clones. Every statement fails from then on.
    pub fn close(self) {
        self.0.close();
    }
}

async fn in_time<T>(statement: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    let late = |_| Err(DbErr::Custom("the database did not answer in time".to_owned()));
    let statement = tokio::time::timeout(STATEMENT_TIME_LIMIT, statement);
    span("database read", statement).await.unwrap_or_else(late)
}

#[async_trait::async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        self.0.backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        in_time(self.0.execute(statement)).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        in_time(self.0.execute_text(sql)).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        in_time(self.0.query_one(statement)).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        in_time(self.0.query_all(statement)).await
    }
}
