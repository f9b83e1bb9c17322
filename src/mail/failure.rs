//! Progress and failure of a delivery.

/// The reason why an email was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether retrying is pointless.
    pub is_permanent: bool,
    /// The reason, in the mail server's own words if it gave a reason. The text may contain email addresses.
    pub words: String,
}

impl Failure {
    pub(super) fn permanent(words: impl Into<String>) -> Self {
        Self { is_permanent: true, words: words.into() }
    }

    pub(super) fn temporary(words: impl Into<String>) -> Self {
        Self { is_permanent: false, words: words.into() }
    }
}

/// A callback that receives a description of each step of sending an email, to be shown to a person.
pub type Tell<'a> = &'a mut (dyn FnMut(&str) + Send);
