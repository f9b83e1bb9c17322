//! Loads, and what comes of them.

use std::{
    fs,
    time::{Duration, Instant},
};

use futures_util::stream::{FuturesUnordered, StreamExt};

/// What came of one kind of request in one round.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Milliseconds that half of them, and all but one in a hundred, were answered within.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Milliseconds of processor that the server took for each.
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

/// A closed loop: each of `clients` asks again as soon as it was answered.
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

/// An open loop: so many requests a second, whether or not those before were answered. A request that had to wait for its
/// client is counted from when it was due.
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
            // timers are good to a millisecond, which is not the server's
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

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Seconds of processor that a process has taken; not a number where the system does not tell as Linux does.
fn processor_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // the name before it may hold anything
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(f64::NAN);
    (ticks(11) + ticks(12)) / 100.0
}
