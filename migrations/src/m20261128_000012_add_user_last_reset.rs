//! The time of a user's last password reset.

use sea_orm_migration::{prelude::*, schema::big_integer_null};

use crate::m20261121_000001_create_users::User;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let column = big_integer_null(Column::LastResetAt);
        manager.alter_table(Table::alter().table(User::Table).add_column(column).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum Column {
    LastResetAt,
}
