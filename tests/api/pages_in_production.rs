//! The pages behind links in emails, with a production server and real emails.

use std::{fs, path::Path, time::Duration};

use gatehouse::secrets::SecretKey;
use serde_json::{Value, json};

use crate::{
    pages::{LINK, NEW},
    support::{
        EMAIL, PASSWORD,
        mail_server::{FROM, MailServer, Received},
        node::browse,
        process::{Server, free_port, gatehouse},
    },
};

/// A production server, its log, and the mail server that it uses.
struct Production {
    server: Option<Server>,
    mail: MailServer,
    folder: tempfile::TempDir,
    settings: Vec<(String, String)>,
    url: String,
}

impl Production {
    async fn start() -> Self {
        let (mail, folder, port) = (MailServer::start(&[]), tempfile::tempdir().unwrap(), free_port());
        let url = format!("http://127.0.0.1:{port}");
        let settings = [
            LINK[0],
            LINK[1],
            ("SECRET_KEY", &SecretKey::generate().1),
            ("DATABASE_URL", "sqlite://accounts.db"),
            ("PUBLIC_URL", &url),
            ("PORT", &port),
            ("SMTP_URL", &mail.url()),
            ("EMAIL_FROM", FROM),
            ("RUST_LOG", "trace,sqlx=info"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let mut production = Self { server: None, mail, folder, settings, url };
        production.restart().await;
        production
    }

    async fn restart(&mut self) {
        let settings: Vec<_> =
            self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let log = fs::File::options().append(true).create(true).open(self.log()).unwrap();
        let mut command = gatehouse(self.folder.path(), &["serve", "--migrate"], &settings);
        let child = command.stderr(log).spawn().unwrap();
        self.server = Some(Server { child, url: self.url.clone() });
        while reqwest::get(format!("{}/health/ready", self.url)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("log")
    }

    async fn run(&self, query: &str) -> Value {
        self.server.as_ref().unwrap().run(&reqwest::Client::new(), query).await.unwrap()["data"].clone()
    }

    async fn mail(&self, subject: &str) -> Received {
        loop {
            let mails = self.mail.mails();
            if let Some(mail) = mails.into_iter().find(|mail| mail.header("Subject").contains(subject)) {
                return mail;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn login(&self, password: &str) -> Value {
        let query = format!(
            "mutation {{ login(input: {{ identifier: \"{EMAIL}\", password: \"{password}\" }}) {{ __typename ... on AuthPayload {{ user {{ emailVerified sessions {{ id }} }} accessToken }} ... on UserError {{ code }} }} }}"
        );
        self.run(&query).await["login"].clone()
    }
}

/// Asserts that the token appears in no request URL, referrer, address bar or log.
fn is_nowhere(link: &str, seen: &Value, log: &str) {
    let token = link.split_once("#token=").unwrap().1;
    for request in seen["requests"].as_array().unwrap() {
        // the browser reports URLs with the fragment, which it never sends
        let url = request[1].as_str().unwrap().split('#').next().unwrap();
        assert!(!url.contains(token) && request[2].is_null(), "{request}");
    }
    for read in seen["reads"].as_array().unwrap() {
        assert!(!read["url"].as_str().unwrap().contains('#'), "{read}");
    }
    assert!(log.contains("/activate") || log.contains("/reset-password"), "the log has no requests");
    assert!(!log.contains(token), "the token is in the log");
    assert_eq!(seen["complaints"], json!([]), "the browser reported errors");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_in_real_mails_work_and_leak_no_token() {
    let production = Production::start().await;
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    assert_eq!(production.run(&signup).await["signup"]["__typename"], "EmailChallenge");
    let link = production.mail("Confirm").await.link();
    assert!(link.starts_with(&format!("{}/activate#token=", production.url)), "{link}");

    // merely opening the link does not use it
    let opened = browse(&json!([["open", link], ["read"], ["open", link], ["read"]]));
    assert_eq!(opened["reads"][0]["title"], "Confirm your email address");
    assert_eq!(opened["reads"][0]["button"], "Confirm I don’t know the password. Confirm without it");
    let posts = opened["requests"].as_array().unwrap().iter().filter(|request| request[0] != "GET");
    assert_eq!(posts.count(), 0);
    assert_eq!(production.login(PASSWORD).await["__typename"], "EmailChallenge");

    // by keyboard alone; a wrong password does not use the link
    let confirm = json!([
        ["open", link],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
        ["type", NEW],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", PASSWORD],
        ["press", "Enter"],
        ["read"],
    ]);
    let seen = browse(&confirm);
    assert_eq!(seen["reads"][0]["fault"], "Enter your password.");
    let wrong = &seen["reads"][1];
    assert!(
        wrong["fault"].as_str().unwrap().starts_with("This is not the password chosen at sign-up."),
        "{wrong}"
    );
    assert_eq!(wrong["focus"], "password");
    let read = &seen["reads"][2];
    assert_eq!(
        (&read["title"], &read["focus"]),
        (&json!("Your email address is confirmed"), &json!("title"))
    );
    assert_eq!(read["notice"], "You can close this page and sign in.");
    let login = production.login(PASSWORD).await;
    assert_eq!(login["user"]["emailVerified"], true);
    assert_eq!(login["user"]["sessions"].as_array().unwrap().len(), 1, "the page's own session has ended");
    is_nowhere(&link, &seen, &fs::read_to_string(production.log()).unwrap());
    let again = json!([["open", link], ["press", "Tab"], ["type", PASSWORD], ["press", "Enter"], ["read"]]);
    let again = browse(&again);
    assert_eq!(again["reads"][0]["title"], "This link no longer works");
    assert_eq!(again["reads"][0]["button"], "Send me a new link");

    let request = format!("mutation {{ requestPasswordReset(email: \"{EMAIL}\") {{ __typename }} }}");
    production.run(&request).await;
    let link = production.mail("Choose a new").await.link();
    assert!(link.starts_with(&format!("{}/reset-password#token=", production.url)), "{link}");
    let steps = json!([
        ["open", link],
        ["press", "Tab"],
        ["type", "short"],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", "password1"],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", NEW],
        ["press", "Enter"],
        ["read"],
        ["open", link],
        ["press", "Tab"],
        ["type", NEW],
        ["press", "Enter"],
        ["read"],
    ]);
    let seen = browse(&steps);
    let reads = &seen["reads"];
    assert_eq!(
        (&reads[0]["fault"], &reads[0]["focus"]),
        (&json!("A password must have at least 8 characters."), &json!("password"))
    );
    assert!(reads[1]["fault"].as_str().unwrap().contains("too easy to guess"), "{}", reads[1]);
    assert_eq!((&reads[2]["title"], &reads[2]["fault"]), (&json!("Your new password is set"), &Value::Null));
    assert_eq!(reads[3]["title"], "This link no longer works");
    is_nowhere(&link, &seen, &fs::read_to_string(production.log()).unwrap());
    assert_eq!(production.login(PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(production.login(NEW).await["__typename"], "AuthPayload");
}
