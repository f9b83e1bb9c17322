//! Gatehouse: an account and sign-in server that speaks GraphQL.
//!
//! This is the map of the code. Layers stand in reading order; each imports only what stands below it.
//!
//! | layer | modules | what it knows |
//! |---|---|---|
//! | entry | [`cli`], [`http`], [`fake_google`] | one file a command; every route and middleware on one screen; in development a Google to try things on |
//! | API | [`graphql`] | one file a subject: resolvers take arguments, call one use case, wrap its outcome |
//! | use cases | [`accounts`], [`verification`], [`password_reset`], [`google_login`], [`reauthentication`], [`sessions`], [`challenges`], [`security_changes`], [`outbox`], [`rate_limit`], [`housekeeping`], [`peers`] | one file a verb: the rules, and the transactions |
//! | services | [`app`], [`passwords`], [`tokens`], [`google`], [`mail`], [`metrics`], [`storage`], [`events`] | one resource each, built once; one file a table |
//! | base | [`config`], [`clock`], [`secrets`], [`telemetry`], [`fault`], [`input`] | nothing of ours |
//!
//! **One guess finds it.** A field of the schema is in `graphql/<subject>.rs`; what it does, in `<subject>/<verb>.rs`; a
//! table, in `storage/<table>.rs`; its test, in `tests/api/<verb>.rs`. The schema's word is used everywhere.
//!
//! **The way of a login**: `http/graphql.rs` reads the request; `graphql/documents` judges the document, and
//! `graphql/jwt_guard.rs` who may run it; `graphql/sessions.rs` parses the input and calls `sessions/login.rs`, where every rule of a login stands; that asks
//! `storage/user.rs`, `rate_limit.rs` and `passwords/`, and opens the session by `sessions/open.rs`; `tokens/` signs the pair.
//!
//! # Invariants
//!
//! 1. `poem` is known in `http`, `cli` and `fake_google` alone, `async_graphql` in `graphql` and `http/graphql` alone.
//! 2. Statements stand in `storage` alone, and run on a pool or in a transaction alike. Use cases alone open transactions.
//! 3. Time comes from `clock`, randomness from `secrets`, the environment from `config`.
//! 4. No type that holds a secret implements `Display` or `Serialize`; its `Debug` shows nothing.
//! 5. One-time things are spent by one conditional `UPDATE` whose count decides, never by reading first; unique things are
//!    claimed by `INSERT … ON CONFLICT DO NOTHING` and the count.
//! 6. No statement's cost grows with the number of users or sessions, except a search's with its matches and a count's: every
//!    predicate has its index.
//! 7. A session is inserted only by `sessions/open.rs`, which first locks its user, on condition that the credentials are
//!    still those that were checked. So no sign-in under way survives what should have ended it.
//! 8. No mail is sent while a request runs: use cases write it to the outbox, in the transaction that causes it.
//! 9. What happens to accounts and sessions is published by the statement that does it, and told after COMMIT alone.
//! 10. What is kept in memory of sessions and users is never behind what is committed: each statement that changes a row of
//!     theirs says which, and `storage` forgets it before anybody is answered.
//!
//! 11. A use case that changes what signs a person in calls `sessions::step_up` first, which reads the access token that came; and
//!     writes a [`security_changes`] row with the change, which tells the owner and can undo it.
//! 12. A mail proves an address, and none of the credentials that came before: `verification/prove.rs` says which are kept.
//! 13. Every mail is charged to its asker (`challenges::charge`) before it is written.
//!
//! `tests/api/house.rs` reads the imports and holds the directions.

pub mod cli;
#[cfg(debug_assertions)]
pub mod fake_google;
pub mod http;

pub mod graphql;

pub mod accounts;
pub mod challenges;
pub mod google_login;
pub mod housekeeping;
pub mod outbox;
pub mod password_reset;
pub mod peers;
pub mod rate_limit;
pub mod reauthentication;
pub mod security_changes;
pub mod sessions;
pub mod verification;

pub mod app;
pub mod events;
pub mod google;
pub mod mail;
pub mod metrics;
pub mod passwords;
pub mod storage;
pub mod tokens;

pub mod clock;
pub mod config;
pub mod fault;
pub mod input;
pub mod secrets;
pub mod telemetry;
