//! Errors together with their causes. Without this module, the log would show only the error itself, or show the text
//! of a cause more than once.

use std::{error::Error, fmt};

/// An error whose text includes its causes. See [`with_causes`].
#[derive(Clone, Copy, Debug)]
pub struct Causes<'e>(&'e (dyn Error + 'static));

/// Returns an error for the log. Its text includes every cause, for example
/// `the database is unavailable: connection refused`.
#[must_use]
pub fn with_causes<'e>(error: &'e (dyn Error + 'static)) -> Causes<'e> {
    Causes(error)
}

/// Returns the texts of an error and its causes. Skips a cause whose text is already part of the previous text.
pub fn causes(error: &(dyn Error + 'static)) -> impl Iterator<Item = String> {
    let mut next = Some(error);
    let mut last = None::<String>;
    std::iter::from_fn(move || {
        loop {
            let error = next?;
            next = error.source();
            let text = error.to_string();
            if last.as_ref().is_none_or(|last| !last.contains(&text)) {
                last = Some(text.clone());
                return Some(text);
            }
        }
    })
}

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, text) in causes(self.0).enumerate() {
            f.write_str(if number == 0 { "" } else { ": " })?;
            f.write_str(&text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::fault::Fault;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        source: Option<Box<Link>>,
    }

    #[test]
    fn every_cause_is_told_once() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let text = with_causes(&Fault::Unavailable(refused.into())).to_string();
        assert_eq!(text, "the database is unavailable: connection refused");
        let links = ["query failed: reset by peer", "reset by peer", "reset by peer", "errno 104"];
        let chain = links.iter().rev().fold(None, |source, text| Some(Box::new(Link { text, source })));
        let text = with_causes(&*chain.unwrap()).to_string();
        assert_eq!(text, "query failed: reset by peer: errno 104");
    }
}
