//! Copies a SQLite database while servers use it, and checks the copy.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};

use crate::secrets::private_file;

/// The tables whose rows are counted for the operator.
const COUNTED: [&str; 4] = ["users", "sessions", "identities", "outbox"];

/// How long the copy waits while a server has the file locked.
const BUSY_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Why a backup failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database does not exist.
    #[error("there is no database at {}", .0.display())]
    Missing(PathBuf),
    /// The file cannot be created. A file that exists is never overwritten.
    #[error("{} cannot be created: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The database cannot be copied, or the copy cannot be read.
    #[error("the backup failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The copy is not intact.
    #[error("the copy is not intact: {0}")]
    Damaged(String),
}

/// What a backup contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The counted tables, each with its number of rows.
    pub rows: Vec<(&'static str, u64)>,
}

/// Copies the SQLite database `from` to the new file `to`, and checks the copy. The copy is a snapshot: it contains
/// each write completely or not at all. Writes do not wait for the copy. If the backup fails, no file is left behind.
pub fn backup(from: &Path, to: &Path) -> Result<Backup, BackupError> {
    if !from.exists() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    let failed = |error| BackupError::File { path: to.to_owned(), error };
    if to.exists() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    // under another name, because an interrupted copy must not look like a backup
    let part = to.with_added_extension("part");
    // SQLite fills an empty file and keeps its permissions
    private_file(&part, OpenOptions::new().write(true).create_new(true))
        .map_err(|error| BackupError::File { path: part.clone(), error })?;
    let copied = copy(from, &part).and_then(|()| check(&part)).and_then(|backup| {
        File::open(&part).and_then(|file| file.sync_all()).map_err(failed)?;
        // unlike renaming, this never replaces a file
        fs::hard_link(&part, to).map_err(failed)?;
        Ok(backup)
    });
    let _ = fs::remove_file(&part);
    let backup = copied?;
    flush_folder(to).map_err(failed)?;
    Ok(backup)
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(BUSY_TIME_LIMIT)?;
    let name = to.to_str().ok_or_else(|| BackupError::File {
        path: to.to_owned(),
        error: io::Error::new(io::ErrorKind::InvalidInput, "its name is not valid UTF-8"),
    })?;
    connection.execute("VACUUM INTO ?1", [name])?;
    Ok(())
}

/// Checks the whole copy, and counts its rows.
fn check(file: &Path) -> Result<Backup, BackupError> {
    let connection = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Err(BackupError::Damaged(said));
    }
    let count = |table| {
        let sql = format!(r#"SELECT count(*) FROM "{table}""#);
        let rows: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
        Ok((table, rows.unsigned_abs()))
    };
    let rows = COUNTED.into_iter().map(count).collect::<Result<_, rusqlite::Error>>()?;
    let bytes = fs::metadata(file).map_err(|error| BackupError::File { path: file.to_owned(), error })?.len();
    Ok(Backup { bytes, rows })
}

/// Waits until the name of a file is on disk, because a backup that was reported as complete must survive a crash of
/// the machine.
fn flush_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
