//! Who else on this machine may read or change the files that Gatehouse relies on. Where the system has no mode bits, nothing
//! is known of that.

use std::path::Path;

use super::{DatabaseUrl, MailConfig, MailWay, Mode};

/// What others than the owner may do.
const ANYTHING: u32 = 0o077;
const WRITE: u32 = 0o022;
const EVERYBODY_READS: u32 = 0o004;
const EVERYBODY_WRITES: u32 = 0o002;
/// In a folder with this bit nobody replaces the files of others.
const STICKY: u32 = 0o1000;

/// The rights to a file or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rights {
    mode: u32,
    /// Whether the owner is neither the user that runs this process nor root.
    is_anothers: bool,
}

impl Rights {
    /// Returns `None` if there is no such file.
    #[cfg(unix)]
    fn of(path: &Path) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let file = std::fs::metadata(path).ok()?;
        let is_anothers = ![0, rustix::process::geteuid().as_raw()].contains(&file.uid());
        Some(Self { mode: file.mode() & 0o7777, is_anothers })
    }

    #[cfg(not(unix))]
    fn of(_: &Path) -> Option<Self> {
        None
    }

    fn allow(self, bits: u32) -> bool {
        self.mode & bits != 0
    }
}

/// The file `.env`, as others may deal with it.
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

    /// Returns why the settings in it may be somebody else's. By `DATABASE_URL` or `SMTP_URL` alone these have every account.
    pub(super) fn is_open_to_change(&self) -> Option<String> {
        let mode = |rights: Rights| format!("{:03o}", rights.mode & 0o777);
        if let Some(file) = self.file.filter(|file| file.allow(WRITE)) {
            let mode = mode(file);
            return Some(format!(".env can be changed by other users (mode {mode}): run `chmod go-w .env`"));
        }
        let folder = self.folder.filter(|folder| folder.allow(EVERYBODY_WRITES) && !folder.allow(STICKY))?;
        let mode = mode(folder);
        Some(format!(
            ".env can be replaced by other users, for its folder is theirs to change (mode {mode}): run `chmod o-w .`"
        ))
    }

    /// Returns what else its owner should know.
    pub(super) fn warnings(&self) -> Vec<String> {
        let Some(file) = self.file else { return Vec::new() };
        let mut warnings = Vec::new();
        if file.is_anothers {
            warnings.push(".env belongs to another user, who can change it".to_owned());
        }
        if self.holds_secrets && file.allow(EVERYBODY_READS) {
            let mode = file.mode & 0o777;
            warnings.push(format!(
                ".env holds secrets and can be read by every user (mode {mode:03o}): run `chmod o-r .env`"
            ));
        }
        warnings
    }
}

/// Returns a warning for each file and folder that others may read or change and should not. Nothing is mended unasked: the
/// operator may have meant it.
pub(super) fn warnings(
    mode: Mode,
    data_dir: &Path,
    database: &DatabaseUrl,
    mail: &MailConfig,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut check = |path: &Path, bits: u32, mend: &str| {
        if let Some(rights) = Rights::of(path).filter(|rights| rights.allow(bits)) {
            let what = if bits == WRITE { "changed" } else { "read or changed" };
            warnings.push(format!(
                "{path} can be {what} by other users (mode {:03o}): run `chmod {mend} {path}`",
                rights.mode & 0o777,
                path = path.display()
            ));
        }
    };
    let file = match database {
        DatabaseUrl::Sqlite(path) => Some(path.as_path()),
        DatabaseUrl::Postgres(_) => None,
    };
    let folder = file.and_then(Path::parent);
    if mode == Mode::Dev || folder == Some(data_dir) {
        check(data_dir, ANYTHING, "700");
        check(&data_dir.join("secret_key"), ANYTHING, "600");
    }
    // any other folder is not Gatehouse's own: others may enter it
    match folder {
        Some(folder) if folder == Path::new("") => check(Path::new("."), WRITE, "go-w"),
        Some(folder) if folder != data_dir => check(folder, WRITE, "go-w"),
        _ => {}
    }
    for suffix in ["", "-wal", "-shm"] {
        if let Some(file) = file {
            let mut name = file.as_os_str().to_owned();
            name.push(suffix);
            check(Path::new(&name), ANYTHING, "600");
        }
    }
    if let Some(MailWay::Folder(folder)) = &mail.way {
        check(folder, ANYTHING, "700");
    }
    for path in [&mail.templates_dir, &mail.ca_file].into_iter().flatten() {
        check(path, WRITE, "go-w");
    }
    warnings
}
