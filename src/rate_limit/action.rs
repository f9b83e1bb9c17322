//! The limited actions, each with the subject that its limit applies to and the setting of the limit.

use std::fmt;

use sea_orm::ActiveEnum;
use uuid::Uuid;

use super::{
    address::{Address, Subject},
    budget::{Cell, Streak},
};
use crate::{
    config::{Budget, Budgets},
    input::EmailAddress,
    storage::{challenge::Purpose, security_change},
};

/// An action that is limited, and the subject whose budget it uses.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// A failed sign-in to an account, from an address from which nobody has signed in to that account.
    FailedLogin(Account<'a>, &'a Address),
    /// A failed sign-in to an account, from an address from which somebody has signed in to that account. Consecutive
    /// failures are also counted. The wider networks of an IPv6 address are not charged, because strangers in those
    /// networks must not use up the owner's attempts.
    FailedLoginAtHome(Uuid, &'a Address),
    /// A failed sign-in from an address, to an account to which nobody has signed in from that address. All such
    /// accounts count together.
    FailedLoginFrom(&'a Address),
    /// A failed sign-in to an account, from an address from which nobody has signed in to that account. All such
    /// addresses count together.
    FailedLoginTo(Account<'a>),
    /// The same as [`Action::FailedLoginTo`], but limited per month.
    FailedLoginInAMonth(Account<'a>),
    /// A successful sign-in with a password.
    Login(Account<'a>),
    /// A sign-up from an address, successful or not.
    Signup(&'a Address),
    /// A request from an address to check whether a username is available.
    UsernameCheck(&'a Address),
    /// An attempt by a signed-in user to take a username. The result reveals as much as [`Action::UsernameCheck`] does.
    UsernameClaim(Uuid),
    /// An attempt to prove or change the password in a session, successful or not. Each session has a budget of its
    /// own, so a thief who has taken over one session cannot use up the budget of another session.
    PasswordProof(Uuid),
    /// A reauthentication started in a session.
    Reauthentication(Uuid),
    /// An attempt to set an account's password with an emailed link, successful or not.
    PasswordReset(Uuid),
    /// A notice to the owner of an account about one kind of security change.
    Notice(security_change::ChangeKind, Uuid),
    /// An attempt to enter a code. A challenge shares this budget with the challenges that it replaced.
    Code(Uuid),
    /// A wrong code from an address.
    FailedCodeFrom(&'a Address),
    /// A wrong code entered in a session of an account.
    FailedCodeBy(Uuid),
    /// A wrong second factor for an account from an address.
    FailedSecondFactorFrom(Uuid, &'a Address),
    /// A wrong second factor for an account, from an address that the account has never signed in from. All such
    /// addresses count together.
    FailedSecondFactor(Uuid),
    /// An attempt to enter the password along with an emailed link.
    LinkPassword(Uuid),
    /// An attempt to prove ownership of an account whose security change is being undone.
    UndoProof(Uuid),
    /// A write by a signed-in user.
    Write(Uuid),
    /// An email for one purpose to one address. Sending it starts the wait before the next such email.
    MailAgain(Purpose, &'a EmailAddress),
    /// An email for a purpose to an email address, limited per hour.
    Mail(Purpose, &'a EmailAddress),
    /// An email for a purpose to an email address, limited per day.
    MailInADay(Purpose, &'a EmailAddress),
    /// An email that lets the owner of an address back into the account.
    RecoveryMail(Purpose, &'a EmailAddress),
    /// An email requested from an address.
    MailFrom(&'a Address),
    /// An email to an account, requested from an address the account has signed in from before.
    MailFromKnown(Uuid, &'a Address),
    /// An email requested in a session of an account.
    MailBy(Uuid),
    /// An attempt to enter a code for an email address without the ID of a challenge.
    BareCode(&'a EmailAddress),
    /// The start of a provider sign-in from an address.
    ProviderStart(&'a Address),
    /// A response that a provider posts through a browser at an address.
    ProviderCallback(&'a Address),
    /// A provider sign-in from an address, with tokens or a code that the provider does not confirm.
    FailedProviderLogin(&'a Address),
}

/// The account that a sign-in is for.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    /// The ID of an existing account.
    Known(Uuid),
    /// The identifier that was entered, if no account has it.
    Unknown(&'a str),
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "{id}"),
            // no ID begins with `@`, so nobody can use up an account's budget by entering its ID as a name
            Self::Unknown(name) => write!(f, "@{name}"),
        }
    }
}

impl Action<'_> {
    /// Returns whether this is a failed sign-in with a password. The transaction that charges such a failure does not
    /// wait for the disk, so that a sign-in waits for the disk only once. After a crash, the guesses of the last half
    /// second are forgotten.
    pub(super) fn is_login(&self) -> bool {
        matches!(
            self,
            Self::FailedLogin(..)
                | Self::FailedLoginAtHome(..)
                | Self::FailedLoginFrom(_)
                | Self::FailedLoginTo(_)
                | Self::FailedLoginInAMonth(_)
        )
    }

    /// Returns the cells to which the action is charged. An action from an IPv6 address may be charged to several.
    pub(super) fn cells(&self, budgets: &Budgets) -> Vec<Cell> {
        let (budget, subjects) = match self {
            Self::FailedLogin(account, from) => (budgets.failed_logins, from.subjects_with(account)),
            Self::FailedLoginAtHome(user, from) => {
                let at_home = one(format_args!("{user} {}", from.as_str()));
                (budgets.failed_logins, at_home)
            }
            Self::FailedLoginFrom(from) => (budgets.failed_logins_address, from.subjects()),
            Self::FailedLoginTo(account) => (budgets.failed_logins_account, one(account)),
            Self::FailedLoginInAMonth(account) => (budgets.failed_logins_in_a_month, one(account)),
            Self::Login(account) => (budgets.logins, one(account)),
            Self::Signup(from) => (budgets.signups, from.subjects()),
            Self::UsernameCheck(from) => (budgets.username_checks, from.subjects()),
            Self::UsernameClaim(user) => (budgets.username_checks, one(user)),
            Self::PasswordProof(session) => (budgets.password_changes, one(session)),
            Self::Reauthentication(session) => (budgets.reauthentications, one(session)),
            Self::PasswordReset(user) => (budgets.password_resets, one(user)),
            Self::Notice(kind, user) => (budgets.notices, one(format_args!("{} {user}", kind.to_value()))),
            Self::Code(series) => (budgets.codes, one(series)),
            Self::FailedCodeFrom(from) => (budgets.failed_codes_address, from.subjects()),
            Self::FailedCodeBy(user) => (budgets.failed_codes_account, one(user)),
            Self::FailedSecondFactorFrom(user, from) => {
                // the wider networks of an IPv6 address are not charged, because strangers there must not use up the
                // owner's attempts
                let from_here = one(format_args!("{user} {}", from.as_str()));
                (budgets.failed_second_factors, from_here)
            }
            Self::FailedSecondFactor(user) => (budgets.failed_second_factors_account, one(user)),
            Self::LinkPassword(link) => (budgets.codes, one(format_args!("link {link}"))),
            Self::UndoProof(user) => (budgets.codes, one(format_args!("undo {user}"))),
            Self::Write(user) => (budgets.writes, one(user)),
            Self::MailAgain(purpose, to) => (budgets.mail_again, mails(*purpose, to)),
            Self::Mail(purpose, to) => (budgets.mails, mails(*purpose, to)),
            Self::MailInADay(purpose, to) => (budgets.mails_in_a_day, mails(*purpose, to)),
            Self::RecoveryMail(purpose, to) => (budgets.recovery_mails, mails(*purpose, to)),
            Self::MailFrom(from) => (budgets.mails_address, from.subjects()),
            Self::MailFromKnown(account, from) => {
                let at_home = one(format_args!("{account} {}", from.as_str()));
                (budgets.mails_address, at_home)
            }
            Self::MailBy(account) => (budgets.mails_account, one(account)),
            Self::BareCode(of) => (budgets.bare_codes, one(of.key())),
            Self::ProviderStart(from) => (budgets.provider_starts, from.subjects()),
            Self::ProviderCallback(from) => (budgets.provider_callbacks, from.subjects()),
            Self::FailedProviderLogin(from) => (budgets.failed_provider_logins, from.subjects()),
        };
        let cell = |(subject, times): Subject| {
            Cell::new(&subject, Budget { count: budget.count.saturating_mul(times), ..budget })
        };
        subjects.into_iter().map(cell).collect()
    }

    /// Returns the streak to which the failure belongs. Returns `None` if consecutive failures of this kind are not
    /// counted.
    pub(super) fn streak(&self) -> Option<Streak> {
        match self {
            Self::FailedLoginAtHome(user_id, from) => Some(Streak::new(*user_id, from)),
            _ => None,
        }
    }
}

fn one(subject: impl fmt::Display) -> Vec<Subject> {
    vec![(subject.to_string(), 1)]
}

// Each purpose has its own budget, because a stranger who requests codes for an address must not keep its owner from
// getting a reset link.
fn mails(purpose: Purpose, to: &EmailAddress) -> Vec<Subject> {
    one(format_args!("{} {}", purpose.to_value(), to.key()))
}
