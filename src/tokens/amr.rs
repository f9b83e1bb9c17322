//! The claim `amr`: how a user proved their identity.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::storage::session::AuthenticationMethod;

/// The values of the claim (RFC 8176 §2). The RFC has no value for sign-in providers, so `fed` is our own.
const VALUES: [&str; 5] = ["pwd", "otp", "fed", "mfa", "pop"];

/// A set of values of the claim. It is kept to one byte, because every request copies it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amr(u8);

impl Amr {
    /// Returns the values for these methods. A second factor adds `mfa`.
    #[must_use]
    pub fn of(methods: &[AuthenticationMethod]) -> Self {
        let value = |method: &AuthenticationMethod| match method {
            AuthenticationMethod::Password => "pwd",
            AuthenticationMethod::EmailCode
            | AuthenticationMethod::EmailLink
            | AuthenticationMethod::Totp
            | AuthenticationMethod::RecoveryCode => "otp",
            AuthenticationMethod::Identity => "fed",
            AuthenticationMethod::Passkey => "pop",
        };
        let multi_factor = methods.iter().any(|method| method.is_second_factor()).then_some("mfa");
        methods.iter().map(value).chain(multi_factor).collect()
    }

    /// Returns whether a second factor was among the proofs.
    #[must_use]
    pub fn is_multi_factor(self) -> bool {
        self.contains("mfa")
    }

    /// Returns whether a code or link from an email was the proof. Codes of second factors do not count.
    #[must_use]
    pub fn is_by_email(self) -> bool {
        self.contains("otp") && !self.is_multi_factor()
    }

    fn contains(self, value: &str) -> bool {
        self.values().any(|own| own == value)
    }

    /// Returns the values in the order of `VALUES`.
    pub fn values(self) -> impl Iterator<Item = &'static str> {
        VALUES.into_iter().enumerate().filter(move |(bit, _)| self.0 & 1 << bit != 0).map(|(_, value)| value)
    }
}

impl<T: AsRef<str>> FromIterator<T> for Amr {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let bit = |value: T| VALUES.iter().position(|known| *known == value.as_ref());
        Self(values.into_iter().filter_map(bit).fold(0, |set, bit| set | 1 << bit))
    }
}

impl Serialize for Amr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.values())
    }
}

impl<'de> Deserialize<'de> for Amr {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.into_iter().collect())
    }
}
