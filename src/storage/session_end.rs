//! How sessions end, and how they are deleted.

use sea_orm::{
    QueryFilter, UpdateMany,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{
    Publish, Timestamp,
    cached_table::ChangeMany,
    session::{Column, Entity, Model, live},
};
use crate::events::{Event, EventKind};

/// The greatest difference between the clocks of two servers.
pub(super) const CLOCK_SKEW: time::Duration = time::Duration::seconds(2);

/// Ends a session. Returns its row, or `None` if it was not live.
pub async fn end(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    let ended = ending(now).filter(Column::Id.eq(id)).exec_with_returning(on).await?;
    publish_ended(on, &ended, now);
    Ok(ended.into_iter().next())
}

/// Ends every live session of a user. Returns their ids.
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

/// Ends every live session of a user except one. Returns the ids of those that ended.
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
    dead.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec_on_dead(on).await?;
    Ok(deleted.rows_affected)
}

/// Publishes that these sessions have ended, and returns their ids.
pub(super) fn publish_ended(on: &impl Publish, ended: &[Model], now: Timestamp) -> Vec<Uuid> {
    let publish = |row: &Model| {
        let (user_id, session_id) = (row.user_id, Some(row.id));
        on.publish(Event { kind: EventKind::SessionEnded, user_id, session_id, at: now.0 });
        row.id
    };
    ended.iter().map(publish).collect()
}

/// Builds the update that ends live sessions. It also sets `expires_at`, so that one index finds both expired and ended
/// sessions. `ended_at` distinguishes the two.
pub(super) fn ending(now: Timestamp) -> ChangeMany<UpdateMany<Entity>> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        // a session that has just expired by this server's clock may be live by the clock of another, which could still
        // refresh it
        .filter(live(Timestamp(now.0 - CLOCK_SKEW)))
}
