//! Delivery of one email, and the record of its outcome.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::FutureExt;
use secrecy::ExposeSecret;

use super::compose::{Composed, compose};
use crate::{
    app::App,
    config::Mode,
    mail::{Failure, Written},
    secrets,
    storage::{
        Timestamp,
        outbox::{self, Outcome},
    },
    telemetry::with_causes,
};

/// The delay after the first failure. It doubles with each further failure.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The maximum delay.
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// How long sending is retried before Gatehouse gives up on an email.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(24);

/// The maximum number of characters of an error message that are stored.
const MAX_ERROR: usize = 500;

/// The maximum time that a row occupies a sending slot if it turns out to need no email.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);

/// Delivers one email and records the outcome. Returns whether an email was sent.
pub(super) async fn deliver(app: &App, row: outbox::Model, typical: Arc<AtomicU64>) -> bool {
    let begun = Instant::now();
    let attempt = AssertUnwindSafe(attempt(app, &row)).catch_unwind().await;
    let Ok(outcome) = attempt else {
        tracing::error!(mail.id = %row.id, mail.kind = row.kind, "sending an email panicked; it will be retried");
        return false;
    };
    // the reason stays out of the log, because it may contain addresses
    match &outcome {
        Outcome::Sent => tracing::debug!(mail.id = %row.id, mail.kind = row.kind, "an email was sent"),
        Outcome::Nothing => {
            tracing::debug!(mail.id = %row.id, mail.kind = row.kind, "no email was needed");
        }
        Outcome::Failed(_) => tracing::error!(
            mail.id = %row.id, mail.kind = row.kind, mail.attempts = row.attempts,
            "gave up on an email; `gatehouse mail queue` shows the reason"
        ),
        Outcome::Again(..) => tracing::warn!(
            mail.id = %row.id, mail.kind = row.kind, mail.attempts = row.attempts,
            "an email was not sent and will be retried; `gatehouse mail queue` shows the reason"
        ),
    }
    let (was_sent, is_silent) = (outcome == Outcome::Sent, outcome == Outcome::Nothing);
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    settle(app, &row, outcome).await;
    if was_sent {
        typical.store(took, Ordering::Relaxed);
    }
    if is_silent {
        // if the slot were freed immediately, the next email would arrive earlier and reveal that this address has no
        // account
        let typical = Duration::from_millis(typical.load(Ordering::Relaxed));
        tokio::time::sleep(typical.min(LONGEST_SILENCE)).await;
    }
    was_sent
}

async fn attempt(app: &App, row: &outbox::Model) -> Outcome {
    let now = app.clock.now();
    if row.expires_at.0 <= now || row.created_at.0 + GIVEN_UP_AFTER <= now {
        let last = row.last_error.as_deref().unwrap_or("no attempt was made in time");
        return Outcome::Failed(cut(&format!("too late; {last}")));
    }
    let again = |why: &str| Outcome::Again(cut(why), wait(row.attempts));
    let mail = match compose(app, row).await {
        Ok(Composed::Mail(mail)) => mail,
        Ok(Composed::Nothing) => return Outcome::Nothing,
        Ok(Composed::Unknown) => return again("this version does not know this kind of email"),
        Err(fault) => return again(&fault.to_string()),
    };
    let sent = match app.mailer.write(row.id, row.created_at.0, &mail) {
        Ok(written) => app.mailer.send(&written, &mut |_| {}).await.map(|_| written),
        Err(failure) => Err(failure),
    };
    match sent {
        Ok(written) => {
            if app.config.mode == Mode::Dev {
                tell(&written);
            }
            Outcome::Sent
        }
        Err(Failure { is_permanent: true, words }) => Outcome::Failed(cut(&words)),
        Err(Failure { is_permanent: false, words }) => again(&words),
    }
}

/// Records the outcome. If that fails, tries again, because without the record the email would be sent again.
async fn settle(app: &App, row: &outbox::Model, outcome: Outcome) {
    let (id, attempt) = (row.id, row.attempts);
    for pause in [200, 1000, 3000] {
        let (outcome, now) = (outcome.clone(), Timestamp(app.clock.now()));
        let noted =
            app.db.write_one(async move |txn| outbox::settle(&txn, id, attempt, outcome, now).await).await;
        match noted {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(mail.id = %id, "sending an email took longer than its lease; another server may have sent it too");
                return;
            }
            Err(error) => tracing::warn!(
                mail.id = %id,
                error = %with_causes(&error),
                "the outcome of sending an email could not be saved"
            ),
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Returns the delay after this many attempts. It varies randomly by up to a fifth, so that emails that failed together
/// are not retried together.
fn wait(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or_default().min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let [random] = secrets::random::<1>();
    wait.mul_f64(0.8 + 0.4 * f64::from(random) / 255.0)
}

fn cut(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_ERROR).collect()
}

/// Logs the email, including its code or link. Development mode only.
fn tell(mail: &Written) {
    let secret = mail.code.as_ref().or(mail.link.as_ref()).map(ExposeSecret::expose_secret);
    tracing::info!(
        "mail to {}: {}{}",
        mail.to.as_str(),
        mail.subject,
        secret.map(|secret| format!(" ({secret})")).unwrap_or_default()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_seconds_to_ten_minutes() {
        for (attempts, seconds) in [(1, 5), (2, 10), (3, 20), (7, 320), (8, 600), (1000, 600)] {
            let nominal = Duration::from_secs(seconds);
            for _ in 0..50 {
                let wait = wait(attempts);
                assert!(
                    wait >= nominal.mul_f64(0.79) && wait <= nominal.mul_f64(1.21),
                    "{attempts}: {wait:?}"
                );
            }
        }
    }
}
