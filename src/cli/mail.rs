//! `gatehouse mail`.

use clap::Subcommand;
use time::format_description::well_known::Rfc3339;

use super::{
    migrate::require_migrated,
    setup::{CliError, load},
};
use crate::{
    clock::Clock,
    config::{Config, MailWay, Mode},
    events::Events,
    input::EmailAddress,
    mail::{Content, Mail, Mailer},
    secrets,
    storage::{self, Timestamp, outbox},
    telemetry::printable,
};

/// The maximum number of emails in each list.
const MOST: u64 = 100;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Send one email and report each step
    Test {
        /// The recipient
        address: String,
    },
    /// List the emails that are waiting and those that failed
    Queue,
}

pub(super) async fn run(command: Command) -> Result<(), CliError> {
    let config = load(Mode::Command)?;
    match command {
        Command::Test { address } => test(&config, &address).await,
        Command::Queue => queue(&config).await,
    }
}

async fn test(config: &Config, address: &str) -> Result<(), CliError> {
    let Ok(to) = EmailAddress::parse(address) else {
        return Err(format!("`{address}` is not an email address").into());
    };
    match &config.mail.way {
        None => return Err("SMTP_URL is not set, so emails cannot be sent".into()),
        Some(MailWay::Folder(folder)) => println!("folder: {}", folder.display()),
        Some(MailWay::Smtp(server)) => println!("mail server: {}, port {}", server.host, server.port),
    }
    let mailer = Mailer::new(config)?;
    let now = Clock::default().now();
    let mail = Mail { to, name: None, content: Content::Test };
    let written = mailer.write(secrets::uuid_v7(now), now, &mail).map_err(|failure| failure.words)?;
    println!("from: {}", config.mail.from.as_str());
    let answer = mailer.send(&written, &mut |step| println!("{}", printable(step))).await;
    let answer = answer.map_err(|failure| format!("the email was not sent: {}", failure.words))?;
    println!("accepted: {}", printable(&answer));
    Ok(())
}

async fn queue(config: &Config) -> Result<(), CliError> {
    require_migrated(config).await?;
    let db = storage::connect(config, &Events::default()).await?;
    let (waiting, failed) =
        (outbox::list_waiting(db.read(), MOST).await?, outbox::list_failed(db.read(), MOST).await?);
    println!("{} waiting", counted(waiting.len()));
    for mail in &waiting {
        tell(mail, "next attempt", mail.due_at);
    }
    println!("{} failed within the last week", counted(failed.len()));
    for mail in &failed {
        tell(mail, "failed", mail.failed_at);
    }
    Ok(())
}

fn counted(mails: usize) -> String {
    let is_cut = u64::try_from(mails).is_ok_and(|mails| mails == MOST);
    format!("{}{mails} email{}", if is_cut { "at least " } else { "" }, if mails == 1 { "" } else { "s" })
}

fn tell(mail: &outbox::Model, what: &str, at: Option<Timestamp>) {
    let time = |at: Timestamp| at.0.truncate_to_second().format(&Rfc3339).unwrap_or_default();
    println!("\n  {}  {}  to {}", time(mail.created_at), printable(&mail.kind), printable(&mail.address));
    println!("    attempts {}, {what} {}", mail.attempts, at.map(time).unwrap_or_default());
    if let Some(error) = &mail.last_error {
        println!("    {}", printable(error));
    }
}
