//! The parts of emails that name accounts at sign-in providers.

use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, identity, outbox, security_change},
};

/// The name shown for a provider that is no longer known.
const SOME_PROVIDER: &str = "another provider";

/// Returns the name of the provider, for an email about an identity that was linked.
pub(super) async fn linked_provider(app: &App, row: &outbox::Model) -> Result<String, Fault> {
    let (Some(user_id), Some(id)) = (row.user_id, row.challenge_id) else {
        return Ok(SOME_PROVIDER.to_owned());
    };
    let change = security_change::find_live(app.db.read(), id, Timestamp(app.clock.now())).await?;
    let linked = match change {
        Some(change) => identity::list_since(app.db.read(), user_id, change.created_at).await?,
        None => Vec::new(),
    };
    let name = linked.first().map_or(SOME_PROVIDER, |identity| app.providers.name(&identity.provider));
    Ok(name.to_owned())
}

/// Returns the name of the provider, for an email about an identity that was unlinked.
pub(super) async fn unlinked_provider(app: &App, row: &outbox::Model) -> Result<String, Fault> {
    let change = match row.challenge_id {
        Some(id) => security_change::find_live(app.db.read(), id, Timestamp(app.clock.now())).await?,
        None => None,
    };
    let removed = change.and_then(|change| security_change::RemovedIdentity::read(&change).pop());
    let name = removed.as_ref().map_or(SOME_PROVIDER, |identity| app.providers.name(&identity.provider));
    Ok(name.to_owned())
}

/// Returns the sign-in methods that a password reset removed, and the sign-in methods that remain.
pub(super) async fn ways_in(app: &App, row: &outbox::Model) -> Result<(Vec<String>, Vec<String>), Fault> {
    let (Some(user_id), Some(id)) = (row.user_id, row.challenge_id) else { return Ok((vec![], vec![])) };
    let way = |provider: &str, email: Option<&str>| match email {
        Some(email) => format!("{}: {email}", app.providers.name(provider)),
        None => app.providers.name(provider).to_owned(),
    };
    let change = security_change::find_live(app.db.read(), id, Timestamp(app.clock.now())).await?;
    let removed = change.iter().flat_map(security_change::RemovedIdentity::read);
    let removed = removed.map(|identity| way(&identity.provider, identity.email.as_deref())).collect();
    let linked = identity::list(app.db.read(), &[user_id]).await?;
    let linked = linked.iter().map(|identity| way(&identity.provider, identity.email.as_deref()));
    let always = ["The new password", "A code by email"].map(str::to_owned);
    Ok((removed, always.into_iter().chain(linked).collect()))
}
