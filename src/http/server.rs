//! Accepts connections, and closes them.
//!
//! This replaces the framework's accept loop, which has two flaws. It keeps processing a request after the
//! client has disconnected, so strangers could fill the hash queue at no cost. It also waits forever for
//! slow senders and readers. This server speaks only HTTP/1.1: a proxy in front of it can speak newer
//! versions.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use poem::{
    Endpoint, Response,
    http::{HeaderValue, StatusCode, header, uri::Scheme},
    web::{LocalAddr, RemoteAddr},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
    time,
};

use super::{
    Leaving,
    admission::{Admission, ConnectionPlace},
    deadlines::{Deadlines, Phase, Streams},
    lingering_close::LingeringClose,
};

/// The limits on a request's head: its size in bytes and the number of its headers.
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 100;

/// How long requests in progress may take after the server is asked to stop. The server must exit within ten seconds.
const DRAIN: Duration = Duration::from_secs(9);

/// How long a connection may stay idle after the server is asked to stop. A request may be on its way, either the first
/// one on a new connection or one from a client that has not yet noticed that the connection is about to close.
const LAST_REQUEST: Duration = Duration::from_millis(250);

/// The maximum number of connections that are still accepted when the server stops: as many as the kernel queues.
/// Without a limit, somebody who connects fast enough could keep the server from stopping.
const BACKLOG: usize = 1024;

/// How long to wait before trying again if a connection cannot be accepted, probably because too many are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then stops accepting connections and finishes the requests in progress. Once `leaving` has
/// begun, each connection ends with its next response.
pub(super) async fn run(
    listener: TcpListener,
    connections: Admission,
    endpoint: impl Endpoint<Output = Response> + 'static,
    leaving: Leaving,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let local = LocalAddr(listener.local_addr()?.into());
    let (stop, stopping) = watch::channel(());
    let (open, mut all_closed) = mpsc::channel(1);
    let server = Arc::new(Server { endpoint, local, leaving, stopping, _open: open });
    let mut shutdown = pin!(shutdown);
    tracing::info!(address = %server.local, "listening");
    let admit = |(socket, peer): (TcpStream, SocketAddr)| match connections.admit(peer.ip()) {
        Ok(place) => drop(tokio::spawn(server.clone().serve(socket, peer, place))),
        Err(full) => full.turn_away(socket),
    };
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok(accepted) => admit(accepted),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                time::sleep(PAUSE).await;
            }
        }
    }
    // The kernel may have accepted connections that the runtime does not know of yet. If the listener were closed now,
    // the kernel would reset them, and the requests that they carry would be lost.
    let listener = listener.into_std()?;
    for _ in 0..BACKLOG {
        let Ok((socket, peer)) = listener.accept() else { break };
        if let Ok(socket) = socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket)) {
            admit((socket, peer));
        }
    }
    drop((listener, server));
    drop(stop);
    tracing::info!("stopping once the requests in progress have finished");
    let closed = async { while all_closed.recv().await == Some(()) {} };
    if time::timeout(DRAIN, closed).await.is_err() {
        tracing::warn!("stopped before all requests had finished");
    }
    Ok(())
}

/// The parts that all connections share.
struct Server<E> {
    endpoint: E,
    local: LocalAddr,
    leaving: Leaving,
    /// Closes when the server stops.
    stopping: watch::Receiver<()>,
    /// Closes with the last connection.
    _open: mpsc::Sender<()>,
}

impl<E: Endpoint<Output = Response> + 'static> Server<E> {
    /// Serves one connection until it ends or becomes a WebSocket.
    async fn serve(self: Arc<Self>, socket: TcpStream, peer: SocketAddr, place: ConnectionPlace) {
        // Small responses must not wait for more data. An error can be ignored: if the connection is already gone,
        // reading from it fails too.
        let _ = socket.set_nodelay(true);
        let peer = RemoteAddr(peer.into());
        let phase = Phase::default();
        let service = service_fn(async |request: Request<Incoming>| {
            phase.begin();
            let request = poem::Request::from((request, self.local.clone(), peer.clone(), Scheme::HTTP));
            // boxed, because a connection reserves memory for this future as long as it is open, and most
            // connections are idle
            let mut answer = Box::pin(self.endpoint.get_response(request)).await;
            if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                match answer.extensions().get::<Streams>() {
                    Some(Streams) => phase.stream(),
                    None => phase.end(),
                }
                if self.leaving.has_begun() {
                    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
            }
            Ok::<_, Infallible>(hyper::Response::from(answer))
        });
        let mut http = http1::Builder::new();
        http.header_read_timeout(None).max_buf_size(MAX_HEAD).max_headers(MAX_HEADERS);
        // the response to an upgrade must spell header names as the request did
        http.preserve_header_case(true);
        let paced = Deadlines::new(LingeringClose::new(socket, place), phase.clone());
        let mut connection = pin!(http.serve_connection(TokioIo::new(paced), service).with_upgrades());
        let mut stopping = self.stopping.clone();
        let ended = tokio::select! {
            ended = &mut connection => ended,
            _ = stopping.changed() => if let Ok(ended) = time::timeout(LAST_REQUEST, &mut connection).await {
                ended
            } else {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}
