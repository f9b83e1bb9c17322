//! Sessions and users in memory, so that requests in a cached session need no database query.
//!
//! **The cache is never behind the committed state.** Every statement that changes a row of `users` or `sessions` names
//! the row (see [`cached_table`](super::cached_table)). The row is removed from the cache after COMMIT has returned and
//! before the caller of the write gets its result. If a request reads the row in the meantime, the copy that it read does
//! not enter the cache, because the placeholder that reserves the entry is removed too.
//!
//! Other programs may write as well. On SQLite, `engine/sqlite/data_version.rs` notices their writes immediately. On
//! PostgreSQL such writes cannot be noticed in time, so the cache is off there unless `VIEWER_CACHE_STALENESS` sets the
//! maximum age of its rows.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quick_cache::sync::{Cache, PlaceholderGuard};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, QueryTrait, Statement};
use uuid::Uuid;

use super::{Reader, session, user};
use crate::{events::Event, fault::Fault};

/// A session and its user.
pub type SessionAndUser = (Arc<session::Model>, Arc<user::Model>);

/// The cached sessions and users. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct ViewerCache(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    sessions: Cache<Uuid, Cached<session::Model>>,
    users: Cache<Uuid, Cached<user::Model>>,
    /// The maximum age of a row. `None` if rows of any age are current, because every change is noticed.
    max_age: Option<Duration>,
    /// Whether the cache may be used.
    is_trusted: AtomicBool,
    counters: Counters,
}

#[derive(Debug)]
struct Cached<M> {
    row: Arc<M>,
    /// When the statement that read the row was sent.
    read_at: Instant,
}

impl<M> Clone for Cached<M> {
    fn clone(&self) -> Self {
        Self { row: self.row.clone(), read_at: self.read_at }
    }
}

#[derive(Debug, Default)]
struct Counters {
    hits: AtomicU64,
    misses: AtomicU64,
    doubts: AtomicU64,
}

/// How often the cache has been used since the server started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ViewerCacheCounts {
    /// The number of requests whose session and user were both cached.
    pub hits: u64,
    /// The number of requests that read the session or the user from the database because it was not cached.
    pub misses: u64,
    /// The number of requests that read from the database because the cache was not known to be current.
    pub doubts: u64,
    /// The number of cached sessions.
    pub sessions: u64,
}

impl ViewerCache {
    /// Creates a cache that is always empty.
    pub(crate) fn off() -> Self {
        Self(None)
    }

    /// Creates a cache of at most `capacity` rows of each table, for a database on which every change is noticed.
    pub(crate) fn exact(capacity: usize) -> Self {
        Self::new(capacity, None, true)
    }

    /// Creates a cache of at most `capacity` rows of each table, none of them older than `max_age`. It is off until
    /// [`set_trusted`](Self::set_trusted) turns it on.
    pub(crate) fn bounded(capacity: usize, max_age: Duration) -> Self {
        Self::new(capacity, Some(max_age), false)
    }

    fn new(capacity: usize, max_age: Option<Duration>, is_trusted: bool) -> Self {
        Self(Some(Arc::new(Inner {
            sessions: Cache::new(capacity),
            users: Cache::new(capacity),
            max_age,
            is_trusted: AtomicBool::new(is_trusted),
            counters: Counters::default(),
        })))
    }

    /// Returns a session and its user, from memory if both are cached and the cache `is_current`. Returns `None` if
    /// there is no such session or it belongs to another user.
    pub(crate) async fn find(
        &self,
        on: &Reader,
        session_id: Uuid,
        user_id: Uuid,
        is_current: bool,
    ) -> Result<Option<SessionAndUser>, Fault> {
        let Some(inner) = &self.0 else { return read(on, session_id, user_id).await };
        if !is_current || !inner.is_trusted.load(Ordering::Acquire) {
            inner.counters.doubts.fetch_add(1, Ordering::Relaxed);
            return read(on, session_id, user_id).await;
        }
        let session = inner.wait(&inner.sessions, session_id).await;
        let user = inner.wait(&inner.users, user_id).await;
        if let (Ok(session), Ok(user)) = (&session, &user) {
            inner.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Ok((session.user_id == user_id).then(|| (session.clone(), user.clone())));
        }
        inner.counters.misses.fetch_add(1, Ordering::Relaxed);
        let read_at = Instant::now();
        let found = read(on, session_id, user_id).await?;
        if let Some((found_session, found_user)) = &found {
            fill(session.err(), found_session, read_at);
            fill(user.err(), found_user, read_at);
        }
        Ok(found)
    }

    /// Removes rows that were changed.
    pub(crate) fn forget(&self, users: &[Uuid], sessions: &[Uuid]) {
        let Some(inner) = &self.0 else { return };
        for id in sessions {
            inner.sessions.remove(id);
        }
        for id in users {
            inner.users.remove(id);
        }
    }

    /// Removes the users and sessions that these events are about.
    pub(crate) fn forget_events(&self, events: &[Event]) {
        let Some(inner) = &self.0 else { return };
        for event in events {
            inner.users.remove(&event.user_id);
            if let Some(session) = &event.session_id {
                inner.sessions.remove(session);
            }
        }
    }

    /// Removes every row.
    pub(crate) fn clear(&self) {
        let Some(inner) = &self.0 else { return };
        inner.sessions.clear();
        inner.users.clear();
    }

    /// Turns the cache on or off, and removes every row, because changes may have been missed.
    pub(crate) fn set_trusted(&self, is_trusted: bool) {
        let Some(inner) = &self.0 else { return };
        inner.is_trusted.store(is_trusted, Ordering::Release);
        self.clear();
    }

    pub(crate) fn counts(&self) -> ViewerCacheCounts {
        let Some(inner) = &self.0 else { return ViewerCacheCounts::default() };
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ViewerCacheCounts {
            hits: count(&inner.counters.hits),
            misses: count(&inner.counters.misses),
            doubts: count(&inner.counters.doubts),
            sessions: inner.sessions.len() as u64,
        }
    }
}

/// The placeholder of a row that is not cached yet. Other requests for the row wait until the placeholder is filled or dropped.
type Placeholder<'c, M> = PlaceholderGuard<
    'c,
    Uuid,
    Cached<M>,
    quick_cache::UnitWeighter,
    quick_cache::DefaultHashBuilder,
    quick_cache::sync::DefaultLifecycle<Uuid, Cached<M>>,
>;

impl Inner {
    /// Returns the row, or else the placeholder to fill. A row that is too old is removed.
    async fn wait<'c, M>(
        &self,
        cache: &'c Cache<Uuid, Cached<M>>,
        id: Uuid,
    ) -> Result<Arc<M>, Placeholder<'c, M>> {
        loop {
            let Cached { row, read_at } = cache.get_value_or_guard_async(&id).await?;
            if self.max_age.is_none_or(|max_age| read_at.elapsed() < max_age) {
                return Ok(row);
            }
            cache.remove_if(&id, |cached| cached.read_at == read_at);
        }
    }
}

/// Fills a placeholder, unless it was removed while its row was being read.
fn fill<M>(placeholder: Option<Placeholder<'_, M>>, row: &Arc<M>, read_at: Instant) {
    if let Some(placeholder) = placeholder {
        let _ = placeholder.insert(Cached { row: row.clone(), read_at });
    }
}

async fn read(on: &Reader, session_id: Uuid, user_id: Uuid) -> Result<Option<SessionAndUser>, Fault> {
    let found = find_session_with_user(on, session_id).await?;
    let of_user = found.filter(|(_, user)| user.id == user_id);
    Ok(of_user.map(|(session, user)| (Arc::new(session), Arc::new(user))))
}

/// The statement of [`find_session_with_user`]. Without the cache, every request runs it, and building it each time
/// would take 7 % of this server's processor time.
static FIND: LazyLock<String> = LazyLock::new(|| {
    let find = session::Entity::find_by_id(Uuid::nil()).find_also_related(user::Entity);
    find.build(DbBackend::Postgres).sql // SQLite runs it too
});

/// Finds a session and its user, in one statement.
pub async fn find_session_with_user(
    on: &impl ConnectionTrait,
    session_id: Uuid,
) -> Result<Option<(session::Model, user::Model)>, DbErr> {
    let find = Statement::from_sql_and_values(on.get_database_backend(), &*FIND, [session_id.into()]);
    let Some(row) = on.query_one_raw(find).await? else { return Ok(None) };
    let session = session::Model::from_query_result(&row, "A_")?;
    let user = Option::<user::Model>::from_query_result(&row, "B_")?;
    Ok(user.map(|user| (session, user)))
}
