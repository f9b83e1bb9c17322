//! The table of sign-ins that await a second factor after a correct first proof. They have no session yet.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::Timestamp;

/// A row of `second_factor_challenges`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "second_factor_challenges")]
pub struct Model {
    /// 122 random bits. Only the client that gave the first proof knows them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user who is signing in.
    pub user_id: Uuid,
    /// The version of the user's credentials, as it was read before the first proof was checked.
    pub credentials_version: i64,
    /// The methods of the first proof, in the format of the column `methods` of `sessions`.
    pub methods: String,
    /// The account at a sign-in provider, in JSON. It is linked once the second factor is correct.
    pub identity: Option<String>,
    /// The charges for the first proof, in JSON. They are refunded once the second factor is correct. `None` if the
    /// first proof is not charged as a login.
    pub charges: Option<String>,
    /// The number of wrong TOTP codes.
    pub attempts: i32,
    /// When the first proof was accepted.
    pub created_at: Timestamp,
    /// When the challenge expires.
    pub expires_at: Timestamp,
    /// When the challenge was spent or made void.
    pub ended_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Adds a challenge.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Finds a live challenge.
pub async fn find_live(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(live(now)).all(on).await?.pop())
}

/// Counts an attempt. Returns `false` if there is no such live challenge, or if it has already had `max_attempts` attempts.
pub async fn count_attempt(
    on: &impl ConnectionTrait,
    id: Uuid,
    max_attempts: i32,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let counted = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::Attempts.lt(max_attempts))
        .filter(live(now))
        .exec(on)
        .await?;
    Ok(counted.rows_affected > 0)
}

/// Spends a challenge. If several callers race, exactly one gets `true`.
pub async fn end(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(live(now))
        .exec(on)
        .await?;
    Ok(ended.rows_affected > 0)
}

/// Deletes at most `limit` challenges that expired or ended before `before`. Returns how many it deleted.
pub async fn delete_dead(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut dead = Query::select();
    dead.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn live(now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}
