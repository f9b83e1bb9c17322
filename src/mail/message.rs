//! A mail as it goes over the wire (RFC 5322), and its envelope.

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

use super::{Failure, content::Mail, templates::Texts};
use crate::{config::Config, input::EmailAddress};

/// What all mails have in common.
pub(super) struct Letterhead {
    from: Mailbox,
    host: String,
}

/// A mail that is ready to be sent.
pub struct Written {
    /// The row of the outbox.
    pub id: Uuid,
    /// To whom it goes.
    pub to: EmailAddress,
    /// The template that it was made of.
    pub template: &'static str,
    /// Its subject.
    pub subject: String,
    /// Its words, for programs that show no HTML.
    pub text: String,
    /// Its words, as a page.
    pub html: String,
    /// The code that it carries.
    pub code: Option<SecretString>,
    /// The link that it carries.
    pub link: Option<SecretString>,
    /// When it was asked for.
    pub date: OffsetDateTime,
    /// All of it, as it is sent.
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

    /// Everything random is derived from the id, so that a mail sent twice is the same to the byte.
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
        // no name beside it: the address is proven or to be proven, a name is anybody's words
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

/// The local part as it was typed, and the domain in ASCII, which every mail server takes.
fn address(email: &EmailAddress) -> Result<Address, lettre::address::AddressError> {
    Address::new(email.local_part(), email.key().rsplit('@').next().unwrap_or_default())
}
