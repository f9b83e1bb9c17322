//! The log: its format, and the request that each record belongs to.

use std::{
    borrow::Cow,
    error::Error,
    io::{self, IsTerminal, Write},
    panic,
};

use tracing_subscriber::{EnvFilter, fmt, prelude::*};

use crate::config::{Config, LogFormat};

mod causes;
mod log_limit;
mod request;
pub mod traces;
mod version;

pub use causes::{Causes, causes, with_causes};
pub use log_limit::LogLimit;
pub use request::{Notes, RequestIds, in_request, note, note_cause, notes, request_id, request_ids};
pub use version::{COMMIT, VERSION};

/// Starts the log of this process on standard error. A second call has no effect.
///
/// # Errors
/// Fails if `RUST_LOG` is not a valid filter.
pub fn start(config: &Config) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter = EnvFilter::try_new(&config.monitoring.log_filter)
        .map_err(|error| format!("RUST_LOG is not a valid filter: {error}"))?;
    let (format, has_colors) = (config.monitoring.log_format, io::stderr().is_terminal());
    let records = move || Records { to: io::stderr(), format, has_colors };
    let lines = fmt::layer().with_writer(records).with_ansi(has_colors).with_target(false);
    let registry = tracing_subscriber::registry().with(filter);
    let _ = match format {
        LogFormat::Text => registry.with(lines).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    // log a panic like any other record, so that the record carries the ID of the request that the panic ended
    panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked; this is a bug")));
    Ok(())
}

/// Starts sending traces, if there is a collector. Needs the asynchronous runtime.
///
/// # Errors
/// Fails if the system's certificate authorities cannot be read.
pub fn start_traces(config: &Config) -> Result<(), Box<dyn Error + Send + Sync>> {
    config.monitoring.otlp_endpoint.as_ref().map_or(Ok(()), traces::start)
}

/// Escapes control characters and those that change the direction of text. Otherwise, text from outside, such as a mail
/// server's reply or a database row, could move the cursor, hide other text or inject input into the terminal.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    escaped(text, is_unprintable, |letter| letter.escape_default().to_string())
}

fn escaped(text: &str, is_bad: impl Fn(char) -> bool, escape: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.contains(&is_bad) {
        return text.into();
    }
    text.chars().map(|letter| if is_bad(letter) { escape(letter) } else { letter.to_string() }).collect()
}

fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        // UAX #9 §2, and the two line separators that are not control characters
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Writes each log record as one line, in a single write.
struct Records<W> {
    to: W,
    format: LogFormat,
    /// Whether the log uses colors. If so, escape characters are kept, because color codes begin with them.
    has_colors: bool,
}

impl<W: Write> Write for Records<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let (line, end) = text.strip_suffix('\n').map_or((&*text, ""), |line| (line, "\n"));
        let is_bad = |letter| is_unprintable(letter) && !(self.has_colors && letter == '\u{1b}');
        let line = match self.format {
            LogFormat::Text => escaped(line, is_bad, |letter| letter.escape_default().to_string()),
            LogFormat::Json => escaped(line, is_bad, |letter| format!("\\u{:04x}", u32::from(letter))),
        };
        self.to.write_all(format!("{line}{end}").as_bytes())?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped_and_the_rest_is_as_it_was() {
        for text in ["", "250 2.0.0 taken", "für Ada: {\"a\": 'b\\c'} 日本語 👍🏽"] {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
        for (text, escaped) in [
            ("\u{1b}[2Jgone", r"\u{1b}[2Jgone"),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("one\r\ntwo\tthree\u{8}", r"one\r\ntwo\tthree\u{8}"),
            ("\u{9b}31m\u{7f}\0", r"\u{9b}31m\u{7f}\u{0}"),
            ("a\u{202e}b\u{2066}c\u{2028}", r"a\u{202e}b\u{2066}c\u{2028}"),
        ] {
            assert_eq!(printable(text), escaped);
        }
    }

    #[test]
    fn a_record_of_the_log_is_one_line() {
        let written = |format, has_colors, record: &str| {
            let mut records = Records { to: Vec::new(), format, has_colors };
            records.write_all(record.as_bytes()).unwrap();
            String::from_utf8(records.to).unwrap()
        };
        let record = "WARN failed error=no\n2026-01-01 INFO all is well\u{9b}2J\n";
        let line = "WARN failed error=no\\n2026-01-01 INFO all is well\\u{9b}2J\n";
        assert_eq!(written(LogFormat::Text, false, record), line);
        let coloured = format!("\u{1b}[33m{record}");
        assert_eq!(written(LogFormat::Text, true, &coloured), format!("\u{1b}[33m{line}"));
        assert_eq!(written(LogFormat::Text, false, "a\u{1b}[2J\n"), "a\\u{1b}[2J\n");
        let json = written(LogFormat::Json, false, "{\"error\":\"no\u{9b}2J\u{202e}\"}\n");
        assert_eq!(json, "{\"error\":\"no\\u009b2J\\u202e\"}\n");
    }
}
