//! An email as a MIME message (RFC 5322), and its envelope.

use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};
use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{content::Mail, failure::Failure, templates::Texts};
use crate::{config::Config, input::EmailAddress};

/// The parts that all emails have in common.
pub(super) struct Letterhead {
    from: Mailbox,
    host: String,
}

/// An email that is ready to be sent.
pub struct Written {
    /// The ID of the email's row in the outbox.
    pub id: Uuid,
    /// The recipient.
    pub to: EmailAddress,
    /// The name of the email's template.
    pub template: &'static str,
    /// The subject.
    pub subject: String,
    /// The plain-text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
    /// The code, if the email carries one.
    pub code: Option<SecretString>,
    /// The link, if the email carries one.
    pub link: Option<SecretString>,
    /// The time when the email was requested.
    pub date: OffsetDateTime,
    /// The raw message, as it is sent.
    pub bytes: Vec<u8>,
    pub(super) sender: Address,
    pub(super) recipient: Address,
}

impl Letterhead {
    pub(super) fn new(config: &Config) -> Result<Self, String> {
        let from = address(&config.mail.from).map_err(|error| format!("EMAIL_FROM: {error}"))?;
        Ok(Self {
            from: Mailbox::new(Some(config.mail.from_name.clone()), from),
            host: config.server.public_url.host_str().unwrap_or("localhost").to_owned(),
        })
    }

    /// Writes the message. Values that would otherwise be random are derived from the ID, so an email that is sent
    /// twice is byte-for-byte identical.
    pub(super) fn write(
        &self,
        id: Uuid,
        date: OffsetDateTime,
        mail: &Mail,
        texts: Texts,
    ) -> Result<Written, Failure> {
        let fault = |error: lettre::address::AddressError| Failure::permanent(error.to_string());
        let recipient = address(&mail.to).map_err(fault)?;
        let Texts { subject, text, html } = texts;
        // without a display name: if the address is unproven, the name may be text that a stranger chose
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient.clone()))
            .subject(subject.clone())
            .date(date.into())
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"))
            .multipart(
                MultiPart::builder()
                    .kind(lettre::message::MultiPartKind::Alternative)
                    .boundary(format!("gatehouse-{}", id.simple()))
                    .singlepart(SinglePart::plain(text.clone()))
                    .singlepart(SinglePart::html(html.clone())),
            )
            .map_err(|error| Failure::permanent(error.to_string()))?;
        Ok(Written {
            id,
            to: mail.to.clone(),
            template: mail.content.template(),
            subject,
            text,
            html,
            code: mail.content.code().cloned(),
            link: mail.content.link().cloned(),
            date,
            bytes: message.formatted(),
            sender: self.from.email.clone(),
            recipient,
        })
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

/// Returns the address with the local part as entered and the domain in ASCII. Every mail server accepts ASCII domains.
fn address(email: &EmailAddress) -> Result<Address, lettre::address::AddressError> {
    Address::new(email.local_part(), email.key().rsplit('@').next().unwrap_or_default())
}
