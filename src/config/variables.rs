//! The sources of settings: the environment and `.env`.

use std::{collections::HashMap, fmt, fs, io, path::Path};

use super::{connection_url, dotenv, rights::EnvFile};

/// All problems with the settings.
#[derive(Debug, thiserror::Error)]
#[error("the settings cannot be used:\n{}", .0.iter().map(|problem| format!("  - {problem}")).collect::<Vec<_>>().join("\n"))]
pub struct ConfigError(pub Vec<String>);

/// Variables by name, each with its source.
#[derive(Clone, Default)]
pub struct Variables {
    all: HashMap<String, Variable>,
    pub(super) env_file: Option<EnvFile>,
}

#[derive(Clone)]
pub(super) struct Variable {
    /// The text, or the reason why it cannot be read.
    pub(super) value: Result<String, &'static str>,
    pub(super) source: &'static str,
    /// The line in `.env`, if the variable is set there.
    pub(super) line: Option<usize>,
}

impl Variable {
    fn of(value: impl Into<String>, source: &'static str) -> Self {
        Self { value: Ok(value.into()), source, line: None }
    }

    fn is_empty(&self) -> bool {
        self.value.as_ref().is_ok_and(|value| value.trim().is_empty())
    }

    /// Returns the trimmed text, or the reason why it cannot be read.
    pub(super) fn text(&self) -> Result<&str, String> {
        self.value.as_deref().map(str::trim).map_err(|why| (*why).to_owned())
    }
}

/// Shows only names, because a value may be a password.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.all.keys()).finish()
    }
}

impl Variables {
    /// Reads the environment of the process and `.env` in the working directory. The environment takes precedence.
    ///
    /// # Errors
    /// Fails if `.env` exists and cannot be read.
    #[expect(clippy::disallowed_methods, reason = "the only place that reads the environment")]
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
            // a variable that is not Unicode can belong only to another program
            if let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) {
                all.insert(name, Variable::of(value, "environment"));
            }
        }
        Ok(Self { all, env_file })
    }

    /// Adds or replaces variables.
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

    /// Returns the names of all variables that are not empty.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().filter(|(_, variable)| !variable.is_empty()).map(|(name, _)| name.as_str())
    }

    /// Returns a variable, or `None` if it is unset or empty.
    pub(super) fn get(&self, name: &str) -> Option<&Variable> {
        self.all.get(name).filter(|variable| !variable.is_empty())
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let all = pairs.into_iter().map(|(name, value)| (name.into(), Variable::of(value, "environment")));
        Self { all: all.collect(), env_file: None }
    }
}

/// Returns whether a variable in `.env` looks like a secret, even if it belongs to another program.
fn is_secret(name: &str, variable: &Variable) -> bool {
    let name = name.to_ascii_uppercase();
    let is_named_so = name.starts_with("SECRET_KEY")
        || ["SECRET", "PASSWORD", "TOKEN", "_KEY"].iter().any(|word| name.ends_with(word));
    let is_url = |value: &String| value.contains("://") && connection_url::without_passwords(value) != *value;
    is_named_so || variable.value.as_ref().is_ok_and(is_url)
}
