//! The tables of Gatehouse, as ordered migrations with one table per file.
//!
//! The migrations use only what SQLite, PostgreSQL and the distributed databases with PostgreSQL's protocol all accept.
//! Keys are `UUIDv7`s, times are milliseconds since 1970, and there are no sequences or triggers. A released migration
//! is never edited unless its result stays the same.
//!
//! # Expand, then contract
//!
//! Servers of the previous version keep running during a migration, and may be started again after it. A release
//! therefore only *expands* the schema: it adds tables, columns and indexes that older servers can ignore. Once no
//! server of the older version is left, a *contracting* migration in a later release removes what is no longer used.
//!
//! - A new column is nullable or has a constant default, because older servers insert rows without it. The new version
//!   must understand such rows, even those inserted after the migration.
//! - Each migration names the oldest schema whose servers work with the changed tables (see [`Step::oldest_schema`]).
//!   An expanding migration repeats the number of the migration before it. A contracting one names the first schema
//!   whose servers do not use what it removes. Older servers then refuse to start.
//! - A migration runs in its own transaction, in which it should change only definitions. If a statement waits too long
//!   for a lock, it fails and the whole migration is tried again, so that requests never wait for long.
//! - Filling in existing rows and creating indexes takes a long time on large tables. A migration that does so returns
//!   `Some(false)` from `use_transaction`, and uses the steps of `online.rs`. It may be interrupted anywhere, and then
//!   runs again from its beginning, so each step must be repeatable. Fill in rows in batches, each in its own
//!   transaction, and skip rows that are already filled in.
//! - To rename a column or change its type, add a column, write to both columns, fill in existing rows, and read from
//!   the new column. Remove the old column in the next release.

pub use online::IMMEDIATE;
pub use sea_orm_migration::{MigrationTrait, SchemaManager, seaql_migrations};

mod m20261121_000001_create_users;
mod m20261121_000002_create_sessions;
mod m20261121_000003_create_identities;
mod m20261121_000004_add_user_search_keys;
mod m20261121_000005_create_rate_limits;
mod m20261121_000006_create_known_addresses;
mod m20261121_000007_create_outbox;
mod m20261121_000008_create_challenges;
mod m20261121_000009_create_authorization_requests;
mod m20261128_000010_add_challenge_series;
mod m20261128_000011_create_security_changes;
mod m20261128_000012_add_user_last_reset;
mod m20261128_000013_add_session_authentication;
mod m20261128_000014_add_session_clients;
mod m20261128_000015_add_known_address_failures;
mod m20261128_000016_add_outbox_turns;
mod m20261129_000017_create_signing_keys;
mod m20261129_000018_add_sweep_days;
mod m20261129_000019_add_providers;
mod m20261130_000020_create_second_factors;
mod m20261130_000021_create_passkeys;
mod m20261130_000022_add_challenge_confirmation;
mod online;

/// The oldest schema whose servers tolerate migrations that they do not know.
const FIRST: usize = 17;

/// A migration and the servers that work with it.
pub struct Step {
    /// The migration.
    pub migration: Box<dyn MigrationTrait>,
    /// The oldest schema whose servers work with the tables that this migration changed. The number of a schema is the
    /// number of its migrations.
    pub oldest_schema: usize,
}

impl Step {
    fn new(oldest_schema: usize, migration: impl MigrationTrait + 'static) -> Self {
        Self { migration: Box::new(migration), oldest_schema }
    }

    /// Returns the name of the migration, which begins with a date.
    #[must_use]
    pub fn name(&self) -> &str {
        self.migration.name()
    }
}

/// Returns all migrations in order.
#[must_use]
pub fn all() -> Vec<Step> {
    vec![
        Step::new(FIRST, m20261121_000001_create_users::Migration),
        Step::new(FIRST, m20261121_000002_create_sessions::Migration),
        Step::new(FIRST, m20261121_000003_create_identities::Migration),
        Step::new(FIRST, m20261121_000004_add_user_search_keys::Migration),
        Step::new(FIRST, m20261121_000005_create_rate_limits::Migration),
        Step::new(FIRST, m20261121_000006_create_known_addresses::Migration),
        Step::new(FIRST, m20261121_000007_create_outbox::Migration),
        Step::new(FIRST, m20261121_000008_create_challenges::Migration),
        Step::new(FIRST, m20261121_000009_create_authorization_requests::Migration),
        Step::new(FIRST, m20261128_000010_add_challenge_series::Migration),
        Step::new(FIRST, m20261128_000011_create_security_changes::Migration),
        Step::new(FIRST, m20261128_000012_add_user_last_reset::Migration),
        Step::new(FIRST, m20261128_000013_add_session_authentication::Migration),
        Step::new(FIRST, m20261128_000014_add_session_clients::Migration),
        Step::new(FIRST, m20261128_000015_add_known_address_failures::Migration),
        Step::new(FIRST, m20261128_000016_add_outbox_turns::Migration),
        Step::new(FIRST, m20261129_000017_create_signing_keys::Migration),
        Step::new(FIRST, m20261129_000018_add_sweep_days::Migration),
        Step::new(FIRST, m20261129_000019_add_providers::Migration),
        Step::new(FIRST, m20261130_000020_create_second_factors::Migration),
        Step::new(FIRST, m20261130_000021_create_passkeys::Migration),
        Step::new(FIRST, m20261130_000022_add_challenge_confirmation::Migration),
    ]
}
