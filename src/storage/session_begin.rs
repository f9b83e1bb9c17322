//! How a session begins. One statement adds its row, ends the sessions that it displaces and records the client's
//! address. [`sign_in`] also does what comes before, because while password hashes take all the processor time, waking
//! the database costs more than running a statement.

use std::sync::LazyLock;

use sea_orm::{DbBackend, DbErr, FromQueryResult, Statement, Value, prelude::Uuid};

use super::{
    Publish, Timestamp, Viewers,
    cached_table::columns,
    rate_limit::{self, Charge},
    session::Model,
    sweep::day,
    user,
};
use crate::events::{Event, EventKind};

/// The age that the `last_used_at` of a known address must reach before it is updated.
const ADDRESS_PRECISION: time::Duration = time::Duration::DAY;

/// A session that begins.
#[derive(Clone, Debug)]
pub struct Beginning {
    /// The row of the session.
    pub session: Model,
    /// The number of live sessions of the user that remain, including this one. The oldest others end.
    pub keep: u32,
    /// The address from which the user signs in.
    pub address: Option<String>,
}

/// The part of a sign-in that comes before its session.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The charges for the sign-in, sorted by key. Without all of them, no session begins.
    pub charges: Vec<Charge>,
    /// The version of the credentials that were checked.
    pub credentials_version: i64,
    /// When the user last signed in, as read before the credentials were checked.
    pub last_login_at: Option<Timestamp>,
    /// A new hash of the same password, if it is to be stored.
    pub rehashed: Option<String>,
}

/// What [`sign_in`] did.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The keys of the charged cells.
    pub charged: Vec<Uuid>,
    /// The user. `None` if no session began.
    pub user: Option<user::Model>,
}

/// Begins a session: adds its row, ends the oldest sessions of the user, and records the address from which the user
/// signed in. Only `sessions::open`, which locks the user first, may call this function.
pub async fn begin(on: &impl Publish, beginning: Beginning) -> Result<(), DbErr> {
    let (session, backend) = (beginning.session.clone(), on.get_database_backend());
    let [add, know_address] = [add(""), know_address("")];
    let sql = match backend {
        DbBackend::Postgres => {
            format!(r#"WITH "added" AS ({add}), "known" AS ({know_address}) {END_OLDEST} RETURNING "id""#)
        }
        _ => format!(r#"{add}; {know_address}; {END_OLDEST} RETURNING "id""#),
    };
    on.will_change(Viewers::Unknown);
    let rows = on.query_all_raw(Statement::from_sql_and_values(backend, sql, values(beginning))).await?;
    let ended = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<Vec<_>, _>>()?;
    publish(on, &session, &ended);
    Ok(())
}

/// Does, in one statement, what [`rate_limit::charge`],
/// [`lock_for_sign_in`](super::user_changes::lock_for_sign_in) and [`begin`] do in a transaction. On SQLite the text has
/// several statements. Only `sessions::open` may call this function.
///
/// On PostgreSQL a statement sees the sessions that existed when it started, even if it then waited for another sign-in
/// of the same user. It would therefore end too few sessions. So that this cannot happen, no session begins there if the
/// user has signed in since `last_login_at`. The charges remain in any case.
pub async fn sign_in(on: &impl Publish, entry: Entry, beginning: Beginning) -> Result<SignedIn, DbErr> {
    let (session, backend) = (beginning.session.clone(), on.get_database_backend());
    let (sql, values) = signing_in(backend, entry, beginning);
    on.will_change(Viewers::Users(&[session.user_id]));
    on.will_change(Viewers::Unknown);
    let rows = on.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let (mut signed_in, mut ended) = (SignedIn { charged: Vec::new(), user: None }, Vec::new());
    for row in &rows {
        let id = |column| row.try_get::<Option<Uuid>>("", column).ok().flatten();
        signed_in.charged.extend(id("key"));
        ended.extend(id("ended"));
        if id("A_id").is_some() {
            signed_in.user = Some(user::Model::from_query_result(row, "A_")?);
        }
    }
    if signed_in.user.is_some() {
        publish(on, &session, &ended);
    } else {
        on.has_changed(Viewers::Sessions(&[]));
    }
    Ok(signed_in)
}

/// Returns the text of [`sign_in`] and its parameters. Each row of the outcome is about one thing: a charged cell (`key`),
/// the user (columns that begin with `A_`) or an ended session (`ended`).
fn signing_in(backend: DbBackend, entry: Entry, beginning: Beginning) -> (String, Vec<Value>) {
    let now = beginning.session.created_at;
    let mut values = values(beginning);
    values.extend([entry.credentials_version.into(), entry.rehashed.into(), entry.last_login_at.into()]);
    let count = entry.charges.len();
    let charge = (count > 0).then(|| rate_limit::Text::of(&entry.charges, now, values.len() + 1));
    let charge = charge.map(|charge| {
        values.extend(charge.values);
        charge.sql
    });
    let sql = match (backend, charge) {
        (DbBackend::Postgres, charge) => {
            let charge = charge.unwrap_or_else(|| r#"SELECT NULL::uuid AS "key" WHERE FALSE"#.to_owned());
            format!(
                r#"WITH "charged" AS ({charge}), "locked" AS ({LOCK} AND "last_login_at" IS NOT DISTINCT FROM $21
                AND (SELECT count(*) FROM "charged") = {count} {}"#,
                *REST_ON_POSTGRES
            )
        }
        (_, Some(charge)) => format!("{charge}; {LOCK} AND changes() = {count} {}", *REST_ON_SQLITE),
        (_, None) => format!("{LOCK} {}", *REST_ON_SQLITE),
    };
    (sql, values)
}

/// Publishes that a session began and that others of its user ended, and names these for the viewer cache.
fn publish(on: &impl Publish, begun: &Model, ended: &[Uuid]) {
    let (user_id, at) = (begun.user_id, begun.created_at.0);
    let changed = |kind, id| Event { kind, user_id, session_id: Some(id), at };
    on.publish(changed(EventKind::SessionStarted, begun.id));
    for id in ended {
        on.publish(changed(EventKind::SessionEnded, *id));
    }
    on.has_changed(Viewers::Sessions(ended));
}

/// Returns the parameters of the texts below.
fn values(beginning: Beginning) -> Vec<Value> {
    let Beginning { session: row, keep, address } = beginning;
    let now = row.created_at;
    vec![
        row.id.into(),
        row.user_id.into(),
        row.counter.into(),
        row.seen_counter.into(),
        row.created_at.into(),
        row.last_used_at.into(),
        row.expires_at.into(),
        row.max_expires_at.into(),
        row.ended_at.into(),
        row.user_agent.into(),
        row.ip_address.into(),
        address.into(),
        Timestamp(now.0 - ADDRESS_PRECISION).into(),
        i64::from(keep.saturating_sub(1)).into(),
        row.authenticated_at.into(),
        row.methods.into(),
        row.sweep_day.into(),
        day(now).into(),
    ]
}

// The parameters of the texts below are those of `values`, followed by those of `signing_in`. `from` is empty, or a
// clause that yields one row if the session begins and none otherwise.

fn add(from: &str) -> String {
    format!(
        r#"INSERT INTO "sessions" ("id", "user_id", "counter", "seen_counter", "created_at", "last_used_at",
        "expires_at", "max_expires_at", "ended_at", "user_agent", "ip_address", "authenticated_at", "methods",
        "sweep_day")
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $15, $16, $17 {from}"#
    )
}

/// Does what `known_address::note` does, if there is an address.
fn know_address(from: &str) -> String {
    format!(
        r#"INSERT INTO "known_addresses" ("user_id", "address", "last_used_at", "failures")
        SELECT $2, $12, $5, 0 {from} WHERE $12 IS NOT NULL
        ON CONFLICT ("user_id", "address") DO UPDATE SET "failures" = 0, "last_used_at" =
            CASE WHEN "known_addresses"."last_used_at" < $13 THEN "excluded"."last_used_at" ELSE "known_addresses"."last_used_at" END
        WHERE "known_addresses"."last_used_at" < $13 OR "known_addresses"."failures" <> 0"#
    )
}

/// Ends the oldest sessions.
///
/// The subquery finds the newest of the sessions to end. It is a single value, because PostgreSQL can run an
/// `IN (SELECT …)` again for each live session of all users, and does so on tables that were empty when it planned the
/// statement. The order includes `ended_at`, which is NULL in all of these rows, so that PostgreSQL uses the index that
/// begins with the user, and not the primary key.
const END_OLDEST: &str = r#"UPDATE "sessions" SET "ended_at" = $5, "expires_at" = $5, "sweep_day" = $18
    WHERE "user_id" = $2 AND "id" <> $1 AND "ended_at" IS NULL AND "expires_at" > $5 AND "id" <= (
    SELECT "id" FROM "sessions" WHERE "user_id" = $2 AND "id" <> $1 AND "ended_at" IS NULL AND "expires_at" > $5
    ORDER BY "ended_at" DESC, "id" DESC LIMIT 1 OFFSET $14)"#;

/// Does what `user_changes::lock_for_sign_in` does.
const LOCK: &str = r#"UPDATE "users" SET "last_login_at" = $5, "password_hash" = COALESCE($20, "password_hash")
    WHERE "id" = $2 AND "is_active" AND "credentials_version" = $19"#;

/// What follows the conditions of `LOCK` on PostgreSQL.
static REST_ON_POSTGRES: LazyLock<String> = LazyLock::new(|| {
    let from = r#"FROM "locked""#;
    format!(
        r#"RETURNING {}), "added" AS ({}), "known" AS ({}),
        "ended" AS ({END_OLDEST} AND EXISTS (SELECT 1 {from}) RETURNING "id")
        SELECT "charged"."key", "ended"."id" AS "ended", {} {from}
        FULL JOIN "ended" ON FALSE FULL JOIN "charged" ON FALSE"#,
        columns::<user::Entity>("users", ""),
        add(from),
        know_address(from),
        columns::<user::Entity>("locked", "A_"),
    )
});

/// What follows the conditions of `LOCK` on SQLite, where `changes()` is the number of rows that the statement before
/// changed.
static REST_ON_SQLITE: LazyLock<String> = LazyLock::new(|| {
    let begun = r#"SELECT 1 FROM "sessions" WHERE "id" = $1"#;
    format!(
        r#"RETURNING {}; {}; {}; {END_OLDEST} AND EXISTS ({begun}) RETURNING "id" AS "ended""#,
        columns::<user::Entity>("users", "A_"),
        add("WHERE changes() = 1"),
        know_address(&format!("FROM ({begun})")),
    )
});
