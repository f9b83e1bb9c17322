//! The outbox: emails to send, and their outcomes.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, integer, text, text_null, uuid, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Outbox::Table)
            .col(uuid(Outbox::Id).primary_key())
            .col(text(Outbox::Kind))
            .col(text(Outbox::Address))
            .col(uuid_null(Outbox::UserId))
            .col(uuid_null(Outbox::ChallengeId))
            .col(big_integer(Outbox::CreatedAt))
            .col(big_integer(Outbox::ExpiresAt))
            .col(integer(Outbox::Attempts))
            .col(big_integer_null(Outbox::DueAt))
            .col(big_integer_null(Outbox::SentAt))
            .col(big_integer_null(Outbox::FailedAt))
            .col(text_null(Outbox::LastError))
            .to_owned();
        manager.create_table(table).await?;

        // find the emails to send, the failed ones, and those that housekeeping deletes
        for (name, column) in [
            ("idx_outbox_due_at", Outbox::DueAt),
            ("idx_outbox_failed_at", Outbox::FailedAt),
            ("idx_outbox_created_at", Outbox::CreatedAt),
        ] {
            let index = Index::create().name(name).table(Outbox::Table).col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Outbox {
    Table,
    Id,
    Kind,
    Address,
    UserId,
    ChallengeId,
    CreatedAt,
    ExpiresAt,
    Attempts,
    DueAt,
    SentAt,
    FailedAt,
    LastError,
}
