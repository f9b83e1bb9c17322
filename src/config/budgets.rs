//! The rate limits.

use super::{
    budget::{Budget, budget},
    reader::Reader,
    values::{HOUR, SECOND, duration, switch},
};

/// The budgets for everything that is rate limited.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct Budgets {
    /// `RATE_LIMITS`. If it is false, nothing is limited.
    pub are_enforced: bool,
    pub failed_logins: Budget,
    pub failed_logins_address: Budget,
    pub failed_logins_account: Budget,
    pub failed_logins_in_a_month: Budget,
    pub logins: Budget,
    pub signups: Budget,
    pub username_checks: Budget,
    pub password_changes: Budget,
    pub reauthentications: Budget,
    pub password_resets: Budget,
    pub notices: Budget,
    /// `RESEND_COOLDOWN`.
    pub mail_again: Budget,
    pub mails_address: Budget,
    pub mails_account: Budget,
    pub mails: Budget,
    pub mails_in_a_day: Budget,
    pub recovery_mails: Budget,
    pub codes: Budget,
    pub bare_codes: Budget,
    pub failed_codes_address: Budget,
    pub failed_codes_account: Budget,
    pub failed_second_factors: Budget,
    pub failed_second_factors_account: Budget,
    pub provider_starts: Budget,
    pub provider_callbacks: Budget,
    pub failed_provider_logins: Budget,
    pub writes: Budget,
}

impl Budgets {
    #[expect(clippy::too_many_lines, reason = "a table: one budget after the other")]
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section(
            "Rate limits",
            "Most of these settings are budgets: `10/15m` means ten times in fifteen minutes. The period of a \
             budget can be at most 30 days. See [Limits](limits.md).",
        );
        Self {
            are_enforced: r.setting(
                "RATE_LIMITS",
                "on",
                "Whether the budgets apply. `off` is meant for load tests. Even with `off`, requests get \
                 `SERVER_BUSY` if the hash queue is full.",
                switch,
            ),
            failed_logins: budget(
                r,
                "RATE_LIMIT_FAILED_LOGINS",
                "10/15m",
                "Failed sign-ins to one account from one address.",
            ),
            failed_logins_address: budget(
                r,
                "RATE_LIMIT_FAILED_LOGINS_ADDRESS",
                "50/15m",
                "Failed sign-ins from one address to accounts that have never signed in from there.",
            ),
            failed_logins_account: budget(
                r,
                "RATE_LIMIT_FAILED_LOGINS_ACCOUNT",
                "50/1h",
                "Failed sign-ins to one account from all addresses that it has never signed in from.",
            ),
            failed_logins_in_a_month: budget(
                r,
                "RATE_LIMIT_FAILED_LOGINS_MONTH",
                "100/30d",
                "The failed sign-ins that `RATE_LIMIT_FAILED_LOGINS_ACCOUNT` limits, counted over a month. \
                 Applies only if the owner of the account can sign in by email. Successful sign-ins do not reset \
                 this budget.",
            ),
            logins: budget(r, "RATE_LIMIT_LOGINS", "60/1h", "Successful sign-ins to one account."),
            signups: budget(
                r,
                "RATE_LIMIT_SIGNUPS",
                "20/1h",
                "Sign-ups from one address, including those that are refused because the username or email \
                 address is taken. Sign-ups that begin with an emailed code count as emails instead.",
            ),
            username_checks: budget(
                r,
                "RATE_LIMIT_USERNAME_CHECKS",
                "120/1h",
                "Calls to `usernameAvailable` from one address. Setting a different username with `updateProfile` \
                 also counts, both for the address and for the account.",
            ),
            password_changes: budget(
                r,
                "RATE_LIMIT_PASSWORD_CHANGES",
                "10/15m",
                "Passwords tried in one session with `changePassword`, `changeEmail` and `reauthenticate`.",
            ),
            reauthentications: budget(
                r,
                "RATE_LIMIT_REAUTHENTICATIONS",
                "30/1h",
                "Calls to `startReauthentication` in one session.",
            ),
            password_resets: budget(
                r,
                "RATE_LIMIT_PASSWORD_RESETS",
                "10/15m",
                "Calls to `resetPassword` for one account.",
            ),
            notices: budget(
                r,
                "RATE_LIMIT_NOTICES",
                "10/24h",
                "Emails that notify one account of one kind of security change. When the budget is used up, such \
                 changes are refused.",
            ),
            mail_again: mail_again(r),
            mails_address: budget(
                r,
                "RATE_LIMIT_MAILS_ADDRESS",
                "30/1h",
                "Emails requested from one client address. Each account that has signed in from there has a budget \
                 of its own.",
            ),
            mails_account: budget(
                r,
                "RATE_LIMIT_MAILS_ACCOUNT",
                "20/1h",
                "Emails requested in the sessions of one account.",
            ),
            mails: budget(
                r,
                "RATE_LIMIT_MAILS",
                "6/1h",
                "Emails for one purpose to one address, except those that `RATE_LIMIT_RECOVERY_MAILS` limits.",
            ),
            mails_in_a_day: budget(
                r,
                "RATE_LIMIT_MAILS_DAY",
                "20/24h",
                "The emails that `RATE_LIMIT_MAILS` limits, counted over a day.",
            ),
            recovery_mails: budget(
                r,
                "RATE_LIMIT_RECOVERY_MAILS",
                "6/3h",
                "Reset links to one address and, separately, sign-in codes to one address. This budget must allow \
                 at least one email within the lifetime of a link or code, so that the owner of the address \
                 always either has an email that still works or can request one.",
            ),
            codes: budget(
                r,
                "RATE_LIMIT_CODES",
                "20/24h",
                "Codes tried for one challenge and the challenges that replace it. Each challenge by itself \
                 allows `OTP_MAX_ATTEMPTS` attempts. The setting also limits the passwords tried with one link.",
            ),
            bare_codes: budget(
                r,
                "RATE_LIMIT_BARE_CODES",
                "20/24h",
                "Codes tried for one email address without the ID of a challenge.",
            ),
            failed_codes_address: budget(
                r,
                "RATE_LIMIT_FAILED_CODES_ADDRESS",
                "50/1h",
                "Wrong codes from one address.",
            ),
            failed_codes_account: budget(
                r,
                "RATE_LIMIT_FAILED_CODES_ACCOUNT",
                "20/1h",
                "Wrong codes in the sessions of one account.",
            ),
            failed_second_factors: budget(
                r,
                "RATE_LIMIT_SECOND_FACTORS",
                "10/1h",
                "Wrong authenticator app codes for one account from one address. Even if the budget is used up, \
                 recovery codes still work.",
            ),
            failed_second_factors_account: budget(
                r,
                "RATE_LIMIT_SECOND_FACTORS_ACCOUNT",
                "30/24h",
                "Wrong authenticator app codes for one account from all addresses that the account has never \
                 signed in from.",
            ),
            provider_starts: budget(
                r,
                "RATE_LIMIT_PROVIDER_STARTS",
                "60/1h",
                "Calls to `startProviderLogin` from one address.",
            ),
            provider_callbacks: budget(
                r,
                "RATE_LIMIT_PROVIDER_CALLBACKS",
                "60/1h",
                "Responses that Apple posts to `/callback/apple` through browsers at one address.",
            ),
            failed_provider_logins: budget(
                r,
                "RATE_LIMIT_FAILED_PROVIDER_LOGINS",
                "50/15m",
                "Calls to `providerLogin` and `linkIdentity` from one address with a credential that the provider \
                 does not confirm. New accounts also count as sign-ups.",
            ),
            writes: budget(
                r,
                "RATE_LIMIT_WRITES",
                "120/1m",
                "Other writes by one account. Ending a session is never refused.",
            ),
        }
    }
}

fn mail_again(r: &mut Reader<'_>) -> Budget {
    let setting = "RESEND_COOLDOWN";
    let meaning = "The minimum time between two emails for the same purpose to the same address.";
    let period = r.setting(setting, "60s", meaning, |s| duration(s, SECOND..=HOUR));
    Budget { setting, count: 1, period }
}
