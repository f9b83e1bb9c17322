//! Sessions and users in memory, so that a request of somebody who was here before asks the database nothing.
//!
//! **What is kept is never behind what is committed.** Every statement that changes a row of these tables says which
//! ([`super::Publish::changed`]; one that does not makes everything forgotten), and the row is forgotten once COMMIT has
//! returned and before the writer of it is answered. A row that is read meanwhile is not kept: the place that waits for it
//! is forgotten too. What other programs commit is noticed by [`Watch`] on SQLite. On PostgreSQL nothing tells of that in
//! time, so there nothing is kept, unless `VIEWER_CACHE_STALENESS` says how long it may be believed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::sync::{Cache, PlaceholderGuard};
use uuid::Uuid;

use super::{
    Reader,
    engine::{sqlite::data_version::Watch, txn::Changed},
    session, user,
};
use crate::{events::Event, fault::Fault};

/// A session and its user.
pub type Pair = (Arc<session::Model>, Arc<user::Model>);

/// The sessions and users that are kept. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    sessions: Cache<Uuid, Row<session::Model>>,
    users: Cache<Uuid, Row<user::Model>>,
    trust: Trust,
    counts: Counts,
}

/// A row, and when reading it began.
#[derive(Debug)]
struct Row<M>(Arc<M>, Instant);

impl<M> Clone for Row<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), self.1)
    }
}

/// Why what is kept may be believed.
#[derive(Debug)]
enum Trust {
    /// Whoever else writes to the file is noticed.
    Watch(Watch),
    /// It is no older than this, and other servers are heard.
    Staleness(Duration, AtomicBool),
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    doubts: AtomicU64,
}

/// How often what is kept was of use, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeptCounts {
    /// Requests whose session and user were kept.
    pub hits: u64,
    /// Requests that read one of them.
    pub misses: u64,
    /// Requests that could not tell whether what is kept holds, and asked the database.
    pub doubts: u64,
    /// Sessions that are kept.
    pub sessions: u64,
}

impl Kept {
    /// Keeps nothing.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// Keeps so many of each, and believes them while nobody else writes to the file.
    pub(crate) fn watching(most: usize, watch: Watch) -> Self {
        Self::new(most, Trust::Watch(watch))
    }

    /// Keeps so many of each, and believes them for so long, while other servers are heard.
    pub(crate) fn believing(most: usize, staleness: Duration) -> Self {
        Self::new(most, Trust::Staleness(staleness, AtomicBool::new(false)))
    }

    fn new(most: usize, trust: Trust) -> Self {
        let (sessions, users) = (Cache::new(most), Cache::new(most));
        Self(Some(Arc::new(Inner { sessions, users, trust, counts: Counts::default() })))
    }

    /// A session and its user, from memory where they are there. None: there is no such session, or it is somebody else's.
    pub(crate) async fn find(
        &self,
        on: &Reader,
        session_id: Uuid,
        user_id: Uuid,
    ) -> Result<Option<Pair>, Fault> {
        let Some(inner) = &self.0 else { return read(on, session_id, user_id).await };
        if !inner.is_trusted() {
            inner.counts.doubts.fetch_add(1, Ordering::Relaxed);
            return read(on, session_id, user_id).await;
        }
        let session = inner.wait(&inner.sessions, session_id).await;
        let user = inner.wait(&inner.users, user_id).await;
        if let (Ok(session), Ok(user)) = (&session, &user) {
            inner.counts.hits.fetch_add(1, Ordering::Relaxed);
            return Ok((session.user_id == user_id).then(|| (session.clone(), user.clone())));
        }
        inner.counts.misses.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let found = read(on, session_id, user_id).await?;
        if let Some((found_session, found_user)) = &found {
            fill(session.err(), found_session, begun);
            fill(user.err(), found_user, begun);
        }
        Ok(found)
    }

    /// Forgets what was changed: it has been committed, or may have been.
    pub(crate) fn forget(&self, changed: &Changed) {
        let Some(inner) = &self.0 else { return };
        if changed.untold > 0 {
            tracing::warn!("a statement did not tell whom it changed, so all viewers are forgotten");
            return inner.clear();
        }
        for id in &changed.sessions {
            inner.sessions.remove(id);
        }
        for id in &changed.users {
            inner.users.remove(id);
        }
    }

    /// Forgets whom another server tells of.
    pub(crate) fn forget_told(&self, events: &[Event]) {
        let Some(inner) = &self.0 else { return };
        for event in events {
            inner.users.remove(&event.user_id);
            if let Some(session) = &event.session_id {
                inner.sessions.remove(session);
            }
        }
    }

    /// Whether other servers are heard from now on. What is kept when they are not is forgotten.
    pub(crate) fn hear(&self, is_heard: bool) {
        let Some(inner) = &self.0 else { return };
        if let Trust::Staleness(_, heard) = &inner.trust {
            heard.store(is_heard, Ordering::Release);
            inner.clear();
        }
    }

    /// The one who watches, where somebody does, and what to do when others have written.
    pub(crate) fn watch(&self) -> Option<(&Watch, impl Fn())> {
        let inner = self.0.as_ref()?;
        match &inner.trust {
            Trust::Watch(watch) => Some((watch, || inner.clear())),
            Trust::Staleness(..) => None,
        }
    }

    pub(crate) fn counts(&self) -> KeptCounts {
        let Some(inner) = &self.0 else { return KeptCounts::default() };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        KeptCounts {
            hits: count(&inner.counts.hits),
            misses: count(&inner.counts.misses),
            doubts: count(&inner.counts.doubts),
            sessions: inner.sessions.len() as u64,
        }
    }
}

/// A row that is not kept yet. Whoever else wants it waits for whoever holds this.
type Place<'c, M> = PlaceholderGuard<
    'c,
    Uuid,
    Row<M>,
    quick_cache::UnitWeighter,
    quick_cache::DefaultHashBuilder,
    quick_cache::sync::DefaultLifecycle<Uuid, Row<M>>,
>;

impl Inner {
    fn is_trusted(&self) -> bool {
        match &self.trust {
            Trust::Watch(watch) => watch.is_current(|| self.clear()),
            Trust::Staleness(_, heard) => heard.load(Ordering::Acquire),
        }
    }

    /// The row, or the place for it. One that is too old gives its place up.
    async fn wait<'c, M>(&self, cache: &'c Cache<Uuid, Row<M>>, id: Uuid) -> Result<Arc<M>, Place<'c, M>> {
        loop {
            let Row(row, begun) = cache.get_value_or_guard_async(&id).await?;
            match &self.trust {
                Trust::Staleness(most, _) if begun.elapsed() >= *most => {
                    cache.remove_if(&id, |kept| kept.1 == begun);
                }
                _ => return Ok(row),
            }
        }
    }

    fn clear(&self) {
        self.sessions.clear();
        self.users.clear();
    }
}

/// Puts a row into its place, unless that was forgotten while it was read.
fn fill<M>(place: Option<Place<'_, M>>, row: &Arc<M>, begun: Instant) {
    if let Some(place) = place {
        let _ = place.insert(Row(row.clone(), begun));
    }
}

async fn read(on: &Reader, session_id: Uuid, user_id: Uuid) -> Result<Option<Pair>, Fault> {
    let found = session::find_with_user(on, session_id).await?;
    let found = found.filter(|(_, user)| user.id == user_id);
    Ok(found.map(|(session, user)| (Arc::new(session), Arc::new(user))))
}
