//! The table of accounts elsewhere by which people sign in here.

use sea_orm::{QueryFilter, QueryOrder, entity::prelude::*};

use super::Timestamp;

/// A row of `identities`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The `iss` of the provider; with `subject` unique.
    pub issuer: String,
    /// The `sub` that the provider gave.
    pub subject: String,
    /// The address there, when it was linked.
    pub email: Option<String>,
    /// When it was linked.
    pub linked_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// What an identity is joined with: nothing.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// The identities of these users, in the order in which they were linked.
///
/// # Errors
/// The database's.
pub async fn list(on: &impl ConnectionTrait, user_ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let of_users = Column::UserId.is_in(user_ids.iter().copied());
    Entity::find().filter(of_users).order_by_asc(Column::Id).all(on).await
}
