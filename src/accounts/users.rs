//! All users, page by page.

use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    input::search_key,
    storage::{
        user,
        user_list::{self, End, Filter, Page},
    },
};

/// Users on a page unless it is said.
const DEFAULT_PAGE: i32 = 20;
/// The most users on a page.
const MAX_PAGE: i32 = 100;

/// Which page: the arguments of the Relay connection specification.
#[derive(Clone, Debug, Default)]
pub struct PageInput {
    /// So many from the beginning,
    pub first: Option<i32>,
    /// after this cursor.
    pub after: Option<String>,
    /// So many from the end,
    pub last: Option<i32>,
    /// before this cursor.
    pub before: Option<String>,
}

/// A page of users, the newest first.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// The users.
    pub users: Vec<user::Model>,
    /// Whether there are older ones.
    pub has_next_page: bool,
    /// Whether there are newer ones.
    pub has_previous_page: bool,
    /// What was filtered by.
    pub filter: Filter,
}

/// The arguments of a page are at fault, for this reason.
#[derive(Debug)]
pub struct InvalidPage(pub String);

impl Refusal for InvalidPage {}

/// A page of all users that the filter lets through. `filter.search` is as it was typed.
///
/// # Errors
/// Why not.
pub async fn users(
    app: &App,
    input: PageInput,
    mut filter: Filter,
) -> Result<UserPage, Failure<InvalidPage>> {
    let (size, from) = match (input.first, input.last) {
        (Some(_), Some(_)) => {
            return Err(InvalidPage("`first` and `last` exclude each other.".to_owned()).into());
        }
        (None, Some(last)) => (last, End::Last),
        (first, None) => (first.unwrap_or(DEFAULT_PAGE), End::First),
    };
    let size = usize::try_from(size)
        .ok()
        .filter(|_| size <= MAX_PAGE)
        .ok_or_else(|| InvalidPage(format!("A page has 0 to {MAX_PAGE} users.")))?;
    let cursor = |text: Option<String>| {
        let read = |text: String| app.tokens.read_cursor(&text);
        let unknown = || InvalidPage("This cursor is none of this server's.".to_owned());
        text.map(|text| read(text).ok_or_else(unknown)).transpose()
    };
    let (after, before) = (cursor(input.after)?, cursor(input.before)?);
    if let Some(search) = filter.search.as_mut() {
        *search = search_key(search).map_err(InvalidPage)?;
    }

    // one more than asked for tells whether there are more
    let most = size as u64 + 1;
    let page = Page { after, before, from, most };
    let mut users = user_list::list(app.db.read(), &filter, page).await?;
    let has_more = users.len() > size;
    users.truncate(size);
    // a cursor is that of a user who is there, or was when it was given out, which is as much as clients may count on
    let (has_next_page, has_previous_page) = match from {
        End::First => (has_more || before.is_some(), after.is_some()),
        End::Last => (before.is_some(), has_more || after.is_some()),
    };
    if from == End::Last {
        users.reverse();
    }
    Ok(UserPage { users, has_next_page, has_previous_page, filter })
}

/// How many users a filter lets through.
///
/// # Errors
/// [`Fault`] alone.
pub async fn count_users(app: &App, filter: &Filter) -> Result<u64, Fault> {
    Ok(user_list::count(app.db.read(), filter).await?)
}
