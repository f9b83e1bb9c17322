//! The state of a server that has been asked to stop but still accepts connections.

use tokio::sync::watch;

/// Whether the server is leaving. Clones share it.
///
/// While a server leaves, load balancers find it not ready, and each of its connections ends with the next response. A connection
/// that is closed while it is idle would break the request that the other end is sending on it at that moment.
#[derive(Clone, Debug)]
pub struct Leaving(watch::Sender<bool>);

impl Leaving {
    /// Returns the state of a server that stays.
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Begins to leave.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }
}

impl Default for Leaving {
    fn default() -> Self {
        Self::new()
    }
}
