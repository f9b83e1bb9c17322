//! The settings of a connection to PostgreSQL.
//!
//! They are set by a statement once the connection is open, because poolers refuse them as parameters of the start-up message.
//! The statement leaves out what the engine does not know, and what it cannot take.

use std::time::Duration;

use sea_orm::sqlx::{self, PgConnection};

/// What [`ConnectionSettings::apply`] sends. `set_config` with `false` lasts as long as the connection.
///
/// Citus cannot plan a generic read of a distributed table: it must know the value to find the shard.
const APPLY: &str = r#"SELECT set_config("name", "value", false) FROM unnest($1::text[], $2::text[]) AS "wanted" ("name", "value")
    WHERE EXISTS (SELECT FROM pg_settings WHERE pg_settings."name" = "wanted"."name")
    AND NOT ("name" = 'plan_cache_mode' AND EXISTS (SELECT FROM pg_extension WHERE extname = 'citus'))"#;

/// The settings of a connection: names and values.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSettings(Vec<(&'static str, String)>);

impl ConnectionSettings {
    /// The settings of a connection that writes.
    pub(crate) fn of_writers(statement_timeout: Duration) -> Self {
        Self(vec![("statement_timeout", statement_timeout.as_millis().to_string())])
    }

    /// The settings of a connection that reads. Whatever the parameters, its statements find few rows, by an index.
    pub(crate) fn of_readers(statement_timeout: Duration) -> Self {
        let mut settings = Self::of_writers(statement_timeout);
        settings.0.extend(
            [
                ("default_transaction_read_only", "on"),
                // a read is one statement, which sees one state anyway, and must not fail because of a write
                ("default_transaction_isolation", "read committed"),
                // with a million users, planning a filtered page takes longer than reading it, so the plan is made once
                ("plan_cache_mode", "force_generic_plan"),
                // a generic plan expects far more rows than it finds, and would start worker processes and the JIT
                // compiler for them
                ("max_parallel_workers_per_gather", "0"),
                ("jit", "off"),
            ]
            .map(|(name, value)| (name, value.to_owned())),
        );
        settings
    }

    /// Sets them.
    pub(crate) async fn apply(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let (names, values): (Vec<_>, Vec<_>) = self.0.iter().map(|(name, value)| (*name, &**value)).unzip();
        sqlx::query(APPLY).bind(names).bind(values).persistent(false).execute(connection).await.map(drop)
    }
}
