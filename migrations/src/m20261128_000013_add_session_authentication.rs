//! The time and methods of a session's last authentication.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // defaults, so that a server of the previous version can still open sessions; these never count as recently authenticated
        let columns = [
            big_integer(Session::AuthenticatedAt).default(0).to_owned(),
            text(Session::Methods).default("").to_owned(),
        ];
        for column in columns {
            let column = Table::alter().table(Session::Table).add_column(column).to_owned();
            manager.alter_table(column).await?;
        }
        let mut signed_in = Query::update();
        signed_in.table(Session::Table).value(Session::AuthenticatedAt, Expr::col(Session::CreatedAt));
        manager.get_connection().execute(&signed_in).await.map(drop)
    }
}

#[derive(DeriveIden)]
enum Session {
    #[sea_orm(iden = "sessions")]
    Table,
    CreatedAt,
    AuthenticatedAt,
    Methods,
}
