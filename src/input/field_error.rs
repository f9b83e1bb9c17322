//! The errors of input fields, and how they are collected.

/// An error in one input field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The name of the field in the schema.
    pub field: &'static str,
    /// The kind of error.
    pub code: FieldErrorCode,
    /// A message for people.
    pub message: String,
    /// If the value is too short, the minimum length, in the unit that `message` names.
    pub min: Option<usize>,
    /// If the value is too long, the maximum length, in the unit that `message` names.
    pub max: Option<usize>,
    /// A similar value that would be accepted.
    pub suggestion: Option<String>,
}

/// The kinds of field errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorCode {
    /// The value is missing.
    Required,
    /// The value has too few characters.
    TooShort,
    /// The value has too many characters or bytes.
    TooLong,
    /// The value has the wrong format.
    Malformed,
    /// The value differs from the one that it must repeat.
    Mismatch,
    /// The value is too easy to guess.
    TooWeak,
    /// Another account has the value.
    Taken,
    /// The value is the current one.
    Unchanged,
}

/// An error that is not yet assigned to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    code: FieldErrorCode,
    message: String,
    min: Option<usize>,
    max: Option<usize>,
    suggestion: Option<String>,
}

impl Invalid {
    /// Creates an error from its kind and a message for people.
    pub fn new(code: FieldErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), min: None, max: None, suggestion: None }
    }

    /// Creates the error for a value with fewer than `min` characters.
    pub fn too_short(min: usize, message: impl Into<String>) -> Self {
        Self { min: Some(min), ..Self::new(FieldErrorCode::TooShort, message) }
    }

    /// Creates the error for a value with more than `max` characters or bytes.
    pub fn too_long(max: usize, message: impl Into<String>) -> Self {
        Self { max: Some(max), ..Self::new(FieldErrorCode::TooLong, message) }
    }

    /// Adds a similar value that would be accepted.
    #[must_use]
    pub fn suggesting(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }

    /// Assigns the error to a field.
    #[must_use]
    pub fn at(self, field: &'static str) -> FieldError {
        let Self { code, message, min, max, suggestion } = self;
        FieldError { field, code, message, min, max, suggestion }
    }
}

/// The collected errors of the fields of an input.
#[derive(Debug, Default)]
pub struct Inputs(Vec<FieldError>);

impl Inputs {
    /// Returns the value if it is valid, and records the error otherwise.
    pub fn check<T>(&mut self, field: &'static str, parsed: Result<T, Invalid>) -> Option<T> {
        parsed.map_err(|wrong| self.0.push(wrong.at(field))).ok()
    }

    /// Records the error of a field.
    pub fn add(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// Returns whether no error is recorded.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails with the recorded errors, if there are any.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
