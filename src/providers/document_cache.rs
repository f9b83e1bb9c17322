//! A cache for one of a provider's documents. It keeps the document for as long as the response's HTTP headers allow.

use std::sync::{Arc, PoisonError, RwLock};

use time::OffsetDateTime;
use tokio::sync::Mutex;

use super::ProviderError;

/// The minimum time between two early fetches, which replace a document that is still fresh.
const NOT_AGAIN_FOR: time::Duration = time::Duration::MINUTE;

/// The cached document. At most one caller fetches the document at a time. Other callers use the cached document if it is
/// still fresh, and otherwise wait for that fetch.
pub(super) struct DocumentCache<T> {
    entry: RwLock<Option<Entry<T>>>,
    turn: Mutex<()>,
}

struct Entry<T> {
    document: Arc<T>,
    fresh_until: OffsetDateTime,
    /// The earliest time of another early fetch.
    again_at: OffsetDateTime,
}

impl<T> Default for DocumentCache<T> {
    fn default() -> Self {
        Self { entry: RwLock::new(None), turn: Mutex::new(()) }
    }
}

impl<T> DocumentCache<T> {
    /// Returns the document, fetching it first if there is no fresh one. `fetch` also returns how long the document stays
    /// fresh.
    pub(super) async fn get<F>(
        &self,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, ProviderError>
    where
        F: Future<Output = Result<(T, time::Duration), ProviderError>>,
    {
        if let Some(document) = self.fresh(now) {
            return Ok(document);
        }
        let _turn = self.turn.lock().await;
        match self.fresh(now) {
            Some(document) => Ok(document),
            None => Ok(self.keep(fetch().await?, now, now)),
        }
    }

    /// Returns a document newer than `known`, for a caller that needs something that `known` does not contain. Returns
    /// `None` if the last early fetch was too recent, so that clients cannot make us query the provider at an unlimited
    /// rate. The caller then assumes that what it needs does not exist.
    pub(super) async fn newer<F>(
        &self,
        known: &Arc<T>,
        now: OffsetDateTime,
        fetch: impl FnOnce() -> F,
    ) -> Result<Option<Arc<T>>, ProviderError>
    where
        F: Future<Output = Result<(T, time::Duration), ProviderError>>,
    {
        let _turn = self.turn.lock().await;
        match self.fresh(now) {
            Some(document) if !Arc::ptr_eq(&document, known) => Ok(Some(document)),
            Some(_) if now < self.again_at(now) => Ok(None),
            _ => Ok(Some(self.keep(fetch().await?, now, now + NOT_AGAIN_FOR))),
        }
    }

    fn fresh(&self, now: OffsetDateTime) -> Option<Arc<T>> {
        let entry = self.entry.read().unwrap_or_else(PoisonError::into_inner);
        entry.as_ref().filter(|entry| now < entry.fresh_until).map(|entry| entry.document.clone())
    }

    fn again_at(&self, now: OffsetDateTime) -> OffsetDateTime {
        let entry = self.entry.read().unwrap_or_else(PoisonError::into_inner);
        entry.as_ref().map_or(now, |entry| entry.again_at)
    }

    fn keep(
        &self,
        (document, fresh_for): (T, time::Duration),
        now: OffsetDateTime,
        again_at: OffsetDateTime,
    ) -> Arc<T> {
        let document = Arc::new(document);
        let entry = Entry { document: document.clone(), fresh_until: now + fresh_for, again_at };
        *self.entry.write().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        document
    }
}
