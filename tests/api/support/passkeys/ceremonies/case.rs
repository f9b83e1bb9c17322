//! One alteration, and how verifiers must decide.

use serde_json::Value;

use super::{super::Draft, Algorithm, Cast, Stored};

/// How verifiers must decide, according to the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    Accepted,
    Rejected,
    /// The specification leaves it to the verifier, or says SHOULD.
    Open,
}

/// An alteration of a ceremony.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub expected: Expected,
    pub rule: &'static str,
    /// Whether it cannot be combined with the unusual cases.
    pub is_alone: bool,
    /// Alters what is signed.
    pub before: fn(&mut Draft, &Cast),
    /// Alters what the browser returns.
    pub after: fn(&mut Value, &Cast),
    /// Alters what is stored.
    pub stored: fn(&mut Stored),
    algorithm: Option<Algorithm>,
}

/// Returns a case that verifiers accept.
pub(super) fn accepted(name: &'static str, rule: &'static str) -> Case {
    Case::new(name, Expected::Accepted, rule)
}

/// Returns a case that verifiers reject.
pub(super) fn rejected(name: &'static str, rule: &'static str) -> Case {
    Case::new(name, Expected::Rejected, rule)
}

/// Returns a case that verifiers may accept or reject.
pub(super) fn open(name: &'static str, rule: &'static str) -> Case {
    Case::new(name, Expected::Open, rule)
}

impl Case {
    fn new(name: &'static str, expected: Expected, rule: &'static str) -> Self {
        Self {
            name,
            expected,
            rule,
            is_alone: false,
            before: |_, _| (),
            after: |_, _| (),
            stored: |_| (),
            algorithm: None,
        }
    }

    /// Alters what is signed.
    pub(super) fn before(self, before: fn(&mut Draft, &Cast)) -> Self {
        Self { before, ..self }
    }

    /// Alters what the browser returns.
    pub(super) fn after(self, after: fn(&mut Value, &Cast)) -> Self {
        Self { after, ..self }
    }

    /// Alters what is stored.
    pub(super) fn stored(self, stored: fn(&mut Stored)) -> Self {
        Self { stored, ..self }
    }

    /// Restricts the case to one algorithm.
    pub(super) fn only(self, algorithm: Algorithm) -> Self {
        Self { algorithm: Some(algorithm), ..self }
    }

    /// Keeps the case from being combined with the unusual cases.
    pub(super) fn alone(self) -> Self {
        Self { is_alone: true, ..self }
    }

    /// Returns whether it applies to an algorithm.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.algorithm.is_none_or(|own| own == algorithm)
    }
}
