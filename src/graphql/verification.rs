//! Challenges that are mailed.

use async_graphql::{Enum, ID, SimpleObject};

use crate::config;

/// Something was mailed, and is now awaited.
#[derive(SimpleObject)]
pub struct EmailChallenge {
    /// Keep it and send it with the code: tries are counted for this challenge alone, and nobody else can supersede it.
    pub id: ID,
    /// What the answer is for.
    pub purpose: ChallengePurpose,
    /// What was mailed: a code or a link.
    pub method: ChallengeMethod,
    /// The address as given, normalised.
    pub email: String,
    /// Seconds until the code or link expires.
    pub expires_in: i32,
    /// Seconds until another mail may be asked for. Asking sooner answers `RATE_LIMITED`.
    pub resend_in: i32,
}

/// What a mailed challenge is for.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengePurpose {
    /// Proving the address of an account.
    VerifyEmail,
    /// Setting a new password.
    ResetPassword,
    /// Proving a new address for an account.
    ChangeEmail,
}

/// How an email address is proven.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "config::ChallengeMethod")]
pub enum ChallengeMethod {
    /// By a one-time password that the person types in.
    Otp,
    /// By a link that the person follows.
    Link,
}

/// When an email address must be proven.
#[derive(Enum, Clone, Copy, Debug, PartialEq, Eq)]
#[graphql(remote = "config::EmailVerification")]
pub enum EmailVerificationMode {
    /// Never: addresses are taken as given.
    None,
    /// It is asked for at sign-up, and nothing waits for it.
    Optional,
    /// Before the account begins.
    Mandatory,
}
