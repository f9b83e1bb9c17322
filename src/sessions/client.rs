//! The sender of a request.

use std::net::IpAddr;

/// What is known about the sender of a request from its connection.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The IP address of the client itself, not of a trusted proxy.
    pub ip_address: Option<IpAddr>,
    /// The `User-Agent` that the client sent, truncated.
    pub user_agent: Option<String>,
}
