//! The secret key of development mode, which is stored in a file.

use std::{
    fs::OpenOptions,
    io::{self, Read, Write},
    path::Path,
};

use crate::secrets::{SecretKey, private_file};

/// Reads the key from the file. At the first start, creates the key and the file. Only the owner of the file can read
/// it.
///
/// If two programs start at the same time, both use the same key. A file that a crash left empty gets a new key.
pub(super) fn kept_secret_key(path: &Path) -> Result<SecretKey, String> {
    let kept = match read(path) {
        Ok(text) if !text.is_empty() => text,
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(format!("in {} cannot be read: {e}", path.display()));
        }
        _ => create(path).map_err(|e| format!("could not be kept in {}: {e}", path.display()))?,
    };
    SecretKey::parse(kept.trim()).map_err(|e| format!("in {} {e}", path.display()))
}

fn read(path: &Path) -> io::Result<String> {
    let mut file = OpenOptions::new().read(true).open(path)?;
    // the program that creates the file holds its lock until the key is written
    file.lock_shared()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Writes a new key to the file and returns it. If another program was faster, returns that program's key.
fn create(path: &Path) -> io::Result<String> {
    let mut file =
        private_file(path, OpenOptions::new().read(true).write(true).create(true).truncate(false))?;
    file.lock()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    if text.is_empty() {
        text = SecretKey::generate().1;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    #[test]
    fn programs_that_start_at_once_share_the_first_key() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let path = folder.path().join(format!("{round}/secret_key"));
            if round % 2 == 1 {
                // a crash leaves such a file behind
                private_file(&path, OpenOptions::new().write(true).create_new(true)).unwrap();
            }
            let starts: Vec<_> = (0..8)
                .map(|_| {
                    let path = path.clone();
                    thread::spawn(move || kept_secret_key(&path).unwrap())
                })
                .collect();
            let keys: Vec<_> = starts.into_iter().map(|start| start.join().unwrap()).collect();
            let kept = SecretKey::parse(&fs::read_to_string(&path).unwrap()).unwrap();
            assert!(keys.iter().all(|key| *key == kept), "round {round}");
        }
    }
}
