//! Remarks on records that an import skipped or changed.

/// The reason why a record was not imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// The record is too long for the importer.
    #[error("{}", self.kind())]
    TooLong,
    /// A quote in the CSV opens on this line and never closes, so the rest of the file counts as part of the field.
    #[error("{}: the quote opens on line {_0}", self.kind())]
    OpenQuote(u64),
    /// The record is malformed, for this reason.
    #[error("{}: {_0}", self.kind())]
    Malformed(String),
    /// The record belongs to another table.
    #[error("{}", self.kind())]
    NoUser,
    /// The record has neither an email address nor a valid username.
    #[error("{}", self.kind())]
    NoIdentifier,
    /// The record has no email address. Its username looks like an email address, but the user may have chosen somebody
    /// else's address as the username.
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
    /// Returns the reason without its details, so that records can be counted by reason.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLong => "it is longer than 64 KiB",
            Self::OpenQuote(_) => "an unclosed quote makes the rest of the file part of the record",
            Self::Malformed(_) => "it cannot be read",
            Self::NoUser => "it is not a user",
            Self::NoIdentifier => "it has no email address, and its username is not valid here",
            Self::OnlyUsernameIsEmail => {
                "its only email address is its username, which is used only with --usernames-are-emails"
            }
            Self::WrongEmail => "its email address is invalid, and its username is not valid here",
            Self::EmailTaken => "another account has its email address",
            Self::UsernameTaken => "another account has its username",
        }
    }
}

/// A difference between an imported account and its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// The invalid email address is left out.
    #[error("without its email address, which is invalid")]
    Email,
    /// The invalid username is left out.
    #[error("without its username, which is not valid here")]
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
        "without its password, whose hash has an unknown format or excessive parameters: the user must set a new one"
    )]
    Password,
    /// The current time is used as the time at which the account was created.
    #[error("with the current time as its join date: date_joined is missing or invalid")]
    DateJoined,
    /// The invalid time of the last login is left out.
    #[error("without its last login, which is not a valid time")]
    LastLogin,
}
