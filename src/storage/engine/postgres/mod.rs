//! What PostgreSQL alone needs.

pub(crate) mod finish_on_drop;
pub(crate) mod notify;
pub(crate) mod refresh_batches;
