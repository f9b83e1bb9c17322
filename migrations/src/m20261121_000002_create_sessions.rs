//! Sessions. A session keeps its row when it is refreshed.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, text_null, uuid},
};

use crate::m20261121_000001_create_users::User;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Session::Table)
            .col(uuid(Session::Id).primary_key())
            .col(uuid(Session::UserId))
            .col(big_integer(Session::Counter))
            .col(big_integer(Session::SeenCounter))
            .col(big_integer(Session::CreatedAt))
            .col(big_integer(Session::LastUsedAt))
            .col(big_integer(Session::ExpiresAt))
            .col(big_integer(Session::MaxExpiresAt))
            .col(big_integer_null(Session::EndedAt))
            .col(text_null(Session::UserAgent))
            .col(text_null(Session::IpAddress))
            .foreign_key(
                ForeignKey::create()
                    .from(Session::Table, Session::UserId)
                    .to(User::Table, User::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await?;

        // finds a user's live sessions; ending a session also sets its expiry, so ended sessions are skipped, no matter
        // how many there are
        let of_user = Index::create()
            .name("idx_sessions_user_id_expires_at")
            .table(Session::Table)
            .col(Session::UserId)
            .col(Session::ExpiresAt)
            .to_owned();
        manager.create_index(of_user).await?;

        // finds the rows that housekeeping deletes
        let by_expiry = Index::create()
            .name("idx_sessions_expires_at")
            .table(Session::Table)
            .col(Session::ExpiresAt)
            .to_owned();
        manager.create_index(by_expiry).await
    }
}

#[derive(DeriveIden)]
enum Session {
    #[sea_orm(iden = "sessions")]
    Table,
    Id,
    UserId,
    Counter,
    SeenCounter,
    CreatedAt,
    LastUsedAt,
    ExpiresAt,
    MaxExpiresAt,
    EndedAt,
    UserAgent,
    IpAddress,
}
