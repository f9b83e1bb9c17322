//! What becomes of a Google account here.

use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    google::GoogleAccount,
    input::{avatar_url, person_name},
    secrets,
    security_changes::SecurityChange,
    sessions::Link,
    storage::{Timestamp, identity, security_change::ChangeKind, user},
};

/// The account that somebody new is to have. Its address is proven if it is Google's to give; whatever else Google says that
/// cannot be had here is left out.
pub(super) fn new_user(app: &App, account: &GoogleAccount) -> user::Model {
    let now = Timestamp(app.clock.now());
    let name = |text: &Option<String>| person_name(text.as_deref().unwrap_or_default()).ok().flatten();
    user::Model {
        email: Some(account.email.as_str().to_owned()),
        email_key: Some(account.email.key().to_owned()),
        email_verified_at: account.is_authoritative.then_some(now),
        name: name(&account.name),
        first_name: name(&account.given_name),
        last_name: name(&account.family_name),
        avatar_url: account.picture.as_deref().and_then(|url| avatar_url(url).ok().flatten()),
        ..user::Model::new(secrets::uuid_v7(now.0), now)
    }
}

/// The link of a Google account to the account that begins with it. As old as the account: a reset does not end it.
pub(super) fn identity(account: &GoogleAccount, user: &user::Model) -> identity::Model {
    row(account, user.id, user.created_at)
}

/// The link of a Google account to an account that there was before, whose owner is told: it may not have been they.
///
/// # Errors
/// [`Fault::RateLimited`] where a day's notices of links are used up.
pub(super) async fn link(app: &App, account: &GoogleAccount, user: &user::Model) -> Result<Link, Fault> {
    let change = SecurityChange::announce(app, user, ChangeKind::IdentityLinked).await?;
    Ok(Link { identity: row(account, user.id, Timestamp(app.clock.now())), change })
}

fn row(account: &GoogleAccount, user_id: Uuid, linked_at: Timestamp) -> identity::Model {
    identity::Model {
        id: secrets::uuid_v7(linked_at.0),
        user_id,
        issuer: account.issuer.clone(),
        subject: account.subject.clone(),
        email: Some(account.email.as_str().to_owned()),
        linked_at,
    }
}
