//! The performance of the machine without Gatehouse.

use std::{num::NonZero, thread, time::Duration};

use crate::{
    control::{Control, hashes_per_second},
    load::{Load, closed},
    person::Asker,
    report::{Line, line, rates_alone},
};

/// The number of connections in the smaller measurements.
pub(crate) const FEW: usize = 16;
pub(crate) const MANY: usize = 64;

/// The results of the machine without Gatehouse.
pub(crate) struct Ceilings {
    poem: Control,
    graphql: Control,
    bare: [Vec<Load>; 2],
    graphqls: [Vec<Load>; 2],
    hashes: Vec<f64>,
}

impl Ceilings {
    pub(crate) async fn start() -> Self {
        let [poem, graphql] = ["poem", "graphql"].map(Control::start);
        tokio::time::sleep(Duration::from_millis(300)).await;
        Self { poem, graphql, bare: Default::default(), graphqls: Default::default(), hashes: Vec::new() }
    }

    /// Measures `me` per second without a database.
    pub(crate) async fn me(&mut self, at: usize, connections: usize, round: Duration) -> f64 {
        for (control, loads) in [(&self.poem, &mut self.bare[at]), (&self.graphql, &mut self.graphqls[at])] {
            let mut askers = Vec::new();
            for _ in 0..connections {
                askers.push(Asker::new(control.address, &control.access_token, "ada@example.org").await);
            }
            loads.push(closed(&mut askers, round, control.process.id(), Asker::me).await);
        }
        self.graphqls[at].last().map_or(f64::NAN, |load| load.rate)
    }

    pub(crate) fn hashes(&mut self, round: Duration) -> f64 {
        let rate = hashes_per_second(round);
        self.hashes.push(rate);
        rate
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for (at, connections) in [FEW, MANY].into_iter().enumerate() {
            lines.push(line(format!("poem alone, {connections}"), &self.bare[at], &[], ""));
            let what = format!("poem, async-graphql, EdDSA; no database, {connections}");
            lines.push(line(what, &self.graphqls[at], &[], ""));
        }
        lines.push(rates_alone(
            format!("Argon2id alone, {}, {} threads", argon2_rust::detected_backend(), cores()),
            &self.hashes,
        ));
        lines
    }
}

/// Returns the number of cores, which is also the server's number of hash threads.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}
