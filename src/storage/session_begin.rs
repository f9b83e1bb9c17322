//! How a session begins. One statement adds its row, ends the sessions that it displaces and records the client's
//! address. On PostgreSQL, one statement can also be the whole sign-in.

use std::sync::LazyLock;

use sea_orm::{DbBackend, DbErr, FromQueryResult, Statement, Value, prelude::Uuid};

use super::{
    Publish, Timestamp, Viewers,
    cached_table::columns,
    rate_limit::{Charge, Text},
    session::{COLUMNS, Entity, Model},
    session_end::publish_ended,
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

impl Entry {
    /// Returns the entry of a user who was read before the credentials were checked. It charges nothing.
    #[must_use]
    pub fn of(user: &user::Model) -> Self {
        Self {
            charges: Vec::new(),
            credentials_version: user.credentials_version,
            last_login_at: user.last_login_at,
            rehashed: None,
        }
    }
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
    let sql = match backend {
        DbBackend::Postgres => {
            format!(
                "WITH a AS ({}), b AS ({}) {END_OLDEST} RETURNING {}",
                add(""),
                know_address(""),
                *COLUMNS
            )
        }
        _ => format!("{}; {}; {END_OLDEST} RETURNING {}", add(""), know_address(""), *COLUMNS),
    };
    on.will_change(Viewers::Unknown);
    let rows = on.query_all_raw(Statement::from_sql_and_values(backend, sql, values(beginning))).await?;
    let ended = rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    publish(on, &session, &ended);
    Ok(())
}

/// Does, in one statement, what [`rate_limit::charge`](super::rate_limit::charge),
/// [`lock_for_sign_in`](super::user_changes::lock_for_sign_in) and [`begin`] do in a transaction. Works only on
/// PostgreSQL. Only `sessions::open` may call this function.
///
/// A statement sees the sessions that existed when it started, even if it then waited for another sign-in of the same
/// user. It would therefore end too few sessions. So that this cannot happen, no session begins if the user has signed in since
/// `last_login_at`. The charges remain in any case.
pub async fn sign_in(on: &impl Publish, entry: Entry, beginning: Beginning) -> Result<SignedIn, DbErr> {
    let Entry { charges, credentials_version, last_login_at, rehashed } = entry;
    let session = beginning.session.clone();
    let mut values = values(beginning);
    values.extend([credentials_version.into(), last_login_at.into(), rehashed.into()]);
    let (charged, are_charged) = if charges.is_empty() {
        (String::new(), String::new())
    } else {
        let charge = Text::of(&charges, session.created_at, values.len() + 1);
        values.extend(charge.values);
        let are_charged = format!(r#"AND (SELECT count(*) FROM "charged") = {}"#, charges.len());
        (format!(r#""charged" AS ({}),"#, charge.sql), are_charged)
    };
    let keys =
        if charges.is_empty() { "NULL" } else { r#"(SELECT string_agg("key"::text, ' ') FROM "charged")"# };
    let sql = format!(
        r#"WITH {charged} "locked" AS ({LOCK} {are_charged} RETURNING {}), {} SELECT {keys} AS "charged", {}
        FROM (SELECT 1) AS "one" LEFT JOIN "locked" ON TRUE LEFT JOIN "ended" ON TRUE"#,
        columns::<user::Entity>("users", ""),
        *BEGIN_LOCKED,
        *OUTCOME,
    );
    on.will_change(Viewers::Users(&[session.user_id]));
    on.will_change(Viewers::Unknown);
    let rows = on.query_all_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    let first = rows.first().ok_or_else(|| DbErr::RecordNotFound("the outcome of a sign-in".to_owned()))?;
    let user = Option::<user::Model>::from_query_result(first, "A_")?;
    let keys: Option<String> = first.try_get("", "charged")?;
    let keys = keys.unwrap_or_default();
    let charged = keys.split_whitespace().map(Uuid::parse_str).collect::<Result<_, _>>();
    let ended = rows.iter().filter_map(|row| Option::<Model>::from_query_result(row, "B_").transpose());
    let ended = ended.collect::<Result<Vec<_>, _>>()?;
    if user.is_some() {
        publish(on, &session, &ended);
    } else {
        on.has_changed(Viewers::Sessions(&[]));
    }
    Ok(SignedIn { charged: charged.map_err(|error| DbErr::Type(error.to_string()))?, user })
}

/// Publishes that a session began and that others ended, and names them for the viewer cache.
fn publish(on: &impl Publish, begun: &Model, ended: &[Model]) {
    let now = begun.created_at;
    let (user_id, session_id) = (begun.user_id, Some(begun.id));
    on.publish(Event { kind: EventKind::SessionStarted, user_id, session_id, at: now.0 });
    let ended_ids = publish_ended(on, ended, now);
    on.has_changed(Viewers::Sessions(&ended_ids));
}

/// Returns the first parameters of the texts below, which follow `ADD` in their order.
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

// The parameters of the texts below are those of `values`, and those of `LOCK` follow them. `from` is empty, or a clause
// that yields one row if the session begins and none otherwise.

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

/// Does what `user_changes::lock_for_sign_in` does, unless the user has signed in since $20.
const LOCK: &str = r#"UPDATE "users" SET "last_login_at" = $5, "password_hash" = COALESCE($21, "password_hash")
    WHERE "id" = $2 AND "is_active" AND "credentials_version" = $19 AND "last_login_at" IS NOT DISTINCT FROM $20"#;

/// The statements that begin a session if `locked` has a row.
static BEGIN_LOCKED: LazyLock<String> = LazyLock::new(|| {
    format!(
        r#""added" AS ({}), "known" AS ({}), "ended" AS ({END_OLDEST} AND EXISTS (SELECT 1 FROM "locked") RETURNING {})"#,
        add(r#"FROM "locked""#),
        know_address(r#"FROM "locked""#),
        *COLUMNS,
    )
});

/// The columns of the user and of each ended session.
static OUTCOME: LazyLock<String> = LazyLock::new(|| {
    format!("{}, {}", columns::<user::Entity>("locked", "A_"), columns::<Entity>("ended", "B_"))
});
