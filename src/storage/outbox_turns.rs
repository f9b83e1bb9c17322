//! The turns of the emails in the outbox. They determine which email is sent next.

use sea_orm::{DbBackend, Order, QueryFilter, QueryOrder, QuerySelect, Statement, Value, entity::prelude::*};

use super::{
    Timestamp,
    outbox::{Column, Entity, Model},
};

/// The turn of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The email.
    pub id: Uuid,
    /// The class of the email.
    pub class: i32,
    /// The turn of the email within its class.
    pub turn: i64,
}

/// Lists at most `most` of the emails that are due and have no turn, in the order in which they became due or in
/// reverse order.
pub async fn list_unsorted(
    on: &impl ConnectionTrait,
    now: Timestamp,
    order: Order,
    most: u64,
) -> Result<Vec<Model>, DbErr> {
    let unsorted = Entity::find().filter(Column::Class.is_null()).filter(Column::DueAt.lte(now));
    unsorted.order_by(Column::DueAt, order).limit(most).all(on).await
}

/// Returns the first turn in each of these classes. Classes without a waiting email are left out.
pub async fn list_first_turns(on: &impl ConnectionTrait, classes: &[i32]) -> Result<Vec<(i32, i64)>, DbErr> {
    let values = classes.iter().map(|class| [Value::from(*class)]);
    let (given, values) = table(values);
    let sql = format!(
        r#"SELECT "column1" AS "class",
        (SELECT "turn" FROM "outbox" WHERE "class" = "column1" ORDER BY "turn" LIMIT 1) AS "turn"
        FROM {given}"#
    );
    let found = Statement::from_sql_and_values(on.get_database_backend(), sql, values);
    let mut turns = Vec::new();
    for row in on.query_all_raw(found).await? {
        if let Some(turn) = row.try_get("", "turn")? {
            turns.push((row.try_get("", "class")?, turn));
        }
    }
    Ok(turns)
}

/// Returns the last turn for each of these pairs of a class and a client. Leaves out pairs for which no email is
/// waiting.
pub async fn list_last_turns(
    on: &impl ConnectionTrait,
    askers: &[(i32, Uuid)],
) -> Result<Vec<((i32, Uuid), i64)>, DbErr> {
    let values = askers.iter().map(|(class, asker)| [Value::from(*class), Value::from(*asker)]);
    let (given, values) = table(values);
    let sql = format!(
        r#"SELECT "column1" AS "class", "column2" AS "asker",
        (SELECT "turn" FROM "outbox" WHERE "asker" = "column2" AND "class" = "column1" AND "turn" IS NOT NULL
        ORDER BY "turn" DESC LIMIT 1) AS "turn" FROM {given}"#
    );
    let found = Statement::from_sql_and_values(on.get_database_backend(), sql, values);
    let mut turns = Vec::new();
    for row in on.query_all_raw(found).await? {
        if let Some(turn) = row.try_get("", "turn")? {
            turns.push(((row.try_get("", "class")?, row.try_get("", "asker")?), turn));
        }
    }
    Ok(turns)
}

/// Gives emails their turns. Skips emails that another server is sorting or has claimed.
pub async fn sort(on: &impl ConnectionTrait, turns: &[Turn], now: Timestamp) -> Result<(), DbErr> {
    let backend = on.get_database_backend();
    let values = turns.iter().map(|turn| [turn.id.into(), turn.class.into(), turn.turn.into()]);
    let (given, mut values) = table(values);
    values.push(now.into());
    let (now, ids) = (values.len(), (0..turns.len()).map(|row| format!("${}", 3 * row + 1)));
    let ids = ids.collect::<Vec<_>>().join(", ");
    // skips locked rows, because two servers that sort the same emails could deadlock
    let unlocked = match backend {
        DbBackend::Postgres => "FOR UPDATE SKIP LOCKED",
        _ => "",
    };
    let sql = format!(
        r#"WITH "unsorted" AS MATERIALIZED (
            SELECT "id" AS "unsorted_id" FROM "outbox"
            WHERE "id" IN ({ids}) AND "class" IS NULL AND "due_at" <= ${now} {unlocked}
        )
        UPDATE "outbox" SET "class" = "column2", "turn" = "column3"
        FROM {given} JOIN "unsorted" ON "unsorted_id" = "column1" WHERE "outbox"."id" = "column1""#
    );
    on.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await.map(drop)
}

/// Formats rows of values as a table, in SQL that both databases accept. The columns are `column1`, `column2` and so
/// on.
fn table<const N: usize>(rows: impl Iterator<Item = [Value; N]>) -> (String, Vec<Value>) {
    let (mut texts, mut values) = (Vec::new(), Vec::new());
    for row in rows {
        let places = (1..=N).map(|place| format!("${}", values.len() + place));
        texts.push(format!("({})", places.collect::<Vec<_>>().join(", ")));
        values.extend(row);
    }
    (format!(r#"(VALUES {}) AS "given""#, texts.join(", ")), values)
}
