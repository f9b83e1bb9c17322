//! The rows that are created from an account at a provider.

use crate::{
    app::App,
    challenges::RegisteredIdentity,
    fault::Fault,
    input::{avatar_url, person_name},
    providers::Account,
    secrets,
    security_changes::SecurityChange,
    sessions::Link,
    storage::{Timestamp, identity, security_change::ChangeKind, user},
};

/// Returns the row of a new user. The email address counts as proven if the provider is authoritative for it. Invalid profile
/// data is left out.
pub(super) fn new_user(app: &App, account: &Account) -> user::Model {
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

/// Returns the link between a provider account and the user created from it. The link is as old as the user, so a
/// password reset keeps it.
pub(super) fn identity(account: &Account, user: &user::Model) -> identity::Model {
    registered(account).into_row(user.id, user.created_at)
}

/// Prepares to link the account to an existing user. The user gets a notice, because a thief may be linking the
/// account. Fails with [`Fault::RateLimited`] if the daily budget for such notices is used up.
pub(super) async fn link(app: &App, account: &Account, user: &user::Model) -> Result<Link, Fault> {
    link_registered(app, registered(account), user).await
}

/// Does the same as [`link`] for an account whose link had to wait for another proof.
pub(crate) async fn link_registered(
    app: &App,
    account: RegisteredIdentity,
    user: &user::Model,
) -> Result<Link, Fault> {
    let change = SecurityChange::announce(app, user, ChangeKind::IdentityLinked).await?;
    Ok(Link { identity: account.into_row(user.id, Timestamp(app.clock.now())), change })
}

/// Returns the account in the form in which it is stored while its link waits for another proof.
pub(super) fn registered(account: &Account) -> RegisteredIdentity {
    RegisteredIdentity {
        provider: account.provider.clone(),
        issuer: account.issuer.clone(),
        subject: account.subject.clone(),
        email: account.email.as_str().to_owned(),
    }
}

/// Returns a function that tells whether a user can sign in with an identity. The provider may have been disabled since
/// the identity was linked.
pub(crate) fn usable_identities(app: &App) -> impl Fn(&identity::Model) -> bool + Clone + use<> {
    let providers: Vec<String> =
        app.config.providers.all.iter().map(|provider| provider.id.clone()).collect();
    move |identity| providers.contains(&identity.provider)
}
