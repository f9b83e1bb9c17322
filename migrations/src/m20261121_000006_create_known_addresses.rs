//! Known addresses: the addresses from which users have signed in before.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, uuid},
};

use crate::m20261121_000001_create_users::User;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(KnownAddress::Table)
            .col(uuid(KnownAddress::UserId))
            .col(text(KnownAddress::Address))
            .col(big_integer(KnownAddress::LastUsedAt))
            .primary_key(Index::create().col(KnownAddress::UserId).col(KnownAddress::Address))
            .foreign_key(
                ForeignKey::create()
                    .from(KnownAddress::Table, KnownAddress::UserId)
                    .to(User::Table, User::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await?;

        // finds the rows that housekeeping deletes
        let by_use = Index::create()
            .name("idx_known_addresses_last_used_at")
            .table(KnownAddress::Table)
            .col(KnownAddress::LastUsedAt)
            .to_owned();
        manager.create_index(by_use).await
    }
}

#[derive(DeriveIden)]
enum KnownAddress {
    #[sea_orm(iden = "known_addresses")]
    Table,
    UserId,
    Address,
    LastUsedAt,
}
