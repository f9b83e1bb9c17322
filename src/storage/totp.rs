//! The table of TOTP authenticators: the secrets of apps that show a new code every 30 seconds. Each secret is
//! encrypted under `SECRET_KEY`.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::Timestamp;

/// A row of `totps`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "totps")]
pub struct Model {
    /// 122 random bits. Only the client that started the enrollment knows them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// The secret, encrypted.
    pub sealed_secret: String,
    /// The name of the `SECRET_KEY` under which the secret is encrypted.
    pub secret_name: String,
    /// The time step of the last accepted code (RFC 6238 §4.2). The codes of this step and of earlier ones are spent.
    pub last_step: i64,
    /// The number of wrong codes since the last correct one.
    pub failures: i32,
    /// The version of the user's credentials when the enrollment was started.
    pub credentials_version: i64,
    /// When the enrollment was started.
    pub created_at: Timestamp,
    /// When the row can be deleted: when an enrollment expires, or when a removal can no longer be undone. `None` while
    /// the authenticator is in use.
    pub expires_at: Option<Timestamp>,
    /// When the enrollment was finished.
    pub enabled_at: Option<Timestamp>,
    /// When the authenticator was removed.
    pub removed_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Adds an authenticator.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Finds a user's enrollment that is neither finished nor expired.
pub async fn find_enrolment(
    on: &impl ConnectionTrait,
    id: Uuid,
    user_id: Uuid,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(enrolling(user_id, now)).all(on).await?.pop())
}

/// Finds the authenticator that a user is using.
pub async fn find(on: &impl ConnectionTrait, user_id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find().filter(in_use(user_id)).all(on).await?.pop())
}

/// Finishes an enrollment with a code of this time step. If several callers race, exactly one gets `true`.
pub async fn enable(
    on: &impl ConnectionTrait,
    id: Uuid,
    user_id: Uuid,
    step: i64,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let enabled = Entity::update_many()
        .col_expr(Column::EnabledAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(None::<Timestamp>))
        .col_expr(Column::LastStep, Expr::value(step))
        .filter(Column::Id.eq(id))
        .filter(enrolling(user_id, now))
        .exec(on)
        .await?;
    Ok(enabled.rows_affected > 0)
}

/// Spends the code of a time step, and with it the codes of earlier steps. If several callers race, exactly one gets `true`.
pub async fn spend(on: &impl ConnectionTrait, id: Uuid, step: i64) -> Result<bool, DbErr> {
    let spent = Entity::update_many()
        .col_expr(Column::LastStep, Expr::value(step))
        .col_expr(Column::Failures, Expr::value(0))
        .filter(Column::Id.eq(id))
        .filter(Column::LastStep.lt(step))
        .filter(Column::RemovedAt.is_null())
        .exec(on)
        .await?;
    Ok(spent.rows_affected > 0)
}

/// Counts a wrong code. Returns the number of wrong codes since the last correct one.
pub async fn count_failure(on: &impl ConnectionTrait, id: Uuid) -> Result<i32, DbErr> {
    let counted = Entity::update_many()
        .col_expr(Column::Failures, Expr::col(Column::Failures).add(1))
        .filter(Column::Id.eq(id))
        .exec_with_returning(on)
        .await?;
    Ok(counted.first().map_or(0, |row| row.failures))
}

/// Removes the authenticator that a user is using. Until `expires_at`, [`restore_since`] can restore it. Returns
/// `false` if the user has none.
pub async fn remove(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, DbErr> {
    let removed = Entity::update_many()
        .col_expr(Column::RemovedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(in_use(user_id))
        .exec(on)
        .await?;
    Ok(removed.rows_affected > 0)
}

/// Deletes a user's authenticators whose enrollment was finished at `since` or later, including removed ones, and all
/// unfinished enrollments of the user.
pub async fn delete_since(on: &impl ConnectionTrait, user_id: Uuid, since: Timestamp) -> Result<(), DbErr> {
    let is_later = Column::EnabledAt.gte(since).or(Column::EnabledAt.is_null());
    Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(is_later).exec(on).await?;
    Ok(())
}

/// Deletes the unfinished enrollments of a user.
pub async fn delete_enrolments(on: &impl ConnectionTrait, user_id: Uuid) -> Result<(), DbErr> {
    let started =
        Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::EnabledAt.is_null());
    started.exec(on).await?;
    Ok(())
}

/// Restores a user's authenticator that was removed at `since` or later.
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

/// Lists at most `limit` secrets that are encrypted under a `SECRET_KEY` with one of these names.
pub async fn list_sealed_under(
    on: &impl ConnectionTrait,
    secret_names: &[String],
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::SecretName.is_in(secret_names)).limit(limit).all(on).await
}

/// Counts the secrets that are encrypted under a `SECRET_KEY` other than the one with this name.
pub async fn count_sealed_under_others(on: &impl ConnectionTrait, secret_name: &str) -> Result<u64, DbErr> {
    // two ranges, because an index cannot be searched with `<>`
    let is_other = Column::SecretName.lt(secret_name).or(Column::SecretName.gt(secret_name));
    Entity::find().filter(is_other).count(on).await
}

/// Replaces an encrypted secret, unless another server has already done so.
pub async fn reseal(
    on: &impl ConnectionTrait,
    id: Uuid,
    before: &str,
    sealed_secret: String,
    secret_name: String,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::SealedSecret, Expr::value(sealed_secret))
        .col_expr(Column::SecretName, Expr::value(secret_name))
        .filter(Column::Id.eq(id))
        .filter(Column::SealedSecret.eq(before))
        .exec(on)
        .await?;
    Ok(())
}

/// Deletes at most `limit` rows that expired before `before`. Returns how many it deleted.
pub async fn delete_expired(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut expired = Query::select();
    expired.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(expired)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn enrolling(user_id: Uuid, now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(Column::UserId.eq(user_id))
        .add(Column::EnabledAt.is_null())
        .add(Column::ExpiresAt.gt(now))
}

fn in_use(user_id: Uuid) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(Column::UserId.eq(user_id))
        .add(Column::EnabledAt.is_not_null())
        .add(Column::RemovedAt.is_null())
}
