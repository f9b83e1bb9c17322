//! The settings of the providers that Gatehouse knows by name.

use secrecy::SecretString;
use url::Url;

use super::{
    provider::{ClientAuthentication, ProviderConfig, ProviderEndpoints, ProviderKind},
    reader::{DefaultValue, Reader},
    values::{is_loopback, optional},
};

/// Reads the ID and the secret of a client, and checks that there is no secret without an ID.
pub(super) fn client(
    r: &mut Reader<'_>,
    prefix: &str,
    provider: &str,
) -> Option<(String, ClientAuthentication)> {
    let [id_name, secret_name] = ["CLIENT_ID", "CLIENT_SECRET"].map(|name| format!("{prefix}_{name}"));
    let id = r.setting(
        id_name.clone(),
        "",
        format!("The ID of the client that you registered with {provider}. Without it, sign-in with {provider} is off."),
        |s| optional(s, client_id),
    );
    let secret = r.setting(
        secret_name.clone(),
        "",
        "The secret of this client. It is needed only for authorization codes.",
        |s| Ok(SecretString::from(s)),
    );
    let secret = r.find(&secret_name).map(|_| secret);
    r.check(id.is_some() || secret.is_none(), &format!("{secret_name} has no effect without {id_name}"));
    Some((id?, secret.map_or(ClientAuthentication::None, ClientAuthentication::Secret)))
}

pub(super) fn google(r: &mut Reader<'_>) -> Option<ProviderConfig> {
    let client = client(r, "GOOGLE", "Google");
    let url = r.setting(
        "GOOGLE_DISCOVERY_URL",
        "https://accounts.google.com/.well-known/openid-configuration",
        "Where Google lists its other endpoints (OpenID Connect Discovery §4).",
        endpoint,
    );
    let tokeninfo = r.setting(
        "GOOGLE_TOKENINFO_URL",
        "https://oauth2.googleapis.com/tokeninfo",
        "Where Google says which client an access token was issued to.",
        endpoint,
    );
    let (client_id, secret) = client?;
    Some(ProviderConfig {
        id: "google".to_owned(),
        kind: ProviderKind::Google,
        name: "Google".to_owned(),
        client_id,
        secret,
        endpoints: ProviderEndpoints::Discovery { url, tokeninfo: Some(tokeninfo), callback: None },
        scopes: words("openid email profile"),
    })
}

pub(super) fn microsoft(r: &mut Reader<'_>) -> Option<ProviderConfig> {
    let client = client(r, "MICROSOFT", "Microsoft");
    let tenant = r.setting(
        "MICROSOFT_TENANT",
        "common",
        "Whose accounts can sign in: `common` (all accounts), `organizations`, `consumers`, or the ID of one tenant.",
        tenant,
    );
    let url = r.setting(
        "MICROSOFT_DISCOVERY_URL",
        DefaultValue::derived(
            format!("https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration"),
            "the URL for `MICROSOFT_TENANT`",
        ),
        "Where Microsoft lists its other endpoints.",
        endpoint,
    );
    let (client_id, secret) = client?;
    Some(ProviderConfig {
        id: "microsoft".to_owned(),
        kind: ProviderKind::Microsoft,
        name: "Microsoft".to_owned(),
        client_id,
        secret,
        endpoints: ProviderEndpoints::Discovery { url, tokeninfo: None, callback: None },
        scopes: words("openid email profile"),
    })
}

pub(super) fn apple(r: &mut Reader<'_>, public_url: &str) -> Option<ProviderConfig> {
    let client_id = r.setting(
        "APPLE_CLIENT_ID",
        "",
        "The ID of the service that you registered with Apple. Without it, sign-in with Apple is off.",
        |s| optional(s, client_id),
    );
    let [team_id, key_id] = [
        (
            "APPLE_TEAM_ID",
            "The ID of your team at Apple. This ID and the key are needed only for authorization codes.",
        ),
        ("APPLE_KEY_ID", "The ID of the key that signs requests to Apple."),
    ]
    .map(|(name, meaning)| r.setting(name, "", meaning, |s| optional(s, |s| Ok(s.to_owned()))));
    let name = "APPLE_PRIVATE_KEY";
    let private_key = r.setting(
        name,
        "",
        "The key that signs requests to Apple, in PEM (PKCS #8). `\\n` stands for a line break.",
        |s| optional(s, private_key),
    );
    let url = r.setting(
        "APPLE_DISCOVERY_URL",
        "https://appleid.apple.com/.well-known/openid-configuration",
        "Where Apple lists its other endpoints.",
        endpoint,
    );
    let given = [team_id.is_some(), key_id.is_some(), private_key.is_some()];
    r.check(
        given.iter().all(|is_given| *is_given == given[0]),
        "APPLE_TEAM_ID, APPLE_KEY_ID and APPLE_PRIVATE_KEY must be given together",
    );
    r.check(client_id.is_some() || !given[0], "APPLE_TEAM_ID has no effect without APPLE_CLIENT_ID");
    let secret = match (team_id, key_id, private_key) {
        (Some(team_id), Some(key_id), Some(private_key)) => {
            ClientAuthentication::SignedByKey { team_id, key_id, private_key }
        }
        _ => ClientAuthentication::None,
    };
    Some(ProviderConfig {
        id: "apple".to_owned(),
        kind: ProviderKind::Apple,
        name: "Apple".to_owned(),
        client_id: client_id?,
        secret,
        endpoints: ProviderEndpoints::Discovery {
            url,
            tokeninfo: None,
            callback: Some(format!("{public_url}/callback/apple")),
        },
        scopes: words("openid email name"),
    })
}

pub(super) fn github(r: &mut Reader<'_>) -> Option<ProviderConfig> {
    let client = client(r, "GITHUB", "GitHub");
    let site = r.setting(
        "GITHUB_URL",
        "https://github.com",
        "The address of GitHub, or of a GitHub Enterprise Server.",
        base,
    );
    let api = r.setting(
        "GITHUB_API_URL",
        "https://api.github.com",
        "The address of GitHub's API, or of the API of a GitHub Enterprise Server.",
        base,
    );
    let (client_id, secret) = client?;
    Some(ProviderConfig {
        id: "github".to_owned(),
        kind: ProviderKind::GitHub,
        name: "GitHub".to_owned(),
        client_id,
        secret,
        endpoints: ProviderEndpoints::GitHub { site, api },
        scopes: words("read:user user:email"),
    })
}

fn client_id(s: &str) -> Result<String, String> {
    if s.len() > 255 || !s.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("must be a client ID like 1234567890-abc.apps.googleusercontent.com".to_owned());
    }
    Ok(s.to_owned())
}

fn tenant(s: &str) -> Result<String, String> {
    match s {
        "common" | "organizations" => Ok(s.to_owned()),
        // the tenant of all personal accounts, whose discovery document contains this ID
        "consumers" => Ok("9188040d-6c67-4c5b-b112-36a304b66dad".to_owned()),
        id => match uuid::Uuid::parse_str(id) {
            Ok(id) => Ok(id.to_string()),
            Err(_) => Err("must be `common`, `organizations`, `consumers` or the ID of a tenant".to_owned()),
        },
    }
}

fn private_key(s: &str) -> Result<SecretString, String> {
    let key = s.replace("\\n", "\n");
    if !key.contains("-----BEGIN PRIVATE KEY-----") {
        return Err("must be a key in PEM that begins with -----BEGIN PRIVATE KEY-----".to_owned());
    }
    Ok(key.into())
}

/// Parses a URL of a provider. It must use https unless it is on this machine, because the responses are trusted.
pub(super) fn endpoint(s: &str) -> Result<Url, String> {
    let is_good = |url: &Url| {
        url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url.host_str().unwrap_or_default()))
    };
    Url::parse(s)
        .ok()
        .filter(is_good)
        .ok_or_else(|| "must be an address that begins with https://".to_owned())
}

/// Parses a provider's base URL, to which paths are added.
pub(super) fn base(s: &str) -> Result<String, String> {
    let url = endpoint(s)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must be an address without a query".to_owned());
    }
    Ok(s.trim_end_matches('/').to_owned())
}

pub(super) fn words(s: &str) -> Vec<String> {
    s.split_whitespace().map(str::to_owned).collect()
}
