//! Everything that use cases need, built once.

use std::{error::Error, sync::Arc};

use tokio::sync::Notify;

use crate::{
    clock::Clock,
    config::Config,
    events::Events,
    google::Google,
    mail::Mailer,
    metrics::Metrics,
    passwords::Passwords,
    storage::{self, Db},
    tokens::{Tokens, rsa_keys},
};

/// The services, and the settings that they were built from.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The database.
    pub db: Db,
    /// What happens, as soon as it is in the database.
    pub events: Events,
    /// Password hashes.
    pub passwords: Passwords,
    /// Access and refresh tokens.
    pub tokens: Tokens,
    /// Mails.
    pub mailer: Mailer,
    /// Google, where people sign in by it.
    pub google: Option<Google>,
    /// What happens, counted.
    pub metrics: Metrics,
    /// Is told when this process has written a mail into the outbox.
    pub mail_waits: Notify,
}

impl App {
    /// Opens the database, starts the hash workers, derives the keys, reads the templates of mails.
    ///
    /// # Errors
    /// If one of them cannot be had.
    pub async fn build(config: Config) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let events = Events::default();
        let db = storage::connect(&config, &events)
            .await
            .map_err(|error| format!("the database cannot be opened: {error}"))?;
        let passwords = Passwords::start(&config)?;
        let (clock, mail_waits) = (Clock::default(), Notify::new());
        let tokens = Tokens::new(&config, rsa_keys::load(&config, &db, &clock).await?)?;
        let mailer = Mailer::new(&config)?;
        let google = config.google.as_ref().map(|google| Google::new(google, &clock)).transpose()?;
        Ok(Arc::new(Self {
            config,
            clock,
            db,
            events,
            passwords,
            tokens,
            mailer,
            google,
            metrics: Metrics::default(),
            mail_waits,
        }))
    }
}
