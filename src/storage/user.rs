//! The table of people with an account.

use std::borrow::Cow;

use sea_orm::{
    ActiveValue::Set,
    Condition, DerivePartialModel, ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait,
    entity::prelude::*,
    sea_query::{Expr, OnConflict, Query},
};

use super::{Publish, Timestamp};
use crate::{
    events::{Event, Kind},
    input::fold,
};

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// UUIDv7, so in order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// As its owner writes it.
    pub email: Option<String>,
    /// What all spellings of the address have in common; unique.
    pub email_key: Option<String>,
    /// When its owner proved it.
    pub email_verified_at: Option<Timestamp>,
    /// As its owner writes it.
    pub username: Option<String>,
    /// In lower case; unique.
    pub username_key: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// What people say of themselves.
    pub bio: Option<String>,
    /// An https URL.
    pub avatar_url: Option<String>,
    /// A PHC string; none for people who sign in by other means only.
    pub password_hash: Option<String>,
    /// What the person may do.
    pub role: Role,
    /// Whether the person may sign in.
    pub is_active: bool,
    /// Raised whenever what signs this person in changes, so that a sign-in under way with the old does not end well.
    pub credentials_version: i64,
    /// When the account began.
    pub created_at: Timestamp,
    /// When the profile was last changed.
    pub updated_at: Timestamp,
    /// When a session was last opened.
    pub last_login_at: Option<Timestamp>,
    /// When the owner last took the account back by a mail: ways in that were added later end with the next reset.
    pub last_reset_at: Option<Timestamp>,
    /// The full name, as it is searched for. [`Model::with_keys`] derives it, like the two that follow.
    pub name_key: Option<String>,
    /// The given name, as it is searched for.
    pub first_name_key: Option<String>,
    /// The family name, as it is searched for.
    pub last_name_key: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a user belongs to: nothing.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl Model {
    /// An account of which nothing is known yet.
    #[must_use]
    pub fn new(id: Uuid, now: Timestamp) -> Self {
        Self {
            id,
            email: None,
            email_key: None,
            email_verified_at: None,
            username: None,
            username_key: None,
            name: None,
            first_name: None,
            last_name: None,
            bio: None,
            avatar_url: None,
            password_hash: None,
            role: Role::User,
            is_active: true,
            credentials_version: 0,
            created_at: now,
            updated_at: now,
            last_login_at: None,
            last_reset_at: None,
            name_key: None,
            first_name_key: None,
            last_name_key: None,
        }
    }

    /// The full name as given, else the first and last name joined.
    #[must_use]
    pub fn full_name(&self) -> Option<Cow<'_, str>> {
        let parts = || {
            [self.first_name.as_deref(), self.last_name.as_deref()].into_iter().flatten().collect::<Vec<_>>()
        };
        match &self.name {
            Some(name) => Some(name.into()),
            None => Some(parts().join(" ")).filter(|joined| !joined.is_empty()).map(Cow::from),
        }
    }

    /// The row with the keys of its names as they are now.
    #[must_use]
    pub fn with_keys(self) -> Self {
        Self {
            name_key: self.full_name().as_deref().map(fold),
            first_name_key: self.first_name.as_deref().map(fold),
            last_name_key: self.last_name.as_deref().map(fold),
            ..self
        }
    }
}

/// What no two users share.
#[derive(Clone, Debug, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Names {
    /// The id.
    pub id: Uuid,
    /// What all spellings of the address have in common.
    pub email_key: Option<String>,
    /// The username in lower case.
    pub username_key: Option<String>,
}

impl From<&Model> for Names {
    fn from(row: &Model) -> Self {
        Self { id: row.id, email_key: row.email_key.clone(), username_key: row.username_key.clone() }
    }
}

/// What a person may do. Each may do what those before may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Role {
    /// Use their own account.
    User,
    /// See everybody's.
    Staff,
    /// Change everybody's.
    Superuser,
}

/// By id.
///
/// # Errors
/// The database's.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).all(on).await?.pop())
}

/// By the key of an email address.
///
/// # Errors
/// The database's.
pub async fn find_by_email_key(on: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find().filter(Column::EmailKey.eq(key)).all(on).await?.pop())
}

/// Lists those of these keys of email addresses that accounts have, each with whether the address is proven.
///
/// # Errors
/// The database's.
pub async fn list_proofs(on: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<(String, bool)>, DbErr> {
    let accounts = Entity::find().select_only().columns([Column::EmailKey, Column::EmailVerifiedAt]);
    let accounts = accounts.filter(Column::EmailKey.is_in(keys));
    let found = accounts.into_tuple::<(String, Option<i64>)>().all(on).await?;
    Ok(found.into_iter().map(|(key, proven)| (key, proven.is_some())).collect())
}

/// By the key of a username.
///
/// # Errors
/// The database's.
pub async fn find_by_username_key(on: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find().filter(Column::UsernameKey.eq(key)).all(on).await?.pop())
}

/// Adds a row, unless its email address or username is taken: then `false`.
///
/// # Errors
/// The database's.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<bool, DbErr> {
    let nothing = OnConflict::new().do_nothing().to_owned();
    let row = row.with_keys().into_active_model();
    let inserted = Entity::insert(row).on_conflict(nothing).exec_without_returning(on).await?;
    Ok(inserted > 0)
}

/// Adds the rows whose id, email address and username are not taken, not even by one before them, and returns their ids.
///
/// # Errors
/// The database's.
pub async fn insert_many(on: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Uuid>, DbErr> {
    let rows = rows.into_iter().map(|row| row.with_keys().into_active_model());
    let mut insert = Entity::insert_many(rows).into_query();
    insert.on_conflict(OnConflict::new().do_nothing().to_owned()).returning_col(Column::Id);
    on.query_all(&insert).await?.iter().map(|row| row.try_get("", "id")).collect()
}

/// Who has any of these ids, email addresses and usernames.
///
/// # Errors
/// The database's.
pub async fn list_names(on: &impl ConnectionTrait, names: &[Names]) -> Result<Vec<Names>, DbErr> {
    let has_any = Condition::any()
        .add(Column::Id.is_in(names.iter().map(|names| names.id)))
        .add(Column::EmailKey.is_in(names.iter().filter_map(|names| names.email_key.as_deref())))
        .add(Column::UsernameKey.is_in(names.iter().filter_map(|names| names.username_key.as_deref())));
    Entity::find().filter(has_any).into_partial_model().all(on).await
}

/// Locks an active user whose credentials are those of `version`, notes the sign-in, and keeps the new hash of the same
/// password where there is one. None: the credential that was presented no longer holds.
///
/// # Errors
/// The database's.
pub async fn lock_for_sign_in(
    on: &impl Publish,
    id: Uuid,
    version: i64,
    now: Timestamp,
    rehashed: Option<String>,
) -> Result<Option<Model>, DbErr> {
    let mut update = Entity::update_many().col_expr(Column::LastLoginAt, Expr::value(now));
    if let Some(hash) = rehashed {
        update = update.col_expr(Column::PasswordHash, Expr::value(hash));
    }
    let rows = update
        .filter(Column::Id.eq(id))
        .filter(Column::IsActive.eq(true))
        .filter(Column::CredentialsVersion.eq(version))
        .exec_with_returning(on)
        .await?;
    on.changed(&[id], &[]);
    Ok(rows.into_iter().next())
}

/// Locks a user and makes void every sign-in that is under way.
///
/// # Errors
/// The database's.
pub async fn raise_credentials_version(on: &impl Publish, id: Uuid) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .filter(Column::Id.eq(id))
        .exec(on)
        .await?;
    on.changed(&[id], &[]);
    Ok(())
}

/// Locks those of these users who exist, until the transaction ends, and gives them as they are now. The lowest id comes
/// first, so that nobody waits in a circle. (SQLite has one writer: there everything is locked.)
///
/// # Errors
/// The database's.
pub async fn lock(on: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let ids = ids.iter().copied();
    Entity::find().filter(Column::Id.is_in(ids)).order_by_asc(Column::Id).lock_exclusive().all(on).await
}

/// Writes the profile as it is in `row`: names and what people say of themselves.
///
/// # Errors
/// The database's; a violated constraint where the username is somebody else's.
pub async fn update_profile(on: &impl Publish, row: Model) -> Result<(), DbErr> {
    let (id, now) = (row.id, row.updated_at);
    let row = row.with_keys();
    let profile = ActiveModel {
        username: Set(row.username),
        username_key: Set(row.username_key),
        name: Set(row.name),
        first_name: Set(row.first_name),
        last_name: Set(row.last_name),
        name_key: Set(row.name_key),
        first_name_key: Set(row.first_name_key),
        last_name_key: Set(row.last_name_key),
        bio: Set(row.bio),
        avatar_url: Set(row.avatar_url),
        updated_at: Set(row.updated_at),
        ..Default::default()
    };
    Entity::update_many().set(profile).filter(Column::Id.eq(id)).exec(on).await?;
    on.changed(&[id], &[]);
    tell(on, Kind::ProfileChanged, id, now);
    Ok(())
}

/// Sets the password of an active user whose credentials are those of `version`, and makes void every sign-in that is
/// under way; `false` where they are not.
///
/// # Errors
/// The database's.
pub async fn set_password(
    on: &impl Publish,
    id: Uuid,
    version: i64,
    password_hash: String,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let set = Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(password_hash))
        .col_expr(Column::CredentialsVersion, Expr::value(version + 1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::IsActive.eq(true))
        .filter(Column::CredentialsVersion.eq(version))
        .exec(on)
        .await?;
    on.changed(&[id], &[]);
    if set.rows_affected > 0 {
        tell(on, Kind::PasswordChanged, id, now);
    }
    Ok(set.rows_affected > 0)
}

/// Notes that the address of a user is proven.
///
/// # Errors
/// The database's.
pub async fn verify_email(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    let proven = Entity::update_many()
        .col_expr(Column::EmailVerifiedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Column::EmailVerifiedAt.is_null())
        .exec(on)
        .await?;
    on.changed(&[id], &[]);
    if proven.rows_affected > 0 {
        tell(on, Kind::EmailVerified, id, now);
    }
    Ok(())
}

/// Gives a user an address that they proved at `verified_at`.
///
/// # Errors
/// The database's; a violated constraint where the address is somebody else's.
pub async fn set_email(
    on: &impl Publish,
    id: Uuid,
    email: String,
    email_key: String,
    verified_at: Timestamp,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::Email, Expr::value(email))
        .col_expr(Column::EmailKey, Expr::value(email_key))
        .col_expr(Column::EmailVerifiedAt, Expr::value(verified_at))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(on)
        .await?;
    on.changed(&[id], &[]);
    tell(on, Kind::EmailVerified, id, now);
    Ok(())
}

/// Sets the password of a user whose address was proven for that, whatever it was, and makes void every sign-in that is
/// under way. Without a hash the user has no password.
///
/// # Errors
/// The database's.
pub async fn reset_password(
    on: &impl Publish,
    id: Uuid,
    password_hash: Option<String>,
    now: Timestamp,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(password_hash))
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .col_expr(Column::LastResetAt, Expr::value(now))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(on)
        .await?;
    on.changed(&[id], &[]);
    tell(on, Kind::PasswordChanged, id, now);
    verify_email(on, id, now).await
}

/// Takes a user's password away, whatever it was, and makes void every sign-in that is under way.
///
/// # Errors
/// The database's.
pub async fn remove_password(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::PasswordHash, Expr::value(None::<String>))
        .col_expr(Column::CredentialsVersion, Expr::col(Column::CredentialsVersion).add(1))
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .exec(on)
        .await?;
    on.changed(&[id], &[]);
    tell(on, Kind::PasswordChanged, id, now);
    Ok(())
}

/// What a superuser may do to another user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Administration {
    /// Set the role.
    Role(Role),
    /// Say whether the user may sign in.
    IsActive(bool),
}

/// Does it, on condition that `by` is an active superuser at this moment. None: not so, or there is no such user.
///
/// # Errors
/// The database's.
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
    let changed = Entity::update_many()
        .col_expr(column, value)
        .col_expr(Column::UpdatedAt, Expr::value(now))
        .filter(Column::Id.eq(id))
        .filter(Expr::exists(superuser))
        .exec_with_returning(on)
        .await?;
    on.changed(&[id], &[]);
    let changed = changed.into_iter().next();
    if changed.is_some() {
        tell(on, Kind::ProfileChanged, id, now);
    }
    Ok(changed)
}

/// Publishes that what `me` tells of a user is another.
pub(super) fn tell_changed(on: &impl Publish, id: Uuid, now: Timestamp) {
    tell(on, Kind::ProfileChanged, id, now);
}

fn tell(on: &impl Publish, kind: Kind, user_id: Uuid, now: Timestamp) {
    on.publish(Event { kind, user_id, session_id: None, at: now.0 });
}
