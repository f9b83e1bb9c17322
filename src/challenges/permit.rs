//! Permission to send an email: the budgets to which the email is charged, and the asker, who determines the email's
//! place in the outbox.

use std::{net::IpAddr, time::Duration};

use uuid::Uuid;

use crate::{
    app::App,
    fault::Fault,
    input::EmailAddress,
    rate_limit::{self, Action, Address, Restoration},
    storage::{challenge::Purpose, known_address, user},
};

/// The sender of a request that causes an email. The email is charged to this sender.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// The client's IP address, if known.
    pub ip_address: Option<IpAddr>,
    /// The account on whose behalf the request was made: the account of the session, or an account whose password the
    /// client has just proven.
    pub user_id: Option<Uuid>,
}

impl Asker {
    /// Returns an asker without a session.
    #[must_use]
    pub fn anonymous(ip_address: Option<IpAddr>) -> Self {
        Self { ip_address, user_id: None }
    }

    /// Returns an asker who acts on behalf of an account.
    #[must_use]
    pub fn of(ip_address: Option<IpAddr>, user_id: Uuid) -> Self {
        Self { ip_address, user_id: Some(user_id) }
    }
}

/// Permission to send one email that has already been charged to its budgets.
#[derive(Clone, Copy, Debug)]
pub struct MailPermit {
    pub(super) resend_in: Duration,
    /// The key by which the outbox recognizes the asker when it decides which email is sent next. `None` if the email
    /// does not wait behind other emails of the same asker.
    pub(super) asker: Option<Uuid>,
}

impl MailPermit {
    /// Permits an email without charging it to a budget. Used for emails that no budget may prevent, because their
    /// recipient has already proven the address.
    #[must_use]
    pub fn uncharged(app: &App) -> Self {
        Self { resend_in: app.config.budgets.mail_again.period, asker: None }
    }
}

/// Charges an email to the recipient's email address, whether or not an account has that address, and to the asker's
/// account and IP address. Fails with [`Fault::RateLimited`] if a budget is used up.
///
/// If the recipient has signed in from the client's IP address before, the email is charged to the recipient's account
/// and the IP address together instead of the IP address alone. Neighbors behind a NAT therefore cannot use up the
/// recipient's budget. This applies only to accounts with a proven email address. Otherwise a client could sign up with
/// strangers' email addresses and have any number of emails sent to those addresses.
pub async fn charge(
    app: &App,
    asker: Asker,
    purpose: Purpose,
    to: &EmailAddress,
) -> Result<MailPermit, Fault> {
    let mut actions = budgets(purpose, to);
    actions.extend(asker.user_id.map(Action::MailBy));
    let from = Address::rationed(app, asker.ip_address);
    let owner = match &from {
        Some(from) => find_owner_at(app, from, to).await?,
        None => None,
    };
    actions.extend(from.as_ref().map(|from| match owner {
        Some(owner) => Action::MailFromKnown(owner, from),
        None => Action::MailFrom(from),
    }));
    let resend_in = rate_limit::charge_all(app, &actions).await?;
    let address = asker.ip_address.map(Address::of);
    let place = address.as_ref().map_or("unknown", Address::as_str);
    let asker_name = owner.map_or_else(|| place.to_owned(), |owner| format!("{owner} {place}"));
    Ok(MailPermit { resend_in, asker: Some(rate_limit::key(&asker_name)) })
}

/// Returns the account whose owner has proven the email address and has signed in from this IP address before.
async fn find_owner_at(app: &App, from: &Address, to: &EmailAddress) -> Result<Option<Uuid>, Fault> {
    let account = user::find_by_email_key(app.db.read(), to.key()).await?;
    let owner = account.filter(|account| account.email_verified_at.is_some()).map(|account| account.id);
    // queried even if there is no account, because skipping the query would show in the response time
    let is_known = known_address::is_known(app.db.read(), owner.unwrap_or_default(), from.as_str()).await?;
    Ok(owner.filter(|_| is_known))
}

/// Returns the budgets that limit emails to an address for a purpose: `RESEND_COOLDOWN`, and either
/// `RATE_LIMIT_RECOVERY_MAILS`, or both `RATE_LIMIT_MAILS` and `RATE_LIMIT_MAILS_DAY`.
///
/// Strangers can use up these budgets. The budgets of emails that let an owner back in therefore refill at least once
/// in the lifetime of such an email and have no daily limit. So, at any moment, the owner either has an email that
/// still works or can request one. At start-up, the settings are checked for this property.
fn budgets(purpose: Purpose, to: &EmailAddress) -> Vec<Action<'_>> {
    match purpose {
        Purpose::ResetPassword | Purpose::SignIn => {
            vec![Action::MailAgain(purpose, to), Action::RecoveryMail(purpose, to)]
        }
        Purpose::VerifyEmail | Purpose::ChangeEmail | Purpose::Reauthentication => {
            vec![Action::MailAgain(purpose, to), Action::Mail(purpose, to), Action::MailInADay(purpose, to)]
        }
    }
}

/// Prepares to refill the budgets of the emails that let an owner back in. The result must be applied in the
/// transaction that spends or voids such an email, because an email that no longer works must not count against the
/// next one. It must be applied before the account is locked, because all transactions lock budgets before users.
#[must_use]
pub fn restore(app: &App, email: Option<&str>) -> Restoration {
    let address = email.and_then(|email| EmailAddress::parse(email).ok());
    let purposes = [Purpose::ResetPassword, Purpose::SignIn];
    let actions: Vec<_> = address
        .iter()
        .flat_map(|to| purposes.into_iter().flat_map(move |purpose| budgets(purpose, to)))
        .collect();
    Restoration::of(app, &actions)
}
