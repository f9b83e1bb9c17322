//! Updating one's profile.

use super::names::{is_username_taken, username_taken};
use crate::{
    app::App,
    fault::{Failure, Fault, Refusal},
    input::{FieldError, FieldErrorCode, Inputs, Invalid, Username, avatar_url, bio, person_name},
    rate_limit::{self, Action, Address},
    sessions::{Client, ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, user, user_changes},
};

/// A change to one part of a profile.
#[derive(Clone, Debug, Default)]
pub enum Change<T> {
    /// Keep the current value.
    #[default]
    Keep,
    /// Remove the value.
    Clear,
    /// Set this value.
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
    /// A text about the user.
    pub bio: Change<String>,
    /// The URL of a picture.
    pub avatar_url: Change<String>,
    /// The username.
    pub username: Change<String>,
}

/// The reasons why a profile is not changed.
#[derive(Debug)]
pub enum UpdateProfileRefusal {
    /// These fields are invalid, or another account has the username.
    InvalidInput(Vec<FieldError>),
    /// The username would change, so the viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for UpdateProfileRefusal {}

impl From<ReauthenticationRequired> for UpdateProfileRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

/// Updates the profile and returns the changed row. A new username needs a recent reauthentication, because the user
/// signs in with it.
pub async fn update_profile(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: UpdateProfileInput,
) -> Result<user::Model, Failure<UpdateProfileRefusal>> {
    let user = &viewer.user;
    let (changes, mut errors) = Changes::parse(input);
    let changes_username = changes.username_of(user) != user.username.as_deref();
    if errors.is_valid() && changes_username {
        step_up(app, viewer)?;
    }
    match changes.claimed_username(user) {
        // without a step-up, the viewer learns which fields are malformed, but not whether the username is taken
        Some(username) if step_up(app, viewer).is_ok() => {
            charge_claim(app, client, user).await?;
            if is_username_taken(app, username).await? {
                errors.add(username_taken(app, username).await?);
            }
        }
        _ if errors.is_valid() => drop(rate_limit::charge(app, Action::Write(user.id)).await?),
        _ => {}
    }
    errors.finish().map_err(UpdateProfileRefusal::InvalidInput)?;
    let claimed = changes.claimed_username(user).cloned();

    let (id, claim, now) = (user.id, viewer.claim(), Timestamp(app.clock.now()));
    let updated = app
        .db
        .write(async move |txn| {
            // locked, because another request may be removing the email address or username that this change relies on
            let locked = if changes_username {
                claim.lock(&txn, now).await?.map(|(user, _)| user)
            } else {
                user::lock(&txn, &[id]).await?.pop()
            };
            let Some(mut row) = locked else { return Ok(None) };
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
        Ok(None) if changes_username => Err(UpdateProfileRefusal::ReauthenticationRequired.into()),
        Ok(None) => Err(Fault::internal("the viewer has no row").into()),
        Err(fault @ Fault::Conflict(_)) => match claimed {
            Some(username) => {
                Err(UpdateProfileRefusal::InvalidInput(vec![username_taken(app, &username).await?]).into())
            }
            None => Err(fault.into()),
        },
        Err(fault) => Err(fault.into()),
    }
}

/// Charges a claim of a username, because a claim reveals whether the name is available, just as `usernameAvailable`
/// does.
///
/// The claim is refused only if the budget of the account is used up. The budget of the IP address does not matter for
/// this, because neighbors behind the same IP address can use it up, and they must not keep a signed-in user from
/// choosing a new name. An attacker with many accounts gains nothing from this rule, because sign-ups are limited by IP
/// address. The claim still counts against the IP address, so that a client with an account cannot make more checks in
/// total than a client without one.
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
    let message = "You sign in with your username, because your account has no email address.";
    Invalid::new(FieldErrorCode::Required, message).at("username")
}

/// The validated changes.
#[derive(Clone)]
struct Changes {
    name: Change<String>,
    first_name: Change<String>,
    last_name: Change<String>,
    bio: Change<String>,
    avatar_url: Change<String>,
    username: Change<Username>,
}

impl Changes {
    /// Parses the input. Leaves out invalid changes.
    fn parse(input: UpdateProfileInput) -> (Self, Inputs) {
        let mut inputs = Inputs::default();
        let changes = Self {
            name: check(&mut inputs, "name", input.name, person_name),
            first_name: check(&mut inputs, "firstName", input.first_name, person_name),
            last_name: check(&mut inputs, "lastName", input.last_name, person_name),
            bio: check(&mut inputs, "bio", input.bio, bio),
            avatar_url: check(&mut inputs, "avatarUrl", input.avatar_url, avatar_url),
            username: check(&mut inputs, "username", input.username, Username::parse_optional),
        };
        (changes, inputs)
    }

    /// Returns the username that the user will have.
    fn username_of<'c>(&'c self, user: &'c user::Model) -> Option<&'c str> {
        match &self.username {
            Change::Keep => user.username.as_deref(),
            Change::Clear => None,
            Change::Set(username) => Some(username.as_str()),
        }
    }

    /// Returns the username to claim, unless the user already has it.
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

/// Validates a change. A blank value clears the field.
fn check<T>(
    inputs: &mut Inputs,
    field: &'static str,
    change: Change<String>,
    parse: impl Fn(&str) -> Result<Option<T>, Invalid>,
) -> Change<T> {
    match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(text) => match inputs.check(field, parse(&text)) {
            Some(value) => value.map_or(Change::Clear, Change::Set),
            None => Change::Keep,
        },
    }
}
