//! What an import has to say of a record that was not taken as it is.

/// Why a record is no account here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    /// Beyond what is read.
    #[error("{}", self.kind())]
    TooLong,
    /// For this reason.
    #[error("{}: {_0}", self.kind())]
    Malformed(String),
    /// Of another table.
    #[error("{}", self.kind())]
    NoUser,
    /// Neither an address nor a username that is one here.
    #[error("{}", self.kind())]
    NoIdentifier,
    /// And no username that is one here.
    #[error("{}", self.kind())]
    WrongEmail,
    /// By somebody else.
    #[error("{}", self.kind())]
    EmailTaken,
    /// By somebody else.
    #[error("{}", self.kind())]
    UsernameTaken,
}

impl Skip {
    /// What this has in common with others.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::TooLong => "it is longer than 64 KiB",
            Self::Malformed(_) => "it cannot be read",
            Self::NoUser => "it is no user",
            Self::NoIdentifier => "it has no email address, and its username cannot be one here",
            Self::WrongEmail => "its email address is none, and its username cannot be one here",
            Self::EmailTaken => "another account has its email address",
            Self::UsernameTaken => "another account has its username",
        }
    }
}

/// What of an account is not as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// Left out.
    #[error("without its email address, which is none")]
    Email,
    /// Left out.
    #[error("without its username, which cannot be one here")]
    Username,
    /// Taken for one.
    #[error("with its username as its email address")]
    UsernameIsEmail,
    /// Left out.
    #[error("without its first name, which is too long or has control characters")]
    FirstName,
    /// Left out.
    #[error("without its last name, which is too long or has control characters")]
    LastName,
    /// Left out.
    #[error(
        "without its password, whose hash is of an unknown format or asks for too much: it needs a new one"
    )]
    Password,
    /// Now, instead.
    #[error("as if it had joined now: date_joined is missing or no time")]
    DateJoined,
    /// Left out.
    #[error("without its last login, which is no time")]
    LastLogin,
}
