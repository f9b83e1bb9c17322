//! The table of passkey ceremonies: exchanges in which a browser creates or uses a passkey. The ceremony of a sign-in is
//! stored only when the sign-in succeeds, so starting a sign-in costs the database nothing.

use sea_orm::{
    IntoActiveModel, QueryFilter,
    entity::prelude::*,
    sea_query::{Expr, OnConflict, Query},
};

use super::Timestamp;

/// A row of `passkey_ceremonies`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkey_ceremonies")]
pub struct Model {
    /// The ID, which only the client that started the ceremony knows.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What the ceremony is for.
    pub kind: Kind,
    /// The user. `None` for a sign-up, whose user does not exist yet.
    pub user_id: Option<Uuid>,
    /// The user handle: the ID of the account on the authenticator.
    pub user_handle: Uuid,
    /// The version of the user's credentials when the ceremony was started.
    pub credentials_version: i64,
    /// The details of the new account, in JSON. Only sign-ups have them.
    pub account: Option<String>,
    /// When the ceremony expires.
    pub expires_at: Timestamp,
    /// When the ceremony was spent.
    pub ended_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// What a ceremony is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Kind {
    /// Signing in.
    Login,
    /// Signing up without a password.
    Signup,
    /// Adding a passkey to an account.
    Enrolment,
}

/// Adds a ceremony that has started.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Finds a live ceremony of this kind.
pub async fn find_live(
    on: &impl ConnectionTrait,
    id: Uuid,
    kind: Kind,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(Column::Kind.eq(kind)).filter(live(now)).all(on).await?.pop())
}

/// Spends a ceremony that [`insert`] added. If several callers race, exactly one gets `true`.
pub async fn end(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(live(now))
        .exec(on)
        .await?;
    Ok(ended.rows_affected > 0)
}

/// Spends a ceremony that was never stored, by inserting its row as spent. If several callers race, exactly one gets `true`.
pub async fn spend(on: &impl ConnectionTrait, row: Model) -> Result<bool, DbErr> {
    let nothing = OnConflict::new().do_nothing().to_owned();
    let inserted = Entity::insert(row.into_active_model()).on_conflict(nothing).exec_without_returning(on);
    Ok(inserted.await? > 0)
}

/// Deletes at most `limit` ceremonies that expired before `before`. Returns how many it deleted.
pub async fn delete_expired(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut expired = Query::select();
    expired.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(expired)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn live(now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}
