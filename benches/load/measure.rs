//! Rates and latencies.

use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::person::Person;

/// What came of one kind of request, sent for a while by many at once, each after the last was answered.
pub(crate) struct Load {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Milliseconds that half of them, and all but one in a hundred, were answered within.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

impl Load {
    pub(crate) async fn of(round: Duration, people: &mut [Person], act: impl AsyncFn(&mut Person)) -> Self {
        for person in &mut *people {
            person.connect().await;
        }
        let started = Instant::now();
        let act = &act;
        let load = people.iter_mut().map(|person| async move {
            let mut latencies = Vec::new();
            while started.elapsed() < round {
                let sent = Instant::now();
                act(person).await;
                latencies.push(sent.elapsed().as_secs_f64());
            }
            latencies
        });
        let latencies: Vec<Vec<f64>> = load.collect::<FuturesUnordered<_>>().collect().await;
        let seconds = started.elapsed().as_secs_f64();
        let mut latencies = latencies.concat();
        latencies.sort_by(f64::total_cmp);
        let within = |percent| 1000.0 * latencies[latencies.len() * percent / 100];
        Self { rate: per_second(latencies.len(), seconds), p50: within(50), p99: within(99) }
    }
}

pub(crate) fn per_second(count: usize, seconds: f64) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / seconds
}

pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
