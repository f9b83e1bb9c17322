//! Reading settings one by one: where each comes from, how it is shown, and what is wrong with it.

use std::{
    collections::HashMap,
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use url::Url;

use super::{Mode, connection_url, dotenv, rights::EnvFile};
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
#[derive(Clone, Default)]
pub struct Variables {
    all: HashMap<String, Variable>,
    env_file: Option<EnvFile>,
}

#[derive(Clone)]
struct Variable {
    /// The text, or why it cannot be read.
    value: Result<String, &'static str>,
    source: &'static str,
    /// Where it stands in `.env`.
    line: Option<usize>,
}

impl Variable {
    fn of(value: impl Into<String>, source: &'static str) -> Self {
        Self { value: Ok(value.into()), source, line: None }
    }

    fn is_empty(&self) -> bool {
        self.value.as_ref().is_ok_and(|value| value.trim().is_empty())
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all.keys()).finish()
    }
}

impl Variables {
    /// The process's environment; beneath it `.env` in the working directory.
    ///
    /// # Errors
    /// If `.env` exists and cannot be read.
    #[expect(clippy::disallowed_methods, reason = "this is the place that reads it")]
    pub fn from_environment() -> Result<Self, ConfigError> {
        let (mut all, mut env_file) = (HashMap::new(), None);
        let unreadable = |why: String| ConfigError(vec![format!(".env {why}")]);
        match fs::read(".env") {
            Ok(text) => {
                for dotenv::Assignment { name, value, line } in
                    dotenv::parse(&text).map_err(|why| unreadable(why.to_owned()))?
                {
                    all.insert(name, Variable { value, source: ".env", line: Some(line) });
                }
                let holds_secrets = all.iter().any(|(name, variable)| is_secret(name, variable));
                env_file = Some(EnvFile::new(Path::new(".env"), holds_secrets));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(unreadable(format!("cannot be read: {e}"))),
        }
        for (name, value) in std::env::vars_os() {
            // what is not Unicode is no setting of ours
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                all.insert(name, Variable::of(value, "environment"));
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
        self.all
            .extend(pairs.into_iter().map(|(name, value)| (name.to_owned(), Variable::of(value, source))));
        self
    }

    /// An empty value counts as none.
    fn get(&self, name: &str) -> Option<&Variable> {
        self.all.get(name).filter(|variable| !variable.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let all = pairs.into_iter().map(|(name, value)| (name.into(), Variable::of(value, "environment")));
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
        let found = self.variables.get(name);
        let given = found.map_or(Ok(default), |found| found.value.as_deref().map(str::trim));
        let source = found.map_or("default", |found| found.source);
        self.report.push(Setting { name, value: shown(name, given.unwrap_or_default()), source });
        given.map_err(|why| (*why).to_owned()).and_then(&parse).unwrap_or_else(|problem| {
            let problem = self.problem(name, &problem);
            self.problems.push(problem);
            parse(default).unwrap_or_else(|e| unreachable!("the default of {name} {e}"))
        })
    }

    /// Says what is wrong with a setting, and where it stands.
    fn problem(&self, name: &str, problem: &str) -> String {
        match self.variables.get(name).and_then(|found| found.line) {
            Some(line) => format!("{name} (.env, line {line}) {problem}"),
            None => format!("{name} {problem}"),
        }
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

    /// The value given, as it is written.
    pub(super) fn given(&self, name: &str) -> Option<&str> {
        self.variables.get(name)?.value.as_deref().ok().map(str::trim)
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
            (Some(found), _) => {
                let key = found.value.as_ref().map_err(|why| *why);
                (key.and_then(|text| SecretKey::parse(text.trim())).map_err(str::to_owned), found.source)
            }
            (None, Mode::Serve) => (Err("is missing".to_owned()), "default"),
            (None, Mode::Dev) => (kept_secret_key(&data_dir.join("secret_key")), "default"),
            (None, Mode::Command) => (Ok(SecretKey::generate().0), "default"),
        };
        self.report.push(Setting { name, value: shown(name, "…"), source });
        key.unwrap_or_else(|problem| {
            let problem = self.problem(name, &problem);
            self.problems.push(format!("{problem}; `gatehouse secret` prints a good one"));
            SecretKey::generate().0
        })
    }
}

/// Whether a variable of `.env`, which may be another program's, is to be known to few.
fn is_secret(name: &str, variable: &Variable) -> bool {
    let name = name.to_ascii_uppercase();
    let is_named_so = name.starts_with("SECRET_KEY")
        || ["SECRET", "PASSWORD", "TOKEN", "_KEY"].iter().any(|word| name.ends_with(word));
    let is_url = |value: &String| value.contains("://") && connection_url::without_passwords(value) != *value;
    is_named_so || variable.value.as_ref().is_ok_and(is_url)
}

/// A setting's value without its secrets.
fn shown(name: &str, value: &str) -> String {
    let is_secret = name.starts_with("SECRET_KEY") || name.ends_with("_SECRET");
    if is_secret && !value.is_empty() {
        return "(hidden)".to_owned();
    }
    if ["DATABASE_URL", "SMTP_URL"].contains(&name) {
        return connection_url::without_passwords(value);
    }
    match Url::parse(value) {
        Ok(mut url) if url.password().is_some() => {
            let _ = url.set_password(Some("hidden"));
            url.into()
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
