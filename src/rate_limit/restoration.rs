//! Refilling budgets.

use sea_orm::DbErr;
use time::OffsetDateTime;

use super::{action::Action, budget::Cell};
use crate::{
    app::App,
    storage::{Timestamp, Txn, rate_limit},
};

/// Twice the longest period that a budget can have, which is 30 days. The factor of two allows for a setting whose
/// period was longer before.
const WHOLE_MS: i64 = 2 * 30 * 24 * 60 * 60 * 1000;

/// Budgets that are about to be refilled.
#[derive(Clone, Debug)]
pub struct Restoration {
    refunds: Vec<rate_limit::Charge>,
    now: OffsetDateTime,
}

impl Restoration {
    /// Prepares to refill the budgets of `actions`.
    #[must_use]
    pub fn of(app: &App, actions: &[Action<'_>]) -> Self {
        let whole = |cell: Cell| rate_limit::Charge { cost_ms: -WHOLE_MS, ..cell.charge() };
        let limited = actions.iter().filter(|_| app.config.budgets.are_enforced);
        let mut refunds: Vec<_> =
            limited.flat_map(|action| action.cells(&app.config.budgets)).map(whole).collect();
        refunds.sort_unstable_by_key(|refund| refund.key);
        Self { refunds, now: app.clock.now() }
    }

    /// Refills the budgets in the transaction `txn`.
    pub async fn apply(self, txn: &Txn) -> Result<(), DbErr> {
        if self.refunds.is_empty() {
            return Ok(());
        }
        rate_limit::charge(txn, &self.refunds, Timestamp(self.now)).await.map(drop)
    }
}
