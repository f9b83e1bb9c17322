//! A connection that is closed when its client dawdles.
//!
//! Deadlines are for the whole of a thing, so that one byte now and then does not put them off: so long for a
//! request's head, so long between two requests, so long until an answer has been taken. A request's body has
//! one where it is read. What was upgraded has none, but for what waits to be taken.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use poem::http::StatusCode;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::answer;

/// How long a request's head may take, from its first byte, or from the connection's beginning.
const HEAD: Duration = Duration::from_secs(10);

/// How long a connection may wait between two requests. Proxies keep theirs for a minute, and must be the
/// first to close.
const IDLE: Duration = Duration::from_secs(75);

/// How long an answer may wait until its client has taken all of it.
const ANSWER: Duration = Duration::from_secs(30);

/// What a connection is doing: the service tells of its requests, the socket sees the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

const WAITS: u8 = 0;
const SENDS_HEAD: u8 = 1;
const IS_ANSWERED: u8 = 2;
const TAKES_ANSWER: u8 = 3;

impl Phase {
    /// A request has come.
    pub(super) fn begin(&self) {
        self.set(IS_ANSWERED);
    }

    /// It has an answer.
    pub(super) fn end(&self) {
        self.set(TAKES_ANSWER);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }

    /// Whether a request is still to come.
    fn is_before(&self) -> bool {
        self.is(WAITS) || self.is(SENDS_HEAD)
    }
}

/// A socket with deadlines.
pub(super) struct Deadlines<S> {
    socket: S,
    phase: Phase,
    /// Until when what is awaited must have come.
    coming: Pin<Box<Sleep>>,
    /// Until when what waits to be taken must have been.
    going: Option<Pin<Box<Sleep>>>,
    /// Whether the request line of the head is complete.
    has_line: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Deadlines<S> {
    pub(super) fn new(socket: S, phase: Phase) -> Self {
        Self { socket, phase, coming: Box::pin(sleep(HEAD)), going: None, has_line: false }
    }

    fn note(&mut self, bytes: &[u8]) {
        if self.phase.is(WAITS) {
            self.phase.set(SENDS_HEAD);
            self.coming.as_mut().reset(Instant::now() + HEAD);
            self.has_line = false;
        }
        self.has_line |= bytes.contains(&b'\n');
    }

    /// What hyper answers to heads that it cannot read has no body: this is what takes its place. None: it is
    /// no such answer.
    fn refusal(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !self.phase.is_before() {
            return None;
        }
        let status = StatusCode::from_bytes(bytes.strip_prefix(b"HTTP/1.1 ")?.get(..3)?).ok()?;
        Some(match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE if !self.has_line => {
                answer::raw(StatusCode::URI_TOO_LONG, "The address is too long: send the query by POST.")
            }
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                answer::raw(status, "The request has too many headers, or too long ones.")
            }
            status if status.is_client_error() => answer::raw(status, "The request is not well-formed HTTP."),
            _ => return None,
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Deadlines<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(cx, buffer) {
            self.note(&buffer.filled()[before..]);
            return Poll::Ready(read);
        }
        if !self.phase.is_before() {
            return Poll::Pending;
        }
        ready!(self.coming.as_mut().poll(cx));
        if self.phase.is(SENDS_HEAD) {
            let late = answer::raw(StatusCode::REQUEST_TIMEOUT, "The request did not arrive in time.");
            // whoever does not read it has been told
            let _ = Pin::new(&mut self.socket).poll_write(cx, &late);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Deadlines<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match self.refusal(bytes) {
            Some(refusal) => Pin::new(&mut self.socket).poll_write(cx, &refusal).map_ok(|_| bytes.len()),
            None => Pin::new(&mut self.socket).poll_write(cx, bytes),
        };
        if written.is_ready() {
            return written;
        }
        let going = self.going.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + ANSWER)));
        going.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
        self.going = None;
        if self.phase.is(TAKES_ANSWER) {
            self.phase.set(WAITS);
            self.coming.as_mut().reset(Instant::now() + IDLE);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
