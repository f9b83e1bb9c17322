//! Checks the path from clients to the server: `PUBLIC_URL`, its certificate, and the client address that the server
//! sees.

use std::{error::Error, net::IpAddr, time::Duration};

use reqwest::{Client, StatusCode, redirect};
use serde::Deserialize;

use super::Report;
use crate::config::Config;

/// The time limit of a request.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// An IP address that no client has (RFC 5737).
const INVENTED: &str = "192.0.2.123";

/// The header in which proxies send the ID of a request.
const REQUEST_ID: &str = "x-request-id";

/// How the server sees a request. See `http/seen_address.rs`.
#[derive(Deserialize)]
struct Seen {
    address: Option<IpAddr>,
    forwarded: Forwarded,
    /// Whether the server accepted the ID of the request.
    #[serde(skip)]
    took_id: bool,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Forwarded {
    None,
    Ignored,
    Believed,
}

/// The name of a check, and why it failed.
type Failed = (&'static str, String);

pub(super) async fn check(config: &Config, report: &mut Report) {
    let base = config.server.base_url();
    let is_https = config.server.public_url.scheme() == "https";
    let seen = match ask(config, None).await {
        Ok(seen) => seen,
        Err((what, found)) => {
            report.failed(what, &found);
            return;
        }
    };
    report.ok("public URL", &format!("{base} leads to a Gatehouse server"));
    if is_https {
        report.ok("TLS", &format!("the certificate of {base} is valid"));
    } else {
        report.warning("TLS", "PUBLIC_URL is an http URL, so only this machine can use it: set an https URL");
    }
    let is_trusted = |address| config.server.trusted_proxies.iter().any(|network| network.contains(&address));
    let address = match (seen.address, seen.forwarded) {
        (_, Forwarded::None) if is_https => {
            let found = "the proxy sends no X-Forwarded-For, so all clients share one set of rate limits: have the proxy set \
                         the header";
            report.failed("forwarded address", found);
            return;
        }
        (Some(address), Forwarded::None) if is_trusted(address) => {
            let found = format!(
                "the server sees {address}, which is in TRUSTED_PROXIES, without X-Forwarded-For, so all clients of this proxy share \
                 one set of rate limits: have the proxy set the header"
            );
            report.warning("forwarded address", &found);
            return;
        }
        (Some(address), Forwarded::None) => {
            report.ok("forwarded address", &format!("there is no proxy; the server sees {address}"));
            return;
        }
        (Some(address), Forwarded::Ignored) => {
            let found = format!(
                "the proxy at {address} is not trusted, so all clients share one set of rate limits: add the address to \
                 TRUSTED_PROXIES"
            );
            report.failed("forwarded address", &found);
            return;
        }
        (Some(address), Forwarded::Believed) => address,
        (None, _) => {
            let found = "the server cannot read the address that the proxy forwards: have the proxy set X-Forwarded-For to an \
                         address";
            report.failed("forwarded address", found);
            return;
        }
    };
    if is_trusted(address) {
        let found = format!(
            "the server sees {address}, which is in TRUSTED_PROXIES: run the check from another machine, or remove the address \
             from TRUSTED_PROXIES"
        );
        report.warning("forwarded address", &found);
        return;
    }
    let seen = ask(config, Some(INVENTED)).await;
    if seen.as_ref().is_ok_and(|seen| seen.took_id) {
        let found = "the server accepted a request ID that this command invented, so clients can hide their requests among the log records \
                     of others: have the proxy set or remove X-Request-Id, and remove traceparent";
        report.warning("request id", found);
    }
    match seen {
        Ok(seen) if seen.address.is_some_and(|address| address.to_string() == INVENTED) => report.failed(
            "forwarded address",
            "the server believed an address that this command invented, so clients can evade all rate limits: have the proxy \
             replace X-Forwarded-For, or append to it",
        ),
        Ok(_) => report.ok("forwarded address", &format!("the server sees {address}, even if a client invents another")),
        Err((what, found)) => report.failed(what, &found),
    }
}

/// Asks the server how it sees this request.
async fn ask(config: &Config, forwarded_for: Option<&str>) -> Result<Seen, Failed> {
    let url = config.server.public_address("/health/address");
    let failed = |error: reqwest::Error| unreachable(&url, &error);
    let http = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .timeout(TIME_LIMIT)
        .user_agent(concat!("gatehouse/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(failed)?;
    let mut request = http.get(&url);
    if let Some(address) = forwarded_for {
        request = request.header("x-forwarded-for", address).header(REQUEST_ID, INVENTED);
    }
    let answer = request.send().await.map_err(failed)?;
    let status = answer.status();
    if status == StatusCode::MISDIRECTED_REQUEST {
        let found = format!(
            "{url} responds with 421, because the server does not accept the host name that the proxy sends: have the proxy pass on \
             `Host`, or add the name to ALLOWED_HOSTS"
        );
        return Err(("public URL", found));
    }
    let took_id = answer.headers().get(REQUEST_ID).is_some_and(|id| id == INVENTED);
    let body = answer.bytes().await.map_err(failed)?;
    let seen = serde_json::from_slice(&body).ok().filter(|_| status == StatusCode::OK);
    seen.map(|seen| Seen { took_id, ..seen }).ok_or_else(|| {
        let found = format!(
            "{url} responds with {status}, which a Gatehouse server of this version never does: start the server, and check that the \
             proxy leads to it"
        );
        ("public URL", found)
    })
}

fn unreachable(url: &str, error: &reqwest::Error) -> Failed {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let why = causes.last().cloned().unwrap_or_else(|| error.to_string());
    let is_tls = url.starts_with("https:")
        && causes.iter().any(|cause| {
            ["certificate", "corrupt message", "handshake"].iter().any(|word| cause.contains(word))
        });
    if is_tls {
        (
            "TLS",
            format!(
                "{url} has no valid certificate: {}: renew it, or check the proxy",
                certificate_fault(&why)
            ),
        )
    } else {
        (
            "public URL",
            format!("{url} cannot be reached: {why}: start the server and the proxy, and check PUBLIC_URL"),
        )
    }
}

/// Explains what is wrong with a certificate, without using the error names of the library that checked it.
fn certificate_fault(why: &str) -> &str {
    let known = [
        ("CaUsedAsEndEntity", "it is self-signed, so no authority vouches for it"),
        ("UnknownIssuer", "no authority that this machine trusts has issued it"),
        ("NotValidForName", "it is for another name"),
        ("Expired", "it has expired"),
    ];
    known.iter().find(|(name, _)| why.contains(name)).map_or(why, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_certificate_is_explained_in_words() {
        let of_rustls = "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))";
        assert_eq!(certificate_fault(of_rustls), "it is self-signed, so no authority vouches for it");
        assert_eq!(
            certificate_fault("invalid peer certificate: UnknownIssuer"),
            "no authority that this machine trusts has issued it"
        );
        assert_eq!(certificate_fault("corrupt message"), "corrupt message");
    }
}
