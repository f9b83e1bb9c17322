//! The columns and indexes by which users are searched and filtered.

use sea_orm_migration::{
    prelude::*,
    schema::text_null,
    sea_orm::{DbBackend, Statement, TransactionTrait, Value, prelude::Uuid},
};

use crate::{
    m20261121_000001_create_users::User,
    online::{BATCH, add_columns, begin, commit, create_concurrently, create_index},
};

/// The collation that compares byte by byte, so that one index finds both a single key and all keys with the same
/// prefix.
const COLLATION: &str = "COLLATE \"C\"";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let is_postgres = manager.get_database_backend() == DbBackend::Postgres;
        let keys = [Key::NameKey, Key::FirstNameKey, Key::LastNameKey].map(|key| {
            let mut key = text_null(key);
            if is_postgres { key.extra(COLLATION).to_owned() } else { key }
        });
        add_columns(manager, "users", keys).await?;
        fill(manager).await?;
        if is_postgres {
            collate(manager).await?;
        }
        for (name, key) in [
            ("idx_users_name_key", Key::NameKey),
            ("idx_users_first_name_key", Key::FirstNameKey),
            ("idx_users_last_name_key", Key::LastNameKey),
        ] {
            create_index(manager, Index::create().name(name).table(User::Table).col(key)).await?;
        }

        // finds the newest users for every combination of filters, even if only a few users match
        for (name, is_verified) in
            [("idx_users_facets_verified", true), ("idx_users_facets_unverified", false)]
        {
            let email_verified_at = Expr::col(User::EmailVerifiedAt);
            let mut index = Index::create()
                .name(name)
                .table(User::Table)
                .col(User::Role)
                .col(User::IsActive)
                .col(User::Id)
                .and_where(if is_verified {
                    email_verified_at.is_not_null()
                } else {
                    email_verified_at.is_null()
                })
                .to_owned();
            create_index(manager, &mut index).await?;
        }
        Ok(())
    }
}

/// Changes the collation of the keys that already exist. PostgreSQL would rebuild the indexes of their unique
/// constraints while the table is locked, so new indexes are built first and then quickly replace the old ones.
async fn collate(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let on = manager.get_connection();
    let is_done = "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('users') AND attname = 'email_key' \
        AND attcollation = 'pg_catalog.\"C\"'::regcollation";
    if on.query_one_raw(Statement::from_string(DbBackend::Postgres, is_done)).await?.is_some() {
        return Ok(());
    }
    let keys = ["email_key", "username_key"];
    for key in keys {
        let name = format!("idx_users_{key}_in_bytes");
        let sql = format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON users ({key} {COLLATION})");
        create_concurrently(manager, &name, &sql).await?;
    }
    let all = |change: fn(&str) -> String| keys.map(change).join(", ");
    let drop = all(|key| format!("DROP CONSTRAINT users_{key}_key"));
    let alter = all(|key| format!("ALTER COLUMN {key} TYPE text {COLLATION}"));
    let add =
        all(|key| format!("ADD CONSTRAINT users_{key}_key UNIQUE USING INDEX idx_users_{key}_in_bytes"));
    let txn = on.begin().await?;
    for changes in [drop, alter, add] {
        txn.execute_unprepared(&format!("ALTER TABLE users {changes}")).await?;
    }
    txn.commit().await
}

/// Fills in the keys of existing users. SQL's `lower` cannot compute them, because in SQLite it handles only ASCII.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut after = Uuid::nil();
    loop {
        let txn = begin(manager).await?;
        let is_next = || Expr::col(User::Id).gt(after);
        let mut ids = Query::select();
        ids.column(User::Id).from(User::Table).and_where(is_next()).order_by(User::Id, Order::Asc);
        let ids = txn.query_all(ids.limit(BATCH)).await?;
        let Some(last) = ids.last() else { return txn.commit().await };
        let last: Uuid = last.try_get("", "id")?;
        let names = [User::Name, User::FirstName, User::LastName];
        let mut people = Query::select();
        people
            .columns([User::Id, User::Name, User::FirstName, User::LastName])
            .from(User::Table)
            // without the upper bound, the planner, which has no statistics for the new columns, would read the whole
            // table
            .and_where(is_next())
            .and_where(Expr::col(User::Id).lte(last))
            // skips users whose keys an interrupted run has already filled in
            .and_where(Expr::col(Key::NameKey).is_null())
            .and_where(Expr::col(Key::FirstNameKey).is_null())
            .and_where(Expr::col(Key::LastNameKey).is_null())
            .cond_where(
                names.into_iter().fold(Cond::any(), |any, name| any.add(Expr::col(name).is_not_null())),
            )
            .lock(LockType::NoKeyUpdate);
        let people = txn.query_all(&people).await?;
        after = last;
        if people.is_empty() {
            txn.commit().await?;
            continue;
        }
        let mut values: Vec<Value> = Vec::with_capacity(4 * people.len());
        for row in people {
            let text = |column: &str| row.try_get::<Option<String>>("", column);
            let (name, first, last) = (text("name")?, text("first_name")?, text("last_name")?);
            let joined =
                || [first.as_deref(), last.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ");
            let full = Some(name.unwrap_or_else(joined)).filter(|name| !name.is_empty());
            // sigma is the one letter with a different form at the end of a word
            let fold = |text: String| {
                text.chars().flat_map(char::to_lowercase).collect::<String>().replace('ς', "σ")
            };
            let key = |text: Option<String>| Value::from(text.map(fold));
            values.extend([row.try_get::<Uuid>("", "id")?.into(), key(full), key(first), key(last)]);
        }
        let row = |n: usize| format!("(${}, ${}, ${}, ${})", n + 1, n + 2, n + 3, n + 4);
        let rows = (0..values.len()).step_by(4).map(row).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "WITH filled (id, name_key, first_name_key, last_name_key) AS (VALUES {rows}) \
            UPDATE users SET name_key = filled.name_key, first_name_key = filled.first_name_key, \
            last_name_key = filled.last_name_key FROM filled WHERE users.id = filled.id"
        );
        txn.execute_raw(Statement::from_sql_and_values(txn.get_database_backend(), sql, values)).await?;
        commit(txn).await?;
    }
}

#[derive(DeriveIden)]
#[expect(clippy::enum_variant_names, reason = "each is named after its column")]
enum Key {
    NameKey,
    FirstNameKey,
    LastNameKey,
}
