//! Changing what people say of themselves.

use super::new_account::is_reserved;
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    input::{FieldError, FieldErrorCode, Inputs, Invalid, Username, avatar_url, bio, person_name},
    rate_limit::{self, Action, Address},
    sessions::{Client, ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, user, user_changes},
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
pub enum UpdateProfileRefusal {
    /// These fields are at fault.
    InvalidInput(Vec<FieldError>),
    /// Somebody has this username, or it is reserved.
    UsernameTaken,
    /// The username would change, and the viewer has not proven recently enough who they are.
    ReauthenticationRequired,
}

impl Refusal for UpdateProfileRefusal {}

impl From<ReauthenticationRequired> for UpdateProfileRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Changes the profile, and returns the user as they are now. Another username, with which the person signs in, needs a recent
/// proof.
///
/// # Errors
/// [`UpdateProfileRefusal::InvalidInput`] with every field at fault.
pub async fn update_profile(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: UpdateProfileInput,
) -> Result<user::Model, Failure<UpdateProfileRefusal>> {
    let user = &viewer.user;
    let changes = Changes::parse(input).map_err(UpdateProfileRefusal::InvalidInput)?;
    if changes.username_of(user) != user.username.as_deref() {
        step_up(app, viewer)?;
    }
    match changes.claimed_username(user) {
        Some(username) => {
            charge_claim(app, client, user).await?;
            if is_reserved(app, username) {
                return Err(UpdateProfileRefusal::UsernameTaken.into());
            }
        }
        None => drop(rate_limit::charge(app, Action::Write(user.id)).await?),
    }

    let (id, now) = (user.id, Timestamp(app.clock.now()));
    let updated = app
        .db
        .write(async move |txn| {
            // the rules concern the row as a whole, which others may be changing
            let Some(mut row) = user::lock(&txn, &[id]).await?.pop() else { return Ok(None) };
            changes.apply(&mut row);
            row.updated_at = now;
            if row.username.is_none() && row.email.is_none() {
                return Ok(Some(Err(nameless())));
            }
            user_changes::update_profile(&txn, row.clone()).await?;
            Ok(Some(Ok(row)))
        })
        .await;
    match updated {
        Ok(Some(row)) => Ok(row.map_err(|wrong| UpdateProfileRefusal::InvalidInput(vec![wrong]))?),
        Ok(None) => Err(Fault::internal("the viewer has no row").into()),
        Err(Fault::Conflict(_)) => Err(UpdateProfileRefusal::UsernameTaken.into()),
        Err(fault) => Err(fault.into()),
    }
}

/// Charges a claim of a username, which tells whether it is free, as `usernameAvailable` does.
///
/// The budget that refuses is the account's: neighbours behind one address, who can use up the address's, must not keep a
/// signed-in person from a new name, and accounts to ask with are themselves rationed by address, as sign-ups. The claim still
/// counts as a question of the address, so that a client with an account asks no more of both fields than others of one.
async fn charge_claim(app: &App, client: &Client, user: &user::Model) -> Result<(), Fault> {
    rate_limit::charge_all(app, &[Action::Write(user.id), Action::UsernameClaim(user.id)]).await?;
    if let Some(address) = Address::rationed(app, client.ip_address) {
        match rate_limit::charge(app, Action::UsernameCheck(&address)).await {
            Ok(_) | Err(Fault::RateLimited { .. }) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

fn nameless() -> FieldError {
    let message = "Without an email address, the username is what you sign in with.";
    Invalid::new(FieldErrorCode::Required, message).at("username")
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
        let changes = Self {
            name: check(&mut inputs, "name", input.name, person_name),
            first_name: check(&mut inputs, "firstName", input.first_name, person_name),
            last_name: check(&mut inputs, "lastName", input.last_name, person_name),
            bio: check(&mut inputs, "bio", input.bio, bio),
            avatar_url: check(&mut inputs, "avatarUrl", input.avatar_url, avatar_url),
            username: check(&mut inputs, "username", input.username, Username::parse_optional),
        };
        inputs.finish()?;
        Ok(changes)
    }

    /// The username as it will be.
    fn username_of<'c>(&'c self, user: &'c user::Model) -> Option<&'c str> {
        match &self.username {
            Change::Keep => user.username.as_deref(),
            Change::Clear => None,
            Change::Set(username) => Some(username.as_str()),
        }
    }

    /// The username to be, if it is another than the user's.
    fn claimed_username(&self, user: &user::Model) -> Option<&Username> {
        match &self.username {
            Change::Set(username) if user.username_key != Some(username.key()) => Some(username),
            _ => None,
        }
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
    parse: impl Fn(&str) -> Result<Option<T>, Invalid>,
) -> Change<T> {
    match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(text) => inputs.check(field, parse(&text)).flatten().map_or(Change::Clear, Change::Set),
    }
}
