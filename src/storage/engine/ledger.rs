//! A record of what a transaction has done so far: its statements, failures, events and changes. The record also shows
//! which failures permit a retry.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};
use uuid::Uuid;

use crate::events::Event;

/// Rows that the viewer cache may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewers<'a> {
    /// The users with these IDs.
    Users(&'a [Uuid]),
    /// The sessions with these IDs.
    Sessions(&'a [Uuid]),
    /// Rows that are known only once the statement has run.
    Unknown,
}

/// The users and sessions whose rows a job may have changed.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) users: Vec<Uuid>,
    pub(crate) sessions: Vec<Uuid>,
    /// The number of statements whose changes are unknown, because they failed or were cut off.
    pub(crate) unknown: u32,
}

/// A record of what the statements of one job did.
#[derive(Debug)]
pub(crate) struct Ledger {
    /// The number of statements that may still be sent.
    left: AtomicU32,
    succeeded: AtomicU32,
    failure: Mutex<Option<Failure>>,
    is_undone: AtomicBool,
    events: Mutex<Vec<Event>>,
    changes: Mutex<Changes>,
}

#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// A failure of this job alone: a required row does not exist, or the job sent too many statements.
    Own(String),
    /// A failure of this job alone: the unique name that it wants is taken.
    Conflict(String),
    /// The database undid the transaction because of another one that ran at the same time. A retry may succeed.
    Rival(String),
    /// A failure of the database, after which no job that shares the transaction can be trusted.
    Database(String),
}

impl Ledger {
    pub(crate) fn new(max_statements: u32) -> Self {
        Self {
            left: AtomicU32::new(max_statements),
            succeeded: AtomicU32::new(0),
            failure: Mutex::new(None),
            is_undone: AtomicBool::new(false),
            events: Mutex::default(),
            changes: Mutex::default(),
        }
    }

    /// Returns the number of statements that succeeded.
    pub(crate) fn succeeded(&self) -> u32 {
        self.succeeded.load(Ordering::Relaxed)
    }

    /// Returns the first failure.
    pub(crate) fn failure(&self) -> Option<Failure> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn undo(&self) {
        self.is_undone.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_undone(&self) -> bool {
        self.is_undone.load(Ordering::Relaxed)
    }

    pub(crate) fn add_event(&self, event: Event) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    pub(crate) fn take_events(&self) -> Vec<Event> {
        std::mem::take(&mut self.events.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn will_change(&self, viewers: Viewers<'_>) {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).add(viewers);
    }

    pub(crate) fn has_changed(&self, viewers: Viewers<'_>) {
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.add(viewers);
        changes.unknown = changes.unknown.saturating_sub(1);
    }

    pub(crate) fn take_changes(&self) -> Changes {
        std::mem::take(&mut self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts a statement that is about to be sent. Rejects the statement if the job has sent too many.
    pub(crate) fn begin(&self) -> Result<(), DbErr> {
        let counted =
            self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        counted.map(drop).map_err(|_| self.note(DbErr::Custom("write_one takes one statement".to_owned())))
    }

    /// Records how a statement ended.
    pub(crate) fn end<T>(&self, result: Result<T, DbErr>) -> Result<T, DbErr> {
        if result.is_ok() {
            self.succeeded.fetch_add(1, Ordering::Relaxed);
        }
        result.map_err(|error| self.note(error))
    }

    fn note(&self, error: DbErr) -> DbErr {
        let failure = match (&error, error.sql_err()) {
            (_, Some(SqlErr::UniqueConstraintViolation(_))) => Failure::Conflict(error.to_string()),
            (DbErr::Custom(_), _) | (_, Some(SqlErr::ForeignKeyConstraintViolation(_))) => {
                Failure::Own(error.to_string())
            }
            _ if is_rivalry(&error) => Failure::Rival(error.to_string()),
            _ => Failure::Database(error.to_string()),
        };
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
        error
    }
}

/// Returns whether PostgreSQL undid a transaction because of another one: `serialization_failure`, `deadlock_detected`
/// or `lock_not_available` (SQLSTATE 40001, 40P01 and 55P03). PostgreSQL's manual says to retry such a transaction from
/// the start.
pub(crate) fn is_rivalry(error: &DbErr) -> bool {
    let (DbErr::Query(RuntimeErr::SqlxError(error)) | DbErr::Exec(RuntimeErr::SqlxError(error))) = error
    else {
        return false;
    };
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["40001", "40P01", "55P03"].contains(&&*code))
}

impl Changes {
    fn add(&mut self, viewers: Viewers<'_>) {
        match viewers {
            Viewers::Users(ids) => self.users.extend(ids),
            Viewers::Sessions(ids) => self.sessions.extend(ids),
            Viewers::Unknown => self.unknown += 1,
        }
    }
}
