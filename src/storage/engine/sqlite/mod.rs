//! The parts of the engine that only SQLite needs.

pub(crate) mod data_version;
pub(crate) mod writer;
