//! What a mail says, before it is put into words.

use std::time::Duration;

use secrecy::SecretString;

use crate::input::EmailAddress;

/// A mail to one person.
#[derive(Clone, Debug)]
pub struct Mail {
    /// To whom it goes.
    pub to: EmailAddress,
    /// How the person is called.
    pub name: Option<String>,
    /// What it says.
    pub content: Content,
}

/// What a mail says. Each is a template of the same name.
#[derive(Clone, Debug)]
pub enum Content {
    /// Follow this link to prove your address.
    Activation {
        /// The link.
        link: SecretString,
        /// How long it is good for.
        expires_in: Duration,
    },
    /// Type in this code to prove your address.
    OneTimeCode {
        /// The code.
        code: SecretString,
        /// How long it is good for.
        expires_in: Duration,
    },
    /// Follow this link to choose a new password.
    PasswordReset {
        /// The link.
        link: SecretString,
        /// How long it is good for.
        expires_in: Duration,
    },
    /// Type in this code, or follow this link, to sign in.
    LoginCode {
        /// The code.
        code: SecretString,
        /// The link.
        link: SecretString,
        /// What the account is known by.
        account: String,
        /// How long both are good for.
        expires_in: Duration,
        /// Whether the address was never proven, so that the ways in from before end.
        removes_password: bool,
    },
    /// Type in this code, in the session that asked, to give your address to an account.
    ChangeEmail {
        /// The code.
        code: SecretString,
        /// What the account is known by.
        account: String,
        /// How long it is good for.
        expires_in: Duration,
    },
    /// Type in this code to confirm that it is you who acts.
    Reauthentication {
        /// The code.
        code: SecretString,
        /// How long it is good for.
        expires_in: Duration,
    },
    /// Your password was changed.
    PasswordChanged {
        /// The link that undoes it.
        undo: Option<SecretString>,
    },
    /// Your password was reset by a mailed link.
    PasswordWasReset {
        /// What no longer signs the person in.
        removed: Vec<String>,
        /// What still does.
        remaining: Vec<String>,
        /// The link that undoes it.
        undo: Option<SecretString>,
    },
    /// Your account has another address now; this goes to the old one.
    EmailChanged {
        /// The address that was.
        old_email: String,
        /// The address that is.
        new_email: String,
        /// The link that undoes it.
        undo: Option<SecretString>,
    },
    /// A Google account signs you in from now on.
    GoogleLinked {
        /// The link that undoes it.
        undo: Option<SecretString>,
    },
    /// Google no longer signs you in.
    GoogleUnlinked {
        /// The link that undoes it.
        undo: Option<SecretString>,
    },
    /// One of your sessions was ended, because its tokens were in two hands.
    SessionStolen,
    /// Somebody asked for an account with your address, and you have one.
    AddressTaken,
    /// Somebody asked for a new password, and there is no account with your address.
    NoAccount,
    /// An operator tries whether mails arrive.
    Test,
}

impl Content {
    /// The template's name.
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
            Self::GoogleLinked { .. } => "google_linked",
            Self::GoogleUnlinked { .. } => "google_unlinked",
            Self::SessionStolen => "session_stolen",
            Self::AddressTaken => "address_taken",
            Self::NoAccount => "no_account",
            Self::Test => "test",
        }
    }

    /// The code that it carries.
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

    /// The link that it carries.
    #[must_use]
    pub fn link(&self) -> Option<&SecretString> {
        match self {
            Self::Activation { link, .. }
            | Self::PasswordReset { link, .. }
            | Self::LoginCode { link, .. } => Some(link),
            Self::PasswordChanged { undo }
            | Self::PasswordWasReset { undo, .. }
            | Self::EmailChanged { undo, .. }
            | Self::GoogleLinked { undo }
            | Self::GoogleUnlinked { undo } => undo.as_ref(),
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

    /// The name by which the mail calls the account.
    pub(super) fn account(&self) -> Option<&str> {
        match self {
            Self::LoginCode { account, .. } | Self::ChangeEmail { account, .. } => Some(account),
            _ => None,
        }
    }

    /// One of each, and of those that may have a link one with and one without.
    pub(super) fn samples() -> Vec<Self> {
        let (link, code) = (SecretString::from("https://example.org/#token"), SecretString::from("12345678"));
        let (account, expires_in) = ("ada@example.org".to_owned(), Duration::from_mins(10));
        let mut samples = vec![
            Self::Activation { link: link.clone(), expires_in },
            Self::OneTimeCode { code: code.clone(), expires_in },
            Self::PasswordReset { link: link.clone(), expires_in },
            Self::ChangeEmail { code: code.clone(), account: account.clone(), expires_in },
            Self::Reauthentication { code: code.clone(), expires_in },
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
                },
                Self::PasswordChanged { undo: undo.clone() },
                Self::PasswordWasReset {
                    removed: some("Google: eve@example.org"),
                    remaining: some("Password"),
                    undo: undo.clone(),
                },
                Self::EmailChanged {
                    old_email: "old@example.org".into(),
                    new_email: "new@example.org".into(),
                    undo: undo.clone(),
                },
                Self::GoogleLinked { undo: undo.clone() },
                Self::GoogleUnlinked { undo },
            ]);
        }
        samples
    }
}

/// A time as people say it, in its two greatest units: "10 minutes", "1 hour and 30 minutes".
fn in_words(time: Duration) -> String {
    let seconds = time.as_secs().max(1);
    // people say 24 hours, but not 72
    let day = if seconds > 48 * 3600 { 24 * 3600 } else { u64::MAX };
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in [(day, "day"), (3600, "hour"), (60, "minute"), (1, "second")] {
        let count = left / unit;
        left %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}{}", if count == 1 { "" } else { "s" }));
        }
    }
    parts.truncate(2);
    parts.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_people_say_them() {
        for (seconds, words) in [
            (0, "1 second"),
            (90, "1 minute and 30 seconds"),
            (600, "10 minutes"),
            (3600, "1 hour"),
            (5400, "1 hour and 30 minutes"),
            (86_400, "24 hours"),
            (3 * 86_400, "3 days"),
            (90_061 * 2, "2 days and 2 hours"),
        ] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
