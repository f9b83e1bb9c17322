//! Gatehouse: an account and sign-in server that speaks GraphQL.
//!
//! This is the map of the code. The layers are listed from top to bottom, and each layer imports only from the layers below it.
//!
//! | layer | modules | contents |
//! |---|---|---|
//! | entry | [`cli`], [`http`], [`fake_provider`] | `cli` has one file per command, `http/mod.rs` has all routes and middleware, and `fake_provider` has local stand-ins for sign-in providers, used in development. |
//! | API | [`graphql`] | One file per subject. Each resolver takes its arguments, calls one use case and wraps the result. `types/` has the object types, `guard/` decides which documents run, `caller.rs` finds the viewer, and `refusal.rs` defines the errors for clients. |
//! | use cases | [`accounts`], [`verification`], [`password_reset`], [`provider_login`], [`reauthentication`], [`second_factors`], [`passkeys`], [`sessions`], [`challenges`], [`security_changes`], [`outbox`], [`rate_limit`], [`housekeeping`], [`peers`] | The rules and the transactions, with one file per verb. `housekeeping` and `peers` are background tasks. |
//! | services | [`app`], [`passwords`], [`tokens`], [`providers`], [`mail`], [`metrics`], [`storage`], [`events`] | Each module manages one resource, and [`app`] builds all of them once. `storage` has one file per table. Its engine is in `storage/engine/`. |
//! | base | [`config`], [`clock`], [`secrets`], [`telemetry`], [`fault`], [`input`], [`webauthn`] | Imports nothing from the layers above. |
//!
//! # Where to look
//!
//! A field of the schema is in `graphql/<subject>.rs`, its rules are in `<subject>/<verb>.rs`, a table is in `storage/<table>.rs`,
//! and a test is in `tests/api/<verb>.rs`. Subjects and verbs have the same names as in the schema. A setting, with its default and
//! its meaning, is in `config/<section>.rs`, and the file with the rule reads it. If a number in a rule is not a setting, it is a
//! constant at the top of the file with the rule. If a condition must hold at the moment of a change, the SQL statement that makes
//! the change also checks the condition. That statement is in `storage/<table>.rs`.
//!
//! A login passes through these files. `http/graphql/request.rs` reads the request. `graphql/guard/limits.rs` checks the size of
//! the document, and `graphql/guard/jwt_guard.rs` checks whether the sender may run the document. `graphql/sessions.rs` calls
//! `sessions/login.rs`, which has the rules for logins and calls `storage/known_address.rs`, `rate_limit/attempt.rs` and `passwords/mod.rs`.
//! `sessions/open.rs` opens the session. `tokens/mod.rs` issues the pair of tokens.
//!
//! # Where is the rule that …
//!
//! | rule | file | setting |
//! |---|---|---|
//! | A replayed refresh token ends the session. | `sessions/refresh.rs` | |
//! | A spent refresh token still works for half a minute. | `sessions/refresh.rs` | `REFRESH_GRACE` |
//! | A client on another network counts as a different client. | `sessions/client_hash.rs` | |
//! | A code can be tried five times. | `verification/verify_otp.rs` | `OTP_MAX_ATTEMPTS` |
//! | After too many wrong passwords, a user has to wait. | `sessions/login.rs` | `RATE_LIMIT_FAILED_LOGINS` |
//! | IPv6 clients are counted by /64, /56 and /48. | `rate_limit/address.rs` | |
//! | The number of emails to an address is limited. | `challenges/permit.rs` | `RATE_LIMIT_MAILS` |
//! | An email that could not be sent is retried on a schedule. | `outbox/deliver.rs` | |
//! | If a mail server rejects a recipient with 5xx, that is final. After a 4xx, the email is retried. | `mail/smtp.rs` | |
//! | A reset link works for half an hour. | `challenges/issue.rs` | `PASSWORD_RESET_TTL` |
//! | Proving an email address removes a squatter's password. | `verification/proof.rs` | |
//! | A sign-in code for an address without an account creates an account. | `verification/prove.rs` | `SIGNUP` |
//! | A sign-in link confirmed elsewhere signs in the client that requested it. | `verification/confirm_login_link.rs` | |
//! | At most four clients wait for the same link. | `verification/await_login_link.rs` | |
//! | Clients without an access token can use at most half of the connections. | `http/graphql/event_stream.rs` | `WEBSOCKET_MAX` |
//! | No two servers send the same email at the same time. | `outbox/send.rs` | |
//! | Different spellings of an email address count as the same address. | `input/email_address.rs` | |
//! | The cost of an imported password hash is limited. | `passwords/stored.rs` | |
//! | A new password must be long enough and must not be the owner's name. | `accounts/new_password.rs` | `PASSWORD_MIN_LENGTH` |
//! | A reset removes identities that a thief may have linked. | `password_reset.rs` | |
//! | Changing the password sends the notice "password changed". | `accounts/change_password.rs` | |
//! | The notice "password changed" has this text. | `mail/templates/password_changed.txt` | |
//! | A security change can be undone for 72 hours. | `security_changes.rs` | |
//! | A notice has an undo link only if its address was verified long enough ago. | `security_changes.rs` | |
//! | Signing in to an account with a second factor takes two proofs. | `sessions/open.rs` | |
//! | The code of an authenticator app works once. | `second_factors/proof.rs` | |
//! | The first second factor requires a proof by email. | `second_factors/may_enroll.rs` | |
//! | A passkey counts as two factors. | `webauthn/authenticator_data.rs` | |
//! | A passkey works only on this site. | `webauthn/client_data.rs` | `PASSKEY_ORIGINS` |
//! | A passkey is not removed if it is the last way to sign in. | `passkeys/remove_passkey.rs` | |
//! | A password reset removes only recently added second factors. | `second_factors/removal.rs` | |
//! | Some users must have a second factor. Until they enroll one, their access tokens have a different audience. | `sessions/viewer.rs` | `SECOND_FACTOR` |
//! | A change of email address needs a recent reauthentication. | `sessions/step_up.rs` | `STEP_UP_MAX_AGE` |
//! | A provider account with an unverified email address is refused. | `providers/addresses.rs` | |
//! | Of the providers, only Google can open an existing account by its email address, and only if Google is authoritative for that address. | `provider_login/provider_login.rs` | |
//! | The number of sessions of a user is limited. | `sessions/open.rs` | `MAX_SESSIONS_PER_USER` |
//! | Deactivating a user ends their sessions. | `accounts/administration.rs` | |
//! | A deactivated user's tokens stop working immediately. | `sessions/viewer.rs` | |
//! | At least one superuser always remains. | `accounts/administration.rs` | |
//! | Staff see IP addresses only for sessions of ordinary users. | `accounts/user.rs` | |
//! | Each root field either is public or requires a role. | `graphql/guard/policy.rs` | |
//! | An operation with two logins is refused. | `graphql/guard/limits.rs` | |
//! | Only documents from the manifests run. | `graphql/guard/trusted_documents/mod.rs` | `TRUSTED_DOCUMENTS` |
//! | A trusted document is a REST endpoint. | `http/graphql/rest.rs` | |
//! | The length of a document is limited. | `graphql/guard/limits.rs` | `GRAPHQL_MAX_BYTES` |
//! | A request body is at most 64 KiB. | `http/graphql/request.rs` | |
//! | A request must arrive, and a response be read, within a time limit. | `http/deadlines.rs` | |
//! | The number of WebSockets per user is limited. | `http/graphql/socket.rs` | `WEBSOCKET_MAX_PER_USER` |
//! | A write that conflicted with another write is retried. | `storage/engine/postgres/writer.rs` | |
//! | The number of writes that SQLite commits together is limited. | `storage/engine/limits.rs` | |
//! | `X-Forwarded-For` counts only from a trusted proxy. | `http/client.rs` | `TRUSTED_PROXIES` |
//! | `X-Request-Id` and `traceparent` count only from a trusted proxy. | `http/request_id.rs` | `TRUSTED_PROXIES` |
//! | A server is not ready while it is shutting down or, by default, while its database does not accept writes. | `http/health.rs` | `READINESS` |
//! | An outage is logged at most once a second. | `telemetry/log_limit.rs` | |
//! | The refresh cookie has the prefix `__Host-` and the attributes `Secure`, `HttpOnly` and `SameSite=Strict`. | `http/refresh_cookie.rs` | |
//! | An ended session is deleted after a day. | `housekeeping.rs` | |
//!
//! Rules live in use cases. If the table names a file of another layer, the rule is about that layer's own subject: a document, a
//! request, an email, or a provider's tokens. `gatehouse config` prints every setting with its value.
//!
//! # Invariants
//!
//! 1. Only `http`, `cli` and `fake_provider` import `poem`, and only `graphql` and `http/graphql` import `async_graphql`.
//! 2. SQL is only in `storage`, and every statement can run both on a pool and in a transaction. Only use cases open
//!    transactions.
//! 3. Time comes from `clock`, randomness from `secrets`, and the environment from `config`.
//! 4. No type that holds a secret implements `Display` or `Serialize`, and its `Debug` hides the secret.
//! 5. Anything single-use is spent by one conditional `UPDATE`, and the row count tells whether that succeeded. The code never
//!    reads the row first to decide. Anything unique is claimed by `INSERT … ON CONFLICT DO NOTHING`, and the row count again
//!    tells whether that succeeded.
//! 6. The cost of a statement does not grow with the number of users or sessions, because every predicate has an index.
//!    The exceptions are counts and searches, whose cost grows with the number of matches.
//! 7. Only `sessions/open.rs` inserts a session. It first locks the user, and opens no session if the credentials have changed
//!    since they were checked. Therefore, no sign-in in progress survives an operation that ends all sessions. If the user has
//!    a second factor, the file inserts a challenge instead of a session, whatever the first proof was.
//! 8. Emails are never sent while a request runs. A use case writes each email to the outbox, in the same transaction as the
//!    change that causes it.
//! 9. The statement that changes an account or a session also publishes the event about the change. The event is delivered only
//!    after COMMIT.
//! 10. Cached sessions and users are never older than the committed ones. Each statement that changes such a row names the row,
//!     and `storage` removes it from the cache before the response is sent.
//! 11. Before a use case changes how a person signs in, it calls `sessions::step_up` or checks the current password. In the
//!     transaction of the change, it also calls [`security_changes`], which notifies the owner and lets them undo the change.
//! 12. An email proves who owns an address, but not who set the credentials that existed before the proof.
//!     `verification/proof.rs` decides which credentials are kept.
//! 13. Before a requested email is written, `challenges::charge` charges it to the client that requested it.
//!
//! `tests/api/house.rs` checks the imports, and checks that the files and settings named in the table exist.

pub mod cli;
#[cfg(debug_assertions)]
pub mod fake_provider;
pub mod http;

pub mod graphql;

pub mod accounts;
pub mod challenges;
pub mod housekeeping;
pub mod outbox;
pub mod passkeys;
pub mod password_reset;
pub mod peers;
pub mod provider_login;
pub mod rate_limit;
pub mod reauthentication;
pub mod second_factors;
pub mod security_changes;
pub mod sessions;
pub mod verification;

pub mod app;
pub mod events;
pub mod mail;
pub mod metrics;
pub mod passwords;
pub mod providers;
pub mod storage;
pub mod tokens;

pub mod clock;
pub mod config;
pub mod fault;
pub mod input;
pub mod secrets;
pub mod telemetry;
pub mod webauthn;
