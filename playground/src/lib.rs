//! The web pages of Gatehouse, as files within the program.
//!
//! `build.rs` runs npm and Vite over the folders beside it, one a page, and embeds what comes out: `graphiql/index.html` and
//! the like, and `assets/`, whose names change with their contents. Where the build had no Node.js there are no files.

/// What was built: paths, with `.gz` where a file is compressed, and contents, in the order of the paths.
static BUILT: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/files.rs"));

/// A file of the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct File {
    /// What it holds, as sent.
    pub bytes: &'static [u8],
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its `Content-Encoding`.
    pub encoding: Option<&'static str>,
    /// Whether its path changes with its contents, so that it may be kept for ever.
    pub is_immutable: bool,
}

/// The file of a path such as `graphiql/index.html`.
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

/// The paths of all files.
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
