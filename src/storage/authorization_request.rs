//! The table of Google sign-ins that were begun in a browser, and are awaited back. No row holds a secret: of `state` and
//! `code_verifier` it has digests.

use sea_orm::{IntoActiveModel, QueryFilter, QuerySelect, QueryTrait, entity::prelude::*, sea_query::Expr};
use time::OffsetDateTime;

use super::Timestamp;

/// A row of `authorization_requests`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "authorization_requests")]
pub struct Model {
    /// The SHA-256 of `state`, in base64url.
    #[sea_orm(primary_key, auto_increment = false)]
    pub state_hash: String,
    /// The SHA-256 of `code_verifier`, in base64url (RFC 7636 §4.2).
    pub code_challenge: String,
    /// Where Google sends the person back to.
    pub redirect_uri: String,
    /// When it expires; in 1970 once it was spent.
    pub expires_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a request is joined with: nothing.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Adds a row.
///
/// # Errors
/// The database's.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Spends a request. Of any number of racing callers exactly one gets the row, and nobody without the verifier. What is spent has
/// expired long ago, and not just now: the callers' clocks do not agree on that.
///
/// # Errors
/// The database's.
pub async fn spend(
    on: &impl ConnectionTrait,
    state_hash: String,
    code_challenge: String,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let spent = Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(Timestamp(OffsetDateTime::UNIX_EPOCH)))
        .filter(Column::StateHash.eq(state_hash))
        .filter(Column::CodeChallenge.eq(code_challenge))
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(on)
        .await?;
    Ok(spent.into_iter().next())
}

/// Deletes at most `most` of what expired, or was spent, before `before`; says how many.
///
/// # Errors
/// The database's.
pub async fn delete_dead(on: &impl ConnectionTrait, before: Timestamp, most: u64) -> Result<u64, DbErr> {
    let dead = Entity::find().select_only().column(Column::StateHash).filter(Column::ExpiresAt.lt(before));
    let dead = dead.limit(most).into_query();
    let deleted = Entity::delete_many().filter(Column::StateHash.in_subquery(dead)).exec(on).await?;
    Ok(deleted.rows_affected)
}
