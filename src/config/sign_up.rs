//! The settings of accounts and their email addresses.

use super::{
    reader::{DefaultValue, Reader},
    values::{list, one_of, switch},
};
use crate::input::Username;

/// Who may have an account, and how email addresses are verified.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct SignUpConfig {
    pub signup: bool,
    /// The reserved usernames, in lower case.
    pub reserved_usernames: Vec<String>,
    pub email_required: bool,
    pub email_verification: EmailVerification,
    pub email_verification_method: ChallengeMethod,
}

/// When an email address must be verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerification {
    /// Never.
    None,
    /// The server asks for verification, but nothing depends on it.
    Optional,
    /// Before the account exists.
    Mandatory,
}

/// How an email address is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeMethod {
    /// With a code that the person types in.
    Otp,
    /// With a link that the person follows.
    Link,
}

impl SignUpConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section("Sign-up", "");
        let read = Self {
            signup: r.setting(
                "SIGNUP",
                "on",
                "Whether people may create accounts: by sign-up, with a sign-in code, or through a provider.",
                switch,
            ),
            reserved_usernames: r.setting(
                "RESERVED_USERNAMES",
                DefaultValue::derived(RESERVED_USERNAMES, "`admin`, `root`, `support` and similar names"),
                "Usernames that nobody can choose with `signup` or `updateProfile`.",
                |s| list(s, reserved_username),
            ),
            email_required: r.setting(
                "EMAIL_REQUIRED",
                "true",
                "Whether an account must have an email address. If not, a username is enough.",
                switch,
            ),
            email_verification: r.setting(
                "EMAIL_VERIFICATION",
                "optional",
                "When an email address must be verified: `none` (never), `optional` or `mandatory`. See \
                 [Mail](mail.md#who-must-verify-their-email-address).",
                |s| {
                    one_of(
                        s,
                        &[
                            ("none", EmailVerification::None),
                            ("optional", EmailVerification::Optional),
                            ("mandatory", EmailVerification::Mandatory),
                        ],
                    )
                },
            ),
            email_verification_method: r.setting(
                "EMAIL_VERIFICATION_METHOD",
                "otp",
                "How an email address is verified: `otp` (a code) or `link`.",
                |s| one_of(s, &[("otp", ChallengeMethod::Otp), ("link", ChallengeMethod::Link)]),
            ),
        };
        r.check(
            read.email_required || read.email_verification != EmailVerification::Mandatory,
            "EMAIL_REQUIRED must be true if EMAIL_VERIFICATION is mandatory",
        );
        read
    }
}

/// Parses a reserved username and returns its key.
fn reserved_username(s: &str) -> Result<String, String> {
    Username::parse(s).map(|name| name.key()).map_err(|_| format!("contains `{s}`, which is not a username"))
}

/// Names that could be mistaken for the operator's: mailboxes of common services (RFC 2142), roles and hosts.
const RESERVED_USERNAMES: &str = "abuse,account,accounts,admin,administrator,anonymous,api,auth,billing,contact,gatehouse,\
    help,helpdesk,hostmaster,info,login,mail,mailer-daemon,marketing,moderator,noc,no-reply,no_reply,noreply,null,official,\
    operator,owner,password,postmaster,press,privacy,root,sales,security,service,signup,staff,superuser,support,sysadmin,\
    system,team,undefined,webmaster,www";
