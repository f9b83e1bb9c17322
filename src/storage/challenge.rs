//! The table of email challenges: codes and links that were emailed to prove an address. A row contains neither the
//! code nor the link, because both are derived from its ID.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::{Publish, Timestamp};
use crate::events::{Event, EventKind};

/// A row of `challenges`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenges")]
pub struct Model {
    /// 122 random bits. Only the client that requested the challenge knows them, because no email contains them.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What the challenge is for.
    pub purpose: Purpose,
    /// Whether a code or a link is emailed.
    pub method: Method,
    /// The address to prove, as it was given. Empty if nothing is emailed.
    pub email: String,
    /// The address in the form that all its spellings share.
    pub email_key: String,
    /// The account, if it was known when the challenge was created.
    pub user_id: Option<Uuid>,
    /// The account to create once the address is proven, in JSON.
    pub registration: Option<String>,
    /// The key of the username of the account to create.
    pub username_key: Option<String>,
    /// The number of codes that were tried for the challenge.
    pub attempts: i32,
    /// When the challenge was created.
    pub created_at: Timestamp,
    /// When its code or link expires.
    pub expires_at: Timestamp,
    /// When the challenge was spent, superseded or made void.
    pub ended_at: Option<Timestamp>,
    /// The ID of the first challenge of the series. Each challenge in a series replaces the previous one. `None` in
    /// rows of earlier versions.
    pub series_id: Option<Uuid>,
    /// The random ID in the link. It differs from the ID of the row, because with that ID a reader of the email could
    /// act as the client that requested the challenge. `None` in rows of earlier versions: see [`Model::link_id`].
    pub link_id: Option<Uuid>,
    /// The session that requested the challenge, if the proof counts only in that session.
    pub session_id: Option<Uuid>,
    /// When the link was confirmed for the client that requested the challenge.
    pub confirmed_at: Option<Timestamp>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// Builds the row of a challenge that is the first of its series and has no address, account or session.
    #[must_use]
    pub fn new(
        id: Uuid,
        purpose: Purpose,
        method: Method,
        created_at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self {
            id,
            purpose,
            method,
            email: String::new(),
            email_key: String::new(),
            user_id: None,
            registration: None,
            username_key: None,
            attempts: 0,
            created_at,
            expires_at,
            ended_at: None,
            series_id: Some(id),
            link_id: None,
            session_id: None,
            confirmed_at: None,
        }
    }

    /// Returns the ID in the link. In a row that an earlier version wrote, this is the ID of the row. An earlier
    /// version may run alongside this one during an upgrade.
    #[must_use]
    pub fn link_id(&self) -> Uuid {
        self.link_id.unwrap_or(self.id)
    }
}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Purpose {
    /// Proving the address of an existing account or of one that is about to be created.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Proving a new address for an account.
    ChangeEmail,
    /// Signing in without a password.
    SignIn,
    /// Proving the user's identity again within a session.
    Reauthentication,
}

/// How the proof is emailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Method {
    /// A code to type in.
    Otp,
    /// A link to follow.
    Link,
}

/// Adds a challenge.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Finds a challenge by ID, live or not.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).all(on).await?.pop())
}

/// Finds a live challenge by ID.
pub async fn find_live(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(live(now)).all(on).await?.pop())
}

/// Finds a live challenge by the ID in its link.
pub async fn find_live_by_link(
    on: &impl ConnectionTrait,
    link_id: Uuid,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let is_of_earlier_version = Column::LinkId.is_null().and(Column::Id.eq(link_id));
    let has_link = Column::LinkId.eq(link_id).or(is_of_earlier_version);
    Ok(Entity::find().filter(has_link).filter(live(now)).all(on).await?.pop())
}

/// Finds the newest challenge of a series, live or not.
pub async fn find_newest(on: &impl ConnectionTrait, series_id: Uuid) -> Result<Option<Model>, DbErr> {
    let newest = Entity::find()
        .filter(Column::SeriesId.eq(series_id))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(1);
    Ok(newest.all(on).await?.pop())
}

/// Lists the live challenges of an address, newest first. The budget for emails limits their number.
pub async fn list_live(
    on: &impl ConnectionTrait,
    email_key: &str,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let of_address = Entity::find().filter(Column::EmailKey.eq(email_key)).filter(live(now));
    of_address.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).all(on).await
}

/// Returns which of these address keys belong to a sign-up in progress.
pub async fn list_registering(
    on: &impl ConnectionTrait,
    email_keys: &[String],
    now: Timestamp,
) -> Result<Vec<String>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::EmailKey)
        .distinct()
        .filter(Column::EmailKey.is_in(email_keys))
        .filter(live(now))
        .filter(Column::Registration.is_not_null())
        .into_tuple()
        .all(on)
        .await
}

/// The maximum number of registrations that are read for one username. Anybody can start registering the same username
/// with any number of addresses.
const MAX_OF_USERNAME: u64 = 32;

/// Lists the live challenges of sign-ups with this username, newest first, but at most 32.
pub async fn list_live_by_username_key(
    on: &impl ConnectionTrait,
    username_key: &str,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let of_name = Entity::find().filter(Column::UsernameKey.eq(username_key)).filter(live(now));
    let newest = of_name.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    newest.limit(MAX_OF_USERNAME).all(on).await
}

/// Locks the challenges of an address until the transaction ends, and returns them. Includes expired challenges, but
/// not ended ones. The lowest ID is locked first, so that transactions cannot deadlock. (On SQLite no lock is needed,
/// because there is only one writer.)
pub async fn lock_all(on: &impl ConnectionTrait, email_key: &str) -> Result<Vec<Model>, DbErr> {
    let of_address = Entity::find().filter(Column::EmailKey.eq(email_key)).filter(Column::EndedAt.is_null());
    of_address.order_by_asc(Column::Id).lock_exclusive().all(on).await
}

/// Counts an attempt at the code. Returns `None` if there is no such live challenge, or if it has already had
/// `max_attempts` attempts.
pub async fn count_attempt(
    on: &impl ConnectionTrait,
    id: Uuid,
    email_key: &str,
    max_attempts: i32,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let counted = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::EmailKey.eq(email_key))
        .filter(Column::Attempts.lt(max_attempts))
        .filter(live(now))
        .exec_with_returning(on)
        .await?;
    Ok(counted.into_iter().next())
}

/// Confirms the link of a live sign-in challenge. The link stays usable. Publishes the confirmation only once, even if
/// several callers race.
pub async fn confirm(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    let of_link = Column::Id.eq(id).and(Column::Purpose.eq(Purpose::SignIn));
    let confirming = Entity::update_many().col_expr(Column::ConfirmedAt, Expr::value(now));
    let unconfirmed = confirming.filter(of_link).filter(Column::ConfirmedAt.is_null()).filter(live(now));
    if unconfirmed.exec(on).await?.rows_affected > 0 {
        let kind = EventKind::LoginLinkConfirmed;
        on.publish(Event { kind, user_id: id, session_id: None, at: now.0 });
    }
    Ok(())
}

/// Ends a live challenge and returns it. If several callers race, exactly one gets the row.
pub async fn end(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    let ended = ending(now).filter(live(now)).filter(Column::Id.eq(id)).exec_with_returning(on).await?;
    Ok(ended.into_iter().next())
}

/// Ends a challenge that is being replaced, even if it has expired. If several callers race, exactly one gets `true`.
pub async fn supersede(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let superseded = ending(now).filter(Column::Id.eq(id)).exec(on).await?;
    Ok(superseded.rows_affected > 0)
}

/// Ends every challenge of an address, expired ones included, so that no later email continues their series.
pub async fn end_all(on: &impl ConnectionTrait, email_key: &str, now: Timestamp) -> Result<(), DbErr> {
    ending(now).filter(Column::EmailKey.eq(email_key)).exec(on).await?;
    Ok(())
}

/// Ends every challenge of an address for one purpose, expired ones included.
pub async fn end_all_for(
    on: &impl ConnectionTrait,
    email_key: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Result<(), DbErr> {
    let for_purpose = ending(now).filter(Column::EmailKey.eq(email_key)).filter(Column::Purpose.eq(purpose));
    for_purpose.exec(on).await?;
    Ok(())
}

/// Ends every challenge of a user, expired ones included.
pub async fn end_all_of(on: &impl ConnectionTrait, user_id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    ending(now).filter(Column::UserId.eq(user_id)).exec(on).await?;
    Ok(())
}

/// Deletes at most `limit` challenges that expired or ended before `before`. Returns how many it deleted.
pub async fn delete_dead(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut dead = Query::select();
    dead.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn live(now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}

/// Builds the update that ends challenges. It also sets `expires_at`, so that the indexes find only live challenges.
fn ending(now: Timestamp) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        .filter(Column::EndedAt.is_null())
}
