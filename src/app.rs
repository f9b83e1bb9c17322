//! Everything that use cases need, built once.

use std::{error::Error, sync::Arc};

use crate::{
    clock::Clock,
    config::Config,
    passwords::Passwords,
    storage::{self, Db},
    tokens::Tokens,
};

/// The services, and the settings that they were built from.
pub struct App {
    /// The settings.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// The database.
    pub db: Db,
    /// Password hashes.
    pub passwords: Passwords,
    /// Access and refresh tokens.
    pub tokens: Tokens,
}

impl App {
    /// Opens the database, starts the hash workers, derives the keys.
    ///
    /// # Errors
    /// If one of them cannot be had.
    pub async fn build(config: Config) -> Result<Arc<Self>, Box<dyn Error + Send + Sync>> {
        let db = storage::connect(&config)
            .await
            .map_err(|error| format!("the database cannot be opened: {error}"))?;
        let passwords = Passwords::start(&config)?;
        let tokens = Tokens::new(&config)?;
        Ok(Arc::new(Self { config, clock: Clock::default(), db, passwords, tokens }))
    }
}
