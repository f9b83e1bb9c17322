//! Parsers shared by settings of several sections. Each error completes a sentence that begins with the name of the
//! setting.

use std::{fmt::Display, net::IpAddr, ops::RangeInclusive, path::PathBuf, str::FromStr, time::Duration};

#[expect(clippy::unnecessary_wraps, reason = "it has the form of a parser")]
pub(super) fn text(s: &str) -> Result<String, String> {
    Ok(s.to_owned())
}

/// Parses a whole number in a range.
pub(super) fn within<T: FromStr + PartialOrd + Display>(
    s: &str,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    s.parse()
        .ok()
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("must be a whole number from {} to {}", range.start(), range.end()))
}

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_mins(1);
pub(super) const HOUR: Duration = Duration::from_hours(1);
pub(super) const DAY: Duration = Duration::from_hours(24);

/// Parses a duration in a range.
pub(super) fn duration(s: &str, range: RangeInclusive<Duration>) -> Result<Duration, String> {
    let duration =
        humantime::parse_duration(s).map_err(|_| "must be a duration like `30m` or `24h`".to_owned())?;
    if range.contains(&duration) {
        return Ok(duration);
    }
    let [least, most] = [range.start(), range.end()].map(|end| humantime::format_duration(*end));
    Err(format!("must be from {least} to {most}"))
}

pub(super) fn switch(s: &str) -> Result<bool, String> {
    one_of(s, &[("on", true), ("off", false), ("true", true), ("false", false)])
}

pub(super) fn one_of<T: Copy>(s: &str, choices: &[(&str, T)]) -> Result<T, String> {
    choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(s)).map(|(_, value)| *value).ok_or_else(|| {
        format!("must be one of {}", choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "))
    })
}

/// Parses comma-separated items.
pub(super) fn list<T>(s: &str, item: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    s.split(',').map(str::trim).filter(|text| !text.is_empty()).map(item).collect()
}

/// Parses an optional value. Returns `None` if the text is empty.
pub(super) fn optional<T>(
    s: &str,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if s.is_empty() { Ok(None) } else { parse(s).map(Some) }
}

/// Parses the path of a file or folder. Returns `None` if the text is empty.
pub(super) fn path(s: &str) -> Result<Option<PathBuf>, String> {
    optional(s, |s| Ok(PathBuf::from(s)))
}

/// Returns whether a host is this machine. IPv6 addresses may have brackets.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
