//! Work that goes on to its end, whoever lets go of it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;

/// The longest that it may take after nobody waits for it any more.
const LEFT_ALONE: Duration = Duration::from_millis(2500);

/// Dropped before its end, it becomes a task of its own. (One from the start would cost every write as much as its commands.)
pub(crate) struct Finishing(Option<BoxFuture<'static, ()>>);

impl Finishing {
    pub(crate) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl Future for Finishing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // what panics is not put back, since it cannot go on
        let Some(mut work) = self.0.take() else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl Drop for Finishing {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // a server that hangs may hang in a rollback too
            runtime.spawn(tokio::time::timeout(LEFT_ALONE, work));
        }
    }
}
