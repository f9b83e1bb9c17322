//! The settings of a connection to PostgreSQL, and the check that it leads to a server that accepts writes.
//!
//! A statement applies the settings once the connection is open, because poolers reject them as parameters of the
//! start-up message. The statement omits settings that the database does not support.

use std::time::Duration;

use sea_orm::sqlx::{self, PgConnection};

/// The statement that [`ConnectionSettings::apply`] sends. A value that `set_config` sets with `false` lasts as long as
/// the connection.
///
/// Citus gets no `plan_cache_mode`, because it cannot make a generic plan for a distributed table: to find the shard,
/// it must know the value of the distribution column.
const APPLY: &str = r#"SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean,
    (SELECT count(set_config("name", "value", false)) FROM unnest($1::text[], $2::text[]) AS "wanted" ("name", "value")
    WHERE EXISTS (SELECT FROM pg_settings WHERE pg_settings."name" = "wanted"."name")
    AND NOT ("name" = 'plan_cache_mode' AND EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')))"#;

/// The error for a server that accepts no writes.
const STANDBY: &str = "the server is a standby, or accepts no writes";

/// The settings of a connection: names and values.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings(Vec<(&'static str, String)>);

impl ConnectionSettings {
    /// Returns no settings, for a connection that a pooler lends to other clients after each transaction.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// Returns the settings of a connection that writes. A statement that waits for a lock longer than `lock_timeout`
    /// is retried. A batch is split up instead.
    pub(crate) fn of_writers(statement_timeout: Duration, lock_timeout: Duration) -> Self {
        let [statement_timeout, lock_timeout] =
            [statement_timeout, lock_timeout].map(|limit| limit.as_millis().to_string());
        Self(vec![("statement_timeout", statement_timeout), ("lock_timeout", lock_timeout)])
    }

    /// Returns the settings of a connection that reads. Its statements use an index and find few rows, whatever their
    /// parameters are.
    pub(crate) fn of_readers(statement_timeout: Duration) -> Self {
        let settings = [
            ("statement_timeout", &*statement_timeout.as_millis().to_string()),
            ("default_transaction_read_only", "on"),
            // a read is one statement, which sees one state at any isolation level, and it must not fail because of a
            // write
            ("default_transaction_isolation", "read committed"),
            // with a million users, planning a filtered page takes longer than reading it, so the plan is made once
            ("plan_cache_mode", "force_generic_plan"),
            // a generic plan expects far more rows than it finds, and would start worker processes and the JIT
            // compiler for them
            ("max_parallel_workers_per_gather", "0"),
            ("jit", "off"),
        ];
        Self(settings.map(|(name, value)| (name, value.to_owned())).into())
    }

    /// Returns the settings of a connection that migrates. Its statements may take as long as they need, but wait for a
    /// lock no longer than `lock_timeout`.
    pub(crate) fn of_migrators(lock_timeout: Duration) -> Self {
        // zero means no limit
        Self::of_writers(Duration::ZERO, lock_timeout)
    }

    /// Applies the settings. Fails if the server accepts no writes. A standby may lag behind the primary, so it must
    /// not be read either.
    pub(crate) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (names, values): (Vec<_>, Vec<_>) = self.0.iter().map(|(name, value)| (*name, &**value)).unzip();
        // without settings, the statement is named, because a pooler in transaction mode tracks only named statements
        let apply = sqlx::query_as(APPLY).bind(names).bind(values).persistent(self.0.is_empty());
        let (is_read_only, _set): (bool, i64) = apply.fetch_one(connection).await?;
        if is_read_only { Err(sqlx::Error::Protocol(STANDBY.to_owned())) } else { Ok(()) }
    }
}
