//! The table of RSA keys that sign access tokens. Each key is encrypted under a secret.

use sea_orm::{IntoActiveModel, QueryFilter, entity::prelude::*, sea_query::OnConflict};

use super::Timestamp;

/// A row of `signing_keys`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "signing_keys")]
pub struct Model {
    /// The name of the secret. Only a holder of the secret can compute this name.
    #[sea_orm(primary_key, auto_increment = false)]
    pub secret_name: String,
    /// The private key, encrypted under the secret.
    pub sealed_key: String,
    /// When the key was created.
    pub created_at: Timestamp,
}

impl ActiveModelBehavior for ActiveModel {}

/// Relations to other tables. There are none.
#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

/// Lists the keys that are encrypted under these secrets.
pub async fn list(on: &impl ConnectionTrait, secret_names: &[String]) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::SecretName.is_in(secret_names)).all(on).await
}

/// Inserts a key, unless its secret already has one. If several servers start at the same time, the key of the first
/// one wins.
pub async fn insert_first(on: &impl ConnectionTrait, key: Model) -> Result<(), DbErr> {
    let first = OnConflict::column(Column::SecretName).do_nothing().to_owned();
    Entity::insert(key.into_active_model()).on_conflict(first).exec_without_returning(on).await?;
    Ok(())
}
