//! The networks that a client's IP address belongs to. Each network has its own budgets.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
};

use crate::{app::App, config::Mode};

/// The subject of a budget, and the multiple of the usual budget that this subject gets.
pub(super) type Subject = (String, u32);

/// The address that a client's budgets belong to: an IPv4 address, or the networks of an IPv6 address.
///
/// A customer of an IPv6 provider has at least a /64, and often a /56 or a /48 (RFC 6177). A /48 contains 65,536 /64
/// networks. A charge to an IPv6 address therefore applies to all three networks. Neighbors may share the wider
/// networks, so those have larger budgets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The networks, with the narrowest first.
    networks: Vec<String>,
}

/// The prefix length of each network, and the multiple of the usual budget that the network gets.
const NETWORKS: [(u8, u32); 3] = [(64, 1), (56, 4), (48, 16)];

impl Address {
    /// Returns the address that the budgets of this IP address belong to.
    #[must_use]
    pub fn of(ip_address: IpAddr) -> Self {
        Self {
            networks: match ip_address.to_canonical() {
                IpAddr::V4(address) => vec![address.to_string()],
                IpAddr::V6(address) => NETWORKS.map(|(length, _)| network(address, length)).to_vec(),
            },
        }
    }

    /// Returns the address to charge a client's actions to, or `None` if the client is not limited by address. In
    /// development mode, clients on the same machine are not limited, because they are a front end and its tests.
    #[must_use]
    pub fn rationed(app: &App, ip_address: Option<IpAddr>) -> Option<Self> {
        let is_exempt = |address: IpAddr| app.config.mode == Mode::Dev && address.is_loopback();
        if !app.config.budgets.are_enforced || ip_address.is_some_and(is_exempt) {
            return None;
        }
        // clients without an address cannot be distinguished, so they share one budget
        Some(ip_address.map_or_else(|| Self { networks: vec!["unknown".to_owned()] }, Self::of))
    }

    /// Returns the IPv4 address or the /64 network as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.networks[0]
    }

    /// Returns the networks to charge, each with the multiple of the usual budget that it gets.
    pub fn networks(&self) -> impl Iterator<Item = (&str, u32)> {
        self.networks.iter().map(String::as_str).zip(NETWORKS.map(|(_, times)| times))
    }

    /// Returns a subject for each network, for a budget that applies to the address alone.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        self.networks().map(|(network, times)| (network.to_owned(), times)).collect()
    }

    /// Returns a subject for each network, for a budget that applies to the address together with something else, such
    /// as an account.
    pub(super) fn subjects_with(&self, other: impl Display) -> Vec<Subject> {
        self.networks().map(|(network, times)| (format!("{other} {network}"), times)).collect()
    }
}

fn network(address: Ipv6Addr, length: u8) -> String {
    let mask = u128::MAX << (128 - length);
    let [a, b, c, d, ..] = Ipv6Addr::from_bits(address.to_bits() & mask).segments();
    format!("{a:x}:{b:x}:{c:x}:{d:x}::/{length}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(address: &str) -> Vec<Subject> {
        Address::of(address.parse().unwrap()).subjects()
    }

    #[test]
    fn an_ipv4_address_counts_alone() {
        for address in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(networks(address), [("192.0.2.1".to_owned(), 1)]);
        }
    }

    #[test]
    fn an_ipv6_address_counts_for_its_networks_and_the_wider_have_more() {
        let of = |list: [(&str, u32); 3]| list.map(|(network, times)| (network.to_owned(), times));
        let first = of([("2001:db8:1:0::/64", 1), ("2001:db8:1:0::/56", 4), ("2001:db8:1:0::/48", 16)]);
        assert_eq!(networks("2001:db8:1::1"), first);
        assert_eq!(networks("2001:db8:1:0:ffff::1"), first);
        let last = of([("2001:db8:1:ffff::/64", 1), ("2001:db8:1:ff00::/56", 4), ("2001:db8:1:0::/48", 16)]);
        assert_eq!(networks("2001:db8:1:ffff::1"), last);
    }
}
