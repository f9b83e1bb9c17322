//! Security changes: changes to how users sign in, with the data needed to undo them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, text, text_null, uuid},
};

use crate::m20261121_000001_create_users::User;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(SecurityChange::Table)
            .col(uuid(SecurityChange::Id).primary_key())
            .col(uuid(SecurityChange::UserId))
            .col(text(SecurityChange::Kind))
            .col(boolean(SecurityChange::IsRevertible))
            .col(text_null(SecurityChange::Email))
            .col(text_null(SecurityChange::EmailKey))
            .col(big_integer_null(SecurityChange::EmailVerifiedAt))
            .col(text_null(SecurityChange::PasswordHash))
            .col(text_null(SecurityChange::Identities))
            .col(big_integer(SecurityChange::CreatedAt))
            .col(big_integer(SecurityChange::ExpiresAt))
            .col(big_integer_null(SecurityChange::EndedAt))
            .foreign_key(
                ForeignKey::create()
                    .from(SecurityChange::Table, SecurityChange::UserId)
                    .to(User::Table, User::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await?;
        for (name, columns) in [
            ("idx_security_changes_user_id_id", vec![SecurityChange::UserId, SecurityChange::Id]),
            // finds email addresses that are reserved for their former accounts
            ("idx_security_changes_email_key", vec![SecurityChange::EmailKey, SecurityChange::ExpiresAt]),
            // finds the rows that housekeeping deletes
            ("idx_security_changes_expires_at", vec![SecurityChange::ExpiresAt]),
        ] {
            let mut index = Index::create().name(name).table(SecurityChange::Table).to_owned();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum SecurityChange {
    #[sea_orm(iden = "security_changes")]
    Table,
    Id,
    UserId,
    Kind,
    IsRevertible,
    Email,
    EmailKey,
    EmailVerifiedAt,
    PasswordHash,
    Identities,
    CreatedAt,
    ExpiresAt,
    EndedAt,
}
