//! Remarks of an import on records that were skipped or changed.

/// The reason why a record was not imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// The record is longer than the importer reads.
    #[error("{}", self.kind())]
    TooLong,
    /// A CSV quote opens on this line and never closes, so the rest of the file is part of its field.
    #[error("{}: an open quote since line {_0}", self.kind())]
    OpenQuote(u64),
    /// The record is malformed, for this reason.
    #[error("{}: {_0}", self.kind())]
    Malformed(String),
    /// The record is of another table.
    #[error("{}", self.kind())]
    NoUser,
    /// The record has neither an email address nor a valid username.
    #[error("{}", self.kind())]
    NoIdentifier,
    /// The record has no email address. Its username looks like one, but its owner may have chosen it freely.
    #[error("{}", self.kind())]
    OnlyUsernameIsEmail,
    /// The email address is invalid, and there is no valid username.
    #[error("{}", self.kind())]
    WrongEmail,
    /// Another account has the email address.
    #[error("{}", self.kind())]
    EmailTaken,
    /// Another account has the username.
    #[error("{}", self.kind())]
    UsernameTaken,
}

impl Skip {
    /// Returns the reason without its details, to count by.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLong => "it is longer than 64 KiB",
            Self::OpenQuote(_) => "the rest of the file is part of it",
            Self::Malformed(_) => "it cannot be read",
            Self::NoUser => "it is no user",
            Self::NoIdentifier => "it has no email address, and its username cannot be one here",
            Self::OnlyUsernameIsEmail => {
                "it has no email address but its username, which is taken for one with --usernames-are-emails alone"
            }
            Self::WrongEmail => "its email address is none, and its username cannot be one here",
            Self::EmailTaken => "another account has its email address",
            Self::UsernameTaken => "another account has its username",
        }
    }
}

/// A difference between an imported account and its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The invalid email address is left out.
    #[error("without its email address, which is none")]
    Email,
    /// The invalid username is left out.
    #[error("without its username, which cannot be one here")]
    Username,
    /// The username is used as the email address.
    #[error("with its username as its email address")]
    UsernameIsEmail,
    /// The invalid first name is left out.
    #[error("without its first name, which is too long or has control characters")]
    FirstName,
    /// The invalid last name is left out.
    #[error("without its last name, which is too long or has control characters")]
    LastName,
    /// The unusable password hash is left out.
    #[error(
        "without its password, whose hash is of an unknown format or asks for too much: it needs a new one"
    )]
    Password,
    /// The account counts as created now.
    #[error("as if it had joined now: date_joined is missing or no time")]
    DateJoined,
    /// The invalid time of the last login is left out.
    #[error("without its last login, which is no time")]
    LastLogin,
}
