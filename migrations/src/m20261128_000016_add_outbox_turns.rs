//! The asker of an email, and the email's turn among the waiting emails.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, integer_null, uuid_null},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [uuid_null(Outbox::Asker), integer_null(Outbox::Class), big_integer_null(Outbox::Turn)];
        for column in columns {
            let column = Table::alter().table(Outbox::Table).add_column(column).to_owned();
            manager.alter_table(column).await?;
        }
        let has_class = Expr::col(Outbox::Class).is_not_null();
        let has_turn = || Expr::col(Outbox::Turn).is_not_null();
        let is_unsorted = Expr::col(Outbox::Class).is_null().and(Expr::col(Outbox::DueAt).is_not_null());
        for (name, columns, of) in [
            // find the email whose turn it is, and the last turn of an asker
            ("idx_outbox_turn", vec![Outbox::Class, Outbox::Turn, Outbox::Id], has_class),
            ("idx_outbox_asker", vec![Outbox::Asker, Outbox::Class, Outbox::Turn], has_turn()),
            // find due emails without a turn, and emails that expire while they wait for their turn
            ("idx_outbox_unsorted", vec![Outbox::DueAt], is_unsorted),
            ("idx_outbox_expiry", vec![Outbox::ExpiresAt], has_turn()),
        ] {
            // each index covers exactly the rows of one statement, so that the planner has no other choice even with
            // outdated statistics
            let mut index = Index::create().name(name).table(Outbox::Table).and_where(of).to_owned();
            for column in columns {
                index.col(column);
            }
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

#[derive(DeriveIden)]
enum Outbox {
    Table,
    Id,
    Asker,
    Class,
    Turn,
    DueAt,
    ExpiresAt,
}
