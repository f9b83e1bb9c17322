//! The content of emails, before templates put it into words.

use std::time::Duration;

use secrecy::SecretString;

use super::duration::in_words;
use crate::input::EmailAddress;

/// An email to one person.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The recipient.
    pub to: EmailAddress,
    /// The name with which to greet the recipient.
    pub name: Option<String>,
    /// The content.
    pub content: Content,
}

/// The content of an email. Each variant has a template of the same name.
#[derive(Clone, Debug)]
pub enum Content {
    /// A link that proves the address.
    Activation {
        /// The link.
        link: SecretString,
        /// The remaining lifetime of the link.
        expires_in: Duration,
    },
    /// A code that proves the address.
    OneTimeCode {
        /// The code.
        code: SecretString,
        /// The remaining lifetime of the code.
        expires_in: Duration,
    },
    /// A link to choose a new password.
    PasswordReset {
        /// The link.
        link: SecretString,
        /// The remaining lifetime of the link.
        expires_in: Duration,
    },
    /// A code and a link to sign in with.
    LoginCode {
        /// The code.
        code: SecretString,
        /// The link.
        link: SecretString,
        /// The name of the account.
        account: String,
        /// The remaining lifetime of the code and the link.
        expires_in: Duration,
        /// Whether the address has never been proven. If so, signing in removes the older ways to sign in.
        removes_password: bool,
        /// Whether there is no account yet. If so, the code or the link creates one.
        creates_account: bool,
    },
    /// A code that makes this address the email address of an account. It works only in the session that requested it.
    ChangeEmail {
        /// The code.
        code: SecretString,
        /// The name of the account.
        account: String,
        /// The remaining lifetime of the code.
        expires_in: Duration,
    },
    /// A code that confirms the identity of a signed-in person.
    Reauthentication {
        /// The code.
        code: SecretString,
        /// The remaining lifetime of the code.
        expires_in: Duration,
    },
    /// A notice that the password was changed.
    PasswordChanged {
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that the password was reset with an emailed link.
    PasswordWasReset {
        /// The ways to sign in that the reset removed.
        removed: Vec<String>,
        /// The ways to sign in that remain.
        remaining: Vec<String>,
        /// Whether a second factor is still needed.
        has_second_factor: bool,
        /// The link that undoes the reset.
        undo: Option<SecretString>,
    },
    /// A notice to the old address that the account has a new one.
    EmailChanged {
        /// The old address.
        old_email: String,
        /// The new address.
        new_email: String,
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that an account at a sign-in provider was linked.
    IdentityLinked {
        /// The name of the provider.
        provider: String,
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that an account at a sign-in provider was unlinked.
    IdentityUnlinked {
        /// The name of the provider.
        provider: String,
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that a second factor was enrolled.
    SecondFactorEnabled {
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that the authenticator app, or every second factor, was removed.
    SecondFactorRemoved {
        /// Whether the account has another second factor.
        has_second_factor: bool,
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that the recovery codes were replaced.
    RecoveryCodesReplaced {
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that a passkey was added.
    PasskeyAdded {
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that a passkey was removed.
    PasskeyRemoved {
        /// Whether the account has another second factor.
        has_second_factor: bool,
        /// The link that undoes the change.
        undo: Option<SecretString>,
    },
    /// A notice that a recovery code was used.
    RecoveryCodeUsed {
        /// The number of codes that are left.
        left: usize,
    },
    /// A notice that somebody who passed the first step of signing in has entered wrong codes.
    SecondFactorFailed,
    /// A notice that a session was ended because two clients used its tokens.
    SessionStolen,
    /// A response to an attempt to sign up with, or change to, an address that an account already uses.
    AddressTaken,
    /// A response to a password reset or a sign-in request for an address that has no account.
    NoAccount,
    /// A test email that the operator sends.
    Test,
}

impl Content {
    /// Returns the name of the template.
    #[must_use]
    pub fn template(&self) -> &'static str {
        match self {
            Self::Activation { .. } => "activation",
            Self::OneTimeCode { .. } => "one_time_code",
            Self::PasswordReset { .. } => "password_reset",
            Self::LoginCode { .. } => "login_code",
            Self::ChangeEmail { .. } => "change_email",
            Self::Reauthentication { .. } => "reauthentication",
            Self::PasswordChanged { .. } => "password_changed",
            Self::PasswordWasReset { .. } => "password_was_reset",
            Self::EmailChanged { .. } => "email_changed",
            Self::IdentityLinked { .. } => "identity_linked",
            Self::IdentityUnlinked { .. } => "identity_unlinked",
            Self::SecondFactorEnabled { .. } => "second_factor_enabled",
            Self::SecondFactorRemoved { .. } => "second_factor_removed",
            Self::RecoveryCodesReplaced { .. } => "recovery_codes_replaced",
            Self::PasskeyAdded { .. } => "passkey_added",
            Self::PasskeyRemoved { .. } => "passkey_removed",
            Self::RecoveryCodeUsed { .. } => "recovery_code_used",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::SessionStolen => "session_stolen",
            Self::AddressTaken => "address_taken",
            Self::NoAccount => "no_account",
            Self::Test => "test",
        }
    }

    /// Returns the code, if the email carries one.
    #[must_use]
    pub fn code(&self) -> Option<&SecretString> {
        match self {
            Self::OneTimeCode { code, .. }
            | Self::LoginCode { code, .. }
            | Self::ChangeEmail { code, .. }
            | Self::Reauthentication { code, .. } => Some(code),
            _ => None,
        }
    }

    /// Returns the link, if the email carries one.
    #[must_use]
    pub fn link(&self) -> Option<&SecretString> {
        match self {
            Self::Activation { link, .. }
            | Self::PasswordReset { link, .. }
            | Self::LoginCode { link, .. } => Some(link),
            Self::PasswordChanged { undo }
            | Self::PasswordWasReset { undo, .. }
            | Self::EmailChanged { undo, .. }
            | Self::IdentityLinked { undo, .. }
            | Self::IdentityUnlinked { undo, .. }
            | Self::SecondFactorEnabled { undo }
            | Self::SecondFactorRemoved { undo, .. }
            | Self::PasskeyAdded { undo }
            | Self::PasskeyRemoved { undo, .. }
            | Self::RecoveryCodesReplaced { undo } => undo.as_ref(),
            _ => None,
        }
    }

    pub(super) fn expires_in(&self) -> Option<String> {
        match self {
            Self::Activation { expires_in, .. }
            | Self::OneTimeCode { expires_in, .. }
            | Self::LoginCode { expires_in, .. }
            | Self::ChangeEmail { expires_in, .. }
            | Self::Reauthentication { expires_in, .. }
            | Self::PasswordReset { expires_in, .. } => Some(in_words(*expires_in)),
            _ => None,
        }
    }

    /// Returns the name that the email uses for the account.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::LoginCode { account, .. } | Self::ChangeEmail { account, .. } => Some(account),
            _ => None,
        }
    }

    /// Returns a sample of every variant. Variants with optional fields have two samples, one with these fields and one
    /// without.
    pub(super) fn samples() -> Vec<Self> {
        let (link, code) = (SecretString::from("https://example.org/#token"), SecretString::from("12345678"));
        let (account, expires_in) = ("ada@example.org".to_owned(), Duration::from_mins(10));
        let mut samples = vec![
            Self::Activation { link: link.clone(), expires_in },
            Self::OneTimeCode { code: code.clone(), expires_in },
            Self::PasswordReset { link: link.clone(), expires_in },
            Self::ChangeEmail { code: code.clone(), account: account.clone(), expires_in },
            Self::Reauthentication { code: code.clone(), expires_in },
            Self::RecoveryCodeUsed { left: 1 },
            Self::SecondFactorFailed,
            Self::SessionStolen,
            Self::AddressTaken,
            Self::NoAccount,
            Self::Test,
        ];
        for is_full in [true, false] {
            let undo = is_full.then(|| link.clone());
            let some = |text: &str| is_full.then(|| text.to_owned()).into_iter().collect();
            samples.extend([
                Self::LoginCode {
                    code: code.clone(),
                    link: link.clone(),
                    account: account.clone(),
                    expires_in,
                    removes_password: is_full,
                    creates_account: !is_full,
                },
                Self::PasswordChanged { undo: undo.clone() },
                Self::PasswordWasReset {
                    removed: some("Google: eve@example.org"),
                    remaining: some("Password"),
                    has_second_factor: is_full,
                    undo: undo.clone(),
                },
                Self::EmailChanged {
                    old_email: "old@example.org".into(),
                    new_email: "new@example.org".into(),
                    undo: undo.clone(),
                },
                Self::IdentityLinked { provider: "Google".into(), undo: undo.clone() },
                Self::IdentityUnlinked { provider: "Google".into(), undo: undo.clone() },
                Self::SecondFactorEnabled { undo: undo.clone() },
                Self::SecondFactorRemoved { has_second_factor: is_full, undo: undo.clone() },
                Self::PasskeyAdded { undo: undo.clone() },
                Self::PasskeyRemoved { has_second_factor: is_full, undo: undo.clone() },
                Self::RecoveryCodesReplaced { undo },
            ]);
        }
        samples
    }
}
