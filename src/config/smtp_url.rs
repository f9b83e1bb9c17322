//! The URL of a mail server, or of a folder that takes its place.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::{connection_url, values::is_loopback};

/// How emails are sent.
#[derive(Clone, Debug)]
pub enum MailWay {
    /// Through a mail server.
    Smtp(SmtpServer),
    /// As files in this folder.
    Folder(PathBuf),
}

/// A mail server that accepts emails for delivery to others.
#[derive(Clone, Debug)]
pub struct SmtpServer {
    /// The name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: SmtpTls,
    /// The login, if the server requires one.
    pub login: Option<SmtpLogin>,
}

/// A user of a mail server.
#[derive(Clone, Debug)]
pub struct SmtpLogin {
    /// The name.
    pub user: String,
    /// The password.
    pub password: SecretString,
}

/// How a connection to a mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SmtpTls {
    /// From the first byte.
    Implicit,
    /// With STARTTLS. If the server does not offer it, no email is sent.
    Required,
    /// With STARTTLS, if the server offers it.
    Opportunistic,
    /// Never, because the server is on this machine.
    Never,
}

/// Parses `SMTP_URL`. The errors never repeat the URL, because the invalid part may be the password.
pub(super) fn smtp_url(s: &str) -> Result<MailWay, String> {
    if let Some(path) = s.strip_prefix("file://") {
        let named = |path: &str| (!path.is_empty()).then(|| MailWay::Folder(path.into()));
        return named(path).ok_or_else(|| "must name a folder: file:///path/to/folder".to_owned());
    }
    let form = || {
        "must be like smtp://user:password@smtp.example.org:587, with special characters percent-encoded"
            .to_owned()
    };
    if s.contains("://") {
        connection_url::check(s)?;
    }
    let url = Url::parse(s).map_err(|_| form())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(form)?;
    if !["", "/"].contains(&url.path()) || url.fragment().is_some() {
        return Err(form());
    }
    let tls: Option<String> = match url.query_pairs().collect::<Vec<_>>().as_slice() {
        [] => None,
        [(name, value)] if name == "tls" => Some(value.to_string()),
        _ => return Err("accepts only one parameter: tls=required".to_owned()),
    };
    let tls = match (url.scheme(), tls.as_deref()) {
        ("smtps", None | Some("required")) => SmtpTls::Implicit,
        ("smtp", Some("required")) => SmtpTls::Required,
        // a server on this machine rarely has a valid certificate, and nobody can eavesdrop on the connection
        ("smtp", None | Some("opportunistic")) if is_loopback(host) => SmtpTls::Never,
        ("smtp", None | Some("opportunistic")) => SmtpTls::Opportunistic,
        ("smtp" | "smtps", Some(_)) => {
            return Err("has an unknown value of tls; omit the parameter, or use tls=required".to_owned());
        }
        _ => return Err("must begin with smtp://, smtps:// or file://".to_owned()),
    };
    let decode = |text: &str| percent_decode_str(text).decode_utf8().map(String::from).map_err(|_| form());
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (user, Some(password)) if !user.is_empty() => {
            Some(SmtpLogin { user: decode(user)?, password: decode(password)?.into() })
        }
        _ => return Err("must have both a user and a password, or neither".to_owned()),
    };
    let host = decode(host)?.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port().unwrap_or(if tls == SmtpTls::Implicit { 465 } else { 587 });
    Ok(MailWay::Smtp(SmtpServer { host, port, tls, login }))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn server(s: &str) -> SmtpServer {
        match smtp_url(s) {
            Ok(MailWay::Smtp(server)) => server,
            other => panic!("{s}: {other:?}"),
        }
    }

    #[test]
    fn urls_of_mail_servers_say_how_to_reach_them() {
        let remote = "smtp.example.org";
        for (url, host, port, tls) in [
            ("smtp://smtp.example.org", remote, 587, SmtpTls::Opportunistic),
            ("smtp://smtp.example.org:25/", remote, 25, SmtpTls::Opportunistic),
            ("smtp://smtp.example.org?tls=required", remote, 587, SmtpTls::Required),
            ("smtps://smtp.example.org", remote, 465, SmtpTls::Implicit),
            ("smtp://localhost:1025", "localhost", 1025, SmtpTls::Never),
            ("smtp://[::1]:1025?tls=required", "::1", 1025, SmtpTls::Required),
        ] {
            let server = server(url);
            assert_eq!((server.host.as_str(), server.port, server.tls), (host, port, tls), "{url}");
        }
        let login = server("smtps://ada%40example.org:p%2Fa%3Ass@smtp.example.org").login.unwrap();
        assert_eq!((login.user.as_str(), login.password.expose_secret()), ("ada@example.org", "p/a:ss"));
    }

    #[test]
    fn what_is_wrong_is_told_without_the_password() {
        for url in [
            "smtp.example.org:587",
            "http://smtp.example.org",
            "smtp://",
            "smtp://ada:hush/hush@smtp.example.org",
            "smtp://ada@smtp.example.org",
            "smtp://:hush@smtp.example.org",
            "smtp://ada:hush#@smtp.example.org",
            "smtp://smtp.example.org?tls=maybe",
            "smtp://smtp.example.org?ssl=on",
            "smtps://smtp.example.org/path",
            "file://",
        ] {
            let why = smtp_url(url).unwrap_err();
            assert!(!why.contains("hush") && why.contains(' '), "{url}: {why}");
        }
    }
}
