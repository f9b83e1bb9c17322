//! What SQLite alone needs.

pub(crate) mod data_version;
pub(crate) mod writer;
