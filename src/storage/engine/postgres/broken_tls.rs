//! Connections to a server whose TLS does not work, for example because it has an X.509 version 1 certificate.

use std::io;

use sea_orm::sqlx::{
    self,
    postgres::{PgConnectOptions, PgSslMode},
};

use crate::telemetry::{LogLimit, with_causes};

static LIMIT: LogLimit = LogLimit::new();

/// Returns the options for a second attempt without TLS. Returns `None` if `error` is not about TLS, or if the URL
/// requires TLS. By default (`sslmode=prefer`), libpq too connects without TLS if TLS does not work. This mode does not
/// protect against an attacker who can modify the traffic.
pub(crate) fn without_tls(options: &PgConnectOptions, error: &sqlx::Error) -> Option<PgConnectOptions> {
    let is_tls = match error {
        sqlx::Error::Tls(_) => true,
        // how rustls reports invalid messages from the server
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::InvalidData,
        _ => false,
    };
    let is_optional = matches!(options.get_ssl_mode(), PgSslMode::Prefer);
    (is_tls && is_optional).then(|| {
        LIMIT.log(|left_out| {
            tracing::warn!(
                error = %with_causes(error), left_out,
                "PostgreSQL's TLS does not work, so the connection is not encrypted; sslmode=verify-full in DATABASE_URL would prevent that"
            );
        });
        options.clone().ssl_mode(PgSslMode::Disable)
    })
}
