//! Conversions to `Int`, which has 32 bits (GraphQL §3.5.1). Larger values become `i32::MAX`.

use std::time::Duration;

/// Converts a number of seconds.
pub(super) fn seconds(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// Returns a duration in seconds, at least 1. It is rounded up, so that a client that waits that long does not try
/// again too early.
pub(super) fn whole_seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis().div_ceil(1000)).unwrap_or(i32::MAX).max(1)
}

/// Converts a number of characters.
pub(super) fn length(characters: usize) -> i32 {
    i32::try_from(characters).unwrap_or(i32::MAX)
}
