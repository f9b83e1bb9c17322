//! The day on which housekeeping looks at a session or budget. An index on this day replaces indexes on times, which
//! change with every refresh or charge.
//!
//! PostgreSQL updates a row without touching any index (HOT) only if no indexed column changes and the page has room.

use sea_orm_migration::{prelude::*, schema::big_integer, sea_orm::DbBackend};

use crate::online::{add_columns, create_index, drop_index};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["sessions", "rate_limits"] {
            // the default is a day in the distant past, so the next sweep finds the rows of older servers and moves
            // them to the right day
            add_columns(manager, table, [big_integer(SweepDay).default(0).to_owned()]).await?;
            if manager.get_database_backend() == DbBackend::Postgres {
                let room = format!("ALTER TABLE {table} SET (fillfactor = 80)");
                manager.get_connection().execute_unprepared(&room).await?;
            }
            let mut by_day =
                Index::create().name(format!("idx_{table}_sweep_day")).table(table).col(SweepDay).to_owned();
            create_index(manager, &mut by_day).await?;
        }
        // finds a user's live sessions, newest first, and skips the ended ones, no matter how many there are
        let mut of_user = Index::create()
            .name("idx_sessions_user_id_ended_at")
            .table(Session::Table)
            .col(Session::UserId)
            .col(Session::EndedAt)
            .col(Session::Id)
            .to_owned();
        create_index(manager, &mut of_user).await?;
        // older servers work without these indexes, but their housekeeping then reads whole tables
        for index in ["idx_sessions_expires_at", "idx_sessions_user_id_expires_at", "idx_rate_limits_idle_at"]
        {
            drop_index(manager, index).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
struct SweepDay;

#[derive(DeriveIden)]
enum Session {
    #[sea_orm(iden = "sessions")]
    Table,
    Id,
    UserId,
    EndedAt,
}
