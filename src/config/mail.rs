//! The settings for email.

use std::path::PathBuf;

use url::Url;

use super::{
    budget::{Budget, budget},
    mode::Mode,
    reader::{DefaultValue, Reader},
    smtp_url::{MailWay, smtp_url},
    values::{is_loopback, optional, path, switch},
};
use crate::input::EmailAddress;

/// The sender's address if there is no mail server. It appears only in emails that do not leave the machine.
const NOBODY: &str = "gatehouse@example.org";

/// The content of emails and how they are sent.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct MailConfig {
    /// `SMTP_URL`. `None` if emails go to the mailbox of development mode.
    pub way: Option<MailWay>,
    /// `MAIL_RATE`.
    pub rate: Budget,
    /// `SMTP_CA_FILE`.
    pub ca_file: Option<PathBuf>,
    /// The name in `EMAIL_FROM`, or `APP_NAME` if `EMAIL_FROM` has no name.
    pub from_name: String,
    /// The address in `EMAIL_FROM`.
    pub from: EmailAddress,
    /// `EMAIL_TEMPLATES_DIR`.
    pub templates_dir: Option<PathBuf>,
    pub app_name: String,
    pub app_url: Option<String>,
    pub support_email: Option<EmailAddress>,
    pub no_account_notice: bool,
}

impl MailConfig {
    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        let mode = r.mode;
        r.section("Mail", "");
        let way = r.setting(
            "SMTP_URL",
            DefaultValue::derived("", "with `dev`, the mailbox").required_by_serve(),
            "Where emails go: a mail server or a folder. See [Connecting a mail server](mail.md#connecting-a-mail-server).",
            |s| optional(s, smtp_url),
        );
        let rate = budget(
            r,
            "MAIL_RATE",
            "10/1s",
            "The maximum rate at which one server sends emails. Further emails wait; none are refused.",
        );
        let ca_file = r.setting(
            "SMTP_CA_FILE",
            "",
            "A PEM file with the certificates of additional authorities that may sign the certificates of mail \
             servers. The well-known authorities are always accepted.",
            path,
        );
        let app_name =
            r.setting("APP_NAME", "Gatehouse", "The name of the application in emails.", mail_name);
        let sends = mode == Mode::Serve || matches!(way, Some(MailWay::Smtp(_)));
        let (from_name, from) = r.setting(
            "EMAIL_FROM",
            DefaultValue::derived(NOBODY, "required by `serve` and with a mail server").required_if(sends),
            "The sender of emails: `accounts@example.org` or `Example <accounts@example.org>`.",
            sender,
        );
        let support_email =
            r.setting("SUPPORT_EMAIL", "", "The support address shown in emails and on pages.", |s| {
                optional(s, address)
            });
        let templates_dir = r.setting(
            "EMAIL_TEMPLATES_DIR",
            "",
            "A folder with templates that replace the built-in ones.",
            path,
        );
        let app_url = r.setting(
            "APP_URL",
            "",
            "The address of your app, to which emails and the server's own pages link. Without this setting, they \
             name the app but do not link to it. `serve` requires `https`, except on the same machine.",
            |s| optional(s, |s| page_address(s, mode)),
        );
        let no_account_notice = r.setting(
            "NO_ACCOUNT_NOTICE",
            "off",
            "Whether people who request a password reset for an address without an account get an email that says \
             that no account exists. With `SIGNUP=off`, people who request a sign-in code for such an address \
             also get such an email. With `SIGNUP=on`, they get a code that creates an account.",
            switch,
        );
        let from_name = from_name.unwrap_or_else(|| app_name.clone());
        Self {
            way,
            rate,
            ca_file,
            from_name,
            from,
            templates_dir,
            app_name,
            app_url,
            support_email,
            no_account_notice,
        }
    }
}

/// Parses a name that appears in emails.
fn mail_name(s: &str) -> Result<String, String> {
    let is_good = (1..=64).contains(&s.chars().count()) && !s.chars().any(char::is_control);
    is_good.then(|| s.to_owned()).ok_or_else(|| "must be 1 to 64 characters on one line".to_owned())
}

/// Parses the URL of a page for people.
pub(super) fn page_address(s: &str, mode: Mode) -> Result<String, String> {
    let example = || "must be an address like https://app.example.org".to_owned();
    let url = Url::parse(s).map_err(|_| example())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(example)?;
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => Err(example()),
        "https" => Ok(url.into()),
        "http" if mode != Mode::Serve || is_loopback(host) => Ok(url.into()),
        _ => Err("must begin with https://".to_owned()),
    }
}

fn address(s: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(s).map_err(|_| "must be an email address like support@example.org".to_owned())
}

/// Parses `accounts@example.org` or `Example accounts <accounts@example.org>`.
fn sender(s: &str) -> Result<(Option<String>, EmailAddress), String> {
    let form = "must be like accounts@example.org or Example <accounts@example.org>";
    let (name, address) = match s.strip_suffix('>').and_then(|s| s.rsplit_once('<')) {
        Some((name, address)) => {
            (Some(mail_name(name.trim().trim_matches('"')).map_err(|_| form.to_owned())?), address)
        }
        None => (None, s),
    };
    Ok((name, EmailAddress::parse(address).map_err(|_| form.to_owned())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sender_may_have_a_name() {
        let parsed = |s| sender(s).map(|(name, address)| (name, address.as_str().to_owned()));
        let address = "accounts@example.org".to_owned();
        let form = "must be like accounts@example.org or Example <accounts@example.org>".to_owned();
        assert_eq!(parsed("accounts@example.org"), Ok((None, address.clone())));
        assert_eq!(parsed("<accounts@example.org>"), Err(form));
        assert_eq!(parsed("\"Ex, Ltd\" <accounts@example.org>"), Ok((Some("Ex, Ltd".to_owned()), address)));
        assert!(parsed("Ex\r\nBcc: eve@example.org <accounts@example.org>").is_err());
        assert!(parsed("Example").is_err());
    }
}
