//! Durations as people say them.

use std::time::Duration;

/// Returns a duration in words, in its two largest units: "10 minutes", "1 hour and 30 minutes".
pub(super) fn in_words(time: Duration) -> String {
    let seconds = time.as_secs().max(1);
    // people say "24 hours" rather than "1 day", but "3 days" rather than "72 hours"
    let day = if seconds > 48 * 3600 { 24 * 3600 } else { u64::MAX };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in [(day, "day"), (3600, "hour"), (60, "minute"), (1, "second")] {
        let count = left / unit;
        left %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.truncate(2);
    parts.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        for (seconds, words) in [
            (0, "1 second"),
            (90, "1 minute and 30 seconds"),
            (600, "10 minutes"),
            (3600, "1 hour"),
            (5400, "1 hour and 30 minutes"),
            (86_400, "24 hours"),
            (3 * 86_400, "3 days"),
            (90_061 * 2, "2 days and 2 hours"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
