//! Replies from a mail server, and errors in communicating with it.

use std::{fmt, io, time::Duration};

/// A reply from the server.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) code: u16,
    pub(super) lines: Vec<String>,
}

/// The reason why a command failed.
#[derive(Debug)]
pub(super) enum SmtpError {
    /// The connection failed.
    Io(io::Error),
    /// The server did not respond in time.
    Late(Duration),
    /// The response is not an SMTP reply.
    Unreadable(String),
    /// The server refused the command, or its reply is not of the expected class.
    Refused(Reply),
    /// The server does not offer a required extension.
    Missing(&'static str),
}

/// Splits a line into the code at its start and the rest.
pub(super) fn code(line: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = line.split_at_checked(3)?;
    let is_code = matches!(digits[0], b'2'..=b'5') && digits.iter().all(u8::is_ascii_digit);
    let is_longer = rest.first().is_some_and(u8::is_ascii_digit);
    (is_code && !is_longer)
        .then(|| (digits.iter().fold(0, |code, digit| 10 * code + u16::from(digit - b'0')), rest))
}

/// Decodes bytes as UTF-8 if possible. Other bytes are most often Latin-1, whose code points equal Unicode's.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap_or_else(|_| bytes.iter().copied().map(char::from).collect())
}

impl Reply {
    /// Returns the first digit, which says whether the command succeeded (RFC 5321 §4.2.1).
    pub(super) fn class(&self) -> u16 {
        self.code / 100
    }

    pub(super) fn expect_class(self, class: u16) -> Result<Self, SmtpError> {
        if self.class() == class { Ok(self) } else { Err(SmtpError::Refused(self)) }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.lines.join(" ");
        if words.is_empty() { write!(f, "{}", self.code) } else { write!(f, "{} {words}", self.code) }
    }
}

impl From<io::Error> for SmtpError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for SmtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the server closed the connection")
            }
            Self::Io(error) => error.fmt(f),
            Self::Late(limit) => write!(f, "no answer within {limit:?}"),
            Self::Unreadable(text) => write!(f, "not an SMTP reply: {text}"),
            Self::Refused(reply) => reply.fmt(f),
            Self::Missing(what) => f.write_str(what),
        }
    }
}
