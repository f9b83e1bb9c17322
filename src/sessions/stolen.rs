//! Ends sessions whose tokens were stolen, and emails their owners.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    outbox::{self, MailKind},
    security_changes::notice,
    storage::{self, Timestamp, Txn, session, session_end, session_siblings, user},
};

/// The evidence that two parties hold tokens of a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Evidence {
    /// A refresh token that is not the newest and may not be reused.
    RefreshToken,
    /// A void access token, with this counter.
    AccessToken(i64),
}

/// Ends a session whose tokens are held by two parties, unless it has already ended. The session ends before any
/// response is sent.
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

/// Logs the end of a stolen session, and wakes the outbox, which emails the owner.
pub(super) fn report(app: &App, session: &session::Model, evidence: Evidence) {
    let (id, user_id) = (session.id, session.user_id);
    match evidence {
        Evidence::RefreshToken => {
            tracing::warn!(session.id = %id, user.id = %user_id, "a refresh token was replayed; its session has ended");
        }
        Evidence::AccessToken(_) => {
            tracing::warn!(session.id = %id, user.id = %user_id, "a void access token was used; its session has ended");
        }
    }
    outbox::wake(app);
}

/// Adds an email for the session's owner to the outbox, in the transaction that has just ended the session.
pub(super) async fn write_to_owner(txn: &Txn, session: &session::Model, now: Timestamp) -> Result<(), DbErr> {
    let owner = user::find(txn, session.user_id).await?;
    let mail = owner.and_then(|owner| notice(now.0, MailKind::SessionStolen, &owner, None));
    match mail {
        Some(mail) => storage::outbox::insert(txn, mail).await,
        None => Ok(()),
    }
}
