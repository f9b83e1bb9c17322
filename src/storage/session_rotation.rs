//! How a session is refreshed: its refresh token is spent and replaced by the next one.

use std::sync::LazyLock;

use sea_orm::{DbBackend, FromQueryResult, Statement, Value, entity::prelude::*};

use super::{
    Publish, Timestamp, Viewers,
    cached_table::columns,
    session::{COLUMNS, Entity, Model},
    user,
};

/// A refresh token to spend, and the token that replaces it.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The session.
    pub id: Uuid,
    /// The counter of the token to spend.
    pub counter: i64,
    /// A short hash of the client that presents the token.
    pub client_hash: i64,
    /// When the token was presented.
    pub now: Timestamp,
    /// When the next token expires, unless the session ends earlier.
    pub expires_at: Timestamp,
}

/// A session that was refreshed, and its user if the same statement read the user.
pub type Rotated = (Model, Option<user::Model>);

/// Spends the refresh token of a live session. If several callers race, exactly one gets the row.
///
/// After a backup is restored, the counter of the row may be lower than the counter of a legitimate token. In that case
/// the counter of the row is raised.
pub async fn rotate(on: &impl Publish, rotation: Rotation) -> Result<Option<Model>, DbErr> {
    let Rotation { id, counter, client_hash, now, expires_at } = rotation;
    let values = [id.into(), counter.into(), client_hash.into(), now.into(), expires_at.into()];
    let statement = Statement::from_sql_and_values(on.get_database_backend(), ROTATE.as_str(), values);
    on.will_change(Viewers::Sessions(&[id]));
    let rows = on.query_all_raw(statement).await?;
    rows.first().map(|row| Model::from_query_result(row, "")).transpose()
}

/// Does the same as [`rotate`], but for many sessions in one statement, which also reads their users. Works only on
/// PostgreSQL. The sessions should be in the order of their IDs, so that two statements rarely wait for each other's
/// rows.
pub async fn rotate_all(on: &impl Publish, rotations: &[Rotation]) -> Result<Vec<Rotated>, DbErr> {
    // PostgreSQL's array notation
    let array = |part: fn(&Rotation) -> String| {
        Value::from(format!("{{{}}}", rotations.iter().map(part).collect::<Vec<_>>().join(",")))
    };
    let values = [
        array(|rotation| rotation.id.to_string()),
        array(|rotation| rotation.counter.to_string()),
        array(|rotation| rotation.client_hash.to_string()),
        array(|rotation| milliseconds(rotation.now)),
        array(|rotation| milliseconds(rotation.expires_at)),
    ];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, ROTATE_ALL.as_str(), values);
    on.will_change(Viewers::Sessions(&rotations.iter().map(|rotation| rotation.id).collect::<Vec<_>>()));
    let rows = on.query_all_raw(statement).await?;
    // a user row that cannot be read must not make the refreshes of other users fail
    let user = |row| user::Model::from_query_result_optional(row, "B_").ok().flatten();
    rows.iter().map(|row| Ok((Model::from_query_result(row, "A_")?, user(row)))).collect()
}

fn milliseconds(at: Timestamp) -> String {
    (at.0.unix_timestamp_nanos() / 1_000_000).to_string()
}

/// Builds the SQL that spends tokens. `id`, `counter`, `client`, `now` and `expires_at` are SQL expressions for the
/// fields of a [`Rotation`].
fn rotating(from: &str, [id, counter, client, now, expires_at]: [&str; 5]) -> String {
    format!(
        r#"UPDATE "sessions" SET "counter" = {counter} + 1, "last_used_at" = {now},
        "client_hash" = {client}, "client_counter" = {counter} + 1,
        "expires_at" = CASE WHEN "sessions"."max_expires_at" < {expires_at} THEN "sessions"."max_expires_at" ELSE {expires_at} END
        {from} WHERE "sessions"."id" = {id} AND "sessions"."counter" <= {counter} AND "sessions"."ended_at" IS NULL
        AND "sessions"."expires_at" > {now}"#
    )
}

static ROTATE: LazyLock<String> =
    LazyLock::new(|| format!("{} RETURNING {}", rotating("", ["$1", "$2", "$3", "$4", "$5"]), *COLUMNS));

/// The SQL of [`rotate_all`]: one plain UPDATE, which databases that distribute tables can plan.
static ROTATE_ALL: LazyLock<String> = LazyLock::new(|| {
    let asked = ["id", "counter", "client", "now", "until"].map(|column| format!(r#""asked"."{column}""#));
    let rotating = rotating(
        r#"FROM unnest($1::text::uuid[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[])
        AS "asked" ("id", "counter", "client", "now", "until"), "users""#,
        asked.each_ref().map(String::as_str),
    );
    format!(
        r#"{rotating} AND "users"."id" = "sessions"."user_id" RETURNING {}, {}"#,
        columns::<Entity>("sessions", "A_"),
        columns::<user::Entity>("users", "B_"),
    )
});
