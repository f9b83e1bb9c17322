//! A transaction as a use case sees it. The use case can send statements and publish events, but not end the
//! transaction.

use std::sync::Arc;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, Statement};

use super::{
    ledger::{Ledger, Viewers},
    pool::{Pool, Transaction},
};
use crate::events::Event;

/// A transaction in the hands of a use case. It can be neither nested, nor cloned, nor committed.
#[derive(Debug)]
pub struct Txn {
    pub(crate) handle: Handle,
    pub(crate) ledger: Arc<Ledger>,
}

/// Where the statements of a transaction go.
#[derive(Debug)]
pub(crate) enum Handle {
    Transaction(Arc<Transaction>),
    /// To any connection, because the job has only one statement, which is a transaction by itself.
    Pool(Pool),
}

impl Txn {
    /// Rolls back the whole transaction even if the closure returns `Ok`. The caller still gets the value of the
    /// closure.
    pub fn undo(&self) {
        self.ledger.undo();
    }
}

/// A transaction that can publish events, which are sent only if it is committed.
pub trait Publish: ConnectionTrait {
    /// Sends the event if the transaction is committed.
    fn publish(&self, event: Event);

    /// Removes these rows from the viewer cache when the transaction ends. Must be called before a statement that may
    /// change rows of `users` or `sessions`. A call with [`Viewers::Unknown`] must be followed by
    /// [`has_changed`](Self::has_changed).
    fn will_change(&self, viewers: Viewers<'_>);

    /// Names the rows that were changed by a statement announced as [`Viewers::Unknown`]. If this method is not called,
    /// every row is removed from the cache when the transaction ends.
    fn has_changed(&self, viewers: Viewers<'_>);
}

impl Publish for Txn {
    fn publish(&self, event: Event) {
        self.ledger.add_event(event);
    }

    fn will_change(&self, viewers: Viewers<'_>) {
        self.ledger.will_change(viewers);
    }

    fn has_changed(&self, viewers: Viewers<'_>) {
        self.ledger.has_changed(viewers);
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Txn {
    fn get_database_backend(&self) -> DbBackend {
        match &self.handle {
            Handle::Transaction(transaction) => transaction.backend(),
            Handle::Pool(pool) => pool.backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.ledger.begin()?;
        self.ledger.end(match &self.handle {
            Handle::Transaction(transaction) => transaction.execute(statement).await,
            Handle::Pool(pool) => pool.execute(statement).await,
        })
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.ledger.begin()?;
        self.ledger.end(match &self.handle {
            Handle::Transaction(transaction) => transaction.execute_text(sql).await,
            Handle::Pool(pool) => pool.execute_text(sql).await,
        })
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.ledger.begin()?;
        self.ledger.end(match &self.handle {
            Handle::Transaction(transaction) => transaction.query_one(statement).await,
            Handle::Pool(pool) => pool.query_one(statement).await,
        })
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.ledger.begin()?;
        self.ledger.end(match &self.handle {
            Handle::Transaction(transaction) => transaction.query_all(statement).await,
            Handle::Pool(pool) => pool.query_all(statement).await,
        })
    }
}
