//! Lists of users, newest first, with pages, filters and search.
//!
//! Whatever the filter, a page costs the same with a thousand users as with a million. One index lists the users of
//! each combination of role, activity and verified address, newest first. For each combination that the filter allows,
//! a page is read from this index, and the pages are merged. A search reads one index for each kind of name, and its
//! cost grows with the number of matches.

use sea_orm::{
    ConnectionTrait, DbErr, ExprTrait, FromQueryResult, Iterable, Order,
    entity::prelude::*,
    sea_query::{Alias, Asterisk, Expr, IntoColumnRef, Query, SelectStatement, UnionType},
};

use super::user::{Column, Entity, Model, Role};

/// A filter for users. Users must meet every condition that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The beginning of a name or address, normalized in the same way as the columns that are searched.
    pub search: Option<String>,
    /// The role.
    pub role: Option<Role>,
    /// Whether the users may sign in.
    pub is_active: Option<bool>,
    /// Whether their address is verified.
    pub email_verified: Option<bool>,
}

/// Describes a page: a part of a list.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// If set, the page contains only users after this one in the list.
    pub after: Option<Uuid>,
    /// If set, the page contains only users before this one in the list.
    pub before: Option<Uuid>,
    /// The end of the list from which users are taken.
    pub from: End,
    /// The maximum number of users.
    pub most: u64,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The beginning: the newest users.
    First,
    /// The end: the oldest users.
    Last,
}

const FOUND: &str = "found";
const COUNT: &str = "count";

/// Lists the users of a page. `page.from` determines whether the newest or the oldest user comes first.
pub async fn list(on: &impl ConnectionTrait, filter: &Filter, page: Page) -> Result<Vec<Model>, DbErr> {
    let mut people = Query::select();
    if let Some(union) = filter.union(Some(page)) {
        // the page is cut from the IDs, because a query plan might otherwise read all users; the IDs are grouped,
        // because a user may match in several ways
        let mut ids = Query::select().column(Column::Id).from_subquery(union, FOUND).to_owned();
        ids.group_by_col(Column::Id);
        page.cut(&mut ids, Column::Id);
        let same = Expr::col((Entity, Column::Id)).equals((FOUND, Column::Id));
        people.from_subquery(ids, FOUND).inner_join(Entity, same);
    } else {
        page.bound(people.from(Entity));
    }
    people.columns(Column::iter().map(|column| (Entity, column)));
    page.cut(&mut people, (Entity, Column::Id));
    on.query_all(&people).await?.iter().map(|row| Model::from_query_result(row, "")).collect()
}

/// Counts the users that match. The cost grows with their number.
pub async fn count(on: &impl ConnectionTrait, filter: &Filter) -> Result<u64, DbErr> {
    let mut people = Query::select();
    if let Some(union) = filter.union(None) {
        people.expr_as(Expr::col(Column::Id).count_distinct(), COUNT).from_subquery(union, FOUND);
    } else {
        filter.apply(people.expr_as(Expr::col(Asterisk).count(), COUNT).from(Entity));
    }
    let row = on.query_one(&people).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get("", COUNT))?;
    Ok(u64::try_from(count).unwrap_or_default())
}

impl Filter {
    /// Returns the query for the IDs of a page of matches, or of all matches if `page` is `None`. An ID occurs once for
    /// each way in which its user matches. Returns `None` if the table can be read directly, in the order of its IDs.
    fn union(&self, page: Option<Page>) -> Option<SelectStatement> {
        let branches = match (&self.search, page) {
            (Some(search), page) => self.matching(search, page),
            (None, Some(page)) if *self != Self::default() => self.combinations(page),
            (None, _) => return None,
        };
        branches.into_iter().reduce(|mut all, branch| all.union(UnionType::All, branch).to_owned())
    }

    /// Builds a query for each key that may begin with `search`. Each query reads a range of an index, so no character
    /// acts as a wildcard.
    fn matching(&self, search: &str, page: Option<Page>) -> Vec<SelectStatement> {
        let last = format!("{search}{}", char::MAX);
        let keys = [
            Column::EmailKey,
            Column::UsernameKey,
            Column::NameKey,
            Column::FirstNameKey,
            Column::LastNameKey,
        ];
        let branch = |key| {
            let mut branch = Query::select().column((Entity, Column::Id)).from(Entity).to_owned();
            branch.and_where(Expr::col((Entity, key)).between(search, last.as_str()));
            self.apply(&mut branch);
            if let Some(page) = page {
                page.bound(&mut branch);
            }
            branch
        };
        keys.into_iter().map(branch).collect()
    }

    /// Builds one page query for each combination of role, activity and verified address that the filter allows.
    fn combinations(&self, page: Page) -> Vec<SelectStatement> {
        let roles = self.role.map_or_else(|| Role::iter().collect(), |role| vec![role]);
        let either = |given: Option<bool>| given.map_or_else(|| vec![true, false], |given| vec![given]);
        let mut branches = Vec::new();
        for role in roles {
            for is_active in either(self.is_active) {
                for email_verified in either(self.email_verified) {
                    let combination = Self {
                        search: None,
                        role: Some(role),
                        is_active: Some(is_active),
                        email_verified: Some(email_verified),
                    };
                    let mut branch = Query::select().column((Entity, Column::Id)).from(Entity).to_owned();
                    combination.apply(&mut branch);
                    page.bound(&mut branch);
                    page.cut(&mut branch, (Entity, Column::Id));
                    // on SQLite a member of a union cannot be ordered, but a subquery in it can
                    let alias = Alias::new("combination");
                    branches.push(Query::select().column(Column::Id).from_subquery(branch, alias).to_owned());
                }
            }
        }
        branches
    }

    fn apply(&self, people: &mut SelectStatement) {
        let column = |column| Expr::col((Entity, column));
        if let Some(role) = self.role {
            people.and_where(column(Column::Role).eq(role));
        }
        if let Some(is_active) = self.is_active {
            people.and_where(column(Column::IsActive).eq(is_active));
        }
        if let Some(email_verified) = self.email_verified {
            let at = column(Column::EmailVerifiedAt);
            people.and_where(if email_verified { at.is_not_null() } else { at.is_null() });
        }
    }
}

impl Page {
    /// Keeps only the users between the cursors.
    fn bound(&self, people: &mut SelectStatement) {
        let id = || Expr::col((Entity, Column::Id));
        if let Some(after) = self.after {
            people.and_where(id().lt(after));
        }
        if let Some(before) = self.before {
            people.and_where(id().gt(before));
        }
    }

    /// Takes at most `most` users from the end of the list that `from` names.
    fn cut(&self, people: &mut SelectStatement, id: impl IntoColumnRef) {
        let order = if self.from == End::First { Order::Desc } else { Order::Asc };
        people.order_by(id, order).limit(self.most);
    }
}
