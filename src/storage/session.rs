//! The table of sign-ins. A session has one row, however often it is refreshed.

use std::{collections::HashSet, sync::LazyLock};

use sea_orm::{
    DbBackend, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement, UpdateMany,
    Value,
    entity::prelude::*,
    sea_query::{Expr, PostgresQueryBuilder, Query},
};

use super::{Publish, Timestamp, known_address, session_siblings::is_void, user};
use crate::events::{Event, Kind};

/// A row of `sessions`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "sessions")]
pub struct Model {
    /// UUIDv7, so in order of creation.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// Whose it is.
    pub user_id: Uuid,
    /// The counter of the newest refresh token. Each new pair of tokens raises it.
    pub counter: i64,
    /// The highest counter whose tokens have come back to us: their holder has them.
    pub seen_counter: i64,
    /// The sign-in.
    pub created_at: Timestamp,
    /// The last sign-in or refresh.
    pub last_used_at: Timestamp,
    /// When the newest refresh token expires, and the session with it.
    pub expires_at: Timestamp,
    /// What `expires_at` never exceeds.
    pub max_expires_at: Timestamp,
    /// When it was ended, by whomever.
    pub ended_at: Option<Timestamp>,
    /// What the client said it is.
    pub user_agent: Option<String>,
    /// Where the client was.
    pub ip_address: Option<String>,
    /// When its user last proved who they are: the sign-in, or a later proof in the session.
    pub authenticated_at: Timestamp,
    /// How they did: names of [`AuthenticationMethod`]s, separated by commas.
    pub methods: String,
    /// A short hash of the client that asked for the newest pair, if `client_counter` is `counter`.
    pub client_hash: Option<i64>,
    /// The counter that was the newest when `client_hash` was written. Older servers refresh without writing either.
    pub client_counter: i64,
    /// The first counter whose tokens are void: see [`super::session_siblings`].
    pub voided_from: i64,
    /// The counter after the last one whose tokens are void.
    pub voided_to: i64,
}

impl ActiveModelBehavior for ActiveModel {}

/// A way in which a person proves who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "snake_case")]
pub enum AuthenticationMethod {
    /// A password.
    Password,
    /// A code from a mail.
    EmailCode,
    /// A link in a mail.
    EmailLink,
    /// An account elsewhere.
    Identity,
}

impl AuthenticationMethod {
    /// The value in the claim `amr`, after RFC 8176 §2. That has no value for accounts elsewhere: `fed` is our own.
    #[must_use]
    pub fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::EmailCode | Self::EmailLink => "otp",
            Self::Identity => "fed",
        }
    }

    /// Methods as the column `methods` holds them.
    #[must_use]
    pub fn join(methods: &[Self]) -> String {
        methods.iter().map(ActiveEnum::to_value).collect::<Vec<_>>().join(",")
    }
}

/// What a session belongs to.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    /// Its user.
    #[sea_orm(belongs_to = "user::Entity", from = "Column::UserId", to = "user::Column::Id")]
    User,
}

impl Related<user::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::User.def()
    }
}

impl Model {
    /// Whether it can still be used.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.expires_at.0 > now.0
    }

    /// How its user last proved who they are. Methods that this version does not know are left out.
    #[must_use]
    pub fn methods(&self) -> Vec<AuthenticationMethod> {
        let names = self.methods.split(',').map(str::to_owned);
        names.filter_map(|name| AuthenticationMethod::try_from_value(&name).ok()).collect()
    }
}

/// Begins a session: adds its row, ends the live sessions of its user but this and the newest others, `keep` in all, and notes
/// from where they have signed in. Only `sessions::open` calls it, which locks the user first.
///
/// # Errors
/// The database's.
pub async fn begin(on: &impl Publish, row: Model, keep: u32, address: Option<String>) -> Result<(), DbErr> {
    let now = row.created_at;
    let started =
        Event { kind: Kind::SessionStarted, user_id: row.user_id, session_id: Some(row.id), at: now.0 };
    let values = [
        row.id.into(),
        row.user_id.into(),
        row.counter.into(),
        row.seen_counter.into(),
        row.created_at.into(),
        row.last_used_at.into(),
        row.expires_at.into(),
        row.max_expires_at.into(),
        row.ended_at.into(),
        row.user_agent.into(),
        row.ip_address.into(),
        address.into(),
        Timestamp(now.0 - known_address::EXACT_TO).into(),
        Timestamp(now.0 - SKEW).into(),
        i64::from(keep.saturating_sub(1)).into(),
        row.authenticated_at.into(),
        row.methods.into(),
    ];
    let backend = on.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => format!("WITH a AS ({ADD}), b AS ({}) {END_OLDEST}", known_address::NOTE),
        _ => format!("{ADD}; {}; {END_OLDEST}", known_address::NOTE),
    };
    let rows = on.query_all_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let ended = rows.iter().map(|row| Model::from_query_result(row, "")).collect::<Result<Vec<_>, _>>()?;
    on.publish(started);
    tell(on, &ended, now);
    Ok(())
}

// What `begin` sends at once: while hashes take all the processor, waking the database costs more than what it does then.
const ADD: &str = r#"INSERT INTO "sessions" ("id", "user_id", "counter", "seen_counter", "created_at", "last_used_at",
    "expires_at", "max_expires_at", "ended_at", "user_agent", "ip_address", "authenticated_at", "methods")
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $16, $17)"#;
const END_OLDEST: &str = r#"UPDATE "sessions" SET "ended_at" = $5, "expires_at" = $5 WHERE "id" IN (
    SELECT "id" FROM "sessions" WHERE "user_id" = $2 AND "id" <> $1 AND "ended_at" IS NULL AND "expires_at" > $5
    ORDER BY "id" DESC LIMIT 4294967295 OFFSET $15)
    AND "ended_at" IS NULL AND "expires_at" > $14 RETURNING *"#;

/// By id.
///
/// # Errors
/// The database's.
pub async fn find(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).all(on).await?.pop())
}

/// By id, locked until the transaction ends.
///
/// # Errors
/// The database's.
pub async fn lock(on: &impl ConnectionTrait, id: Uuid) -> Result<Option<Model>, DbErr> {
    Ok(Entity::find_by_id(id).lock_exclusive().all(on).await?.pop())
}

/// A session with its user, in one statement.
///
/// # Errors
/// The database's.
pub async fn find_with_user(
    on: &impl ConnectionTrait,
    id: Uuid,
) -> Result<Option<(Model, user::Model)>, DbErr> {
    let found = Entity::find_by_id(id).find_also_related(user::Entity).all(on).await?.pop();
    Ok(found.and_then(|(session, user)| Some((session, user?))))
}

/// The live sessions of these users, the newest first.
///
/// # Errors
/// The database's.
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

/// A refresh token that is to be spent, and what takes its place.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The session's.
    pub id: Uuid,
    /// The counter of the token.
    pub counter: i64,
    /// A short hash of the client that presents it.
    pub client_hash: i64,
    /// When it was presented.
    pub now: Timestamp,
    /// When the next one expires, if the session lasts so long.
    pub expires_at: Timestamp,
}

/// A session that was refreshed, and its user where that was read in passing.
pub type Rotated = (Model, Option<user::Model>);

/// Spends the refresh token of a live session. Of any number of racing callers exactly one gets the row.
///
/// The row may be *behind* an honest token, after a restored backup: it is brought up to date in passing.
///
/// # Errors
/// The database's.
pub async fn rotate(on: &impl Publish, rotation: Rotation) -> Result<Option<Model>, DbErr> {
    let Rotation { id, counter, client_hash, now, expires_at } = rotation;
    let values = [id.into(), counter.into(), client_hash.into(), now.into(), expires_at.into()];
    let statement = Statement::from_sql_and_values(on.get_database_backend(), ROTATE.as_str(), values);
    let rows = on.query_all_raw(statement).await?;
    on.changed(&[], &[id]);
    rows.first().map(|row| Model::from_query_result(row, "")).transpose()
}

/// [`rotate`] for many sessions at once, on PostgreSQL; with each row comes its user. Rows that somebody else has locked are
/// left out: a statement that waited for one while it holds others could wait for ever.
///
/// # Errors
/// The database's.
pub async fn rotate_all(on: &impl Publish, rotations: &[Rotation]) -> Result<Vec<Rotated>, DbErr> {
    // arrays as PostgreSQL writes them
    let array = |part: fn(&Rotation) -> String| {
        Value::from(format!("{{{}}}", rotations.iter().map(part).collect::<Vec<_>>().join(",")))
    };
    let values = [
        array(|rotation| rotation.id.to_string()),
        array(|rotation| rotation.counter.to_string()),
        array(|rotation| rotation.client_hash.to_string()),
        array(|rotation| milliseconds(rotation.now)),
        array(|rotation| milliseconds(rotation.expires_at)),
    ];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, ROTATE_ALL.as_str(), values);
    let rows = on.query_all_raw(statement).await?;
    on.changed(&[], &rotations.iter().map(|rotation| rotation.id).collect::<Vec<_>>());
    // a user who cannot be read is nobody else's error
    let user = |row| user::Model::from_query_result_optional(row, "B_").ok().flatten();
    rows.iter().map(|row| Ok((Model::from_query_result(row, "A_")?, user(row)))).collect()
}

fn milliseconds(at: Timestamp) -> String {
    (at.0.unix_timestamp_nanos() / 1_000_000).to_string()
}

/// Spends tokens: `id`, `counter`, `client`, `now` and `expires_at` are those of a [`Rotation`].
fn rotating(from: &str, [id, counter, client, now, expires_at]: [&str; 5]) -> String {
    format!(
        r#"UPDATE "sessions" SET "counter" = {counter} + 1, "last_used_at" = {now},
        "client_hash" = {client}, "client_counter" = {counter} + 1,
        "expires_at" = CASE WHEN "max_expires_at" < {expires_at} THEN "max_expires_at" ELSE {expires_at} END
        {from} WHERE "sessions"."id" = {id} AND "sessions"."counter" <= {counter} AND "sessions"."ended_at" IS NULL
        AND "sessions"."expires_at" > {now}"#
    )
}

static ROTATE: LazyLock<String> =
    LazyLock::new(|| rotating("", ["$1", "$2", "$3", "$4", "$5"]) + " RETURNING *");

/// After its first part the table's name stands for the rows that were changed.
static ROTATE_ALL: LazyLock<String> = LazyLock::new(|| {
    let asked = [r#""free"."id""#, r#""free"."counter""#, r#""client""#, r#""now""#, r#""until""#];
    let rotating = rotating(r#"FROM "free""#, asked);
    let both = Entity::find().find_also_related(user::Entity).into_query();
    format!(
        r#"WITH "free" AS (
            SELECT "asked".* FROM
            unnest($1::text::uuid[], $2::text::bigint[], $3::text::bigint[], $4::text::bigint[], $5::text::bigint[])
            AS "asked" ("id", "counter", "client", "now", "until")
            JOIN "sessions" ON "sessions"."id" = "asked"."id" FOR NO KEY UPDATE OF "sessions" SKIP LOCKED
        ), "sessions" AS ({rotating} RETURNING "sessions".*) {}"#,
        both.to_string(PostgresQueryBuilder)
    )
});

/// Notes that a token with this counter has come back. Returns `false` if that was known, or if the token is void.
///
/// # Errors
/// The database's.
pub async fn raise_seen_counter(on: &impl Publish, id: Uuid, counter: i64) -> Result<bool, DbErr> {
    let raised = Entity::update_many()
        .col_expr(Column::SeenCounter, Expr::value(counter))
        .filter(Column::Id.eq(id))
        .filter(Column::SeenCounter.lt(counter))
        .filter(is_void(counter).not())
        .exec(on)
        .await?;
    on.changed(&[], &[id]);
    Ok(raised.rows_affected > 0)
}

/// Notes a proof in a live session of this user; `false` if there is none.
///
/// # Errors
/// The database's.
pub async fn authenticate(
    on: &impl Publish,
    id: Uuid,
    user_id: Uuid,
    methods: &[AuthenticationMethod],
    now: Timestamp,
) -> Result<bool, DbErr> {
    let noted = Entity::update_many()
        .col_expr(Column::AuthenticatedAt, Expr::value(now))
        .col_expr(Column::Methods, Expr::value(AuthenticationMethod::join(methods)))
        .filter(Column::Id.eq(id))
        .filter(Column::UserId.eq(user_id))
        .filter(live(now))
        .exec(on)
        .await?;
    on.changed(&[], &[id]);
    Ok(noted.rows_affected > 0)
}

/// Ends a session. Returns its row, or `None` if it was not live.
///
/// # Errors
/// The database's.
pub async fn end(on: &impl Publish, id: Uuid, now: Timestamp) -> Result<Option<Model>, DbErr> {
    let ended = ending(now).filter(Column::Id.eq(id)).exec_with_returning(on).await?;
    tell(on, &ended, now);
    Ok(ended.into_iter().next())
}

/// Ends every live session of a user, and says which.
///
/// # Errors
/// The database's.
pub async fn end_all(on: &impl Publish, user_id: Uuid, now: Timestamp) -> Result<Vec<Uuid>, DbErr> {
    let ended = ending(now).filter(Column::UserId.eq(user_id)).exec_with_returning(on).await?;
    Ok(tell(on, &ended, now))
}

/// Ends a session of this user; `false` if it was not live, or is somebody else's.
///
/// # Errors
/// The database's.
pub async fn end_of(on: &impl Publish, user_id: Uuid, id: Uuid, now: Timestamp) -> Result<bool, DbErr> {
    let of_user = ending(now).filter(Column::Id.eq(id)).filter(Column::UserId.eq(user_id));
    let ended = of_user.exec_with_returning(on).await?;
    Ok(!tell(on, &ended, now).is_empty())
}

/// Ends every live session of a user but one, and says which.
///
/// # Errors
/// The database's.
pub async fn end_others(
    on: &impl Publish,
    user_id: Uuid,
    keep: Uuid,
    now: Timestamp,
) -> Result<Vec<Uuid>, DbErr> {
    let others = ending(now).filter(Column::UserId.eq(user_id)).filter(Column::Id.ne(keep));
    let ended = others.exec_with_returning(on).await?;
    Ok(tell(on, &ended, now))
}

/// Those of these sessions that were ended, or are gone.
///
/// # Errors
/// The database's.
pub async fn list_ended(on: &impl ConnectionTrait, ids: &[Uuid]) -> Result<Vec<Uuid>, DbErr> {
    let mut going_on = Query::select();
    going_on
        .column(Column::Id)
        .from(Entity)
        .and_where(Column::Id.is_in(ids.iter().copied()))
        .and_where(Column::EndedAt.is_null());
    let rows = on.query_all(&going_on).await?;
    let going_on = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<HashSet<Uuid>, _>>()?;
    Ok(ids.iter().copied().filter(|id| !going_on.contains(id)).collect())
}

/// Deletes at most `most` of what expired or ended before `before`; says how many.
///
/// # Errors
/// The database's.
pub async fn delete_dead(on: &impl Publish, before: Timestamp, most: u64) -> Result<u64, DbErr> {
    let mut dead = Query::select();
    dead.column(Column::Id).from(Entity).and_where(Column::ExpiresAt.lt(before)).limit(most);
    let deleted = Entity::delete_many().filter(Column::Id.in_subquery(dead)).exec(on).await?;
    // what is over is nobody's session, whether it is there or not
    on.changed(&[], &[]);
    Ok(deleted.rows_affected)
}

/// Says that these sessions have ended, and gives their ids.
pub(super) fn tell(on: &impl Publish, ended: &[Model], now: Timestamp) -> Vec<Uuid> {
    let end = |row: &Model| {
        let (user_id, session_id) = (row.user_id, Some(row.id));
        on.publish(Event { kind: Kind::SessionEnded, user_id, session_id, at: now.0 });
        row.id
    };
    let ids: Vec<Uuid> = ended.iter().map(end).collect();
    on.changed(&[], &ids);
    ids
}

/// How far the servers' clocks may differ.
const SKEW: time::Duration = time::Duration::seconds(2);

pub(super) fn live(now: Timestamp) -> sea_orm::Condition {
    sea_orm::Condition::all().add(Column::EndedAt.is_null()).add(Column::ExpiresAt.gt(now))
}

/// What has ended expires with it, so that one index serves housekeeping. Servers' clocks differ, so `ended_at` decides.
pub(super) fn ending(now: Timestamp) -> UpdateMany<Entity> {
    Entity::update_many()
        .col_expr(Column::EndedAt, Expr::value(now))
        .col_expr(Column::ExpiresAt, Expr::value(now))
        // what has just expired by this server's clock may live by another's, which could still refresh it
        .filter(live(Timestamp(now.0 - SKEW)))
}
