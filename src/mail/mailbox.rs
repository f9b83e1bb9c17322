//! Where mails go on a developer's machine: into memory, to be looked at in the browser.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use secrecy::SecretString;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Written;

/// Older mails make room for new ones.
const ROOM: usize = 200;

/// The newest mails.
#[derive(Default)]
pub struct Mailbox(Mutex<VecDeque<Arc<StoredMail>>>);

/// A mail in the mailbox.
pub struct StoredMail {
    /// The row of the outbox.
    pub id: Uuid,
    /// When it was asked for.
    pub date: OffsetDateTime,
    /// To whom it went.
    pub to: String,
    /// What all spellings of that address have in common.
    pub to_key: String,
    /// The template that it was made of.
    pub template: &'static str,
    /// Its subject.
    pub subject: String,
    /// Its words, for programs that show no HTML.
    pub text: String,
    /// Its words, as a page.
    pub html: String,
    /// All of it, as a mail server would have got it.
    pub source: String,
    /// The code that it carries.
    pub code: Option<SecretString>,
    /// The link that it carries.
    pub link: Option<SecretString>,
}

impl Mailbox {
    /// All mails, the newest first.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<StoredMail>> {
        self.mails().iter().cloned().collect()
    }

    /// By id.
    #[must_use]
    pub fn find(&self, id: Uuid) -> Option<Arc<StoredMail>> {
        self.mails().iter().find(|mail| mail.id == id).cloned()
    }

    /// The newest mail to the address of this key.
    #[must_use]
    pub fn latest(&self, to_key: &str) -> Option<Arc<StoredMail>> {
        self.mails().iter().find(|mail| mail.to_key == to_key).cloned()
    }

    /// Throws all mails away.
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
        "kept in the mailbox".to_owned()
    }

    fn mails(&self) -> MutexGuard<'_, VecDeque<Arc<StoredMail>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
