//! Starting to add a passkey to an account.

use super::{
    PasskeyCeremony,
    new_passkey::{TTL, creation_options},
};
use crate::{
    app::App,
    fault::{Failure, Refusal},
    rate_limit::{self, Action},
    second_factors::{EnrolmentRefusal, may_enroll},
    secrets,
    sessions::Viewer,
    storage::{
        Timestamp, passkey,
        passkey_ceremony::{self, Kind},
    },
};

/// The maximum number of passkeys per account.
pub(super) const MAX_PASSKEYS: usize = 20;

/// The reasons why no enrollment starts.
#[derive(Debug)]
pub enum StartPasskeyEnrolmentRefusal {
    /// The server has no domain for passkeys.
    NotEnabled,
    /// The account already has the maximum number of passkeys.
    TooMany,
    /// The viewer may not enroll a factor now.
    MayNotEnroll(EnrolmentRefusal),
}

impl Refusal for StartPasskeyEnrolmentRefusal {}

impl From<EnrolmentRefusal> for StartPasskeyEnrolmentRefusal {
    fn from(refusal: EnrolmentRefusal) -> Self {
        Self::MayNotEnroll(refusal)
    }
}

/// Starts a ceremony in which the browser creates a passkey for the viewer.
pub async fn start_passkey_enrolment(
    app: &App,
    viewer: &Viewer,
) -> Result<PasskeyCeremony, Failure<StartPasskeyEnrolmentRefusal>> {
    let viewer = may_enroll(app, viewer).map_err(StartPasskeyEnrolmentRefusal::from)?;
    let user = &viewer.user;
    rate_limit::charge(app, Action::Write(user.id)).await?;
    let existing = passkey::list(app.db.read(), &[user.id]).await?;
    if existing.len() >= MAX_PASSKEYS {
        return Err(StartPasskeyEnrolmentRefusal::TooMany.into());
    }
    let (id, now) = (secrets::uuid_v4(), app.clock.now());
    // authenticators group passkeys by user handle, and show each group as one account
    let user_handle = existing.first().map_or(user.id, |passkey| passkey.user_handle);
    let options = creation_options(app, id, user, user_handle, &existing)
        .ok_or(StartPasskeyEnrolmentRefusal::NotEnabled)?;
    let row = passkey_ceremony::Model {
        id,
        kind: Kind::Enrolment,
        user_id: Some(user.id),
        user_handle,
        credentials_version: user.credentials_version,
        account: None,
        expires_at: Timestamp(now + TTL),
        ended_at: None,
    };
    let claim = viewer.claim();
    let is_started = app
        .db
        .write(async move |txn| {
            // in the meantime, another request may have enrolled a factor that the viewer has not proven
            if claim.lock(&txn, Timestamp(now)).await?.is_none() {
                return Ok(false);
            }
            passkey_ceremony::insert(&txn, row).await?;
            Ok(true)
        })
        .await?;
    if !is_started {
        return Err(StartPasskeyEnrolmentRefusal::from(EnrolmentRefusal::ReauthenticationRequired).into());
    }
    Ok(PasskeyCeremony { id, options, expires_in: TTL })
}
