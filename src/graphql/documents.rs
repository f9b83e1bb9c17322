//! Documents that were parsed before, by their text. Clients send the same few again and again, and parsing one takes longer
//! than copying it.

use std::sync::Arc;

use async_graphql::parser::types::ExecutableDocument;
use quick_cache::{Weighter, sync::Cache};

/// The most that is kept, in bytes of text: a few hundred documents of usual size. Parsed, a document that the guard lets
/// pass takes at most some hundred times that.
const MOST: u64 = 64 * 1024;

/// How many documents it is made for. It holds more or fewer.
const USUAL: usize = 256;

/// Parsed documents. Clones share them.
#[derive(Clone, Debug)]
pub struct Documents(Arc<Cache<String, Arc<ExecutableDocument>, Bytes>>);

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<String, Arc<ExecutableDocument>> for Bytes {
    fn weight(&self, text: &String, _: &Arc<ExecutableDocument>) -> u64 {
        text.len() as u64
    }
}

impl Default for Documents {
    fn default() -> Self {
        Self(Arc::new(Cache::with_weighter(USUAL, MOST, Bytes)))
    }
}

impl Documents {
    /// The document of this text, if it is kept: then its text was found good.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<ExecutableDocument> {
        self.0.get(text).map(|document| ExecutableDocument::clone(&document))
    }

    /// Keeps a document.
    pub fn keep(&self, text: &str, document: &ExecutableDocument) {
        self.0.insert(text.to_owned(), Arc::new(document.clone()));
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::*;

    #[test]
    fn what_is_kept_is_bounded_whatever_is_sent() {
        let documents = Documents::default();
        let text = |n: usize| format!("{{ me {{ id }} }} #{n} {}", "x".repeat(n % 500));
        for n in 0..5000 {
            documents.keep(&text(n), &parse_query(text(n)).unwrap());
        }
        assert!(documents.0.weight() <= MOST, "{}", documents.0.weight());
        assert!(documents.0.len() > 50);
        let kept = (0..5000).filter(|n| documents.find(&text(*n)).is_some()).count();
        assert_eq!(kept, documents.0.len());
    }
}
