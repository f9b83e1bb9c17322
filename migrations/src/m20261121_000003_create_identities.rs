//! Identities: accounts at sign-in providers with which users sign in.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null, uuid},
};

use crate::m20261121_000001_create_users::User;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table(Identity::Table)
            .col(uuid(Identity::Id).primary_key())
            .col(uuid(Identity::UserId))
            .col(text(Identity::Issuer))
            .col(text(Identity::Subject))
            .col(text_null(Identity::Email))
            .col(big_integer(Identity::LinkedAt))
            .foreign_key(
                ForeignKey::create()
                    .from(Identity::Table, Identity::UserId)
                    .to(User::Table, User::Id)
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await?;

        // (`iss`, `sub`) identifies a provider's account (OpenID Connect Core 1.0 §5.7)
        let by_subject = Index::create()
            .name("idx_identities_issuer_subject")
            .table(Identity::Table)
            .col(Identity::Issuer)
            .col(Identity::Subject)
            .unique()
            .to_owned();
        manager.create_index(by_subject).await?;

        let of_user = Index::create()
            .name("idx_identities_user_id")
            .table(Identity::Table)
            .col(Identity::UserId)
            .to_owned();
        manager.create_index(of_user).await
    }
}

#[derive(DeriveIden)]
enum Identity {
    #[sea_orm(iden = "identities")]
    Table,
    Id,
    UserId,
    Issuer,
    Subject,
    Email,
    LinkedAt,
}
