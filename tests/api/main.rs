//! Every promise, tried through the front door: GraphQL over HTTP, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "support is shared by the files of one binary")]

mod support;

mod auth_settings;
mod authorisation;
mod cli;
mod crash;
mod dashboard;
mod django;
mod documents;
mod house;
mod housekeeping;
mod http;
mod import_users;
mod login;
mod logout;
mod logout_all;
mod me;
mod node;
mod readme;
mod refresh;
mod rehash;
mod servers;
mod signup;
mod storage;
mod tokens;
