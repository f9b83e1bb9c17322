//! What people type, parsed: a value of these types is right. And what is wrong with an input, told field by field and all
//! at once.

mod email_address;
mod invisible;
mod one_time_code;
mod password;
mod person_name;
mod profile;
mod search;
mod username;

pub use email_address::EmailAddress;
pub use one_time_code::OneTimeCode;
pub use password::{PASSWORD_MAX_LENGTH, Password};
pub use person_name::person_name;
pub use profile::{avatar_url, bio};
pub use search::{fold, search_key};
pub use username::{USERNAME_MAX_LENGTH, USERNAME_MIN_LENGTH, Username};

/// One field at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Its name, as the schema has it.
    pub field: &'static str,
    /// The kind of fault.
    pub code: FieldErrorCode,
    /// The fault in words, for people.
    pub message: String,
}

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorCode {
    /// It is missing.
    Required,
    /// It has too few characters.
    TooShort,
    /// It has too many characters.
    TooLong,
    /// It is not of the form that it must have.
    Malformed,
    /// It differs from what it must equal.
    Mismatch,
    /// It is too easily guessed.
    TooWeak,
    /// Somebody else has it.
    Taken,
    /// It is what it was.
    Unchanged,
}

/// A fault, before it is known in which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    code: FieldErrorCode,
    message: String,
}

impl Invalid {
    /// The kind of fault, and a sentence for people.
    pub fn new(code: FieldErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The fault at its field.
    #[must_use]
    pub fn at(self, field: &'static str) -> FieldError {
        FieldError { field, code: self.code, message: self.message }
    }
}

/// Collects the faults of several fields.
#[derive(Debug, Default)]
pub struct Inputs(Vec<FieldError>);

impl Inputs {
    /// The value, if it is right; else its fault is kept.
    pub fn check<T>(&mut self, field: &'static str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|wrong| self.0.push(wrong.at(field))).ok()
    }

    /// Whether all fields were right.
    ///
    /// # Errors
    /// The faults.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
