//! What follows when the tokens of a session are in two hands: the session ends, and its owner gets a mail.

use std::time::Duration;

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    outbox::{self, MailKind, MailRequest},
    storage::{self, Timestamp, Txn, session, session_end, session_siblings, user},
};

/// How long the mail is worth sending.
const NOTICE_GOOD_FOR: Duration = Duration::from_hours(24);

/// What shows that the tokens of a session are in two hands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Evidence {
    /// A refresh token that is neither the newest, nor may be repeated.
    RefreshToken,
    /// An access token with this counter, which is void.
    AccessToken(i64),
}

/// Ends a session whose tokens are in two hands, unless it is over already. It is over before anybody is answered.
///
/// # Errors
/// [`Fault`] alone.
pub(super) async fn end_stolen(app: &App, id: Uuid, evidence: Evidence) -> Result<(), Fault> {
    let now = Timestamp(app.clock.now());
    let ended = app
        .db
        .write(async move |txn| {
            let ended = match evidence {
                Evidence::RefreshToken => session_end::end(&txn, id, now).await?,
                Evidence::AccessToken(counter) => {
                    session_siblings::end_if_void(&txn, id, counter, now).await?
                }
            };
            if let Some(session) = &ended {
                write_to_owner(&txn, session, now).await?;
            }
            Ok(ended)
        })
        .await?;
    if let Some(session) = ended {
        report(app, &session, evidence);
    }
    Ok(())
}

/// Logs the end of a stolen session, and has its owner's mail sent.
pub(super) fn report(app: &App, session: &session::Model, evidence: Evidence) {
    let (id, user_id) = (session.id, session.user_id);
    match evidence {
        Evidence::RefreshToken => {
            tracing::warn!(session.id = %id, user.id = %user_id, "a refresh token was replayed; its session is ended");
        }
        Evidence::AccessToken(_) => {
            tracing::warn!(session.id = %id, user.id = %user_id, "a void access token was used; its session is ended");
        }
    }
    outbox::wake(app);
}

/// Writes the mail to the owner of a session, in the transaction that has just ended it. An address that nobody has proven
/// may be a stranger's, and gets none.
///
/// # Errors
/// The database's.
pub(super) async fn write_to_owner(txn: &Txn, session: &session::Model, now: Timestamp) -> Result<(), DbErr> {
    let owner = user::find(txn, session.user_id).await?;
    let email = owner.filter(|owner| owner.email_verified_at.is_some()).and_then(|owner| owner.email);
    let Some(Ok(to)) = email.as_deref().map(EmailAddress::parse) else { return Ok(()) };
    let order = MailRequest {
        kind: MailKind::SessionStolen,
        to: &to,
        user_id: Some(session.user_id),
        challenge_id: None,
        good_for: NOTICE_GOOD_FOR,
    };
    storage::outbox::insert(txn, outbox::row_at(now.0, order)).await
}
