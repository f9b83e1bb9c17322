//! The parts of the engine that only PostgreSQL needs.

mod finish_on_drop;
pub(crate) mod notify;
pub(crate) mod refresh_batches;
pub(crate) mod writer;
