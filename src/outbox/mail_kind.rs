//! The kinds of emails.

/// The kind of an email.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// The password was changed.
    PasswordChanged,
    /// The email address was changed. Sent to the old address.
    EmailChanged,
    /// The password was reset with an emailed link.
    PasswordWasReset,
    /// An account at a sign-in provider was linked.
    IdentityLinked,
    /// An account at a sign-in provider was unlinked.
    IdentityUnlinked,
    /// A second factor was enrolled.
    SecondFactorEnabled,
    /// Second factors were removed.
    SecondFactorRemoved,
    /// The recovery codes were replaced.
    RecoveryCodesReplaced,
    /// A passkey was added.
    PasskeyAdded,
    /// A passkey was removed.
    PasskeyRemoved,
    /// A recovery code was used.
    RecoveryCodeUsed,
    /// Somebody who gave a correct first proof entered wrong codes.
    SecondFactorFailed,
    /// A session was ended because two clients used its tokens.
    SessionStolen,
    /// A code or link that proves an address.
    VerifyEmail,
    /// A link to choose a new password.
    ResetPassword,
    /// A code that proves the new address of an account.
    ChangeEmail,
    /// A code and a link to sign in without a password.
    LoginCode,
    /// A code that confirms the identity of a signed-in person.
    Reauthentication,
}

impl MailKind {
    const ALL: [Self; 18] = [
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::PasswordWasReset,
        Self::IdentityLinked,
        Self::IdentityUnlinked,
        Self::SecondFactorEnabled,
        Self::SecondFactorRemoved,
        Self::RecoveryCodesReplaced,
        Self::PasskeyAdded,
        Self::PasskeyRemoved,
        Self::RecoveryCodeUsed,
        Self::SecondFactorFailed,
        Self::SessionStolen,
        Self::VerifyEmail,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::LoginCode,
        Self::Reauthentication,
    ];

    /// Returns the name under which the kind is stored in the outbox table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::PasswordWasReset => "password_was_reset",
            Self::IdentityLinked => "identity_linked",
            Self::IdentityUnlinked => "identity_unlinked",
            Self::SecondFactorEnabled => "second_factor_enabled",
            Self::SecondFactorRemoved => "second_factor_removed",
            Self::RecoveryCodesReplaced => "recovery_codes_replaced",
            Self::PasskeyAdded => "passkey_added",
            Self::PasskeyRemoved => "passkey_removed",
            Self::RecoveryCodeUsed => "recovery_code_used",
            Self::SecondFactorFailed => "second_factor_failed",
            Self::SessionStolen => "session_stolen",
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::ChangeEmail => "change_email",
            Self::LoginCode => "login_code",
            Self::Reauthentication => "reauthentication",
        }
    }

    /// Finds a kind by the name under which it is stored in the outbox table.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        // version 0.1 stored these names
        let name = match name {
            "google_linked" => "identity_linked",
            "google_unlinked" => "identity_unlinked",
            name => name,
        };
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
