//! The definitions of all settings, with one file per section. Each setting has a name, a default, a meaning and
//! bounds. No other module reads the environment.

mod budget;
mod budgets;
mod codes;
mod connection_url;
mod database;
mod dotenv;
mod exposed_files;
mod graphql_limits;
mod kept_secret_key;
mod mail;
mod mode;
mod monitoring;
mod origin;
mod passkeys;
mod passwords;
mod provider;
mod provider_presets;
mod providers;
mod reader;
mod reference;
mod rights;
mod second_factors;
mod server;
mod sign_up;
mod smtp_url;
mod sockets;
mod tokens;
mod values;
mod variables;

pub use budget::Budget;
pub use budgets::Budgets;
pub use codes::CodeConfig;
pub use database::{DatabaseConfig, DatabaseEvents, DatabasePooler, DatabaseUrl};
pub use graphql_limits::GraphqlLimits;
pub use mail::MailConfig;
pub use mode::Mode;
pub use monitoring::{LogFormat, MonitoringConfig, Readiness};
pub use passkeys::PasskeyConfig;
pub use passwords::{Argon2Backend, MAX_ARGON2_ITERATIONS, MAX_ARGON2_MEMORY_KIB, PasswordConfig};
pub use provider::{ClientAuthentication, ProviderConfig, ProviderEndpoints, ProviderKind};
pub use providers::ProvidersConfig;
pub use reader::{Section, Setting};
pub use second_factors::{SecondFactorConfig, SecondFactorRequirement};
pub use server::ServerConfig;
pub use sign_up::{ChallengeMethod, EmailVerification, SignUpConfig};
pub use smtp_url::{MailWay, SmtpLogin, SmtpServer, SmtpTls};
pub use sockets::SocketLimits;
pub use tokens::{Claim, JwtAlgorithm, TokenConfig};
pub(crate) use values::is_loopback;
pub use variables::{ConfigError, Variables};

use reader::Reader;

/// The settings in effect.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each section is described where it is defined")]
pub struct Config {
    pub mode: Mode,
    pub server: ServerConfig,
    pub monitoring: MonitoringConfig,
    pub database: DatabaseConfig,
    pub tokens: TokenConfig,
    pub sign_up: SignUpConfig,
    pub codes: CodeConfig,
    pub mail: MailConfig,
    pub providers: ProvidersConfig,
    pub passwords: PasswordConfig,
    pub second_factors: SecondFactorConfig,
    pub passkeys: PasskeyConfig,
    pub budgets: Budgets,
    pub sockets: SocketLimits,
    pub graphql_limits: GraphqlLimits,

    /// Every setting, as `gatehouse config` prints it.
    pub report: Vec<Setting>,
    /// Warnings for the operator, which are logged as soon as logging is set up.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// Fails with a list of everything that is missing, malformed, weak or contradictory.
    pub fn load(mode: Mode, variables: &Variables) -> Result<Self, ConfigError> {
        let (config, problems) = Self::read(mode, variables);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }

    /// Returns all settings as `serve` would read them, whether or not `serve` would start with them.
    #[must_use]
    pub fn report_of_serve(variables: &Variables) -> Vec<Setting> {
        Self::read(Mode::Serve, variables).0.report
    }

    /// Reads every setting, and returns the settings and the problems. A setting with a problem gets its default value.
    fn read(mode: Mode, variables: &Variables) -> (Self, Vec<String>) {
        let mut r = Reader::new(mode, variables);
        let server = ServerConfig::read(&mut r);
        let monitoring = MonitoringConfig::read(&mut r);
        let database = DatabaseConfig::read(&mut r);
        let tokens = TokenConfig::read(&mut r, &database.data_dir, server.base_url());
        let sign_up = SignUpConfig::read(&mut r);
        let codes = CodeConfig::read(&mut r);
        let passwords = PasswordConfig::read(&mut r);
        let second_factors = SecondFactorConfig::read(&mut r);
        let mail = MailConfig::read(&mut r);
        let passkeys = PasskeyConfig::read(&mut r, &server, &mail.app_name);
        let providers = ProvidersConfig::read(&mut r, server.base_url(), server.port);
        let budgets = Budgets::read(&mut r);
        let sockets = SocketLimits::read(&mut r);
        let graphql_limits = GraphqlLimits::read(&mut r);

        check_that_recovery_mails_outlast_their_budget(&mut r, &codes, &budgets);
        r.check_env_file();
        r.warnings.extend(exposed_files::warnings(mode, &server, &database, &mail));
        let config = Self {
            mode,
            server,
            monitoring,
            database,
            tokens,
            sign_up,
            codes,
            mail,
            providers,
            passwords,
            second_factors,
            passkeys,
            budgets,
            sockets,
            graphql_limits,
            report: r.report,
            warnings: r.warnings,
        };
        (config, r.problems)
    }
}

/// Returns the reference of all settings in Markdown. The text is the same on every machine.
///
/// # Panics
/// Never, because a test checks that every default is valid.
#[must_use]
pub fn reference() -> String {
    let defaults = Config::load(Mode::Command, &Variables::default());
    reference::reference(&defaults.unwrap_or_else(|error| unreachable!("{error}")).report)
}

/// Checks that the owner of an account always either has a recovery email that still works or can request one.
/// Otherwise, strangers could use up the budget and keep the owner out.
fn check_that_recovery_mails_outlast_their_budget(r: &mut Reader<'_>, codes: &CodeConfig, budgets: &Budgets) {
    r.check(
        budgets.recovery_mails.interval() <= codes.password_reset_ttl,
        "RATE_LIMIT_RECOVERY_MAILS must permit at least one email per PASSWORD_RESET_TTL",
    );
    r.check(
        budgets.recovery_mails.interval() <= codes.login_code_ttl,
        "RATE_LIMIT_RECOVERY_MAILS must permit at least one email per LOGIN_CODE_TTL",
    );
    r.check(
        budgets.mail_again.period <= codes.password_reset_ttl,
        "RESEND_COOLDOWN must not exceed PASSWORD_RESET_TTL",
    );
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::secrets::SecretKey;

    fn load(mode: Mode, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(mode, &variables.iter().copied().collect())
    }

    #[test]
    fn every_default_is_accepted() {
        let config = load(Mode::Command, &[]).unwrap();
        assert_eq!(config.server.public_address("/graphql"), "http://127.0.0.1:8000/graphql");
        assert_eq!(config.tokens.access_token_ttl, Duration::from_mins(30));
        assert_eq!(config.tokens.session_max_age, Duration::from_hours(30 * 24));
        assert!(config.report.iter().all(|setting| setting.source == "default"));
    }

    #[test]
    fn production_names_all_that_is_missing_malformed_and_contradictory_at_once() {
        let error = load(
            Mode::Serve,
            &[
                ("PORT", "many"),
                ("SECRET_KEY_FALLBACKS", "changeme"),
                ("ACCESS_TOKEN_TTL", "2h"),
                ("REFRESH_TOKEN_TTL", "1h"),
                ("ARGON2_MEMORY_KIB", "1024"),
                ("ALLOWED_ORIGINS", "https://app.example.org/"),
                ("JWT_CLAIMS", "email,shoe_size"),
                ("RESERVED_USERNAMES", "admin, the boss"),
                ("EMAIL_REQUIRED", "false"),
                ("EMAIL_VERIFICATION", "mandatory"),
                ("RATE_LIMIT_FAILED_LOGINS_MONTH", "100/31d"),
                ("ACTIVATION_URL", "http://app.example.org/activate#{token}"),
                ("PASSWORD_RESET_URL", "https://app.example.org/reset"),
                ("PASSWORD_RESET_TTL", "20m"),
                ("RESEND_COOLDOWN", "21m"),
            ],
        )
        .unwrap_err();
        let told = "\
the settings cannot be used:
  - PORT must be a whole number from 0 to 65535
  - PUBLIC_URL is missing
  - ALLOWED_ORIGINS contains `https://app.example.org/`, which is not an origin like https://app.example.org
  - DATABASE_URL is missing
  - SECRET_KEY is missing; `gatehouse secret` prints a good one
  - SECRET_KEY_FALLBACKS contains a key that has fewer than 32 bytes
  - ACCESS_TOKEN_TTL must not exceed REFRESH_TOKEN_TTL
  - JWT_CLAIMS contains `shoe_size`; each must be one of email, email_verified, preferred_username, name, given_name, family_name, picture, role, bio
  - RESERVED_USERNAMES contains `the boss`, which is not a username
  - EMAIL_REQUIRED must be true if EMAIL_VERIFICATION is mandatory
  - ACTIVATION_URL must begin with https://
  - PASSWORD_RESET_URL must be an address with {token} in it, like https://app.example.org/activate#{token}
  - ARGON2_MEMORY_KIB must be a whole number from 7168 to 65536
  - SMTP_URL is missing
  - EMAIL_FROM is missing
  - RATE_LIMIT_FAILED_LOGINS_MONTH must be from 1s to 30days
  - RATE_LIMIT_RECOVERY_MAILS must permit at least one email per PASSWORD_RESET_TTL
  - RESEND_COOLDOWN must not exceed PASSWORD_RESET_TTL";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn the_report_shows_sources_and_hides_secrets() {
        let (_, key) = SecretKey::generate();
        let config = load(
            Mode::Dev,
            &[
                ("DATABASE_URL", "postgres://ada:lovelace@db/gatehouse"),
                ("SECRET_KEY", &key),
                ("SMTP_URL", "smtps://ada:lovelace@smtp.example.org"),
                ("EMAIL_FROM", "accounts@example.org"),
            ],
        );
        let report = config.unwrap().report;
        let find = |name| report.iter().find(|setting| setting.name == name).unwrap();
        assert_eq!(find("DATABASE_URL").value, "postgres://ada:hidden@db/gatehouse");
        assert_eq!(find("SECRET_KEY").value, "(hidden)");
        assert_eq!(find("SMTP_URL").value, "smtps://ada:hidden@smtp.example.org");
        assert_eq!((find("SECRET_KEY").source, find("PORT").source), ("environment", "default"));
    }
}
