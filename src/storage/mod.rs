//! The database: one way to read, one way to write, and one file for each table.
//!
//! Each function in the file of a table runs one statement on any connection and makes no decisions. Use cases make the
//! decisions and open transactions:
//!
//! ```ignore
//! let user = user::find(app.db.read(), id).await?;
//! app.db
//!     .write(async move |txn| {
//!         session_end::end_all(&txn, id, now).await?;
//!         outbox::insert(&txn, mail).await
//!     })
//!     .await?;
//! ```
//!
//! [`Db::write`] runs a transaction. [`Db::write_one`] is cheaper but runs exactly one statement. On PostgreSQL a write
//! is a transaction on a connection of its own. On SQLite one writer commits all writes in groups, because one fsync
//! costs the same for a hundred writes as for one.
//!
//! | to find | look in |
//! |---|---|
//! | a table, and how its rows are found | `<table>.rs` |
//! | what changes a user | [`user_changes`] |
//! | how a session begins, is refreshed and ends | [`session_begin`], [`session_rotation`] with [`session_siblings`], [`session_end`] |
//! | what is kept in memory | `viewer_cache.rs` |
//! | how statements run, and when they are committed | `engine/` |
//!
//! # Rules
//!
//! - **Tables do not know the engine.** Their files import only what this file re-exports: [`Publish`], [`Reader`],
//!   [`Timestamp`] and [`Viewers`].
//! - **The viewer cache is never stale.** Statements that change rows of `users` or `sessions` are built by
//!   `cached_table.rs`, which tells the cache which rows change. Raw SQL calls [`Publish::will_change`] first.
//! - **Events follow the commit.** Events are published with [`Publish::publish`] and sent after COMMIT.
//! - **If a key is unique, rows are found with `all`, not `one`.** `one` adds `LIMIT ?`, and SQLite prepares a
//!   statement again each time its limit is bound. With `one`, the server
//!   would answer a quarter fewer requests per second.
//! - **Locks are taken in the order of IDs**, so that transactions cannot deadlock.
//!
//! # A new table
//!
//! To add a table, put its migration in `migrations/`, put its `Model` and statements in a file here, and add each
//! statement to `every_statement_finds_its_rows_by_an_index` in `tests/api/query_plans.rs`.

pub mod authorization_request;
pub mod backup;
mod cached_table;
pub mod challenge;
pub mod condition;
mod engine;
pub mod identity;
pub mod known_address;
pub mod migrate;
mod migration_history;
pub mod outbox;
pub mod outbox_turns;
pub mod passkey;
pub mod passkey_ceremony;
pub mod rate_limit;
pub mod recovery_code;
pub mod second_factor_challenge;
pub mod security_change;
pub mod session;
pub mod session_begin;
pub mod session_end;
pub mod session_rotation;
pub mod session_siblings;
pub mod signing_key;
pub mod sweep;
pub mod totp;
pub mod user;
pub mod user_changes;
pub mod user_list;
mod viewer_cache;

pub use engine::{
    connect::connect,
    db::{Db, Load},
    ledger::Viewers,
    postgres::notify::{Notifications, notify},
    reader::Reader,
    statement_counts::StatementCounts,
    txn::{Publish, Txn},
};
pub use sea_orm::entity::prelude::TimeUnixTimestampMillis as Timestamp;
pub use viewer_cache::{SessionAndUser, ViewerCacheCounts, find_session_with_user};
