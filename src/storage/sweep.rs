//! Code shared by the tables that have a `sweep_day`.
//!
//! The expiry of a session or budget changes with every refresh or charge. An index on it would have to change each
//! time, so these tables have an indexed `sweep_day` instead: the day on which housekeeping looks at a row, counted
//! from 1970. The `sweep_day` is set when the row is created or a session ends. If a row expires after its `sweep_day`,
//! housekeeping moves the `sweep_day` forward.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::Timestamp;

/// The advisory lock of the server that sweeps a PostgreSQL database: the ASCII bytes of "sweeping".
pub const LOCK: i64 = 0x7377_6565_7069_6e67;

pub(super) const MILLISECONDS_PER_DAY: i64 = 86_400_000;

/// Returns the number of days from 1970 to this time.
pub(super) fn day(at: Timestamp) -> i64 {
    at.0.unix_timestamp().div_euclid(MILLISECONDS_PER_DAY / 1000)
}

/// Returns the start of the following day in milliseconds since 1970.
pub(super) fn next_day(at: Timestamp) -> i64 {
    (day(at) + 1) * MILLISECONDS_PER_DAY
}

/// Makes this transaction the only one that sweeps. Returns `false` if another server is sweeping. SQLite needs no
/// lock, because it has only one writer.
pub async fn try_lock(on: &impl ConnectionTrait) -> Result<bool, DbErr> {
    if on.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    let sql = format!("SELECT pg_try_advisory_xact_lock({LOCK}) AS is_mine");
    let rows = on.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    rows.first().map_or(Ok(false), |row| row.try_get("", "is_mine"))
}
