//! Email templates. The operator can replace the built-in ones with files.

use std::{collections::HashMap, fs, io, path::Path};

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, context, escape_formatter,
    syntax::SyntaxConfig,
};
use secrecy::ExposeSecret;

use super::content::{Content, Mail};
use crate::{config::Config, input::EmailAddress};

macro_rules! built_in {
    ($($mail:literal),*) => {
        [
            ("layout.html", include_str!("templates/layout.html")),
            $(
                (concat!($mail, ".txt"), include_str!(concat!("templates/", $mail, ".txt"))),
                (concat!($mail, ".html"), include_str!(concat!("templates/", $mail, ".html"))),
            )*
        ]
    };
}

const BUILT_IN: [(&str, &str); 45] = built_in![
    "activation",
    "one_time_code",
    "password_reset",
    "password_changed",
    "password_was_reset",
    "login_code",
    "change_email",
    "reauthentication",
    "identity_unlinked",
    "identity_linked",
    "second_factor_enabled",
    "second_factor_removed",
    "recovery_codes_replaced",
    "passkey_added",
    "passkey_removed",
    "recovery_code_used",
    "second_factor_failed",
    "session_stolen",
    "email_changed",
    "address_taken",
    "no_account",
    "test"
];

/// The prefix of the first line of a plain-text template.
const SUBJECT: &str = "Subject:";

/// The templates, all of which are known to render.
pub(super) struct Templates {
    environment: Environment<'static>,
    sender: Sender,
}

/// The variables about the sender, which all templates can use.
#[derive(Clone)]
struct Sender {
    app_name: String,
    support_email: Option<String>,
    public_url: String,
    app_url: Option<String>,
}

/// A rendered email.
pub(super) struct Texts {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Templates {
    /// Loads the operator's templates. If there are any, checks that all templates render, both with all optional
    /// variables and with none. The built-in templates are checked by the tests, and are compiled when they are first
    /// used.
    pub(super) fn load(config: &Config) -> Result<Self, String> {
        let folder = config.mail.templates_dir.as_deref();
        let replaced = folder.map_or_else(|| Ok(HashMap::new()), read)?;
        let place = |name: &str| {
            let folder = folder.filter(|folder| folder.join(name).exists());
            folder.map_or_else(|| name.to_owned(), |folder| folder.join(name).display().to_string())
        };
        let names: Vec<String> = replaced.keys().cloned().collect();
        let environment = environment(replaced);
        for name in &names {
            compile(&environment, name).map_err(|why| format!("{}:{why}", place(name)))?;
        }
        let sender = Sender {
            app_name: config.mail.app_name.clone(),
            support_email: config.mail.support_email.as_ref().map(|email| email.as_str().to_owned()),
            public_url: config.server.public_address(""),
            app_url: config.mail.app_url.clone(),
        };
        let templates = Self { environment, sender };
        if !names.is_empty() {
            templates.check().map_err(|(name, line, why)| format!("{}:{line}: {why}", place(&name)))?;
        }
        Ok(templates)
    }

    pub(super) fn render(&self, mail: &Mail) -> Result<Texts, String> {
        self.render_for(&self.sender, mail)
            .map_err(|error| format!("the template cannot be rendered: {error}"))
    }

    fn render_for(&self, sender: &Sender, mail: &Mail) -> Result<Texts, Error> {
        let (content, name) = (&mail.content, mail.content.template());
        let (old_email, new_email) = match content {
            Content::EmailChanged { old_email, new_email, .. } => (Some(old_email), Some(new_email)),
            _ => (None, None),
        };
        let (removed, remaining) = match content {
            Content::PasswordWasReset { removed, remaining, .. } => (Some(removed), Some(remaining)),
            _ => (None, None),
        };
        let provider = match content {
            Content::IdentityLinked { provider, .. } | Content::IdentityUnlinked { provider, .. } => {
                Some(provider)
            }
            _ => None,
        };
        let left = match content {
            Content::RecoveryCodeUsed { left } => Some(left),
            _ => None,
        };
        let has_second_factor = matches!(
            content,
            Content::PasswordWasReset { has_second_factor: true, .. }
                | Content::SecondFactorRemoved { has_second_factor: true, .. }
                | Content::PasskeyRemoved { has_second_factor: true, .. }
        );
        let removes_password = matches!(content, Content::LoginCode { removes_password: true, .. });
        let creates_account = matches!(content, Content::LoginCode { creates_account: true, .. });
        let variables = |subject: Option<&str>| {
            context! {
                app_name => sender.app_name.as_str(),
                support_email => sender.support_email.as_deref(),
                public_url => sender.public_url.as_str(),
                app_url => sender.app_url.as_deref(),
                name => mail.name.as_deref(),
                email => mail.to.as_str(),
                code => content.code().map(ExposeSecret::expose_secret),
                link => content.link().map(ExposeSecret::expose_secret),
                expires_in => content.expires_in(),
                account => content.account(),
                removes_password,
                creates_account,
                removed,
                remaining,
                old_email,
                new_email,
                provider,
                left,
                has_second_factor,
                subject,
            }
        };
        let render = |file: &str, subject: Option<&str>| {
            self.environment.get_template(file)?.render(variables(subject))
        };
        let subject = one_line(&render(&subject_of(name), None)?);
        let text = render(&format!("{name}.txt"), Some(&subject))?.trim_start().to_owned();
        let html = render(&format!("{name}.html"), Some(&subject))?;
        Ok(Texts { subject, text, html })
    }

    /// Checks that all templates render. An error states the name of the first template that fails, the line and the
    /// reason.
    fn check(&self) -> Result<(), (String, usize, String)> {
        let to = EmailAddress::parse("ada@example.org").map_err(|_| (String::new(), 0, String::new()))?;
        for content in Content::samples() {
            for is_full in [true, false] {
                let some = |text: &str| is_full.then(|| text.to_owned());
                let mail = Mail { to: to.clone(), name: some("Ada Lovelace"), content: content.clone() };
                let sender = Sender {
                    support_email: some("support@example.org"),
                    app_url: some("https://app.example.org/"),
                    ..self.sender.clone()
                };
                self.render_for(&sender, &mail).map_err(|error| {
                    let error = innermost(&error);
                    let file = error.name().unwrap_or(content.template());
                    let file = file.strip_prefix(SUBJECT).unwrap_or(file).to_owned();
                    (file, error.line().unwrap_or(1), told(error))
                })?;
            }
        }
        Ok(())
    }
}

/// Returns an environment that compiles each template when it is first used. A template in `replaced` takes precedence over the
/// built-in one.
fn environment(replaced: HashMap<String, String>) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_loader(move |name| Ok(source(&replaced, name)));
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if has_ending(name, "html") { AutoEscape::Html } else { AutoEscape::None }
    });
    environment.set_formatter(|out, state, value| {
        if value.is_none() {
            let why = "this variable is not set in every email of this kind: check it with {% if … %} first";
            return Err(Error::new(ErrorKind::UndefinedError, why));
        }
        escape_formatter(out, state, value)
    });
    environment
}

/// Compiles one of the operator's templates. An error states the line and the reason.
fn compile(environment: &Environment<'_>, name: &str) -> Result<(), String> {
    let fault = |error: Error| format!("{}: {}", error.line().unwrap_or(1), told(&error));
    if let Some(mail) = name.strip_suffix(".txt") {
        match environment.get_template(&subject_of(mail)) {
            Err(error) if error.kind() == ErrorKind::TemplateNotFound => {
                return Err("1: the first line must be like `Subject: Hello`".to_owned());
            }
            subject => subject.map_err(fault)?,
        };
    }
    environment.get_template(name).map(drop).map_err(fault)
}

/// Returns the source of a template. The first line of a plain-text file is the template of the subject.
fn source(replaced: &HashMap<String, String>, name: &str) -> Option<String> {
    let file = name.strip_prefix(SUBJECT).unwrap_or(name);
    let built_in = || BUILT_IN.iter().find(|(known, _)| *known == file).map(|(_, text)| *text);
    let text = replaced.get(file).map(String::as_str).or_else(built_in)?;
    if !has_ending(file, "txt") {
        return Some(text.to_owned());
    }
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    if file == name {
        // an empty line replaces the subject, so that errors report the right line of the file
        return Some(format!("\n{rest}"));
    }
    let subject = first.strip_prefix(SUBJECT).map(str::trim).filter(|subject| !subject.is_empty());
    subject.map(str::to_owned)
}

fn subject_of(mail: &str) -> String {
    format!("{SUBJECT}{mail}.txt")
}

/// Reads the operator's templates, by name.
fn read(folder: &Path) -> Result<HashMap<String, String>, String> {
    let fault = |error: io::Error| format!("EMAIL_TEMPLATES_DIR: {}: {error}", folder.display());
    let mut found = HashMap::new();
    for entry in fs::read_dir(folder).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if !["txt", "html"].iter().any(|ending| has_ending(&name, ending)) || name.starts_with('.') {
            continue;
        }
        if BUILT_IN.iter().all(|(known, _)| *known != name) {
            let known = BUILT_IN.map(|(known, _)| known).join(", ");
            return Err(format!("{}: unknown template; the templates are {known}", path.display()));
        }
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        found.insert(name, text.replace("\r\n", "\n"));
    }
    Ok(found)
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

/// Returns the innermost error. If one template extends another, this is the error of the template at fault.
fn innermost(error: &Error) -> &Error {
    let mut innermost = error;
    while let Some(inner) = std::error::Error::source(innermost).and_then(|inner| inner.downcast_ref()) {
        innermost = inner;
    }
    innermost
}

fn told(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
}

/// Returns text that fits a header: control characters become spaces, and runs of spaces become one.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
