//! The series to which a challenge belongs, the session that requested it, and a separate ID for its link.

use sea_orm_migration::{prelude::*, schema::uuid_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [Challenge::SeriesId, Challenge::LinkId, Challenge::SessionId] {
            let column = Table::alter().table(Challenge::Table).add_column(uuid_null(column)).to_owned();
            manager.alter_table(column).await?;
        }
        let mut alone = Query::update();
        alone.table(Challenge::Table).value(Challenge::SeriesId, Expr::col(Challenge::Id));
        manager.get_connection().execute(&alone).await?;
        for (name, column) in
            [("idx_challenges_series_id", Challenge::SeriesId), ("idx_challenges_link_id", Challenge::LinkId)]
        {
            let index = Index::create().name(name).table(Challenge::Table).col(column).to_owned();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Challenge {
    #[sea_orm(iden = "challenges")]
    Table,
    Id,
    SeriesId,
    LinkId,
    SessionId,
}
