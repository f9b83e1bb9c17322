//! Mails: what they say, and the ways that they go.

use std::error::Error;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::config::{Config, MailWay, Mode};

mod content;
mod folder;
mod mailbox;
mod message;
mod smtp;
mod smtp_connection;
mod smtp_reply;
mod smtp_tls;
mod templates;

pub use content::{Content, Mail};
pub use mailbox::{Mailbox, StoredMail};
use message::Letterhead;
pub use message::Written;
use smtp::Smtp;
use templates::Templates;

/// Writes mails and sends them.
pub struct Mailer {
    templates: Templates,
    letterhead: Letterhead,
    transport: Transport,
}

/// Where mails go.
enum Transport {
    Smtp(Smtp),
    Folder(std::path::PathBuf),
    /// Exists in development mode alone.
    Mailbox(Mailbox),
    /// Commands send nothing unless they are told where to.
    Nowhere,
}

/// Why a mail was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether it never will be.
    pub is_permanent: bool,
    /// Why, in the mail server's words where it had any. They may hold addresses.
    pub words: String,
}

impl Failure {
    fn permanent(words: impl Into<String>) -> Self {
        Self { is_permanent: true, words: words.into() }
    }

    fn temporary(words: impl Into<String>) -> Self {
        Self { is_permanent: false, words: words.into() }
    }
}

/// Is told each step of a sending, for the person who looks on.
pub type Tell<'a> = &'a mut (dyn FnMut(&str) + Send);

impl Mailer {
    /// Reads the templates and prepares the way that mails go; connects to nothing yet.
    ///
    /// # Errors
    /// If a template or `SMTP_CA_FILE` cannot be used.
    pub fn new(config: &Config) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let transport = match (&config.mail.way, config.mode) {
            (Some(MailWay::Smtp(server)), _) => Transport::Smtp(Smtp::new(config, server)?),
            (Some(MailWay::Folder(folder)), _) => Transport::Folder(folder.clone()),
            (None, Mode::Dev) => Transport::Mailbox(Mailbox::default()),
            (None, Mode::Serve | Mode::Command) => Transport::Nowhere,
        };
        Ok(Self { templates: Templates::load(config)?, letterhead: Letterhead::new(config)?, transport })
    }

    /// Writes a mail. The same `id`, `date` and `mail` give the same bytes.
    ///
    /// # Errors
    /// A permanent failure, if it cannot be written.
    pub fn write(&self, id: Uuid, date: OffsetDateTime, mail: &Mail) -> Result<Written, Failure> {
        let texts = self.templates.render(mail).map_err(Failure::permanent)?;
        self.letterhead.write(id, date, mail, texts)
    }

    /// Sends a mail, and says what the mail server answered. Takes less than [`Mailer::LONGEST`].
    ///
    /// # Errors
    /// Why it was not taken, or not known to be.
    pub async fn send(&self, mail: &Written, tell: Tell<'_>) -> Result<String, Failure> {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.send(mail, tell).await,
            Transport::Folder(folder) => folder::send(folder, mail).await,
            Transport::Mailbox(mailbox) => Ok(mailbox.keep(mail)),
            Transport::Nowhere => Err(Failure::temporary("SMTP_URL is not set")),
        }
    }

    /// The longest that sending one mail takes.
    pub const LONGEST: std::time::Duration = smtp::LONGEST;

    /// The mailbox of development mode, if mails go there.
    #[must_use]
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.transport {
            Transport::Mailbox(mailbox) => Some(mailbox),
            _ => None,
        }
    }
}
