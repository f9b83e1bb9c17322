//! The names of an account: its email address and its username, which no two accounts share.

use uuid::Uuid;

use crate::{
    app::App,
    config::EmailVerification,
    fault::Fault,
    input::{EmailAddress, FieldError, FieldErrorCode, Invalid, Username},
    secrets,
    storage::{Timestamp, security_change, user},
};

/// The names that somebody wants for an account.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) email: Option<EmailAddress>,
    pub(super) username: Option<Username>,
}

impl Names {
    /// Returns an error for each name that is not available. If email addresses must be verified, does not look up the
    /// email address, because only its owner may learn whether an account has it. The caller must charge the lookups to
    /// a budget.
    pub(super) async fn taken(&self, app: &App) -> Result<Vec<FieldError>, Fault> {
        let mut taken = Vec::new();
        if let Some(email) = &self.email
            && app.config.sign_up.email_verification != EmailVerification::Mandatory
            && is_email_taken(app, email).await?
        {
            taken.push(email_taken());
        }
        if let Some(username) = &self.username
            && is_username_taken(app, username).await?
        {
            taken.push(username_taken(app, username).await?);
        }
        Ok(taken)
    }

    /// Returns whether the username is reserved. Users may not choose a reserved username, but imports and the command
    /// line may use it.
    pub(super) fn is_reserved(&self, app: &App) -> bool {
        self.username.as_ref().is_some_and(|username| is_reserved(app, username))
    }
}

async fn is_email_taken(app: &App, email: &EmailAddress) -> Result<bool, Fault> {
    if user::find_by_email_key(app.db.read(), email.key()).await?.is_some() {
        return Ok(true);
    }
    // the account that had the address before may still get it back by undoing the change of address
    let now = Timestamp(app.clock.now());
    Ok(security_change::is_reserved(app.db.read(), email.key(), Uuid::nil(), now).await?)
}

/// Returns whether another account has the username, or the username is reserved.
pub(super) async fn is_username_taken(app: &App, username: &Username) -> Result<bool, Fault> {
    if is_reserved(app, username) {
        return Ok(true);
    }
    Ok(user::find_by_username_key(app.db.read(), &username.key()).await?.is_some())
}

fn is_reserved(app: &App, username: &Username) -> bool {
    app.config.sign_up.reserved_usernames.contains(&username.key())
}

pub(super) fn email_taken() -> FieldError {
    Invalid::new(FieldErrorCode::Taken, "An account with this email address already exists.").at("email")
}

/// Returns the error for a username that is not available.
pub(super) async fn username_taken(app: &App, username: &Username) -> Result<FieldError, Fault> {
    let similar = similar_username(app, username).await?;
    let taken = Invalid::new(FieldErrorCode::Taken, "This username is already taken.").suggesting(similar);
    Ok(taken.at("username"))
}

/// Tries three random similar usernames. Returns the first that is available, or `None`.
pub(super) async fn similar_username(app: &App, username: &Username) -> Result<Option<String>, Fault> {
    // more digits with each attempt, because a popular name already has many numbered variants
    for below in [100, 1000, 10_000] {
        let similar = username.numbered(u32::from_le_bytes(secrets::random()) % below);
        if !is_username_taken(app, &similar).await? {
            return Ok(Some(similar.as_str().to_owned()));
        }
    }
    Ok(None)
}
