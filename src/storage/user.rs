//! The table of users, and the statements that find them. The statements that change them are in `user_changes.rs`.

use std::borrow::Cow;

use sea_orm::{
    Condition, DeleteMany, DerivePartialModel, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait, UpdateMany, entity::prelude::*, sea_query::OnConflict,
};

use super::{
    Timestamp, Viewers,
    cached_table::{CachedTable, ChangeMany, ChangeOne},
};
use crate::input::fold;

/// A row of `users`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    /// A UUIDv7, so IDs sort in order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The email address, as its owner spelled it.
    pub email: Option<String>,
    /// The email address in the form that all its spellings share. Unique.
    pub email_key: Option<String>,
    /// When the email address was verified.
    pub email_verified_at: Option<Timestamp>,
    /// The username, as its owner spelled it.
    pub username: Option<String>,
    /// The username in lower case. Unique.
    pub username_key: Option<String>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The user's description of themselves.
    pub bio: Option<String>,
    /// The https URL of a picture.
    pub avatar_url: Option<String>,
    /// The hash of the password, a PHC string. `None` for users who sign in only by other means.
    pub password_hash: Option<String>,
    /// What the user may do.
    pub role: Role,
    /// Whether the user may sign in.
    pub is_active: bool,
    /// A number that is incremented whenever the user's credentials change, so that a sign-in in progress with the old
    /// credentials fails.
    pub credentials_version: i64,
    /// When the account was created.
    pub created_at: Timestamp,
    /// When the profile was last changed.
    pub updated_at: Timestamp,
    /// When the user last signed in.
    pub last_login_at: Option<Timestamp>,
    /// When the owner last recovered the account by email. The next reset removes every sign-in method added since
    /// then.
    pub last_reset_at: Option<Timestamp>,
    /// The full name in its searchable form. [`Model::with_keys`] derives this column and the next two.
    pub name_key: Option<String>,
    /// The given name in its searchable form.
    pub first_name_key: Option<String>,
    /// The family name in its searchable form.
    pub last_name_key: Option<String>,
    /// The enrolled second factors: names of [`SecondFactorMethod`]s, separated by commas. Does not include recovery
    /// codes, because they are not enrolled on their own.
    pub second_factors: String,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl CachedTable for Entity {
    const ID: Column = Column::Id;

    fn id(row: &Model) -> Uuid {
        row.id
    }

    fn viewers(ids: &[Uuid]) -> Viewers<'_> {
        Viewers::Users(ids)
    }
}

impl Entity {
    pub(super) fn update_by_id(id: Uuid) -> ChangeOne<UpdateMany<Self>> {
        ChangeOne::update(id)
    }

    #[expect(dead_code, reason = "hides sea-orm's, which would not tell the viewer cache")]
    pub(super) fn update_many() -> ChangeMany<UpdateMany<Self>> {
        ChangeMany::update()
    }

    #[expect(dead_code, reason = "hides sea-orm's, which would not tell the viewer cache")]
    pub(super) fn delete_many() -> ChangeMany<DeleteMany<Self>> {
        ChangeMany::delete()
    }
}

impl Model {
    /// Builds the row of a new account without a name, an address or credentials.
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
            second_factors: String::new(),
        }
    }

    /// Returns whether a sign-in to the account needs a second factor. Second factors that this version does not know
    /// count too.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        !self.second_factors.is_empty()
    }

    /// Returns the enrolled second factors. Leaves out those that this version does not know.
    #[must_use]
    pub fn second_factors(&self) -> Vec<SecondFactorMethod> {
        let names = self.second_factors.split(',').map(str::to_owned);
        names.filter_map(|name| SecondFactorMethod::try_from_value(&name).ok()).collect()
    }

    /// Returns whether the user has a passkey.
    #[must_use]
    pub fn has_passkey(&self) -> bool {
        self.second_factors().contains(&SecondFactorMethod::Passkey)
    }

    /// Returns the full name if one was given, and otherwise the first and last names joined.
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

    /// Recomputes the search keys from the names.
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

/// The unique columns of a user.
#[derive(Clone, Debug, PartialEq, Eq, DerivePartialModel)]
#[sea_orm(entity = "Entity")]
pub struct Names {
    /// The ID.
    pub id: Uuid,
    /// The email address in the form that all its spellings share.
    pub email_key: Option<String>,
    /// The username in lower case.
    pub username_key: Option<String>,
}

impl From<&Model> for Names {
    fn from(row: &Model) -> Self {
        Self { id: row.id, email_key: row.email_key.clone(), username_key: row.username_key.clone() }
    }
}

/// What a user may do. Each role includes the rights of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Role {
    /// Use their own account.
    User,
    /// See all accounts.
    Staff,
    /// Change all accounts.
    Superuser,
}

/// A method by which a user completes a sign-in after the first proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum SecondFactorMethod {
    /// A passkey. Users can also sign in with a passkey alone.
    Passkey,
    /// A code from an authenticator app (RFC 6238).
    Totp,
    /// A recovery code.
    RecoveryCode,
}

impl SecondFactorMethod {
    /// Joins methods for the column `second_factors`.
    #[must_use]
    pub fn join(methods: &[Self]) -> String {
        methods.iter().map(ActiveEnum::to_value).collect::<Vec<_>>().join(",")
    }
}

/// Finds a user by ID.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).all(on).await?.pop())
}

/// Finds a user by the key of an email address.
pub async fn find_by_email_key(on: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find().filter(Column::EmailKey.eq(key)).all(on).await?.pop())
}

/// Returns which of these email address keys belong to accounts, and for each whether the address is verified.
pub async fn list_proofs(on: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<(String, bool)>, DbErr> {
    let found = Entity::find()
        .select_only()
        .columns([Column::EmailKey, Column::EmailVerifiedAt])
        .filter(Column::EmailKey.is_in(keys))
        .into_tuple::<(String, Option<i64>)>()
        .all(on)
        .await?;
    Ok(found.into_iter().map(|(key, verified_at)| (key, verified_at.is_some())).collect())
}

/// Finds a user by the key of a username.
pub async fn find_by_username_key(on: &impl ConnectionTrait, key: &str) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find().filter(Column::UsernameKey.eq(key)).all(on).await?.pop())
}

/// Adds a user. Returns `false` if the email address or username is taken.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<bool, DbErr> {
    let nothing = OnConflict::new().do_nothing().to_owned();
    let row = row.with_keys().into_active_model();
    let inserted = Entity::insert(row).on_conflict(nothing).exec_without_returning(on).await?;
    Ok(inserted > 0)
}

/// Adds the users whose ID, email address and username are not taken, either in the table or by an earlier user in
/// `rows`. Returns the IDs of the added users.
pub async fn insert_many(on: &impl ConnectionTrait, rows: Vec<Model>) -> Result<Vec<Uuid>, DbErr> {
    let rows = rows.into_iter().map(|row| row.with_keys().into_active_model());
    let mut insert = Entity::insert_many(rows).into_query();
    insert.on_conflict(OnConflict::new().do_nothing().to_owned()).returning_col(Column::Id);
    on.query_all(&insert).await?.iter().map(|row| row.try_get("", "id")).collect()
}

/// Lists the users who have any of these IDs, email addresses or usernames.
pub async fn list_names(on: &impl ConnectionTrait, names: &[Names]) -> Result<Vec<Names>, DbErr> {
    let has_any = Condition::any()
        .add(Column::Id.is_in(names.iter().map(|names| names.id)))
        .add(Column::EmailKey.is_in(names.iter().filter_map(|names| names.email_key.as_deref())))
        .add(Column::UsernameKey.is_in(names.iter().filter_map(|names| names.username_key.as_deref())));
    Entity::find().filter(has_any).into_partial_model().all(on).await
}

/// Locks these users until the transaction ends, and returns those who exist. The users are locked in the order of their
/// IDs, so that transactions cannot deadlock. (On SQLite no lock is needed, because there is only one writer.)
pub async fn lock(on: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Model>, DbErr> {
    let is_asked_for = Column::Id.is_in(ids.iter().copied());
    Entity::find().filter(is_asked_for).order_by_asc(Column::Id).lock_exclusive().all(on).await
}
