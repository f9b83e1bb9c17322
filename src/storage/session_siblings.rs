//! Sibling pairs of tokens in the table of sessions. A sibling replaces a pair that was never used.
//!
//! Pairs that were issued for the same refresh token are siblings. Each has its own counter, and all but the newest are
//! void:
//!
//! ```text
//! counter      5      6      7      8
//!            spent   void   void  newest     voided_from = 6, voided_to = 8
//!              └ base: the token for which 6, 7 and 8 were issued
//! ```
//!
//! `voided_from` and `voided_to` are counters, not offsets from the newest counter. The newest pair is a sibling if its
//! counter is `voided_to`. An older server, which does not know about siblings, raises only `counter`, and this makes
//! no valid token void. The row keeps only the latest range. Once a sibling has been issued after a later refresh, a
//! refresh token of an earlier range still ends the session, but an access token of that range does not.

use sea_orm::{ColumnTrait, DbErr, QueryFilter, prelude::Uuid, sea_query::Expr};

use super::{
    Publish, Timestamp,
    session::{Column, Entity, Model, live, void},
    session_end::{ending, publish_ended},
    session_rotation::Rotation,
};

impl Model {
    /// Returns the counter of the refresh token for which the newest pair was issued.
    #[must_use]
    pub fn base_counter(&self) -> i64 {
        if self.voided_to == self.counter { self.voided_from - 1 } else { self.counter - 1 }
    }

    /// Returns whether tokens with this counter are void.
    #[must_use]
    pub fn is_void(&self, counter: i64) -> bool {
        (self.voided_from..self.voided_to).contains(&counter)
    }

    /// Returns the hash of the client that requested the newest pair. Returns `None` if an older server issued the
    /// pair, or the session was never refreshed.
    #[must_use]
    pub fn newest_client(&self) -> Option<i64> {
        self.client_hash.filter(|_| self.client_counter == self.counter)
    }
}

/// Issues a sibling of the newest pair to a client that reuses the token of `rotation`. The pair that was the newest
/// becomes void.
///
/// Returns `None` if the row no longer matches `read`. Comparing the counter is enough to detect a change, because
/// everything that matters for siblings changes with the counter. The two exceptions, the end of the session and the use
/// of the newest pair, are checked separately.
pub async fn issue_sibling(
    on: &impl Publish,
    read: &Model,
    rotation: Rotation,
) -> Result<Option<Model>, DbErr> {
    let Rotation { id, counter: base, client_hash, now, expires_at } = rotation;
    let newest = read.counter + 1;
    Entity::update_by_id(id)
        .col_expr(Column::Counter, Expr::value(newest))
        .col_expr(Column::VoidedFrom, Expr::value(base + 1))
        .col_expr(Column::VoidedTo, Expr::value(newest))
        .col_expr(Column::ClientHash, Expr::value(client_hash))
        .col_expr(Column::ClientCounter, Expr::value(newest))
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(Timestamp(expires_at.0.min(read.max_expires_at.0))))
        .filter(Column::Counter.eq(read.counter))
        .filter(Column::SeenCounter.lt(read.counter))
        .filter(live(now))
        .exec_with_returning(on)
        .await
}

/// Ends a session if tokens with this counter are void in it. Returns the row of the session, or `None` if the
/// session was not live or the tokens are not void.
pub async fn end_if_void(
    on: &impl Publish,
    id: Uuid,
    counter: i64,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let with_void = ending(now).filter(Column::Id.eq(id)).filter(void(counter));
    let ended = with_void.exec_with_returning(on).await?;
    publish_ended(on, &ended, now);
    Ok(ended.into_iter().next())
}
