//! Turns a row of the outbox into an email when it is sent.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};

use super::{
    identities::{linked_provider, unlinked_provider, ways_in},
    mail_kind::MailKind,
};
use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    mail::{Content, Mail},
    storage::{
        Timestamp,
        challenge::{self, Method, Purpose},
        outbox, recovery_code, security_change, user,
    },
};

/// The result of composing an email.
#[derive(Debug)]
pub enum Composed {
    /// An email to send.
    Mail(Box<Mail>),
    /// No email, because there is nothing to say or no one to say it to.
    Nothing,
    /// No email, because the kind is unknown. A newer version of Gatehouse wrote the row, and only that version can compose
    /// the email.
    Unknown,
}

/// Composes the email of a row from the current state of the database, not from its state at the time of the request.
pub async fn compose(app: &App, row: &outbox::Model) -> Result<Composed, Fault> {
    let Some(kind) = MailKind::parse(&row.kind) else { return Ok(Composed::Unknown) };
    let Ok(to) = EmailAddress::parse(&row.address) else { return Ok(Composed::Nothing) };
    match kind {
        MailKind::VerifyEmail
        | MailKind::ResetPassword
        | MailKind::ChangeEmail
        | MailKind::LoginCode
        | MailKind::Reauthentication => challenge(app, row, to).await,
        MailKind::PasswordChanged => {
            notice(app, row, to, |_, undo| Some(Content::PasswordChanged { undo })).await
        }
        MailKind::IdentityLinked => {
            let provider = linked_provider(app, row).await?;
            notice(app, row, to, |_, undo| Some(Content::IdentityLinked { provider, undo })).await
        }
        MailKind::IdentityUnlinked => {
            let provider = unlinked_provider(app, row).await?;
            notice(app, row, to, |_, undo| Some(Content::IdentityUnlinked { provider, undo })).await
        }
        MailKind::SecondFactorEnabled => {
            notice(app, row, to, |_, undo| Some(Content::SecondFactorEnabled { undo })).await
        }
        MailKind::SecondFactorRemoved => {
            let removed = |user: &user::Model, undo| Content::SecondFactorRemoved {
                has_second_factor: user.has_second_factor(),
                undo,
            };
            notice(app, row, to, |user, undo| Some(removed(user, undo))).await
        }
        MailKind::PasskeyAdded => notice(app, row, to, |_, undo| Some(Content::PasskeyAdded { undo })).await,
        MailKind::PasskeyRemoved => {
            let removed = |user: &user::Model, undo| Content::PasskeyRemoved {
                has_second_factor: user.has_second_factor(),
                undo,
            };
            notice(app, row, to, |user, undo| Some(removed(user, undo))).await
        }
        MailKind::RecoveryCodesReplaced => {
            notice(app, row, to, |_, undo| Some(Content::RecoveryCodesReplaced { undo })).await
        }
        MailKind::RecoveryCodeUsed => {
            let left = match row.user_id {
                Some(id) => recovery_code::list_usable(app.db.read(), &[id]).await?.len(),
                None => 0,
            };
            notice(app, row, to, |_, _| Some(Content::RecoveryCodeUsed { left })).await
        }
        MailKind::SecondFactorFailed => notice(app, row, to, |_, _| Some(Content::SecondFactorFailed)).await,
        MailKind::PasswordWasReset => {
            let (removed, remaining) = ways_in(app, row).await?;
            let reset = |user: &user::Model, undo| {
                let has_second_factor = user.has_second_factor();
                Some(Content::PasswordWasReset { removed, remaining, has_second_factor, undo })
            };
            notice(app, row, to, reset).await
        }
        MailKind::SessionStolen => {
            let key = to.key().to_owned();
            let stolen = |user: &user::Model, _| {
                let is_proven = user.email_verified_at.is_some() && user.email_key.as_ref() == Some(&key);
                is_proven.then_some(Content::SessionStolen)
            };
            notice(app, row, to, stolen).await
        }
        MailKind::EmailChanged => {
            let (old_email, old_key) = (row.address.clone(), to.key().to_owned());
            let changed = |user: &user::Model, undo| {
                // the address may have been changed back, or may differ only in its spelling
                let is_another = user.email_key.as_ref() != Some(&old_key);
                let new_email = user.email.clone().filter(|_| is_another)?;
                Some(Content::EmailChanged { old_email, new_email, undo })
            };
            notice(app, row, to, changed).await
        }
    }
}

/// Composes a notice about an account, if the account still exists.
async fn notice(
    app: &App,
    row: &outbox::Model,
    to: EmailAddress,
    content: impl FnOnce(&user::Model, Option<SecretString>) -> Option<Content>,
) -> Result<Composed, Fault> {
    let Some(id) = row.user_id else { return Ok(Composed::Nothing) };
    let Some(user) = user::find(app.db.read(), id).await? else { return Ok(Composed::Nothing) };
    // If the address is unproven, a stranger may have chosen the name. Such text must not reach third parties.
    let is_proven = user.email_verified_at.is_some() && user.email_key.as_deref() == Some(to.key());
    let name = user.full_name().filter(|_| is_proven).map(Into::into);
    let undo = undo_link(app, row).await?;
    let mail = content(&user, undo).map(|content| Mail { to, name, content });
    Ok(mail.map_or(Composed::Nothing, |mail| Composed::Mail(Box::new(mail))))
}

/// Returns the link that undoes the change, if the change can still be undone.
async fn undo_link(app: &App, row: &outbox::Model) -> Result<Option<SecretString>, Fault> {
    let Some(id) = row.challenge_id else { return Ok(None) };
    let change = security_change::find_live(app.db.read(), id, Timestamp(app.clock.now())).await?;
    let change = change.filter(|change| change.is_revertible);
    let page = app.config.codes.undo_url.as_ref();
    Ok(change.map(|change| fill(app, page, "/undo#token={token}", &app.tokens.undo_token(change.id))))
}

/// Composes the email of a challenge, if the challenge is still open. The content of the email depends on whether the
/// address has an account. The requester does not learn whether it does.
async fn challenge(app: &App, row: &outbox::Model, to: EmailAddress) -> Result<Composed, Fault> {
    let now = Timestamp(app.clock.now());
    let Some(id) = row.challenge_id else { return Ok(Composed::Nothing) };
    let Some(challenge) = challenge::find_live(app.db.read(), id, now).await? else {
        return Ok(Composed::Nothing);
    };
    let user = user::find_by_email_key(app.db.read(), to.key()).await?;
    let left = Duration::try_from(challenge.expires_at.0 - now.0).unwrap_or_default();
    // rounded up to minutes, because nobody wants to read seconds
    let expires_in = Duration::from_mins(left.as_secs().div_ceil(60));
    let code = || app.tokens.one_time_code(id);
    let proof = || match challenge.method {
        Method::Otp => Some(Content::OneTimeCode { code: code(), expires_in }),
        Method::Link => Some(Content::Activation { link: link(app, &challenge)?, expires_in }),
    };
    let content = match (challenge.purpose, &user) {
        (Purpose::VerifyEmail, Some(user)) if user.email_verified_at.is_none() => proof(),
        // a sign-up with the owner's address is reported to the owner, whereas a request to resend the email sends nothing
        (Purpose::VerifyEmail, Some(_)) => challenge.registration.is_some().then_some(Content::AddressTaken),
        (Purpose::VerifyEmail, None) => {
            let awaited = challenge::list_live(app.db.read(), to.key(), now).await?;
            awaited.iter().any(|challenge| challenge.registration.is_some()).then(proof).flatten()
        }
        (Purpose::ChangeEmail, Some(user)) if challenge.user_id != Some(user.id) => {
            Some(Content::AddressTaken)
        }
        (Purpose::ChangeEmail, _) => {
            let asker = match challenge.user_id {
                Some(id) => user::find(app.db.read(), id).await?,
                None => None,
            };
            asker.map(|asker| Content::ChangeEmail { code: code(), account: called(&asker), expires_in })
        }
        (Purpose::Reauthentication, _) => Some(Content::Reauthentication { code: code(), expires_in }),
        (Purpose::SignIn, user) if user.is_some() || app.config.sign_up.signup => {
            let account = user.as_ref().map_or_else(|| challenge.email.clone(), called);
            let name = utf8_percent_encode(&account, NON_ALPHANUMERIC).to_string();
            link(app, &challenge).map(|link| Content::LoginCode {
                code: code(),
                link: link.expose_secret().replace("{account}", &name).into(),
                account,
                expires_in,
                removes_password: user.as_ref().is_some_and(|user| user.email_verified_at.is_none()),
                creates_account: user.is_none(),
            })
        }
        // a deactivated user could not use the link
        (Purpose::ResetPassword, Some(user)) if !user.is_active => None,
        (Purpose::ResetPassword, Some(_)) => {
            link(app, &challenge).map(|link| Content::PasswordReset { link, expires_in })
        }
        (Purpose::ResetPassword | Purpose::SignIn, _) => {
            app.config.mail.no_account_notice.then_some(Content::NoAccount)
        }
    };
    // If the address is unproven, a stranger may have chosen the name. Such text must not reach third parties.
    let name = user.filter(|user| user.email_verified_at.is_some());
    let name = name.and_then(|user| user.full_name().map(Into::into));
    Ok(content.map_or(Composed::Nothing, |content| Composed::Mail(Box::new(Mail { to, name, content }))))
}

/// Returns how an email refers to an account that the reader might not own: by its email address or username. A personal
/// name is never used, because a stranger could enter any text as a name and have it sent to third parties.
fn called(user: &user::Model) -> String {
    let email = user.email.as_ref().filter(|_| user.email_verified_at.is_some());
    email.or(user.username.as_ref()).or(user.email.as_ref()).cloned().unwrap_or_default()
}

/// Returns the link of a challenge. It leads to the app's page if one is configured, and to our own page otherwise.
fn link(app: &App, challenge: &challenge::Model) -> Option<SecretString> {
    let token = app.tokens.link_token(challenge.purpose, challenge.link_id())?;
    let (page, path) = match challenge.purpose {
        Purpose::ResetPassword => (&app.config.codes.password_reset_url, "/reset-password#token={token}"),
        Purpose::SignIn => (&app.config.codes.login_url, "/sign-in#token={token}&account={account}"),
        Purpose::VerifyEmail => (&app.config.codes.activation_url, "/activate#token={token}"),
        Purpose::ChangeEmail | Purpose::Reauthentication => return None,
    };
    Some(fill(app, page.as_ref(), path, &token))
}

/// Returns the URL of a page, with the token in it. The URLs of our own pages have the token in the fragment, so that
/// browsers do not send it to a server and it does not appear in logs or in the `Referer` header.
fn fill(app: &App, page: Option<&String>, path: &str, token: &SecretString) -> SecretString {
    let page = page.cloned().unwrap_or_else(|| app.config.server.public_address(path));
    page.replace("{token}", token.expose_secret()).into()
}
