//! The time and methods of a session's last authentication.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
    sea_orm::prelude::Uuid,
};

use crate::online::{BATCH, add_columns, begin, commit};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // with defaults, so that a server of the previous version can still open sessions; those sessions never
        // count as recently authenticated
        let columns = [
            big_integer(Session::AuthenticatedAt).default(0).to_owned(),
            text(Session::Methods).default("").to_owned(),
        ];
        add_columns(manager, "sessions", columns).await?;
        fill(manager).await
    }
}

/// Sets the time of the last authentication of existing sessions to the time of their sign-in.
async fn fill(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let mut after = Uuid::nil();
    loop {
        let txn = begin(manager).await?;
        let is_next = || Expr::col(Session::Id).gt(after);
        let mut ids = Query::select();
        ids.column(Session::Id).from(Session::Table).and_where(is_next());
        let ids = txn.query_all(ids.order_by(Session::Id, Order::Asc).limit(BATCH)).await?;
        let Some(last) = ids.last() else { return txn.commit().await };
        let last: Uuid = last.try_get("", "id")?;
        let mut signed_in = Query::update();
        signed_in
            .table(Session::Table)
            .value(Session::AuthenticatedAt, Expr::col(Session::CreatedAt))
            .and_where(is_next())
            .and_where(Expr::col(Session::Id).lte(last))
            .and_where(Expr::col(Session::AuthenticatedAt).eq(0));
        txn.execute(&signed_in).await?;
        commit(txn).await?;
        after = last;
    }
}

#[derive(DeriveIden)]
enum Session {
    #[sea_orm(iden = "sessions")]
    Table,
    Id,
    CreatedAt,
    AuthenticatedAt,
    Methods,
}
