//! The table of mails that are to be sent, and of what became of them. No row holds a secret.
//!
//! One column says whether and when a mail is due: claiming it puts that off by the lease, so a mail whose sender died is
//! due again by itself, and what is settled is due no more. The number of the attempt tells who holds the lease.
//!
//! A mail that is due gets a class, and a turn within it, before anybody claims it. Claiming it takes both away again. So the
//! mails with a turn are those that wait for nothing else, and the next one stands first in an index, however many there are.

use std::time::Duration;

use sea_orm::{
    ExprTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
    entity::prelude::*,
    sea_query::{BinOper, Expr, LockBehavior, LockType, Query},
};

use super::Timestamp;

/// A row of `outbox`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "outbox")]
pub struct Model {
    /// UUIDv7, so in order of creation. The mail's `Message-ID` is made of it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// What the mail is about. A text, so that servers of two versions may share a table.
    pub kind: String,
    /// To whom it goes.
    pub address: String,
    /// The person whom it is about.
    pub user_id: Option<Uuid>,
    /// The challenge that it carries.
    pub challenge_id: Option<Uuid>,
    /// Who asked for it: a digest. None: an older version has written it.
    pub asker: Option<Uuid>,
    /// The lowest class goes first. None: it has no turn.
    pub class: Option<i32>,
    /// The lowest turn of a class goes first.
    pub turn: Option<i64>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it has become pointless: it is not sent after that.
    pub expires_at: Timestamp,
    /// How often somebody set out to send it.
    pub attempts: i32,
    /// When it is to be sent, or whoever sends it is given up. None: it is settled.
    pub due_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
    /// Why it was not sent so far: the mail server's words.
    pub last_error: Option<String>,
}

impl ActiveModelBehavior for ActiveModel {}

/// What a row belongs to: nothing. A notice about an account that is gone is not sent, but the row says that it was asked for.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mail server took it.
    Sent,
    /// There was nothing to say.
    Nothing,
    /// It will never be sent, for this reason.
    Failed(String),
    /// It was not sent, for this reason, and is tried again after this long.
    Again(String, Duration),
}

/// Adds a row.
///
/// # Errors
/// The database's.
pub async fn insert(on: &impl ConnectionTrait, row: Model) -> Result<(), DbErr> {
    Entity::insert(row.into_active_model()).exec_without_returning(on).await?;
    Ok(())
}

/// Whether anything is due.
///
/// # Errors
/// The database's.
pub async fn is_due(on: &impl ConnectionTrait, now: Timestamp) -> Result<bool, DbErr> {
    let due = Entity::find().select_only().column(Column::Id).filter(Column::DueAt.lte(now)).limit(1);
    Ok(due.into_tuple::<Uuid>().one(on).await?.is_some())
}

/// Claims at most `most` of the mails whose turn it is, of this class or of any, for as long as `lease`. Nobody else gets these
/// rows meanwhile.
///
/// # Errors
/// The database's.
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

/// Gives up at most `most` of the mails that expired while they waited for their turn; says how many.
///
/// # Errors
/// The database's.
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

/// A condition of mails that have a turn: a server of an older version may have claimed one all the same. It is written so that
/// no index is chosen by it, for there is a better one.
fn is_due_still(now: Timestamp) -> Expr {
    Expr::col(Column::DueAt).add(0_i64).lte(now)
}

/// Notes what became of the attempt of this number; `false` if somebody else has claimed the mail since.
///
/// # Errors
/// The database's.
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

/// At most `most` of the mails that wait, the next first.
///
/// # Errors
/// The database's.
pub async fn list_waiting(on: &impl ConnectionTrait, most: u64) -> Result<Vec<Model>, DbErr> {
    list(on, Column::DueAt, sea_orm::Order::Asc, most).await
}

/// At most `most` of the mails that were given up, the latest first.
///
/// # Errors
/// The database's.
pub async fn list_failed(on: &impl ConnectionTrait, most: u64) -> Result<Vec<Model>, DbErr> {
    list(on, Column::FailedAt, sea_orm::Order::Desc, most).await
}

/// How many are not settled.
///
/// # Errors
/// The database's.
pub async fn count_waiting(on: &impl ConnectionTrait) -> Result<u64, DbErr> {
    count(on, Column::DueAt).await
}

/// How many were given up and are still there.
///
/// # Errors
/// The database's.
pub async fn count_failed(on: &impl ConnectionTrait) -> Result<u64, DbErr> {
    count(on, Column::FailedAt).await
}

/// Deletes at most `most` of what was asked for before `before` and is settled; says how many.
///
/// # Errors
/// The database's.
pub async fn delete_settled(on: &impl ConnectionTrait, before: Timestamp, most: u64) -> Result<u64, DbErr> {
    let mut settled = Query::select();
    settled
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::CreatedAt.lt(before))
        .and_where(Column::DueAt.is_null())
        .limit(most);
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
    // an index finds what is greater than something, but not what is not null
    Entity::find().filter(column.gt(0_i64)).order_by(column, order).limit(most).all(on).await
}
