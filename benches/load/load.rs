//! Loads, and their results.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};

/// The result of one kind of request in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// The number of requests per second.
    pub(crate) rate: f64,
    /// The times in milliseconds within which half of the requests, and all but one in a hundred, got a response.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The processor time of the server per request, in milliseconds.
    pub(crate) cpu: f64,
}

impl Load {
    fn of(mut latencies: Vec<f64>, seconds: f64, cpu: f64) -> Self {
        latencies.sort_by(f64::total_cmp);
        let within =
            |percent| latencies.get(latencies.len() * percent / 100).map_or(f64::NAN, |s| 1000.0 * s);
        let rate = per_second(latencies.len(), seconds);
        Self { rate, p50: within(50), p99: within(99), cpu: 1000.0 * cpu / (rate * seconds) }
    }
}

/// Runs a closed loop: each of `clients` sends its next request as soon as it has received a response.
pub(crate) async fn closed<C>(
    clients: &mut [C],
    round: Duration,
    process: u32,
    act: impl AsyncFn(&mut C),
) -> Load {
    let (started, before) = (Instant::now(), processor_seconds(process));
    let act = &act;
    let load = clients.iter_mut().map(|client| async move {
        let mut latencies = Vec::new();
        while started.elapsed() < round {
            let sent = Instant::now();
            act(client).await;
            latencies.push(sent.elapsed().as_secs_f64());
        }
        latencies
    });
    let latencies: Vec<Vec<f64>> = load.collect::<FuturesUnordered<_>>().collect().await;
    let cpu = processor_seconds(process) - before;
    Load::of(latencies.concat(), started.elapsed().as_secs_f64(), cpu)
}

/// Runs an open loop: sends `rate` requests per second, whether or not earlier ones were answered. If a request has to
/// wait for its client, its time counts from the moment at which it was due.
pub(crate) async fn open<C>(
    clients: &mut [C],
    rate: f64,
    round: Duration,
    act: impl AsyncFn(&mut C),
) -> Load {
    let started = Instant::now();
    let act = &act;
    let between = Duration::from_secs_f64(per_second(clients.len(), rate));
    let first = Duration::from_secs_f64(1.0 / rate);
    let load = clients.iter_mut().zip(0_u32..).map(|(client, number)| async move {
        let mut latencies = Vec::new();
        let mut due = started + first * number;
        while due < started + round {
            let is_late = Instant::now() > due;
            tokio::time::sleep_until(due.into()).await;
            // timers are accurate only to a millisecond, and their delay must not count as the server's time
            let sent = if is_late { due } else { Instant::now() };
            act(client).await;
            latencies.push(sent.elapsed().as_secs_f64());
            due += between;
        }
        latencies
    });
    let latencies: Vec<Vec<f64>> = load.collect::<FuturesUnordered<_>>().collect().await;
    Load::of(latencies.concat(), started.elapsed().as_secs_f64(), f64::NAN)
}

pub(crate) fn per_second(count: usize, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / seconds
}

/// Returns the median.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Returns the processor time of a process in seconds, or NaN on systems without Linux's `/proc`.
fn processor_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // the process name before it can contain anything
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
