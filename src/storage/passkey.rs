//! The table of passkeys. A row contains the public key. The private key stays with the authenticator.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder,
    entity::prelude::*,
    sea_query::{Expr, OnConflict, Query},
};

use super::Timestamp;
use crate::webauthn::KnownCredential;

/// A row of `passkeys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "passkeys")]
pub struct Model {
    /// A UUIDv7, so IDs sort in order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// The user handle: the ID of the account on the authenticator.
    pub user_handle: Uuid,
    /// The ID of the credential, in base64url without padding. Unique.
    pub credential_id: String,
    /// The public key: a `COSE_Key` (RFC 9052), in base64url.
    pub public_key: String,
    /// The number of signatures that the authenticator has counted, or 0 if it does not count them.
    pub sign_count: i64,
    /// Whether the private key may be copied to other devices of its owner.
    pub is_backup_eligible: bool,
    /// Whether the private key is on other devices of its owner, or in a backup.
    pub is_backed_up: bool,
    /// How browsers reach the authenticator: names of transports, separated by commas.
    pub transports: String,
    /// The name of the passkey, as its owner sees it.
    pub name: String,
    /// When the passkey was added.
    pub created_at: Timestamp,
    /// When the passkey was last used.
    pub last_used_at: Option<Timestamp>,
    /// When the passkey was removed.
    pub removed_at: Option<Timestamp>,
    /// When a removed row can be deleted, because the removal can no longer be undone.
    pub expires_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl Model {
    /// Returns what a browser needs to find the passkey.
    #[must_use]
    pub fn known(&self) -> KnownCredential {
        let transports = self.transports.split(',').filter(|name| !name.is_empty());
        KnownCredential {
            credential_id: self.credential_id.clone(),
            transports: transports.map(str::to_owned).collect(),
        }
    }
}

/// Adds a passkey. Returns `false` if the credential is already registered.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<bool, DbErr> {
    let nothing = OnConflict::new().do_nothing().to_owned();
    let inserted = Entity::insert(row.into_active_model()).on_conflict(nothing).exec_without_returning(on);
    Ok(inserted.await? > 0)
}

/// Finds a passkey by its ID, unless it was removed.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(Column::RemovedAt.is_null()).all(on).await?.pop())
}

/// Finds a passkey by the ID of its credential, unless it was removed.
pub async fn find_by_credential_id(
    on: &impl ConnectionTrait,
    credential_id: &str,
) -> Result<Option<Model>, DbErr> {
    let found = Entity::find().filter(Column::CredentialId.eq(credential_id));
    Ok(found.filter(Column::RemovedAt.is_null()).all(on).await?.pop())
}

/// Returns whether a passkey with this credential ID exists. Removed passkeys count too.
pub async fn exists(on: &impl ConnectionTrait, credential_id: &str) -> Result<bool, DbErr> {
    Ok(!Entity::find().filter(Column::CredentialId.eq(credential_id)).all(on).await?.is_empty())
}

/// Lists the passkeys of these users, except removed ones, in the order in which they were added.
pub async fn list(on: &impl ConnectionTrait, user_ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let in_use = Entity::find()
        .filter(Column::UserId.is_in(user_ids.iter().copied()))
        .filter(Column::RemovedAt.is_null());
    in_use.order_by_asc(Column::Id).all(on).await
}

/// Records a use. Returns `false` if the passkey was removed, or if it is bound to one device and another request has
/// already recorded the same or a higher count.
pub async fn record_use(
    on: &impl ConnectionTrait,
    id: Uuid,
    sign_count: i64,
    is_backed_up: bool,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let is_not_counted = Column::SignCount.eq(0).and(Expr::value(sign_count).eq(0));
    let is_new = Column::SignCount.lt(sign_count).or(is_not_counted).or(Column::IsBackupEligible.eq(true));
    let used = Entity::update_many()
        .col_expr(Column::SignCount, Expr::value(sign_count))
        .col_expr(Column::IsBackedUp, Expr::value(is_backed_up))
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::RemovedAt.is_null())
        .filter(is_new)
        .exec(on)
        .await?;
    Ok(used.rows_affected > 0)
}

/// Renames a passkey of a user. Returns the changed row, or `None` if the user has no such passkey.
pub async fn rename(
    on: &impl ConnectionTrait,
    id: Uuid,
    user_id: Uuid,
    name: String,
) -> Result<Option<Model>, DbErr> {
    let renamed = Entity::update_many()
        .col_expr(Column::Name, Expr::value(name))
        .filter(Column::Id.eq(id))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::RemovedAt.is_null())
        .exec_with_returning(on)
        .await?;
    Ok(renamed.into_iter().next())
}

/// Removes these passkeys. Until `expires_at`, [`restore_since`] can restore them.
pub async fn remove(
    on: &impl ConnectionTrait,
    ids: &[Uuid],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<(), DbErr> {
    if ids.is_empty() {
        return Ok(());
    }
    Entity::update_many()
        .col_expr(Column::RemovedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(expires_at))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .filter(Column::RemovedAt.is_null())
        .exec(on)
        .await?;
    Ok(())
}

/// Deletes a user's passkeys that were added at `since` or later, including removed ones.
pub async fn delete_since(on: &impl ConnectionTrait, user_id: Uuid, since: Timestamp) -> Result<(), DbErr> {
    let added = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::CreatedAt.gte(since));
    added.exec(on).await?;
    Ok(())
}

/// Restores a user's passkeys that were removed at `since` or later.
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

/// Deletes at most `limit` removed passkeys that expired before `before`. Returns how many it deleted.
pub async fn delete_expired(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut expired = Query::select();
    expired.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(expired)).exec(on).await?;
    Ok(deleted.rows_affected)
}
