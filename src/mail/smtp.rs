//! Delivery of emails to a mail server (RFC 5321).

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::{
    failure::{Failure, Tell},
    message::Written,
    smtp_connection::SmtpConnection,
    smtp_reply::SmtpError,
    smtp_tls::Tls,
};
use crate::config::{Config, SmtpServer, SmtpTls};

/// The time limit of one step.
const STEP: Duration = Duration::from_secs(10);

/// The time limit for the mail server to accept the message, which some servers scan first.
const ACCEPTANCE: Duration = Duration::from_secs(30);

/// The time limit of the whole delivery.
pub(super) const LONGEST: Duration = Duration::from_secs(45);

/// How long an idle connection is kept, and the maximum number of idle connections.
const IDLE: Duration = Duration::from_secs(30);
const MOST_IDLE: usize = 4;

/// A mail server, and its idle connections.
pub(super) struct Smtp {
    server: SmtpServer,
    tls: Option<Tls>,
    /// The name by which Gatehouse introduces itself in EHLO.
    own_name: String,
    idle: Mutex<Vec<(SmtpConnection, Instant)>>,
}

impl Smtp {
    pub(super) fn new(config: &Config, server: &SmtpServer) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let tls = match server.tls {
            SmtpTls::Never => None,
            _ => Some(Tls::new(config.mail.ca_file.as_deref())?),
        };
        let host = config.server.public_url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let own_name = match host.parse() {
            Ok(IpAddr::V4(address)) => format!("[{address}]"),
            Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
            Err(_) => host.to_owned(),
        };
        Ok(Self { server: server.clone(), tls, own_name, idle: Mutex::default() })
    }

    /// Sends an email. A connection is reused only after a complete success, so no reused connection is in
    /// the middle of a transaction.
    pub(super) async fn send(&self, mail: &Written, tell: Tell<'_>) -> Result<String, Failure> {
        let sent = async {
            let mut connection = match self.idle_connection().await {
                Some(connection) => connection,
                None => self.connect(tell).await?,
            };
            let answer = hand_over(&mut connection, mail, tell).await?;
            if !connection.is_in_step() {
                return Ok(answer);
            }
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < MOST_IDLE {
                idle.push((connection, Instant::now()));
            }
            Ok(answer)
        };
        let late = |_| Failure::temporary(format!("the email was not accepted within {LONGEST:?}"));
        timeout(LONGEST, sent).await.map_err(late)?
    }

    /// Connects and signs in, without sending an email.
    pub(super) async fn sign_in(&self, tell: Tell<'_>) -> Result<(), Failure> {
        let late = |_| Failure::temporary(format!("the mail server did not answer within {LONGEST:?}"));
        timeout(LONGEST, self.connect(tell)).await.map_err(late)?.map(drop)
    }

    async fn idle_connection(&self) -> Option<SmtpConnection> {
        loop {
            let newest = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let (mut connection, since) = newest?;
            let lives = since.elapsed() < IDLE && connection.command("NOOP", 2, STEP / 5).await.is_ok();
            if lives && connection.is_in_step() {
                return Some(connection);
            }
        }
    }

    /// Returns an open connection. A failure to connect says nothing about the email, so the failure is temporary.
    async fn connect(&self, tell: Tell<'_>) -> Result<SmtpConnection, Failure> {
        let SmtpServer { host, port, tls, login } = &self.server;
        let found = within(STEP, async { Ok(tokio::net::lookup_host((host.as_str(), *port)).await?) });
        let addresses: Vec<SocketAddr> = found.await.map_err(temporary("resolve"))?.collect();
        let list = addresses.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>().join(", ");
        tell(&format!("resolve: {host} is {list}"));

        let implicit = self.tls.as_ref().filter(|_| *tls == SmtpTls::Implicit);
        let what = if implicit.is_some() { "connect with TLS" } else { "connect" };
        let opening = SmtpConnection::open(&addresses, host, implicit, &self.own_name, STEP);
        let mut connection = within(STEP, opening).await.map_err(temporary(what))?;
        tell(&format!("{what}: port {port} answers as {}", connection.server_name()));

        let starts = match tls {
            SmtpTls::Required => true,
            SmtpTls::Opportunistic => connection.offers_starttls(),
            SmtpTls::Implicit | SmtpTls::Never => false,
        };
        if let Some(tls) = self.tls.as_ref().filter(|_| starts) {
            let starting = connection.starttls(tls, host, &self.own_name, STEP);
            connection = within(STEP, starting).await.map_err(temporary("STARTTLS"))?;
        }
        if connection.is_encrypted() {
            tell(&format!("TLS: the certificate is valid for {host}"));
        } else {
            tell("TLS: none");
        }

        if let Some(login) = login {
            if !connection.is_encrypted() && *tls != SmtpTls::Never {
                let why = "login: the server offers no encryption, so the password is not sent";
                return Err(Failure::temporary(why));
            }
            let password = login.password.expose_secret();
            connection.login(&login.user, password, STEP).await.map_err(temporary("login"))?;
            tell(&format!("login: as {}", login.user));
        }
        Ok(connection)
    }
}

async fn hand_over(
    connection: &mut SmtpConnection,
    mail: &Written,
    tell: Tell<'_>,
) -> Result<String, Failure> {
    // temporary, because the operator can fix a refused sender
    let sender = format!("MAIL FROM:<{}>", mail.sender);
    connection.command(&sender, 2, STEP).await.map_err(temporary("sender"))?;
    let recipient = format!("RCPT TO:<{}>", mail.recipient);
    connection.command(&recipient, 2, STEP).await.map_err(last_word("recipient"))?;
    tell("recipient: accepted");
    connection.command("DATA", 3, STEP).await.map_err(last_word("message"))?;
    match connection.message(&mail.bytes, ACCEPTANCE).await.and_then(|reply| reply.expect_class(2)) {
        Ok(accepted) => Ok(accepted.to_string()),
        // The server has the whole email and may have accepted it. Retrying forever would fill the
        // recipient's inbox with copies.
        Err(error @ SmtpError::Unreadable(_)) => Err(Failure::permanent(format!(
            "message: {error}; it may have been accepted, so it is not sent again"
        ))),
        Err(error) => Err(last_word("message")(error)),
    }
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, SmtpError>>,
) -> Result<T, SmtpError> {
    timeout(limit, work).await.unwrap_or(Err(SmtpError::Late(limit)))
}

/// Returns a function that converts errors of this step to temporary failures.
fn temporary(step: &str) -> impl Fn(SmtpError) -> Failure {
    move |error| Failure::temporary(format!("{step}: {error}"))
}

/// Returns a function that converts errors of this step to failures. After a 5xx reply, the failure is permanent (RFC
/// 5321 §4.2.1).
fn last_word(step: &str) -> impl Fn(SmtpError) -> Failure {
    move |error| Failure {
        is_permanent: matches!(&error, SmtpError::Refused(reply) if reply.class() == 5),
        ..temporary(step)(error)
    }
}
