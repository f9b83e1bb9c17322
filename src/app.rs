//! The services that use cases need, built once.

use std::{error::Error, sync::Arc};

use tokio::sync::Notify;

use crate::{
    clock::Clock,
    config::Config,
    events::Events,
    mail::Mailer,
    metrics::{Counts, Metrics, Sources},
    passwords::Passwords,
    providers::Providers,
    storage::{self, Db},
    tokens::{Tokens, rsa_keys},
};

/// The services, and the settings that they were built from.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The clock.
    pub clock: Clock,
    /// The database.
    pub db: Db,
    /// The events about accounts and sessions, which are published after the changes are committed.
    pub events: Events,
    /// The service that computes and verifies password hashes.
    pub passwords: Passwords,
    /// The service that issues and reads tokens.
    pub tokens: Tokens,
    /// The sender of emails.
    pub mailer: Mailer,
    /// The sign-in providers.
    pub providers: Providers,
    /// The counters for monitoring.
    pub metrics: Metrics,
    /// Notified when this process adds an email to the outbox.
    pub mail_waits: Notify,
}

impl App {
    /// Opens the database, starts the hash threads, derives the keys and loads the email templates.
    pub async fn build(config: Config) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let events = Events::default();
        let refusals = Counts::by("setting");
        // in parallel, because the self-test of password hashes takes as long as connecting to the database
        let (of_passwords, connecting) = (config.clone(), Box::pin(storage::connect(&config, &events)));
        let counted = refusals.clone();
        let starting = tokio::task::spawn_blocking(move || Passwords::start(&of_passwords, counted));
        let (db, passwords) = tokio::join!(connecting, starting);
        let (db, passwords) =
            (db.map_err(|error| format!("the database cannot be opened: {error}"))?, passwords??);
        let metrics = Metrics::new(Sources {
            argon2_library: passwords.library(),
            pool_waits: db.pool_waits(),
            hash_waits: passwords.waits(),
            refusals,
        });
        let (clock, mail_waits) = (Clock::default(), Notify::new());
        let tokens = Tokens::new(&config, rsa_keys::load(&config, &db, &clock).await?)?;
        let mailer = Mailer::new(&config)?;
        let providers = Providers::new(&config.providers, &clock)?;
        Ok(Arc::new(Self {
            config,
            clock,
            db,
            events,
            passwords,
            tokens,
            mailer,
            providers,
            metrics,
            mail_waits,
        }))
    }
}
