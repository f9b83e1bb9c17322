//! Third-party libraries that verify passkeys.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde::Deserialize;

use super::ceremonies::Ceremony;
use crate::support::{
    node::{start, text},
    python::python,
};

/// A library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Judge {
    /// `@simplewebauthn/server`, see `tests/node/passkey_judge.mjs`.
    SimpleWebAuthn,
    /// `webauthn`, see `tests/python/passkey_judge.py`.
    PyWebAuthn,
}

/// A library's decision about a ceremony.
#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub accepted: bool,
    pub reason: String,
}

impl Judge {
    /// Every judge.
    pub const ALL: [Self; 2] = [Self::SimpleWebAuthn, Self::PyWebAuthn];

    /// Decides about ceremonies. May block.
    pub fn judge(self, ceremonies: &[Ceremony]) -> Vec<Verdict> {
        let mut command: Command = match self {
            Self::SimpleWebAuthn => start(&["passkey_judge.mjs"]),
            Self::PyWebAuthn => python(&["passkey_judge.py"]),
        };
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // the scripts read everything before they write
        child.stdin.take().unwrap().write_all(&serde_json::to_vec(ceremonies).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        let verdicts: Vec<Verdict> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(verdicts.len(), ceremonies.len());
        verdicts
    }
}
