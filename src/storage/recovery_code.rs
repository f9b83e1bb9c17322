//! The table of recovery codes. A code has 80 random bits, so its digest needs neither a salt nor a key.

use sea_orm::{
    IntoActiveModel, QueryFilter, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::Timestamp;

/// A row of `recovery_codes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "recovery_codes")]
pub struct Model {
    /// The SHA-256 digest of the code, in hex.
    #[sea_orm(primary_key, auto_increment = false)]
    pub digest: String,
    /// The user.
    pub user_id: Uuid,
    /// When the code was created.
    pub created_at: Timestamp,
    /// When the code was used.
    pub used_at: Option<Timestamp>,
    /// When new codes replaced the code.
    pub removed_at: Option<Timestamp>,
    /// When a removed row can be deleted, because the removal can no longer be undone.
    pub expires_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Adds the codes with these digests.
pub async fn insert_many(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    digests: Vec<String>,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = |digest| {
        Model { digest, user_id, created_at: now, used_at: None, removed_at: None, expires_at: None }
            .into_active_model()
    };
    Entity::insert_many(digests.into_iter().map(row)).exec_without_returning(on).await?;
    Ok(())
}

/// Returns whether a user can still use the code with this digest.
pub async fn is_usable(on: &impl ConnectionTrait, user_id: Uuid, digest: &str) -> Result<bool, DbErr> {
    let found = Entity::find_by_id(digest.to_owned()).filter(usable(&[user_id])).all(on).await?;
    Ok(!found.is_empty())
}

/// Spends a code. If several callers race, exactly one gets `true`.
pub async fn spend(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    digest: &str,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let spent = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(now))
        .filter(Column::Digest.eq(digest))
        .filter(usable(&[user_id]))
        .exec(on)
        .await?;
    Ok(spent.rows_affected > 0)
}

/// Returns the ID of the owner of each code that these users can still use. An ID occurs once for each code.
pub async fn list_usable(on: &impl ConnectionTrait, user_ids: &[Uuid]) -> Result<Vec<Uuid>, DbErr> {
    Entity::find().select_only().column(Column::UserId).filter(usable(user_ids)).into_tuple().all(on).await
}

/// Removes the codes of a user, including used ones. Until `expires_at`, [`restore_since`] can restore them.
pub async fn remove_all(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RemovedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::RemovedAt.is_null())
        .exec(on)
        .await?;
    Ok(())
}

/// Deletes a user's codes that were created at `since` or later. Returns how many it deleted.
pub async fn delete_since(on: &impl ConnectionTrait, user_id: Uuid, since: Timestamp) -> Result<u64, DbErr> {
    let created =
        Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::CreatedAt.gte(since));
    Ok(created.exec(on).await?.rows_affected)
}

/// Restores a user's codes that were removed at `since` or later. Used codes stay used.
pub async fn restore_since(on: &impl ConnectionTrait, user_id: Uuid, since: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RemovedAt, Expr::value(None::<Timestamp>))
        .col_expr(Column::ExpiresAt, Expr::value(None::<Timestamp>))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::RemovedAt.gte(since))
        .exec(on)
        .await?;
    Ok(())
}

/// Deletes at most `limit` removed codes that expired before `before`. Returns how many it deleted.
pub async fn delete_expired(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut expired = Query::select();
    expired.column(Column::Digest).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Digest.in_subquery(expired)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn usable(user_ids: &[Uuid]) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(Column::UserId.is_in(user_ids.iter().copied()))
        .add(Column::UsedAt.is_null())
        .add(Column::RemovedAt.is_null())
}
