//! Emails: their content, and the transports that deliver them.

use std::error::Error;

use time::OffsetDateTime;
use uuid::Uuid;

use crate::config::{Config, MailWay, Mode};

mod content;
mod duration;
mod failure;
mod folder;
mod mailbox;
mod message;
mod smtp;
mod smtp_connection;
mod smtp_reply;
mod smtp_tls;
mod templates;

pub use content::{Content, Mail};
pub use failure::{Failure, Tell};
pub use mailbox::{Mailbox, StoredMail};
use message::Letterhead;
pub use message::Written;
use smtp::Smtp;
use templates::Templates;

/// Writes and sends emails.
pub struct Mailer {
    templates: Templates,
    letterhead: Letterhead,
    transport: Transport,
}

/// The destination of emails.
enum Transport {
    Smtp(Smtp),
    Folder(std::path::PathBuf),
    /// Exists only in development mode.
    Mailbox(Mailbox),
    /// Used by commands, which send nothing unless a destination is set.
    Nowhere,
}

impl Mailer {
    /// Loads the templates and prepares the transport, without connecting.
    ///
    /// # Errors
    /// Fails if a template or `SMTP_CA_FILE` cannot be used.
    pub fn new(config: &Config) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let transport = match (&config.mail.way, config.mode) {
            (Some(MailWay::Smtp(server)), _) => Transport::Smtp(Smtp::new(config, server)?),
            (Some(MailWay::Folder(folder)), _) => Transport::Folder(folder.clone()),
            (None, Mode::Dev) => Transport::Mailbox(Mailbox::default()),
            (None, Mode::Serve | Mode::Command) => Transport::Nowhere,
        };
        Ok(Self { templates: Templates::load(config)?, letterhead: Letterhead::new(config)?, transport })
    }

    /// Writes an email. The same `id`, `date` and `mail` give the same bytes. A failure is permanent.
    pub fn write(&self, id: Uuid, date: OffsetDateTime, mail: &Mail) -> Result<Written, Failure> {
        let texts = self.templates.render(mail).map_err(Failure::permanent)?;
        self.letterhead.write(id, date, mail, texts)
    }

    /// Sends an email, and returns the mail server's reply. Takes less than [`Mailer::LONGEST`].
    ///
    /// # Errors
    /// Fails if the server did not accept the email, or if it is unknown whether it did.
    pub async fn send(&self, mail: &Written, tell: Tell<'_>) -> Result<String, Failure> {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.send(mail, tell).await,
            Transport::Folder(folder) => folder::send(folder, mail).await,
            Transport::Mailbox(mailbox) => Ok(mailbox.keep(mail)),
            Transport::Nowhere => Err(Failure::temporary("SMTP_URL is not set")),
        }
    }

    /// Connects to the mail server and signs in, without sending an email. Does nothing if no mail server is set.
    pub async fn sign_in(&self, tell: Tell<'_>) -> Result<(), Failure> {
        match &self.transport {
            Transport::Smtp(smtp) => smtp.sign_in(tell).await,
            Transport::Folder(_) | Transport::Mailbox(_) | Transport::Nowhere => Ok(()),
        }
    }

    /// The longest time that sending an email can take.
    pub const LONGEST: std::time::Duration = smtp::LONGEST;

    /// Returns the mailbox of development mode, if emails go there.
    #[must_use]
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match &self.transport {
            Transport::Mailbox(mailbox) => Some(mailbox),
            _ => None,
        }
    }
}
