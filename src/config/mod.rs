//! Every setting: its name, meaning, default and bounds. The only place that reads the environment.

mod connection_url;
mod dotenv;
mod google;
mod mail;
mod reader;
mod rights;
mod values;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;
use secrecy::SecretString;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use url::Url;

use crate::secrets::SecretKey;
use connection_url::database_url;
pub use google::GoogleConfig;
pub use mail::{MailConfig, MailWay, SmtpLogin, SmtpServer, SmtpTls};
use reader::Reader;
pub use reader::{ConfigError, Setting, Variables};
use values::{
    budget, claim, duration, email_verification, host_name, in_url, is_loopback, jwt_algorithm, jwt_issuer,
    link_template, list, listen_host, network, one_of, origin, own_hosts, page_address, public_url,
    reserved_username, rsa_key_file, socket_addr, switch, text, within,
};

/// Which settings must be given, and which are filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A developer's machine: everything has a default, the secret is kept under `DATA_DIR`.
    Dev,
    /// Production: what matters must be said.
    Serve,
    /// A command that signs nothing: it needs the database only.
    Command,
}

/// The settings in effect. Durations read like `30m` or `24h`; lists are separated by commas.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub struct Config {
    /// Which settings must be given.
    pub mode: Mode,

    /// `HOST`: the address to listen on.
    pub host: String,
    /// `PORT`: the TCP port to listen on.
    pub port: u16,
    /// `PUBLIC_URL`: where clients reach the server, without a slash at the end. Links are built from it, never from a request.
    pub public_url: Url,
    /// `DATABASE_URL`: `sqlite://path` or `postgres://…`.
    pub database: DatabaseUrl,
    /// `DATABASE_MAX_CONNECTIONS`: connections to PostgreSQL, half of which only read.
    pub database_max_connections: u32,
    /// `VIEWER_CACHE_SIZE`: sessions, and as many users, that are kept in memory; 0 keeps none.
    pub viewer_cache_size: usize,
    /// `VIEWER_CACHE_STALENESS`: on PostgreSQL, for how long what is kept is believed though another program may have changed
    /// it; 0 keeps nothing there. On SQLite nothing is ever stale.
    pub viewer_cache_staleness: Duration,
    /// `ALLOWED_HOSTS`: names by which the server may be addressed, lower case, without ports.
    pub allowed_hosts: Vec<String>,
    /// `ALLOWED_ORIGINS`: web origins whose scripts may call the API.
    pub allowed_origins: Vec<String>,
    /// `TRUSTED_PROXIES`: networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// `MAX_CONNECTIONS`: connections of clients that may be open.
    pub max_connections: u32,
    /// `MAX_CONNECTIONS_PER_ADDRESS`: of these, from one address that is no trusted proxy's.
    pub max_connections_per_address: u32,
    /// `PLAYGROUND`: whether there is a page at `/` to try the API on.
    pub playground: bool,
    /// `INTROSPECTION`: whether clients may read the schema from the server.
    pub introspection: bool,
    /// `METRICS_ADDR`: the address and port at which Prometheus reads `/metrics`. None: nothing is measured.
    pub metrics_addr: Option<SocketAddr>,
    /// `LOG_FORMAT`: for people or for programs.
    pub log_format: LogFormat,
    /// `RUST_LOG`: which log records are written.
    pub log_filter: String,

    /// `SECRET_KEY`: what every key is derived from.
    pub secret_key: SecretKey,
    /// `SECRET_KEY_FALLBACKS`: former keys, still good for verification.
    pub secret_key_fallbacks: Vec<SecretKey>,
    /// `ACCESS_TOKEN_TTL`: how long an access token is good for.
    pub access_token_ttl: Duration,
    /// `REFRESH_TOKEN_TTL`: how long a refresh token is good for, from its issue.
    pub refresh_token_ttl: Duration,
    /// `REFRESH_GRACE`: how long a spent refresh token still answers with its successor, whatever became of that.
    pub refresh_grace: Duration,
    /// `SESSION_MAX_AGE`: how long a session lasts, however often it is refreshed.
    pub session_max_age: Duration,
    /// `MAX_SESSIONS_PER_USER`: live sessions of one user; a sign-in beyond it ends the oldest.
    pub max_sessions_per_user: u32,
    /// `JWT_ISSUER`: the `iss` of access tokens.
    pub jwt_issuer: String,
    /// `JWT_AUDIENCE`: the `aud` of access tokens.
    pub jwt_audience: String,
    /// `JWT_ALGORITHM`: how access tokens are signed.
    pub jwt_algorithm: JwtAlgorithm,
    /// `JWT_RSA_KEY_FILE`: RSA keys for `RS256`, the signing one first. Without one, the database keeps a generated key.
    pub jwt_rsa_keys: Vec<Arc<PrivateKeyDer<'static>>>,
    /// `JWT_CLAIMS`: what access tokens say of their user.
    pub jwt_claims: Vec<Claim>,

    /// `SIGNUP`: whether people may create accounts.
    pub signup: bool,
    /// `RESERVED_USERNAMES`: usernames that nobody gives themselves, in lower case.
    pub reserved_usernames: Vec<String>,
    /// `EMAIL_REQUIRED`: whether an account must have an email address.
    pub email_required: bool,
    /// `EMAIL_VERIFICATION`: when an email address must be proven.
    pub email_verification: EmailVerification,
    /// `EMAIL_VERIFICATION_METHOD`: how an email address is proven.
    pub email_verification_method: ChallengeMethod,
    /// `STEP_UP_MAX_AGE`: for how long a proof counts where more than a session is asked for.
    pub step_up_max_age: Duration,
    /// `OTP_LENGTH`: digits of a one-time password.
    pub otp_length: u8,
    /// `OTP_TTL`: how long a one-time password is good for.
    pub otp_ttl: Duration,
    /// `OTP_MAX_ATTEMPTS`: tries of a one-time password whose challenge is named.
    pub otp_max_attempts: i32,
    /// `ACTIVATION_LINK_TTL`: how long a link is good for that proves an address.
    pub activation_link_ttl: Duration,
    /// `PASSWORD_RESET_TTL`: how long a link is good for that sets a new password.
    pub password_reset_ttl: Duration,
    /// `LOGIN_CODE_TTL`: how long a mailed code and link are good for that sign in without a password.
    pub login_code_ttl: Duration,
    /// `RESEND_COOLDOWN`: between two mails of one purpose to one address.
    pub resend_cooldown: Duration,
    /// `ACTIVATION_URL`: the app's page for links that prove an address. None: a page of the server's own.
    pub activation_url: Option<String>,
    /// `PASSWORD_RESET_URL`: the app's page for links that set a new password. None: a page of the server's own.
    pub password_reset_url: Option<String>,
    /// `LOGIN_URL`: the app's page for links that sign in. None: a page of the server's own.
    pub login_url: Option<String>,
    /// `UNDO_URL`: the app's page for links that undo a security change. None: a page of the server's own.
    pub undo_url: Option<String>,
    /// `APP_URL`: where people find the app. `None`: mails and pages name it, and lead nowhere.
    pub app_url: Option<String>,
    /// `NO_ACCOUNT_NOTICE`: whether who asks for a new password is told by mail that there is no account.
    pub no_account_notice: bool,
    /// `PASSWORD_MIN_LENGTH`: characters.
    pub password_min_length: usize,
    /// `ARGON2_MEMORY_KIB`: memory that one hash takes.
    pub argon2_memory_kib: u32,
    /// `ARGON2_ITERATIONS`: passes over that memory.
    pub argon2_iterations: u32,
    /// `HASH_THREADS`: hashes computed at once.
    pub hash_threads: usize,
    /// `HASH_QUEUE`: hashes that may wait; more are refused with `SERVER_BUSY`.
    pub hash_queue: usize,

    /// `SMTP_URL` and the others: what mails say, and by which way they go.
    pub mail: MailConfig,

    /// `GOOGLE_CLIENT_ID` and the others. None: nobody signs in by Google.
    pub google: Option<GoogleConfig>,

    /// `RATE_LIMITS`: whether anything is rationed.
    pub rate_limits: bool,
    /// `RATE_LIMIT_…`: how often what may be done.
    pub budgets: Budgets,
    /// `GRAPHQL_MAX_…`: what a GraphQL document may ask for.
    pub graphql_limits: GraphqlLimits,
    /// `WEBSOCKET_MAX…`: how many WebSockets may be open.
    pub sockets: SocketLimits,

    /// Every setting as `gatehouse config` prints it.
    pub report: Vec<Setting>,
    /// What the operator should know though it keeps nothing from running, told once there is a log.
    pub warnings: Vec<String>,
}

/// Where the data is.
#[derive(Clone, Debug)]
pub enum DatabaseUrl {
    /// A file, created where it is missing.
    Sqlite(PathBuf),
    /// A server; the URL may hold a password.
    Postgres(SecretString),
}

/// The shape of log records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// How access tokens are signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JwtAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256, for libraries that do not know Ed25519.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, for libraries that know nothing else.
    Rs256,
}

/// What an access token may say of its user. The names are those of OpenID Connect Core §5.1, and ours for `role` and `bio`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named as the claim is")]
pub enum Claim {
    Email,
    EmailVerified,
    PreferredUsername,
    Name,
    GivenName,
    FamilyName,
    Picture,
    Role,
    Bio,
}

/// When an email address must be proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailVerification {
    /// Never.
    None,
    /// It is asked for, and nothing waits for it.
    Optional,
    /// Before the account begins.
    Mandatory,
}

/// How an email address is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeMethod {
    /// By a code that the person types in.
    Otp,
    /// By a link that the person follows.
    Link,
}

/// How often something may be done: all at once, then as time goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// So many times,
    pub count: u32,
    /// within this.
    pub period: Duration,
}

impl Budget {
    /// Returns how long one charge takes to come back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.period / self.count
    }
}

/// A budget for everything that is rationed.
#[derive(Clone, Copy, Debug)]
pub struct Budgets {
    /// `RATE_LIMIT_FAILED_LOGINS`: to one account from one address.
    pub failed_logins: Budget,
    /// `RATE_LIMIT_FAILED_LOGINS_ADDRESS`: from one address, to whatever accounts it is strange to.
    pub failed_logins_address: Budget,
    /// `RATE_LIMIT_FAILED_LOGINS_ACCOUNT`: to one account, from all addresses that are strange to it.
    pub failed_logins_account: Budget,
    /// `RATE_LIMIT_FAILED_LOGINS_MONTH`: the same, in a longer time, to an account that mail can sign in to.
    pub failed_logins_in_a_month: Budget,
    /// `RATE_LIMIT_LOGINS`: successful ones, to one account.
    pub logins: Budget,
    /// `RATE_LIMIT_SIGNUPS`: from one address.
    pub signups: Budget,
    /// `RATE_LIMIT_USERNAME_CHECKS`: from one address, and claims of usernames by one account.
    pub username_checks: Budget,
    /// `RATE_LIMIT_PASSWORD_CHANGES`: passwords tried or changed in one session.
    pub password_changes: Budget,
    /// `RATE_LIMIT_REAUTHENTICATIONS`: begun in one session.
    pub reauthentications: Budget,
    /// `RATE_LIMIT_PASSWORD_RESETS`: passwords of one account set by mailed links, those refused included.
    pub password_resets: Budget,
    /// `RATE_LIMIT_NOTICES`: notices of one kind of security change to one account. Beyond it the change is refused.
    pub notices: Budget,
    /// `RATE_LIMIT_CODES`: codes tried for one challenge and the mails that replace it.
    pub codes: Budget,
    /// `RATE_LIMIT_FAILED_CODES_ADDRESS`: wrong codes from one address.
    pub failed_codes_address: Budget,
    /// `RATE_LIMIT_FAILED_CODES_ACCOUNT`: wrong codes in the sessions of one account.
    pub failed_codes_account: Budget,
    /// `RATE_LIMIT_WRITES`: by one account.
    pub writes: Budget,
    /// `RESEND_COOLDOWN`: between two mails of one purpose to one address.
    pub mail_again: Budget,
    /// `RATE_LIMIT_MAILS`: of one purpose to one address.
    pub mails: Budget,
    /// `RATE_LIMIT_MAILS_DAY`: of one purpose to one address.
    pub mails_in_a_day: Budget,
    /// `RATE_LIMIT_RECOVERY_MAILS`: mails that let an owner back in, of one purpose to one address.
    pub recovery_mails: Budget,
    /// `RATE_LIMIT_MAILS_ADDRESS`: asked for from one client address.
    pub mails_address: Budget,
    /// `RATE_LIMIT_MAILS_ACCOUNT`: asked for by one account.
    pub mails_account: Budget,
    /// `RATE_LIMIT_BARE_CODES`: tries of codes that name an address alone, or were asked for so.
    pub bare_codes: Budget,
    /// `RATE_LIMIT_GOOGLE_STARTS`: Google sign-ins begun from one address.
    pub google_starts: Budget,
    /// `RATE_LIMIT_FAILED_GOOGLE_LOGINS`: what Google does not vouch for, from one address.
    pub failed_google_logins: Budget,
}

/// What a GraphQL document may ask for. Each is counted over the whole document, every fragment once where it is spread.
#[derive(Clone, Copy, Debug)]
pub struct GraphqlLimits {
    /// `GRAPHQL_MAX_BYTES` of the document.
    pub bytes: usize,
    /// `GRAPHQL_MAX_NESTING` of brackets of any kind. The parser recurses on values without a limit of its own.
    pub nesting: usize,
    /// `GRAPHQL_MAX_DEPTH` of fields.
    pub depth: u32,
    /// `GRAPHQL_MAX_FIELDS` selected, and fragments spread, fragments expanded.
    pub fields: u32,
    /// `GRAPHQL_MAX_ROOT_FIELDS` selected by one operation.
    pub root_fields: u32,
    /// `GRAPHQL_MAX_ALIASES`.
    pub aliases: u32,
    /// `GRAPHQL_MAX_DIRECTIVES`.
    pub directives: u32,
    /// `GRAPHQL_MAX_FRAGMENTS` defined.
    pub fragments: usize,
    /// `GRAPHQL_MAX_VARIABLES` defined by one operation.
    pub variables: usize,
    /// `GRAPHQL_MAX_OPERATIONS` defined.
    pub operations: usize,
    /// `GRAPHQL_MAX_ARGUMENTS` given to fields and directives.
    pub arguments: u32,
    /// `GRAPHQL_MAX_VALUES` in arguments, defaults and variables, those within lists and objects counted, and those of a
    /// variable again wherever it is used.
    pub values: u32,
}

/// How many WebSockets one server keeps open.
#[derive(Clone, Copy, Debug)]
pub struct SocketLimits {
    /// `WEBSOCKET_MAX`: in all.
    pub all: usize,
    /// `WEBSOCKET_MAX_PER_ADDRESS`: from one address.
    pub per_address: usize,
    /// `WEBSOCKET_MAX_PER_USER`: of one user.
    pub per_user: usize,
    /// `WEBSOCKET_MAX_SUBSCRIPTIONS`: subscriptions of one of them.
    pub subscriptions: usize,
}

impl Config {
    /// Reads and checks every setting.
    ///
    /// # Errors
    /// All that is missing, malformed, weak or contradictory, at once.
    #[expect(
        clippy::too_many_lines,
        reason = "one line or two for each setting, in the order of the documentation"
    )]
    pub fn load(mode: Mode, variables: &Variables) -> Result<Self, ConfigError> {
        let mut r = Reader { mode, variables, report: Vec::new(), problems: Vec::new() };

        let host = r.read("HOST", "127.0.0.1", listen_host);
        let port = r.read("PORT", "8000", |s| within(s, 0..=u16::MAX));
        let local = format!("http://{}:{port}", in_url(&host));
        r.require("PUBLIC_URL");
        let public_url = r.read("PUBLIC_URL", &local, |s| public_url(s, mode));
        let data_dir = r.read("DATA_DIR", "data", |s| Ok(PathBuf::from(s)));
        r.require("DATABASE_URL");
        let sqlite = format!("sqlite://{}", data_dir.join("gatehouse.db").display());
        let database = r.read("DATABASE_URL", &sqlite, database_url);
        let database_max_connections = r.read("DATABASE_MAX_CONNECTIONS", "12", |s| within(s, 2..=1000));
        let viewer_cache_size = r.read("VIEWER_CACHE_SIZE", "20000", |s| within(s, 0..=10_000_000));
        let viewer_cache_staleness =
            r.read("VIEWER_CACHE_STALENESS", "0s", |s| duration(s, Duration::ZERO..=Duration::from_mins(1)));
        let own_hosts = own_hosts(mode, &host, &public_url);
        let mut allowed_hosts = r.read("ALLOWED_HOSTS", &own_hosts.join(","), |s| list(s, host_name));
        allowed_hosts.extend(own_hosts);
        let own_origin = public_url.origin().ascii_serialization();
        let mut allowed_origins = r.read("ALLOWED_ORIGINS", &own_origin, |s| list(s, origin));
        allowed_origins.push(own_origin);
        let trusted_proxies = r.read("TRUSTED_PROXIES", "", |s| list(s, network));
        let max_connections = r.read("MAX_CONNECTIONS", "10000", |s| within(s, 1..=1_000_000));
        let max_connections_per_address =
            r.read("MAX_CONNECTIONS_PER_ADDRESS", "256", |s| within(s, 1..=1_000_000));
        let playground = r.read("PLAYGROUND", if mode == Mode::Serve { "off" } else { "on" }, switch);
        // without it a playground completes nothing
        let introspects = playground || mode != Mode::Serve;
        let introspection = r.read("INTROSPECTION", if introspects { "on" } else { "off" }, switch);
        let metrics_addr = r.read("METRICS_ADDR", "", socket_addr);
        let log_format = r.read("LOG_FORMAT", "text", |s| {
            one_of(s, &[("text", LogFormat::Text), ("json", LogFormat::Json)])
        });
        let log_filter = r.read("RUST_LOG", "info,sea_orm_migration=warn", text);

        let secret_key = r.secret_key(&data_dir);
        let secret_key_fallbacks = r.read("SECRET_KEY_FALLBACKS", "", |s| {
            list(s, |key| SecretKey::parse(key).map_err(|e| format!("holds a key that {e}")))
        });
        r.check(!secret_key_fallbacks.contains(&secret_key), "SECRET_KEY_FALLBACKS holds SECRET_KEY itself");
        let minute = Duration::from_mins(1);
        let year = Duration::from_hours(365 * 24);
        let access_token_ttl =
            r.read("ACCESS_TOKEN_TTL", "30m", |s| duration(s, minute / 60..=24 * 60 * minute));
        let refresh_token_ttl = r.read("REFRESH_TOKEN_TTL", "24h", |s| duration(s, minute / 60..=year));
        let refresh_grace = r.read("REFRESH_GRACE", "30s", |s| duration(s, Duration::ZERO..=10 * minute));
        let session_max_age = r.read("SESSION_MAX_AGE", "30d", |s| duration(s, minute / 60..=10 * year));
        r.check(access_token_ttl <= refresh_token_ttl, "ACCESS_TOKEN_TTL must not exceed REFRESH_TOKEN_TTL");
        r.check(refresh_token_ttl <= session_max_age, "REFRESH_TOKEN_TTL must not exceed SESSION_MAX_AGE");
        r.check(refresh_grace <= refresh_token_ttl, "REFRESH_GRACE must not exceed REFRESH_TOKEN_TTL");
        let step_up_max_age = r.read("STEP_UP_MAX_AGE", "10m", |s| duration(s, minute..=24 * 60 * minute));
        let max_sessions_per_user = r.read("MAX_SESSIONS_PER_USER", "50", |s| within(s, 1..=1000));
        let issuer = public_url.as_str().trim_end_matches('/').to_owned();
        let jwt_issuer = r.read("JWT_ISSUER", &issuer, jwt_issuer);
        let jwt_audience = r.read("JWT_AUDIENCE", &issuer, text);
        let jwt_algorithm = r.read("JWT_ALGORITHM", "EdDSA", jwt_algorithm);
        let jwt_rsa_keys = r.read("JWT_RSA_KEY_FILE", "", |s| list(s, rsa_key_file));
        let jwt_claims =
            r.read("JWT_CLAIMS", "email,email_verified,preferred_username,name,role", |s| list(s, claim));

        let signup = r.read("SIGNUP", "on", switch);
        let reserved_usernames =
            r.read("RESERVED_USERNAMES", RESERVED_USERNAMES, |s| list(s, reserved_username));
        let email_required = r.read("EMAIL_REQUIRED", "true", switch);
        let email_verification = r.read("EMAIL_VERIFICATION", "optional", email_verification);
        r.check(
            email_required || email_verification != EmailVerification::Mandatory,
            "EMAIL_REQUIRED must be true where EMAIL_VERIFICATION is mandatory",
        );
        let email_verification_method = r.read("EMAIL_VERIFICATION_METHOD", "otp", |s| {
            one_of(s, &[("otp", ChallengeMethod::Otp), ("link", ChallengeMethod::Link)])
        });
        let otp_length = r.read("OTP_LENGTH", "8", |s| within(s, 6..=10));
        let otp_ttl = r.read("OTP_TTL", "10m", |s| duration(s, minute..=24 * 60 * minute));
        let otp_max_attempts = r.read("OTP_MAX_ATTEMPTS", "5", |s| within(s, 1..=20));
        let activation_link_ttl =
            r.read("ACTIVATION_LINK_TTL", "24h", |s| duration(s, minute..=30 * 24 * 60 * minute));
        let password_reset_ttl =
            r.read("PASSWORD_RESET_TTL", "30m", |s| duration(s, minute..=24 * 60 * minute));
        let login_code_ttl = r.read("LOGIN_CODE_TTL", "30m", |s| duration(s, minute..=24 * 60 * minute));
        let resend_cooldown = r.read("RESEND_COOLDOWN", "60s", |s| duration(s, minute / 60..=60 * minute));
        let app_url = r.read("APP_URL", "", |s| page_address(s, mode));
        let activation_url = r.read("ACTIVATION_URL", "", |s| link_template(s, mode));
        let password_reset_url = r.read("PASSWORD_RESET_URL", "", |s| link_template(s, mode));
        let login_url = r.read("LOGIN_URL", "", |s| link_template(s, mode));
        let undo_url = r.read("UNDO_URL", "", |s| link_template(s, mode));
        let no_account_notice = r.read("NO_ACCOUNT_NOTICE", "off", switch);
        let password_min_length = r.read("PASSWORD_MIN_LENGTH", "8", |s| within(s, 8..=64));
        // OWASP's smallest recommendation is 7 MiB (with five passes)
        let least_memory = if mode == Mode::Serve { 7168 } else { 8 };
        let argon2_memory_kib =
            r.read("ARGON2_MEMORY_KIB", "19456", |s| within(s, least_memory..=MAX_ARGON2_MEMORY_KIB));
        let argon2_iterations = r.read("ARGON2_ITERATIONS", "2", |s| within(s, 1..=MAX_ARGON2_ITERATIONS));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hash_threads = r.read("HASH_THREADS", &cores.to_string(), |s| within(s, 1..=1024));
        let hash_queue = r.read("HASH_QUEUE", &(64 * hash_threads).to_string(), |s| within(s, 1..=100_000));

        let mail = MailConfig::read(&mut r);
        let google = GoogleConfig::read(&mut r, &own_pages(&issuer, port));

        let rate_limits = r.read("RATE_LIMITS", "on", switch);
        let budgets = Budgets {
            failed_logins: r.read("RATE_LIMIT_FAILED_LOGINS", "10/15m", budget),
            failed_logins_address: r.read("RATE_LIMIT_FAILED_LOGINS_ADDRESS", "50/15m", budget),
            failed_logins_account: r.read("RATE_LIMIT_FAILED_LOGINS_ACCOUNT", "50/1h", budget),
            failed_logins_in_a_month: r.read("RATE_LIMIT_FAILED_LOGINS_MONTH", "100/30d", budget),
            logins: r.read("RATE_LIMIT_LOGINS", "60/1h", budget),
            signups: r.read("RATE_LIMIT_SIGNUPS", "20/1h", budget),
            username_checks: r.read("RATE_LIMIT_USERNAME_CHECKS", "120/1h", budget),
            password_changes: r.read("RATE_LIMIT_PASSWORD_CHANGES", "10/15m", budget),
            reauthentications: r.read("RATE_LIMIT_REAUTHENTICATIONS", "30/1h", budget),
            password_resets: r.read("RATE_LIMIT_PASSWORD_RESETS", "10/15m", budget),
            notices: r.read("RATE_LIMIT_NOTICES", "10/24h", budget),
            codes: r.read("RATE_LIMIT_CODES", "20/24h", budget),
            failed_codes_address: r.read("RATE_LIMIT_FAILED_CODES_ADDRESS", "50/1h", budget),
            failed_codes_account: r.read("RATE_LIMIT_FAILED_CODES_ACCOUNT", "20/1h", budget),
            writes: r.read("RATE_LIMIT_WRITES", "120/1m", budget),
            mail_again: Budget { count: 1, period: resend_cooldown },
            mails: r.read("RATE_LIMIT_MAILS", "6/1h", budget),
            mails_in_a_day: r.read("RATE_LIMIT_MAILS_DAY", "20/24h", budget),
            recovery_mails: r.read("RATE_LIMIT_RECOVERY_MAILS", "6/3h", budget),
            mails_address: r.read("RATE_LIMIT_MAILS_ADDRESS", "30/1h", budget),
            mails_account: r.read("RATE_LIMIT_MAILS_ACCOUNT", "20/1h", budget),
            bare_codes: r.read("RATE_LIMIT_BARE_CODES", "20/24h", budget),
            google_starts: r.read("RATE_LIMIT_GOOGLE_STARTS", "60/1h", budget),
            failed_google_logins: r.read("RATE_LIMIT_FAILED_GOOGLE_LOGINS", "50/15m", budget),
        };
        // otherwise strangers could keep an owner from asking while no mail that works is in the mailbox
        r.check(
            budgets.recovery_mails.interval() <= password_reset_ttl,
            "RATE_LIMIT_RECOVERY_MAILS must permit a mail within every PASSWORD_RESET_TTL",
        );
        r.check(
            budgets.recovery_mails.interval() <= login_code_ttl,
            "RATE_LIMIT_RECOVERY_MAILS must permit a mail within every LOGIN_CODE_TTL",
        );
        r.check(resend_cooldown <= password_reset_ttl, "RESEND_COOLDOWN must not exceed PASSWORD_RESET_TTL");
        let graphql_limits = GraphqlLimits {
            bytes: r.read("GRAPHQL_MAX_BYTES", "16384", |s| within(s, 1024..=65_536)),
            nesting: r.read("GRAPHQL_MAX_NESTING", "64", |s| within(s, 8..=200)),
            depth: r.read("GRAPHQL_MAX_DEPTH", "15", |s| within(s, 2..=30)),
            fields: r.read("GRAPHQL_MAX_FIELDS", "600", |s| within(s, 1..=10_000)),
            root_fields: r.read("GRAPHQL_MAX_ROOT_FIELDS", "5", |s| within(s, 1..=100)),
            aliases: r.read("GRAPHQL_MAX_ALIASES", "30", |s| within(s, 0..=1000)),
            directives: r.read("GRAPHQL_MAX_DIRECTIVES", "20", |s| within(s, 0..=1000)),
            fragments: r.read("GRAPHQL_MAX_FRAGMENTS", "20", |s| within(s, 0..=200)),
            variables: r.read("GRAPHQL_MAX_VARIABLES", "50", |s| within(s, 0..=1000)),
            operations: r.read("GRAPHQL_MAX_OPERATIONS", "20", |s| within(s, 1..=200)),
            arguments: r.read("GRAPHQL_MAX_ARGUMENTS", "100", |s| within(s, 1..=1000)),
            values: r.read("GRAPHQL_MAX_VALUES", "1000", |s| within(s, 1..=10_000)),
        };

        let sockets = SocketLimits {
            all: r.read("WEBSOCKET_MAX", "10000", |s| within(s, 1..=1_000_000)),
            per_address: r.read("WEBSOCKET_MAX_PER_ADDRESS", "100", |s| within(s, 1..=100_000)),
            per_user: r.read("WEBSOCKET_MAX_PER_USER", "50", |s| within(s, 1..=10_000)),
            subscriptions: r.read("WEBSOCKET_MAX_SUBSCRIPTIONS", "10", |s| within(s, 1..=1000)),
        };

        let mut warnings = r.env_file();
        warnings.extend(r.given("DATABASE_URL").and_then(connection_url::unused_parameters));
        warnings.extend(rights::warnings(mode, &data_dir, &database, &mail));
        if !r.problems.is_empty() {
            return Err(ConfigError(r.problems));
        }
        Ok(Self {
            mode,
            host,
            port,
            public_url,
            database,
            database_max_connections,
            viewer_cache_size,
            viewer_cache_staleness,
            allowed_hosts,
            allowed_origins,
            trusted_proxies,
            max_connections,
            max_connections_per_address,
            playground,
            introspection,
            metrics_addr,
            log_format,
            log_filter,
            secret_key,
            secret_key_fallbacks,
            access_token_ttl,
            refresh_token_ttl,
            refresh_grace,
            session_max_age,
            max_sessions_per_user,
            jwt_issuer,
            jwt_audience,
            jwt_algorithm,
            jwt_rsa_keys,
            jwt_claims,
            signup,
            reserved_usernames,
            email_required,
            email_verification,
            email_verification_method,
            step_up_max_age,
            otp_length,
            otp_ttl,
            otp_max_attempts,
            activation_link_ttl,
            password_reset_ttl,
            login_code_ttl,
            resend_cooldown,
            activation_url,
            password_reset_url,
            login_url,
            undo_url,
            app_url,
            no_account_notice,
            password_min_length,
            argon2_memory_kib,
            argon2_iterations,
            hash_threads,
            hash_queue,
            mail,
            google,
            rate_limits,
            budgets,
            graphql_limits,
            sockets,
            report: r.report,
            warnings,
        })
    }

    /// Returns the current secret, then the former ones.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretKey> {
        std::iter::once(&self.secret_key).chain(&self.secret_key_fallbacks)
    }

    /// The address of a path of this server, as clients see it.
    #[must_use]
    pub fn public_address(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.as_str().trim_end_matches('/'))
    }

    /// Whether only this machine can reach the server.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }
}

/// Where the pages of development mode have Google send people back to. A browser has what it has begun under one name only.
fn own_pages(public_url: &str, port: u16) -> String {
    let here = ["localhost", "127.0.0.1"].map(|host| format!("http://{host}:{port}"));
    let others = here.into_iter().filter(|address| address != public_url);
    let all = std::iter::once(public_url.to_owned()).chain(others);
    let pages = ["/google", "/", "/demo", "/undo"];
    all.flat_map(|address| pages.map(|page| format!("{address}{page}"))).collect::<Vec<_>>().join(",")
}

/// Names that readers take for the operator's: those of mailboxes for common services (RFC 2142), of roles, and of hosts.
const RESERVED_USERNAMES: &str = "abuse,account,accounts,admin,administrator,anonymous,api,auth,billing,contact,gatehouse,\
    help,helpdesk,hostmaster,info,login,mail,mailer-daemon,marketing,moderator,noc,no-reply,no_reply,noreply,null,official,\
    operator,owner,password,postmaster,press,privacy,root,sales,security,service,signup,staff,superuser,support,sysadmin,\
    system,team,undefined,webmaster,www";

/// The most memory that a stored hash may take, in KiB, and so the most that may be set.
pub const MAX_ARGON2_MEMORY_KIB: u32 = 64 * 1024;
/// The most passes that a stored hash may take, and so the most that may be set.
pub const MAX_ARGON2_ITERATIONS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn load(mode: Mode, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(mode, &variables.iter().copied().collect())
    }

    #[test]
    fn every_default_is_accepted() {
        let config = load(Mode::Command, &[]).unwrap();
        assert_eq!(config.public_address("/graphql"), "http://127.0.0.1:8000/graphql");
        assert_eq!(config.access_token_ttl, Duration::from_mins(30));
        assert_eq!(config.session_max_age, Duration::from_hours(30 * 24));
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
  - DATABASE_URL is missing
  - ALLOWED_ORIGINS holds `https://app.example.org/`, which is not an origin like https://app.example.org
  - SECRET_KEY is missing; `gatehouse secret` prints a good one
  - SECRET_KEY_FALLBACKS holds a key that has fewer than 32 bytes
  - ACCESS_TOKEN_TTL must not exceed REFRESH_TOKEN_TTL
  - JWT_CLAIMS holds `shoe_size`; each must be one of email, email_verified, preferred_username, name, given_name, family_name, picture, role, bio
  - RESERVED_USERNAMES holds `the boss`, which is not a username
  - EMAIL_REQUIRED must be true where EMAIL_VERIFICATION is mandatory
  - ACTIVATION_URL must begin with https://
  - PASSWORD_RESET_URL must be an address with {token} in it, like https://app.example.org/activate#{token}
  - ARGON2_MEMORY_KIB must be a whole number from 7168 to 65536
  - SMTP_URL is missing
  - EMAIL_FROM is missing
  - RATE_LIMIT_FAILED_LOGINS_MONTH must be from 1s to 30days
  - RATE_LIMIT_RECOVERY_MAILS must permit a mail within every PASSWORD_RESET_TTL
  - RESEND_COOLDOWN must not exceed PASSWORD_RESET_TTL";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn an_origin_that_could_never_match_is_refused_in_a_sentence() {
        for (origins, told) in [
            ("*", "holds `*`: name each origin, or all of a domain by https://*.example.org"),
            (
                "null",
                "holds `null`, which pages of anybody's can send; name an origin like https://app.example.org",
            ),
            (
                "app.example.org",
                "holds `app.example.org`, which is not an origin like https://app.example.org",
            ),
            ("localhost:5173", "holds `localhost:5173`, which is not an origin like https://app.example.org"),
            ("https://app.example.org/x", "holds `https://app.example.org/x`, which is not an origin like"),
            ("https://", "holds `https://`, which is not an origin like"),
            ("https://ada:hush@app.example.org", "holds a user or a password, which no origin has"),
            ("https://*", "holds `https://*`: a star stands for the first labels of a domain alone"),
            ("https://*.org", "holds `https://*.org`: a star stands for"),
            ("https://*.*.example.org", "a star stands for"),
            ("https://app-*.example.org", "a star stands for"),
            ("https://app.example.org:*", "a star stands for"),
            ("*://app.example.org", "a star stands for"),
            ("http://*.0.0.1", "a star stands for"),
            ("chrome-extension://*", "a star stands for"),
        ] {
            let error = load(Mode::Dev, &[("ALLOWED_ORIGINS", origins)]).unwrap_err().to_string();
            assert!(error.contains(told) && !error.contains("hush"), "{origins}: {error}");
        }
    }

    #[test]
    fn production_is_reached_by_https() {
        for (url, good) in [
            ("https://accounts.example.org", true),
            ("https://example.org/accounts", true),
            ("http://localhost:8000", true),
            ("http://accounts.example.org", false),
            ("ftp://accounts.example.org", false),
            ("https://accounts.example.org?x=1", false),
            ("accounts.example.org", false),
        ] {
            assert_eq!(public_url(url, Mode::Serve).is_ok(), good, "{url}");
        }
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
