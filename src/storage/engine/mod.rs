//! The engine runs the statements of the tables, commits them, and keeps the viewer cache current.
//!
//! # The life of a job
//!
//! A *job* is a closure that a use case passes to [`Db::write`](db::Db::write). It ends with a *fate*: its statements
//! are kept, they alone are undone, or everything that shares their transaction is undone too.
//!
//! ```text
//!  use case            Db::write(closure)                             waits at most WRITE_TIME_LIMIT
//!                          │ Job::new                                              ▲
//!             ┌────────────┴──────────────┐                                        │
//!         PostgreSQL                   SQLite                                      │
//!             │ a permit                  │ the queue       none left: Fault::Busy │
//!             ▼                           ▼                                        │
//!   a connection: BEGIN          the writer's task: BEGIN                          │
//!   (one statement: none)        up to GROUP_SIZE jobs, each behind                │
//!             │                  SAVEPOINT job (one statement: none)               │
//!             ▼                           ▼                                        │
//!          Job::run: the closure sends statements through its Txn, whose Ledger    │
//!          notes failures, events and changed viewers                              │
//!             │                           │                                        │
//!             ▼                           ▼                                        │
//!   Keep: COMMIT                 Keep: the next job, finally COMMIT                │
//!   Undo, Doom: ROLLBACK         Undo: ROLLBACK TO job                             │
//!             │                  Doom: the whole group rolls back                  │
//!             └────────────┬──────────────┘                                        │
//!                          ▼                                                       │
//!          FinishedJob::answer: 1. the viewer cache forgets the changed rows       │
//!                               2. the events are announced, if committed          │
//!                               3. the caller gets its value or a fault ───────────┘
//! ```
//!
//! If the caller goes away before the job begins, the job is skipped. Once the job has begun, it runs to completion. A
//! job that PostgreSQL rolled back because of a rival transaction is run again as long as its caller is still waiting.
//!
//! # Files
//!
//! Each file imports only files that are listed above it:
//!
//! - `limits`, `statement_counts`: limits and counters.
//! - `connection`, `pool`: connections to either database, and transactions.
//! - `reader`, `ledger`, `txn`, `job`: reads, and one write.
//! - `sqlite/`, `postgres/`: how each database orders and commits writes, and how it learns about writes by others.
//! - `db`, `connect`: the database as a whole.

pub(super) mod connect;
mod connection;
pub(super) mod db;
mod job;
pub(super) mod ledger;
mod limits;
mod pool;
pub(super) mod postgres;
pub(super) mod reader;
mod sqlite;
pub(super) mod statement_counts;
pub(super) mod txn;
