//! Who is at the other end, proxies seen through.

use std::{
    net::{IpAddr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use ipnet::IpNet;
use poem::{Request, http::header};

use crate::sessions::Client;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// How much of a `User-Agent` is kept, in characters.
const MAX_USER_AGENT: usize = 255;

static WARNED: AtomicBool = AtomicBool::new(false);

/// The client of a request.
pub(super) fn client(request: &Request, trusted_proxies: &[IpNet]) -> Client {
    let user_agent =
        request.header(header::USER_AGENT).map(|agent| agent.chars().take(MAX_USER_AGENT).collect());
    let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip().to_canonical());
    let forwarded: Vec<&str> = request
        .headers()
        .get_all(FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .collect();
    let ip_address = peer.map(|peer| {
        if !forwarded.is_empty() && !is_trusted(peer, trusted_proxies) && !WARNED.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, "X-Forwarded-For from a peer outside TRUSTED_PROXIES is ignored; said once");
        }
        see_through(peer, &forwarded, trusted_proxies)
    });
    Client { ip_address, user_agent }
}

/// Whether an address is a proxy's.
pub(super) fn is_trusted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    trusted_proxies.iter().any(|network| network.contains(&address))
}

/// The rightmost address that no trusted proxy vouches for: whatever stands left of it, its owner may have invented.
fn see_through(peer: IpAddr, forwarded: &[&str], trusted_proxies: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for entry in forwarded.iter().rev() {
        if !is_trusted(client, trusted_proxies) {
            break;
        }
        let Some(address) = read(entry.trim()) else { break };
        client = address.to_canonical();
    }
    client
}

/// An address; some proxies add the port.
fn read(entry: &str) -> Option<IpAddr> {
    entry.parse().ok().or_else(|| entry.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rightmost_untrusted_entry_is_the_client() {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let seen = |peer: &str, forwarded: &[&str]| {
            see_through(peer.parse().unwrap(), forwarded, &proxies).to_string()
        };
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "the peer is no proxy");
        assert_eq!(seen("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            seen("10.0.0.1", &["203.0.113.9", " 198.51.100.7 "]),
            "198.51.100.7",
            "the left one is invented"
        );
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "10.0.0.2"]), "198.51.100.7");
        assert_eq!(seen("10.0.0.1", &["10.0.0.3", "10.0.0.2"]), "10.0.0.3");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "garbage"]), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7:4711"]), "198.51.100.7");
        assert_eq!(seen("::1", &["::ffff:198.51.100.7"]), "198.51.100.7");
    }
}
