//! Trusted documents: those that the TypeScript client and the demo send, and those of the manifests in `TRUSTED_DOCUMENTS`.
//! Clients can send the ID of a trusted document instead of its text, and each one is also a REST endpoint. If the setting is
//! set, no other documents run.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
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
    /// The texts, by the IDs of the manifests and by their SHA-256 digests in hexadecimal.
    texts: HashMap<String, Arc<str>>,
    /// The operations, by name.
    operations: BTreeMap<String, TrustedOperation>,
    /// The texts in their canonical form, so that whitespace makes no difference. `None` if every document may run.
    only: Option<HashSet<String>>,
}

impl TrustedDocuments {
    /// Reads the built-in manifests, and those in `folder` if there is one. If two manifests have an operation of the same name,
    /// both documents are trusted, and the endpoint runs the built-in one, or else that of the later file in alphabetical order.
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
                        Err(format!("another document of the file has the name {name}"))
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

    /// Returns the text of the document with this ID: one of a manifest, or the SHA-256 digest in hexadecimal, with or without
    /// the prefix `sha256:`.
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

    /// Returns the IDs and texts of all documents. Most have two IDs.
    pub(super) fn documents(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(id, text)| (id.as_str(), &**text))
    }

    /// Returns whether no other documents may run.
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
    let failed = |error: std::io::Error| error.to_string();
    if fs::metadata(path).map_err(failed)?.len() > MAX_MANIFEST {
        return Err(format!("more than {MAX_MANIFEST} bytes"));
    }
    fs::read_to_string(path).map_err(failed)
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
