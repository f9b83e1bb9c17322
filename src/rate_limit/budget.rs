//! The arithmetic of a budget, and the row in which it is counted.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use sea_orm::DbErr;
use time::OffsetDateTime;
use uuid::Uuid;

use super::address::Address;
use crate::{
    config::Budget,
    fault::Fault,
    storage::{Txn, known_address, rate_limit},
};

/// Returns a digest of a subject. The digest has the size of an ID.
#[must_use]
pub fn key(subject: &str) -> Uuid {
    let digest = digest(&SHA256, subject.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(key).into_uuid()
}

/// The budget of one subject for one setting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// The setting that defines the budget.
    pub(super) setting: &'static str,
    pub(super) key: Uuid,
    /// The cost of one charge, in milliseconds of the period.
    pub(super) cost_ms: i64,
    window_ms: i64,
}

impl Cell {
    /// Creates a cell. Its key is a digest, so that a row stays small no matter how long the entered name is.
    pub(super) fn new(subject: &str, budget: Budget) -> Self {
        let count = i64::from(budget.count);
        // half of the maximum leaves room for the sum below
        let period_ms = i64::try_from(budget.period.as_millis()).unwrap_or(i64::MAX / 2);
        // the cost is rounded up, because a budget must never allow more than its setting says
        let cost_ms = (period_ms + count - 1) / count;
        let key = key(&format!("{} {subject}", budget.setting));
        Self { setting: budget.setting, key, cost_ms, window_ms: cost_ms * count }
    }

    /// Returns the time until one charge fits, in milliseconds. Zero or less means that it fits now.
    pub(super) fn wait(&self, idle_at: OffsetDateTime, now: OffsetDateTime) -> i64 {
        // a row can be ahead of the window if the setting has changed or a clock was wrong
        let used = (idle_at - now).whole_milliseconds().clamp(0, i128::from(self.window_ms));
        i64::try_from(used).unwrap_or_default() + self.cost_ms - self.window_ms
    }

    pub(super) fn charge(&self) -> rate_limit::Charge {
        rate_limit::Charge { key: self.key, cost_ms: self.cost_ms, window_ms: self.window_ms }
    }

    pub(super) fn refund(&self) -> rate_limit::Charge {
        rate_limit::Charge { cost_ms: -self.cost_ms, ..self.charge() }
    }

    pub(super) fn refusal(&self, wait_ms: i64) -> Fault {
        Fault::RateLimited { setting: self.setting, retry_after: millis(wait_ms) }
    }
}

/// A user's consecutive failures at one address. After too many failures, a known address counts as unknown
/// again.
#[derive(Clone, Debug)]
pub(super) struct Streak {
    pub(super) user_id: Uuid,
    pub(super) address: String,
}

impl Streak {
    pub(super) fn new(user_id: Uuid, from: &Address) -> Self {
        Self { user_id, address: from.as_str().to_owned() }
    }

    pub(super) async fn add(&self, txn: &Txn, failures: i32) -> Result<(), DbErr> {
        known_address::add_failures(txn, self.user_id, &self.address, failures).await
    }
}

pub(super) fn millis(count: i64) -> Duration {
    Duration::from_millis(u64::try_from(count).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate_limit::Account;

    #[test]
    fn a_budget_is_had_at_once_and_comes_back_one_by_one() {
        let budget = Budget { setting: "x", count: 10, period: Duration::from_mins(15) };
        let cell = Cell::new("y", budget);
        let now = OffsetDateTime::UNIX_EPOCH;
        let used = |count: i64| cell.wait(now + time::Duration::milliseconds(count * cell.cost_ms), now);
        assert!(used(0) <= 0 && used(9) <= 0);
        assert_eq!(used(10), 90_000);
        assert_eq!(cell.wait(now - time::Duration::days(9), now), used(0), "idleness is no credit");
        assert_eq!(cell.wait(now + time::Duration::days(9), now), used(10), "nobody waits longer than that");
    }

    #[test]
    fn subjects_that_look_alike_have_cells_of_their_own() {
        let budget = Budget { setting: "login", count: 1, period: Duration::from_secs(1) };
        let id = Uuid::nil();
        let known = Account::Known(id).to_string();
        let name = id.to_string();
        let unknown = Account::Unknown(&name).to_string();
        assert_ne!(Cell::new(&known, budget).key, Cell::new(&unknown, budget).key);
    }
}
