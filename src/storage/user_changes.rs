//! The statements that change a user. They publish the changes that the user's other devices show.

use sea_orm::{
    ActiveValue::Set,
    ExprTrait, QueryFilter, UpdateMany,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{
    Publish, Timestamp,
    cached_table::ChangeOne,
    user::{ActiveModel, Column, Entity, Model, Role, SecondFactorMethod},
};
use crate::events::{Event, EventKind};

/// Locks an active user whose credentials have this version, records the sign-in, and stores `rehashed`, a new hash of
/// the same password, if there is one. Returns `None` if the credentials have changed since they were checked, or the
/// user is not active.
pub async fn lock_for_sign_in(
    on: &impl Publish,
    id: Uuid,
    version: i64,
    now: Timestamp,
    rehashed: Option<String>,
) -> Result<Option<Model>, DbErr> {
    let update = Entity::update_by_id(id).col_expr(Column::LastLoginAt, Expr::value(now));
    with_same_credentials(update, version, rehashed).exec_with_returning(on).await
}

/// Locks an active user whose credentials have this version, for a sign-in that awaits a second factor. Stores
/// `rehashed`, a new hash of the same password, if there is one. Returns `None` if the credentials have changed since
/// they were checked, or the user is not active.
pub async fn lock_for_second_factor(
    on: &impl Publish,
    id: Uuid,
    version: i64,
    rehashed: Option<String>,
) -> Result<Option<Model>, DbErr> {
    // writes the value that is already there, to lock the row
    let update = Entity::update_by_id(id).col_expr(Column::CredentialsVersion, Expr::value(version));
    with_same_credentials(update, version, rehashed).exec_with_returning(on).await
}

/// Restricts an update to an active user whose credentials have this version. The update also stores `rehashed`, a new
/// hash of the same password, if there is one.
fn with_same_credentials(
    update: ChangeOne<UpdateMany<Entity>>,
    version: i64,
    rehashed: Option<String>,
) -> ChangeOne<UpdateMany<Entity>> {
    let update = match rehashed {
        Some(hash) => update.col_expr(Column::PasswordHash, Expr::value(hash)),
        None => update,
    };
    update.filter(Column::IsActive.eq(true)).filter(Column::CredentialsVersion.eq(version))
}

/// Records a user's enrolled second factors, and makes the user's sign-ins in progress fail. Returns the changed row.
pub async fn set_second_factors(
    on: &impl Publish,
    id: Uuid,
    enrolled: &[SecondFactorMethod],
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let changed = Entity::update_by_id(id)
        .col_expr(Column::SecondFactors, Expr::value(SecondFactorMethod::join(enrolled)))
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec_with_returning(on)
        .await?;
    publish(on, EventKind::ProfileChanged, id, now);
    Ok(changed)
}

/// Locks a user, and makes the user's sign-ins in progress fail.
pub async fn raise_credentials_version(on: &impl Publish, id: Uuid) -> Result<(), DbErr> {
    Entity::update_by_id(id)
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .exec(on)
        .await?;
    Ok(())
}

/// Writes the profile of `row`: the username, the names, the bio and the avatar.
///
/// # Errors
/// Fails with a constraint violation if another user has the username.
pub async fn update_profile(on: &impl Publish, row: Model) -> Result<(), DbErr> {
    let (id, now) = (row.id, row.updated_at);
    let keyed = row.with_keys();
    let profile = ActiveModel {
        username: Set(keyed.username),
        username_key: Set(keyed.username_key),
        name: Set(keyed.name),
        first_name: Set(keyed.first_name),
        last_name: Set(keyed.last_name),
        name_key: Set(keyed.name_key),
        first_name_key: Set(keyed.first_name_key),
        last_name_key: Set(keyed.last_name_key),
        bio: Set(keyed.bio),
        avatar_url: Set(keyed.avatar_url),
        updated_at: Set(keyed.updated_at),
        ..Default::default()
    };
    Entity::update_by_id(id).set(profile).exec(on).await?;
    publish(on, EventKind::ProfileChanged, id, now);
    Ok(())
}

/// Sets the password of an active user whose credentials have this version, and makes the user's sign-ins in progress
/// fail. Returns `false` if the credentials have changed or the user is not active.
pub async fn set_password(
    on: &impl Publish,
    id: Uuid,
    version: i64,
    password_hash: String,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let set = Entity::update_by_id(id)
        .col_expr(Column::PasswordHash, Expr::value(password_hash))
        .col_expr(Column::CredentialsVersion, Expr::value(version + 1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::IsActive.eq(true))
        .filter(Column::CredentialsVersion.eq(version))
        .exec(on)
        .await?;
    if set.rows_affected > 0 {
        publish(on, EventKind::PasswordChanged, id, now);
    }
    Ok(set.rows_affected > 0)
}

/// Records that the email address of a user is verified, unless it already was.
pub async fn verify_email(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    let verified = Entity::update_by_id(id)
        .col_expr(Column::EmailVerifiedAt, Expr::value(now))
        .filter(Column::EmailVerifiedAt.is_null())
        .exec(on)
        .await?;
    if verified.rows_affected > 0 {
        publish(on, EventKind::EmailVerified, id, now);
    }
    Ok(())
}

/// Gives a user an email address that was verified at `verified_at`.
///
/// # Errors
/// Fails with a constraint violation if another user has the address.
pub async fn set_email(
    on: &impl Publish,
    id: Uuid,
    email: String,
    email_key: String,
    verified_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_by_id(id)
        .col_expr(Column::Email, Expr::value(email))
        .col_expr(Column::EmailKey, Expr::value(email_key))
        .col_expr(Column::EmailVerifiedAt, Expr::value(verified_at))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(on)
        .await?;
    publish(on, EventKind::EmailVerified, id, now);
    Ok(())
}

/// Replaces the password of a user who has just verified their email address, and makes the user's sign-ins in progress
/// fail. Without a hash, the password is removed.
pub async fn reset_password(
    on: &impl Publish,
    id: Uuid,
    password_hash: Option<String>,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_by_id(id)
        .col_expr(Column::PasswordHash, Expr::value(password_hash))
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .col_expr(Column::LastResetAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(on)
        .await?;
    publish(on, EventKind::PasswordChanged, id, now);
    verify_email(on, id, now).await
}

/// Removes the password of a user, if there is one, and makes the user's sign-ins in progress fail.
pub async fn remove_password(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    Entity::update_by_id(id)
        .col_expr(Column::PasswordHash, Expr::value(None::<String>))
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .exec(on)
        .await?;
    publish(on, EventKind::PasswordChanged, id, now);
    Ok(())
}

/// A change that a superuser makes to another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Administration {
    /// Changes the role.
    Role(Role),
    /// Changes whether the user may sign in.
    IsActive(bool),
}

/// Makes this change to a user if `by` is an active superuser at this moment. Returns `None` if `by` is not an active
/// superuser, or if there is no such user.
pub async fn administer(
    on: &impl Publish,
    id: Uuid,
    change: Administration,
    by: Uuid,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let (column, value) = match change {
        Administration::Role(role) => (Column::Role, Expr::value(role)),
        Administration::IsActive(is_active) => (Column::IsActive, Expr::value(is_active)),
    };
    let mut superuser = Query::select();
    superuser
        .expr(Expr::value(1))
        .from(Entity)
        .and_where(Column::Id.eq(by))
        .and_where(Column::Role.eq(Role::Superuser))
        .and_where(Column::IsActive.eq(true));
    let changed = Entity::update_by_id(id)
        .col_expr(column, value)
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Expr::exists(superuser))
        .exec_with_returning(on)
        .await?;
    if changed.is_some() {
        publish(on, EventKind::ProfileChanged, id, now);
    }
    Ok(changed)
}

/// Publishes that the result of `me` has changed for this user.
pub(super) fn publish_changed(on: &impl Publish, id: Uuid, now: Timestamp) {
    publish(on, EventKind::ProfileChanged, id, now);
}

fn publish(on: &impl Publish, kind: EventKind, user_id: Uuid, now: Timestamp) {
    on.publish(Event { kind, user_id, session_id: None, at: now.0 });
}
