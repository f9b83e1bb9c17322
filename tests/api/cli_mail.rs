//! `gatehouse mail`: operators test mail delivery and list the queue in a terminal.

use std::path::Path;

use rstest::rstest;

use crate::support::{
    Database, EMAIL, Postgres, Sqlite, TestApp,
    mail_server::{FROM, MailServer, certificates},
    process::{gatehouse, output},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_tests_mail_delivery_step_by_step() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), &[("good", "IP:127.0.0.1")]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let mut server =
        MailServer::start(&["--starttls", &path("good.pem"), &path("good.key"), "--auth", "ada", "hush"]);
    let url = format!("smtp://ada:hush@127.0.0.1:{}?tls=required", server.port);
    let ca = path("ca.pem");
    let settings = [("SMTP_URL", url.as_str()), ("SMTP_CA_FILE", ca.as_str()), ("EMAIL_FROM", FROM)];
    let test = |settings: &[(&str, &str)]| told(folder.path(), &["mail", "test", EMAIL], settings);
    let (is_good, said) = test(&settings);
    let steps = format!(
        "mail server: 127.0.0.1, port {port}\nfrom: accounts@example.org\nresolve: 127.0.0.1 is 127.0.0.1\n\
         connect: port {port} answers as mail.test\nTLS: the certificate is valid for 127.0.0.1\nlogin: as ada\n\
         recipient: accepted\naccepted: 250 2.0.0 taken\n",
        port = server.port
    );
    assert_eq!((is_good, said.as_str()), (true, steps.as_str()));
    assert_eq!(server.mails()[0].header("Subject"), "Test email from Gatehouse");
    server.answer("5xx");
    let (is_good, said) = test(&settings);
    assert!(
        !is_good
            && said
                .ends_with("error: the email was not sent: recipient: 550 5.1.1 nobody of this name here\n"),
        "{said}"
    );
    server.stop();
    let (_, said) = test(&settings);
    assert!(said.ends_with("the email was not sent: connect: Connection refused (os error 111)\n"), "{said}");
    assert!(!said.contains("hush"));
    assert!(test(&[]).1.contains("SMTP_URL is not set"));
    let (_, said) = told(folder.path(), &["mail", "test", "ada"], &settings);
    assert!(said.contains("`ada` is not an email address"), "{said}");
}

/// Asserts that the text has these words, and no control characters that a terminal would obey.
fn assert_printable(said: &str, words: &[&str]) {
    assert!(!said.chars().any(|letter| letter.is_control() && letter != '\n'), "{said:?}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_from_a_mail_server_cannot_control_the_operators_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let server = MailServer::start(&["--name", "mail\u{1b}[2J.test"]);
    let url = server.url();
    let settings = [("SMTP_URL", url.as_str()), ("EMAIL_FROM", FROM)];
    let test = || told(folder.path(), &["mail", "test", EMAIL], &settings);
    let controls = r"\u{1b}]0;owned\u{7}\u{1b}[2J\u{8}\r\u{7f}";
    server.answer("controls");
    let (is_good, said) = test();
    assert!(is_good, "{said}");
    assert_printable(
        &said,
        &[r"answers as mail\u{1b}[2J.test", &format!("accepted: 250 2.0.0 tak{controls}en\n")],
    );
    server.answer("controls-5xx");
    let (is_good, said) = test();
    assert!(!is_good);
    assert_printable(&said, &[&format!("error: the email was not sent: message: 554 5.6.0 no{controls}t\n")]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn text_from_the_database_cannot_control_the_operators_terminal(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    app.sql("UPDATE outbox SET last_error = 'n\u{1b}[2Jo\u{9b}31m\u{202e}x', kind = 'k\u{7}ind', address = 'a\u{1b}c@example.org'").await;
    let folder = tempfile::tempdir().unwrap();
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str())];
    let (is_good, said) = told(folder.path(), &["mail", "queue"], &settings);
    assert!(is_good, "{said}");
    assert_printable(&said, &[r"n\u{1b}[2Jo\u{9b}31m\u{202e}x", r"k\u{7}ind", r"to a\u{1b}c@example.org"]);
}

pub(crate) fn told(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    let ended = output(gatehouse(folder, arguments, settings), "");
    (ended.status.success(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
}
