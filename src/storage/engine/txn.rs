//! What a use case gets of a transaction: its statements, and nothing of its end.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use sea_orm::{ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, SqlErr, Statement};

use uuid::Uuid;

use super::pool::{Connections, Transaction};
use crate::events::Event;

/// A transaction in the hands of a use case. It can be neither nested, nor cloned, nor committed.
#[derive(Debug)]
pub struct Txn {
    pub(crate) handle: Handle,
    pub(crate) watch: Arc<Watch>,
}

impl Txn {
    /// Keeps nothing of what this transaction did and does, though its closure returns an `Ok`, which its caller gets.
    pub fn undo(&self) {
        self.watch.is_undone.store(true, Ordering::Relaxed);
    }
}

/// What events can be published to: they are told once the transaction is committed, and not otherwise. A transaction of one
/// statement takes none, since on PostgreSQL it is committed before anything could be sent with it.
pub trait Publish: ConnectionTrait {
    /// Tells of it with the commit.
    fn publish(&self, event: Event);

    /// Says which users and sessions the statement just sent has changed. Every statement that may change a row of either
    /// table must be followed by this, even if it changed none.
    fn changed(&self, users: &[Uuid], sessions: &[Uuid]);
}

/// Users and sessions whose rows a transaction changes.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) users: Vec<Uuid>,
    pub(crate) sessions: Vec<Uuid>,
    /// Statements of which nobody has said what they changed.
    pub(crate) untold: u32,
}

impl Publish for Txn {
    fn publish(&self, event: Event) {
        self.watch.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn changed(&self, users: &[Uuid], sessions: &[Uuid]) {
        let mut changed = self.watch.changed.lock().unwrap_or_else(PoisonError::into_inner);
        changed.users.extend(users);
        changed.sessions.extend(sessions);
        changed.untold = changed.untold.saturating_sub(1);
    }
}

/// Whether a statement may change rows of users or sessions that were there before.
fn changes_viewers(sql: &str) -> bool {
    let names = sql.contains("\"users\"") || sql.contains("\"sessions\"");
    // neither in place of what is there, nor by a statement that is sent with it
    let only_adds = sql.starts_with("INSERT") && !sql.contains("UPDATE");
    names && !only_adds && !sql.starts_with("SELECT")
}

#[derive(Debug)]
pub(crate) enum Handle {
    Transaction(Arc<Transaction>),
    /// A statement that is its own transaction.
    Connections(Connections),
}

/// What became of the statements of one job.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Statements that may still be sent.
    left: AtomicU32,
    /// Statements that did their work.
    done: AtomicU32,
    failure: Mutex<Option<Failure>>,
    is_undone: AtomicBool,
    events: Mutex<Vec<Event>>,
    changed: Mutex<Changed>,
}

#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Of this job alone: a row must exist, or it sent more than it may.
    Own(String),
    /// Of this job alone: somebody has the unique name that it wanted.
    Conflict(String),
    /// Of the database: after it nothing that shares the transaction can be trusted.
    Database(String),
}

impl Watch {
    pub(crate) fn new(most: u32) -> Self {
        Self {
            left: AtomicU32::new(most),
            done: AtomicU32::new(0),
            failure: Mutex::new(None),
            is_undone: AtomicBool::new(false),
            events: Mutex::default(),
            changed: Mutex::default(),
        }
    }

    pub(crate) fn done(&self) -> u32 {
        self.done.load(Ordering::Relaxed)
    }

    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn is_undone(&self) -> bool {
        self.is_undone.load(Ordering::Relaxed)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn changed(&self) -> Changed {
        std::mem::take(&mut self.changed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn begin(&self, sql: &str) -> Result<(), DbErr> {
        if changes_viewers(sql) {
            self.changed.lock().unwrap_or_else(PoisonError::into_inner).untold += 1;
        }
        let counted =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        counted.map(drop).map_err(|_| self.note(DbErr::Custom("write_one takes one statement".to_owned())))
    }

    fn end<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if result.is_ok() {
            self.done.fetch_add(1, Ordering::Relaxed);
        }
        result.map_err(|error| self.note(error))
    }

    fn note(&self, error: DbErr) -> DbErr {
        let failure = match (&error, error.sql_err()) {
            (_, Some(SqlErr::UniqueConstraintViolation(_))) => Failure::Conflict(error.to_string()),
            (DbErr::Custom(_), _) | (_, Some(SqlErr::ForeignKeyConstraintViolation(_))) => {
                Failure::Own(error.to_string())
            }
            _ => Failure::Database(error.to_string()),
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        error
    }
}

/// Sends one statement, and notes what becomes of it.
macro_rules! send {
    ($self:ident.$method:ident($argument:expr, $sql:expr)) => {{
        $self.watch.begin($sql)?;
        $self.watch.end(match &$self.handle {
            Handle::Transaction(txn) => txn.$method($argument).await,
            Handle::Connections(connections) => connections.$method($argument).await,
        })
    }};
}

#[async_trait::async_trait]
impl ConnectionTrait for Txn {
    fn get_database_backend(&self) -> DbBackend {
        match &self.handle {
            Handle::Transaction(txn) => txn.get_database_backend(),
            Handle::Connections(connections) => connections.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        send!(self.execute_raw(statement, &statement.sql))
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        send!(self.execute_unprepared(sql, sql))
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        send!(self.query_one_raw(statement, &statement.sql))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        send!(self.query_all_raw(statement, &statement.sql))
    }
}
