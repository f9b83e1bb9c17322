//! The sender of a request.

use std::net::IpAddr;

/// The sender of a request, as far as it is known from the connection.
#[derive(Clone, Debug, Default)]
pub struct Client {
    /// The client's IP address, behind any trusted proxies.
    pub ip_address: Option<IpAddr>,
    /// The `User-Agent` that the client sent, truncated.
    pub user_agent: Option<String>,
}
