//! The locks that every use case takes before it spends a challenge.

use sea_orm::DbErr;

use crate::storage::{
    Txn,
    challenge::{self, Purpose},
    user,
};

/// The rows that concern a challenge, locked until the transaction ends.
#[derive(Clone, Debug)]
pub struct Locked {
    /// The account, if there is one.
    pub account: Option<user::Model>,
    /// All open challenges for the same email address, including the challenge itself.
    pub challenges: Vec<challenge::Model>,
}

/// Locks the account that a challenge is about, if there is one, and then all open challenges for the email address of
/// the challenge. Every use case that spends a challenge calls this first. All transactions lock users before
/// challenges, so that they cannot deadlock.
pub async fn lock(txn: &Txn, challenge: &challenge::Model) -> Result<Locked, DbErr> {
    let id = match challenge.purpose {
        Purpose::ChangeEmail | Purpose::Reauthentication => challenge.user_id,
        Purpose::VerifyEmail | Purpose::ResetPassword | Purpose::SignIn => {
            user::find_by_email_key(txn, &challenge.email_key).await?.map(|user| user.id)
        }
    };
    let account = match id {
        Some(id) => user::lock(txn, &[id]).await?.pop(),
        None => None,
    };
    // a reauthentication without an emailed code has no address
    let challenges = match challenge.email_key.as_str() {
        "" => Vec::new(),
        email_key => challenge::lock_all(txn, email_key).await?,
    };
    Ok(Locked { account, challenges })
}
