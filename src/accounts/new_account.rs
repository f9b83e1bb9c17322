//! The rules for every new account, however it is created.

use sea_orm::DbErr;
use secrecy::{ExposeSecret, SecretString};

use super::{
    names::Names,
    new_password::{Owner, check_confirmation, check_new, hash_new},
};
use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldError, FieldErrorCode, Inputs, Invalid, Password, Username, person_name},
    passwords::HashPlace,
    secrets,
    storage::{Timestamp, Txn, security_change, user},
};

/// The details of a new account.
#[derive(Clone, Debug, Default)]
pub struct NewAccountInput {
    /// The email address.
    pub email: Option<String>,
    /// The username.
    pub username: Option<String>,
    /// The password. `None` for an account with a passkey instead.
    pub password: Option<SecretString>,
    /// The password again. Checked if present.
    pub password_confirmation: Option<SecretString>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
}

/// The parsed details of a new account, with the errors found so far.
pub(super) struct Draft {
    names: Names,
    password: Option<Password>,
    password_hash: Option<String>,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    errors: Inputs,
}

impl Draft {
    /// Parses the input.
    pub(super) fn parse(app: &App, input: &NewAccountInput) -> Self {
        let mut errors = Inputs::default();
        let email = errors.check(
            "email",
            match input.email.as_deref() {
                None if app.config.sign_up.email_required => Err(required("An email address")),
                email => email.map(EmailAddress::parse).transpose(),
            },
        );
        let username = errors.check(
            "username",
            match Username::parse_optional(input.username.as_deref().unwrap_or_default()) {
                Ok(None) if input.email.is_none() && !app.config.sign_up.email_required => {
                    Err(required("A username or an email address"))
                }
                username => username,
            },
        );
        let names = Names { email: email.flatten(), username: username.flatten() };
        let entered =
            [("name", &input.name), ("firstName", &input.first_name), ("lastName", &input.last_name)];
        let [name, first_name, last_name] = entered.map(|(field, text)| {
            errors.check(field, person_name(text.as_deref().unwrap_or_default())).flatten()
        });
        let mut draft =
            Self { names, password: None, password_hash: None, name, first_name, last_name, errors };
        if let Some(password) = &input.password {
            let parsed = Password::parse(password.expose_secret())
                .and_then(|password| check_new(app, &password, &draft.owner()).map(|()| password));
            draft.password = draft.errors.check("password", parsed);
            let confirmation = input.password_confirmation.as_ref();
            draft.errors.check("passwordConfirmation", check_confirmation(password, confirmation));
        }
        draft
    }

    /// Returns the email address and the username.
    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    /// Returns the password.
    pub(super) fn password(&self) -> Option<SecretString> {
        self.password.clone().map(Password::into_secret)
    }

    /// Returns whether nothing is left to check, because the email address, the username and the password are all
    /// invalid or missing.
    pub(super) fn is_exhausted(&self) -> bool {
        self.names.email.is_none() && self.names.username.is_none() && self.password.is_none()
    }

    /// Takes a place in the queue of hashes, if there is a password to hash. Fails with [`Fault::Busy`] if too many
    /// hashes are waiting.
    pub(super) fn place_to_hash(&self, app: &App, asker: Option<&str>) -> Result<Option<HashPlace>, Fault> {
        let place = |password: &Password| app.passwords.place_to_hash(asker, password.length());
        self.password.as_ref().map(place).transpose()
    }

    /// Hashes the password. Adds an error if the password is too weak.
    pub(super) async fn hash(&mut self, app: &App, place: Option<HashPlace>) -> Result<(), Fault> {
        if let (Some(password), Some(place)) = (self.password.clone(), place) {
            let hash = hash_new(app, place, password, &self.owner()).await?;
            self.password_hash = self.errors.check("password", hash);
        }
        Ok(())
    }

    /// If there are already errors, also checks whether the names are taken, so that all errors are reported together.
    /// Otherwise, only the insertion of the row decides whether the names are taken, because an earlier read could be
    /// outdated.
    pub(super) async fn check_names(&mut self, app: &App) -> Result<(), Fault> {
        if !self.errors.is_valid() || self.names.is_reserved(app) {
            self.names.taken(app).await?.into_iter().for_each(|error| self.errors.add(error));
        }
        Ok(())
    }

    /// Returns the row to insert, or the errors of all fields.
    pub(super) fn into_row(self, app: &App, role: user::Role) -> Result<user::Model, Vec<FieldError>> {
        self.errors.finish()?;
        let Names { email, username } = self.names;
        let now = app.clock.now();
        Ok(user::Model {
            email_key: email.as_ref().map(|email| email.key().to_owned()),
            email: email.map(|email| email.as_str().to_owned()),
            username_key: username.as_ref().map(Username::key),
            username: username.map(|username| username.as_str().to_owned()),
            name: self.name,
            first_name: self.first_name,
            last_name: self.last_name,
            password_hash: self.password_hash,
            role,
            ..user::Model::new(secrets::uuid_v7(now), Timestamp(now))
        })
    }

    fn owner(&self) -> Owner {
        let names = [self.name.as_deref(), self.first_name.as_deref(), self.last_name.as_deref()];
        Owner::new(self.names.email.as_ref(), self.names.username.as_ref(), names)
    }
}

fn required(what: &str) -> Invalid {
    Invalid::new(FieldErrorCode::Required, format!("{what} is required."))
}

/// The outcome of claiming the names of a new account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Granted,
    EmailTaken,
    UsernameTaken,
}

/// Claims the names of a new account by inserting its row. If several requests claim a name at the same time, exactly
/// one succeeds.
pub(super) async fn claim(txn: &Txn, row: user::Model) -> Result<Claim, DbErr> {
    let username_key = row.username_key.clone();
    // the account that had the address before may still get it back by undoing the change of address
    if let Some(key) = &row.email_key
        && security_change::is_reserved(txn, key, row.id, row.created_at).await?
    {
        return Ok(Claim::EmailTaken);
    }
    if user::insert(txn, row).await? {
        return Ok(Claim::Granted);
    }
    match username_key {
        Some(key) if user::find_by_username_key(txn, &key).await?.is_some() => Ok(Claim::UsernameTaken),
        _ => Ok(Claim::EmailTaken),
    }
}
