//! Linking a Google account to one's own.

use super::{
    account::link,
    identify::{GoogleLoginInput, IdentifyRefusal, identify},
};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    outbox,
    rate_limit::{self, Action},
    sessions::{Client, ReauthenticationRequired, Viewer, step_up},
    storage::{Timestamp, session, user},
};

/// Why nothing was linked.
#[derive(Debug)]
pub enum LinkGoogleRefusal {
    /// It is not known whose Google account it is.
    Identify(IdentifyRefusal),
    /// It is linked to another user.
    IdentityTaken,
    /// The viewer has not proven recently enough who they are.
    ReauthenticationRequired,
}

impl Refusal for LinkGoogleRefusal {}

impl From<IdentifyRefusal> for LinkGoogleRefusal {
    fn from(error: IdentifyRefusal) -> Self {
        Self::Identify(error)
    }
}

impl From<ReauthenticationRequired> for LinkGoogleRefusal {
    fn from(ReauthenticationRequired: ReauthenticationRequired) -> Self {
        Self::ReauthenticationRequired
    }
}

enum Linked {
    Done(Box<user::Model>),
    Taken,
    /// Whoever asked is no longer signed in.
    Nobody,
}

/// Links a Google account to the viewer's account, whatever its address: the viewer has shown that both are theirs. Linking an
/// account again is no error. Returns `None` if the viewer's session ended meanwhile.
pub async fn link_google(
    app: &App,
    client: &Client,
    viewer: &Viewer,
    input: &GoogleLoginInput,
) -> Result<Option<user::Model>, Failure<LinkGoogleRefusal>> {
    let viewer = step_up(app, viewer)?;
    rate_limit::charge(app, Action::Write(viewer.user.id)).await?;
    let (account, attempt) = identify(app, client, input).await.map_err(Failure::into_refusal)?;
    let link = link(app, &account, &viewer.user).await?;
    let (id, session_id) = (viewer.user.id, viewer.session.id);
    let (version, now) = (viewer.user.credentials_version, Timestamp(app.clock.now()));
    let linked = app
        .db
        .write(async move |txn| {
            attempt.succeed(&txn).await?.ok();
            // Google took its time; whoever was signed out of a stolen session in it must not have been given a new way in
            let user = user::lock(&txn, &[id]).await?.pop();
            let session = session::find(&txn, session_id).await?;
            let Some(user) = user.filter(|user| user.is_active && user.credentials_version == version) else {
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
        Linked::Taken => Err(LinkGoogleRefusal::IdentityTaken.into()),
        Linked::Nobody => Ok(None),
    }
}
