//! The settings of emailed codes and links.

use std::time::Duration;

use url::Url;

use super::{
    mail::page_address,
    mode::Mode,
    reader::{DefaultValue, Reader},
    values::{DAY, MINUTE, duration, is_loopback, optional, within},
};

/// How long emailed codes and links are valid, and where links lead.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct CodeConfig {
    pub otp_length: u8,
    pub otp_ttl: Duration,
    pub otp_max_attempts: i32,
    pub activation_link_ttl: Duration,
    pub password_reset_ttl: Duration,
    pub login_code_ttl: Duration,
    /// `None` if the links lead to the server's own page. The same applies to the next three fields.
    pub activation_url: Option<String>,
    pub password_reset_url: Option<String>,
    pub login_url: Option<String>,
    pub undo_url: Option<String>,
    pub change_password_url: Option<String>,
}

impl CodeConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mode = r.mode;
        r.section(
            "Codes and links",
            "The URLs below lead to pages of your app. All except `CHANGE_PASSWORD_URL` must contain `{token}`. \
             `serve` requires `https`. If a URL is not set, the links that would use it lead to a page of the \
             server. See [What Gatehouse emails](mail.md#what-gatehouse-emails).",
        );
        let page = |s: &str| optional(s, |s| link_template(s, mode));
        Self {
            otp_length: r
                .setting("OTP_LENGTH", "8", "The number of digits in a code.", |s| within(s, 6..=10)),
            otp_ttl: r.setting("OTP_TTL", "10m", "How long a code is valid.", |s| duration(s, MINUTE..=DAY)),
            otp_max_attempts: r.setting(
                "OTP_MAX_ATTEMPTS",
                "5",
                "How many times a code may be tried with the ID of its challenge.",
                |s| within(s, 1..=20),
            ),
            activation_link_ttl: r.setting(
                "ACTIVATION_LINK_TTL",
                "24h",
                "How long a link that verifies an address is valid.",
                |s| duration(s, MINUTE..=30 * DAY),
            ),
            password_reset_ttl: r.setting(
                "PASSWORD_RESET_TTL",
                "30m",
                "How long a link that sets a new password is valid.",
                |s| duration(s, MINUTE..=DAY),
            ),
            login_code_ttl: r.setting(
                "LOGIN_CODE_TTL",
                "30m",
                "How long an emailed code or link for signing in without a password is valid.",
                |s| duration(s, MINUTE..=DAY),
            ),
            activation_url: r.setting(
                "ACTIVATION_URL",
                DefaultValue::derived("", "`/activate`"),
                "The page for links that verify an address.",
                page,
            ),
            password_reset_url: r.setting(
                "PASSWORD_RESET_URL",
                DefaultValue::derived("", "`/reset-password`"),
                "The page for links that set a new password.",
                page,
            ),
            change_password_url: r.setting(
                "CHANGE_PASSWORD_URL",
                DefaultValue::derived("", "`/reset-password`, unless `PASSWORD_RESET_URL` is set"),
                "The page of your app where people change their password. Password managers find it at \
                 `/.well-known/change-password`.",
                |s| optional(s, |s| page_address(s, mode)),
            ),
            login_url: r.setting(
                "LOGIN_URL",
                DefaultValue::derived("", "`/sign-in`"),
                "The page for links that sign in. The URL may also contain `{account}`.",
                page,
            ),
            undo_url: r.setting(
                "UNDO_URL",
                DefaultValue::derived("", "`/undo`"),
                "The page for links that undo a security change.",
                page,
            ),
        }
    }
}

/// Parses a URL with a placeholder for a token: `https://app.example.org/activate#{token}`.
fn link_template(s: &str, mode: Mode) -> Result<String, String> {
    let example = "must be an address with {token} in it, like https://app.example.org/activate#{token}";
    let url = Url::parse(&s.replace("{token}", "token")).map_err(|_| example.to_owned())?;
    let is_safe =
        url.scheme() == "https" || mode != Mode::Serve || is_loopback(url.host_str().unwrap_or_default());
    match s.matches("{token}").count() {
        1 if url.has_host() && is_safe => Ok(s.to_owned()),
        1 if url.has_host() => Err("must begin with https://".to_owned()),
        _ => Err(example.to_owned()),
    }
}
