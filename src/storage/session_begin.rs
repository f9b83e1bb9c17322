//! How a session begins. One round trip adds its row, ends the sessions that it displaces and records the client's
//! address.

use sea_orm::{DbBackend, DbErr, FromQueryResult, Statement};

use super::{
    Publish, Timestamp, Viewers,
    session::{COLUMNS, Model},
    session_end::publish_ended,
    sweep::day,
};
use crate::events::{Event, EventKind};

/// The age that the `last_used_at` of a known address must reach before it is updated.
const ADDRESS_PRECISION: time::Duration = time::Duration::DAY;

/// Begins a session: adds its row, ends all live sessions of the user except the newest `keep` (including this one), and
/// records the address from which the user signed in. Only `sessions::open`, which locks the user first, may call this
/// function.
pub async fn begin(on: &impl Publish, row: Model, keep: u32, address: Option<String>) -> Result<(), DbErr> {
    let now = row.created_at;
    let started =
        Event { kind: EventKind::SessionStarted, user_id: row.user_id, session_id: Some(row.id), at: now.0 };
    let values = [
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
    ];
    let backend = on.get_database_backend();
    // sends the statements as one text, because waking the database costs more than running them while password hashes
    // take all the processor time
    let sql = match backend {
        DbBackend::Postgres => {
            format!("WITH a AS ({ADD}), b AS ({KNOW_ADDRESS}) {END_OLDEST} RETURNING {}", *COLUMNS)
        }
        _ => format!("{ADD}; {KNOW_ADDRESS}; {END_OLDEST} RETURNING {}", *COLUMNS),
    };
    on.will_change(Viewers::Unknown);
    let rows = on.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let ended = rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    on.publish(started);
    let ended_ids = publish_ended(on, &ended, now);
    on.has_changed(Viewers::Sessions(&ended_ids));
    Ok(())
}

// The parameters of the three texts are the `values` of `begin`.

const ADD: &str = r#"INSERT INTO "sessions" ("id", "user_id", "counter", "seen_counter", "created_at", "last_used_at",
    "expires_at", "max_expires_at", "ended_at", "user_agent", "ip_address", "authenticated_at", "methods",
    "sweep_day")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $15, $16, $17)"#;

/// Does what `known_address::note` does, if there is an address.
const KNOW_ADDRESS: &str = r#"INSERT INTO "known_addresses" ("user_id", "address", "last_used_at", "failures")
    SELECT $2, $12, $5, 0 WHERE $12 IS NOT NULL
    ON CONFLICT ("user_id", "address") DO UPDATE SET "failures" = 0, "last_used_at" =
        CASE WHEN "known_addresses"."last_used_at" < $13 THEN "excluded"."last_used_at" ELSE "known_addresses"."last_used_at" END
    WHERE "known_addresses"."last_used_at" < $13 OR "known_addresses"."failures" <> 0"#;

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
