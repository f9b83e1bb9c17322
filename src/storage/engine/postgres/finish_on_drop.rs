//! Work that runs to completion even if its caller goes away.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;

use crate::storage::engine::limits::ABANDONED_TIME_LIMIT;

/// A future that becomes its own task if it is dropped before it completes. (Spawning a task for every write would cost
/// as much as the commands of the write.)
pub(crate) struct FinishOnDrop(Option<BoxFuture<'static, ()>>);

impl FinishOnDrop {
    pub(crate) fn new(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl Future for FinishOnDrop {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // taken out while it is polled, because a future that has panicked must not be polled again
        let Some(mut work) = self.0.take() else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(work);
        }
        polled
    }
}

impl Drop for FinishOnDrop {
    fn drop(&mut self) {
        if let Some(work) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            // a server that hangs may hang in the rollback too
            runtime.spawn(tokio::time::timeout(ABANDONED_TIME_LIMIT, work));
        }
    }
}
