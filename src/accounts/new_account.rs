//! The rules for every new account, however it is created.

use sea_orm::DbErr;
use secrecy::{ExposeSecret, SecretString};

use super::new_password::{Owner, check_confirmation, check_new, hash_new};
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
    /// The password.
    pub password: SecretString,
    /// The password again. Checked if present.
    pub password_confirmation: Option<SecretString>,
    /// The full name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
}

/// The details of a new account, validated.
pub(super) struct NewAccount {
    email: Option<EmailAddress>,
    username: Option<Username>,
    password: Password,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl NewAccount {
    /// Validates the input. Returns the errors of all fields at once.
    pub(super) fn parse(app: &App, input: &NewAccountInput) -> Result<Self, Vec<FieldError>> {
        let mut inputs = Inputs::default();
        let email = inputs.check(
            "email",
            match input.email.as_deref() {
                None if app.config.sign_up.email_required => Err(required("An email address")),
                email => email.map(EmailAddress::parse).transpose(),
            },
        );
        let username = inputs.check(
            "username",
            match Username::parse_optional(input.username.as_deref().unwrap_or_default()) {
                Ok(None) if input.email.is_none() && !app.config.sign_up.email_required => {
                    Err(required("A username or an email address"))
                }
                username => username,
            },
        );
        let entered =
            [("name", &input.name), ("firstName", &input.first_name), ("lastName", &input.last_name)];
        let [name, first_name, last_name] = entered.map(|(field, text)| {
            inputs.check(field, person_name(text.as_deref().unwrap_or_default())).flatten()
        });
        let (email, username) = (email.flatten(), username.flatten());
        let names = [name.as_deref(), first_name.as_deref(), last_name.as_deref()];
        let owner = Owner::new(email.as_ref(), username.as_ref(), names);
        let parsed_password = Password::parse(input.password.expose_secret())
            .and_then(|password| check_new(app, &password, &owner).map(|()| password));
        let checked_password = inputs.check("password", parsed_password);
        let confirmation = input.password_confirmation.as_ref();
        inputs.check("passwordConfirmation", check_confirmation(&input.password, confirmation));
        inputs.finish()?;
        let password = checked_password.ok_or_else(Vec::new)?;
        Ok(Self { email, username, password, name, first_name, last_name })
    }

    /// Returns the email address.
    pub(super) fn email(&self) -> Option<&EmailAddress> {
        self.email.as_ref()
    }

    /// Returns the username.
    pub(super) fn username(&self) -> Option<&Username> {
        self.username.as_ref()
    }

    /// Returns the number of characters of the password.
    pub(super) fn password_length(&self) -> usize {
        self.password.length()
    }

    /// Returns the password.
    pub(super) fn password(&self) -> SecretString {
        self.password.clone().into_secret()
    }

    /// Hashes the password and returns the row to insert. The inner error says why the password is too weak. Fails with
    /// [`Fault::Busy`] if too many hashes are waiting.
    pub(super) async fn into_row(
        self,
        app: &App,
        place: HashPlace,
        role: user::Role,
    ) -> Result<Result<user::Model, Invalid>, Fault> {
        let names = [self.name.as_deref(), self.first_name.as_deref(), self.last_name.as_deref()];
        let owner = Owner::new(self.email.as_ref(), self.username.as_ref(), names);
        let password_hash = match hash_new(app, place, self.password, &owner).await? {
            Ok(hash) => hash,
            Err(wrong) => return Ok(Err(wrong)),
        };
        let now = app.clock.now();
        Ok(Ok(user::Model {
            email_key: self.email.as_ref().map(|email| email.key().to_owned()),
            email: self.email.map(|email| email.as_str().to_owned()),
            username_key: self.username.as_ref().map(Username::key),
            username: self.username.map(|username| username.as_str().to_owned()),
            name: self.name,
            first_name: self.first_name,
            last_name: self.last_name,
            password_hash: Some(password_hash),
            role,
            ..user::Model::new(secrets::uuid_v7(now), Timestamp(now))
        }))
    }
}

/// Returns whether users may not choose this username. Imports and the command line may still use it.
pub(super) fn is_reserved(app: &App, username: &Username) -> bool {
    app.config.sign_up.reserved_usernames.contains(&username.key())
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

/// Claims the names by inserting the row, so that exactly one of several concurrent claims succeeds.
pub(super) async fn claim(txn: &Txn, row: user::Model) -> Result<Claim, DbErr> {
    let username_key = row.username_key.clone();
    // the former owner of the address may still undo giving it up
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
