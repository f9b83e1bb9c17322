//! The parts of the engine that only PostgreSQL needs.

pub(crate) mod broken_tls;
pub(crate) mod connection_settings;
mod finish_on_drop;
pub(crate) mod notify;
pub(crate) mod refresh_batches;
pub(crate) mod writer;
