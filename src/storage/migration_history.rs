//! The tables that record which migrations were applied and which versions of Gatehouse work with them.
//!
//! sea-orm-migration rejects a database with a migration that it does not know. Gatehouse therefore lists and compares
//! migrations itself, so that an older version can be started again after a newer one has migrated the database. The
//! table `schema_compatibility` tells the older version whether it works with the schema.

use std::collections::{BTreeMap, BTreeSet};

use migrations::{SchemaManager, Step, seaql_migrations};
use sea_orm::{
    ActiveValue, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, Schema,
    sea_query::{OnConflict, Query},
};

use crate::clock::Clock;

/// A migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The name, which begins with a date.
    pub name: String,
    /// Whether it has been applied.
    pub state: MigrationState,
}

/// Whether a migration has been applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MigrationState {
    /// The migration has been applied.
    Applied,
    /// The migration has not been applied yet.
    Pending,
    /// A newer version has applied the migration, and this version works with it.
    Newer,
    /// A newer version has applied the migration, and this version may not work with it.
    TooNew,
}

/// Why this version may not use the database.
#[derive(Debug, thiserror::Error)]
pub enum Incompatible {
    /// A newer version has changed the database in such a way that this version does not work with it.
    #[error(
        "the database has migration {name} from a newer version, which needs schema {needed} or later; this version has schema \
         {known}: install the newer version, or restore the backup from before that migration"
    )]
    TooOld {
        /// The name of the migration.
        name: String,
        /// The oldest schema that works with the migration.
        needed: usize,
        /// The schema of this version of Gatehouse.
        known: usize,
    },
    /// The database has a migration that this version does not know, and no record of which versions work with it.
    #[error(
        "the database has migration {name}, which this version does not know, and does not say which versions work with it: \
         install the version that applied it"
    )]
    Unknown {
        /// The name of the migration.
        name: String,
    },
}

/// What the database records about its migrations.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) applied: BTreeSet<String>,
    /// For each migration, the oldest schema that works with it. Includes migrations that were interrupted and are not
    /// fully applied yet.
    oldest_schemas: BTreeMap<String, usize>,
}

impl History {
    pub(super) async fn read(on: &DatabaseConnection) -> Result<Self, DbErr> {
        let mut history = Self::default();
        let manager = SchemaManager::new(on);
        if manager.has_table("seaql_migrations").await? {
            let rows = seaql_migrations::Entity::find().all(on).await?;
            history.applied = rows.into_iter().map(|row| row.version).collect();
        }
        if manager.has_table("schema_compatibility").await? {
            let rows = compatibility::Entity::find().all(on).await?;
            let oldest = |row: compatibility::Model| {
                // if the number is invalid, no version may use the database
                (row.migration, usize::try_from(row.oldest_schema).unwrap_or(usize::MAX))
            };
            history.oldest_schemas = rows.into_iter().map(oldest).collect();
        }
        Ok(history)
    }

    /// Returns the migrations that this version does not know, each with the oldest schema that works with it.
    fn unknown<'a>(&'a self, steps: &'a [Step]) -> impl Iterator<Item = (&'a str, Option<usize>)> {
        let all: BTreeSet<&str> =
            self.applied.iter().chain(self.oldest_schemas.keys()).map(String::as_str).collect();
        let unknown = all.into_iter().filter(|name| steps.iter().all(|step| step.name() != *name));
        unknown.map(|name| (name, self.oldest_schemas.get(name).copied()))
    }

    /// Fails if a newer version has applied a migration with which this version is not known to work.
    pub(super) fn check(&self, steps: &[Step]) -> Result<(), Incompatible> {
        let known = steps.len();
        for (name, oldest) in self.unknown(steps) {
            let name = name.to_owned();
            match oldest {
                Some(needed) if needed > known => return Err(Incompatible::TooOld { name, needed, known }),
                None => return Err(Incompatible::Unknown { name }),
                Some(_) => tracing::info!(migration = name, "a newer version has migrated the database"),
            }
        }
        Ok(())
    }

    /// Lists all migrations, in order.
    pub(super) fn list(&self, steps: &[Step]) -> Vec<Migration> {
        let of_step = |step: &Step| {
            let is_applied = self.applied.contains(step.name());
            let state = if is_applied { MigrationState::Applied } else { MigrationState::Pending };
            (step.name().to_owned(), state)
        };
        let of_unknown = |(name, oldest): (&str, Option<usize>)| match oldest {
            Some(oldest) if oldest <= steps.len() => (name.to_owned(), MigrationState::Newer),
            _ => (name.to_owned(), MigrationState::TooNew),
        };
        let all = steps.iter().map(of_step).chain(self.unknown(steps).map(of_unknown));
        all.map(|(name, state)| Migration { name, state }).collect()
    }
}

/// Creates the tables of this file if they do not exist.
pub(super) async fn install(on: &DatabaseConnection) -> Result<(), DbErr> {
    let (manager, schema) = (SchemaManager::new(on), Schema::new(on.get_database_backend()));
    for (name, mut table) in [
        ("seaql_migrations", schema.create_table_from_entity(seaql_migrations::Entity)),
        ("schema_compatibility", schema.create_table_from_entity(compatibility::Entity)),
    ] {
        if !manager.has_table(name).await? {
            on.execute(table.if_not_exists()).await?;
        }
    }
    Ok(())
}

/// Records that a migration has been applied. Returns `false` if that was already recorded.
pub(super) async fn record(on: &impl ConnectionTrait, step: &Step) -> Result<bool, DbErr> {
    use seaql_migrations::Column;
    let now = Clock::default().now().unix_timestamp();
    let mut insert = Query::insert();
    insert.into_table(seaql_migrations::Entity).columns([Column::Version, Column::AppliedAt]);
    insert.values_panic([step.name().into(), now.into()]);
    insert.on_conflict(OnConflict::column(Column::Version).do_nothing().to_owned());
    Ok(on.execute(&insert).await?.rows_affected() > 0)
}

/// Records which versions work with a migration.
pub(super) async fn record_compatibility(on: &impl ConnectionTrait, step: &Step) -> Result<(), DbErr> {
    let row = compatibility::ActiveModel {
        migration: ActiveValue::Set(step.name().to_owned()),
        oldest_schema: ActiveValue::Set(i64::try_from(step.oldest_schema).unwrap_or(i64::MAX)),
    };
    let again = OnConflict::column(compatibility::Column::Migration)
        .update_column(compatibility::Column::OldestSchema)
        .to_owned();
    compatibility::Entity::insert(row).on_conflict(again).exec_without_returning(on).await.map(drop)
}

/// The table of the oldest schemas. Older versions read it too, so its columns must never change.
#[expect(unreachable_pub, reason = "the macro needs public types")]
mod compatibility {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "schema_compatibility")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub migration: String,
        /// The oldest schema that works with the migration.
        pub oldest_schema: i64,
    }

    #[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
