//! What a row of the outbox says, decided when it is sent.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    mail::{Content, Mail},
    storage::{
        Timestamp,
        challenge::{self, Method, Purpose},
        outbox, user,
    },
};

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The person's password was changed.
    PasswordChanged,
    /// The person's address was changed; this goes to the old one.
    EmailChanged,
    /// A Google account was linked to the person's.
    GoogleLinked,
    /// An address is to be proven.
    VerifyEmail,
    /// A new password is to be chosen.
    ResetPassword,
    /// A new address of an account is to be proven.
    ChangeEmail,
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
    const ALL: [Self; 6] = [
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::GoogleLinked,
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
    ];

    /// Its name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::GoogleLinked => "google_linked",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
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
        Kind::GoogleLinked => notice(app, row, to, |_| Some(Content::GoogleLinked)).await,
        Kind::VerifyEmail | Kind::ResetPassword | Kind::ChangeEmail => challenge(app, row, to).await,
        Kind::EmailChanged => {
            let (old_email, old_key) = (row.address.clone(), to.key().to_owned());
            let changed = |user: &user::Model| {
                // it may be the same again, or may only be written in another way
                let is_another = user.email_key.as_ref() != Some(&old_key);
                let new_email = user.email.clone().filter(|_| is_another)?;
                Some(Content::EmailChanged { old_email, new_email })
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
    // elsewhere than to the address that the person has proven, a name would be a stranger's own words to anybody
    let is_proven = user.email_verified_at.is_some() && user.email_key.as_deref() == Some(to.key());
    let name = user.full_name().filter(|_| is_proven).map(Into::into);
    let mail = content(&user).map(|content| Mail { to, name, content });
    Ok(mail.map_or(Composed::Nothing, |mail| Composed::Mail(Box::new(mail))))
}

/// A mail that carries a challenge, if it is still awaited. What it says depends on whether somebody has the address, which
/// nobody learns who only asked for it.
async fn challenge(app: &App, row: &outbox::Model, to: EmailAddress) -> Result<Composed, Fault> {
    let now = Timestamp(app.clock.now());
    let Some(id) = row.challenge_id else { return Ok(Composed::Nothing) };
    let Some(challenge) = challenge::find_live(app.db.read(), id, now).await? else {
        return Ok(Composed::Nothing);
    };
    let user = user::find_by_email_key(app.db.read(), to.key()).await?;
    let left = Duration::try_from(challenge.expires_at.0 - now.0).unwrap_or_default();
    // nobody wants to read of seconds
    let expires_in = Duration::from_mins(left.as_secs().div_ceil(60));
    let proof = || match challenge.method {
        Method::Otp => Content::OneTimeCode { code: app.tokens.one_time_code(id), expires_in },
        Method::Link => Content::Activation { link: link(app, &challenge), expires_in },
    };
    let content = match (challenge.purpose, &user) {
        (Purpose::VerifyEmail, Some(user)) if user.email_verified_at.is_none() => Some(proof()),
        // somebody signs up with an address that has an account; who only asks for the mail again is told nothing
        (Purpose::VerifyEmail, Some(_)) => challenge.registration.is_some().then_some(Content::AddressTaken),
        (Purpose::VerifyEmail, None) => {
            let awaited = challenge::list_live(app.db.read(), to.key(), now).await?;
            awaited.iter().any(|challenge| challenge.registration.is_some()).then(proof)
        }
        (Purpose::ChangeEmail, Some(user)) if challenge.user_id != Some(user.id) => {
            Some(Content::AddressTaken)
        }
        (Purpose::ChangeEmail, _) => Some(proof()),
        (Purpose::ResetPassword, Some(_)) => {
            Some(Content::PasswordReset { link: link(app, &challenge), expires_in })
        }
        (Purpose::ResetPassword, None) => app.config.no_account_notice.then_some(Content::NoAccount),
    };
    // in a mail to an address that nobody has proven, a name would be a stranger's own words to anybody
    let name = user.filter(|user| user.email_verified_at.is_some());
    let name = name.and_then(|user| user.full_name().map(Into::into));
    Ok(content.map_or(Composed::Nothing, |content| Composed::Mail(Box::new(Mail { to, name, content }))))
}

/// The link of a challenge, on the app's page or on our own. The token stands in the fragment, which reaches no server, no log
/// and no `Referer`.
fn link(app: &App, challenge: &challenge::Model) -> SecretString {
    let token = app.tokens.link_token(challenge.purpose, challenge.id);
    let (page, path) = match challenge.purpose {
        Purpose::ResetPassword => (&app.config.password_reset_url, "/reset-password#token={token}"),
        Purpose::VerifyEmail | Purpose::ChangeEmail => {
            (&app.config.activation_url, "/activate#token={token}")
        }
    };
    let page = page.clone().unwrap_or_else(|| app.config.public_address(path));
    page.replace("{token}", token.expose_secret()).into()
}
