//! Linking an account at a provider to the viewer's account.

use super::{
    account::link,
    identify::{IdentifyRefusal, ProviderLoginInput, identify},
};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    rate_limit::{self, Action},
    sessions::{Client, ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, session, user},
};

/// The reasons why nothing is linked.
#[derive(Debug)]
pub enum LinkIdentityRefusal {
    /// The provider did not identify anyone.
    Identify(IdentifyRefusal),
    /// The account at the provider is linked to another user.
    IdentityTaken,
    /// The viewer must reauthenticate first.
    ReauthenticationRequired,
}

impl Refusal for LinkIdentityRefusal {}

impl From<IdentifyRefusal> for LinkIdentityRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

impl From<ReauthenticationRequired> for LinkIdentityRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

enum Linked {
    Done(Box<user::Model>),
    Taken,
    /// The viewer is no longer signed in.
    Nobody,
}

/// Links an account at a provider to the viewer's account. The email addresses may differ, because the viewer has shown that
/// they own both accounts. Linking the same account again is not an error. Returns `None` if the viewer's session has
/// ended in the meantime.
pub async fn link_identity(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: &ProviderLoginInput,
) -> Result<Option<user::Model>, Failure<LinkIdentityRefusal>> {
    let viewer = step_up(app, viewer)?;
    rate_limit::charge(app, Action::Write(viewer.user.id)).await?;
    let (account, attempt) = identify(app, client, input).await.map_err(Failure::into_refusal)?;
    let link = link(app, &account, &viewer.user).await?;
    let (id, session_id) = (viewer.user.id, viewer.session.id);
    let (version, now) = (viewer.user.credentials_version, Timestamp(app.clock.now()));
    let linked = app
        .db
        .write(async move |txn| {
            // this charges no budget, so it cannot be refused
            attempt.succeed(&txn).await?.ok();
            // checked again, because the request to the provider took time: a thief who was signed out in the meantime must
            // not gain a sign-in method
            let locked = user::lock(&txn, &[id]).await?.pop();
            let session = session::find(&txn, session_id).await?;
            let Some(user) = locked.filter(|user| user.is_active && user.credentials_version == version)
            else {
                return Ok(Linked::Nobody);
            };
            if session.is_none_or(|session| !session.is_live(now)) {
                return Ok(Linked::Nobody);
            }
            Ok(if link.to(&user, &txn).await? { Linked::Done(Box::new(user)) } else { Linked::Taken })
        })
        .await?;
    match linked {
        Linked::Done(user) => {
            outbox::wake(app);
            Ok(Some(*user))
        }
        Linked::Taken => Err(LinkIdentityRefusal::IdentityTaken.into()),
        Linked::Nobody => Ok(None),
    }
}
