//! Replies of mail servers of all kinds: the reply code decides, and an accepted email is not sent again.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gatehouse::{
    outbox::{MailKind, send_due},
    storage::outbox,
};
use rstest::rstest;
use sea_orm::EntityTrait;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::support::{EMAIL, NO_VERIFICATION, Sqlite, TestApp, database::connect, mail_server::FROM};

/// The exact replies of the server. After a reply without a final line break it closes the connection.
#[derive(Clone)]
struct Script {
    greeting: Vec<u8>,
    ehlo: Vec<u8>,
    recipient: Vec<u8>,
    starttls: Vec<u8>,
    /// The reply after the final dot.
    taken: Vec<u8>,
}

impl Default for Script {
    fn default() -> Self {
        let usual = |text: &str| text.as_bytes().to_vec();
        Self {
            greeting: usual("220 mail.test ready\r\n"),
            ehlo: usual("250-mail.test\r\n250 8BITMIME\r\n"),
            recipient: usual("250 known\r\n"),
            starttls: usual("454 not now\r\n"),
            taken: usual("250 taken\r\n"),
        }
    }
}

#[derive(Clone, Default)]
struct Server {
    script: Arc<Mutex<Script>>,
    mails: Arc<Mutex<Vec<String>>>,
    commands: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let server = self.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let server = server.clone();
                // a client that disconnects ends only its own connection
                tokio::spawn(async move { drop(server.talk(stream).await) });
            }
        });
        url
    }

    async fn talk(&self, stream: TcpStream) -> std::io::Result<()> {
        let script = || self.script.lock().unwrap().clone();
        let mut stream = BufReader::new(stream);
        let mut reply = script().greeting;
        loop {
            stream.write_all(&reply).await?;
            if !reply.ends_with(b"\n") {
                return stream.shutdown().await;
            }
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            self.commands.lock().unwrap().push(line.trim_end().to_owned());
            reply = match line.split_whitespace().next().unwrap_or_default() {
                "EHLO" => script().ehlo,
                "RCPT" => script().recipient,
                "AUTH" if line.contains("LOGIN") => b"334 VXNlcm5hbWU6\r\n".to_vec(),
                "AUTH" | "aHVzaA==" => b"235 welcome\r\n".to_vec(),
                "YWRh" => b"334\r\n".to_vec(),
                "STARTTLS" => script().starttls,
                "DATA" => {
                    stream.write_all(b"354 go on\r\n").await?;
                    let mut mail = Vec::new();
                    while !mail.ends_with(b"\r\n.\r\n") {
                        mail.push(stream.read_u8().await?);
                    }
                    self.mails.lock().unwrap().push(String::from_utf8(mail).unwrap());
                    script().taken
                }
                _ => b"250 ok\r\n".to_vec(),
            };
        }
    }

    async fn app(&self, login: &str) -> TestApp {
        let url = format!("smtp://{login}{}", self.start().await);
        let settings = [NO_VERIFICATION, ("SMTP_URL", &url), ("EMAIL_FROM", FROM), ("MAIL_RATE", "1000/1s")];
        TestApp::with(Sqlite, &settings).await
    }
}

/// Sends an email whenever it becomes due within half an hour. Returns its final state and the last error.
async fn outcome(app: &TestApp, user_id: &str) -> (&'static str, String) {
    let id = app.order(MailKind::PasswordChanged, EMAIL, user_id).await;
    for _ in 0..3 {
        send_due(&app.app).await.unwrap();
        app.advance(Duration::from_mins(10));
    }
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let row = outbox::Entity::find_by_id(id).one(&rows).await.unwrap().unwrap();
    let state = match (row.sent_at, row.failed_at, row.due_at) {
        (Some(_), None, None) => "sent",
        (None, Some(_), None) => "failed",
        _ => "waits",
    };
    (state, row.last_error.unwrap_or_default())
}

const LATIN_1: &[u8] = b"angenommen f\xfcr ada";

/// Replies to the final dot: how often the email is sent in three rounds, its state in the outbox, and the error.
#[tokio::test(flavor = "multi_thread")]
async fn the_reply_code_decides_and_an_accepted_mail_is_sent_once() {
    let server = Server::default();
    let app = server.app("").await;
    let ada = app.sign_up(EMAIL).await.user_id;
    let with =
        |before: &str, words: &[u8], after: &str| [before.as_bytes(), words, after.as_bytes()].concat();
    let long = "x".repeat(5000);
    let endless = "250-more\r\n".repeat(20_000);
    let utf_16: Vec<u8> = "250 ok\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let table: Vec<(Vec<u8>, usize, &str, &str)> = vec![
        // 2xx, with any text
        (b"250 2.0.0 taken\r\n".to_vec(), 1, "sent", ""),
        (with("250 ", LATIN_1, "\r\n"), 1, "sent", ""),
        ("250 angenommen für ada\r\n".into(), 1, "sent", ""),
        ("250 принято\r\n".into(), 1, "sent", ""),
        (with("250 ", b"\xc7\xcf\xce\xd2", "\r\n"), 1, "sent", ""),
        (with("250 ", b"\x82\xb1\x82\xea\x00\xff\xfe", "\r\n"), 1, "sent", ""),
        (b"250\r\n".to_vec(), 1, "sent", ""),
        (b"250 \r\n".to_vec(), 1, "sent", ""),
        (b"250\tok\r\n".to_vec(), 1, "sent", ""),
        (b"250 ok\n".to_vec(), 1, "sent", ""),
        (b"200 ok\r\n".to_vec(), 1, "sent", ""),
        (b"251 forwarded\r\n".to_vec(), 1, "sent", ""),
        (b"\r\n250 ok\r\n".to_vec(), 1, "sent", ""),
        (b"250-taken\r\n250-as 4711\r\n250 bye\r\n".to_vec(), 1, "sent", ""),
        (b"250-taken\r\n250\r\n".to_vec(), 1, "sent", ""),
        (with("250-", LATIN_1, "\r\n250 bye\r\n"), 1, "sent", ""),
        (b"250-taken, in a line\r\nthat was broken\r\n250 bye\r\n".to_vec(), 1, "sent", ""),
        (format!("250 {long}\r\n").into(), 1, "sent", ""),
        (format!("250-{long}\r\n250 {long}\r\n").into(), 1, "sent", ""),
        (endless.into(), 1, "sent", ""),
        (b"250 ok\r\n250 ok\r\n".to_vec(), 1, "sent", ""),
        // the connection ends within the reply
        (b"250".to_vec(), 1, "sent", ""),
        (b"250 tak".to_vec(), 1, "sent", ""),
        (b"250-taken\r\n250-and".to_vec(), 1, "sent", ""),
        (with("250 ", LATIN_1, ""), 1, "sent", ""),
        // the last line decides
        (b"250-a\r\n550 b\r\n".to_vec(), 1, "failed", "message: 550 a b"),
        (b"550-a\r\n250 b\r\n".to_vec(), 1, "sent", ""),
        // 5xx
        (b"554 5.6.0 not wanted\r\n".to_vec(), 1, "failed", "message: 554 5.6.0 not wanted"),
        (with("550 ", b"abgelehnt f\xfcr ada", "\r\n"), 1, "failed", "message: 550 abgelehnt für ada"),
        (b"550\r\n".to_vec(), 1, "failed", "message: 550"),
        (b"550-no\r\n550-never\r\n550 bye\r\n".to_vec(), 1, "failed", "message: 550 no never bye"),
        (b"552 no".to_vec(), 1, "failed", "message: 552 no"),
        // 4xx, and replies that do not belong here: the server has not accepted the email
        (b"451 4.7.1 greylisted\r\n".to_vec(), 3, "waits", "message: 451 4.7.1 greylisted"),
        (with("451 ", b"sp\xe4ter", "\r\n"), 3, "waits", "message: 451 später"),
        (b"421 closing\r\n".to_vec(), 3, "waits", "message: 421 closing"),
        (b"421 closing".to_vec(), 3, "waits", "message: 421 closing"),
        (b"452-no room\r\n452 today\r\n".to_vec(), 3, "waits", "message: 452 no room today"),
        (b"354 go on\r\n".to_vec(), 3, "waits", "message: 354 go on"),
        // no reply at all (RFC 5321 §6.1)
        (Vec::new(), 3, "waits", "message: the server closed the connection"),
        // an unreadable reply may mean that the email was accepted
        (b"ok\r\n".to_vec(), 1, "failed", "may have been accepted"),
        (b"2".to_vec(), 1, "failed", "may have been accepted"),
        (b"25O ok\r\n".to_vec(), 1, "failed", "may have been accepted"),
        (b"2500 ok\r\n".to_vec(), 1, "failed", "may have been accepted"),
        (b"199 ok\r\n".to_vec(), 1, "failed", "may have been accepted"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), 1, "failed", "may have been accepted"),
        (b"\x15\x03\x01\x00\x02\x02\x46\n".to_vec(), 1, "failed", "may have been accepted"),
        (utf_16, 1, "failed", "may have been accepted"),
    ];
    assert!(table.len() >= 25);
    for (taken, deliveries, state, words) in table {
        let shown = String::from_utf8_lossy(&taken[..taken.len().min(60)]).into_owned();
        server.mails.lock().unwrap().clear();
        *server.script.lock().unwrap() = Script { taken, ..Script::default() };
        let (became, said) = outcome(&app, &ada).await;
        assert_eq!((became, server.mails.lock().unwrap().len()), (state, deliveries), "{shown:?}: {said}");
        assert!(said.contains(words), "{shown:?}: {said}");
        let mails = server.mails.lock().unwrap().clone();
        assert!(mails.iter().all(|mail| *mail == mails[0]), "copies of one email differ");
        // leaves no email for the next row
        app.sql("UPDATE outbox SET due_at = NULL, class = NULL, turn = NULL").await;
    }
}

/// Replies before the email is sent: a retry is safe, because nothing was accepted, unless the recipient is refused.
#[rstest]
#[case::latin_1_greeting(Script { greeting: b"220 gr\xfc\xdf Gott\r\n".to_vec(), ..Script::default() }, "sent")]
#[case::bare_greeting(Script { greeting: b"220\r\n".to_vec(), ..Script::default() }, "sent")]
#[case::long_greeting(Script { greeting: b"220-hello\r\n220-\r\n220 ready\r\n".to_vec(), ..Script::default() }, "sent")]
#[case::refusing_greeting(Script { greeting: b"554 f\xfcr niemanden\r\n".to_vec(), ..Script::default() }, "waits")]
#[case::not_a_mail_server(Script { greeting: b"SSH-2.0-OpenSSH_9.6\r\n".to_vec(), ..Script::default() }, "waits")]
#[case::latin_1_ehlo(Script { ehlo: b"250-gr\xfc\xdf Gott\r\n250 8bitmime\r\n".to_vec(), ..Script::default() }, "sent")]
#[case::bare_ehlo(Script { ehlo: b"250\r\n".to_vec(), ..Script::default() }, "sent")]
#[case::latin_1_recipient(Script { recipient: b"250 f\xfcr ada\r\n".to_vec(), ..Script::default() }, "sent")]
#[case::refused_recipient(Script { recipient: b"550 kein Postfach f\xfcr ada\r\n".to_vec(), ..Script::default() }, "failed")]
#[case::greylisted_recipient(Script { recipient: b"450 sp\xe4ter\r\n".to_vec(), ..Script::default() }, "waits")]
#[case::invalid_reply_to_the_recipient(Script { recipient: b"f\xfcr ada\r\n".to_vec(), ..Script::default() }, "waits")]
#[tokio::test(flavor = "multi_thread")]
async fn the_text_of_a_reply_before_the_mail_does_not_matter(#[case] script: Script, #[case] state: &str) {
    let server = Server::default();
    *server.script.lock().unwrap() = script;
    let app = server.app("").await;
    let ada = app.sign_up(EMAIL).await.user_id;
    let (became, said) = outcome(&app, &ada).await;
    assert_eq!(became, state, "{said}");
    assert_eq!(server.mails.lock().unwrap().len(), usize::from(state == "sent"));
}

#[rstest]
#[case("250-mail.test\r\n250-auth login plain\r\n250 8bitmime\r\n", "AUTH PLAIN AGFkYQBodXNo")]
#[case("250-mail.test\r\n250 Auth Plain\r\n", "AUTH PLAIN AGFkYQBodXNo")]
#[case("250-mail.test\r\n250 auth=plain\r\n", "AUTH PLAIN AGFkYQBodXNo")]
#[case("250-mail.test\r\n250-AUTH\tXOAUTH2\r\n250 aUtH  pLaIn \r\n", "AUTH PLAIN AGFkYQBodXNo")]
#[case("250-mail.test\r\n250 auth cram-md5 login\r\n", "AUTH LOGIN")]
#[tokio::test(flavor = "multi_thread")]
async fn extensions_are_matched_in_any_case(#[case] ehlo: &str, #[case] command: &str) {
    let server = Server::default();
    *server.script.lock().unwrap() = Script { ehlo: ehlo.into(), ..Script::default() };
    let app = server.app("ada:hush@").await;
    let ada = app.sign_up(EMAIL).await.user_id;
    assert_eq!(outcome(&app, &ada).await, ("sent", String::new()));
    let commands = server.commands.lock().unwrap().clone();
    assert!(commands.iter().any(|line| line == command), "{commands:?}");
}

/// If a server offers encryption in lower case, it gets no email without encryption.
#[rstest]
#[case("250-mail.test\r\n250-starttls\r\n250 8bitmime\r\n", "?tls=required")]
#[case("250-mail.test\r\n250 StartTLS\r\n", "")]
#[tokio::test(flavor = "multi_thread")]
async fn starttls_in_lower_case_still_encrypts(#[case] ehlo: &str, #[case] query: &str) {
    let server = Server::default();
    *server.script.lock().unwrap() = Script { ehlo: ehlo.into(), ..Script::default() };
    // another spelling of the loopback address, which is not recognized as one
    let url = format!("smtp://{}{query}", server.start().await.replace("127.0.0.1", "127.1"));
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION, ("SMTP_URL", &url), ("EMAIL_FROM", FROM)]).await;
    let ada = app.sign_up(EMAIL).await.user_id;
    let (state, said) = outcome(&app, &ada).await;
    assert_eq!((state, said.as_str()), ("waits", "STARTTLS: 454 not now"));
    assert!(server.mails.lock().unwrap().is_empty());
}

/// An attacker between client and server may inject a reply before encryption begins, as in CVE-2021-38371.
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_sent_before_encryption_is_not_read_after_it() {
    let server = Server::default();
    *server.script.lock().unwrap() = Script {
        ehlo: b"250-mail.test\r\n250 STARTTLS\r\n".to_vec(),
        starttls: b"220 go\r\n250 auth plain\r\n".to_vec(),
        ..Script::default()
    };
    let url = format!("smtp://{}?tls=required", server.start().await);
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION, ("SMTP_URL", &url), ("EMAIL_FROM", FROM)]).await;
    let ada = app.sign_up(EMAIL).await.user_id;
    let (state, said) = outcome(&app, &ada).await;
    assert_eq!((state, said.as_str()), ("waits", "STARTTLS: not an SMTP reply: more than one reply"));
}
