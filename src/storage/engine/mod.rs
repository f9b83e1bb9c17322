//! What runs the statements of the tables.

pub(super) mod connect;
pub(super) mod db;
mod job;
mod pool;
pub(super) mod postgres;
pub(super) mod reader;
pub(super) mod sqlite;
pub(super) mod statement_counts;
pub(super) mod txn;
