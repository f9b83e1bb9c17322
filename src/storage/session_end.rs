//! How sessions end, and how they are deleted.

use sea_orm::{
    ExprTrait, QueryFilter, UpdateMany,
    entity::prelude::*,
    sea_query::{Expr, LockBehavior, LockType, Query},
};

use super::{
    Publish, Timestamp,
    cached_table::ChangeMany,
    session::{Column, Entity, Model, live},
    sweep::{MILLISECONDS_PER_DAY, day, next_day},
};
use crate::events::{Event, EventKind};

/// The greatest tolerated difference between the clocks of two servers.
const CLOCK_SKEW: time::Duration = time::Duration::seconds(2);

/// Ends a session. Returns its row, or `None` if it was not live.
pub async fn end(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    let ended = ending(now).filter(Column::Id.eq(id)).exec_with_returning(on).await?;
    publish_ended(on, &ended, now);
    Ok(ended.into_iter().next())
}

/// Ends every live session of a user. Returns their IDs.
pub async fn end_all(on: &impl Publish, user_id: Uuid, now: Timestamp) -> Result<Vec<Uuid>, DbErr> {
    let ended = ending(now).filter(Column::UserId.eq(user_id)).exec_with_returning(on).await?;
    Ok(publish_ended(on, &ended, now))
}

/// Ends a session of this user. Returns `false` if the session was not live or belongs to another user.
pub async fn end_of(on: &impl Publish, user_id: Uuid, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let of_user = ending(now).filter(Column::Id.eq(id)).filter(Column::UserId.eq(user_id));
    let ended = of_user.exec_with_returning(on).await?;
    Ok(!publish_ended(on, &ended, now).is_empty())
}

/// Ends every live session of a user except one. Returns the IDs of the ended sessions.
pub async fn end_others(
    on: &impl Publish,
    user_id: Uuid,
    keep: Uuid,
    now: Timestamp,
) -> Result<Vec<Uuid>, DbErr> {
    let others = ending(now).filter(Column::UserId.eq(user_id)).filter(Column::Id.ne(keep));
    let ended = others.exec_with_returning(on).await?;
    Ok(publish_ended(on, &ended, now))
}

/// Deletes at most `limit` sessions that expired or ended before `before`. Returns how many it deleted.
pub async fn delete_dead(on: &impl Publish, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut dead = Query::select();
    dead.column(Column::Id)
        .from(Entity)
        .and_where(Column::SweepDay.lte(day(before)))
        .and_where(Column::ExpiresAt.lt(before))
        .limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec_on_dead(on).await?;
    Ok(deleted.rows_affected)
}

/// Postpones at most `limit` sessions whose sweep day has come but which expire after the day of `before`. Moves each
/// to the day on which it expires, and returns how many it moved.
pub async fn postpone(on: &impl Publish, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut refreshed = Query::select();
    refreshed
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::SweepDay.lte(day(before)))
        .and_where(Column::ExpiresAt.gte(next_day(before)))
        .limit(limit)
        // the statement must not wait for a refresh while it holds locks on other rows
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let moved = Entity::update_many()
        .col_expr(Column::SweepDay, Expr::col(Column::ExpiresAt).div(MILLISECONDS_PER_DAY))
        .filter(Column::Id.in_subquery(refreshed))
        .exec_with_returning(on)
        .await?;
    Ok(moved.len() as u64)
}

/// Publishes that these sessions have ended, and returns their IDs.
pub(super) fn publish_ended(on: &impl Publish, ended: &[Model], now: Timestamp) -> Vec<Uuid> {
    let publish = |row: &Model| {
        let (user_id, session_id) = (row.user_id, Some(row.id));
        on.publish(Event { kind: EventKind::SessionEnded, user_id, session_id, at: now.0 });
        row.id
    };
    ended.iter().map(publish).collect()
}

/// Builds the update that ends live sessions. It also sets `expires_at`, so that one condition finds every session that
/// is over. `ended_at` shows whether the session was ended or expired.
pub(super) fn ending(now: Timestamp) -> ChangeMany<UpdateMany<Entity>> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        .col_expr(Column::SweepDay, Expr::value(day(now)))
        // a session that has just expired by this server's clock may be live by the clock of another server, which could
        // still refresh it
        .filter(live(Timestamp(now.0 - CLOCK_SKEW)))
}
