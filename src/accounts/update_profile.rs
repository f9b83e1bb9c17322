//! Changing what people say of themselves.

use crate::{
    app::App,
    fault::Fault,
    input::{FieldError, FieldErrorCode, Inputs, Username, Wrong, avatar_url, bio, person_name},
    rate_limit::{self, Action},
    storage::{Timestamp, user},
};

/// What to do with a part of the profile.
#[derive(Clone, Debug, Default)]
pub enum Change<T> {
    /// Leave it as it is.
    #[default]
    Keep,
    /// Have none.
    Clear,
    /// Have this.
    Set(T),
}

impl<T> Change<T> {
    fn apply(self, part: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *part = None,
            Self::Set(value) => *part = Some(value),
        }
    }
}

/// Changes to a profile.
#[derive(Clone, Debug, Default)]
pub struct UpdateProfileInput {
    /// The full name.
    pub name: Change<String>,
    /// The given name.
    pub first_name: Change<String>,
    /// The family name.
    pub last_name: Change<String>,
    /// What the person says of themselves.
    pub bio: Change<String>,
    /// A picture.
    pub avatar_url: Change<String>,
    /// The name to sign in with.
    pub username: Change<String>,
}

/// Why a profile stays as it was.
#[derive(Debug)]
pub enum UpdateProfileError {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Somebody has this username.
    UsernameTaken,
    /// Nothing was decided.
    Fault(Fault),
}

impl<F: Into<Fault>> From<F> for UpdateProfileError {
    fn from(fault: F) -> Self {
        Self::Fault(fault.into())
    }
}

/// Changes the profile, and gives the user as they are now.
///
/// # Errors
/// Why not.
pub async fn update_profile(
    app: &App,
    user: &user::Model,
    input: UpdateProfileInput,
) -> Result<user::Model, UpdateProfileError> {
    let changes = Changes::parse(input).map_err(UpdateProfileError::InvalidInput)?;
    rate_limit::charge(app, Action::Write(user.id)).await?;

    let (id, now) = (user.id, Timestamp(app.clock.now()));
    let updated = app
        .db
        .write(async move |txn| {
            // the rules concern the row as a whole, which others may be changing
            let Some(mut row) = user::lock(&txn, &[id]).await?.pop() else { return Ok(None) };
            changes.apply(&mut row);
            row.updated_at = now;
            if row.username.is_some() || row.email.is_some() {
                user::update_profile(&txn, row.clone()).await?;
            }
            Ok(Some(row))
        })
        .await;
    match updated {
        Ok(Some(row)) if row.username.is_none() && row.email.is_none() => {
            let message = "Without an email address, the username is what you sign in with.";
            let wrong = Wrong::new(FieldErrorCode::Required, message);
            Err(UpdateProfileError::InvalidInput(vec![wrong.at("username")]))
        }
        Ok(Some(row)) => Ok(row),
        Ok(None) => Err(Fault::internal("the viewer has no row").into()),
        Err(Fault::Conflict(_)) => Err(UpdateProfileError::UsernameTaken),
        Err(fault) => Err(fault.into()),
    }
}

/// The changes, once they are known to be right.
struct Changes {
    name: Change<String>,
    first_name: Change<String>,
    last_name: Change<String>,
    bio: Change<String>,
    avatar_url: Change<String>,
    username: Change<Username>,
}

impl Changes {
    fn parse(input: UpdateProfileInput) -> Result<Self, Vec<FieldError>> {
        let mut inputs = Inputs::default();
        let username = |text: &str| Username::parse(text).map(Some);
        let changes = Self {
            name: check(&mut inputs, "name", input.name, person_name),
            first_name: check(&mut inputs, "firstName", input.first_name, person_name),
            last_name: check(&mut inputs, "lastName", input.last_name, person_name),
            bio: check(&mut inputs, "bio", input.bio, bio),
            avatar_url: check(&mut inputs, "avatarUrl", input.avatar_url, avatar_url),
            username: check(&mut inputs, "username", input.username, username),
        };
        inputs.finish()?;
        Ok(changes)
    }

    fn apply(self, row: &mut user::Model) {
        self.name.apply(&mut row.name);
        self.first_name.apply(&mut row.first_name);
        self.last_name.apply(&mut row.last_name);
        self.bio.apply(&mut row.bio);
        self.avatar_url.apply(&mut row.avatar_url);
        let (key, username) = match self.username {
            Change::Keep => return,
            Change::Clear => (None, None),
            Change::Set(username) => (Some(username.key()), Some(username.as_str().to_owned())),
        };
        (row.username_key, row.username) = (key, username);
    }
}

/// What is blank is cleared.
fn check<T>(
    inputs: &mut Inputs,
    field: &'static str,
    change: Change<String>,
    parse: impl Fn(&str) -> Result<Option<T>, Wrong>,
) -> Change<T> {
    match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(text) => inputs.check(field, parse(&text)).flatten().map_or(Change::Clear, Change::Set),
    }
}
