//! Challenges: emailed codes and links that prove an email address.

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
            .table(Challenge::Table)
            .col(uuid(Challenge::Id).primary_key())
            .col(text(Challenge::Purpose))
            .col(text(Challenge::Method))
            .col(text(Challenge::Email))
            .col(text(Challenge::EmailKey))
            .col(uuid_null(Challenge::UserId))
            .col(text_null(Challenge::Registration))
            .col(text_null(Challenge::UsernameKey))
            .col(integer(Challenge::Attempts))
            .col(big_integer(Challenge::CreatedAt))
            .col(big_integer(Challenge::ExpiresAt))
            .col(big_integer_null(Challenge::EndedAt))
            .to_owned();
        manager.create_table(table).await?;

        for (name, columns) in [
            // find the live challenges of an email address, a user or a requested username; ending a challenge
            // also sets its expiry
            ("idx_challenges_email_key_expires_at", vec![Challenge::EmailKey, Challenge::ExpiresAt]),
            ("idx_challenges_user_id_expires_at", vec![Challenge::UserId, Challenge::ExpiresAt]),
            ("idx_challenges_username_key_expires_at", vec![Challenge::UsernameKey, Challenge::ExpiresAt]),
            // finds the rows that housekeeping deletes
            ("idx_challenges_expires_at", vec![Challenge::ExpiresAt]),
        ] {
            let mut index = Index::create().name(name).table(Challenge::Table).to_owned();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Challenge {
    #[sea_orm(iden = "challenges")]
    Table,
    Id,
    Purpose,
    Method,
    Email,
    EmailKey,
    UserId,
    Registration,
    UsernameKey,
    Attempts,
    CreatedAt,
    ExpiresAt,
    EndedAt,
}
