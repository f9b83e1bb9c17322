//! The consequences of enrolling a factor.

use sea_orm::DbErr;
use uuid::Uuid;

use crate::storage::{
    Timestamp, Txn, challenge, passkey,
    session::{self, AuthenticationMethod},
    session_end, totp,
    user::{self, SecondFactorMethod},
    user_changes,
};

/// Records that a user has enrolled a factor, and adds the factor to the proofs of this session. Ends the user's other
/// sessions, because a thief may have opened one of them with a single proof. Returns the changed user and the IDs of the
/// ended sessions. The transaction must have locked the user.
pub async fn complete(
    txn: &Txn,
    session: session::Model,
    method: AuthenticationMethod,
    now: Timestamp,
) -> Result<Option<(user::Model, Vec<Uuid>)>, DbErr> {
    let (user_id, session_id) = (session.user_id, session.id);
    // a thief may already have requested a change of the email address, and would need no second factor to finish it
    challenge::end_all_of(txn, user_id, now).await?;
    let mut methods = session.without_second_factors().methods();
    methods.push(method);
    session::authenticate(txn, session_id, user_id, &methods, now).await?;
    let ended = session_end::end_others(txn, user_id, session_id, now).await?;
    Ok(record(txn, user_id, now).await?.map(|user| (user, ended)))
}

/// Records which factors a user has, and makes the user's sign-ins in progress fail. Returns the changed user. The
/// transaction must have locked the user.
pub async fn record(txn: &Txn, user_id: Uuid, now: Timestamp) -> Result<Option<user::Model>, DbErr> {
    let enrolled = enrolled(txn, user_id).await?;
    user_changes::set_second_factors(txn, user_id, &enrolled, now).await
}

/// Returns the factors that a user has. The transaction must have locked the user.
pub(super) async fn enrolled(txn: &Txn, user_id: Uuid) -> Result<Vec<SecondFactorMethod>, DbErr> {
    let has_passkey = !passkey::list(txn, &[user_id]).await?.is_empty();
    let has_totp = totp::find(txn, user_id).await?.is_some();
    let all = [(SecondFactorMethod::Passkey, has_passkey), (SecondFactorMethod::Totp, has_totp)];
    Ok(all.into_iter().filter_map(|(method, is_enrolled)| is_enrolled.then_some(method)).collect())
}
