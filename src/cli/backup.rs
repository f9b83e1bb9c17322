//! `gatehouse backup`.

use std::path::PathBuf;

use super::setup::{CliError, load};
use crate::{
    config::{DatabaseUrl, Mode},
    storage::backup,
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The new file. An existing file is never overwritten
    file: PathBuf,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Command)?;
    let DatabaseUrl::Sqlite(database) = config.database.url else {
        return Err("this command copies SQLite databases only. Back up PostgreSQL with its own tools: pg_basebackup and an \
                    archive of the write-ahead log, for point-in-time recovery, or pg_dump, for a snapshot. See \
                    playground/docs/backups.md"
            .into());
    };
    let file = arguments.file.clone();
    let copied = tokio::task::spawn_blocking(move || backup::backup(&database, &arguments.file)).await??;
    println!("{}: {} bytes, checked and intact", file.display(), copied.bytes);
    for (table, rows) in copied.rows {
        println!("{rows:>10} {table}");
    }
    println!("The backup does not contain SECRET_KEY: keep a copy of the key elsewhere.");
    Ok(())
}
