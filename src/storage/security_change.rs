//! The table of security changes: changes of credentials that can be undone for a while. A row does not contain the
//! link that undoes the change, because the link is derived from the ID.

use sea_orm::{
    IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Timestamp, identity};
use crate::secrets;

/// A row of `security_changes`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "security_changes")]
pub struct Model {
    /// A UUIDv7, so IDs sort in order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user whose credentials changed.
    pub user_id: Uuid,
    /// What changed.
    pub kind: ChangeKind,
    /// Whether the email about the change contains a link that undoes the change.
    pub is_revertible: bool,
    /// The previous email address. Set only for [`ChangeKind::EmailChanged`], like the next two columns.
    pub email: Option<String>,
    /// The key of the previous address. No other account can use this address while the change can be undone.
    pub email_key: Option<String>,
    /// When the previous address was verified.
    pub email_verified_at: Option<Timestamp>,
    /// The hash of the previous password, a PHC string. The previous password proves ownership but is never restored.
    pub password_hash: Option<String>,
    /// The identities that the change unlinked, in JSON.
    pub identities: Option<String>,
    /// When the change was made.
    pub created_at: Timestamp,
    /// When the period for undoing the change ends.
    pub expires_at: Timestamp,
    /// When the change was undone, alone or together with an earlier one.
    pub ended_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// The kind of a security change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(24))", rename_all = "snake_case")]
pub enum ChangeKind {
    /// The password was changed in a session.
    PasswordChanged,
    /// The password was reset with an emailed link.
    PasswordReset,
    /// The email address was changed.
    EmailChanged,
    /// An identity was linked.
    IdentityLinked,
    /// Identities were unlinked.
    IdentityUnlinked,
    /// A second factor was enrolled.
    SecondFactorEnabled,
    /// Second factors were removed.
    SecondFactorRemoved,
    /// The recovery codes were replaced.
    RecoveryCodesReplaced,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
}

/// An identity that a change unlinked, as stored in the row of the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedIdentity {
    /// The ID of the provider. Rows that version 0.1 added do not contain it.
    #[serde(default = "google")]
    pub provider: String,
    /// The `iss` of the provider.
    pub issuer: String,
    /// The `sub` of the account at the provider.
    pub subject: String,
    /// The email address of the account at the provider.
    pub email: Option<String>,
    /// When the identity was linked, in milliseconds since 1970.
    linked_at: i64,
}

impl RemovedIdentity {
    /// Parses the identities that a change unlinked.
    #[must_use]
    pub fn read(change: &Model) -> Vec<Self> {
        change.identities.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
    }

    /// Serializes identities for the row of a change. Returns `None` if there are none.
    #[must_use]
    pub fn write(unlinked: &[identity::Model]) -> Option<String> {
        let removed: Vec<Self> = unlinked
            .iter()
            .map(|row| Self {
                provider: row.provider.clone(),
                issuer: row.issuer.clone(),
                subject: row.subject.clone(),
                email: row.email.clone(),
                linked_at: milliseconds(row.linked_at),
            })
            .collect();
        if removed.is_empty() { None } else { serde_json::to_string(&removed).ok() }
    }

    /// Returns when the identity was linked.
    #[must_use]
    pub fn linked_at(&self) -> OffsetDateTime {
        let nanoseconds = i128::from(self.linked_at) * 1_000_000;
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// Builds the row that links the identity to this user again.
    #[must_use]
    pub fn into_row(self, user_id: Uuid, now: Timestamp) -> identity::Model {
        let linked_at = Timestamp(self.linked_at());
        identity::Model {
            id: secrets::uuid_v7(now.0),
            user_id,
            provider: self.provider,
            issuer: self.issuer,
            subject: self.subject,
            email: self.email,
            linked_at,
        }
    }
}

/// Returns the ID of the only provider that version 0.1 supported.
fn google() -> String {
    "google".to_owned()
}

fn milliseconds(at: Timestamp) -> i64 {
    i64::try_from(at.0.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Adds a change.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Finds a change by ID if it can still be undone.
pub async fn find_live(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(live(now)).all(on).await?.pop())
}

/// Lists this change and the user's later changes, earliest first. Leaves out changes that can no longer be undone.
pub async fn list_since(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    id: Uuid,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let since = Entity::find().filter(Column::UserId.eq(user_id)).filter(Column::Id.gte(id));
    since.filter(live(now)).order_by_asc(Column::Id).all(on).await
}

/// Returns whether an address is reserved because another user gave it up in a change that can still be undone.
pub async fn is_reserved(
    on: &impl ConnectionTrait,
    email_key: &str,
    user_id: Uuid,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let reserved = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::EmailKey.eq(email_key))
        .filter(Column::UserId.ne(user_id))
        .filter(live(now))
        .limit(1);
    Ok(reserved.into_tuple::<Uuid>().one(on).await?.is_some())
}

/// Marks this change and all later changes of the user as undone. If several callers race, exactly one gets `true`.
pub async fn end_since(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    id: Uuid,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let ended = Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Id.gte(id))
        .filter(live(now))
        .exec_with_returning(on)
        .await?;
    Ok(ended.iter().any(|change| change.id == id))
}

/// Deletes at most `limit` changes that could no longer be undone at `before`. Returns how many it deleted.
pub async fn delete_dead(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut dead = Query::select();
    dead.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn live(now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}
