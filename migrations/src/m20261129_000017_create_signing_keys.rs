//! RSA keys that sign access tokens. Each key is encrypted under a secret.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(SigningKey::Table)
            .col(text(SigningKey::SecretName).primary_key())
            .col(text(SigningKey::SealedKey))
            .col(big_integer(SigningKey::CreatedAt))
            .to_owned();
        manager.create_table(table).await
    }
}

#[derive(DeriveIden)]
enum SigningKey {
    #[sea_orm(iden = "signing_keys")]
    Table,
    SecretName,
    SealedKey,
    CreatedAt,
}
