//! Limits on open connections, in total and from one address. Connections beyond these limits are refused immediately,
//! with a response that tells clients to try again later.

use std::{
    collections::HashMap,
    io::Write,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use poem::http::StatusCode;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
};

use super::{answer, client::is_trusted};
use crate::{
    app::App,
    config::Config,
    graphql::error::TopLevelErrorCode,
    metrics::{Open, OpenCount},
    rate_limit::Address,
};

/// The number of files that the process opens in addition to its connections to clients and to the database.
const OTHER_FILES: u32 = 100;

static WARNED: AtomicBool = AtomicBool::new(false);

/// The limits on connections, with counts of the connections that are open.
pub(super) struct Admission {
    app: Arc<App>,
    room: Arc<Semaphore>,
    open: OpenCount,
    by_address: Arc<Counts>,
}

/// The number of open connections from each network.
type Counts = Mutex<HashMap<String, u32>>;

/// The slot of a connection. Dropping this value frees the slot.
pub(super) struct ConnectionPlace {
    _room: OwnedSemaphorePermit,
    _open: Open,
    address: Option<(Address, Arc<Counts>)>,
}

/// The reason why a connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Too many connections are open in total.
    All,
    /// Too many connections are open from one address.
    Address,
}

impl Admission {
    /// Creates the limits. `open` counts the open connections.
    pub(super) fn new(app: Arc<App>, open: OpenCount) -> Self {
        let most = most(&app.config);
        Self { app, room: Arc::new(Semaphore::new(most)), open, by_address: Arc::default() }
    }

    /// Returns a slot for a connection from this address, or the reason for refusing the connection. Counts refusals.
    pub(super) fn admit(&self, peer: IpAddr) -> Result<ConnectionPlace, Full> {
        let admitted = self.place(peer);
        if let Err(full) = &admitted {
            self.app.metrics.refusals.add(full.setting());
            if *full == Full::All {
                self.app.metrics.http_errors.add("connections_full");
            }
        }
        admitted
    }

    /// Returns a slot. Trusted proxies carry the connections of many clients, so connections from a proxy are not
    /// counted by address.
    fn place(&self, peer: IpAddr) -> Result<ConnectionPlace, Full> {
        let room = self.room.clone().try_acquire_owned().map_err(|_| Full::All)?;
        let is_proxy = is_trusted(peer.to_canonical(), &self.app.config.server.trusted_proxies);
        let address = Address::rationed(&self.app, Some(peer)).filter(|_| !is_proxy);
        if let Some(address) = &address {
            let mut counts = lock(&self.by_address);
            let most = self.app.config.server.max_connections_per_address;
            let is_full = |(network, times)| counts.get(network).is_some_and(|open| *open >= most * times);
            if address.networks().any(is_full) {
                if !WARNED.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%peer, "MAX_CONNECTIONS_PER_ADDRESS is reached; if this address is a proxy, add it to TRUSTED_PROXIES (logged once)");
                }
                return Err(Full::Address);
            }
            for (network, _) in address.networks() {
                *counts.entry(network.to_owned()).or_default() += 1;
            }
        }
        Ok(ConnectionPlace {
            _room: room,
            _open: self.open.open(),
            address: address.map(|address| (address, self.by_address.clone())),
        })
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let Some((address, counts)) = &self.address else { return };
        let mut counts = lock(counts);
        for (network, _) in address.networks() {
            if let Some(count) = counts.get_mut(network) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(network);
                }
            }
        }
    }
}

impl Full {
    fn setting(self) -> &'static str {
        match self {
            Self::All => "MAX_CONNECTIONS",
            Self::Address => "MAX_CONNECTIONS_PER_ADDRESS",
        }
    }

    /// Sends as much of the refusal as the socket accepts without waiting, and closes the socket.
    pub(super) fn turn_away(self, socket: TcpStream) {
        let (status, code, message) = match self {
            Self::All => (
                StatusCode::SERVICE_UNAVAILABLE,
                TopLevelErrorCode::ServerBusy,
                "Too many connections are open.",
            ),
            Self::Address => (
                StatusCode::TOO_MANY_REQUESTS,
                TopLevelErrorCode::RateLimited,
                "Too many connections are open from your address.",
            ),
        };
        tracing::debug!(reason = ?self, "a connection was refused");
        if let Ok(mut socket) = socket.into_std() {
            // an empty send buffer accepts a short response without waiting
            let _ = socket.write_all(&answer::raw(status, code, message));
        }
    }
}

fn lock(counts: &Counts) -> std::sync::MutexGuard<'_, HashMap<String, u32>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns `MAX_CONNECTIONS`, or a lower number if the system's limit on open files is too low for it. If the server
/// ran out of files, it could not reach the database either.
fn most(config: &Config) -> usize {
    let others = OTHER_FILES + config.database.max_connections;
    let files = files(config.server.max_connections + others);
    if files < u64::from(config.server.max_connections + others) {
        tracing::warn!(files, "the system's limit on open files (ulimit -n) is too low for MAX_CONNECTIONS");
    }
    let most = files.saturating_sub(others.into()).clamp(1, config.server.max_connections.into());
    usize::try_from(most).unwrap_or(usize::MAX)
}

/// Raises the limit on open files to the wanted number if possible, and returns the limit in effect.
#[cfg(unix)]
fn files(wanted: u32) -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(wanted.into(), |most| most.min(wanted.into()));
    match limit.current {
        Some(files) if files < wanted => {
            limit.current = Some(wanted);
            if setrlimit(Resource::Nofile, limit).is_ok() { wanted } else { files }
        }
        Some(files) => files,
        None => u64::MAX,
    }
}

#[cfg(not(unix))]
fn files(_: u32) -> u64 {
    u64::MAX
}
