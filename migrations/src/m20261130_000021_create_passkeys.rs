//! Passkeys, and the ceremonies in which browsers create and use them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, boolean, text, text_null, uuid, uuid_null},
};

use crate::m20261121_000001_create_users::User;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_passkeys(manager).await?;
        create_ceremonies(manager).await
    }
}

async fn create_passkeys(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut owner = owner(Passkey::Table, Passkey::UserId);
    let table = Table::create()
        .table(Passkey::Table)
        .col(uuid(Passkey::Id).primary_key())
        .col(uuid(Passkey::UserId))
        .col(uuid(Passkey::UserHandle))
        .col(text(Passkey::CredentialId).unique_key())
        .col(text(Passkey::PublicKey))
        .col(big_integer(Passkey::SignCount))
        .col(boolean(Passkey::IsBackupEligible))
        .col(boolean(Passkey::IsBackedUp))
        .col(text(Passkey::Transports))
        .col(text(Passkey::Name))
        .col(big_integer(Passkey::CreatedAt))
        .col(big_integer_null(Passkey::LastUsedAt))
        .col(big_integer_null(Passkey::RemovedAt))
        .col(big_integer_null(Passkey::ExpiresAt))
        .foreign_key(&mut owner)
        .to_owned();
    manager.create_table(table).await?;
    for (name, column) in [
        ("idx_passkeys_user_id", Passkey::UserId),
        // finds the rows that housekeeping deletes
        ("idx_passkeys_expires_at", Passkey::ExpiresAt),
    ] {
        let index = Index::create().name(name).table(Passkey::Table).col(column).to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}

async fn create_ceremonies(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut owner = owner(Ceremony::Table, Ceremony::UserId);
    let table = Table::create()
        .table(Ceremony::Table)
        .col(uuid(Ceremony::Id).primary_key())
        .col(text(Ceremony::Kind))
        .col(uuid_null(Ceremony::UserId))
        .col(uuid(Ceremony::UserHandle))
        .col(big_integer(Ceremony::CredentialsVersion))
        .col(text_null(Ceremony::Account))
        .col(big_integer(Ceremony::ExpiresAt))
        .col(big_integer_null(Ceremony::EndedAt))
        .foreign_key(&mut owner)
        .to_owned();
    manager.create_table(table).await?;
    for (name, column) in [
        // finds the rows of a deleted user
        ("idx_passkey_ceremonies_user_id", Ceremony::UserId),
        // finds the rows that housekeeping deletes
        ("idx_passkey_ceremonies_expires_at", Ceremony::ExpiresAt),
    ] {
        let index = Index::create().name(name).table(Ceremony::Table).col(column).to_owned();
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Returns the foreign key by which rows are deleted together with their user.
fn owner(from: impl IntoIden, user_id: impl IntoIden) -> ForeignKeyCreateStatement {
    let mut owner = ForeignKey::create();
    owner.from(from.into_iden(), user_id.into_iden()).to(User::Table, User::Id);
    owner.on_delete(ForeignKeyAction::Cascade).to_owned()
}

#[derive(DeriveIden)]
enum Passkey {
    #[sea_orm(iden = "passkeys")]
    Table,
    Id,
    UserId,
    UserHandle,
    CredentialId,
    PublicKey,
    SignCount,
    IsBackupEligible,
    IsBackedUp,
    Transports,
    Name,
    CreatedAt,
    LastUsedAt,
    RemovedAt,
    ExpiresAt,
}

#[derive(DeriveIden)]
enum Ceremony {
    #[sea_orm(iden = "passkey_ceremonies")]
    Table,
    Id,
    Kind,
    UserId,
    UserHandle,
    CredentialsVersion,
    Account,
    ExpiresAt,
    EndedAt,
}
