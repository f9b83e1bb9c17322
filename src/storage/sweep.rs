//! Code shared by the tables that have a `sweep_day`.
//!
//! The expiry of sessions and budgets changes with every refresh and charge. An index on it would have to change each time, so
//! these tables have a `sweep_day` instead: the day on which housekeeping looks at a row, counted from 1970. It is set when the
//! row is created or a session ends; housekeeping moves it forward if the row has been extended.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::Timestamp;

/// The advisory lock of the server that sweeps a PostgreSQL database: "sweeping" as a number.
pub const LOCK: i64 = 0x7377_6565_7069_6e67;

pub(super) const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Returns the day of a time.
pub(super) fn day(at: Timestamp) -> i64 {
    at.0.unix_timestamp().div_euclid(MILLISECONDS_PER_DAY / 1000)
}

/// Returns the time in milliseconds at which the day after this one begins.
pub(super) fn next_day(at: Timestamp) -> i64 {
    (day(at) + 1) * MILLISECONDS_PER_DAY
}

/// Makes this transaction the only one that sweeps. Returns `false` if another server sweeps. On SQLite there is one writer anyway.
pub async fn try_lock(on: &impl ConnectionTrait) -> Result<bool, DbErr> {
    if on.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let sql = format!("SELECT pg_try_advisory_xact_lock({LOCK}) AS is_mine");
    let rows = on.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.first().map_or(Ok(false), |row| row.try_get("", "is_mine"))
}
