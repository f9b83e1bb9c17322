//! Emails written to files, for machines without a mail server.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{failure::Failure, message::Written};
use crate::secrets::private_file;

/// Writes an email into the folder. The file is named after the email's ID, so an email that is sent twice leaves only
/// one file.
pub(super) async fn send(folder: &Path, mail: &Written) -> Result<String, Failure> {
    let path = folder.join(format!("{}.eml", mail.id));
    let told = format!("written to {}", path.display());
    let bytes = mail.bytes.clone();
    let written = tokio::task::spawn_blocking(move || write(&path, &bytes)).await;
    match written.map_err(io::Error::other).flatten() {
        Ok(()) => Ok(told),
        Err(error) => Err(Failure::temporary(format!("{}: {error}", folder.display()))),
    }
}

/// Writes to a temporary file and renames it, so that programs watching the folder never see half an email.
fn write(path: &PathBuf, bytes: &[u8]) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = private_file(&part, OpenOptions::new().write(true).create(true).truncate(true))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(part, path)
}
