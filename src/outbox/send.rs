//! Sending what is due.
//!
//! Any number of servers share an outbox: each claims what it is about to send, for longer than sending takes. What fails
//! for now is tried again, ever more seldom, for a day; a server that dies leaves its claims to run out, and then the same
//! mail goes out again, with the same `Message-ID`, to the same byte.

use std::{panic::AssertUnwindSafe, pin::pin, time::Duration};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::compose::{Composed, compose};
use crate::{
    app::App,
    config::Mode,
    fault::Fault,
    mail::{Failure, Mailer, Written},
    secrets,
    storage::{
        Timestamp,
        outbox::{self, Outcome},
    },
};
use secrecy::ExposeSecret;

/// Mails sent at once by this process.
const AT_ONCE: usize = 4;

/// How often to look for mails that others have written, or left.
const EVERY: Duration = Duration::from_secs(2);

/// How long a claimed mail is nobody else's.
const LEASE: Duration = Duration::from_mins(1);
const _: () = assert!(LEASE.as_secs() > Mailer::LONGEST.as_secs() + 10, "a lease outlasts every sending");

/// The first wait after a failure; each following is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_mins(10);

/// What could not be sent for so long is given up.
const GIVEN_UP_AFTER: Duration = Duration::from_hours(24);

/// How much is kept of what a mail server says.
const MAX_ERROR: usize = 500;

/// How long mails on their way may take once the process is told to stop. What takes longer is sent by its successor.
const DRAIN: Duration = Duration::from_secs(9);

/// Mails on their way; each tells whether it was sent.
type UnderWay<'a> = FuturesUnordered<BoxFuture<'a, bool>>;

/// Sends until `stopped`, then finishes what is on its way.
pub async fn run(app: &App, stopped: impl Future<Output = ()>) {
    let mut under_way = UnderWay::new();
    tokio::pin!(stopped);
    loop {
        if let Err(error) = fill(app, &mut under_way).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the outbox could not be looked at; it is tried again"
            );
        }
        tokio::select! {
            () = &mut stopped => break,
            Some(_) = under_way.next() => {}
            () = app.mail_waits.notified(), if under_way.len() < AT_ONCE => {}
            () = tokio::time::sleep(EVERY) => {}
        }
    }
    let rest = async { while under_way.next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, rest).await.is_err() {
        tracing::warn!("stopped while mails were on their way; they are sent again");
    }
}

/// Sends all that is due now; says how many mails it was.
///
/// # Errors
/// [`Fault`] alone.
pub async fn send_due(app: &App) -> Result<u64, Fault> {
    let (mut under_way, mut sent) = (UnderWay::new(), 0);
    loop {
        sent += fill(app, &mut under_way).await?;
        match under_way.next().await {
            Some(was_sent) => sent += u64::from(was_sent),
            None => return Ok(sent),
        }
    }
}

/// Claims what there is room for, and puts it under way; says how many mails were sent meanwhile. What is under way goes on,
/// since it holds connections that the claim may have to wait for.
async fn fill<'a>(app: &'a App, under_way: &mut UnderWay<'a>) -> Result<u64, Fault> {
    let (mut claiming, mut sent) = (pin!(claim(app, AT_ONCE - under_way.len())), 0);
    let rows = loop {
        tokio::select! {
            claimed = &mut claiming => break claimed?,
            Some(was_sent) = under_way.next() => sent += u64::from(was_sent),
        }
    };
    under_way.extend(rows.into_iter().map(|row| deliver(app, row).boxed()));
    Ok(sent)
}

/// Claims so many at most. Mostly nothing is due, and then this only reads.
async fn claim(app: &App, most: usize) -> Result<Vec<outbox::Model>, Fault> {
    let now = Timestamp(app.clock.now());
    if most == 0 || !outbox::is_due(app.db.read(), now).await? {
        return Ok(Vec::new());
    }
    app.db.write_one(async move |txn| outbox::claim(&txn, most as u64, now, LEASE).await).await
}

/// Sends one mail and notes what became of it; says whether it was sent.
async fn deliver(app: &App, row: outbox::Model) -> bool {
    let attempt = AssertUnwindSafe(attempt(app, &row)).catch_unwind().await;
    let Ok(outcome) = attempt else {
        tracing::error!(mail.id = %row.id, mail.kind = row.kind, "a mail made the sender panic; it is tried again");
        return false;
    };
    // the words are kept in the row and not told here: they may name people
    match &outcome {
        Outcome::Sent => tracing::debug!(mail.id = %row.id, mail.kind = row.kind, "a mail was sent"),
        Outcome::Nothing => {
            tracing::debug!(mail.id = %row.id, mail.kind = row.kind, "a mail had nothing to say");
        }
        Outcome::Failed(_) => tracing::error!(
            mail.id = %row.id, mail.kind = row.kind, mail.attempts = row.attempts,
            "a mail was given up; `gatehouse mail queue` says why"
        ),
        Outcome::Again(..) => tracing::warn!(
            mail.id = %row.id, mail.kind = row.kind, mail.attempts = row.attempts,
            "a mail was not sent and is tried again; `gatehouse mail queue` says why"
        ),
    }
    let was_sent = outcome == Outcome::Sent;
    settle(app, &row, outcome).await;
    was_sent
}

async fn attempt(app: &App, row: &outbox::Model) -> Outcome {
    let now = app.clock.now();
    if row.expires_at.0 <= now || row.created_at.0 + GIVEN_UP_AFTER <= now {
        let last = row.last_error.as_deref().unwrap_or("nobody tried to send it in time");
        return Outcome::Failed(cut(&format!("too late; {last}")));
    }
    let again = |why: &str| Outcome::Again(cut(why), wait(row.attempts));
    let mail = match compose(app, row).await {
        Ok(Composed::Mail(mail)) => mail,
        Ok(Composed::Nothing) => return Outcome::Nothing,
        Ok(Composed::Unknown) => return again("this version does not know what it is about"),
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

/// A mail that was sent is sent again unless that is noted, so it is worth more than one try.
async fn settle(app: &App, row: &outbox::Model, outcome: Outcome) {
    let (id, attempt) = (row.id, row.attempts);
    for pause in [200, 1000, 3000] {
        let (outcome, now) = (outcome.clone(), Timestamp(app.clock.now()));
        let noted =
            app.db.write_one(async move |txn| outbox::settle(&txn, id, attempt, outcome, now).await).await;
        match noted {
            Ok(true) => return,
            Ok(false) => {
                tracing::warn!(mail.id = %id, "a mail took longer than its lease; another server may have sent it too");
                return;
            }
            Err(error) => tracing::warn!(
                mail.id = %id,
                error = &error as &dyn std::error::Error,
                "what became of a mail could not be noted"
            ),
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// How long to wait after this many attempts, give or take a fifth, so that what failed together comes back apart.
fn wait(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts - 1).unwrap_or_default().min(16);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let [random] = secrets::random::<1>();
    wait.mul_f64(0.8 + 0.4 * f64::from(random) / 255.0)
}

fn cut(words: &str) -> String {
    words.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_ERROR).collect()
}

/// A developer's log tells all of it.
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
