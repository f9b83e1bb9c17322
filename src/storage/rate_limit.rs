//! The table of budgets that have been charged. A full budget needs no row.
//!
//! A row is one cell of the generic cell rate algorithm (GCRA; ITU-T I.371). It stores the moment at which everything
//! that was charged will have drained away. A charge moves that moment forward by its cost. A charge that would move it
//! beyond the current time plus the window is refused.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter,
    entity::prelude::*,
    sea_query::{Alias, CaseStatement, Expr, LockBehavior, LockType, OnConflict, Query},
};

use super::{
    Timestamp,
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
    let millis = |time: Timestamp| time.0.unix_timestamp() * 1000 + i64::from(time.0.millisecond());
    let now = millis(now);
    let excluded = |column| Expr::col((Alias::new("excluded"), column));
    let idle_at = || Expr::col((Entity, Column::IdleAt));
    // a cell that has been idle for a long time must not have more credit than a full budget
    let is_charge = || excluded(Column::IdleAt).gt(now);
    let latest = || excluded(Column::WindowMs).add(now);
    let start = CaseStatement::new()
        .case(idle_at().lt(now).and(is_charge()), Expr::value(now))
        .case(idle_at().gt(latest()).and(is_charge()), latest())
        .finally(idle_at());
    let moved_on = Expr::Case(Box::new(start)).add(excluded(Column::IdleAt).sub(now));
    let gives_back = excluded(Column::IdleAt).lte(now);
    let has_room = moved_on.clone().lte(latest());
    let mut insert = Query::insert();
    insert.into_table(Entity).columns([Column::Key, Column::IdleAt, Column::WindowMs, Column::SweepDay]);
    for charge in charges {
        let idle_at = now + charge.cost_ms;
        let sweep_day = idle_at.div_euclid(MILLISECONDS_PER_DAY);
        let row = [charge.key.into(), idle_at.into(), charge.window_ms.into(), sweep_day.into()];
        insert.values_panic(row.map(|value: sea_orm::Value| Expr::value(value)));
    }
    insert
        .on_conflict(
            OnConflict::column(Column::Key)
                .value(Column::IdleAt, moved_on)
                .value(Column::WindowMs, excluded(Column::WindowMs))
                .action_and_where(gives_back.or(has_room))
                .to_owned(),
        )
        .returning_col(Column::Key);
    let rows = on.query_all(&insert).await?;
    rows.iter().map(|row| row.try_get("", "key")).collect()
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
