//! The mailbox of development mode, which keeps emails in memory and shows them in the browser.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::message::Written;

/// The number of emails that are kept. New emails replace the oldest ones.
const ROOM: usize = 200;

/// A mailbox that keeps the newest emails.
#[derive(Default)]
pub struct Mailbox(Mutex<VecDeque<Arc<StoredMail>>>);

/// An email in the mailbox.
pub struct StoredMail {
    /// The ID of the email's row in the outbox.
    pub id: Uuid,
    /// The time when the email was requested.
    pub date: OffsetDateTime,
    /// The recipient.
    pub to: String,
    /// The normalized recipient address, which is the same for all spellings of the address.
    pub to_key: String,
    /// The name of the email's template.
    pub template: &'static str,
    /// The subject.
    pub subject: String,
    /// The plain-text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
    /// The raw message, as a mail server would receive it.
    pub source: String,
    /// The code, if the email carries one.
    pub code: Option<SecretString>,
    /// The link, if the email carries one.
    pub link: Option<SecretString>,
}

impl Mailbox {
    /// Returns all emails, newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<StoredMail>> {
        self.mails().iter().cloned().collect()
    }

    /// Finds an email by its ID.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<Arc<StoredMail>> {
        self.mails().iter().find(|mail| mail.id == id).cloned()
    }

    /// Returns the newest email to the address with this key.
    #[must_use]
    pub fn latest(&self, to_key: &str) -> Option<Arc<StoredMail>> {
        self.mails().iter().find(|mail| mail.to_key == to_key).cloned()
    }

    /// Deletes all emails.
    pub fn clear(&self) {
        self.mails().clear();
    }

    pub(super) fn keep(&self, mail: &Written) -> String {
        let kept = Arc::new(StoredMail {
            id: mail.id,
            date: mail.date,
            to: mail.to.as_str().to_owned(),
            to_key: mail.to.key().to_owned(),
            template: mail.template,
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            html: mail.html.clone(),
            source: String::from_utf8_lossy(&mail.bytes).into_owned(),
            code: mail.code.clone(),
            link: mail.link.clone(),
        });
        let mut mails = self.mails();
        mails.retain(|mail| mail.id != kept.id);
        mails.push_front(kept);
        mails.truncate(ROOM);
        "stored in the mailbox".to_owned()
    }

    fn mails(&self) -> MutexGuard<'_, VecDeque<Arc<StoredMail>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
