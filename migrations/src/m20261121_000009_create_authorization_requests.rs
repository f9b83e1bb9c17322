//! Google sign-ins that were started in a browser and are not finished yet.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(AuthorizationRequest::Table)
            .col(text(AuthorizationRequest::StateHash).primary_key())
            .col(text(AuthorizationRequest::CodeChallenge))
            .col(text(AuthorizationRequest::RedirectUri))
            .col(big_integer(AuthorizationRequest::ExpiresAt))
            .to_owned();
        manager.create_table(table).await?;

        // finds the rows that housekeeping deletes
        let by_expiry = Index::create()
            .name("idx_authorization_requests_expires_at")
            .table(AuthorizationRequest::Table)
            .col(AuthorizationRequest::ExpiresAt)
            .to_owned();
        manager.create_index(by_expiry).await
    }
}

#[derive(DeriveIden)]
enum AuthorizationRequest {
    #[sea_orm(iden = "authorization_requests")]
    Table,
    StateHash,
    CodeChallenge,
    RedirectUri,
    ExpiresAt,
}
