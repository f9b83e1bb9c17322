//! Statements that change cached rows and tell the viewer cache which rows they change.
//!
//! `user::Entity` and `session::Entity` build their updates and deletions here. Their own `update_by_id`, `update_many`
//! and `delete_many` take precedence over those of sea-orm's `EntityTrait`, which would not update the cache. The raw
//! SQL of `session_begin` and `session_rotation` announces its own changes. `tests/api/viewer_changes.rs` runs all of
//! these statements.

use sea_orm::{
    ActiveModelTrait, DbErr, DeleteMany, DeleteResult, EntityTrait, IdenStatic, Iterable, QueryFilter,
    UpdateMany, UpdateResult,
    prelude::{ColumnTrait, Uuid},
    sea_query::Expr,
};

use super::{Publish, Viewers};

/// A table whose rows the viewer cache holds by ID.
pub(super) trait CachedTable: EntityTrait {
    /// The column of the ID.
    const ID: Self::Column;

    /// Returns the ID of a row.
    fn id(row: &Self::Model) -> Uuid;

    /// Names the rows with these IDs for the viewer cache.
    fn viewers(ids: &[Uuid]) -> Viewers<'_>;
}

/// A statement that changes the row with this ID, if the row exists and matches the filters.
pub(super) struct ChangeOne<S> {
    statement: S,
    id: Uuid,
}

/// A statement that changes rows whose IDs are known only once it has run.
pub(super) struct ChangeMany<S>(S);

/// Lists the columns of `table`, an alias of the table of `E`, and puts `prefix` before each name.
pub(super) fn columns<E: EntityTrait>(table: &str, prefix: &str) -> String {
    let names = E::Column::iter().map(|column| column.as_str().to_owned());
    names.map(|name| format!(r#""{table}"."{name}" AS "{prefix}{name}""#)).collect::<Vec<_>>().join(", ")
}

impl<E: CachedTable> ChangeOne<UpdateMany<E>> {
    pub(super) fn update(id: Uuid) -> Self {
        Self { statement: E::update_many().filter(E::ID.eq(id)), id }
    }

    pub(super) fn set(self, row: impl ActiveModelTrait<Entity = E>) -> Self {
        Self { statement: self.statement.set(row), ..self }
    }

    pub(super) fn col_expr(self, column: E::Column, value: Expr) -> Self {
        Self { statement: self.statement.col_expr(column, value), ..self }
    }

    pub(super) async fn exec(self, on: &impl Publish) -> Result<UpdateResult, DbErr> {
        on.will_change(E::viewers(&[self.id]));
        self.statement.exec(on).await
    }

    /// Returns the changed row, or `None` if no row matched.
    pub(super) async fn exec_with_returning(self, on: &impl Publish) -> Result<Option<E::Model>, DbErr> {
        on.will_change(E::viewers(&[self.id]));
        let changed = self.statement.exec_with_returning(on).await?;
        Ok(changed.into_iter().next())
    }
}

impl<E: CachedTable> ChangeMany<UpdateMany<E>> {
    pub(super) fn update() -> Self {
        Self(E::update_many())
    }

    pub(super) fn col_expr(self, column: E::Column, value: Expr) -> Self {
        Self(self.0.col_expr(column, value))
    }

    /// Returns the changed rows.
    pub(super) async fn exec_with_returning(self, on: &impl Publish) -> Result<Vec<E::Model>, DbErr> {
        // announced first, because if the statement fails or its future is dropped, nothing names the rows it may have
        // changed
        on.will_change(Viewers::Unknown);
        let changed = self.0.exec_with_returning(on).await?;
        on.has_changed(E::viewers(&changed.iter().map(E::id).collect::<Vec<_>>()));
        Ok(changed)
    }
}

impl<E: CachedTable> ChangeMany<DeleteMany<E>> {
    pub(super) fn delete() -> Self {
        Self(E::delete_many())
    }

    /// Deletes dead rows. They may stay in the cache, because no request accepts them.
    pub(super) async fn exec_on_dead(self, on: &impl Publish) -> Result<DeleteResult, DbErr> {
        self.0.exec(on).await
    }
}

impl<S: QueryFilter> QueryFilter for ChangeOne<S> {
    type QueryStatement = S::QueryStatement;

    fn query(&mut self) -> &mut Self::QueryStatement {
        self.statement.query()
    }
}

impl<S: QueryFilter> QueryFilter for ChangeMany<S> {
    type QueryStatement = S::QueryStatement;

    fn query(&mut self) -> &mut Self::QueryStatement {
        self.0.query()
    }
}
