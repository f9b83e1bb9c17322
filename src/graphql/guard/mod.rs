//! What stands between a request and the resolvers: documents, limits, and who may select which root field.

mod cost;
pub mod documents;
pub mod jwt_guard;
pub mod limits;
mod nesting;
pub mod policy;
pub mod root;
