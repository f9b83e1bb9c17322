//! Second factors: TOTP secrets, recovery codes, and sign-ins that await a second factor.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, integer, text, text_null, uuid},
};

use crate::{m20261121_000001_create_users::User, online::add_columns};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    // each step can be repeated
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_columns(manager, "users", [text(SecondFactors).default("").to_owned()]).await?;
        create_totps(manager).await?;
        create_recovery_codes(manager).await?;
        create_second_factor_challenges(manager).await
    }
}

async fn create_totps(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table(Totp::Table)
        .if_not_exists()
        .col(uuid(Totp::Id).primary_key())
        .col(uuid(Totp::UserId))
        .col(text(Totp::SealedSecret))
        .col(text(Totp::SecretName))
        .col(big_integer(Totp::LastStep))
        .col(integer(Totp::Failures))
        .col(big_integer(Totp::CredentialsVersion))
        .col(big_integer(Totp::CreatedAt))
        .col(big_integer_null(Totp::ExpiresAt))
        .col(big_integer_null(Totp::EnabledAt))
        .col(big_integer_null(Totp::RemovedAt));
    create(manager, table, (Totp::Table, Totp::UserId)).await?;
    for (name, column) in [
        ("idx_totps_user_id", Totp::UserId),
        // finds the secrets that are encrypted under a former `SECRET_KEY`
        ("idx_totps_secret_name", Totp::SecretName),
        // finds the rows that housekeeping deletes
        ("idx_totps_expires_at", Totp::ExpiresAt),
    ] {
        index(manager, name, Totp::Table, column).await?;
    }
    Ok(())
}

async fn create_recovery_codes(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table(RecoveryCode::Table)
        .if_not_exists()
        .col(text(RecoveryCode::Digest).primary_key())
        .col(uuid(RecoveryCode::UserId))
        .col(big_integer(RecoveryCode::CreatedAt))
        .col(big_integer_null(RecoveryCode::UsedAt))
        .col(big_integer_null(RecoveryCode::RemovedAt))
        .col(big_integer_null(RecoveryCode::ExpiresAt));
    create(manager, table, (RecoveryCode::Table, RecoveryCode::UserId)).await?;
    for (name, column) in [
        ("idx_recovery_codes_user_id", RecoveryCode::UserId),
        // finds the rows that housekeeping deletes
        ("idx_recovery_codes_expires_at", RecoveryCode::ExpiresAt),
    ] {
        index(manager, name, RecoveryCode::Table, column).await?;
    }
    Ok(())
}

async fn create_second_factor_challenges(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut table = Table::create();
    table
        .table(Challenge::Table)
        .if_not_exists()
        .col(uuid(Challenge::Id).primary_key())
        .col(uuid(Challenge::UserId))
        .col(big_integer(Challenge::CredentialsVersion))
        .col(text(Challenge::Methods))
        .col(text_null(Challenge::Identity))
        .col(text_null(Challenge::Charges))
        .col(integer(Challenge::Attempts))
        .col(big_integer(Challenge::CreatedAt))
        .col(big_integer(Challenge::ExpiresAt))
        .col(big_integer_null(Challenge::EndedAt));
    create(manager, table, (Challenge::Table, Challenge::UserId)).await?;
    for (name, column) in [
        // finds the rows of a deleted user
        ("idx_second_factor_challenges_user_id", Challenge::UserId),
        // finds the rows that housekeeping deletes
        ("idx_second_factor_challenges_expires_at", Challenge::ExpiresAt),
    ] {
        index(manager, name, Challenge::Table, column).await?;
    }
    Ok(())
}

/// Creates a table whose rows are deleted together with their user.
async fn create(
    manager: &SchemaManager<'_>,
    mut table: TableCreateStatement,
    (from, user_id): (impl IntoIden, impl IntoIden),
) -> Result<(), DbErr> {
    let mut owner = ForeignKey::create();
    owner.from(from, user_id).to(User::Table, User::Id).on_delete(ForeignKeyAction::Cascade);
    manager.create_table(table.foreign_key(&mut owner).to_owned()).await
}

async fn index(
    manager: &SchemaManager<'_>,
    name: &str,
    table: impl IntoIden,
    column: impl IntoIden,
) -> Result<(), DbErr> {
    let index = Index::create()
        .if_not_exists()
        .name(name)
        .table(table.into_iden())
        .col(column.into_iden())
        .to_owned();
    manager.create_index(index).await
}

#[derive(DeriveIden)]
struct SecondFactors;

#[derive(DeriveIden)]
enum Totp {
    #[sea_orm(iden = "totps")]
    Table,
    Id,
    UserId,
    SealedSecret,
    SecretName,
    LastStep,
    Failures,
    CredentialsVersion,
    CreatedAt,
    ExpiresAt,
    EnabledAt,
    RemovedAt,
}

#[derive(DeriveIden)]
enum RecoveryCode {
    #[sea_orm(iden = "recovery_codes")]
    Table,
    Digest,
    UserId,
    CreatedAt,
    UsedAt,
    RemovedAt,
    ExpiresAt,
}

#[derive(DeriveIden)]
enum Challenge {
    #[sea_orm(iden = "second_factor_challenges")]
    Table,
    Id,
    UserId,
    CredentialsVersion,
    Methods,
    Identity,
    Charges,
    Attempts,
    CreatedAt,
    ExpiresAt,
    EndedAt,
}
