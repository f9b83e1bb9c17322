//! Pairs of tokens that take the place of a pair that nobody used, in the table of sessions.
//!
//! Pairs that answer one refresh token are siblings. Each has a counter of its own, and all but the newest are void:
//!
//! ```text
//! counter      5      6      7      8
//!            spent   void   void  newest     voided_from = 6, voided_to = 8
//!              └ base: the token that 6, 7 and 8 answered
//! ```
//!
//! Void counters are absolute, and the newest pair is a sibling if its counter is `voided_to`. So when an older server, which
//! knows nothing of this, raises the counter alone, no good token becomes void. The row keeps one range. Once another sibling
//! is issued after a refresh, a refresh token of the earlier range still ends the session, but an access token does not.

use sea_orm::{ColumnTrait, Condition, DbErr, EntityTrait, QueryFilter, prelude::Uuid, sea_query::Expr};

use super::{
    Publish, Timestamp,
    session::{Column, Entity, Model, Rotation, ending, live, tell},
};

impl Model {
    /// Returns the counter of the refresh token that the newest pair answers.
    #[must_use]
    pub fn base_counter(&self) -> i64 {
        if self.voided_to == self.counter { self.voided_from - 1 } else { self.counter - 1 }
    }

    /// Returns whether tokens with this counter are void.
    #[must_use]
    pub fn is_void(&self, counter: i64) -> bool {
        (self.voided_from..self.voided_to).contains(&counter)
    }

    /// Returns the hash of the client that asked for the newest pair. Returns `None` if that was at an older server, or the
    /// session was never refreshed.
    #[must_use]
    pub fn newest_client(&self) -> Option<i64> {
        self.client_hash.filter(|_| self.client_counter == self.counter)
    }
}

/// Matches rows in which tokens with this counter are void.
pub(super) fn is_void(counter: i64) -> Condition {
    Condition::all().add(Column::VoidedFrom.lte(counter)).add(Column::VoidedTo.gt(counter))
}

/// Issues a sibling of the newest pair, which becomes void, to the client that repeats the token of `rotation`.
///
/// Returns `None` if the row is not as it was `read` any more: all that decides about siblings changes with the counter, but
/// for the session's end and its use.
///
/// # Errors
/// The database's.
pub async fn issue_sibling(
    on: &impl Publish,
    read: &Model,
    rotation: Rotation,
) -> Result<Option<Model>, DbErr> {
    let Rotation { id, counter: base, client_hash, now, expires_at } = rotation;
    let newest = read.counter + 1;
    let issued = Entity::update_many()
        .col_expr(Column::Counter, Expr::value(newest))
        .col_expr(Column::VoidedFrom, Expr::value(base + 1))
        .col_expr(Column::VoidedTo, Expr::value(newest))
        .col_expr(Column::ClientHash, Expr::value(client_hash))
        .col_expr(Column::ClientCounter, Expr::value(newest))
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(Timestamp(expires_at.0.min(read.max_expires_at.0))))
        .filter(Column::Id.eq(id))
        .filter(Column::Counter.eq(read.counter))
        .filter(Column::SeenCounter.lt(read.counter))
        .filter(live(now))
        .exec_with_returning(on)
        .await?;
    on.changed(&[], &[id]);
    Ok(issued.into_iter().next())
}

/// Ends a session in which tokens with this counter are void. Returns its row, or `None` if there is no such live session.
///
/// # Errors
/// The database's.
pub async fn end_if_void(
    on: &impl Publish,
    id: Uuid,
    counter: i64,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let with_void = ending(now).filter(Column::Id.eq(id)).filter(is_void(counter));
    let ended = with_void.exec_with_returning(on).await?;
    tell(on, &ended, now);
    Ok(ended.into_iter().next())
}
