//! The listening socket.

use std::io;

use poem::{
    http::uri::Scheme,
    listener::{Acceptor, TcpAcceptor},
    web::{LocalAddr, RemoteAddr},
};
use tokio::net::{TcpListener, TcpStream};

/// Sends what is written at once: small answers must not wait for more to come (`TCP_NODELAY`).
pub(super) struct NoDelay(TcpAcceptor);

impl NoDelay {
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        TcpAcceptor::from_tokio(listener).map(Self)
    }
}

impl Acceptor for NoDelay {
    type Io = TcpStream;

    fn local_addr(&self) -> Vec<LocalAddr> {
        self.0.local_addr()
    }

    async fn accept(&mut self) -> io::Result<(TcpStream, LocalAddr, RemoteAddr, Scheme)> {
        let accepted = self.0.accept().await?;
        // a connection that is gone already shows when it is read
        let _ = accepted.0.set_nodelay(true);
        Ok(accepted)
    }
}
