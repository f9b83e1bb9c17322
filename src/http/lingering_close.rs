//! A socket that is closed in a way that lets the client read the last response.
//!
//! If a connection is closed while it has unread data, the system resets it. A client that is still sending then loses
//! a response that it has not read yet, for example a refusal because the request body is too large. To avoid this,
//! incoming data is read and discarded for a moment (RFC 9112 §9.6).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::TcpStream,
    runtime::Handle,
    time,
};

/// How long to keep reading after the last response.
const LINGER: Duration = Duration::from_secs(2);

/// The maximum number of bytes to read after the last response.
const MOST: usize = 1024 * 1024;

/// A socket that, when dropped, discards incoming data for a moment before it is closed. It keeps its slot `P` until it
/// is closed.
pub(super) struct LingeringClose<P: Send + 'static>(Option<(TcpStream, P)>);

impl<P: Send + 'static> LingeringClose<P> {
    pub(super) fn new(socket: TcpStream, place: P) -> Self {
        Self(Some((socket, place)))
    }
}

impl<P: Send + Unpin + 'static> LingeringClose<P> {
    fn socket(self: Pin<&mut Self>) -> Pin<&mut TcpStream> {
        let (socket, _) = self.get_mut().0.as_mut().expect("the socket is taken only on drop");
        Pin::new(socket)
    }
}

impl<P: Send + 'static> Drop for LingeringClose<P> {
    fn drop(&mut self) {
        if let (Some((socket, place)), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move {
                let _ = time::timeout(LINGER, farewell(socket)).await;
                drop(place);
            });
        }
    }
}

async fn farewell(mut socket: TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    // small, because thousands of connections may be refused at the same time
    let mut forgotten = [0; 2048];
    let mut most = MOST;
    loop {
        let read = socket.read(&mut forgotten).await?;
        if read == 0 || read > most {
            return Ok(());
        }
        most -= read;
    }
}

impl<P: Send + Unpin + 'static> AsyncRead for LingeringClose<P> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.socket().poll_read(cx, buffer)
    }
}

impl<P: Send + Unpin + 'static> AsyncWrite for LingeringClose<P> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.socket().poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket().poll_shutdown(cx)
    }
}
