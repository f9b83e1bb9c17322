//! The client of a request, found behind trusted proxies.

use std::{
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ipnet::IpNet;
use poem::{Request, http::header};

use crate::sessions::Client;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// How many characters of the `User-Agent` are kept.
const MAX_USER_AGENT: usize = 255;

/// How many bytes of an unreadable entry are logged.
const MAX_SHOWN: usize = 64;

/// The maximum number of untrusted peers to log, so that strangers cannot fill the log or the memory.
const MAX_PEERS: usize = 8;

static WARNED_OF_PEERS: Mutex<Vec<IpAddr>> = Mutex::new(Vec::new());
static WARNED_OF_ENTRY: AtomicBool = AtomicBool::new(false);

/// Returns the client of a request.
pub(super) fn client(request: &Request, trusted_proxies: &[IpNet]) -> Client {
    let headers = request.headers();
    // decoded leniently, because one character outside ASCII must not make the whole header unreadable
    let user_agent = headers.get(header::USER_AGENT).map(|agent| {
        let agent = String::from_utf8_lossy(agent.as_bytes());
        agent.chars().filter(|letter| !letter.is_control()).take(MAX_USER_AGENT).collect()
    });
    Client { ip_address: address(request, trusted_proxies), user_agent }
}

/// Returns the address of the peer, which may be a proxy.
fn peer(request: &Request) -> Option<IpAddr> {
    request.remote_addr().as_socket_addr().map(|peer| peer.ip().to_canonical())
}

/// Returns whether the request comes from a trusted proxy.
pub(super) fn is_by_proxy(request: &Request, trusted_proxies: &[IpNet]) -> bool {
    peer(request).is_some_and(|peer| is_trusted(peer, trusted_proxies))
}

/// Returns the address of the client, or `None` if the entry that a trusted proxy sent for the client is not an
/// address.
pub(super) fn address(request: &Request, trusted_proxies: &[IpNet]) -> Option<IpAddr> {
    let (headers, peer) = (request.headers(), peer(request));
    let lines = headers.get_all(FORWARDED_FOR).iter();
    let forwarded: Vec<&[u8]> =
        lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).collect();
    peer.and_then(|peer| {
        if !forwarded.is_empty()
            && !is_trusted(peer, trusted_proxies)
            && is_new(peer)
        {
            tracing::warn!(%peer, "ignoring X-Forwarded-For from a peer that is not in TRUSTED_PROXIES (logged once per peer, for at most 8 peers)");
        }
        see_through(peer, &forwarded, trusted_proxies)
            .inspect_err(|Unreadable(entry)| {
                if !WARNED_OF_ENTRY.swap(true, Ordering::Relaxed) {
                    let shown = String::from_utf8_lossy(&entry[..entry.len().min(MAX_SHOWN)]);
                    tracing::warn!(%peer, entry = ?shown, "an entry of X-Forwarded-For from a trusted proxy is not an address; clients with such entries share one rate limit (logged once)");
                }
            })
            .ok()
    })
}

/// Returns how the `X-Forwarded-For` of a request is treated: `none` if the request has no such header, `believed` if
/// the peer is a trusted proxy, and `ignored` otherwise.
pub(super) fn forwarding(request: &Request, trusted_proxies: &[IpNet]) -> &'static str {
    let peer = request.remote_addr().as_socket_addr().map(|peer| peer.ip().to_canonical());
    match peer {
        _ if !request.headers().contains_key(FORWARDED_FOR) => "none",
        Some(peer) if is_trusted(peer, trusted_proxies) => "believed",
        _ => "ignored",
    }
}

/// Returns whether to log a warning about this peer. Each peer is logged once. If there were a single warning for all
/// peers, a stranger could trigger it first, and an unlisted proxy would go unnoticed.
fn is_new(peer: IpAddr) -> bool {
    let mut warned = WARNED_OF_PEERS.lock().unwrap_or_else(PoisonError::into_inner);
    let is_new = warned.len() < MAX_PEERS && !warned.contains(&peer);
    if is_new {
        warned.push(peer);
    }
    is_new
}

/// Returns whether the address belongs to a trusted proxy.
pub(super) fn is_trusted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    trusted_proxies.iter().any(|network| network.contains(&address))
}

/// An entry that is not an address, although it comes from a trusted proxy.
#[derive(Debug)]
struct Unreadable<'a>(&'a [u8]);

/// Returns the rightmost address that is not a trusted proxy. The client may have invented everything to the left of
/// this address.
///
/// # Errors
/// Returns the entry at that position if it is not an address. The client is then unknown: it is certainly not the
/// proxy, and everything to the left of the entry may be invented.
fn see_through<'a>(
    peer: IpAddr,
    forwarded: &[&'a [u8]],
    trusted_proxies: &[IpNet],
) -> Result<IpAddr, Unreadable<'a>> {
    let mut client = peer;
    for entry in forwarded.iter().rev() {
        if !is_trusted(client, trusted_proxies) {
            break;
        }
        client = read(entry).ok_or(Unreadable(entry))?.to_canonical();
    }
    Ok(client)
}

/// Parses an address in any form that proxies write: bare, with a port, or in quotes. An IPv6 address may also be in
/// brackets or have a zone.
fn read(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?;
    let entry = entry.strip_prefix('"').and_then(|entry| entry.strip_suffix('"')).unwrap_or(entry);
    if let Some(bracketed) = entry.strip_prefix('[') {
        let (address, rest) = bracketed.split_once(']')?;
        let is_good = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
        return read_v6(address).filter(|_| is_good);
    }
    match entry.split_once(':') {
        // a second colon means an IPv6 address
        Some((address, port)) if is_port(port) => address.parse().ok().map(IpAddr::V4),
        Some(_) => read_v6(entry),
        None => entry.parse().ok().map(IpAddr::V4),
    }
}

/// Parses an IPv6 address. The zone (RFC 4007 §11) is ignored, because it names a network interface of the proxy and
/// says nothing about the client.
fn read_v6(text: &str) -> Option<IpAddr> {
    let address = match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address,
        Some(_) => return None,
        None => text,
    };
    address.parse().ok().map(IpAddr::V6)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rightmost_untrusted_entry_is_the_client() {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let seen = |peer: &str, forwarded: &[&str]| {
            let forwarded: Vec<&[u8]> = forwarded.iter().map(|entry| entry.as_bytes()).collect();
            see_through(peer.parse().unwrap(), &forwarded, &proxies).ok().map(|address| address.to_string())
        };
        let known = |address: &str| Some(address.to_owned());
        assert_eq!(seen("192.0.2.1", &["198.51.100.7"]), known("192.0.2.1"), "the peer is not a proxy");
        assert_eq!(seen("192.0.2.1", &["garbage"]), known("192.0.2.1"), "so its header is ignored");
        assert_eq!(seen("10.0.0.1", &[]), known("10.0.0.1"));
        assert_eq!(seen("10.0.0.1", &["198.51.100.7"]), known("198.51.100.7"));
        assert_eq!(
            seen("10.0.0.1", &["203.0.113.9", "198.51.100.7"]),
            known("198.51.100.7"),
            "the left one is invented"
        );
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "10.0.0.2"]), known("198.51.100.7"));
        assert_eq!(seen("10.0.0.1", &["10.0.0.3", "10.0.0.2"]), known("10.0.0.3"));
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "garbage"]), None, "the client is unknown");
        assert_eq!(seen("10.0.0.1", &["198.51.100.7", "garbage", "10.0.0.2"]), None);
        assert_eq!(seen("10.0.0.1", &["garbage", "198.51.100.7"]), known("198.51.100.7"));
        assert_eq!(seen("::1", &["::ffff:198.51.100.7"]), known("198.51.100.7"));
    }

    #[test]
    fn addresses_are_read_as_proxies_write_them() {
        for (entry, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("\"192.0.2.1:4711\"", "192.0.2.1"),
            ("2001:db8::7", "2001:db8::7"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("\"[2001:DB8::7]:4711\"", "2001:db8::7"),
            ("fe80::1%eth0", "fe80::1"),
            ("[fe80::1%25en0]:4711", "fe80::1"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("::1", "::1"),
        ] {
            assert_eq!(read(entry.as_bytes()), Some(address.parse().unwrap()), "{entry}");
        }
        for entry in [
            "",
            "unknown",
            "unix:",
            "_hidden",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:99999",
            "192.0.2",
            "0192.0.2.1",
            "192.0.2.1%eth0",
            "[192.0.2.1]",
            "[2001:db8::7",
            "2001:db8::7]",
            "[2001:db8::7]x",
            "[2001:db8::7]:",
            "fe80::1%",
            "\"192.0.2.1",
            "example.org",
            "192.0.2.1 198.51.100.7",
            "é",
        ] {
            assert_eq!(read(entry.as_bytes()), None, "{entry}");
        }
        assert_eq!(read(b"192.0.2.1\xe9"), None);
    }
}
