//! How often things may be done, counted in the database: so it holds across restarts, and for all servers together.
//!
//! Use cases charge before the work. What is refused is refused by a read, and costs neither work nor a write. An attempt
//! that succeeds is given its charge back, so that nobody is refused for failures that they did not make.

mod address;

use std::{fmt, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{ActiveEnum, DbErr};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    config::{Budget, Budgets},
    fault::Fault,
    input::EmailAddress,
    storage::{Timestamp, Txn, challenge::Purpose, known_address, rate_limit, security_change},
};

pub use address::Address;

/// What is rationed, and to whom.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// A failed login to an account from an address that is strange to it.
    FailedLogin(Account<'a>, &'a Address),
    /// A failed login to an account from an address that it knows, where failures also count in a row. The wider networks are
    /// left out: strangers there must not use up what the owner has at home.
    FailedLoginAtHome(Uuid, &'a Address),
    /// A failed login from an address that is strange to the account.
    FailedLoginFrom(&'a Address),
    /// A failed login to an account from any address that is strange to it.
    FailedLoginTo(Account<'a>),
    /// The same, in a month.
    FailedLoginInAMonth(Account<'a>),
    /// A successful login.
    Login(Account<'a>),
    /// A sign-up, whatever came of it.
    Signup(&'a Address),
    /// A question whether a username is free.
    UsernameCheck(&'a Address),
    /// A signed-in user's claim of a username, which tells the same.
    UsernameClaim(Uuid),
    /// A password tried or changed in this session, whatever came of it. A thief in one session uses up nothing of another's.
    PasswordProof(Uuid),
    /// A reauthentication that is begun in this session.
    Reauthentication(Uuid),
    /// A password of this account set by a mailed link, whatever came of it.
    PasswordReset(Uuid),
    /// A notice of a security change of this kind to the owner of this account.
    Notice(security_change::ChangeKind, Uuid),
    /// A code tried for one of the mails of a series that replace each other.
    Code(Uuid),
    /// A wrong code from an address.
    FailedCodeFrom(&'a Address),
    /// A wrong code in a session of this account.
    FailedCodeBy(Uuid),
    /// A password tried beside this mailed link.
    LinkPassword(Uuid),
    /// A proof of ownership tried beside a link that undoes a security change of this account.
    UndoProof(Uuid),
    /// A write of a signed-in user.
    Write(Uuid),
    /// A mail for a purpose to an address, whoever has it. Another must wait for a while.
    MailAgain(Purpose, &'a EmailAddress),
    /// A mail for a purpose to an address, in an hour.
    Mail(Purpose, &'a EmailAddress),
    /// A mail for a purpose to an address, in a day.
    MailInADay(Purpose, &'a EmailAddress),
    /// A mail for a purpose that lets an owner back in, to an address.
    RecoveryMail(Purpose, &'a EmailAddress),
    /// A mail that a client address asks for.
    MailFrom(&'a Address),
    /// A mail to an account that a client address asks for from which the account has signed in before.
    MailFromKnown(Uuid, &'a Address),
    /// A mail that an account asks for.
    MailBy(Uuid),
    /// A try of a code of which nothing is known but the address, or that was asked for so.
    BareCode(&'a EmailAddress),
    /// A Google sign-in that is begun from an address.
    GoogleStart(&'a Address),
    /// Something from an address that Google does not vouch for.
    FailedGoogleLogin(&'a Address),
}

/// The account that somebody tries to get into.
#[derive(Clone, Copy, Debug)]
pub enum Account<'a> {
    /// It exists.
    Known(Uuid),
    /// It does not; this is what it would be called.
    Unknown(&'a str),
}

impl fmt::Display for Account<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(id) => write!(f, "{id}"),
            Self::Unknown(name) => write!(f, "@{name}"),
        }
    }
}

/// Who has a budget, and how many times.
type Subject = (String, u32);

fn one(subject: impl fmt::Display) -> Vec<Subject> {
    vec![(subject.to_string(), 1)]
}

impl Action<'_> {
    /// The cells that it is charged to: several where it is charged to an address.
    fn cells(&self, budgets: &Budgets) -> Vec<Cell> {
        let (setting, budget, subjects) = match self {
            Self::FailedLogin(account, from) => {
                ("RATE_LIMIT_FAILED_LOGINS", budgets.failed_logins, from.subjects_with(account))
            }
            Self::FailedLoginAtHome(user, from) => {
                let at_home = one(format_args!("{user} {}", from.as_str()));
                ("RATE_LIMIT_FAILED_LOGINS", budgets.failed_logins, at_home)
            }
            Self::FailedLoginFrom(from) => {
                ("RATE_LIMIT_FAILED_LOGINS_ADDRESS", budgets.failed_logins_address, from.subjects())
            }
            Self::FailedLoginTo(account) => {
                ("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", budgets.failed_logins_account, one(account))
            }
            Self::FailedLoginInAMonth(account) => {
                ("RATE_LIMIT_FAILED_LOGINS_MONTH", budgets.failed_logins_in_a_month, one(account))
            }
            Self::Login(account) => ("RATE_LIMIT_LOGINS", budgets.logins, one(account)),
            Self::Signup(from) => ("RATE_LIMIT_SIGNUPS", budgets.signups, from.subjects()),
            Self::UsernameCheck(from) => {
                ("RATE_LIMIT_USERNAME_CHECKS", budgets.username_checks, from.subjects())
            }
            Self::UsernameClaim(user) => ("RATE_LIMIT_USERNAME_CHECKS", budgets.username_checks, one(user)),
            Self::PasswordProof(session) => {
                ("RATE_LIMIT_PASSWORD_CHANGES", budgets.password_changes, one(session))
            }
            Self::Reauthentication(session) => {
                ("RATE_LIMIT_REAUTHENTICATIONS", budgets.reauthentications, one(session))
            }
            Self::PasswordReset(user) => ("RATE_LIMIT_PASSWORD_RESETS", budgets.password_resets, one(user)),
            Self::Notice(kind, user) => {
                ("RATE_LIMIT_NOTICES", budgets.notices, one(format_args!("{} {user}", kind.to_value())))
            }
            Self::Code(series) => ("RATE_LIMIT_CODES", budgets.codes, one(series)),
            Self::FailedCodeFrom(from) => {
                ("RATE_LIMIT_FAILED_CODES_ADDRESS", budgets.failed_codes_address, from.subjects())
            }
            Self::FailedCodeBy(user) => {
                ("RATE_LIMIT_FAILED_CODES_ACCOUNT", budgets.failed_codes_account, one(user))
            }
            Self::LinkPassword(link) => ("RATE_LIMIT_CODES", budgets.codes, one(format_args!("link {link}"))),
            Self::UndoProof(user) => ("RATE_LIMIT_CODES", budgets.codes, one(format_args!("undo {user}"))),
            Self::Write(user) => ("RATE_LIMIT_WRITES", budgets.writes, one(user)),
            Self::MailAgain(purpose, to) => ("RESEND_COOLDOWN", budgets.mail_again, mail(*purpose, to)),
            Self::Mail(purpose, to) => ("RATE_LIMIT_MAILS", budgets.mails, mail(*purpose, to)),
            Self::MailInADay(purpose, to) => {
                ("RATE_LIMIT_MAILS_DAY", budgets.mails_in_a_day, mail(*purpose, to))
            }
            Self::RecoveryMail(purpose, to) => {
                ("RATE_LIMIT_RECOVERY_MAILS", budgets.recovery_mails, mail(*purpose, to))
            }
            Self::MailFrom(from) => ("RATE_LIMIT_MAILS_ADDRESS", budgets.mails_address, from.subjects()),
            Self::MailFromKnown(account, from) => {
                let at_home = one(format_args!("{account} {}", from.as_str()));
                ("RATE_LIMIT_MAILS_ADDRESS", budgets.mails_address, at_home)
            }
            Self::MailBy(account) => ("RATE_LIMIT_MAILS_ACCOUNT", budgets.mails_account, one(account)),
            Self::BareCode(of) => ("RATE_LIMIT_BARE_CODES", budgets.bare_codes, one(of.key())),
            Self::GoogleStart(from) => ("RATE_LIMIT_GOOGLE_STARTS", budgets.google_starts, from.subjects()),
            Self::FailedGoogleLogin(from) => {
                ("RATE_LIMIT_FAILED_GOOGLE_LOGINS", budgets.failed_google_logins, from.subjects())
            }
        };
        let cell = |(subject, times): Subject| {
            Cell::new(setting, &subject, Budget { count: budget.count.saturating_mul(times), ..budget })
        };
        subjects.into_iter().map(cell).collect()
    }

    /// Where failures count in a row, if these do.
    fn streak(&self) -> Option<Streak> {
        match self {
            Self::FailedLoginAtHome(user_id, from) => {
                Some(Streak { user_id: *user_id, address: from.as_str().to_owned() })
            }
            _ => None,
        }
    }
}

/// Purposes have budgets of their own: who asks for codes in another's name must not keep them from their reset links.
fn mail(purpose: Purpose, to: &EmailAddress) -> Vec<Subject> {
    one(format_args!("{} {}", purpose.to_value(), to.key()))
}

/// Failures in a row of a user at an address, which make a known address strange again.
#[derive(Clone, Debug)]
struct Streak {
    user_id: Uuid,
    address: String,
}

impl Streak {
    async fn add(&self, txn: &Txn, failures: i32) -> Result<(), DbErr> {
        known_address::add_failures(txn, self.user_id, &self.address, failures).await
    }
}

/// Returns a digest of a subject, as small as an id.
#[must_use]
pub fn key(subject: &str) -> Uuid {
    let digest = digest(&SHA256, subject.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(key).into_uuid()
}

/// One budget of one subject.
#[derive(Clone, Copy, Debug)]
struct Cell {
    /// The setting that says how much there is.
    setting: &'static str,
    key: Uuid,
    /// What one charge takes, in milliseconds of the period.
    cost_ms: i64,
    window_ms: i64,
}

impl Cell {
    /// Subjects are kept as digests, so that a row is small however long a name was tried.
    fn new(setting: &'static str, subject: &str, budget: Budget) -> Self {
        let count = i64::from(budget.count);
        let period_ms = i64::try_from(budget.period.as_millis()).unwrap_or(i64::MAX / 2);
        let cost_ms = (period_ms + count - 1) / count;
        let key = key(&format!("{setting} {subject}"));
        Self { setting, key, cost_ms, window_ms: cost_ms * count }
    }

    /// How long until there is room for one charge, in milliseconds; zero or less if there is.
    fn wait(&self, idle_at: OffsetDateTime, now: OffsetDateTime) -> i64 {
        // a cell may be ahead of its window: the budget was another, or a clock was wrong
        let used = (idle_at - now).whole_milliseconds().clamp(0, i128::from(self.window_ms));
        i64::try_from(used).unwrap_or_default() + self.cost_ms - self.window_ms
    }

    fn charge(&self) -> rate_limit::Charge {
        rate_limit::Charge { key: self.key, cost_ms: self.cost_ms, window_ms: self.window_ms }
    }

    fn give_back(&self) -> rate_limit::Charge {
        rate_limit::Charge { cost_ms: -self.cost_ms, ..self.charge() }
    }

    fn refusal(&self, wait_ms: i64) -> Fault {
        Fault::RateLimited { setting: self.setting, retry_after: millis(wait_ms) }
    }
}

/// Charges an action.
///
/// # Errors
/// [`Fault::RateLimited`] where its budget is used up.
pub async fn charge(app: &App, action: Action<'_>) -> Result<Attempt, Fault> {
    Attempt::begin(app, &[action], None).await
}

/// Charges every one of `actions`, or none, and says after how long there will be room for them again.
///
/// # Errors
/// [`Fault::RateLimited`] where a budget is used up.
pub async fn charge_all(app: &App, actions: &[Action<'_>]) -> Result<Duration, Fault> {
    Attempt::begin(app, actions, None).await.map(|attempt| attempt.again_in)
}

/// Something whose outcome is not known yet, charged as if it failed.
#[derive(Clone, Debug)]
pub struct Attempt {
    failures: Vec<Cell>,
    success: Vec<Cell>,
    /// Where the failure counts in a row.
    streak: Option<Streak>,
    now: OffsetDateTime,
    /// Until the same may be begun again.
    again_in: Duration,
}

impl Attempt {
    /// Charges every one of `failures`, or none. There must be room for a `success` too, which is charged when it comes.
    ///
    /// # Errors
    /// [`Fault::RateLimited`] where a budget is used up.
    pub async fn begin(
        app: &App,
        failures: &[Action<'_>],
        success: Option<Action<'_>>,
    ) -> Result<Self, Fault> {
        let now = app.clock.now();
        if !app.config.rate_limits || (failures.is_empty() && success.is_none()) {
            return Ok(Self::free(app));
        }
        let cells = |action: &Action<'_>| action.cells(&app.config.budgets);
        let streak = failures.iter().find_map(Action::streak);
        let mut failures: Vec<Cell> = failures.iter().flat_map(cells).collect();
        failures.sort_unstable_by_key(|cell| cell.key);
        let mut success: Vec<Cell> = success.iter().flat_map(cells).collect();
        success.sort_unstable_by_key(|cell| cell.key);

        let all: Vec<Cell> = failures.iter().chain(&success).copied().collect();
        let keys: Vec<Uuid> = all.iter().map(|cell| cell.key).collect();
        let in_use = rate_limit::list(app.db.read(), &keys).await?;
        let wait = |cell: &Cell| {
            let row = in_use.iter().find(|row| row.key == cell.key);
            cell.wait(row.map_or(now, |row| row.idle_at.0), now)
        };
        if let Some(longest) = all.iter().max_by_key(|cell| wait(cell)).filter(|cell| wait(cell) > 0) {
            app.metrics.charges_refused.inc();
            return Err(longest.refusal(wait(longest)));
        }
        let again_in = failures.iter().map(|cell| wait(cell) + cell.cost_ms).max().unwrap_or_default();
        let again_in = millis(again_in);

        if !failures.is_empty() {
            let (charged, streak) = (failures.clone(), streak.clone());
            let charge = async move |txn: Txn| {
                let refused = charge_cells(&txn, &charged, now).await?;
                if let Some(streak) = streak.filter(|_| refused.is_none()) {
                    // everybody locks cells before these
                    streak.add(&txn, 1).await?;
                }
                Ok(refused)
            };
            let refused = app.db.write(charge).await?;
            if let Some(cell) = refused {
                app.metrics.charges_refused.inc();
                return Err(cell.refusal(cell.cost_ms));
            }
        }
        app.metrics.charges_permitted.inc();
        Ok(Self { failures, success, streak, now, again_in })
    }

    /// Nothing charged: nothing is rationed.
    #[must_use]
    pub fn free(app: &App) -> Self {
        let (failures, success) = (Vec::new(), Vec::new());
        Self { failures, success, streak: None, now: app.clock.now(), again_in: Duration::ZERO }
    }

    /// Passes on what came of it. Where that is nothing, since too much else waits, the charge is given back first: whoever
    /// comes again when they are told to must not be the worse for it.
    ///
    /// # Errors
    /// Those of `outcome`.
    pub async fn unless_busy<T>(&self, app: &App, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(Fault::Busy) = outcome {
            self.refund(app).await?;
        }
        outcome
    }

    /// Gives back what was charged: nothing was decided.
    ///
    /// # Errors
    /// [`Fault`] alone.
    pub async fn refund(&self, app: &App) -> Result<(), Fault> {
        if self.failures.is_empty() {
            return Ok(());
        }
        let (now, back, streak) = (Timestamp(self.now), self.give_back(), self.streak.clone());
        let refund = async move |txn: Txn| {
            rate_limit::charge(&txn, &back, now).await?;
            match streak {
                Some(streak) => streak.add(&txn, -1).await,
                None => Ok(()),
            }
        };
        app.db.write(refund).await
    }

    /// The same, its success to be charged to this: whose it would be is known by now.
    #[must_use]
    pub fn charge_on_success(self, app: &App, success: Action<'_>) -> Self {
        let success = if app.config.rate_limits { success.cells(&app.config.budgets) } else { Vec::new() };
        Self { success, ..self }
    }

    fn give_back(&self) -> Vec<rate_limit::Charge> {
        self.failures.iter().map(Cell::give_back).collect()
    }

    /// Gives back what was charged, and charges the success instead. It belongs to the start of the transaction that makes
    /// it one, so that everybody locks cells before users.
    ///
    /// # Errors
    /// The database's; within, [`Fault::RateLimited`] where others succeeded first and used the budget up.
    pub async fn succeed(self, txn: &Txn) -> Result<Result<(), Fault>, DbErr> {
        let mut charges = self.give_back();
        charges.extend(self.success.iter().map(Cell::charge));
        charges.sort_unstable_by_key(|charge| charge.key);
        if charges.is_empty() {
            return Ok(Ok(()));
        }
        let now = Timestamp(self.now);
        let changed = rate_limit::charge(txn, &charges, now).await?;
        let (done, refused): (Vec<&Cell>, Vec<&Cell>) =
            self.success.iter().partition(|success| changed.contains(&success.key));
        let Some(refused) = refused.first() else { return Ok(Ok(())) };
        if !done.is_empty() {
            let back: Vec<_> = done.into_iter().map(Cell::give_back).collect();
            rate_limit::charge(txn, &back, now).await?;
        }
        Ok(Err(refused.refusal(refused.cost_ms)))
    }

    /// The same where no session begins: a session would end the failures in a row. The transaction locks no user after it.
    ///
    /// # Errors
    /// As [`Attempt::succeed`].
    pub async fn succeed_without_session(self, txn: &Txn) -> Result<Result<(), Fault>, DbErr> {
        let streak = self.streak.clone();
        let succeeded = self.succeed(txn).await?;
        if let Some(streak) = streak.filter(|_| succeeded.is_ok()) {
            streak.add(txn, -1).await?;
        }
        Ok(succeeded)
    }
}

/// Budgets that are to be whole again.
#[derive(Clone, Debug)]
pub struct Restoration {
    cells: Vec<rate_limit::Charge>,
    now: OffsetDateTime,
}

impl Restoration {
    /// Prepares to restore the budgets of `actions`.
    #[must_use]
    pub fn of(app: &App, actions: &[Action<'_>]) -> Self {
        let cells = |action: &Action<'_>| action.cells(&app.config.budgets);
        let whole = |cell: Cell| rate_limit::Charge { cost_ms: -WHOLE_MS, ..cell.charge() };
        let rationed = actions.iter().filter(|_| app.config.rate_limits);
        let mut cells: Vec<_> = rationed.flat_map(cells).map(whole).collect();
        cells.sort_unstable_by_key(|cell| cell.key);
        Self { cells, now: app.clock.now() }
    }

    /// Restores them with `txn`.
    ///
    /// # Errors
    /// The database's.
    pub async fn apply(self, txn: &Txn) -> Result<(), DbErr> {
        if self.cells.is_empty() {
            return Ok(());
        }
        rate_limit::charge(txn, &self.cells, Timestamp(self.now)).await.map(drop)
    }
}

/// Twice the longest period of a budget, 30 days: whoever gets so much back has a whole budget, even if its period was longer
/// before.
const WHOLE_MS: i64 = 2 * 30 * 24 * 60 * 60 * 1000;

/// Charges all cells, or none and undoes the transaction. Where some have no room: the one that will be the last to have.
async fn charge_cells(txn: &Txn, cells: &[Cell], now: OffsetDateTime) -> Result<Option<Cell>, DbErr> {
    let charges: Vec<_> = cells.iter().map(Cell::charge).collect();
    let done = rate_limit::charge(txn, &charges, Timestamp(now)).await?;
    let refused = cells.iter().filter(|cell| !done.contains(&cell.key)).max_by_key(|cell| cell.cost_ms);
    if refused.is_some() {
        // a statement that gives back would keep all who wait for these rows waiting for one more turn
        txn.undo();
    }
    Ok(refused.copied())
}

fn millis(count: i64) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_had_at_once_and_comes_back_one_by_one() {
        let budget = Budget { count: 10, period: Duration::from_mins(15) };
        let cell = Cell::new("x", "y", budget);
        let now = OffsetDateTime::UNIX_EPOCH;
        let used = |count: i64| cell.wait(now + time::Duration::milliseconds(count * cell.cost_ms), now);
        assert!(used(0) <= 0 && used(9) <= 0);
        assert_eq!(used(10), 90_000);
        assert_eq!(cell.wait(now - time::Duration::days(9), now), used(0), "idleness is no credit");
        assert_eq!(cell.wait(now + time::Duration::days(9), now), used(10), "nobody waits longer than that");
    }

    #[test]
    fn subjects_that_look_alike_have_cells_of_their_own() {
        let budget = Budget { count: 1, period: Duration::from_secs(1) };
        let id = Uuid::nil();
        let known = Account::Known(id).to_string();
        let name = id.to_string();
        let unknown = Account::Unknown(&name).to_string();
        assert_ne!(Cell::new("login", &known, budget).key, Cell::new("login", &unknown, budget).key);
    }
}
