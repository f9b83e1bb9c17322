//! The table of emails to send and of the outcome of each email. A row contains no secrets.
//!
//! `due_at` says whether and when an email is due. A sender that claims an email gets a lease on it and postpones
//! `due_at` to the end of the lease. If the sender dies, the email therefore becomes due again without further action.
//! The attempt number identifies the holder of the lease. A settled email, which needs no further attempt, has no
//! `due_at`.
//!
//! Before an email that is due can be claimed, it gets a class and a turn within that class (see `outbox_turns.rs`).
//! Claiming removes both. The emails with a turn are therefore exactly the emails that are ready to be sent, and the
//! next email to send is always the first entry of an index, no matter how many emails are waiting.

use std::time::Duration;

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{BinOper, Expr, LockBehavior, LockType, Query},
};

use time::OffsetDateTime;

use super::Timestamp;

/// A row of `outbox`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// A UUIDv7, so IDs sort in order of creation. The `Message-ID` is derived from the ID.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The kind of email. A string rather than an enum, so that servers of two versions can share the table.
    pub kind: String,
    /// The recipient.
    pub address: String,
    /// The user whom the email is about.
    pub user_id: Option<Uuid>,
    /// The challenge or security change whose code or link the email contains.
    pub challenge_id: Option<Uuid>,
    /// A digest of the client that requested the email. `None` if an earlier version added the row.
    pub asker: Option<Uuid>,
    /// The class of the email. The lowest class is sent first. `None` if the email has no turn.
    pub class: Option<i32>,
    /// The turn within the class. The lowest turn is sent first.
    pub turn: Option<i64>,
    /// When the email was requested.
    pub created_at: Timestamp,
    /// When the email becomes pointless. Gatehouse does not send it after this time.
    pub expires_at: Timestamp,
    /// The number of attempts to send the email.
    pub attempts: i32,
    /// When the email is to be sent, or when the lease of its sender ends. `None` if it is settled.
    pub due_at: Option<Timestamp>,
    /// When the email was sent.
    pub sent_at: Option<Timestamp>,
    /// When Gatehouse gave up on the email.
    pub failed_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none, because the row of an email outlives the account that the email is about.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server accepted the email.
    Sent,
    /// There was nothing to send.
    Nothing,
    /// The email will never be sent, for this reason.
    Failed(String),
    /// The email was not sent, for this reason. Another attempt follows after this delay.
    Again(String, Duration),
}

/// Adds an email.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Returns whether any email is due.
pub async fn is_due(on: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
    let due = Entity::find().select_only().column(Column::Id).filter(Column::DueAt.lte(now)).limit(1);
    Ok(due.into_tuple::<Uuid>().one(on).await?.is_some())
}

/// Claims the next emails to send, at most `most` of them, from this class or, if `class` is `None`, from all classes.
/// No other sender can claim them during the lease.
pub async fn claim(
    on: &impl ConnectionTrait,
    class: Option<i32>,
    most: u64,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<Model>, DbErr> {
    let mut due = Query::select();
    due.column(Column::Id)
        .from(Entity)
        .and_where(class.map_or_else(|| Column::Class.gt(0), |class| Column::Class.eq(class)))
        .and_where(is_due_still(now))
        .order_by(Column::Class, sea_orm::Order::Asc)
        .order_by(Column::Turn, sea_orm::Order::Asc)
        .order_by(Column::Id, sea_orm::Order::Asc)
        .limit(most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(Timestamp(now.0 + lease)))
        .col_expr(Column::Attempts, Expr::col(Column::Attempts).add(1))
        .col_expr(Column::Class, Expr::value(None::<i32>))
        .col_expr(Column::Turn, Expr::value(None::<i64>))
        .filter(Column::Id.in_subquery(due))
        .filter(Column::DueAt.lte(now))
        .exec_with_returning(on)
        .await
}

/// Gives up on at most `most` of the emails that expired while they waited for their turn. Returns how many it gave
/// up on.
pub async fn drop_expired(on: &impl ConnectionTrait, now: Timestamp, most: u64) -> Result<u64, DbErr> {
    let mut expired = Query::select();
    expired
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Turn.is_not_null())
        .and_where(Column::ExpiresAt.lte(now))
        .and_where(is_due_still(now))
        .limit(most)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let why = Expr::col(Column::LastError).if_null("nobody tried to send it in time");
    let why = Expr::value("too late; ").binary(BinOper::Custom("||"), why);
    let dropped = Entity::update_many()
        .col_expr(Column::DueAt, Expr::value(None::<i64>))
        .col_expr(Column::Class, Expr::value(None::<i32>))
        .col_expr(Column::Turn, Expr::value(None::<i64>))
        .col_expr(Column::FailedAt, Expr::value(now))
        .col_expr(Column::LastError, why)
        .filter(Column::Id.in_subquery(expired))
        .filter(Column::DueAt.lte(now))
        .exec(on)
        .await?;
    Ok(dropped.rows_affected)
}

/// Matches emails that are due. An email with a turn is usually due, but a server of an older version may have claimed
/// it. The `+ 0` keeps the database from choosing an index for this condition, because another index is better.
fn is_due_still(now: Timestamp) -> Expr {
    Expr::col(Column::DueAt).add(0_i64).lte(now)
}

/// Records how the attempt with this number ended. Returns `false` if another sender has claimed the email in the
/// meantime.
pub async fn settle(
    on: &impl ConnectionTrait,
    id: Uuid,
    attempt: i32,
    outcome: Outcome,
    now: Timestamp,
) -> Result<bool, DbErr> {
    let none = || Expr::value(None::<i64>);
    let (due, sent, failed, why) = match outcome {
        Outcome::Sent => (none(), Expr::value(now), none(), None),
        Outcome::Nothing => (none(), none(), none(), None),
        Outcome::Failed(why) => (none(), none(), Expr::value(now), Some(why)),
        Outcome::Again(why, after) => (Expr::value(Timestamp(now.0 + after)), none(), none(), Some(why)),
    };
    let settled = Entity::update_many()
        .col_expr(Column::DueAt, due)
        .col_expr(Column::Class, Expr::value(None::<i32>))
        .col_expr(Column::Turn, Expr::value(None::<i64>))
        .col_expr(Column::SentAt, sent)
        .col_expr(Column::FailedAt, failed)
        .col_expr(Column::LastError, Expr::value(why))
        .filter(Column::Id.eq(id))
        .filter(Column::Attempts.eq(attempt))
        .filter(Column::DueAt.is_not_null())
        .exec(on)
        .await?;
    Ok(settled.rows_affected > 0)
}

/// Lists at most `most` of the emails that are waiting, the next one first.
pub async fn list_waiting(on: &impl ConnectionTrait, most: u64) -> Result<Vec<Model>, DbErr> {
    list(on, Column::DueAt, sea_orm::Order::Asc, most).await
}

/// Lists at most `most` of the emails that Gatehouse gave up on, the latest first.
pub async fn list_failed(on: &impl ConnectionTrait, most: u64) -> Result<Vec<Model>, DbErr> {
    list(on, Column::FailedAt, sea_orm::Order::Desc, most).await
}

/// Counts the unsettled emails.
pub async fn count_waiting(on: &impl ConnectionTrait) -> Result<u64, DbErr> {
    count(on, Column::DueAt).await
}

/// Returns when the oldest unsettled email was requested. Returns `None` if all emails are settled.
pub async fn find_oldest_request(on: &impl ConnectionTrait) -> Result<Option<Timestamp>, DbErr> {
    // adds 0, because with the bare column the database may scan all settled emails in the order of their requests
    let oldest = Expr::col(Column::CreatedAt).add(0_i64).min();
    let found = Entity::find().select_only().column_as(oldest, "oldest").filter(Column::DueAt.gt(0_i64));
    let found = found.into_tuple::<Option<i64>>().all(on).await?;
    let since = found.first().copied().flatten().map(i128::from);
    Ok(since.and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000).ok()).map(Timestamp))
}

/// Counts the emails that Gatehouse gave up on and has not deleted yet.
pub async fn count_failed(on: &impl ConnectionTrait) -> Result<u64, DbErr> {
    count(on, Column::FailedAt).await
}

/// Deletes at most `limit` settled emails that were requested before `before`. Returns how many it deleted.
pub async fn delete_settled(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut settled = Query::select();
    settled
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::CreatedAt.lt(before))
        .and_where(Column::DueAt.is_null())
        .limit(limit);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(settled)).exec(on).await?;
    Ok(deleted.rows_affected)
}

async fn count(on: &impl ConnectionTrait, column: Column) -> Result<u64, DbErr> {
    let count = Entity::find()
        .select_only()
        .column_as(column.count(), "count")
        .filter(column.gt(0_i64))
        .into_tuple::<i64>()
        .all(on)
        .await?;
    Ok(count.first().map_or(0, |count| count.unsigned_abs()))
}

async fn list(
    on: &impl ConnectionTrait,
    column: Column,
    order: sea_orm::Order,
    most: u64,
) -> Result<Vec<Model>, DbErr> {
    // compares instead of using `IS NOT NULL`, because only a comparison uses the index
    Entity::find().filter(column.gt(0_i64)).order_by(column, order).limit(most).all(on).await
}
