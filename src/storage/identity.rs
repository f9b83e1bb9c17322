//! The table of identities: the links between users and their accounts at sign-in providers.

use sea_orm::{IntoActiveModel, QueryFilter, QueryOrder, entity::prelude::*, sea_query::OnConflict};

use super::{Publish, Timestamp, user, user_changes};

/// A row of `identities`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "identities")]
pub struct Model {
    /// UUIDv7.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user to whom the identity is linked.
    pub user_id: Uuid,
    /// The ID of the provider.
    pub provider: String,
    /// The `iss` of the provider. Unique together with `subject`.
    pub issuer: String,
    /// The `sub` of the account at the provider.
    pub subject: String,
    /// The email address of that account when it was linked.
    pub email: Option<String>,
    /// When the identity was linked.
    pub linked_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The user to whom the identity is linked.
    #[sea_orm(belongs_to = "user::Entity", from = "Column::UserId", to = "user::Column::Id")]
    User,
}

impl Related<user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

/// Finds an identity by its ID.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Entity::find().filter(Column::Id.eq(id)).one(on).await
}

/// Finds the user of an identity. Uses one statement, because between two reads the identity could be unlinked, and the
/// user would then be read with newer credentials.
pub async fn find_user(
    on: &impl ConnectionTrait,
    issuer: &str,
    subject: &str,
) -> Result<Option<user::Model>, DbErr> {
    let found = Entity::find()
        .filter(Column::Issuer.eq(issuer))
        .filter(Column::Subject.eq(subject))
        .find_also_related(user::Entity)
        .all(on)
        .await?;
    Ok(found.into_iter().find_map(|(_, user)| user))
}

/// Lists the identities of these users, in the order in which they were linked.
pub async fn list(on: &impl ConnectionTrait, user_ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let of_users = Column::UserId.is_in(user_ids.iter().copied());
    Entity::find().filter(of_users).order_by_asc(Column::Id).all(on).await
}

/// Links an identity. Returns `false` if it is already linked to a user.
pub async fn insert(on: &impl Publish, row: Model) -> Result<bool, DbErr> {
    let (user_id, now) = (row.user_id, row.linked_at);
    let nothing = OnConflict::new().do_nothing().to_owned();
    let inserted =
        Entity::insert(row.into_active_model()).on_conflict(nothing).exec_without_returning(on).await?;
    if inserted > 0 {
        user_changes::publish_changed(on, user_id, now);
    }
    Ok(inserted > 0)
}

/// Links an identity that is not linked to any user.
///
/// # Errors
/// Fails with a constraint violation if the identity is already linked.
pub async fn claim(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Lists the identities of a user that were linked at `since` or later, in the order in which they were linked.
pub async fn list_since(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    since: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let of_user = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::LinkedAt.gte(since));
    of_user.order_by_asc(Column::Id).all(on).await
}

/// Unlinks these identities of a user.
pub async fn delete(
    on: &impl Publish,
    user_id: Uuid,
    identities: &[Model],
    now: Timestamp,
) -> Result<(), DbErr> {
    if identities.is_empty() {
        return Ok(());
    }
    let ids = identities.iter().map(|identity| identity.id);
    Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::Id.is_in(ids)).exec(on).await?;
    user_changes::publish_changed(on, user_id, now);
    Ok(())
}

/// Unlinks every identity of a user. Returns how many there were.
pub async fn delete_all(on: &impl Publish, user_id: Uuid, now: Timestamp) -> Result<u64, DbErr> {
    let deleted = Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(on).await?;
    if deleted.rows_affected > 0 {
        user_changes::publish_changed(on, user_id, now);
    }
    Ok(deleted.rows_affected)
}
