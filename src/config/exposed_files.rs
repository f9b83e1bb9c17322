//! Files and folders of Gatehouse that other users of this machine may read or change.

use std::path::Path;

use super::{
    database::{DatabaseConfig, DatabaseUrl},
    mail::MailConfig,
    mode::Mode,
    rights::{ANYTHING, Rights, WRITE},
    server::ServerConfig,
    smtp_url::MailWay,
};

/// Returns a warning for each file and folder that other users can read or change, but should not be able to. Does not
/// correct the permissions, because they may be intentional.
pub(super) fn warnings(
    mode: Mode,
    server: &ServerConfig,
    database: &DatabaseConfig,
    mail: &MailConfig,
) -> Vec<String> {
    let data_dir = database.data_dir.as_path();
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
    let file = match &database.url {
        DatabaseUrl::Sqlite(path) => Some(path.as_path()),
        DatabaseUrl::Postgres(_) => None,
    };
    let folder = file.and_then(Path::parent);
    if mode == Mode::Dev || folder == Some(data_dir) {
        check(data_dir, ANYTHING, "700");
        check(&data_dir.join("secret_key"), ANYTHING, "600");
    }
    // others may read a folder that is not Gatehouse's own, but must not be able to write to it
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
    for path in [&mail.templates_dir, &mail.ca_file, &server.trusted_documents].into_iter().flatten() {
        check(path, WRITE, "go-w");
    }
    // the manifests decide which documents run
    let manifests = server.trusted_documents.as_ref().and_then(|folder| folder.read_dir().ok());
    for manifest in manifests.into_iter().flatten().flatten() {
        check(&manifest.path(), WRITE, "go-w");
    }
    warnings
}
