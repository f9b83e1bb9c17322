//! The table of budgets that are in use. A budget that is whole again needs no row.
//!
//! A cell is one number, after the generic cell rate algorithm (GCRA; ITU-T I.371): the moment at which all that was charged
//! will have drained away. A charge moves it on by its cost, and must not move it further ahead of now than the window.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter,
    entity::prelude::*,
    sea_query::{Alias, CaseStatement, Expr, LockBehavior, LockType, OnConflict, Query},
};

use super::Timestamp;

/// A row of `rate_limits`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "rate_limits")]
pub struct Model {
    /// What is rationed, and to whom: a digest.
    #[sea_orm(primary_key, auto_increment = false)]
    pub key: Uuid,
    /// When the budget is whole again.
    pub idle_at: Timestamp,
    /// The period of the budget, in milliseconds: a charge brings it along to be judged by.
    pub window_ms: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a cell is joined with: nothing.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// A change to one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The cell.
    pub key: Uuid,
    /// What it costs, in milliseconds of the period. Below zero it gives back, which nothing refuses.
    pub cost_ms: i64,
    /// The period, in milliseconds.
    pub window_ms: i64,
}

/// The cells of these keys that are in use.
///
/// # Errors
/// The database's.
pub async fn list(on: &impl ConnectionTrait, keys: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::Key.is_in(keys.iter().copied())).all(on).await
}

/// Makes each change for which its cell has room, in one statement, and says which.
///
/// The cells are locked in the order of `charges`: as long as everybody sorts them by key, nobody waits in a circle.
///
/// # Errors
/// The database's.
pub async fn charge(
    on: &impl ConnectionTrait,
    charges: &[Charge],
    now: Timestamp,
) -> Result<Vec<Uuid>, DbErr> {
    let millis = |time: Timestamp| time.0.unix_timestamp() * 1000 + i64::from(time.0.millisecond());
    let now = millis(now);
    let excluded = |column| Expr::col((Alias::new("excluded"), column));
    let idle_at = || Expr::col((Entity, Column::IdleAt));
    // what has drained away long ago is no credit
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
    insert.into_table(Entity).columns([Column::Key, Column::IdleAt, Column::WindowMs]);
    for charge in charges {
        let row = [charge.key.into(), (now + charge.cost_ms).into(), charge.window_ms.into()];
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

/// Writes a cell that rations nothing: whoever can do that can write what a login writes.
///
/// # Errors
/// The database's.
pub async fn write_idle(on: &impl ConnectionTrait, now: Timestamp) -> Result<(), DbErr> {
    let row = Model { key: Uuid::nil(), idle_at: now, window_ms: 0 };
    let again = OnConflict::column(Column::Key).update_column(Column::IdleAt).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(again).exec_without_returning(on).await?;
    Ok(())
}

/// Deletes at most `most` cells that are whole again; says how many.
///
/// # Errors
/// The database's.
pub async fn delete_idle(on: &impl ConnectionTrait, now: Timestamp, most: u64) -> Result<u64, DbErr> {
    let mut idle = Query::select();
    idle.column(Column::Key)
        .from(Entity)
        .and_where(Column::IdleAt.lt(now))
        .limit(most)
        // never waits for those who charge, nor deletes what they have charged meanwhile
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let deleted = Entity::delete_many().filter(Column::Key.in_subquery(idle)).exec(on).await?;
    Ok(deleted.rows_affected)
}
