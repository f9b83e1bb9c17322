//! A real mail server for each test, which fails on demand. See `tests/python/smtp_server.py`.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use gatehouse::{
    input::EmailAddress,
    mail::StoredMail,
    outbox::{self, MailKind, MailRequest},
    storage,
};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use super::{
    NO_VERIFICATION, TestApp,
    process::{free_port, output},
    python::python,
};

/// An email, as the server received it.
#[derive(Clone, Debug, Deserialize)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    pub content: String,
    pub tls: bool,
    pub user: Option<String>,
    /// The client's port, which distinguishes connections.
    pub port: u16,
}

impl Received {
    pub fn header(&self, name: &str) -> String {
        let unfolded = self.head().replace("\r\n ", " ");
        let value = unfolded.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name}: {}", self.content)).to_owned()
    }

    pub fn head(&self) -> &str {
        self.content.split("\r\n\r\n").next().unwrap()
    }

    /// Parses the email with Python's `email`.
    pub fn parts(&self) -> Value {
        let script = "import email, email.policy, json, sys\n\
            mail = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)\n\
            parts = list(mail.iter_parts())\n\
            print(json.dumps({'from': str(mail['from']).replace('\"', ''), 'subject': mail['subject'], 'headers': mail.keys(),\n\
                'types': [part.get_content_type() for part in parts],\n\
                'text': parts[0].get_content(), 'html': parts[1].get_content(), 'defects': len(mail.defects)}))";
        let mut command = python(&["-c", script]);
        command.env("PYTHONIOENCODING", "utf-8");
        let read = output(command, &self.content);
        let read: Value = serde_json::from_slice(&read.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&read.stderr)));
        assert_eq!(read["defects"], 0);
        read
    }

    /// Returns the code in the subject.
    pub fn code(&self) -> String {
        let subject = self.parts()["subject"].as_str().unwrap().to_owned();
        subject.split(' ').next().unwrap().to_owned()
    }

    /// Returns the link, after checking that it is in both the text and the HTML.
    pub fn link(&self) -> String {
        let parts = self.parts();
        let text = parts["text"].as_str().unwrap();
        let link = text.split_whitespace().find(|word| word.contains("#token=")).unwrap().to_owned();
        let html = parts["html"].as_str().unwrap().replace("&#x2f;", "/");
        assert!(html.contains(&format!("href=\"{link}\"")), "{parts}");
        link
    }
}

/// The server, stopped when dropped.
pub struct MailServer {
    pub port: String,
    folder: TempDir,
    options: Vec<String>,
    process: Option<Child>,
}

impl MailServer {
    pub fn start(options: &[&str]) -> Self {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { port: free_port(), folder, options, process: None };
        server.answer("ok");
        server.restart();
        server
    }

    /// Sets how the server responds from now on.
    pub fn answer(&self, mode: &str) {
        fs::write(self.folder.path().join("control"), mode).unwrap();
    }

    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    pub fn restart(&mut self) {
        self.stop();
        let path = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (mails, control) = (path("mails"), path("control"));
        let mut command = python(&["smtp_server.py", &self.port, &mails, &control]);
        let mut process = command.args(&self.options).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        self.process = Some(process);
        assert_eq!(line.trim(), "ready", "the mail server could not be started");
    }

    pub fn mails(&self) -> Vec<Received> {
        let text = fs::read_to_string(self.folder.path().join("mails")).unwrap_or_default();
        // the last one may be incomplete
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Starts a Gatehouse server that sends its emails here, but none for a sign-up.
    pub async fn app(&self, database: super::Database) -> TestApp {
        self.app_with(database, &[NO_VERIFICATION]).await
    }

    /// Starts a Gatehouse server that sends its emails here.
    pub async fn app_with(&self, database: super::Database, settings: &[(&str, &str)]) -> TestApp {
        let (url, from) = (self.url(), ("EMAIL_FROM", FROM));
        TestApp::with(database, &[&[("SMTP_URL", url.as_str()), from], settings].concat()).await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.stop();
    }
}

pub const FROM: &str = "accounts@example.org";

impl TestApp {
    /// Writes an email into the outbox.
    pub async fn order(&self, kind: MailKind, to: &str, user_id: &str) -> Uuid {
        let (to, user_id) = (EmailAddress::parse(to).unwrap(), user_id.parse().ok());
        let good_for = std::time::Duration::from_hours(48);
        let row =
            outbox::row(&self.app, MailRequest { kind, to: &to, user_id, challenge_id: None, good_for });
        let id = row.id;
        self.app.db.write_one(async move |txn| storage::outbox::insert(&txn, row).await).await.unwrap();
        outbox::wake(&self.app);
        id
    }

    /// Sends the emails that are due, and returns those in the mailbox to this address, newest first.
    pub async fn inbox(&self, to: &str) -> Vec<Arc<StoredMail>> {
        outbox::send_due(&self.app).await.unwrap();
        let key = EmailAddress::parse(to).unwrap().key().to_owned();
        let mut mails = self.app.mailer.mailbox().unwrap().list();
        mails.retain(|mail| mail.to_key == key);
        // several emails are sent at the same time, in any order
        mails.sort_by_key(|mail| std::cmp::Reverse(mail.id));
        mails
    }
}

/// Creates a certificate authority and certificates that it has signed: `ca.pem`, and `<name>.pem` with `<name>.key`.
pub fn certificates(folder: &Path, leaves: &[(&str, &str)]) {
    let openssl = |arguments: &[&str]| {
        let ended = Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    };
    let new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let authority =
        ["req", "-x509", "-subj", "/CN=Test CA", "-days", "9", "-keyout", "ca.key", "-out", "ca.pem"];
    openssl(&[&authority[..], &new_key].concat());
    for (name, alternative) in leaves {
        let (key, request, certificate) =
            (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"));
        openssl(&[&["req", "-subj", "/CN=leaf", "-keyout", &key, "-out", &request], &new_key[..]].concat());
        // rustls rejects a server certificate that is also the certificate of an authority
        let extensions = format!("basicConstraints=CA:FALSE\nsubjectAltName={alternative}\n");
        fs::write(folder.join("extensions"), extensions).unwrap();
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-CAcreateserial",
            "-days",
            "9",
            "-extfile",
            "extensions",
            "-out",
            &certificate,
        ]);
    }
}
