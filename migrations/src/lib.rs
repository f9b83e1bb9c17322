//! The tables of Gatehouse, as ordered migrations with one table per file.
//!
//! They use only features that SQLite, PostgreSQL and the distributed databases with its protocol all accept: `UUIDv7`
//! keys and times as milliseconds since 1970, but no sequences and no triggers. A released migration is never edited.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

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

/// Applies the migrations in order.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261121_000001_create_users::Migration),
            Box::new(m20261121_000002_create_sessions::Migration),
            Box::new(m20261121_000003_create_identities::Migration),
            Box::new(m20261121_000004_add_user_search_keys::Migration),
            Box::new(m20261121_000005_create_rate_limits::Migration),
            Box::new(m20261121_000006_create_known_addresses::Migration),
            Box::new(m20261121_000007_create_outbox::Migration),
            Box::new(m20261121_000008_create_challenges::Migration),
            Box::new(m20261121_000009_create_authorization_requests::Migration),
            Box::new(m20261128_000010_add_challenge_series::Migration),
            Box::new(m20261128_000011_create_security_changes::Migration),
            Box::new(m20261128_000012_add_user_last_reset::Migration),
            Box::new(m20261128_000013_add_session_authentication::Migration),
            Box::new(m20261128_000014_add_session_clients::Migration),
            Box::new(m20261128_000015_add_known_address_failures::Migration),
            Box::new(m20261128_000016_add_outbox_turns::Migration),
            Box::new(m20261129_000017_create_signing_keys::Migration),
        ]
    }
}
