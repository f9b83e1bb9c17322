//! A socket that closes if its client is too slow.
//!
//! Three steps have a deadline: the arrival of a request's head, the pause between two requests, and the client's
//! reading of a response. A deadline covers the whole step, so sending a byte now and then does not extend it. The
//! deadline for a request's body is set where the body is read. On upgraded connections, only the client's reading has
//! a deadline.

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
use crate::graphql::error::TopLevelErrorCode;

/// The time limit for a request's head to arrive after its first byte, and for the first byte to arrive on a new
/// connection.
const HEAD: Duration = Duration::from_secs(10);

/// The longest pause between two requests. Proxies close connections that have been idle for a minute. The limit is
/// longer because a proxy must be the first to close a connection.
const IDLE: Duration = Duration::from_secs(75);

/// The time limit for the client to read a whole response.
const ANSWER: Duration = Duration::from_secs(30);

/// What a connection is doing. The HTTP service reports the connection's requests, and the socket observes the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Phase(Arc<AtomicU8>);

const WAITS: u8 = 0;
const SENDS_HEAD: u8 = 1;
const IS_ANSWERED: u8 = 2;
const TAKES_ANSWER: u8 = 3;
const STREAMS: u8 = 4;

/// Marks a response that lasts as long as the client listens.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streams;

impl Phase {
    /// Records that a request has arrived.
    pub(super) fn begin(&self) {
        self.set(IS_ANSWERED);
    }

    /// Records that the request has a response.
    pub(super) fn end(&self) {
        self.set(TAKES_ANSWER);
    }

    /// Records the start of a response that lasts as long as the client listens.
    pub(super) fn stream(&self) {
        self.set(STREAMS);
    }

    fn is(&self, phase: u8) -> bool {
        self.0.load(Ordering::Relaxed) == phase
    }

    fn set(&self, phase: u8) {
        self.0.store(phase, Ordering::Relaxed);
    }

    /// Returns whether the connection is waiting for a request or for the rest of a request's head.
    fn is_before(&self) -> bool {
        self.is(WAITS) || self.is(SENDS_HEAD)
    }
}

/// A socket with deadlines.
pub(super) struct Deadlines<S> {
    socket: S,
    phase: Phase,
    /// The deadline for data to arrive.
    coming: Pin<Box<Sleep>>,
    /// The deadline for the client to read what was sent.
    going: Option<Pin<Box<Sleep>>>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Deadlines<S> {
    pub(super) fn new(socket: S, phase: Phase) -> Self {
        Self { socket, phase, coming: Box::pin(sleep(HEAD)), going: None }
    }

    fn note_arrival(&mut self) {
        if self.phase.is(WAITS) {
            self.phase.set(SENDS_HEAD);
            self.coming.as_mut().reset(Instant::now() + HEAD);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Deadlines<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(cx, buffer) {
            self.note_arrival();
            return Poll::Ready(read);
        }
        if !self.phase.is_before() {
            return Poll::Pending;
        }
        ready!(self.coming.as_mut().poll(cx));
        if self.phase.is(SENDS_HEAD) {
            // best effort: the connection closes in any case
            let late = answer::raw(
                StatusCode::REQUEST_TIMEOUT,
                TopLevelErrorCode::BadRequest,
                "The request did not arrive in time.",
            );
            let _ = Pin::new(&mut self.socket).poll_write(cx, &late);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Deadlines<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
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
