//! The state of a server that has been asked to stop but still accepts connections.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether the server is leaving. Clones share it.
///
/// While a server leaves, load balancers find it not ready, and each of its connections ends with the next response.
/// Closing an idle connection instead could break a request that the other end is sending at that moment.
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
