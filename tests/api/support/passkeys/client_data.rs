//! The client data (§5.8.1): what the browser says about the page.

use serde_json::{Value, json};

use super::Kind;

/// The client data, whose members stay in their order.
#[derive(Clone, Debug)]
pub struct ClientData {
    pub members: Vec<(String, Value)>,
    /// The bytes before the JSON, such as a byte order mark.
    pub leading: Vec<u8>,
    /// The bytes after the JSON.
    pub trailing: Vec<u8>,
    /// Texts to replace in the JSON, and their replacements.
    pub replaced: Vec<(&'static str, &'static [u8])>,
}

impl ClientData {
    /// Prepares the client data as Chromium writes it.
    pub fn new(kind: Kind, challenge: &str, origin: &str) -> Self {
        let kind = match kind {
            Kind::Registration => "webauthn.create",
            Kind::Authentication => "webauthn.get",
        };
        let members = [
            ("type", json!(kind)),
            ("challenge", json!(challenge)),
            ("origin", json!(origin)),
            ("crossOrigin", json!(false)),
        ];
        Self {
            members: members.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            leading: Vec::new(),
            trailing: Vec::new(),
            replaced: Vec::new(),
        }
    }

    /// Changes a member, or adds it at the end.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.members.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value,
            None => self.members.push((name.to_owned(), value)),
        }
    }

    /// Removes a member.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(own, _)| own != name);
    }

    /// Returns the value of a text member.
    pub fn text(&self, name: &str) -> String {
        let (_, value) = self.members.iter().find(|(own, _)| own == name).unwrap();
        value.as_str().unwrap().to_owned()
    }

    /// Returns the JSON as the browser hashes it.
    pub fn bytes(&self) -> Vec<u8> {
        let members: Vec<_> =
            self.members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        let mut json = format!("{{{}}}", members.join(",")).into_bytes();
        for (text, replacement) in &self.replaced {
            let at = json.windows(text.len()).position(|window| window == text.as_bytes()).unwrap();
            json.splice(at..at + text.len(), replacement.iter().copied());
        }
        [&self.leading, &json, &self.trailing].map(Vec::as_slice).concat()
    }
}
