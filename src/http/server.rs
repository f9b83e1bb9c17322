//! Accepting connections, and letting go of them.
//!
//! An accept loop of our own: the framework's goes on with requests whose client has gone, which would let strangers fill
//! the hash queue for free, and waits for ever for whoever sends slowly or reads slowly. HTTP/1.1 alone is spoken: a proxy
//! that speaks more stands in front anyhow.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Response,
    http::{StatusCode, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time,
};

use super::{
    admission::{Admission, ConnectionPlace},
    deadlines::{Deadlines, Phase},
    lingering_close::LingeringClose,
};

/// The most bytes of a request's head, and the most headers in it.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;

/// How long requests that run may go on once the server is told to stop: it is gone within ten seconds.
const DRAIN: Duration = Duration::from_secs(9);

/// How long to wait when no connection can be accepted: most likely too many are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then accepts nothing more and finishes what runs.
pub(super) async fn run(
    listener: TcpListener,
    connections: Admission,
    endpoint: impl Endpoint<Output = Response> + 'static,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let local = LocalAddr(listener.local_addr()?.into());
    let (stop, stopping) = watch::channel(());
    let (open, mut all_closed) = mpsc::channel(1);
    let server = Arc::new(Server { endpoint, local, stopping, _open: open });
    let mut shutdown = pin!(shutdown);
    tracing::info!(address = %server.local, "listening");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((socket, peer)) => match connections.admit(peer.ip()) {
                Ok(place) => drop(tokio::spawn(server.clone().serve(socket, peer, place))),
                Err(full) => full.turn_away(socket),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                time::sleep(PAUSE).await;
            }
        }
    }
    drop((listener, server));
    drop(stop);
    tracing::info!("stopping: what runs may finish");
    let closed = async { while all_closed.recv().await == Some(()) {} };
    if time::timeout(DRAIN, closed).await.is_err() {
        tracing::warn!("stopped while requests still ran");
    }
    Ok(())
}

/// What every connection needs.
struct Server<E> {
    endpoint: E,
    local: LocalAddr,
    /// Closes when the server stops.
    stopping: watch::Receiver<()>,
    /// Closes with the last connection.
    _open: mpsc::Sender<()>,
}

impl<E: Endpoint<Output = Response> + 'static> Server<E> {
    /// Serves one connection to its end, or until it is somebody else's: a WebSocket.
    async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, place: ConnectionPlace) {
        // small answers must not wait for more to come; a connection that is gone already shows when it is read
        let _ = socket.set_nodelay(true);
        let peer = RemoteAddr(peer.into());
        let phase = Phase::default();
        let service = service_fn(async |request: Request<Incoming>| {
            phase.begin();
            let request = poem::Request::from((request, self.local.clone(), peer.clone(), Scheme::HTTP));
            // boxed, for a connection has room for this as long as it is open, and most of them wait
            let answer = Box::pin(self.endpoint.get_response(request)).await;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                phase.end();
            }
            Ok::<_, Infallible>(hyper::Response::from(answer))
        });
        let mut http = http1::Builder::new();
        http.header_read_timeout(None).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
        // for the answer to an upgrade, which writes header names as its request did
        http.preserve_header_case(true);
        let paced = Deadlines::new(LingeringClose::new(socket, place), phase.clone());
        let mut connection = pin!(http.serve_connection(TokioIo::new(paced), service).with_upgrades());
        let mut stopping = self.stopping.clone();
        let ended = tokio::select! {
            ended = &mut connection => ended,
            _ = stopping.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
