//! The table of what was mailed to prove an address, and is awaited. No row holds a code or a link: they are derived from
//! its id.

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{Expr, Query},
};

use super::Timestamp;

/// A row of `challenges`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "challenges")]
pub struct Model {
    /// 122 random bits, known to the asker alone: no mail tells it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What it is for.
    pub purpose: Purpose,
    /// What is mailed.
    pub method: Method,
    /// The address to prove, as it was given.
    pub email: String,
    /// What all spellings of the address have in common.
    pub email_key: String,
    /// Whose account it is about, where that was known when it was asked for.
    pub user_id: Option<Uuid>,
    /// The account to be, in JSON, where there is none before the address is proven.
    pub registration: Option<String>,
    /// The key of the username of the account to be.
    pub username_key: Option<String>,
    /// How often its code was tried by its id.
    pub attempts: i32,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When its code or link expires.
    pub expires_at: Timestamp,
    /// When it was spent, superseded or made void.
    pub ended_at: Option<Timestamp>,
    /// The challenge with which a series of mails began that replace each other. `None` in rows of earlier versions.
    pub series_id: Option<Uuid>,
    /// What the link holds in place of the id, which would make its reader the asker. Random. Rows of earlier versions have
    /// `None`: see [`Model::link_id`].
    pub link_id: Option<Uuid>,
    /// The session that asked, where the proof counts in that session alone.
    pub session_id: Option<Uuid>,
}

impl ActiveModelBehavior for ActiveModel {}

impl Model {
    /// What its link holds: in rows of earlier versions, which may write beside this one for a while, the id.
    #[must_use]
    pub fn link_id(&self) -> Uuid {
        self.link_id.unwrap_or(self.id)
    }
}

/// What a challenge is joined with: nothing.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// What a challenge is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Purpose {
    /// Proving the address of an account, or of one to be.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Proving a new address for an account.
    ChangeEmail,
    /// Signing in without a password.
    SignIn,
    /// Proving once more, in a session, who its user is.
    Reauthentication,
}

/// What is mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum Method {
    /// A code to type in.
    Otp,
    /// A link to follow.
    Link,
}

/// Adds a row.
///
/// # Errors
/// The database's.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// By id, awaited or not.
///
/// # Errors
/// The database's.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).all(on).await?.pop())
}

/// By id, as long as it is awaited.
///
/// # Errors
/// The database's.
pub async fn find_live(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).filter(live(now)).all(on).await?.pop())
}

/// By the id in its link, as long as it is awaited.
///
/// # Errors
/// The database's.
pub async fn find_live_by_link(
    on: &impl ConnectionTrait,
    link_id: Uuid,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let is_of_earlier_version = Column::LinkId.is_null().and(Column::Id.eq(link_id));
    let has_link = Column::LinkId.eq(link_id).or(is_of_earlier_version);
    Ok(Entity::find().filter(has_link).filter(live(now)).all(on).await?.pop())
}

/// The newest challenge of a series, awaited or not.
///
/// # Errors
/// The database's.
pub async fn find_newest(on: &impl ConnectionTrait, series_id: Uuid) -> Result<Option<Model>, DbErr> {
    let of_series = Entity::find().filter(Column::SeriesId.eq(series_id));
    let newest = of_series.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).limit(1);
    Ok(newest.all(on).await?.pop())
}

/// The challenges of an address that are awaited, the newest first. Their number is bounded by the budget of mails.
///
/// # Errors
/// The database's.
pub async fn list_live(
    on: &impl ConnectionTrait,
    email_key: &str,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let of_address = Entity::find().filter(Column::EmailKey.eq(email_key)).filter(live(now));
    of_address.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id).all(on).await
}

/// Lists those of these keys of addresses with which somebody signs up at present.
///
/// # Errors
/// The database's.
pub async fn list_registering(
    on: &impl ConnectionTrait,
    email_keys: &[String],
    now: Timestamp,
) -> Result<Vec<String>, DbErr> {
    let registering = Entity::find().select_only().column(Column::EmailKey).distinct();
    let registering = registering.filter(Column::EmailKey.is_in(email_keys)).filter(live(now));
    registering.filter(Column::Registration.is_not_null()).into_tuple().all(on).await
}

/// How many registrations of one username are looked at: strangers can register a username with as many addresses as they like.
const MOST_OF_USERNAME: u64 = 32;

/// The accounts to be of a username, the newest first, at most 32.
///
/// # Errors
/// The database's.
pub async fn list_live_by_username_key(
    on: &impl ConnectionTrait,
    username_key: &str,
    now: Timestamp,
) -> Result<Vec<Model>, DbErr> {
    let of_name = Entity::find().filter(Column::UsernameKey.eq(username_key)).filter(live(now));
    let newest = of_name.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
    newest.limit(MOST_OF_USERNAME).all(on).await
}

/// Locks the challenges of an address that have not ended, expired or not, until the transaction ends, and returns them. The
/// lowest id comes first, so that nobody waits in a circle. (SQLite has one writer: there everything is locked.)
///
/// # Errors
/// The database's.
pub async fn lock_all(on: &impl ConnectionTrait, email_key: &str) -> Result<Vec<Model>, DbErr> {
    let of_address = Entity::find().filter(Column::EmailKey.eq(email_key)).filter(Column::EndedAt.is_null());
    of_address.order_by_asc(Column::Id).lock_exclusive().all(on).await
}

/// Counts a try of the code, of which there are at most `most`. None: there is no such challenge, or no try left.
///
/// # Errors
/// The database's.
pub async fn count_attempt(
    on: &impl ConnectionTrait,
    id: Uuid,
    email_key: &str,
    most: i32,
    now: Timestamp,
) -> Result<Option<Model>, DbErr> {
    let counted = Entity::update_many()
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .filter(Column::Id.eq(id))
        .filter(Column::EmailKey.eq(email_key))
        .filter(Column::Attempts.lt(most))
        .filter(live(now))
        .exec_with_returning(on)
        .await?;
    Ok(counted.into_iter().next())
}

/// Ends a challenge. Of any number of racing callers exactly one gets the row.
///
/// # Errors
/// The database's.
pub async fn end(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    let ended = ending(now).filter(live(now)).filter(Column::Id.eq(id)).exec_with_returning(on).await?;
    Ok(ended.into_iter().next())
}

/// Ends a challenge, expired or not, so that another takes its place. Of any number of racing callers exactly one is told
/// `true`.
///
/// # Errors
/// The database's.
pub async fn supersede(on: &impl ConnectionTrait, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let superseded = ending(now).filter(Column::Id.eq(id)).exec(on).await?;
    Ok(superseded.rows_affected > 0)
}

/// Ends every challenge of an address, the expired ones too: no later mail continues them.
///
/// # Errors
/// The database's.
pub async fn end_all(on: &impl ConnectionTrait, email_key: &str, now: Timestamp) -> Result<(), DbErr> {
    ending(now).filter(Column::EmailKey.eq(email_key)).exec(on).await?;
    Ok(())
}

/// Ends every challenge of an address for one purpose.
///
/// # Errors
/// The database's.
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

/// Ends every challenge that a user asked for, the expired ones too.
///
/// # Errors
/// The database's.
pub async fn end_all_of(on: &impl ConnectionTrait, user_id: Uuid, now: Timestamp) -> Result<(), DbErr> {
    ending(now).filter(Column::UserId.eq(user_id)).exec(on).await?;
    Ok(())
}

/// Deletes at most `most` of what expired or ended before `before`; says how many.
///
/// # Errors
/// The database's.
pub async fn delete_dead(on: &impl ConnectionTrait, before: Timestamp, most: u64) -> Result<u64, DbErr> {
    let mut dead = Query::select();
    dead.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(most);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec(on).await?;
    Ok(deleted.rows_affected)
}

fn live(now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}

/// What has ended expires with it, so that the indexes find what is live alone.
fn ending(now: Timestamp) -> sea_orm::UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        .filter(Column::EndedAt.is_null())
}
