//! What becomes of a Google account here.

use uuid::Uuid;

use crate::{
    app::App,
    google::GoogleAccount,
    input::{EmailAddress, avatar_url, person_name},
    outbox::{self, Kind, Order},
    secrets,
    sessions::Link,
    storage::{Timestamp, identity, user},
};

/// How long it is worth telling somebody of what has happened to their account.
const NOTICE_GOOD_FOR: std::time::Duration = std::time::Duration::from_hours(24);

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

/// The link of a Google account to somebody's.
pub(super) fn identity(app: &App, account: &GoogleAccount, user_id: Uuid) -> identity::Model {
    let now = app.clock.now();
    identity::Model {
        id: secrets::uuid_v7(now),
        user_id,
        issuer: account.issuer.clone(),
        subject: account.subject.clone(),
        email: Some(account.email.as_str().to_owned()),
        linked_at: Timestamp(now),
    }
}

/// The same for an account that there was before, whose owner is told: it may not have been they.
pub(super) fn link(app: &App, account: &GoogleAccount, user: &user::Model) -> Link {
    let to = user.email.as_deref().and_then(|email| EmailAddress::parse(email).ok());
    let notice = to.map(|to| {
        let kind = Kind::GoogleLinked;
        let order =
            Order { kind, to: &to, user_id: Some(user.id), challenge_id: None, good_for: NOTICE_GOOD_FOR };
        outbox::row(app, order)
    });
    Link { identity: identity(app, account, user.id), notice }
}
