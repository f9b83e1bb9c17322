//! URLs that may contain a user and a password: `DATABASE_URL` and `SMTP_URL`. No message repeats a part of a URL that
//! may be a password, even if a special character makes the password look like another part of the URL.

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

/// The advice for a URL that cannot be parsed.
const PERCENT_ENCODE: &str = "cannot be read: percent-encode special characters in its user and password (`#` is %23, `/` is \
                              %2F, `?` is %3F, `%` is %25, `@` is %40, a space is %20)";

/// The parameters that have an effect in the URL of a PostgreSQL server.
const USED: [&str; 18] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// The parameters whose values are shown. Any other parameter may contain a password, whatever its name.
const HARMLESS: [&str; 14] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "mode",
    "port",
    "ssl-mode",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tls",
    "user",
];

/// The parameter by which libpq chooses among several servers.
const TARGET: &str = "target_session_attrs";

/// Parses the URL of one or more PostgreSQL servers (`postgres://one:5432,two:5432/name`). Returns a URL for each.
pub(super) fn postgres(s: &str) -> Result<Vec<SecretString>, String> {
    let parts = Parts::of(s)?;
    let target =
        parts.parameters().find(|(name, _)| *name == TARGET).map_or("read-write", |(_, value)| value);
    if !["any", "primary", "read-write"].contains(&target) {
        return Err(format!("needs a server that accepts writes: {TARGET} must be read-write"));
    }
    let has_list = |(name, value): (&str, &str)| {
        let is_address = ["host", "hostaddr", "port"].contains(&name);
        is_address && (value.contains(',') || value.to_ascii_lowercase().contains("%2c"))
    };
    if parts.parameters().any(has_list) {
        return Err("cannot list servers in its parameters: write them before the path, as in \
                    postgres://one:5432,two:5432/name"
            .to_owned());
    }
    let servers = parts.host.split(',').map(|host| Parts { host, ..parts }.postgres());
    servers.collect::<Option<_>>().ok_or_else(|| PERCENT_ENCODE.to_owned())
}

/// Returns a warning if a PostgreSQL URL has parameters that have no effect.
pub(super) fn unused_parameters(s: &str) -> Option<String> {
    let parts = Parts::of(s).ok().filter(|_| !s.starts_with("sqlite:"))?;
    let unused: Vec<&str> =
        parts.parameters().map(|(name, _)| name).filter(|name| !is_used(name) && *name != TARGET).collect();
    (!unused.is_empty())
        .then(|| format!("DATABASE_URL has parameters that are not used: {}", unused.join(", ")))
}

/// Checks that no part of a URL is cut short by a special character. Every URL that may contain a password must
/// pass this check.
pub(super) fn check(s: &str) -> Result<(), String> {
    Parts::of(s).map(drop)
}

/// Returns a URL with every password in it hidden. This is certain only for URLs that can be parsed.
pub(super) fn without_passwords(s: &str) -> String {
    let (before, query) = s.split_once('?').map_or((s, None), |(before, query)| (before, Some(query)));
    let authority = before.find("://").map_or(before.len(), |at| at + 3);
    let end = before[authority..].find('/').map_or(before.len(), |at| authority + at);
    let user = before[authority..end].rsplit_once('@').and_then(|(user, _)| user.split_once(':'));
    let before = user.map_or_else(
        || before.to_owned(),
        |(user, password)| {
            let hidden = authority + user.len() + 1;
            format!("{}hidden{}", &before[..hidden], &before[hidden + password.len()..])
        },
    );
    let Some(query) = query else { return before };
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if HARMLESS.contains(&name) && value.bytes().all(is_plain) => pair.to_owned(),
        Some((name, _)) if is_name(name) => format!("{name}=hidden"),
        _ => "hidden".to_owned(),
    };
    format!("{before}?{}", query.split('&').map(shown).collect::<Vec<_>>().join("&"))
}

/// The parts of a URL.
#[derive(Clone, Copy)]
struct Parts<'s> {
    user: Option<&'s str>,
    /// The host, and the port after a colon. Commas separate several servers.
    host: &'s str,
    /// The path, with its leading slash.
    path: &'s str,
    query: &'s str,
}

impl<'s> Parts<'s> {
    fn of(s: &'s str) -> Result<Self, String> {
        Self::cut(s).filter(Self::are_whole).ok_or_else(|| PERCENT_ENCODE.to_owned())
    }

    fn cut(s: &'s str) -> Option<Self> {
        let (_, rest) = s.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // as in browsers, the last `@` separates the user and the password from the host, and any earlier one belongs to
        // the user or the password, even if it is not encoded
        let (user, host) =
            authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
        Some(Self { user, host, path, query })
    }

    /// Returns whether all parts are whole: none looks like the rest of a password that a special character cut in two.
    fn are_whole(&self) -> bool {
        let all = [self.user.unwrap_or_default(), self.host, self.path, self.query];
        let is_text = |part: &str| {
            let escapes = part.split('%').skip(1);
            let are_escapes = escapes.into_iter().all(|escape| {
                escape.len() >= 2 && escape.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
            });
            let has_text = percent_decode_str(part).decode_utf8().is_ok_and(|text| !text.contains('\0'));
            are_escapes
                && has_text
                && !part.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control())
        };
        let is_path = !self.path.contains('@') && !self.path.trim_start_matches('/').contains('/');
        let mut pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        let are_pairs = pairs.all(|pair| pair.split_once('=').is_some_and(|(name, _)| is_name(name)));
        // otherwise `gh:12?x=y@db`, whose password has a `?`, would pass as a host and a port without a user
        let has_no_user = self.user.is_some() || self.host.is_empty() || !self.query.contains('@');
        all.into_iter().all(is_text) && is_path && are_pairs && has_no_user
    }

    fn parameters(&self) -> impl Iterator<Item = (&'s str, &'s str)> {
        self.query.split('&').filter_map(|pair| pair.split_once('='))
    }

    /// Returns a URL that sqlx interprets in the way that psql interprets this URL.
    fn postgres(&self) -> Option<SecretString> {
        let (mut user, mut host) = (self.user.map(|user| format!("{user}@")).unwrap_or_default(), self.host);
        let mut query = Vec::new();
        let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
            // the address goes into the query, because sqlx would not remove the brackets from a host before looking it
            // up
            Some((address, port)) => {
                query.push(format!("host={address}"));
                (address, port)
            }
            None => host.split_at(host.rfind(':').unwrap_or(host.len())),
        };
        // a standard URL that names a user must also name a host, but psql also accepts the host as a parameter
        if let (Some(given), true) = (self.user, name.is_empty()) {
            let (name, password) =
                given.split_once(':').map_or((given, None), |(name, word)| (name, Some(word)));
            query.extend((!name.is_empty()).then(|| format!("user={}", in_query(name))));
            query.extend(password.map(|password| format!("password={}", in_query(password))));
            query.extend(
                port.strip_prefix(':').filter(|port| !port.is_empty()).map(|port| format!("port={port}")),
            );
            (user, host) = (String::new(), "");
        }
        let parameters = self.parameters().filter(|(name, _)| is_used(name));
        query.extend(parameters.map(|(name, value)| format!("{name}={}", in_query(value))));
        let url = format!("postgres://{user}{host}{}?{}", self.path, query.join("&"));
        let url = url.trim_end_matches('?');
        Url::parse(url).ok().map(|_| url.into())
    }
}

/// Encodes a value for the query. A plus sign must be encoded, because form parsers read it as a space, whereas psql
/// reads it as a plus sign.
fn in_query(value: &str) -> String {
    value.replace('+', "%2B").replace('&', "%26")
}

fn is_used(name: &str) -> bool {
    USED.contains(&name) || (name.starts_with("options[") && name.ends_with(']'))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte))
}

/// Returns whether a byte is usual in names, paths and addresses, and separates neither parameters nor a password.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._-/:,%[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_listed_before_the_path_and_nowhere_else() {
        let count = |url: &str| postgres(url).map(|servers| servers.len());
        assert_eq!(count("postgres://gh@one:5432,two/x?target_session_attrs=read-write"), Ok(2));
        assert_eq!(count("postgres:///x?host=/var/run/postgresql&port=5433"), Ok(1));
        for parameters in
            ["host=one,two", "host=one%2ctwo", "host=one&port=1,2", "hostaddr=10.0.0.1,10.0.0.2"]
        {
            let refused = count(&format!("postgres:///x?user=gh&{parameters}")).unwrap_err();
            assert!(refused.contains("before the path"), "{parameters}: {refused}");
        }
    }
}
