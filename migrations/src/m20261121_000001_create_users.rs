//! Users.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, text, text_null, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(User::Table)
            .col(uuid(User::Id).primary_key())
            .col(text_null(User::Email))
            // the form that all spellings of an email address share; `username_key` is the same for usernames
            .col(text_null(User::EmailKey).unique_key())
            .col(big_integer_null(User::EmailVerifiedAt))
            .col(text_null(User::Username))
            .col(text_null(User::UsernameKey).unique_key())
            .col(text_null(User::Name))
            .col(text_null(User::FirstName))
            .col(text_null(User::LastName))
            .col(text_null(User::Bio))
            .col(text_null(User::AvatarUrl))
            .col(text_null(User::PasswordHash))
            .col(text(User::Role))
            .col(boolean(User::IsActive))
            .col(big_integer(User::CredentialsVersion))
            .col(big_integer(User::CreatedAt))
            .col(big_integer(User::UpdatedAt))
            .col(big_integer_null(User::LastLoginAt))
            .to_owned();
        manager.create_table(table).await
    }
}

#[derive(DeriveIden)]
pub(crate) enum User {
    #[sea_orm(iden = "users")]
    Table,
    Id,
    Email,
    EmailKey,
    EmailVerifiedAt,
    Username,
    UsernameKey,
    Name,
    FirstName,
    LastName,
    Bio,
    AvatarUrl,
    PasswordHash,
    Role,
    IsActive,
    CredentialsVersion,
    CreatedAt,
    UpdatedAt,
    LastLoginAt,
}
