//! Listing users page by page.

use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    input::search_key,
    storage::{
        user,
        user_list::{self, End, Filter, Page},
    },
};

/// The default number of users on a page.
pub const DEFAULT_PAGE: i32 = 20;
/// The maximum number of users on a page.
const MAX_PAGE: i32 = 100;

/// The arguments of a page, as defined by the Relay connection specification.
#[derive(Clone, Debug, Default)]
pub struct PageInput {
    /// The number of users to take from the beginning. Ignored if `last` is given.
    pub first: Option<i32>,
    /// The cursor after which the page begins.
    pub after: Option<String>,
    /// The number of users to take from the end.
    pub last: Option<i32>,
    /// The cursor before which the page ends.
    pub before: Option<String>,
}

/// A page of users, newest first.
#[derive(Clone, Debug)]
pub struct UserPage {
    /// The users.
    pub users: Vec<user::Model>,
    /// Whether older users follow the page.
    pub has_next_page: bool,
    /// Whether newer users precede the page.
    pub has_previous_page: bool,
    /// The filter of the list.
    pub filter: Filter,
}

/// The reason why the arguments of a page are invalid.
#[derive(Debug)]
pub struct InvalidPage(pub String);

impl Refusal for InvalidPage {}

/// Returns a page of the users that match the filter. `filter.search` is the search text as the viewer typed it.
pub async fn users(
    app: &App,
    input: PageInput,
    mut filter: Filter,
) -> Result<UserPage, Failure<InvalidPage>> {
    let (requested, from) = match input.last {
        Some(last) => (last, End::Last),
        // the schema has the same default, but clients may send an explicit null
        None => (input.first.unwrap_or(DEFAULT_PAGE), End::First),
    };
    let size = usize::try_from(requested)
        .ok()
        .filter(|_| requested <= MAX_PAGE)
        .ok_or_else(|| InvalidPage(format!("A page can have 0 to {MAX_PAGE} users.")))?;
    let cursor = |text: Option<String>| {
        let read = |text: String| app.tokens.read_cursor(&text);
        let unknown = || InvalidPage("This server has not issued this cursor.".to_owned());
        text.map(|text| read(text).ok_or_else(unknown)).transpose()
    };
    let (after, before) = (cursor(input.after)?, cursor(input.before)?);
    if let Some(search) = filter.search.as_mut() {
        *search = search_key(search).map_err(InvalidPage)?;
    }

    // one more user than requested is read, to find out whether there are more users
    let most = size as u64 + 1;
    let page = Page { after, before, from, most };
    let mut users = user_list::list(app.db.read(), &filter, page).await?;
    let has_more = users.len() > size;
    users.truncate(size);
    // the user that the cursor points to existed when the cursor was issued, so there is a page on the other side of
    // the cursor
    let (has_next_page, has_previous_page) = match from {
        End::First => (has_more || before.is_some(), after.is_some()),
        End::Last => (before.is_some(), has_more || after.is_some()),
    };
    if from == End::Last {
        users.reverse();
    }
    Ok(UserPage { users, has_next_page, has_previous_page, filter })
}

/// Returns the number of users that match the filter.
pub async fn count_users(app: &App, filter: &Filter) -> Result<u64, Fault> {
    Ok(user_list::count(app.db.read(), filter).await?)
}
