//! Determines whether other users of this machine may read or change a file. On systems without mode bits, this is
//! unknown.

use std::path::Path;

/// The mode bits of users other than the owner.
pub(super) const ANYTHING: u32 = 0o077;
pub(super) const WRITE: u32 = 0o022;
const EVERYBODY_READS: u32 = 0o004;
const EVERYBODY_WRITES: u32 = 0o002;
/// The mode bit of a folder in which users cannot replace the files of others.
const STICKY: u32 = 0o1000;

/// The permissions of a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) mode: u32,
    /// Whether the owner is neither root nor the user who runs this process.
    is_anothers: bool,
}

impl Rights {
    /// Reads the permissions of a file. Returns `None` if there is no such file.
    #[cfg(unix)]
    pub(super) fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(path).ok()?;
        let is_anothers = ![0, rustix::process::geteuid().as_raw()].contains(&file.uid());
        Some(Self { mode: file.mode() & 0o7777, is_anothers })
    }

    #[cfg(not(unix))]
    pub(super) fn of(_: &Path) -> Option<Self> {
        None
    }

    pub(super) fn allow(self, bits: u32) -> bool {
        self.mode & bits != 0
    }
}

/// The permissions of `.env` and its folder.
#[derive(Clone, Debug)]
pub(super) struct EnvFile {
    file: Option<Rights>,
    folder: Option<Rights>,
    holds_secrets: bool,
}

impl EnvFile {
    pub(super) fn new(path: &Path, holds_secrets: bool) -> Self {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        Self { file: Rights::of(path), folder: Rights::of(folder), holds_secrets }
    }

    /// Returns a problem if other users can change the settings. By changing `DATABASE_URL` or `SMTP_URL`, they could
    /// take over every account.
    pub(super) fn is_open_to_change(&self) -> Option<String> {
        let mode = |rights: Rights| format!("{:03o}", rights.mode & 0o777);
        if let Some(file) = self.file.filter(|file| file.allow(WRITE)) {
            let mode = mode(file);
            return Some(format!(".env can be changed by other users (mode {mode}): run `chmod go-w .env`"));
        }
        let folder = self.folder.filter(|folder| folder.allow(EVERYBODY_WRITES) && !folder.allow(STICKY))?;
        let mode = mode(folder);
        Some(format!(
            ".env can be replaced by other users, because they can write to its folder (mode {mode}): run `chmod go-w .`"
        ))
    }

    /// Returns warnings if another user owns `.env`, or if every user can read the secrets in it.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(file) = self.file else { return Vec::new() };
        let mut warnings = Vec::new();
        if file.is_anothers {
            warnings.push(".env belongs to another user, who can change it".to_owned());
        }
        if self.holds_secrets && file.allow(EVERYBODY_READS) {
            let mode = file.mode & 0o777;
            warnings.push(format!(
                ".env contains secrets and can be read by every user (mode {mode:03o}): run `chmod o-r .env`"
            ));
        }
        warnings
    }
}
