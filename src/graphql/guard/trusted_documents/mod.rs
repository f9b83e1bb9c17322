//! Trusted documents: those that the TypeScript client and the demo send, and those in the manifests of `TRUSTED_DOCUMENTS`.
//! Clients can send the ID of a trusted document instead of its text, and each document also has a REST endpoint. If
//! `TRUSTED_DOCUMENTS` is set, no other documents run.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    sync::Arc,
};

use apollo_compiler::{ast::Document, parser::Parser};
use aws_lc_rs::digest::{SHA256, digest};

use super::limits::check_text;
use crate::config::GraphqlLimits;
use manifest::Entry;
use operation::with_typenames;

mod manifest;
mod operation;

pub use operation::TrustedOperation;

/// The size limit of a manifest, in bytes.
const MAX_MANIFEST: u64 = 16 * 1024 * 1024;

/// The documents that the server knows, whether or not it runs others.
#[derive(Debug, Default)]
pub struct TrustedDocuments {
    /// The texts, by their IDs in the manifests and by their SHA-256 digests in hexadecimal.
    texts: HashMap<String, Arc<str>>,
    /// The operations, by name.
    operations: BTreeMap<String, TrustedOperation>,
    /// The texts of the built-in documents, as clients send them and as their endpoints run them.
    built_in: HashSet<String>,
    /// The texts in their canonical form, so that whitespace makes no difference. `None` if every document may run.
    only: Option<HashSet<String>>,
}

impl TrustedDocuments {
    /// Reads the built-in manifests, and the manifests in `folder` if it is given. If documents in two manifests have operations
    /// with the same name, both documents are trusted. The endpoint with that name runs the built-in document or, if neither is
    /// built in, the document from the file whose name is later in alphabetical order.
    ///
    /// # Errors
    /// Returns everything that is wrong with the manifests. The documents are not validated.
    pub fn load(folder: Option<&Path>, limits: &GraphqlLimits) -> Result<Self, Vec<String>> {
        let mut trusted = Self { only: folder.is_some().then(HashSet::new), ..Self::default() };
        let mut problems = Vec::new();
        for manifest in playground::TRUSTED_DOCUMENTS {
            trusted.add_manifest("built-in", manifest, None, &mut problems);
        }
        // the server's own pages use these endpoints
        let built_in = trusted.operations.clone();
        let as_run = built_in.values().map(|operation| operation.text.clone());
        trusted.built_in = trusted.texts.values().map(ToString::to_string).chain(as_run).collect();
        for path in folder.map(manifests).transpose().map_err(|problem| vec![problem])?.unwrap_or_default() {
            let name = path.display().to_string();
            match read(&path) {
                Ok(text) => trusted.add_manifest(&name, &text, Some(limits), &mut problems),
                Err(problem) => problems.push(format!("{name}: {problem}")),
            }
        }
        trusted.operations.extend(built_in);
        if problems.is_empty() { Ok(trusted) } else { Err(problems) }
    }

    fn add_manifest(
        &mut self,
        file: &str,
        text: &str,
        limits: Option<&GraphqlLimits>,
        problems: &mut Vec<String>,
    ) {
        let entries = match manifest::read(text) {
            Ok(entries) => entries,
            Err(problem) => return problems.push(format!("{file}: {problem}")),
        };
        let mut names = HashMap::new();
        for Entry { id, body } in entries {
            let added = self.add(&id, &body, limits).and_then(|name| {
                match names.insert(name.clone(), body.clone()) {
                    Some(other) if other != body => {
                        Err(format!("another document in the file has the name {name}"))
                    }
                    _ => Ok(()),
                }
            });
            if let Err(problem) = added {
                problems.push(format!("{file}: document {id}: {problem}"));
            }
        }
    }

    /// Adds a document, and returns the name of its operation.
    fn add(&mut self, id: &str, text: &str, limits: Option<&GraphqlLimits>) -> Result<String, String> {
        if let Some(limits) = limits {
            check_text(text, limits).map_err(|error| error.message().into_owned())?;
        }
        if id.is_empty() {
            return Err("the ID is empty".to_owned());
        }
        let document = parse(text)?;
        let operation = TrustedOperation::new(&document)?;
        if let Some(only) = &mut self.only {
            only.extend([canonical(&document), canonical(&with_typenames(&document))]);
        }
        let text: Arc<str> = text.into();
        for id in [id.to_owned(), hex::encode(digest(&SHA256, text.as_bytes()))] {
            if self.texts.insert(id, text.clone()).is_some_and(|other| other != text) {
                return Err("another document has the same ID".to_owned());
            }
        }
        let name = operation.name.clone();
        self.operations.insert(name.clone(), operation);
        Ok(name)
    }

    /// Returns the text of the document with this ID: its ID in a manifest, or its SHA-256 digest in hexadecimal, with or
    /// without the prefix `sha256:`.
    #[must_use]
    pub fn text(&self, id: &str) -> Option<Arc<str>> {
        let found = self.texts.get(id).or_else(|| self.texts.get(id.strip_prefix("sha256:")?));
        found.cloned()
    }

    /// Returns the operation with this name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&TrustedOperation> {
        self.operations.get(name)
    }

    /// Returns all operations, in the order of their names.
    pub fn operations(&self) -> impl Iterator<Item = &TrustedOperation> {
        self.operations.values()
    }

    /// Returns the IDs and texts of all documents. A document whose manifest ID is not its digest has two IDs.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(id, text)| (id.as_str(), &**text))
    }

    /// Returns whether a text belongs to a built-in document.
    pub(super) fn is_built_in(&self, text: &str) -> bool {
        self.built_in.contains(text)
    }

    /// Returns whether only these documents may run.
    #[must_use]
    pub fn are_exclusive(&self) -> bool {
        self.only.is_some()
    }

    /// Returns whether a document may run.
    pub(super) fn allow(&self, document: &Document) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&canonical(document)))
    }
}

/// Returns the paths of the manifests in a folder, in alphabetical order.
fn manifests(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error| format!("{} cannot be read: {error}", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(format!("{} contains no manifest (*.json)", folder.display()));
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, String> {
    let failed = |error: io::Error| error.to_string();
    // reading a pipe or a device might never end
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err("not a file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(failed)?;
    let length = file.take(MAX_MANIFEST + 1).read_to_string(&mut text).map_err(failed)?;
    if length as u64 > MAX_MANIFEST { Err(format!("more than {MAX_MANIFEST} bytes")) } else { Ok(text) }
}

fn parse(text: &str) -> Result<Document, String> {
    let parsed = Parser::new().parse_ast(text, "document");
    parsed
        .map_err(|wrong| wrong.errors.iter().next().map_or_else(String::new, |found| found.error.to_string()))
}

/// Returns a text that is the same for all documents that differ only in whitespace, commas and comments.
fn canonical(document: &Document) -> String {
    document.serialize().no_indent().to_string()
}
