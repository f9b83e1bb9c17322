//! The queue of password hashes: bounded by cost, and fair to all askers. An asker is the client address to which a hash
//! is charged.
//!
//! A cost is the number of KiB that a hash processes, so a hash with the current parameters costs its memory times its iterations.
//! A request takes its place in the queue before it writes anything, so that a refused request writes nothing.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::fault::Fault;

/// A queue of jobs. Clones share it.
pub(super) struct Queue<J>(Arc<Shared<J>>);

struct Shared<J> {
    state: Mutex<State<J>>,
    added: Condvar,
}

struct State<J> {
    /// The highest total cost of all places.
    capacity: u64,
    /// The total cost of all places: reserved, waiting and running.
    taken: u64,
    /// The share of each asker. All clients that are not limited by address share the key `None`.
    askers: HashMap<Option<String>, Asker>,
    /// The waiting jobs, by the virtual time of their turn.
    waiting: BinaryHeap<Reverse<Waiting<J>>>,
    /// The virtual time: the turn of the job that began last.
    now: u64,
    submitted: u64,
    is_closed: bool,
}

#[derive(Default)]
struct Asker {
    taken: u64,
    /// The virtual time at which the asker's last job ends.
    end: u64,
}

struct Waiting<J> {
    /// The virtual time of the job's turn, and the job's number among all jobs.
    turn: (u64, u64),
    since: Instant,
    job: J,
    place: Place<J>,
}

/// A place in the queue. Dropping it frees the place.
pub(super) struct Place<J> {
    queue: Queue<J>,
    asker: Option<String>,
    cost: u64,
}

impl<J> Queue<J> {
    pub(super) fn new(capacity: u64) -> Self {
        let state = State {
            capacity,
            taken: 0,
            askers: HashMap::new(),
            waiting: BinaryHeap::new(),
            now: 0,
            submitted: 0,
            is_closed: false,
        };
        Self(Arc::new(Shared { state: Mutex::new(state), added: Condvar::new() }))
    }

    /// Takes a place for a job of this cost. The places of one asker cannot cost more than the capacity that is still
    /// free. One asker thus gets at most half of an idle queue, and a flood from one address leaves room for others. A
    /// job that costs more than the whole queue gets a place only if the queue is empty.
    ///
    /// # Errors
    /// [`Fault::Busy`] if there is no place.
    pub(super) fn place(&self, asker: Option<&str>, cost: u64) -> Result<Place<J>, Fault> {
        let mut state = self.lock();
        let asker = asker.map(str::to_owned);
        let own = state.askers.get(&asker).filter(|_| asker.is_some()).map_or(0, |asker| asker.taken);
        let free = state.capacity.saturating_sub(state.taken);
        if state.taken > 0 && own + cost > free {
            return Err(Fault::Busy);
        }
        state.taken += cost;
        state.askers.entry(asker.clone()).or_default().taken += cost;
        Ok(Place { queue: self.clone(), asker, cost })
    }

    /// Waits for the next job, and returns it with the time it has waited. Returns `None` once the queue is closed.
    pub(super) fn next(&self) -> Option<(J, Place<J>, Duration)> {
        let mut state = self.lock();
        loop {
            if let Some(Reverse(next)) = state.waiting.pop() {
                state.now = next.turn.0;
                return Some((next.job, next.place, next.since.elapsed()));
            }
            if state.is_closed {
                return None;
            }
            state = self.0.added.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes [`next`](Self::next) return `None` once no jobs are waiting.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.0.added.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Place<J> {
    /// Puts a job into the queue. Turns follow start-time fair queueing (Goyal, Vin and Cheng, 1996): a job comes after
    /// the earlier jobs of its own asker, but need not wait for all the jobs of an asker who has submitted more.
    pub(super) fn submit(self, job: J) {
        let queue = self.queue.clone();
        let mut state = queue.lock();
        state.submitted += 1;
        let (now, number) = (state.now, state.submitted);
        let asker = state.askers.entry(self.asker.clone()).or_default();
        let start = asker.end.max(now);
        asker.end = start + self.cost;
        state.waiting.push(Reverse(Waiting {
            turn: (start, number),
            since: Instant::now(),
            job,
            place: self,
        }));
        queue.0.added.notify_one();
    }
}

impl<J> Drop for Place<J> {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.taken -= self.cost;
        if let Some(asker) = state.askers.get_mut(&self.asker) {
            asker.taken -= self.cost;
            // forget an asker without places, so that its next job does not wait because of earlier ones
            if asker.taken == 0 {
                state.askers.remove(&self.asker);
            }
        }
    }
}

impl<J> Clone for Queue<J> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<J> Ord for Waiting<J> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.turn.cmp(&other.turn)
    }
}

impl<J> PartialOrd for Waiting<J> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<J> PartialEq for Waiting<J> {
    fn eq(&self, other: &Self) -> bool {
        self.turn == other.turn
    }
}

impl<J> Eq for Waiting<J> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn submit(queue: &Queue<&'static str>, asker: &str, cost: u64, job: &'static str) {
        queue.place(Some(asker), cost).unwrap().submit(job);
    }

    fn drain(queue: &Queue<&'static str>) -> Vec<&'static str> {
        queue.close();
        std::iter::from_fn(|| queue.next().map(|(job, ..)| job)).collect()
    }

    #[test]
    fn askers_take_turns_by_cost() {
        let queue = Queue::new(1000);
        for job in ["costly 1", "costly 2", "costly 3"] {
            submit(&queue, "flood", 40, job);
        }
        for job in ["cheap 1", "cheap 2", "cheap 3"] {
            submit(&queue, "other", 20, job);
        }
        let turns = ["costly 1", "cheap 1", "cheap 2", "costly 2", "cheap 3", "costly 3"];
        assert_eq!(drain(&queue), turns);
    }

    #[test]
    fn one_asker_leaves_room_for_others() {
        let queue = Queue::<&str>::new(100);
        let mut places = Vec::new();
        while let Ok(place) = queue.place(Some("flood"), 10) {
            places.push(place);
        }
        assert_eq!(places.len(), 5);
        places.push(queue.place(Some("other"), 10).unwrap());
        assert!(queue.place(Some("flood"), 10).is_err());
        // askers who are not limited by address can take the rest
        while let Ok(place) = queue.place(None, 10) {
            places.push(place);
        }
        assert_eq!(places.len(), 10);
        places.clear();
        assert!(queue.place(Some("flood"), 50).is_ok());
        assert_eq!(queue.lock().taken, 0);
        assert!(queue.lock().askers.is_empty());
    }

    #[test]
    fn a_job_that_costs_more_than_all_places_has_to_be_alone() {
        let queue = Queue::<&str>::new(100);
        let alone = queue.place(Some("a"), 500).unwrap();
        assert!(queue.place(Some("b"), 1).is_err());
        drop(alone);
        let _small = queue.place(Some("b"), 1).unwrap();
        assert!(queue.place(Some("a"), 500).is_err());
    }
}
