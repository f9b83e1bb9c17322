//! Rate limits: the budgets that have been charged.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, uuid},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(RateLimit::Table)
            .col(uuid(RateLimit::Key).primary_key())
            .col(big_integer(RateLimit::IdleAt))
            .col(big_integer(RateLimit::WindowMs))
            .to_owned();
        manager.create_table(table).await?;

        // finds the rows that housekeeping deletes
        let by_idleness = Index::create()
            .name("idx_rate_limits_idle_at")
            .table(RateLimit::Table)
            .col(RateLimit::IdleAt)
            .to_owned();
        manager.create_index(by_idleness).await
    }
}

#[derive(DeriveIden)]
enum RateLimit {
    #[sea_orm(iden = "rate_limits")]
    Table,
    Key,
    IdleAt,
    WindowMs,
}
