//! The web pages of Gatehouse, embedded in the program.
//!
//! `build.rs` runs npm and Vite over the folders beside it, one for each page, and embeds the result: `graphiql/index.html` and
//! the other pages, the documentation as `docs.html` and `docs/`, and `assets/`, whose names change with their contents. A build
//! without Node.js has no files.

/// The files that were built: paths, with `.gz` if a file is compressed, and contents, in the order of the paths.
static BUILT: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// The documents that the TypeScript client and the demo send: manifests in the format of Apollo Client.
pub static TRUSTED_DOCUMENTS: [&str; 2] =
    [include_str!("../client/trusted-documents.json"), include_str!("../app/trusted-documents.json")];

/// A file of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// The contents, as sent.
    pub bytes: &'static [u8],
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The `Content-Encoding`, if the contents are compressed.
    pub encoding: Option<&'static str>,
    /// Whether the path changes with the contents, so that browsers may cache the file forever.
    pub is_immutable: bool,
}

/// Returns the file with a path such as `graphiql/index.html`.
#[must_use]
pub fn file(path: &str) -> Option<File> {
    let find = |path: &str| {
        let found = BUILT.binary_search_by(|(built, _)| (*built).cmp(path));
        found.ok().map(|at| BUILT[at].1)
    };
    let plain = || find(path).map(|bytes| (bytes, None));
    let packed = || find(&format!("{path}.gz")).map(|bytes| (bytes, Some("gzip")));
    let (bytes, encoding) = plain().or_else(packed)?;
    Some(File {
        bytes,
        content_type: content_type(path),
        encoding,
        is_immutable: path.starts_with("assets/"),
    })
}

/// Returns the paths of all files.
pub fn paths() -> impl Iterator<Item = &'static str> {
    BUILT.iter().map(|(path, _)| path.strip_suffix(".gz").unwrap_or(path))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("ttf") => "font/ttf",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
