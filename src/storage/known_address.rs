//! The table of addresses from which users have signed in before.

use std::sync::LazyLock;

use sea_orm::{
    ExprTrait, FromQueryResult, IdenStatic, IntoActiveModel, QueryFilter, Statement,
    entity::prelude::*,
    sea_query::{Expr, LockBehavior, LockType, OnConflict, Query},
};

use super::{Timestamp, cached_table::columns, user};

/// A row of `known_addresses`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "known_addresses")]
pub struct Model {
    /// The user who signed in.
    #[sea_orm(primary_key, auto_increment = false)]
    pub user_id: Uuid,
    /// An IPv4 address, or the /64 network of an IPv6 address.
    #[sea_orm(primary_key, auto_increment = false)]
    pub address: String,
    /// When the user last signed in from there. May be up to a day out of date.
    pub last_used_at: Timestamp,
    /// The number of failed logins from the address since the user's last sign-in from it.
    pub failures: i32,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// The number of consecutive failures after which an address is unknown again (NIST SP 800-63B §3.2.2).
const MAX_FAILURES: i32 = 100;

/// Returns whether an address is known: this user has signed in from there, and fewer than 100 logins from there have
/// failed since then.
pub async fn is_known(on: &impl ConnectionTrait, user_id: Uuid, address: &str) -> Result<bool, DbErr> {
    let found = Entity::find_by_id((user_id, address.to_owned())).all(on).await?;
    Ok(found.first().is_some_and(|row| row.failures < MAX_FAILURES))
}

/// Finds a user by the key of an email address. Also returns whether the address, if there is one, is known.
pub async fn find_user_by_email_key(
    on: &impl ConnectionTrait,
    key: &str,
    address: Option<&str>,
) -> Result<Option<(user::Model, bool)>, DbErr> {
    find_user(on, &BY_EMAIL_KEY, key, address).await
}

/// Finds a user by the key of a username. Also returns whether the address, if there is one, is known.
pub async fn find_user_by_username_key(
    on: &impl ConnectionTrait,
    key: &str,
    address: Option<&str>,
) -> Result<Option<(user::Model, bool)>, DbErr> {
    find_user(on, &BY_USERNAME_KEY, key, address).await
}

async fn find_user(
    on: &impl ConnectionTrait,
    sql: &str,
    key: &str,
    address: Option<&str>,
) -> Result<Option<(user::Model, bool)>, DbErr> {
    let values = [key.into(), address.map(str::to_owned).into()];
    let find = Statement::from_sql_and_values(on.get_database_backend(), sql, values);
    let Some(row) = on.query_one_raw(find).await? else { return Ok(None) };
    let failures: Option<i32> = row.try_get("", "failures")?;
    let is_known = failures.is_some_and(|failures| failures < MAX_FAILURES);
    Ok(Some((user::Model::from_query_result(&row, "A_")?, is_known)))
}

static BY_EMAIL_KEY: LazyLock<String> = LazyLock::new(|| by(user::Column::EmailKey));
static BY_USERNAME_KEY: LazyLock<String> = LazyLock::new(|| by(user::Column::UsernameKey));

/// Returns the SQL that finds a user by this column.
fn by(column: user::Column) -> String {
    format!(
        r#"SELECT {}, "known_addresses"."failures" FROM "users" LEFT JOIN "known_addresses"
        ON "known_addresses"."user_id" = "users"."id" AND "known_addresses"."address" = $2 WHERE "users"."{}" = $1"#,
        columns::<user::Entity>("users", "A_"),
        column.as_str(),
    )
}

/// Adds to the failures of a user at a known address. A negative number removes failures.
pub async fn add_failures(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    address: &str,
    failures: i32,
) -> Result<(), DbErr> {
    let added = Entity::update_many()
        .col_expr(Column::Failures, Expr::col(Column::Failures).add(failures))
        .filter(Column::UserId.eq(user_id))
        .filter(Column::Address.eq(address));
    added.exec(on).await?;
    Ok(())
}

/// Returns the SQL that adds a failure of a user at a known address. The user and the address are the parameters from
/// `first`.
pub(super) fn add_failure(first: usize) -> String {
    format!(
        r#"UPDATE "known_addresses" SET "failures" = "failures" + 1 WHERE "user_id" = ${first} AND "address" = ${}"#,
        first + 1
    )
}

/// Makes an address known and clears its failures, because the user has just proved ownership of the account from
/// there.
///
/// `session_begin` does the same in its own SQL.
pub async fn note(
    on: &impl ConnectionTrait,
    user_id: Uuid,
    address: &str,
    now: Timestamp,
) -> Result<(), DbErr> {
    let row = Model { user_id, address: address.to_owned(), last_used_at: now, failures: 0 };
    let again = OnConflict::columns([Column::UserId, Column::Address])
        .update_columns([Column::LastUsedAt, Column::Failures])
        .to_owned();
    Entity::insert(row.into_active_model()).on_conflict(again).exec_without_returning(on).await?;
    Ok(())
}

/// Forgets every address of a user except one.
pub async fn forget_others(on: &impl ConnectionTrait, user_id: Uuid, keep: &str) -> Result<(), DbErr> {
    let others = Entity::delete_many().filter(Column::UserId.eq(user_id)).filter(Column::Address.ne(keep));
    others.exec(on).await?;
    Ok(())
}

/// Deletes at most `limit` addresses that were last used before `before`. Returns how many it deleted.
pub async fn delete_unused(on: &impl ConnectionTrait, before: Timestamp, limit: u64) -> Result<u64, DbErr> {
    let mut unused = Query::select();
    unused
        .columns([Column::UserId, Column::Address])
        .from(Entity)
        .and_where(Column::LastUsedAt.lt(before))
        .limit(limit)
        // must neither wait for a sign-in nor delete an address that a sign-in has just renewed
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let key = Expr::tuple([Column::UserId, Column::Address].map(Expr::col));
    let deleted = Entity::delete_many().filter(key.in_subquery(unused)).exec(on).await?;
    Ok(deleted.rows_affected)
}
