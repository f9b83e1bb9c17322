//! Reading settings one by one: where each comes from, how it is shown, and what is wrong with it.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use url::Url;

use super::{Mode, rights::EnvFile};
use crate::secrets::{SecretKey, private_file};

/// One setting in effect, fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable's name.
    pub name: &'static str,
    /// Its value; secrets hidden.
    pub value: String,
    /// `environment`, `.env` or `default`, or the option that sets it.
    pub source: &'static str,
}

/// Everything that is wrong with the settings, found in one go.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n{}", .0.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Named texts, and where each came from.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    all: HashMap<String, (String, &'static str)>,
    env_file: Option<EnvFile>,
}

impl Variables {
    /// The process's environment; beneath it `.env` in the working directory.
    ///
    /// # Errors
    /// If `.env` exists and cannot be read.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads it")]
    pub fn from_environment() -> Result<Self, ConfigError> {
        let (mut all, mut env_file) = (HashMap::new(), None);
        match dotenvy::from_path_iter(".env") {
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|e| ConfigError(vec![format!(".env: {e}")]))?;
                    all.insert(name, (value, ".env"));
                }
                let holds_secrets = all.iter().any(|(name, (value, _))| is_secret(name, value));
                env_file = Some(EnvFile::new(Path::new(".env"), holds_secrets));
            }
            Err(e) if e.not_found() => {}
            Err(e) => return Err(ConfigError(vec![format!(".env: {e}")])),
        }
        for (name, value) in std::env::vars_os() {
            // what is not Unicode is no setting of ours
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                all.insert(name, (value, "environment"));
            }
        }
        Ok(Self { all, env_file })
    }

    /// The same, with these in place of what was there.
    #[must_use]
    pub fn with<V: Into<String>>(
        mut self,
        source: &'static str,
        pairs: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        self.all.extend(pairs.into_iter().map(|(name, value)| (name.to_owned(), (value.into(), source))));
        self
    }

    /// An empty value counts as none.
    fn get(&self, name: &str) -> Option<&(String, &'static str)> {
        self.all.get(name).filter(|(value, _)| !value.trim().is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let all = pairs.into_iter().map(|(name, value)| (name.into(), (value.into(), "environment")));
        Self { all: all.collect(), env_file: None }
    }
}

/// Reads settings one by one, and goes on after a bad one, so that all are named at once.
pub(super) struct Reader<'v> {
    pub(super) mode: Mode,
    pub(super) variables: &'v Variables,
    pub(super) report: Vec<Setting>,
    pub(super) problems: Vec<String>,
}

impl Reader<'_> {
    /// The value given, else the default's; a bad one is noted, and the default stands in for it.
    pub(super) fn read<T>(
        &mut self,
        name: &'static str,
        default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let (given, source) = match self.variables.get(name) {
            Some((value, source)) => (value.trim(), *source),
            None => (default, "default"),
        };
        self.report.push(Setting { name, value: shown(name, given), source });
        parse(given).unwrap_or_else(|problem| {
            self.problems.push(format!("{name} {problem}"));
            parse(default).unwrap_or_else(|e| unreachable!("the default of {name} {e}"))
        })
    }

    /// Notes what production must not leave to a default.
    pub(super) fn require(&mut self, name: &str) {
        if self.mode == Mode::Serve {
            self.require_in_every_mode(name);
        }
    }

    pub(super) fn require_in_every_mode(&mut self, name: &str) {
        if !self.is_given(name) {
            self.problems.push(format!("{name} is missing"));
        }
    }

    pub(super) fn is_given(&self, name: &str) -> bool {
        self.variables.get(name).is_some()
    }

    pub(super) fn check(&mut self, holds: bool, problem: &str) {
        if !holds {
            self.problems.push(problem.to_owned());
        }
    }

    /// Notes that others may change `.env`, which production does not believe then. Returns what is to be warned of.
    pub(super) fn env_file(&mut self) -> Vec<String> {
        let Some(file) = &self.variables.env_file else { return Vec::new() };
        let mut warnings = file.warnings();
        if let Some(problem) = file.is_open_to_change() {
            // a developer's umask may let their group write, and there is little to lose
            let list = if self.mode == Mode::Serve { &mut self.problems } else { &mut warnings };
            list.push(problem);
        }
        warnings
    }

    /// Given in production; on a developer's machine made once and kept; otherwise used by nobody.
    pub(super) fn secret_key(&mut self, data_dir: &Path) -> SecretKey {
        let name = "SECRET_KEY";
        let (key, source) = match (self.variables.get(name), self.mode) {
            (Some((text, source)), _) => (SecretKey::parse(text.trim()).map_err(str::to_owned), *source),
            (None, Mode::Serve) => (Err("is missing".to_owned()), "default"),
            (None, Mode::Dev) => (kept_secret_key(&data_dir.join("secret_key")), "default"),
            (None, Mode::Command) => (Ok(SecretKey::generate().0), "default"),
        };
        self.report.push(Setting { name, value: shown(name, "…"), source });
        key.unwrap_or_else(|problem| {
            self.problems.push(format!("{name} {problem}; `gatehouse secret` prints a good one"));
            SecretKey::generate().0
        })
    }
}

/// Whether a variable of `.env`, which may be another program's, is to be known to few.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("SECRET_KEY")
        || ["SECRET", "PASSWORD", "TOKEN", "_KEY"].iter().any(|word| name.ends_with(word))
        || Url::parse(value).is_ok_and(|url| url.password().is_some() || has_password(&url))
}

fn has_password(url: &Url) -> bool {
    url.query_pairs().any(|(name, _)| name == "password")
}

/// A setting's value without its secrets.
fn shown(name: &str, value: &str) -> String {
    let is_secret = name.starts_with("SECRET_KEY") || name.ends_with("_SECRET");
    if is_secret && !value.is_empty() {
        return "(hidden)".to_owned();
    }
    match Url::parse(value) {
        Ok(mut url) if url.has_host() => {
            let _ = url.password().is_some().then(|| url.set_password(Some("hidden")));
            if has_password(&url) {
                url.set_query(Some("(hidden)"));
            }
            if url.path() == "/" && !value.ends_with('/') {
                url.as_str().trim_end_matches('/').to_owned()
            } else {
                url.into()
            }
        }
        _ => value.to_owned(),
    }
}

/// The key in the file, made at the first start, readable by its owner alone.
fn kept_secret_key(path: &Path) -> Result<SecretKey, String> {
    let (key, text) = SecretKey::generate();
    let mut fresh = OpenOptions::new();
    let made = private_file(path, fresh.write(true).create_new(true));
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(key),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let text =
                fs::read_to_string(path).map_err(|e| format!("in {} cannot be read: {e}", path.display()))?;
            SecretKey::parse(text.trim()).map_err(|e| format!("in {} {e}", path.display()))
        }
        Err(e) => Err(format!("could not be kept in {}: {e}", path.display())),
    }
}
