//! Checks the house rules of `src/lib.rs` by reading the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// Layers, from the top down: a module may import itself, modules of lower layers, and what [`WITHIN`] allows.
const LAYERS: &[&[&str]] = &[
    &["cli", "fake_provider", "http"],
    &["graphql"],
    &[
        "accounts",
        "challenges",
        "provider_login",
        "housekeeping",
        "outbox",
        "passkeys",
        "password_reset",
        "rate_limit",
        "reauthentication",
        "peers",
        "second_factors",
        "security_changes",
        "sessions",
        "verification",
    ],
    &["app", "events", "mail", "metrics", "passwords", "providers", "storage", "tokens"],
    &["clock", "config", "fault", "input", "secrets", "telemetry", "webauthn"],
];

/// Imports that are allowed within a layer: who imports, and what.
const WITHIN: &[(&str, &[&str])] = &[
    ("cli", &["http", "fake_provider"]),
    (
        "verification",
        &["sessions", "challenges", "outbox", "rate_limit", "security_changes", "second_factors"],
    ),
    (
        "password_reset",
        &["accounts", "challenges", "outbox", "rate_limit", "security_changes", "sessions", "second_factors"],
    ),
    ("provider_login", &["sessions", "challenges", "outbox", "rate_limit", "security_changes"]),
    (
        "accounts",
        &[
            "sessions",
            "challenges",
            "outbox",
            "rate_limit",
            "security_changes",
            "provider_login",
            "second_factors",
        ],
    ),
    ("sessions", &["challenges", "outbox", "rate_limit", "security_changes"]),
    ("challenges", &["outbox", "rate_limit"]),
    (
        "reauthentication",
        &[
            "sessions",
            "security_changes",
            "challenges",
            "provider_login",
            "outbox",
            "rate_limit",
            "second_factors",
        ],
    ),
    (
        "second_factors",
        &["sessions", "challenges", "security_changes", "provider_login", "outbox", "rate_limit"],
    ),
    (
        "passkeys",
        &[
            "accounts",
            "challenges",
            "outbox",
            "provider_login",
            "rate_limit",
            "second_factors",
            "security_changes",
            "sessions",
        ],
    ),
    ("housekeeping", &["second_factors"]),
    ("security_changes", &["outbox", "rate_limit"]),
    ("app", &["events", "providers", "mail", "metrics", "passwords", "storage", "tokens"]),
    ("storage", &["events", "metrics"]),
    ("passwords", &["metrics"]),
    ("tokens", &["storage"]),
    ("config", &["input", "secrets", "webauthn"]),
    ("telemetry", &["config", "clock", "secrets"]),
];

/// Returns the name and the text of each source file, without its unit tests.
pub(crate) fn files() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(SRC), &mut found);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(SRC).unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        // unit tests may import anything
        (name, text.split("#[cfg(test)]").next().unwrap().to_owned())
    };
    found.into_iter().map(read).collect()
}

fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// Returns the modules that a file names after `crate::`, alone or in a list.
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for after in text.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            Some(list) => {
                let (mut depth, mut item) = (0, String::new());
                for letter in list.chars() {
                    match letter {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => found.push(std::mem::take(&mut item)),
                        letter if depth == 0 => item.push(letter),
                        _ => {}
                    }
                }
                found.push(item);
            }
            None => found.push(after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
        }
    }
    let first = |item: String| item.trim().split("::").next().unwrap().to_owned();
    found.into_iter().map(first).filter(|name| !name.is_empty()).collect()
}

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("`{module}` is in no layer"))
}

#[test]
fn imports_point_downwards() {
    let mut seen = 0;
    for (file, text) in files() {
        let own = module(&file);
        if ["lib", "main"].contains(&own) {
            continue;
        }
        for other in imports(&text) {
            seen += 1;
            let allowed = other == own
                || layer(&other) > layer(own)
                || WITHIN.iter().any(|(from, to)| *from == own && to.contains(&other.as_str()));
            assert!(allowed, "{file} imports `{other}`, which is not below it");
        }
    }
    assert!(seen > 100, "only {seen} imports were found");
}

#[test]
fn each_framework_is_used_only_in_its_place() {
    for (word, places) in [
        ("poem", &["http/", "cli/", "fake_provider/"][..]),
        ("async_graphql", &["graphql/", "http/graphql"]),
        ("axum", &[]),
        ("lettre", &["mail/"]),
        ("oauth2", &["providers/", "config/provider_presets.rs"]),
        ("reqwest", &["cli/check/proxy.rs", "providers/", "telemetry/traces/export.rs"]),
        (
            "minijinja",
            &["fake_provider/apple.rs", "fake_provider/pages.rs", "http/pages.rs", "mail/templates.rs"],
        ),
        ("EntityTrait", &["storage/"]),
        ("execute_unprepared", &["storage/"]),
        ("std::env", &["config/variables.rs"]),
        ("println!", &["cli/"]),
        ("session_begin::begin", &["sessions/open.rs"]),
        ("session_begin::sign_in", &["sessions/open.rs"]),
    ] {
        for (file, text) in files() {
            let code = text.lines().map(str::trim).filter(|line| !line.starts_with("//"));
            let is_known = code.clone().any(|line| {
                line.split(|c: char| !(c.is_alphanumeric() || "_:!".contains(c)))
                    .any(|token| token == word || token.starts_with(&format!("{word}::")))
            });
            assert!(!is_known || places.iter().any(|place| file.starts_with(place)), "{file} uses `{word}`");
        }
    }
}

#[test]
fn only_use_cases_open_transactions() {
    for (file, text) in files() {
        let opens = text.contains(".write(async") || text.contains(".write_one(async");
        // keys are created before the first request
        let may =
            || file.starts_with("storage/") || file == "tokens/rsa_keys.rs" || layer(module(&file)) == 2;
        assert!(!opens || may(), "{file} opens a transaction");
    }
}

#[test]
fn only_the_outbox_sends_mails() {
    let senders: Vec<String> =
        files().into_iter().filter(|(_, text)| text.contains("mailer.send(")).map(|(file, _)| file).collect();
    assert!(
        senders.iter().all(|file| ["cli/mail.rs", "outbox/deliver.rs"].contains(&file.as_str())),
        "{senders:?}"
    );
    assert_eq!(senders.len(), 2);
}

#[test]
fn the_map_names_every_module() {
    let map = fs::read_to_string(format!("{SRC}/lib.rs")).unwrap();
    for (file, _) in files() {
        let own = module(&file);
        assert!(
            ["lib", "main"].contains(&own) || map.contains(&format!("[`{own}`]")),
            "`{own}` is not on the map"
        );
    }
}

#[test]
fn the_map_names_the_file_and_setting_of_each_rule() {
    let map = fs::read_to_string(format!("{SRC}/lib.rs")).unwrap();
    let table = map.split("//! | rule | file | setting |").nth(1).unwrap().lines().skip(2);
    let settings: String =
        files().into_iter().filter(|(file, _)| file.starts_with("config/")).map(|(_, text)| text).collect();
    let mut rules = 0;
    for row in table.take_while(|line| line.starts_with("//! |")) {
        let [rule, file, setting] = row.split('|').skip(1).take(3).collect::<Vec<_>>()[..] else {
            panic!("not a row of three columns: {row}");
        };
        let unquote = |cell: &str| cell.trim().trim_matches('`').to_owned();
        let (file, setting) = (unquote(file), unquote(setting));
        assert!(Path::new(SRC).join(&file).is_file(), "`{file}` does not exist:{rule}");
        let is_setting = setting.is_empty() || settings.contains(&format!("\"{setting}\""));
        assert!(is_setting, "`{setting}` is not a setting:{rule}");
        rules += 1;
    }
    assert!(rules >= 20, "only {rules} rules were found");
}

#[test]
fn schema_graphql_matches_the_code() {
    let kept = include_str!("../../schema.graphql");
    assert!(
        kept == gatehouse::graphql::sdl(),
        "schema.graphql is stale; run: cargo run -- schema > schema.graphql"
    );
}

#[test]
fn every_element_of_the_schema_is_described() {
    let sdl = gatehouse::graphql::sdl();
    let (mut described, mut in_description, mut of_ours) = (false, false, true);
    for line in sdl.lines().map(str::trim) {
        if line == "\"\"\"" {
            in_description = !in_description;
            described = true;
            continue;
        }
        if in_description
            || line.is_empty()
            || line == "}"
            || line.starts_with(')')
            || line.starts_with("\"\"\"")
        {
            continue;
        }
        of_ours = of_ours && !line.starts_with("directive") && !line.starts_with("schema");
        assert!(described || !of_ours, "`{line}` has no description");
        described = false;
    }
}
