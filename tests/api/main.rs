//! Every promise, tried through the front door: GraphQL over HTTP, on SQLite and on PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(unreachable_pub, reason = "support is shared by the files of one binary")]

mod support;

mod activate_account;
mod auth_settings;
mod authorisation;
mod change_email;
mod change_password;
mod cli;
mod client;
mod client_sources;
mod cookie_mode;
mod crash;
mod dashboard;
mod demo;
mod discretion;
mod django;
mod documents;
mod edge;
mod faults;
mod google;
mod google_login;
mod house;
mod housekeeping;
mod http;
mod import_users;
mod link_google;
mod login;
mod logout;
mod logout_all;
mod mail;
mod mail_flows;
mod mailbox;
mod me;
mod metrics;
mod node;
mod outbox;
mod pages;
mod password_reset;
mod playground;
mod playground_build;
mod rate_limits;
mod readme;
mod refresh;
mod rehash;
mod revoke_session;
mod schema;
mod servers;
mod session_events;
mod session_machine;
mod set_user_active;
mod set_user_role;
mod signup;
mod sockets;
mod start_google_login;
mod statements;
mod storage;
mod tokens;
mod typed_clients;
mod update_profile;
mod username_available;
mod users;
mod verify_otp;
mod viewer_cache;
