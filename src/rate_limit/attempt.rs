//! Charges each attempt to its budget before the server does the work for it, and refunds the charge if the attempt
//! succeeds.

use std::time::Duration;

use sea_orm::DbErr;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    action::Action,
    budget::{Cell, Streak, millis},
};
use crate::{
    app::App,
    fault::Fault,
    storage::{Timestamp, Txn, rate_limit},
};

/// An attempt whose outcome is not known yet. Until it succeeds, it is charged as a failure.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The refunds that cancel the charges for a failure.
    refunds: Vec<rate_limit::Charge>,
    success: Vec<Cell>,
    /// The streak to which the failure was added.
    streak: Option<Streak>,
    now: OffsetDateTime,
    again_in: Duration,
}

/// An attempt whose budgets have room, but are not charged yet.
struct Checked {
    failures: Vec<Cell>,
    success: Vec<Cell>,
    streak: Option<Streak>,
    /// Whether the charge may be lost in a crash.
    is_forgettable: bool,
    now: OffsetDateTime,
    again_in: Duration,
}

impl Attempt {
    /// Charges either all of `failures` or, if a budget is used up, none: those already charged are refunded. A budget
    /// for `success` must have room as well, but is charged only by [`Attempt::succeed`].
    pub async fn begin(
        app: &App,
        failures: &[Action<'_>],
        success: Option<Action<'_>>,
    ) -> Result<Self, Fault> {
        match Checked::new(app, failures, success).await? {
            Some(checked) => checked.charge(app).await,
            None => Ok(Self::free(app)),
        }
    }

    /// Does the same as [`Attempt::begin`] for an attempt that may compute a hash, and also takes a place in the queue
    /// of hashes. This first checks whether a budget is used up, and then whether the queue is full, so a flood of
    /// attempts is refused before anything is written.
    ///
    /// # Errors
    /// [`Fault::Busy`] if `take_place` finds no free place.
    pub async fn begin_with_place<P>(
        app: &App,
        failures: &[Action<'_>],
        success: Option<Action<'_>>,
        take_place: impl FnOnce() -> Result<P, Fault>,
    ) -> Result<(Self, P), Fault> {
        let checked = Checked::new(app, failures, success).await?;
        // if the charge is refused, the place is freed immediately
        let place = take_place()?;
        let attempt = match checked {
            Some(checked) => checked.charge(app).await?,
            None => Self::free(app),
        };
        Ok((attempt, place))
    }

    /// Returns an attempt that charges nothing.
    #[must_use]
    pub fn free(app: &App) -> Self {
        let (refunds, success) = (Vec::new(), Vec::new());
        Self { refunds, success, streak: None, now: app.clock.now(), again_in: Duration::ZERO }
    }

    /// Returns the charges in JSON, for an attempt that can succeed only in a later request.
    #[must_use]
    pub fn defer(&self) -> String {
        let refunds: Vec<_> =
            self.refunds.iter().map(|refund| (refund.key, refund.cost_ms, refund.window_ms)).collect();
        serde_json::to_string(&refunds).unwrap_or_default()
    }

    /// Restores an attempt from the text that [`Attempt::defer`] returned.
    #[must_use]
    pub fn resume(app: &App, deferred: &str) -> Self {
        let refunds: Vec<(Uuid, i64, i64)> = serde_json::from_str(deferred).unwrap_or_default();
        let refund = |(key, cost_ms, window_ms)| rate_limit::Charge { key, cost_ms, window_ms };
        Self { refunds: refunds.into_iter().map(refund).collect(), ..Self::free(app) }
    }

    /// Returns the time until the same attempt can begin again.
    pub(super) fn again_in(&self) -> Duration {
        self.again_in
    }

    /// Returns `outcome`. If it is [`Fault::Busy`], refunds the charge first, because a client that retries when asked to
    /// must not be charged twice.
    pub async fn unless_busy<T>(&self, app: &App, outcome: Result<T, Fault>) -> Result<T, Fault> {
        if let Err(Fault::Busy) = outcome {
            self.refund(app).await?;
        }
        outcome
    }

    /// Refunds the charge for an attempt that had no outcome.
    pub async fn refund(&self, app: &App) -> Result<(), Fault> {
        if self.refunds.is_empty() {
            return Ok(());
        }
        let (now, refunds, streak) = (Timestamp(self.now), self.refunds.clone(), self.streak.clone());
        let refund = async move |txn: Txn| {
            rate_limit::charge(&txn, &refunds, now).await?;
            match streak {
                Some(streak) => streak.add(&txn, -1).await,
                None => Ok(()),
            }
        };
        app.db.write(refund).await
    }

    /// Joins two attempts that succeed together.
    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.refunds.extend(other.refunds);
        self.success.extend(other.success);
        self
    }

    /// Replaces the action that is charged on success, for callers that learn only after the attempt has begun which action it is.
    #[must_use]
    pub fn charge_on_success(self, app: &App, success: Action<'_>) -> Self {
        let success =
            if app.config.budgets.are_enforced { success.cells(&app.config.budgets) } else { Vec::new() };
        Self { success, ..self }
    }

    /// Refunds the failure and charges the success. Must be called at the start of the transaction that makes the
    /// attempt succeed, because every transaction locks cells before users.
    ///
    /// # Errors
    /// The inner result is [`Fault::RateLimited`] if other attempts succeeded first and used up the budget.
    pub async fn succeed(self, txn: &Txn) -> Result<Result<(), Fault>, DbErr> {
        let due = self.charges_of_success();
        if due.is_empty() {
            return Ok(Ok(()));
        }
        let now = Timestamp(self.now);
        let charged = rate_limit::charge(txn, &due, now).await?;
        let Some(refused) = refused(&self.success, &charged) else { return Ok(Ok(())) };
        let granted = self.success.iter().filter(|success| charged.contains(&success.key));
        let refunds: Vec<_> = granted.map(Cell::refund).collect();
        if !refunds.is_empty() {
            rate_limit::charge(txn, &refunds, now).await?;
        }
        Ok(Err(refused.refusal(refused.cost_ms)))
    }

    /// Returns the charges of [`Attempt::succeed`], for a statement that opens a session as well. Afterwards,
    /// [`Attempt::settle`] must be called.
    pub fn charges_of_success(&self) -> Vec<rate_limit::Charge> {
        let mut charges = self.refunds.clone();
        charges.extend(self.success.iter().map(Cell::charge));
        charges.sort_unstable_by_key(|charge| charge.key);
        charges
    }

    /// Completes a success for which a statement has charged these cells.
    ///
    /// # Errors
    /// [`Fault::RateLimited`] if other attempts succeeded first and used up the budget.
    pub async fn settle(&self, app: &App, charged: &[Uuid]) -> Result<(), Fault> {
        let Some(refused) = refused(&self.success, charged) else { return Ok(()) };
        refund(app, &self.success, charged, self.now).await?;
        Err(refused.refusal(refused.cost_ms))
    }

    /// Does the same as [`Attempt::succeed`] for a success that opens no session. Removes this attempt from the streak
    /// of failures, because there is no new session that would end the streak. The transaction must not lock a user
    /// afterwards.
    pub async fn succeed_without_session(self, txn: &Txn) -> Result<Result<(), Fault>, DbErr> {
        let streak = self.streak.clone();
        let succeeded = self.succeed(txn).await?;
        if let Some(streak) = streak.filter(|_| succeeded.is_ok()) {
            streak.add(txn, -1).await?;
        }
        Ok(succeeded)
    }
}

impl Checked {
    /// Reads the budgets. Returns `None` if there are none to charge.
    ///
    /// # Errors
    /// [`Fault::RateLimited`] if one of them is used up.
    async fn new(
        app: &App,
        failures: &[Action<'_>],
        success: Option<Action<'_>>,
    ) -> Result<Option<Self>, Fault> {
        let now = app.clock.now();
        if !app.config.budgets.are_enforced || (failures.is_empty() && success.is_none()) {
            return Ok(None);
        }
        let streak = failures.iter().find_map(Action::streak);
        let failure_cells = sorted_cells(app, failures);
        let success_cells = sorted_cells(app, success.as_slice());

        let all: Vec<Cell> = failure_cells.iter().chain(&success_cells).copied().collect();
        let keys: Vec<Uuid> = all.iter().map(|cell| cell.key).collect();
        let in_use = rate_limit::list(app.db.read(), &keys).await?;
        let wait = |cell: &Cell| {
            let row = in_use.iter().find(|row| row.key == cell.key);
            cell.wait(row.map_or(now, |row| row.idle_at.0), now)
        };
        if let Some(longest) = all.iter().max_by_key(|cell| wait(cell)).filter(|cell| wait(cell) > 0) {
            app.metrics.refuse_charge(longest.setting);
            return Err(longest.refusal(wait(longest)));
        }
        let again_in_ms = failure_cells.iter().map(|cell| wait(cell) + cell.cost_ms).max();
        Ok(Some(Self {
            failures: failure_cells,
            success: success_cells,
            streak,
            is_forgettable: failures.iter().all(Action::is_login),
            now,
            again_in: millis(again_in_ms.unwrap_or_default()),
        }))
    }

    /// Charges the failures. Fails if other attempts have used up the same budgets since they were read.
    async fn charge(self, app: &App) -> Result<Attempt, Fault> {
        let Self { failures, success, streak, is_forgettable, now, again_in } = self;
        if !failures.is_empty() {
            let (with_charge, alone) = if app.db.can_write_several_tables() {
                (streak.clone(), None)
            } else {
                (None, streak.clone())
            };
            let failure = rate_limit::Failure {
                charges: failures.iter().map(Cell::charge).collect(),
                streak: with_charge.map(|Streak { user_id, address }| (user_id, address)),
                is_forgettable,
            };
            let charge = async move |txn| rate_limit::charge_failure(&txn, failure, Timestamp(now)).await;
            let charged = app.db.write_text(charge).await?;
            if let Some(refused) = refused(&failures, &charged) {
                // not in one transaction with the charge, which would hold the locks of these rows for longer
                refund(app, &failures, &charged, now).await?;
                app.metrics.refuse_charge(refused.setting);
                return Err(refused.refusal(refused.cost_ms));
            }
            // after the charge, because every transaction locks cells before known addresses
            if let Some(streak) = alone {
                app.db.write_one(async move |txn| streak.add(&txn, 1).await).await?;
            }
        }
        app.metrics.charges_permitted.inc();
        let refunds = failures.iter().map(Cell::refund).collect();
        Ok(Attempt { refunds, success, streak, now, again_in })
    }
}

// The cells are sorted by key, so that transactions that lock their rows cannot deadlock.
fn sorted_cells(app: &App, actions: &[Action<'_>]) -> Vec<Cell> {
    let mut cells: Vec<Cell> = actions.iter().flat_map(|action| action.cells(&app.config.budgets)).collect();
    cells.sort_unstable_by_key(|cell| cell.key);
    cells
}

/// Returns the cell that recovers last of those that had no room for their charge. Returns `None` if all were charged.
fn refused<'a>(cells: &'a [Cell], charged: &[Uuid]) -> Option<&'a Cell> {
    cells.iter().filter(|cell| !charged.contains(&cell.key)).max_by_key(|cell| cell.cost_ms)
}

/// Refunds those of the cells that were charged.
async fn refund(app: &App, cells: &[Cell], charged: &[Uuid], now: OffsetDateTime) -> Result<(), Fault> {
    let charged = cells.iter().filter(|cell| charged.contains(&cell.key));
    let refunds: Vec<_> = charged.map(Cell::refund).collect();
    if refunds.is_empty() {
        return Ok(());
    }
    let refund = async move |txn| rate_limit::charge(&txn, &refunds, Timestamp(now)).await.map(drop);
    app.db.write_one(refund).await
}
