//! The settings of sign-in providers.

use std::collections::BTreeSet;

use url::Url;

use super::{
    mode::Mode,
    provider::{ProviderConfig, ProviderEndpoints, ProviderKind},
    provider_presets::{apple, base, client, endpoint, github, google, microsoft, words},
    reader::{DefaultValue, Reader},
    values::{is_loopback, list, optional},
};

/// The sign-in providers, and the pages of apps to which they send people back.
#[derive(Clone, Debug)]
pub struct ProvidersConfig {
    /// `PROVIDER_REDIRECT_URIS`. The first one is used if a client names none.
    pub redirect_uris: Vec<String>,
    /// The providers, in the order in which sign-in forms show them.
    pub all: Vec<ProviderConfig>,
}

const SECTION: &str =
    "See [Sign-in providers](sign-in-providers.md). A provider is on if its client ID is set.";

impl ProvidersConfig {
    pub(super) fn read(r: &mut Reader<'_>, public_url: &str, port: u16) -> Self {
        r.section("Sign-in providers", SECTION);
        let all: Vec<_> = [google(r), microsoft(r), apple(r, public_url), github(r)]
            .into_iter()
            .flatten()
            .chain(others(r))
            .collect();
        let mode = r.mode;
        let has_code_flow = all.iter().any(ProviderConfig::accepts_codes);
        // in development, people can try out the providers on the server's own pages
        let is_tried = mode == Mode::Dev && has_code_flow;
        let redirect_uris = r.setting(
            "PROVIDER_REDIRECT_URIS",
            DefaultValue::derived(
                if is_tried { own_pages(public_url, port) } else { String::new() },
                "with `dev`, if a provider accepts authorization codes, the pages that use them, such as `/google` and `/undo`",
            ),
            "The addresses to which providers may send people back. An address that a client names must match one \
             of them exactly. `serve` requires `https`.",
            |s| list(s, |uri| redirect_uri(uri, mode)),
        );
        r.check(
            has_code_flow || redirect_uris.is_empty(),
            "PROVIDER_REDIRECT_URIS has no effect without the client secret of a provider",
        );
        Self { redirect_uris, all }
    }
}

/// Reads the providers of `OIDC_<NAME>_ISSUER`. In the reference, `<NAME>` stands for all names.
fn others(r: &mut Reader<'_>) -> Vec<ProviderConfig> {
    let mut names: BTreeSet<String> = r.names().filter_map(name_of_issuer).collect();
    let is_reserved = |name: &String| ["GOOGLE", "MICROSOFT", "APPLE", "GITHUB"].contains(&name.as_str());
    let strays: Vec<&str> = r.names().filter(|setting| is_stray(&names, setting)).collect();
    for setting in strays {
        r.refuse(
            setting,
            "belongs to no provider: either its OIDC_<NAME>_ISSUER is missing, or <NAME> has characters other than \
             capital letters and digits",
        );
    }
    if let Some(name) = names.iter().find(|name| is_reserved(name)) {
        r.refuse(&format!("OIDC_{name}_ISSUER"), "has the name of another provider");
    }
    names.retain(|name| !is_reserved(name));
    if names.is_empty() {
        names.insert("<NAME>".to_owned());
    }
    names.into_iter().filter_map(|name| other(r, &name)).collect()
}

/// Returns whether a variable looks like a setting of a provider that is not configured.
fn is_stray(names: &BTreeSet<String>, setting: &str) -> bool {
    let settings = ["_ISSUER", "_CLIENT_ID", "_CLIENT_SECRET", "_SCOPES", "_LABEL"];
    let name =
        setting.strip_prefix("OIDC_").and_then(|rest| settings.iter().find_map(|end| rest.strip_suffix(end)));
    name.is_some_and(|name| !names.contains(name))
}

fn name_of_issuer(setting: &str) -> Option<String> {
    let name = setting.strip_prefix("OIDC_")?.strip_suffix("_ISSUER")?;
    let is_plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (!name.is_empty() && name.len() <= 30 && name.bytes().all(is_plain)).then(|| name.to_owned())
}

fn other(r: &mut Reader<'_>, name: &str) -> Option<ProviderConfig> {
    let prefix = format!("OIDC_{name}");
    let issuer = r.setting(
        format!("{prefix}_ISSUER"),
        "",
        "The issuer of any other OpenID Connect provider. `<NAME>` consists of capital letters and digits. In \
         lower case, it is the ID of the provider. You can configure several such providers.",
        |s| optional(s, base),
    );
    let client = client(r, &prefix, "the provider");
    let scopes = r.setting(
        format!("{prefix}_SCOPES"),
        "openid email profile",
        "What people are asked to share with this server. `openid` and `email` are required.",
        scopes,
    );
    let label = r.setting(
        format!("{prefix}_LABEL"),
        DefaultValue::derived(capitalized(name), "`<NAME>`, with only the first letter capitalized"),
        "The display name of the provider.",
        |s| Ok(s.to_owned()),
    );
    r.check(
        issuer.is_none() || client.is_some(),
        &format!("{prefix}_CLIENT_ID is missing: {prefix}_ISSUER needs it"),
    );
    let (client_id, secret) = client?;
    let url = endpoint(&format!("{}/.well-known/openid-configuration", issuer?)).ok()?;
    Some(ProviderConfig {
        id: name.to_ascii_lowercase(),
        kind: ProviderKind::Oidc,
        name: label,
        client_id,
        secret,
        endpoints: ProviderEndpoints::Discovery { url, tokeninfo: None, callback: None },
        scopes,
    })
}

/// Returns the URLs of the pages of development mode to which providers send people back. The list contains them with
/// each of the server's host names, because a sign-in must finish on the host name on which the browser started it.
fn own_pages(public_url: &str, port: u16) -> String {
    let here = ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"));
    let others = here.into_iter().filter(|address| address != public_url);
    let all = std::iter::once(public_url.to_owned()).chain(others);
    let pages = ["/google", "/", "/demo", "/undo"];
    all.flat_map(|address| pages.map(|page| format!("{address}{page}"))).collect::<Vec<_>>().join(",")
}

fn scopes(s: &str) -> Result<Vec<String>, String> {
    let scopes = words(s);
    if ["openid", "email"].iter().any(|needed| !scopes.iter().any(|scope| scope == needed)) {
        return Err("must contain openid and email".to_owned());
    }
    Ok(scopes)
}

fn capitalized(name: &str) -> String {
    let (first, rest) = name.split_at(name.len().min(1));
    format!("{first}{}", rest.to_ascii_lowercase())
}

/// Checks a URL and returns it unchanged, because it is compared character by character (RFC 9700 §4.1.3).
fn redirect_uri(s: &str, mode: Mode) -> Result<String, String> {
    let is_good = |url: &Url| {
        let is_safe =
            url.scheme() == "https" || mode != Mode::Serve || is_loopback(url.host_str().unwrap_or_default());
        url.has_host() && ["http", "https"].contains(&url.scheme()) && url.fragment().is_none() && is_safe
    };
    match Url::parse(s) {
        Ok(url) if is_good(&url) => Ok(s.to_owned()),
        _ => Err(format!("contains `{s}`, which is not an address like https://app.example.org/signed-in")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Mode};

    fn load(settings: &[(&str, &str)]) -> Result<Config, String> {
        Config::load(Mode::Dev, &settings.iter().copied().collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_provider_has_its_own_scopes_and_label() {
        let mut settings = vec![
            ("OIDC_OKTA_ISSUER", "https://id.example.org"),
            ("OIDC_OKTA_CLIENT_ID", "gatehouse"),
            ("OIDC_OKTA_CLIENT_SECRET", "a secret"),
            ("OIDC_OKTA_SCOPES", "openid email groups"),
            ("OIDC_OKTA_LABEL", "Okta Inc."),
        ];
        let config = load(&settings).unwrap();
        let [provider] = &config.providers.all[..] else { panic!("{:?}", config.providers) };
        assert_eq!((provider.id.as_str(), provider.name.as_str()), ("okta", "Okta Inc."));
        assert_eq!(provider.scopes, ["openid", "email", "groups"]);
        settings[3].1 = "openid groups";
        assert!(load(&settings).unwrap_err().contains("OIDC_OKTA_SCOPES must contain openid and email"));
    }

    #[test]
    fn settings_of_no_provider_are_refused() {
        for (name, is_refused) in [
            ("OIDC_MY_IDP_ISSUER", true),
            ("OIDC_okta_ISSUER", true),
            ("OIDC_OKTA_CLIENT_ID", true),
            ("OIDC_OKTA_LABEL", true),
            ("OIDC_RP_METADATA", false),
        ] {
            let loaded = load(&[(name, "https://id.example.org")]);
            assert_eq!(loaded.is_err_and(|error| error.contains(name)), is_refused, "{name}");
        }
    }
}
