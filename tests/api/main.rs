//! Every promise, tried through the front door: GraphQL over HTTP, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "support is shared by the files of one binary")]

mod support;

mod auth_settings;
mod authorisation;
mod cli;
mod crash;
mod dashboard;
mod documents;
mod house;
mod housekeeping;
mod http;
mod login;
mod logout;
mod logout_all;
mod mail;
mod mailbox;
mod me;
mod node;
mod outbox;
mod readme;
mod refresh;
mod servers;
mod signup;
mod storage;
mod tokens;
