//! The table of accounts elsewhere by which people sign in here.

use sea_orm::{IntoActiveModel, QueryFilter, QueryOrder, entity::prelude::*, sea_query::OnConflict};

use super::{Publish, Timestamp, user, user_changes};

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

/// What an identity belongs to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its user.
    #[sea_orm(belongs_to = "user::Entity", from = "Column::UserId", to = "user::Column::Id")]
    User,
}

impl Related<user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

/// Whose an identity is. One statement, so that an identity is never found with credentials that came after it was unlinked.
///
/// # Errors
/// The database's.
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

/// The identities of these users, in the order in which they were linked.
///
/// # Errors
/// The database's.
pub async fn list(on: &impl ConnectionTrait, user_ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let of_users = Column::UserId.is_in(user_ids.iter().copied());
    Entity::find().filter(of_users).order_by_asc(Column::Id).all(on).await
}

/// Links an identity, unless it is linked already: then `false`.
///
/// # Errors
/// The database's.
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

/// Links an identity that nobody has.
///
/// # Errors
/// The database's; a violated constraint where somebody has it.
pub async fn claim(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// The identities of a user that were linked at `since` or later, in the order in which they were linked.
///
/// # Errors
/// The database's.
pub async fn list_since(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    since: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let of_user = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::LinkedAt.gte(since));
    of_user.order_by_asc(Column::Id).all(on).await
}

/// Unlinks these identities of a user.
///
/// # Errors
/// The database's.
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

/// Unlinks every identity of a user; says how many.
///
/// # Errors
/// The database's.
pub async fn delete_all(on: &impl Publish, user_id: Uuid, now: Timestamp) -> Result<u64, DbErr> {
    let deleted = Entity::delete_many().filter(Column::UserId.eq(user_id)).exec(on).await?;
    if deleted.rows_affected > 0 {
        user_changes::publish_changed(on, user_id, now);
    }
    Ok(deleted.rows_affected)
}
