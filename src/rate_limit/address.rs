//! Where clients are, as far as budgets go.

use std::{
    fmt::Display,
    net::{IpAddr, Ipv6Addr},
};

use super::Subject;
use crate::{app::App, config::Mode};

/// Where a client is, as far as one can be told from its neighbours: an IPv4 address, or the networks of an IPv6 address.
///
/// One customer has a /64 at least, and often a /56 or a /48 (RFC 6177), which holds 65,536 of them. So what is charged to an
/// IPv6 address is charged to all three networks. Neighbours may share the wider ones, which therefore have larger budgets.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// The narrowest first.
    networks: Vec<String>,
}

/// The lengths of the networks, and how many times the budget of one address each has.
const NETWORKS: [(u8, u32); 3] = [(64, 1), (56, 4), (48, 16)];

impl Address {
    /// That of an IP address.
    #[must_use]
    pub fn of(ip_address: IpAddr) -> Self {
        Self {
            networks: match ip_address.to_canonical() {
                IpAddr::V4(address) => vec![address.to_string()],
                IpAddr::V6(address) => NETWORKS.map(|(length, _)| network(address, length)).to_vec(),
            },
        }
    }

    /// That of a client, unless nothing is rationed to it by its address: in development, clients on the same machine are a
    /// front end and its tests.
    #[must_use]
    pub fn rationed(app: &App, ip_address: Option<IpAddr>) -> Option<Self> {
        let is_exempt = |address: IpAddr| app.config.mode == Mode::Dev && address.is_loopback();
        if !app.config.budgets.are_enforced || ip_address.is_some_and(is_exempt) {
            return None;
        }
        // whoever cannot be told apart shares
        Some(ip_address.map_or_else(|| Self { networks: vec!["unknown".to_owned()] }, Self::of))
    }

    /// As text: the IPv4 address, or the /64.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.networks[0]
    }

    /// The networks to count for, and how many times the budget of one address each has.
    pub fn networks(&self) -> impl Iterator<Item = (&str, u32)> {
        self.networks.iter().map(String::as_str).zip(NETWORKS.map(|(_, times)| times))
    }

    /// Returns the subjects of a budget of the address.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        self.networks().map(|(network, times)| (network.to_owned(), times)).collect()
    }

    /// Returns the subjects of a budget that it has together with something else, such as an account.
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
