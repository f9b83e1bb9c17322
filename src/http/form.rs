//! Reading a posted form (`application/x-www-form-urlencoded`).

use std::time::Duration;

use poem::Body;
use serde::de::DeserializeOwned;

/// The size limit of a form, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// The time within which a form must arrive.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Returns the fields of the form, or `None` if it is malformed, too large or too slow.
pub(super) async fn read<F: DeserializeOwned>(body: Body) -> Option<F> {
    let bytes = tokio::time::timeout(TIME_LIMIT, body.into_bytes_limit(MAX_FORM)).await.ok()?.ok()?;
    serde_urlencoded::from_bytes(&bytes).ok()
}
