//! The sign-in provider of identities and of sign-ins in progress, and the person's name, if the provider sends it to
//! the server.

use sea_orm_migration::{
    prelude::*,
    schema::{string_len, text_null},
};

use crate::online::add_columns;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(false)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // older servers know only Google
        let provider = || string_len(Provider, 30).default("google").to_owned();
        add_columns(manager, "identities", [provider()]).await?;
        let names = (text_null(GivenName), text_null(FamilyName));
        add_columns(manager, "authorization_requests", [provider(), names.0, names.1]).await
    }
}

#[derive(DeriveIden)]
struct Provider;

#[derive(DeriveIden)]
struct GivenName;

#[derive(DeriveIden)]
struct FamilyName;
