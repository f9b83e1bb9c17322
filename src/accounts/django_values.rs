//! The times, keys and flags of Django's tables, in every notation that the two file formats use.

use serde::{Deserialize, Deserializer, de};
use time::{OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

/// Parses a time in the format of RFC 3339, or as databases print it: with a space instead of the `T`, and with an
/// offset that has no colon or no minutes, or is missing. A missing offset means UTC.
pub(super) fn parse_time(text: &str) -> Option<OffsetDateTime> {
    let (date, time) = text.trim().split_at_checked(10)?;
    let time = time.strip_prefix(['T', ' '])?;
    let (clock, written_offset) = match time.find(['Z', '+', '-']) {
        Some(at) => time.split_at(at),
        None => (time, "Z"),
    };
    let offset = match written_offset.len() {
        3 => format!("{written_offset}:00"),
        5 => {
            let (hours, minutes) = written_offset.split_at_checked(3)?;
            format!("{hours}:{minutes}")
        }
        _ => written_offset.to_owned(),
    };
    let parsed = OffsetDateTime::parse(&format!("{date}T{clock}{offset}"), &Rfc3339).ok()?;
    // responses cannot represent years before 0
    parsed.checked_to_offset(UtcOffset::UTC).filter(|time| time.year() >= 0)
}

/// Reads a primary key, which is a number or a string.
pub(super) fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Option::<Scalar>::deserialize(deserializer)? {
        Some(Scalar::Text(text)) => Some(text),
        Some(Scalar::Number(number)) => Some(number.to_string()),
        Some(Scalar::Flag(flag)) => Some(flag.to_string()),
        None => None,
    })
}

/// Reads a flag as Django, PostgreSQL, SQLite or Python prints it.
pub(super) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let flag = match Option::<Scalar>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Scalar::Flag(flag)) => flag,
        Some(Scalar::Number(number)) => number == 1,
        Some(Scalar::Text(text)) => match text.as_str() {
            "" => return Ok(None),
            "t" | "T" | "true" | "True" | "TRUE" => true,
            "f" | "F" | "false" | "False" | "FALSE" => false,
            _ => return Err(de::Error::custom("a flag must be true or false")),
        },
    };
    Ok(Some(flag))
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number, a text or a flag")]
enum Scalar {
    Flag(bool),
    Number(i64),
    Text(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_django_and_databases_write_them() {
        for text in [
            "2024-01-31T12:00:00.250Z",
            "2024-01-31T12:00:00.250",
            "2024-01-31 12:00:00.250",
            "2024-01-31 12:00:00.25+00",
            "2024-01-31 13:30:00.25+01:30",
            "2024-01-31 10:30:00.250000-0130",
        ] {
            let time = parse_time(text).map(|time| time.unix_timestamp_nanos() / 1_000_000);
            assert_eq!(time, Some(1_706_702_400_250), "{text}");
        }
        for text in [
            "",
            "2024-01-31",
            "2024-01-31 25:00:00",
            "yesterday at noon",
            "2024-01-3é1 12:00:00",
            "2024-01-31 12:00:00+é1",
            "2024-01-31 12:00:00+0é0",
            "9999-12-31 23:59:59-01",
            "0000-01-01 00:00:00+01",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
