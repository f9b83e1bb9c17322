//! The secret key of development mode, which is stored in a file.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::Path,
};

use crate::secrets::{SecretKey, private_file};

/// Reads the key from the file. At the first start, creates the key and the file, which only its owner can read.
pub(super) fn kept_secret_key(path: &Path) -> Result<SecretKey, String> {
    let (key, text) = SecretKey::generate();
    let mut fresh = OpenOptions::new();
    let made = private_file(path, fresh.write(true).create_new(true));
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => Ok(key),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            let text =
                fs::read_to_string(path).map_err(|e| format!("in {} cannot be read: {e}", path.display()))?;
            SecretKey::parse(text.trim()).map_err(|e| format!("in {} {e}", path.display()))
        }
        Err(e) => Err(format!("could not be kept in {}: {e}", path.display())),
    }
}
