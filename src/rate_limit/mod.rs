//! Rate limits. The counts are kept in the database, so they survive restarts and apply to all servers together.
//!
//! Use cases charge a budget before they do the work. A read detects a used-up budget, so a refusal costs neither the
//! work nor a write. An attempt that succeeds gets its charge back, so that successes do not use up the budgets for
//! failures.
//!
//! [`Action`] defines what is limited and for whom, the cells of `budget.rs` do the arithmetic, and [`Attempt`] charges
//! and refunds.

mod action;
mod address;
mod attempt;
mod budget;
mod restoration;

use std::time::Duration;

pub use action::{Account, Action};
pub use address::Address;
pub use attempt::Attempt;
pub use budget::key;
pub use restoration::Restoration;

use crate::{app::App, fault::Fault};

/// Charges an action, or fails with [`Fault::RateLimited`] if its budget is used up.
pub async fn charge(app: &App, action: Action<'_>) -> Result<Attempt, Fault> {
    Attempt::begin(app, &[action], None).await
}

/// Charges either all of `actions` or, if a budget is used up, none. Returns the time until they can be charged again.
pub async fn charge_all(app: &App, actions: &[Action<'_>]) -> Result<Duration, Fault> {
    Attempt::begin(app, actions, None).await.map(|attempt| attempt.again_in())
}
