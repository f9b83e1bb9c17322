//! Finds settings that are valid individually, but not in combination or not in production.

use super::Report;
use crate::{config::Config, graphql::guard::documents::Documents};

pub(super) fn check(config: &Config, report: &mut Report) {
    let (server, monitoring) = (&config.server, &config.monitoring);
    let so_far = report.failures + report.warnings;
    for warning in &config.warnings {
        report.warning("settings", warning);
    }
    if let Some(metrics) = monitoring.metrics_addr
        && metrics.port() == server.port
        && (metrics.ip().is_unspecified()
            || server.host.parse().map_or(metrics.ip().is_loopback(), |host: std::net::IpAddr| {
                host.is_unspecified() || host == metrics.ip()
            }))
    {
        report.failed("settings", "METRICS_ADDR and PORT name the same port: give the metrics another port");
    }
    if !config.budgets.are_enforced {
        report.warning(
            "settings",
            "RATE_LIMITS=off lets anyone guess passwords as fast as the server can hash them: remove it",
        );
    }
    if server.playground && !server.introspection {
        report.warning(
            "settings",
            "without INTROSPECTION=on, the playground has no autocompletion or documentation: turn both on, or both off",
        );
    }
    if let Err(problems) = Documents::load(config) {
        problems.lines().for_each(|problem| report.failed("settings", problem));
    }
    if server.trusted_documents.is_some() && server.playground {
        report.warning(
            "settings",
            "with TRUSTED_DOCUMENTS, the playground can run only trusted documents: turn PLAYGROUND off",
        );
    }
    if config.mail.app_url.is_none() {
        report.warning("settings", "APP_URL is not set, so emails and pages do not link to your app: set it");
    }
    if server.public_url.scheme() == "https" && server.trusted_proxies.is_empty() {
        report.warning(
            "settings",
            "PUBLIC_URL is an https URL, which implies a proxy, but TRUSTED_PROXIES is empty: add the proxy to it, or all \
             clients share one set of rate limits",
        );
    }
    if report.failures + report.warnings == so_far {
        let count = config.report.len();
        report.ok("settings", &format!("{count} settings are valid, and none contradict each other"));
    }
}
