//! Reads settings one by one. The reader takes the given value or the default, records it for `gatehouse config`, and
//! collects problems. Each setting is defined where it is read. Its name, default and meaning are not repeated anywhere
//! else.

use std::borrow::Cow;

use super::{
    connection_url,
    mode::Mode,
    variables::{Variable, Variables},
};

/// A setting: its definition, and its effective value in a form that is safe to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The section of the reference that lists the setting.
    pub section: Section,
    /// The name of the variable.
    pub name: Cow<'static, str>,
    /// The default, in Markdown. It is the same on every machine.
    pub default: String,
    /// The meaning, in Markdown.
    pub meaning: Cow<'static, str>,
    /// The value, with secrets hidden.
    pub value: String,
    /// Whether the setting must be given.
    pub is_required: bool,
    /// The source: `environment`, `.env`, `default`, or the option that set the value.
    pub source: &'static str,
    /// Whether the value differs from the default.
    pub is_changed: bool,
}

/// A section of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: &'static str,
    /// An introduction that applies to all settings of the section, in Markdown. May be empty.
    pub introduction: &'static str,
}

/// The default of a setting.
pub(super) struct DefaultValue {
    value: String,
    /// The text for the reference, if the value depends on the machine or on other settings.
    shown: Option<&'static str>,
    is_required: bool,
    is_required_by_serve: bool,
}

impl From<&str> for DefaultValue {
    fn from(value: &str) -> Self {
        Self { value: value.to_owned(), shown: None, is_required: false, is_required_by_serve: false }
    }
}

impl DefaultValue {
    /// Builds a default that depends on the mode, the machine or other settings. The reference shows `shown` instead.
    pub(super) fn derived(value: impl AsRef<str>, shown: &'static str) -> Self {
        Self { shown: Some(shown), ..Self::from(value.as_ref()) }
    }

    /// Makes the setting required in production.
    pub(super) fn required_by_serve(self) -> Self {
        Self { is_required_by_serve: true, ..self }
    }

    /// Makes the setting required if the condition holds. The text for the reference must state the condition.
    pub(super) fn required_if(self, is_required: bool) -> Self {
        Self { is_required, ..self }
    }

    fn markdown(&self) -> String {
        let shown = match self.shown {
            Some(shown) => shown.to_owned(),
            None if self.value.is_empty() => String::new(),
            None => format!("`{}`", self.value),
        };
        match (self.is_required_by_serve, shown.as_str()) {
            (false, _) => shown,
            (true, "") => "required by `serve`".to_owned(),
            (true, shown) => format!("{shown}; required by `serve`"),
        }
    }
}

/// A reader of settings. It continues after an invalid setting, so all problems are reported at the same time.
pub(super) struct Reader<'v> {
    pub(super) mode: Mode,
    variables: &'v Variables,
    section: Section,
    pub(super) report: Vec<Setting>,
    pub(super) problems: Vec<String>,
    pub(super) warnings: Vec<String>,
}

impl<'v> Reader<'v> {
    pub(super) fn new(mode: Mode, variables: &'v Variables) -> Self {
        let (report, problems, warnings) = (Vec::new(), Vec::new(), Vec::new());
        Self { mode, variables, section: Section::default(), report, problems, warnings }
    }

    /// Starts a section of the reference.
    pub(super) fn section(&mut self, title: &'static str, introduction: &'static str) {
        self.section = Section { title, introduction };
    }

    /// Defines a setting and reads it. If its value is invalid, records the problem and returns the default.
    pub(super) fn setting<T>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        default: impl Into<DefaultValue>,
        meaning: impl Into<Cow<'static, str>>,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let (name, default) = (name.into(), default.into());
        let found = self.find(&name);
        if self.requires(&default) && found.is_none() {
            self.refuse(&name, "is missing");
        }
        let given = found.map_or(Ok(default.value.as_str()), Variable::text);
        let shown = shown(&name, given.as_deref().unwrap_or_default());
        self.record(name.clone(), &default, meaning, shown);
        given.and_then(&parse).unwrap_or_else(|problem| {
            self.refuse(&name, &problem);
            parse(&default.value).unwrap_or_else(|e| unreachable!("the default of {name} {e}"))
        })
    }

    /// Records the definition and the value of a setting. The value must not reveal a secret.
    pub(super) fn record(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        default: &DefaultValue,
        meaning: impl Into<Cow<'static, str>>,
        value: String,
    ) {
        let (name, meaning) = (name.into(), meaning.into());
        let found = self.find(&name);
        let source = found.map_or("default", |found| found.source);
        let is_changed = found.is_some_and(|found| found.text().as_deref() != Ok(default.value.as_str()));
        let (section, is_required, default) = (self.section, self.requires(default), default.markdown());
        self.report.push(Setting { section, name, default, meaning, value, is_required, source, is_changed });
    }

    fn requires(&self, default: &DefaultValue) -> bool {
        default.is_required || (default.is_required_by_serve && self.mode == Mode::Serve)
    }

    /// Records a problem with the value of a setting. If the value comes from `.env`, the record names the line.
    pub(super) fn refuse(&mut self, name: &str, problem: &str) {
        self.problems.push(match self.find(name).and_then(|found| found.line) {
            Some(line) => format!("{name} (.env, line {line}) {problem}"),
            None => format!("{name} {problem}"),
        });
    }

    /// Returns the variable that sets a setting, or `None` if there is no such variable.
    pub(super) fn find(&self, name: &str) -> Option<&'v Variable> {
        self.variables.get(name)
    }

    /// Returns the names of all variables, whether or not they are settings.
    pub(super) fn names(&self) -> impl Iterator<Item = &'v str> {
        self.variables.names()
    }

    /// Records a problem unless the condition holds.
    pub(super) fn check(&mut self, holds: bool, problem: &str) {
        if !holds {
            self.problems.push(problem.to_owned());
        }
    }

    /// Checks whether other users may read or change `.env`. Production rejects a file that others may change.
    pub(super) fn check_env_file(&mut self) {
        let Some(file) = &self.variables.env_file else { return };
        self.warnings.extend(file.warnings());
        if let Some(problem) = file.is_open_to_change() {
            // a warning is enough in development, where the umask may allow group writes and there is little to lose
            let list = if self.mode == Mode::Serve { &mut self.problems } else { &mut self.warnings };
            list.push(problem);
        }
    }
}

/// Returns the value of a setting with its secrets hidden.
fn shown(name: &str, value: &str) -> String {
    let is_secret =
        name.starts_with("SECRET_KEY") || name.ends_with("_SECRET") || name.ends_with("_PRIVATE_KEY");
    if is_secret && !value.is_empty() {
        return "(hidden)".to_owned();
    }
    // this applies to every setting, because people put keys into the parameters of URLs
    if value.contains("://") { connection_url::without_passwords(value) } else { value.to_owned() }
}
