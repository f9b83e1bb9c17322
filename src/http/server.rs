//! Accepting connections, and letting go of them.
//!
//! An accept loop of our own: the framework's goes on with requests whose client has gone, which would let strangers fill
//! the hash queue for free, and it waits for a request's head for ever.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use poem::{
    Endpoint, Response,
    http::uri::Scheme,
    web::{LocalAddr, RemoteAddr},
};
use tokio::{net::TcpListener, time};

/// How long a connection may take to send a request's head, or wait between two.
const HEAD: Duration = Duration::from_secs(30);

/// How long requests that run may go on once the server is told to stop: it is gone within ten seconds.
const DRAIN: Duration = Duration::from_secs(9);

/// How long to wait when no connection can be accepted: most likely too many are open.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `shutdown`, then accepts nothing more and finishes what runs.
pub(super) async fn run(
    listener: TcpListener,
    endpoint: impl Endpoint<Output = Response> + 'static,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let endpoint = Arc::new(endpoint);
    let local = LocalAddr(listener.local_addr()?.into());
    let mut http = auto::Builder::new(TokioExecutor::new()).http1_only();
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    let open = GracefulShutdown::new();
    tokio::pin!(shutdown);
    tracing::info!(address = %local, "listening");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                time::sleep(PAUSE).await;
                continue;
            }
        };
        // small answers must not wait for more to come; a connection that is gone already shows when it is read
        let _ = socket.set_nodelay(true);
        let (endpoint, local, peer) = (endpoint.clone(), local.clone(), RemoteAddr(peer.into()));
        let service = service_fn(move |request: Request<Incoming>| {
            let endpoint = endpoint.clone();
            let request = poem::Request::from((request, local.clone(), peer.clone(), Scheme::HTTP));
            async move { Ok::<_, Infallible>(hyper::Response::from(endpoint.get_response(request).await)) }
        });
        let connection = http.serve_connection_with_upgrades(TokioIo::new(socket), service);
        let connection = open.watch(connection.into_owned());
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    tracing::info!("stopping: what runs may finish");
    if time::timeout(DRAIN, open.shutdown()).await.is_err() {
        tracing::warn!("stopped while requests still ran");
    }
    Ok(())
}
