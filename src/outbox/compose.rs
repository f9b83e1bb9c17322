//! What a row of the outbox says, decided when it is sent.

use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    mail::{Content, Mail},
    storage::{outbox, user},
};

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The person's password was changed.
    PasswordChanged,
    /// The person's address was changed; this goes to the old one.
    EmailChanged,
    /// Somebody wanted to sign up with the person's address.
    AddressTaken,
}

/// What became of a row.
#[derive(Debug)]
pub enum Composed {
    /// This mail is to be sent.
    Mail(Box<Mail>),
    /// There is nothing to say, or nobody to say it to.
    Nothing,
    /// This version does not know what it is about. A newer one, which has written it, will.
    Unknown,
}

impl Kind {
    const ALL: [Self; 3] = [Self::PasswordChanged, Self::EmailChanged, Self::AddressTaken];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::AddressTaken => "address_taken",
        }
    }

    /// By its name in the table.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Decides what a row says. It looks at things as they are now, not as they were when the mail was asked for.
///
/// # Errors
/// [`Fault`] alone.
pub async fn compose(app: &App, row: &outbox::Model) -> Result<Composed, Fault> {
    let Some(kind) = Kind::parse(&row.kind) else { return Ok(Composed::Unknown) };
    let Ok(to) = EmailAddress::parse(&row.address) else { return Ok(Composed::Nothing) };
    match kind {
        Kind::PasswordChanged => notice(app, row, to, |_| Some(Content::PasswordChanged)).await,
        Kind::AddressTaken => notice(app, row, to, |_| Some(Content::AddressTaken)).await,
        Kind::EmailChanged => {
            let old_email = row.address.clone();
            let changed = |user: &user::Model| {
                Some(Content::EmailChanged { old_email, new_email: user.email.clone()? })
            };
            notice(app, row, to, changed).await
        }
    }
}

/// A mail about an account, if there still is one.
async fn notice(
    app: &App,
    row: &outbox::Model,
    to: EmailAddress,
    content: impl FnOnce(&user::Model) -> Option<Content>,
) -> Result<Composed, Fault> {
    let Some(id) = row.user_id else { return Ok(Composed::Nothing) };
    let Some(user) = user::find(app.db.read(), id).await? else { return Ok(Composed::Nothing) };
    let name = user.full_name().map(Into::into);
    let mail = content(&user).map(|content| Mail { to, name, content });
    Ok(mail.map_or(Composed::Nothing, |mail| Composed::Mail(Box::new(mail))))
}
