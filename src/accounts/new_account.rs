//! What every new account has in common, however it comes about.

use sea_orm::DbErr;
use secrecy::{ExposeSecret, SecretString};

use super::new_password::{Owner, check_confirmation, check_new, hash_new};
use crate::{
    app::App,
    fault::Fault,
    input::{EmailAddress, FieldError, FieldErrorCode, Inputs, Invalid, Password, Username, person_name},
    secrets,
    storage::{Timestamp, Txn, security_change, user},
};

/// What a person gives of themselves.
#[derive(Clone, Debug, Default)]
pub struct NewAccountInput {
    /// Their address.
    pub email: Option<String>,
    /// The name to sign in with.
    pub username: Option<String>,
    /// The new password.
    pub password: SecretString,
    /// The new password again; checked where given.
    pub password_confirmation: Option<SecretString>,
    /// Their full name.
    pub name: Option<String>,
    /// Their given name.
    pub first_name: Option<String>,
    /// Their family name.
    pub last_name: Option<String>,
}

/// The input, once it is known to be right.
pub(super) struct NewAccount {
    email: Option<EmailAddress>,
    username: Option<Username>,
    password: Password,
    name: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
}

impl NewAccount {
    /// Reads the input.
    ///
    /// # Errors
    /// Every field at fault.
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
        let names = [("name", &input.name), ("firstName", &input.first_name), ("lastName", &input.last_name)];
        let [name, first_name, last_name] = names.map(|(field, text)| {
            inputs.check(field, person_name(text.as_deref().unwrap_or_default())).flatten()
        });
        let (email, username) = (email.flatten(), username.flatten());
        let names = [name.as_deref(), first_name.as_deref(), last_name.as_deref()];
        let owner = Owner::new(email.as_ref(), username.as_ref(), names);
        let password = Password::parse(input.password.expose_secret());
        let password = inputs.check(
            "password",
            password.and_then(|password| check_new(app, &password, &owner).map(|()| password)),
        );
        let again = input.password_confirmation.as_ref();
        inputs.check("passwordConfirmation", check_confirmation(&input.password, again));
        inputs.finish()?;
        let password = password.ok_or_else(Vec::new)?;
        Ok(Self { email, username, password, name, first_name, last_name })
    }

    /// Its address.
    pub(super) fn email(&self) -> Option<&EmailAddress> {
        self.email.as_ref()
    }

    /// Its username.
    pub(super) fn username(&self) -> Option<&Username> {
        self.username.as_ref()
    }

    /// Its password.
    pub(super) fn password(&self) -> SecretString {
        self.password.clone().into_secret()
    }

    /// The row to insert, its password hashed; or what is wrong with the password.
    ///
    /// # Errors
    /// [`Fault::Busy`] where too many hashes wait.
    pub(super) async fn into_row(
        self,
        app: &App,
        role: user::Role,
    ) -> Result<Result<user::Model, Invalid>, Fault> {
        let names = [self.name.as_deref(), self.first_name.as_deref(), self.last_name.as_deref()];
        let owner = Owner::new(self.email.as_ref(), self.username.as_ref(), names);
        let password_hash = match hash_new(app, self.password, &owner).await? {
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

/// Whether people must not give themselves this username. Imports and the command line may give it to anybody.
pub(super) fn is_reserved(app: &App, username: &Username) -> bool {
    app.config.sign_up.reserved_usernames.contains(&username.key())
}

fn required(what: &str) -> Invalid {
    Invalid::new(FieldErrorCode::Required, format!("{what} is required."))
}

/// Whether the names of a new account were free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Granted,
    EmailTaken,
    UsernameTaken,
}

/// Claims the names by inserting the row: of any number of racing claims one is granted.
///
/// # Errors
/// The database's.
pub(super) async fn claim(txn: &Txn, row: user::Model) -> Result<Claim, DbErr> {
    let username_key = row.username_key.clone();
    // its former owner may undo that it was given up
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
