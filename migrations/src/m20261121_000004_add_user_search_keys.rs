//! The columns and indexes by which users are searched and filtered.

use sea_orm_migration::{
    prelude::*,
    schema::text_null,
    sea_orm::{DbBackend, prelude::Uuid},
};

use crate::m20261121_000001_create_users::User;

/// The number of users that are read at once.
const BATCH: u64 = 1000;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for key in [Key::NameKey, Key::FirstNameKey, Key::LastNameKey] {
            let column = Table::alter().table(User::Table).add_column(text_null(key)).to_owned();
            manager.alter_table(column).await?;
        }
        fill(manager).await?;

        // compared byte by byte, so that one index finds both a key and all keys with a prefix
        if manager.get_database_backend() == DbBackend::Postgres {
            let keys = ["email_key", "username_key", "name_key", "first_name_key", "last_name_key"];
            let columns = keys.map(|key| format!("ALTER COLUMN {key} TYPE text COLLATE \"C\"")).join(", ");
            let sql = format!("ALTER TABLE users {columns}");
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        for (name, key) in [
            ("idx_users_name_key", Key::NameKey),
            ("idx_users_first_name_key", Key::FirstNameKey),
            ("idx_users_last_name_key", Key::LastNameKey),
        ] {
            manager.create_index(Index::create().name(name).table(User::Table).col(key).to_owned()).await?;
        }

        // finds the newest users of every combination of filters, even if only a few users match
        for (name, is_verified) in
            [("idx_users_facets_verified", true), ("idx_users_facets_unverified", false)]
        {
            let email_verified_at = Expr::col(User::EmailVerifiedAt);
            let index = Index::create()
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
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

/// Fills in the keys of existing users. SQL's `lower` cannot, because SQLite's handles only ASCII.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let on = manager.get_connection();
    let mut after = Uuid::nil();
    loop {
        let mut people = Query::select();
        people
            .columns([User::Id, User::Name, User::FirstName, User::LastName])
            .from(User::Table)
            .and_where(Expr::col(User::Id).gt(after))
            .order_by(User::Id, Order::Asc)
            .limit(BATCH);
        let people = on.query_all(&people).await?;
        let Some(last) = people.last() else { return Ok(()) };
        after = last.try_get("", "id")?;
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
            let key = |text: Option<String>| text.map(fold);
            let mut update = Query::update();
            update
                .table(User::Table)
                .value(Key::NameKey, key(full))
                .value(Key::FirstNameKey, key(first))
                .value(Key::LastNameKey, key(last))
                .and_where(Expr::col(User::Id).eq(row.try_get::<Uuid>("", "id")?));
            on.execute(&update).await?;
        }
    }
}

#[derive(DeriveIden)]
#[expect(clippy::enum_variant_names, reason = "each is named as its column is")]
enum Key {
    NameKey,
    FirstNameKey,
    LastNameKey,
}
