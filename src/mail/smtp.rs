//! Handing mails to a mail server (RFC 5321).
//!
//! A client of our own on lettre's connection: its pool keeps a connection whose sending was given up half-way, and its
//! errors do not tell a refused recipient, which is for ever, from a refused login, which an operator will mend.

use std::{
    error::Error,
    fmt::Display,
    fs,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lettre::transport::smtp::{
    Error as SmtpError,
    authentication::{Credentials, DEFAULT_MECHANISMS},
    client::{AsyncSmtpConnection, Certificate, TlsParameters},
    commands::{Data, Mail, Noop, Rcpt},
    extension::ClientId,
    response::Response,
};
use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{Failure, Tell, Written};
use crate::config::{Config, SmtpServer, SmtpTls};

/// How long the server may take for one step.
const STEP: Duration = Duration::from_secs(10);

/// How long it may take to accept a mail that it has been given: some look at it closely before they do.
const ACCEPTANCE: Duration = Duration::from_secs(30);

/// How long it may take in all.
pub(super) const LONGEST: Duration = Duration::from_secs(45);

/// How long a connection is kept for the next mail, and how many are.
const IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE: usize = 4;

/// A mail server, and connections to it that wait for the next mail.
pub(super) struct Smtp {
    server: SmtpServer,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(super) fn new(config: &Config, server: &SmtpServer) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(path) = &config.mail.ca_file {
            let fault = |why: &dyn Display| format!("SMTP_CA_FILE: {}: {why}", path.display());
            let pem = fs::read(path).map_err(|error| fault(&error))?;
            if !pem.windows(17).any(|text| text == b"BEGIN CERTIFICATE") {
                return Err(fault(&"holds no certificate in PEM").into());
            }
            tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| fault(&error))?);
        }
        let tls = if server.tls == SmtpTls::Never { None } else { Some(tls.build()?) };
        let own_name = config.public_url.host_str().unwrap_or_default();
        let hello = match own_name.trim_matches(['[', ']']).parse() {
            Ok(IpAddr::V4(address)) => ClientId::Ipv4(address),
            Ok(IpAddr::V6(address)) => ClientId::Ipv6(address),
            Err(_) => ClientId::Domain(own_name.to_owned()),
        };
        Ok(Self { server: server.clone(), tls, hello, idle: Mutex::default() })
    }

    /// Sends a mail. A connection goes back to the others only after all went well, so none is ever half-way through.
    pub(super) async fn send(&self, mail: &Written, tell: Tell<'_>) -> Result<String, Failure> {
        let sent = async {
            let mut connection = match self.idle_connection().await {
                Some(connection) => connection,
                None => self.connect(tell).await?,
            };
            let answer = hand_over(&mut connection, mail, tell).await?;
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MOST_IDLE {
                idle.push((connection, Instant::now()));
            }
            Ok(answer)
        };
        let late = |_| Failure::temporary(format!("the mail was not accepted within {LONGEST:?}"));
        timeout(LONGEST, sent).await.map_err(late)?
    }

    async fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let newest = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (mut connection, since) = newest?;
            let lives = since.elapsed() < IDLE
                && timeout(STEP / 5, connection.command(Noop)).await.is_ok_and(|answer| answer.is_ok());
            if lives {
                return Some(connection);
            }
        }
    }

    /// Whatever fails here is no fault of the mail's.
    async fn connect(&self, tell: Tell<'_>) -> Result<AsyncSmtpConnection, Failure> {
        let SmtpServer { host, port, tls, login } = &self.server;
        let found = step("resolve", STEP, tokio::net::lookup_host((host.as_str(), *port))).await?;
        let addresses: Vec<SocketAddr> = found.collect();
        let list = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
        tell(&format!("resolve: {host} is {list}"));

        let implicit = self.tls.clone().filter(|_| *tls == SmtpTls::Implicit);
        let what = if implicit.is_some() { "connect with TLS" } else { "connect" };
        let connecting = AsyncSmtpConnection::connect_tokio1(
            addresses.as_slice(),
            // one address that does not answer must not use up the time of the others
            Some(STEP / 3),
            &self.hello,
            implicit,
            None,
        );
        let mut connection = step(what, STEP, connecting).await?;
        tell(&format!("{what}: port {port} answers as {}", connection.server_info().name()));

        let starts = match tls {
            SmtpTls::Required => true,
            SmtpTls::Opportunistic => connection.can_starttls(),
            SmtpTls::Implicit | SmtpTls::Never => false,
        };
        if let Some(tls) = self.tls.clone().filter(|_| starts) {
            step("STARTTLS", STEP, connection.starttls(tls, &self.hello)).await?;
        }
        if connection.is_encrypted() {
            tell(&format!("TLS: the certificate is good for {host}"));
        } else {
            tell("TLS: none");
        }

        if let Some(login) = login {
            if !connection.is_encrypted() && *tls != SmtpTls::Never {
                let why = "login: the server offers no encryption, so the password is not sent";
                return Err(Failure::temporary(why));
            }
            let credentials = Credentials::new(login.user.clone(), login.password.expose_secret().to_owned());
            step("login", STEP, connection.auth(DEFAULT_MECHANISMS, &credentials)).await?;
            tell(&format!("login: as {}", login.user));
        }
        Ok(connection)
    }
}

async fn hand_over(
    connection: &mut AsyncSmtpConnection,
    mail: &Written,
    tell: Tell<'_>,
) -> Result<String, Failure> {
    // that the sender is refused is for the operator to mend, and no reason to throw mails away
    step("sender", STEP, connection.command(Mail::new(Some(mail.sender.clone()), Vec::new()))).await?;
    let recipient = connection.command(Rcpt::new(mail.recipient.clone(), Vec::new()));
    final_step("recipient", STEP, recipient).await?;
    tell("recipient: taken");
    final_step("message", STEP, connection.command(Data)).await?;
    let accepted = final_step("message", ACCEPTANCE, connection.message(&mail.bytes)).await?;
    Ok(format!("{} {}", accepted.code(), accepted.message().collect::<Vec<_>>().join(" ")))
}

/// A step after which a mail that was not sent may be tried again.
async fn step<T, E: Told>(
    name: &str,
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    match timeout(limit, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Failure::temporary(format!("{name}: {}", error.told()))),
        Err(_) => Err(Failure::temporary(format!("{name}: no answer within {limit:?}"))),
    }
}

/// A step at which a 5xx answer is the last word on this mail (RFC 5321 §4.2.1).
async fn final_step(
    name: &str,
    limit: Duration,
    work: impl Future<Output = Result<Response, SmtpError>>,
) -> Result<Response, Failure> {
    let mut is_permanent = false;
    let work = async { work.await.inspect_err(|error| is_permanent = error.is_permanent()) };
    let done = step(name, limit, work).await;
    done.map_err(|failure| Failure { is_permanent, ..failure })
}

/// An error in the server's own words where it had any.
trait Told {
    fn told(&self) -> String;
}

impl Told for std::io::Error {
    fn told(&self) -> String {
        self.to_string()
    }
}

impl Told for SmtpError {
    fn told(&self) -> String {
        let words = self.source().map_or_else(|| self.to_string(), ToString::to_string);
        self.status().map_or_else(|| words.clone(), |code| format!("{code} {words}"))
    }
}
