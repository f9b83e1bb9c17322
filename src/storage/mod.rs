//! The database: a way to read, a way to write, and one file for each table.

mod engine;

pub mod authorization_request;
pub mod challenge;
pub mod identity;
pub mod known_address;
pub mod migrate;
pub mod outbox;
pub mod outbox_turns;
pub mod rate_limit;
pub mod security_change;
pub mod session;
pub mod session_siblings;
pub mod user;
pub mod user_list;
mod viewer_cache;

pub use engine::{
    connect::connect,
    db::{Db, Load},
    postgres::notify::{hear, notify},
    reader::Reader,
    statement_counts::StatementCounts,
    txn::{Publish, Txn},
};
pub use sea_orm::entity::prelude::TimeUnixTimestampMillis as Timestamp;
pub use viewer_cache::{KeptCounts, Pair};
