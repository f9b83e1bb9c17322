//! Sends finished spans to a collector, in batches (OTLP over HTTP:
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp>).

use std::{
    error::Error,
    sync::OnceLock,
    time::{Duration, Instant},
};

use reqwest::header::CONTENT_TYPE;
use tokio::{
    sync::{mpsc, oneshot},
    time,
};
use url::Url;

use super::{finished_span::FinishedSpan, protobuf};
use crate::{
    clock::Clock,
    telemetry::{LogLimit, VERSION, with_causes},
};

/// The maximum numbers of spans in a batch and in the queue. If the collector is too slow, spans are dropped.
const BATCH: usize = 512;
const QUEUE: usize = 4096;

/// How long a span waits for others, so that they are sent together.
const INTERVAL: Duration = Duration::from_secs(2);

/// The time limit for a batch.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The time limit for the last spans of a process that is ending.
const FLUSH_TIME_LIMIT: Duration = Duration::from_secs(2);

static QUEUED: OnceLock<mpsc::Sender<Queued>> = OnceLock::new();
static DROPPED_LIMIT: LogLimit = LogLimit::new();
static FAILED_LIMIT: LogLimit = LogLimit::new();

enum Queued {
    Span(FinishedSpan),
    /// Signals once all spans before it have been sent.
    Flush(oneshot::Sender<()>),
}

/// Returns whether spans are recorded.
#[must_use]
pub fn is_on() -> bool {
    QUEUED.get().is_some()
}

/// Starts sending spans to a collector. A second call has no effect.
pub(in crate::telemetry) fn start(collector: &Url) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (queue, queued) = mpsc::channel(QUEUE);
    let client =
        reqwest::Client::builder().timeout(TIME_LIMIT).redirect(reqwest::redirect::Policy::none()).build()?;
    let mut url = collector.clone();
    url.path_segments_mut()
        .map_err(|()| "the address of the collector has no path")?
        .pop_if_empty()
        .extend(["v1", "traces"]);
    let now = Instant::now();
    let unix_nanos = u64::try_from(Clock::default().now().unix_timestamp_nanos()).unwrap_or_default();
    if QUEUED.set(queue).is_ok() {
        tokio::spawn(Exporter { client, url, start: (now, unix_nanos) }.run(queued));
    }
    Ok(())
}

/// Queues a span.
pub(super) fn send(span: FinishedSpan) {
    if let Some(queue) = QUEUED.get()
        && queue.try_send(Queued::Span(span)).is_err()
    {
        DROPPED_LIMIT
            .log(|left_out| tracing::warn!(left_out, "spans are dropped: the collector is too slow"));
    }
}

/// Waits until all spans queued so far have been sent, but no longer than two seconds.
pub async fn flush() {
    let Some(queue) = QUEUED.get() else { return };
    let (done, sent) = oneshot::channel();
    let flushed = async {
        if queue.send(Queued::Flush(done)).await.is_ok() {
            let _ = sent.await;
        }
    };
    let _ = time::timeout(FLUSH_TIME_LIMIT, flushed).await;
}

struct Exporter {
    client: reqwest::Client,
    url: Url,
    /// The time at which the exporter started, on the monotonic clock and in Unix nanoseconds. Later times are computed
    /// from the monotonic clock, because it is never adjusted.
    start: (Instant, u64),
}

impl Exporter {
    async fn run(self, mut queued: mpsc::Receiver<Queued>) {
        loop {
            let (mut spans, mut flushed) = (Vec::with_capacity(BATCH), Vec::new());
            let Some(first) = queued.recv().await else { return };
            let due = time::Instant::now() + INTERVAL;
            let mut next = Some(first);
            while let Some(item) = next {
                match item {
                    Queued::Span(span) => spans.push(span),
                    Queued::Flush(done) => flushed.push(done),
                }
                if spans.len() >= BATCH || !flushed.is_empty() {
                    break;
                }
                next = time::timeout_at(due, queued.recv()).await.ok().flatten();
            }
            if !spans.is_empty() {
                self.post(&spans).await;
            }
            for done in flushed {
                let _ = done.send(());
            }
        }
    }

    async fn post(&self, spans: &[FinishedSpan]) {
        let service = [("service.name", "gatehouse"), ("service.version", VERSION)];
        let body = protobuf::request(&service, spans, |at| self.unix_nanos(at));
        let request =
            self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/x-protobuf").body(body);
        let sent = request.send().await.and_then(reqwest::Response::error_for_status);
        if let Err(error) = sent {
            let error = error.without_url();
            let lost = spans.len();
            FAILED_LIMIT.log(|left_out| {
                tracing::warn!(error = %with_causes(&error), lost, left_out, "spans could not be sent to the collector");
            });
        }
    }

    fn unix_nanos(&self, at: Instant) -> u64 {
        let (start, unix_nanos) = self.start;
        unix_nanos + u64::try_from(at.duration_since(start).as_nanos()).unwrap_or_default()
    }
}
