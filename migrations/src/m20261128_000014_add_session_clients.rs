//! The client that last refreshed a session, and the session's void tokens.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // with defaults, because an older server inserts rows without these columns
        let columns = [
            big_integer_null(Session::ClientHash),
            big_integer(Session::ClientCounter).default(0).to_owned(),
            big_integer(Session::VoidedFrom).default(0).to_owned(),
            big_integer(Session::VoidedTo).default(0).to_owned(),
        ];
        for column in columns {
            let table = Table::alter().table(Session::Table).add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Session {
    #[sea_orm(iden = "sessions")]
    Table,
    ClientHash,
    ClientCounter,
    VoidedFrom,
    VoidedTo,
}
