//! The state of a server that has been asked to stop but still accepts connections.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the server is leaving. Clones share this state.
///
/// While the server is leaving, it reports to load balancers that it is not ready, and it closes each connection after
/// the next response. Closing idle connections instead could break a request that the other end is sending at that
/// moment.
#[derive(Clone, Debug, Default)]
pub struct Leaving(Arc<AtomicBool>);

impl Leaving {
    /// Marks the server as leaving.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
