//! A hash that distinguishes the clients that refresh a session.

use std::net::IpAddr;

use aws_lc_rs::digest::{Context, SHA256};
use uuid::Uuid;

use super::client::Client;

impl Client {
    /// Returns a short hash of the client's network and user agent, salted with the session's ID.
    ///
    /// The network is a /24 of IPv4 or a /48 of IPv6. A client whose address changes within the network keeps its hash.
    pub(super) fn hash_for(&self, session_id: Uuid) -> i64 {
        let network = match self.ip_address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => address.octets()[..3].to_vec(),
            Some(IpAddr::V6(address)) => address.octets()[..6].to_vec(),
            None => b"unknown".to_vec(),
        };
        let mut digest = Context::new(&SHA256);
        digest.update(session_id.as_bytes());
        // the length separates IPv4 from IPv6, and the network from the user agent
        digest.update(&[u8::try_from(network.len()).unwrap_or(u8::MAX)]);
        digest.update(&network);
        digest.update(self.user_agent.as_deref().unwrap_or_default().as_bytes());
        let mut hash = [0; 8];
        hash.copy_from_slice(&digest.finish().as_ref()[..8]);
        i64::from_be_bytes(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(address: Option<&str>, agent: &str) -> i64 {
        let ip_address = address.map(|address| address.parse().unwrap());
        Client { ip_address, user_agent: Some(agent.to_owned()) }.hash_for(Uuid::nil())
    }

    #[test]
    fn a_client_is_its_network_and_what_it_says_it_is() {
        for (one, other, is_same) in [
            ("198.51.100.7", "198.51.100.250", true),
            ("198.51.100.7", "198.51.101.7", false),
            ("::ffff:198.51.100.7", "198.51.100.7", true),
            ("2001:db8:1:2::1", "2001:db8:1:ffff::2", true),
            ("2001:db8:1:2::1", "2001:db8:2:2::1", false),
        ] {
            let is_found_same = hash(Some(one), "browser") == hash(Some(other), "browser");
            assert_eq!(is_found_same, is_same, "{one} {other}");
            assert_ne!(hash(Some(one), "browser"), hash(Some(one), "another"));
        }
        assert_eq!(hash(None, "browser"), hash(None, "browser"));
        assert_ne!(hash(None, "browser"), hash(Some("198.51.100.7"), "browser"));
        let client = Client::default();
        assert_ne!(
            client.hash_for(Uuid::nil()),
            client.hash_for(Uuid::max()),
            "sessions are not linked by it"
        );
    }
}
