//! Encryption of the connection to a mail server.

use std::{error::Error, fmt, fs, io, path::Path, sync::Arc};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// A byte stream to a mail server, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The TLS client that encrypts connections.
#[derive(Clone)]
pub(super) struct Tls(TlsConnector);

impl Tls {
    /// Creates a client that trusts the well-known certificate authorities and those in this file.
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = ca_file {
            let fault = |why: &dyn fmt::Display| format!("SMTP_CA_FILE: {}: {why}", path.display());
            let pem = fs::read(path).map_err(|error| fault(&error))?;
            let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
            let found = found.map_err(|error| fault(&error))?;
            if found.is_empty() {
                return Err(fault(&"contains no certificate in PEM").into());
            }
            for certificate in found {
                roots.add(certificate).map_err(|error| fault(&error))?;
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    pub(super) async fn encrypt(
        &self,
        host: &str,
        stream: impl Stream + 'static,
    ) -> io::Result<Box<dyn Stream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Box::new(self.0.connect(name, stream).await?))
    }
}
