//! The table of provider sign-ins that were started in a browser and are not yet complete. A row contains no secrets,
//! only digests of `state` and `code_verifier`.

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
    /// The URL in the app that the browser is sent back to.
    pub redirect_uri: String,
    /// The ID of the provider. An authorization code from another provider is not accepted (RFC 9700 §4.4).
    pub provider: String,
    /// The person's given name, if the provider sent it.
    pub given_name: Option<String>,
    /// The person's family name.
    pub family_name: Option<String>,
    /// When the request expires. 1970-01-01 if it was spent.
    pub expires_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Adds a request.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Spends a request if its verifier and its provider match, and returns it. If several callers race, exactly one of
/// them gets the row.
pub async fn spend(
    on: &impl ConnectionTrait,
    state_hash: String,
    code_challenge: String,
    provider: String,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let spent = Entity::update_many()
        // not `now`, because the clocks of two servers may differ
        .col_expr(Column::ExpiresAt, Expr::value(Timestamp(OffsetDateTime::UNIX_EPOCH)))
        .filter(Column::StateHash.eq(state_hash))
        .filter(Column::CodeChallenge.eq(code_challenge))
        .filter(Column::Provider.eq(provider))
        .filter(Column::ExpiresAt.gt(now))
        .exec_with_returning(on)
        .await?;
    Ok(spent.into_iter().next())
}

/// Finds a request of this provider that is neither spent nor expired.
pub async fn find_live(
    on: &impl ConnectionTrait,
    state_hash: &str,
    provider: &str,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let of_provider =
        Entity::find().filter(Column::StateHash.eq(state_hash)).filter(Column::Provider.eq(provider));
    of_provider.filter(Column::ExpiresAt.gt(now)).one(on).await
}

/// Stores the person's name as the provider sent it, unless the request already has a given name.
pub async fn keep_name(
    on: &impl ConnectionTrait,
    state_hash: String,
    given_name: Option<String>,
    family_name: Option<String>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::GivenName, Expr::value(given_name))
        .col_expr(Column::FamilyName, Expr::value(family_name))
        .filter(Column::StateHash.eq(state_hash))
        .filter(Column::GivenName.is_null())
        .exec(on)
        .await?;
    Ok(())
}

/// Deletes at most `limit` requests that were spent, or that expired before `before`. Returns how many it deleted.
pub async fn delete_dead(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let dead = Entity::find()
        .select_only()
        .column(Column::StateHash)
        .filter(Column::ExpiresAt.lt(before))
        .limit(limit)
        .into_query();
    let deleted = Entity::delete_many().filter(Column::StateHash.in_subquery(dead)).exec(on).await?;
    Ok(deleted.rows_affected)
}
