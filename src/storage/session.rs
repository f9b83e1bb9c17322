//! The table of sessions, and the statements that find them. A session has one row, however often it is refreshed.
//!
//! `session_begin.rs` begins sessions, `session_rotation.rs` refreshes them, and `session_end.rs` ends them.

use std::{collections::HashSet, sync::LazyLock};

use sea_orm::{
    Condition, DeleteMany, Iterable, QueryFilter, QueryOrder, QuerySelect, UpdateMany,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{
    Publish, Timestamp, Viewers,
    cached_table::{CachedTable, ChangeMany, ChangeOne},
    sweep::day,
    user,
};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// A UUIDv7, so IDs sort in order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The user who signed in.
    pub user_id: Uuid,
    /// The counter of the newest refresh token. Each new pair of tokens increments it.
    pub counter: i64,
    /// The highest counter of any token that the client has presented. It shows that the client received the pair of
    /// tokens with this counter.
    pub seen_counter: i64,
    /// When the user signed in.
    pub created_at: Timestamp,
    /// When the user signed in or the session was last refreshed.
    pub last_used_at: Timestamp,
    /// When the newest refresh token, and with it the session, expires.
    pub expires_at: Timestamp,
    /// The latest time to which `expires_at` can be set.
    pub max_expires_at: Timestamp,
    /// When the session was ended, by its user or by the server.
    pub ended_at: Option<Timestamp>,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    /// The client's IP address.
    pub ip_address: Option<String>,
    /// When the user last proved their identity: at the sign-in, or later in the session.
    pub authenticated_at: Timestamp,
    /// How the user last proved their identity: names of [`AuthenticationMethod`]s, separated by commas.
    pub methods: String,
    /// A short hash of the client that requested the newest pair of tokens. Valid only if `client_counter` equals `counter`.
    pub client_hash: Option<i64>,
    /// The value of `counter` when `client_hash` was written. Older servers refresh a session without writing either
    /// column.
    pub client_counter: i64,
    /// The first counter whose tokens are void. See [`super::session_siblings`].
    pub voided_from: i64,
    /// The counter after the last one whose tokens are void.
    pub voided_to: i64,
    /// The day on which housekeeping looks at the session: see [`super::sweep`].
    pub sweep_day: i64,
}

impl ActiveModelBehavior for ActiveModel {}

impl CachedTable for Entity {
    const ID: Column = Column::Id;

    fn id(row: &Model) -> Uuid {
        row.id
    }

    fn viewers(ids: &[Uuid]) -> Viewers<'_> {
        Viewers::Sessions(ids)
    }
}

impl Entity {
    pub(super) fn update_by_id(id: Uuid) -> ChangeOne<UpdateMany<Self>> {
        ChangeOne::update(id)
    }

    pub(super) fn update_many() -> ChangeMany<UpdateMany<Self>> {
        ChangeMany::update()
    }

    pub(super) fn delete_many() -> ChangeMany<DeleteMany<Self>> {
        ChangeMany::delete()
    }
}

/// A way in which a user proves their identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// A password.
    Password,
    /// A code from an email.
    EmailCode,
    /// A link in an email.
    EmailLink,
    /// An account at a sign-in provider.
    Identity,
    /// A code from an authenticator app.
    Totp,
    /// A recovery code.
    RecoveryCode,
    /// A passkey, which counts as two factors.
    Passkey,
}

impl AuthenticationMethod {
    /// Returns whether this is a second factor.
    #[must_use]
    pub fn is_second_factor(self) -> bool {
        match self {
            Self::Password | Self::EmailCode | Self::EmailLink | Self::Identity => false,
            Self::Totp | Self::RecoveryCode | Self::Passkey => true,
        }
    }

    /// Parses the content of a column `methods`. Leaves out methods that this version does not know.
    #[must_use]
    pub fn split(methods: &str) -> Vec<Self> {
        let names = methods.split(',').map(str::to_owned);
        names.filter_map(|name| Self::try_from_value(&name).ok()).collect()
    }

    /// Joins methods for the column `methods`.
    #[must_use]
    pub fn join(methods: &[Self]) -> String {
        methods.iter().map(ActiveEnum::to_value).collect::<Vec<_>>().join(",")
    }
}

/// Relations to other tables.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// The user who signed in.
    #[sea_orm(belongs_to = "user::Entity", from = "Column::UserId", to = "user::Column::Id")]
    User,
}

impl Related<user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl Model {
    /// Builds the row of a session that begins now. It has no tokens yet and does not describe its client.
    #[must_use]
    pub fn new(id: Uuid, user_id: Uuid, created_at: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            id,
            user_id,
            counter: 0,
            // no token precedes the first pair, so none can be replayed
            seen_counter: 0,
            created_at,
            last_used_at: created_at,
            expires_at,
            max_expires_at: expires_at,
            ended_at: None,
            user_agent: None,
            ip_address: None,
            authenticated_at: created_at,
            methods: String::new(),
            // the first pair was not issued for a refresh token that a client could send again
            client_hash: None,
            client_counter: 0,
            voided_from: 0,
            voided_to: 0,
            sweep_day: day(expires_at),
        }
    }

    /// Removes the second factors from the methods.
    #[must_use]
    pub fn without_second_factors(self) -> Self {
        let mut methods = self.methods();
        methods.retain(|method| !method.is_second_factor());
        Self { methods: AuthenticationMethod::join(&methods), ..self }
    }

    /// Returns whether the session can still be used.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at.0 > now.0
    }

    /// Returns how the user last proved their identity. Leaves out methods that this version does not know.
    #[must_use]
    pub fn methods(&self) -> Vec<AuthenticationMethod> {
        AuthenticationMethod::split(&self.methods)
    }
}

/// The columns, for `RETURNING`. An asterisk would also return columns that a newer version adds while this one runs,
/// and PostgreSQL refuses to run a prepared statement whose columns have changed.
pub(super) static COLUMNS: LazyLock<String> = LazyLock::new(|| {
    Column::iter().map(|column| format!(r#""sessions"."{}""#, column.as_str())).collect::<Vec<_>>().join(", ")
});

/// Finds a session by ID.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).all(on).await?.pop())
}

/// Finds a session by ID, and locks it until the transaction ends.
pub async fn lock(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).lock_exclusive().all(on).await?.pop())
}

/// Lists the live sessions of these users, newest first.
pub async fn list_live(
    on: &impl ConnectionTrait,
    user_ids: &[Uuid],
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    Entity::find()
        .filter(Column::UserId.is_in(user_ids.iter().copied()))
        .filter(live(now))
        .order_by_desc(Column::Id)
        .all(on)
        .await
}

/// Returns which of these sessions were ended or do not exist.
pub async fn list_ended(on: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Uuid>, DbErr> {
    let mut not_ended = Query::select();
    not_ended
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Id.is_in(ids.iter().copied()))
        .and_where(Column::EndedAt.is_null());
    let rows = on.query_all(&not_ended).await?;
    let going_on = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<HashSet<Uuid>, _>>()?;
    Ok(ids.iter().copied().filter(|id| !going_on.contains(id)).collect())
}

/// Records that the client has presented a token with this counter. Returns `false` if this was already recorded or if
/// the token is void.
pub async fn raise_seen_counter(on: &impl Publish, id: Uuid, counter: i64) -> Result<bool, DbErr> {
    let raised = Entity::update_by_id(id)
        .col_expr(Column::SeenCounter, Expr::value(counter))
        .filter(Column::SeenCounter.lt(counter))
        .filter(void(counter).not())
        .exec(on)
        .await?;
    Ok(raised.rows_affected > 0)
}

/// Records that the user has proved their identity in a live session. Returns `false` if the user has no such session.
pub async fn authenticate(
    on: &impl Publish,
    id: Uuid,
    user_id: Uuid,
    methods: &[AuthenticationMethod],
    now: Timestamp,
) -> Result<bool, DbErr> {
    let recorded = Entity::update_by_id(id)
        .col_expr(Column::AuthenticatedAt, Expr::value(now))
        .col_expr(Column::Methods, Expr::value(AuthenticationMethod::join(methods)))
        .filter(Column::UserId.eq(user_id))
        .filter(live(now))
        .exec(on)
        .await?;
    Ok(recorded.rows_affected > 0)
}

/// Replaces the methods of a session.
pub async fn set_methods(on: &impl Publish, id: Uuid, methods: &[AuthenticationMethod]) -> Result<(), DbErr> {
    let methods = AuthenticationMethod::join(methods);
    Entity::update_by_id(id).col_expr(Column::Methods, Expr::value(methods)).exec(on).await?;
    Ok(())
}

/// Matches sessions that can still be used.
pub(super) fn live(now: Timestamp) -> Condition {
    Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}

/// Matches sessions in which tokens with this counter are void.
pub(super) fn void(counter: i64) -> Condition {
    Condition::all().add(Column::VoidedFrom.lte(counter)).add(Column::VoidedTo.gt(counter))
}
