//! The table of budgets that have been charged. A full budget needs no row.
//!
//! A row is one cell of the generic cell rate algorithm (GCRA; ITU-T I.371). It stores the moment at which everything
//! that was charged will have drained away. A charge moves that moment forward by its cost. A charge that would move it
//! beyond the current time plus the window is refused.

use sea_orm::{
    DbBackend, ExprTrait, IntoActiveModel, QueryFilter, Statement, Value,
    entity::prelude::*,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query},
};

use super::{
    Timestamp, known_address,
    sweep::{MILLISECONDS_PER_DAY, day, next_day},
};

/// A row of `rate_limits`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rate_limits")]
pub struct Model {
    /// A digest of the limited action and of the client, account or address to which the limit applies.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Uuid,
    /// When the budget is full again.
    pub idle_at: Timestamp,
    /// The window of the budget, in milliseconds. Each charge writes the window, because the upsert can read the values
    /// of a charge only from columns.
    pub window_ms: i64,
    /// The day on which housekeeping looks at the row: see [`super::sweep`].
    pub sweep_day: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// A change to one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The cell.
    pub key: Uuid,
    /// The cost, in milliseconds of the window. A negative cost is a refund, and is never refused.
    pub cost_ms: i64,
    /// The window, in milliseconds.
    pub window_ms: i64,
}

/// Lists the cells with these keys. A budget that is full may have no cell.
pub async fn list(on: &impl ConnectionTrait, keys: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Key.is_in(keys.iter().copied())).all(on).await
}

/// Charges, in one statement, every cell that has room for its charge. Returns the keys of the charged cells.
///
/// The cells are locked in the order of `charges`, which must be sorted by key, so that callers cannot deadlock.
pub async fn charge(
    on: &impl ConnectionTrait,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Vec<Uuid>, DbErr> {
    let text = Text::of(charges, now, 1);
    let statement = Statement::from_sql_and_values(on.get_database_backend(), text.sql, text.values);
    let rows = on.query_all_raw(statement).await?;
    rows.iter().map(|row| row.try_get("", "key")).collect()
}

/// The charges for a failure.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The charges, sorted by key.
    pub charges: Vec<Charge>,
    /// The user and the known address whose streak of failures grows.
    pub streak: Option<(Uuid, String)>,
    /// Whether PostgreSQL need not wait until the charges are on disk. If its machine crashes, the charges of the last
    /// 0.6 seconds (three times `wal_writer_delay`) are lost.
    pub is_forgettable: bool,
}

/// Does what [`charge`] does, and adds the failure to the streak if all cells were charged. One statement does both,
/// because a transaction would take three more round trips.
pub async fn charge_failure(
    on: &impl ConnectionTrait,
    failure: Failure,
    now: Timestamp,
) -> Result<Vec<Uuid>, DbErr> {
    let Failure { charges, streak, is_forgettable } = failure;
    let backend = on.get_database_backend();
    let Text { sql: charge, mut values } = Text::of(&charges, now, 1);
    let next = values.len() + 1;
    let count =
        |are_charged| format!("{} AND {are_charged} = {}", known_address::add_failure(next), charges.len());
    let sql = match backend {
        DbBackend::Postgres => {
            let count = match &streak {
                Some(_) => format!(r#", "counted" AS ({})"#, count(r#"(SELECT count(*) FROM "charged")"#)),
                None => String::new(),
            };
            let forget = if is_forgettable { ", set_config('synchronous_commit', 'off', TRUE)" } else { "" };
            format!(r#"WITH "charged" AS ({charge}){count} SELECT "key"{forget} FROM "charged""#)
        }
        _ if streak.is_some() => format!("{charge}; {}", count("changes()")),
        _ => charge,
    };
    if let Some((user_id, address)) = streak {
        values.extend([user_id.into(), address.into()]);
    }
    let rows = on.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    rows.iter().map(|row| row.try_get("", "key")).collect()
}

/// The text of a statement that charges cells and returns their keys, for use within a larger statement.
pub(super) struct Text {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Text {
    /// Writes the text. Its parameters are numbered from `first`.
    pub(super) fn of(charges: &[Charge], now: Timestamp, first: usize) -> Self {
        let now_ms = now.0.unix_timestamp() * 1000 + i64::from(now.0.millisecond());
        let mut values: Vec<Value> = vec![now_ms.into()];
        let mut rows = Vec::with_capacity(charges.len());
        for charge in charges {
            let idle_at = now_ms + charge.cost_ms;
            let at = first + values.len();
            rows.push(format!("(${at}, ${}, ${}, ${})", at + 1, at + 2, at + 3));
            let sweep_day = idle_at.div_euclid(MILLISECONDS_PER_DAY);
            values.extend([charge.key.into(), idle_at.into(), charge.window_ms.into(), sweep_day.into()]);
        }
        let (rows, now) = (rows.join(", "), format!("${first}"));
        // a cell that has been idle for a long time must not have more credit than a full budget
        let moved_on = format!(
            r#"(CASE WHEN "excluded"."idle_at" <= {now} THEN "rate_limits"."idle_at"
            WHEN "rate_limits"."idle_at" < {now} THEN {now}
            WHEN "rate_limits"."idle_at" > "excluded"."window_ms" + {now} THEN "excluded"."window_ms" + {now}
            ELSE "rate_limits"."idle_at" END + "excluded"."idle_at" - {now})"#
        );
        let sql = format!(
            r#"INSERT INTO "rate_limits" ("key", "idle_at", "window_ms", "sweep_day") VALUES {rows}
            ON CONFLICT ("key") DO UPDATE SET "idle_at" = {moved_on}, "window_ms" = "excluded"."window_ms"
            WHERE "excluded"."idle_at" <= {now} OR {moved_on} <= "excluded"."window_ms" + {now} RETURNING "key""#
        );
        Self { sql, values }
    }
}

/// Writes a cell that limits nothing, to check that the table is writable.
pub async fn write_idle(on: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
    let row = Model { key: Uuid::nil(), idle_at: now, window_ms: 0, sweep_day: day(now) };
    let again = OnConflict::column(Column::Key).update_column(Column::IdleAt).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(again).exec_without_returning(on).await?;
    Ok(())
}

/// Deletes at most `limit` cells whose budget is full again. Returns how many it deleted.
pub async fn delete_idle(on: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut idle = Query::select();
    idle.column(Column::Key)
        .from(Entity)
        .and_where(Column::SweepDay.lte(day(now)))
        .and_where(Column::IdleAt.lt(now))
        .limit(limit)
        // must neither wait for a charge nor delete a cell that has been charged in the meantime
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let deleted = Entity::delete_many().filter(Column::Key.in_subquery(idle)).exec(on).await?;
    Ok(deleted.rows_affected)
}

/// Postpones at most `limit` cells whose sweep day has come but whose budget is not full until a later day. Moves each
/// to that day, and returns how many it moved.
pub async fn postpone(on: &impl ConnectionTrait, now: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut charged = Query::select();
    charged
        .column(Column::Key)
        .from(Entity)
        .and_where(Column::SweepDay.lte(day(now)))
        .and_where(Column::IdleAt.gte(next_day(now)))
        .limit(limit)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let moved = Entity::update_many()
        .col_expr(Column::SweepDay, Expr::col(Column::IdleAt).div(MILLISECONDS_PER_DAY))
        .filter(Column::Key.in_subquery(charged))
        .exec(on)
        .await?;
    Ok(moved.rows_affected)
}
