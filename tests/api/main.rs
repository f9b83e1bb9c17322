//! Every promise, tried through the front door: GraphQL over HTTP, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "support is shared by the files of one binary")]

mod support;

mod signup;
