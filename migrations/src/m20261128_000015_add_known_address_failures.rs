//! The number of failed sign-ins from a known address since the last successful one.

use sea_orm_migration::{prelude::*, schema::integer};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // the default is for servers of the previous version, which do not know this column
        let failures = integer(KnownAddress::Failures).default(0).to_owned();
        let table = Table::alter().table(KnownAddress::Table).add_column(failures).to_owned();
        manager.alter_table(table).await
    }
}

#[derive(DeriveIden)]
enum KnownAddress {
    #[sea_orm(iden = "known_addresses")]
    Table,
    Failures,
}
