//! The time at which the link of a challenge was confirmed for the client that requested it.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null(Challenge::ConfirmedAt);
        manager.alter_table(Table::alter().table(Challenge::Table).add_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Challenge {
    #[sea_orm(iden = "challenges")]
    Table,
    ConfirmedAt,
}
