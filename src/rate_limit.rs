//! How often things may be done, counted in the database: so it holds across restarts, and for all servers together.
//!
//! Use cases charge before the work. What is refused is refused by a read, and costs neither work nor a write. An attempt
//! that succeeds is given its charge back, so that nobody is refused for failures that they did not make.

use std::{fmt, net::IpAddr, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::{ActiveEnum, DbErr};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    app::App,
    config::{Budget, Budgets, Mode},
    fault::Fault,
    input::EmailAddress,
    storage::{Timestamp, Txn, challenge::Purpose, rate_limit},
};

/// What is rationed, and to whom.
#[derive(Clone, Copy, Debug)]
pub enum Action<'a> {
    /// A failed login to an account from an address.
    FailedLogin(Account<'a>, &'a Address),
    /// A failed login from an address that is strange to the account.
    FailedLoginFrom(&'a Address),
    /// A failed login to an account from any address that is strange to it.
    FailedLoginTo(Account<'a>),
    /// A successful login.
    Login(Account<'a>),
    /// A sign-up, whatever came of it.
    Signup(&'a Address),
    /// A question whether a username is free.
    UsernameCheck(&'a Address),
    /// A change of password, whatever came of it.
    PasswordChange(Uuid),
    /// A write of a signed-in user.
    Write(Uuid),
    /// A mail for a purpose to an address, whoever has it. Another must wait for a while.
    MailAgain(Purpose, &'a EmailAddress),
    /// A mail for a purpose to an address, in an hour.
    Mail(Purpose, &'a EmailAddress),
    /// A mail for a purpose to an address, in a day.
    MailInADay(Purpose, &'a EmailAddress),
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

/// Where a client is, as far as one can be told from its neighbours: an IPv4 address, or the /64 network of an IPv6 address,
/// all of which is one customer's (RFC 6177).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(String);

impl Address {
    /// That of an IP address.
    #[must_use]
    pub fn of(ip_address: IpAddr) -> Self {
        Self(match ip_address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
        })
    }

    /// That of a client, unless nothing is rationed to it by its address: in development, clients on the same machine are a
    /// front end and its tests.
    #[must_use]
    pub fn rationed(app: &App, ip_address: Option<IpAddr>) -> Option<Self> {
        let is_exempt = |address: IpAddr| app.config.mode == Mode::Dev && address.is_loopback();
        if !app.config.rate_limits || ip_address.is_some_and(is_exempt) {
            return None;
        }
        // whoever cannot be told apart shares
        Some(ip_address.map_or_else(|| Self("unknown".to_owned()), Self::of))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Action<'_> {
    fn cell(&self, budgets: &Budgets) -> Cell {
        let (setting, budget, subject) = match self {
            Self::FailedLogin(account, from) => {
                ("RATE_LIMIT_FAILED_LOGINS", budgets.failed_logins, format!("{account} {}", from.0))
            }
            Self::FailedLoginFrom(from) => {
                ("RATE_LIMIT_FAILED_LOGINS_ADDRESS", budgets.failed_logins_address, from.0.clone())
            }
            Self::FailedLoginTo(account) => {
                ("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", budgets.failed_logins_account, account.to_string())
            }
            Self::Login(account) => ("RATE_LIMIT_LOGINS", budgets.logins, account.to_string()),
            Self::Signup(from) => ("RATE_LIMIT_SIGNUPS", budgets.signups, from.0.clone()),
            Self::UsernameCheck(from) => {
                ("RATE_LIMIT_USERNAME_CHECKS", budgets.username_checks, from.0.clone())
            }
            Self::PasswordChange(user) => {
                ("RATE_LIMIT_PASSWORD_CHANGES", budgets.password_changes, user.to_string())
            }
            Self::Write(user) => ("RATE_LIMIT_WRITES", budgets.writes, user.to_string()),
            Self::MailAgain(purpose, to) => ("RESEND_COOLDOWN", budgets.mail_again, mail(*purpose, to)),
            Self::Mail(purpose, to) => ("RATE_LIMIT_MAILS", budgets.mails, mail(*purpose, to)),
            Self::MailInADay(purpose, to) => {
                ("RATE_LIMIT_MAILS_DAY", budgets.mails_in_a_day, mail(*purpose, to))
            }
            Self::BareCode(of) => ("RATE_LIMIT_BARE_CODES", budgets.bare_codes, of.key().to_owned()),
            Self::GoogleStart(from) => ("RATE_LIMIT_GOOGLE_STARTS", budgets.google_starts, from.0.clone()),
            Self::FailedGoogleLogin(from) => {
                ("RATE_LIMIT_FAILED_GOOGLE_LOGINS", budgets.failed_google_logins, from.0.clone())
            }
        };
        Cell::new(setting, &subject, budget)
    }
}

/// Purposes have budgets of their own: who asks for codes in another's name must not keep them from their reset links.
fn mail(purpose: Purpose, to: &EmailAddress) -> String {
    format!("{} {}", purpose.to_value(), to.key())
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
        let digest = digest(&SHA256, format!("{setting} {subject}").as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest.as_ref()[..16]);
        let count = i64::from(budget.count);
        let period_ms = i64::try_from(budget.period.as_millis()).unwrap_or(i64::MAX / 2);
        let cost_ms = (period_ms + count - 1) / count;
        let key = uuid::Builder::from_custom_bytes(key).into_uuid();
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
    success: Option<Cell>,
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
            return Ok(Self { failures: Vec::new(), success: None, now, again_in: Duration::ZERO });
        }
        let cell = |action: &Action<'_>| action.cell(&app.config.budgets);
        let mut failures: Vec<Cell> = failures.iter().map(cell).collect();
        failures.sort_unstable_by_key(|cell| cell.key);
        let success = success.as_ref().map(cell);

        let all: Vec<Cell> = failures.iter().copied().chain(success).collect();
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
            let charged = failures.clone();
            let refused = app.db.write(async move |txn| charge_cells(&txn, &charged, now).await).await?;
            if let Some(cell) = refused {
                app.metrics.charges_refused.inc();
                return Err(cell.refusal(cell.cost_ms));
            }
        }
        app.metrics.charges_permitted.inc();
        Ok(Self { failures, success, now, again_in })
    }

    /// Passes on what came of it. Where that is nothing, since too much else waits, the charge is given back first: whoever
    /// comes again when they are told to must not be the worse for it.
    ///
    /// # Errors
    /// Those of `outcome`.
    pub async fn unless_busy<T>(&self, app: &App, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(Fault::Busy) = outcome {
            self.take_back(app).await?;
        }
        outcome
    }

    /// Gives back what was charged: nothing was decided.
    ///
    /// # Errors
    /// [`Fault`] alone.
    pub async fn take_back(&self, app: &App) -> Result<(), Fault> {
        if self.failures.is_empty() {
            return Ok(());
        }
        let (now, back) = (Timestamp(self.now), self.give_back());
        app.db.write_one(async move |txn| rate_limit::charge(&txn, &back, now).await.map(drop)).await
    }

    /// The same, its success to be charged to this: whose it would be is known by now.
    #[must_use]
    pub fn to_succeed_as(self, app: &App, success: Action<'_>) -> Self {
        let success = app.config.rate_limits.then(|| success.cell(&app.config.budgets));
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
        charges.extend(self.success.as_ref().map(Cell::charge));
        charges.sort_unstable_by_key(|charge| charge.key);
        if charges.is_empty() {
            return Ok(Ok(()));
        }
        let done = rate_limit::charge(txn, &charges, Timestamp(self.now)).await?;
        let refused = self.success.filter(|success| !done.contains(&success.key));
        Ok(refused.map_or(Ok(()), |success| Err(success.refusal(success.cost_ms))))
    }
}

/// Charges all cells or none. Where some have no room: the one that will be the last to have.
async fn charge_cells(txn: &Txn, cells: &[Cell], now: OffsetDateTime) -> Result<Option<Cell>, DbErr> {
    let charges: Vec<_> = cells.iter().map(Cell::charge).collect();
    let done = rate_limit::charge(txn, &charges, Timestamp(now)).await?;
    let (done, refused): (Vec<Cell>, Vec<Cell>) = cells.iter().partition(|cell| done.contains(&cell.key));
    if !refused.is_empty() && !done.is_empty() {
        let back: Vec<_> = done.iter().map(Cell::give_back).collect();
        rate_limit::charge(txn, &back, Timestamp(now)).await?;
    }
    Ok(refused.into_iter().max_by_key(|cell| cell.cost_ms))
}

fn millis(count: i64) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_ipv4_address_or_a_64_bit_network() {
        let address = |text: &str| Address::of(text.parse().unwrap()).0;
        assert_eq!(address("192.0.2.1"), "192.0.2.1");
        assert_eq!(address("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(address("2001:db8::1"), "2001:db8:0:0::/64");
        assert_eq!(address("2001:db8:0:0:ffff::1"), "2001:db8:0:0::/64");
        assert_eq!(address("2001:db8:0:1::1"), "2001:db8:0:1::/64");
    }

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
