//! The checks that a request must pass before its resolvers run: valid documents, limits, and access to root fields.

mod cost;
pub mod documents;
pub mod jwt_guard;
pub mod limits;
mod nesting;
pub mod operation;
pub mod policy;
pub mod root;
pub mod trusted_documents;
