//! The sender, which sends emails that are due.
//!
//! Any number of servers can share an outbox. Each server claims the emails that it is about to send. A claim lasts
//! longer than sending takes. After a temporary failure, sending is retried for a day, at growing intervals. If a
//! server dies, its claims expire, and another server sends the same emails again, byte for byte, with the same
//! `Message-ID`.

use std::{
    pin::pin,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    deliver::deliver,
    pace::Pace,
    turns::{self, Class},
};
use crate::{
    app::App,
    fault::Fault,
    mail::Mailer,
    storage::{Timestamp, outbox},
    telemetry::with_causes,
};

/// The number of emails this process sends at the same time.
const AT_ONCE: usize = 4;

/// How often to look for emails that other servers wrote or left behind.
const EVERY: Duration = Duration::from_secs(2);

/// How long a claim lasts.
const LEASE: Duration = Duration::from_mins(1);
const _: () = assert!(LEASE.as_secs() > Mailer::LONGEST.as_secs() + 10, "a lease must outlast every attempt");

/// How long the emails being sent may take after the process is asked to stop. Another process sends the
/// rest.
const DRAIN: Duration = Duration::from_secs(9);

/// How often to look for expired emails, and how many to drop per statement.
const DROP_EVERY: Duration = Duration::from_secs(2);
const DROPPED_AT_ONCE: u64 = 500;

/// Emails being sent. Each future returns whether an email was sent.
type UnderWay<'a> = FuturesUnordered<BoxFuture<'a, bool>>;

/// Sends emails until `stopped` completes, then finishes sending the emails in progress.
pub async fn run(app: &App, stopped: impl Future<Output = ()>) {
    let (mut under_way, mut claims) = (UnderWay::new(), Claims::new(app));
    tokio::pin!(stopped);
    loop {
        if let Err(error) = fill(app, &mut under_way, &mut claims).await {
            tracing::warn!(error = %with_causes(&error), "the outbox could not be read; it will be retried");
        }
        tokio::select! {
            () = &mut stopped => break,
            Some(_) = under_way.next() => {}
            () = app.mail_waits.notified(), if under_way.len() < AT_ONCE => {}
            () = tokio::time::sleep(claims.rest()) => {}
        }
    }
    let rest = async { while under_way.next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, rest).await.is_err() {
        tracing::warn!("stopped while emails were being sent; they will be sent again");
    }
}

/// Sends all emails that are due, and returns how many were sent.
pub async fn send_due(app: &App) -> Result<u64, Fault> {
    let (mut under_way, mut claims, mut sent) = (UnderWay::new(), Claims::new(app), 0);
    loop {
        sent += fill(app, &mut under_way, &mut claims).await?;
        match under_way.next().await {
            Some(was_sent) => sent += u64::from(was_sent),
            None if claims.is_behind || claims.is_paced => tokio::time::sleep(claims.rest()).await,
            None => return Ok(sent),
        }
    }
}

/// Claims as many emails as there are free slots, and starts to send them. Emails that were claimed earlier continue to be
/// sent in the meantime, because the claim may have to wait for database connections that are in use for those emails.
/// Returns how many of those emails were sent in the meantime.
async fn fill<'a>(app: &'a App, under_way: &mut UnderWay<'a>, claims: &mut Claims) -> Result<u64, Fault> {
    let typical = claims.typical.clone();
    let (mut claiming, mut sent) = (pin!(claims.claim(app, AT_ONCE - under_way.len())), 0);
    let rows = loop {
        tokio::select! {
            claimed = &mut claiming => break claimed?,
            Some(was_sent) = under_way.next() => sent += u64::from(was_sent),
        }
    };
    under_way.extend(rows.into_iter().map(|row| deliver(app, row, typical.clone()).boxed()));
    Ok(sent)
}

/// The state that determines how many emails are claimed, and which ones.
struct Claims {
    pace: Pace,
    /// Whether there may be emails without a turn.
    is_behind: bool,
    /// Whether emails wait only because of the sending rate.
    is_paced: bool,
    turn: u64,
    dropped_at: Option<Instant>,
    /// How long it took to send the last email, in milliseconds.
    typical: Arc<AtomicU64>,
}

impl Claims {
    fn new(app: &App) -> Self {
        let pace = Pace::new(app.config.mail.rate);
        Self { pace, is_behind: false, is_paced: false, turn: 0, dropped_at: None, typical: Arc::default() }
    }

    /// Claims at most `most` emails. If no email is due, which is the usual case, only reads from the database.
    async fn claim(&mut self, app: &App, most: usize) -> Result<Vec<outbox::Model>, Fault> {
        let now = Timestamp(app.clock.now());
        (self.is_behind, self.is_paced) = (false, false);
        if !outbox::is_due(app.db.read(), now).await? {
            return Ok(Vec::new());
        }
        // sort in batches, so that a flood of unsorted emails does not keep other emails from being sent
        let sorted = turns::sort(app).await?;
        self.is_behind = sorted.is_partial;
        if sorted.has_expired || self.dropped_at.is_none_or(|at| at.elapsed() >= DROP_EVERY) {
            self.drop_expired(app).await?;
        }
        let room = self.pace.room(most, Instant::now());
        self.is_paced = room == 0 && most > 0;
        if room == 0 {
            return Ok(Vec::new());
        }
        let turns = self.turn..self.turn + room as u64;
        let favoured: Vec<i32> = turns.filter_map(Class::favoured).map(Class::number).collect();
        let claimed = app.db.write(async move |txn| {
            let mut claimed = Vec::new();
            for class in favoured {
                claimed.extend(outbox::claim(&txn, Some(class), 1, now, LEASE).await?);
            }
            let rest = room.saturating_sub(claimed.len());
            if rest > 0 {
                claimed.extend(outbox::claim(&txn, None, rest as u64, now, LEASE).await?);
            }
            Ok(claimed)
        });
        let claimed = claimed.await?;
        self.turn += claimed.len() as u64;
        self.pace.charge(claimed.len(), Instant::now());
        Ok(claimed)
    }

    /// Drops emails that expired while they waited, so that they neither take turns nor count as waiting.
    async fn drop_expired(&mut self, app: &App) -> Result<(), Fault> {
        let now = Timestamp(app.clock.now());
        loop {
            let drop = async move |txn| outbox::drop_expired(&txn, now, DROPPED_AT_ONCE).await;
            let dropped = app.db.write_one(drop).await?;
            if dropped > 0 {
                tracing::error!(dropped, "gave up on emails because they expired before their turn");
            }
            if dropped < DROPPED_AT_ONCE {
                break;
            }
        }
        self.dropped_at = Some(Instant::now());
        Ok(())
    }

    /// Returns how long to wait before looking again, if nothing happens in the meantime.
    fn rest(&self) -> Duration {
        match (self.is_behind, self.is_paced) {
            (true, _) => Duration::ZERO,
            (false, true) => self.pace.wait(Instant::now()).min(EVERY),
            (false, false) => EVERY,
        }
    }
}
