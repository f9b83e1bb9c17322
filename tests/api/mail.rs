//! The contents of emails, and how they reach a mail server.

use std::{fs, time::Duration};

use gatehouse::{
    config::{Config, Mode},
    input::EmailAddress,
    mail::{Content, Failure, Mail, Mailer, Written},
    secrets::uuid_v7,
    storage::Timestamp,
};
use rstest::rstest;
use sea_orm::{ActiveModelTrait, ActiveValue::Set};

use crate::support::{
    EMAIL, NO_VERIFICATION, Sqlite,
    database::connect,
    mail_server::{FROM, MailServer, certificates},
};

/// Creates a mailer without a server.
pub(crate) fn mailer(settings: &[(&str, &str)]) -> Result<Mailer, String> {
    let settings = [&[("EMAIL_FROM", FROM)], settings].concat();
    let config = Config::load(Mode::Command, &settings.into_iter().collect()).unwrap();
    Mailer::new(&config).map_err(|error| error.to_string())
}

pub(crate) fn written(mailer: &Mailer, name: Option<&str>, content: Content) -> Written {
    let now = gatehouse::clock::Clock::default().now();
    let mail = Mail { to: EmailAddress::parse(EMAIL).unwrap(), name: name.map(Into::into), content };
    mailer.write(uuid_v7(now), now, &mail).unwrap()
}

async fn send(settings: &[(&str, &str)]) -> Result<String, Failure> {
    let mailer = mailer(settings).unwrap();
    mailer.send(&written(&mailer, None, Content::Test), &mut |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_a_text_and_an_html_part_and_is_marked_as_automatic() {
    let server = MailServer::start(&[]);
    let mailer = mailer(&[
        ("SMTP_URL", &server.url()),
        ("APP_NAME", "Wörterbuch, GmbH"),
        ("PUBLIC_URL", "https://accounts.example.org/sub"),
    ])
    .unwrap();
    let content = || Content::OneTimeCode { code: "284193".into(), expires_in: Duration::from_mins(10) };
    let mails = [(); 2].map(|()| written(&mailer, Some("Ada Łovelace"), content()));
    for mail in &mails {
        assert_eq!(mailer.send(mail, &mut |_| {}).await.unwrap(), "250 2.0.0 taken");
    }
    let received = server.mails();
    let mail = &received[0];
    assert_eq!(mail.port, received[1].port, "both use one connection");
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), (FROM, &[EMAIL.to_owned()][..]));
    assert_eq!(mail.header("To"), EMAIL);
    assert_eq!(mail.header("Message-ID"), format!("<{}@accounts.example.org>", mails[0].id));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("X-Auto-Response-Suppress"), "All");
    assert!(mail.header("From").ends_with(" <accounts@example.org>"), "{}", mail.head());
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"));
    assert!(mail.header("Date").ends_with("+0000"));
    assert!(mail.content.is_ascii());
    // parsed by an independent library
    let parts = mail.parts();
    assert_eq!(parts["from"], "Wörterbuch, GmbH <accounts@example.org>");
    assert_eq!(parts["subject"], "284193 is your Wörterbuch, GmbH confirmation code");
    assert_eq!(parts["types"], serde_json::json!(["text/plain", "text/html"]));
    for part in ["text", "html"] {
        let part = parts[part].as_str().unwrap();
        for text in ["Hello Ada Łovelace,", "284193", "10 minutes", "If you didn't request this"] {
            assert!(part.contains(text), "{text}: {part}");
        }
    }
    let html = parts["html"].as_str().unwrap();
    assert!(!html.contains("src=") && !html.contains("url("), "the email loads remote content");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_adds_no_header_and_is_escaped_in_html() {
    let server = MailServer::start(&[]);
    let templates = tempfile::tempdir().unwrap();
    fs::write(
        templates.path().join("password_changed.txt"),
        "Subject: {% if name %}{{ name }}{% endif %}, hello\n\nHi {% if name %}{{ name }}{% endif %}",
    )
    .unwrap();
    let folder = templates.path().to_str().unwrap();
    let app = server.app_with(Sqlite, &[NO_VERIFICATION, ("EMAIL_TEMPLATES_DIR", folder)]).await;
    let ada = app.sign_up(EMAIL).await;
    // the API refuses such a name, so it is written to the database
    let name = "Ada\r\nBcc: eve@example.org\r\n\r\n<img src=x onerror=alert(1)>";
    let user = gatehouse::storage::user::ActiveModel {
        id: Set(ada.user_id.parse().unwrap()),
        name: Set(Some(name.to_owned())),
        email_verified_at: Set(Some(Timestamp(app.app.clock.now()))),
        ..Default::default()
    };
    user.update(&connect(&app.settings["DATABASE_URL"]).await).await.unwrap();
    app.order(gatehouse::outbox::MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    assert_eq!(gatehouse::outbox::send_due(&app.app).await.unwrap(), 1);
    let mails = server.mails();
    let mail = mails[0].parts();
    let names: Vec<&str> =
        mail["headers"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "From",
            "To",
            "Subject",
            "Date",
            "Message-ID",
            "Auto-Submitted",
            "X-Auto-Response-Suppress",
            "MIME-Version",
            "Content-Type"
        ]
    );
    assert_eq!(mail["subject"], "Ada Bcc: eve@example.org <img src=x onerror=alert(1)>, hello");
    assert_eq!(mails[0].to, [EMAIL]);
    let html = mail["html"].as_str().unwrap();
    assert!(html.contains("&lt;img src=x onerror=alert(1)&gt;") && !html.contains("<img"), "{html}");
}

#[rstest]
#[case("--tls", "smtps", "")]
#[case("--starttls", "smtp", "?tls=required")]
#[tokio::test(flavor = "multi_thread")]
async fn mail_is_sent_over_an_encrypted_connection_with_a_login(
    #[case] option: &str,
    #[case] scheme: &str,
    #[case] query: &str,
) {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path(), &[("good", "IP:127.0.0.1"), ("other", "DNS:elsewhere.example.org")]);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ca, password) = (path("ca.pem"), "p/a:s s@é");
    let auth = ["--auth", "ada@example.org", password];
    let server = MailServer::start(&[&[option, &path("good.pem"), &path("good.key")], &auth[..]].concat());
    let login = "ada%40example.org:p%2Fa%3As%20s%40%C3%A9";
    let url = |login: &str, port: &str| format!("{scheme}://{login}@127.0.0.1:{port}{query}");
    send(&[("SMTP_URL", &url(login, &server.port)), ("SMTP_CA_FILE", &ca)]).await.unwrap();
    let mails = server.mails();
    assert!(mails[0].tls && mails[0].user.as_deref() == Some("ada@example.org"), "{mails:?}");

    let refused =
        send(&[("SMTP_URL", &url("ada:wrong", &server.port)), ("SMTP_CA_FILE", &ca)]).await.unwrap_err();
    assert!(refused.words.starts_with("login: 535 5.7.8"), "{}", refused.words);
    assert!(!refused.is_permanent, "an operator can fix the password");
    let refused = send(&[("SMTP_URL", &url(login, &server.port))]).await.unwrap_err();
    assert!(refused.words.contains("UnknownIssuer"), "{}", refused.words);
    let other = MailServer::start(&[&[option, &path("other.pem"), &path("other.key")], &auth[..]].concat());
    let refused = send(&[("SMTP_URL", &url(login, &other.port)), ("SMTP_CA_FILE", &ca)]).await.unwrap_err();
    assert!(refused.words.contains("not valid for"), "{}", refused.words);
    assert!(other.mails().is_empty() && server.mails().len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_mail_nor_password_is_sent_if_required_encryption_is_not_offered() {
    let server = MailServer::start(&["--auth", "ada", "hush"]);
    // another spelling of the loopback address, which is not recognized as one
    let elsewhere = |query: &str| format!("smtp://ada:hush@127.1:{}{query}", server.port);
    let refused = send(&[("SMTP_URL", &elsewhere(""))]).await.unwrap_err();
    assert!(refused.words.contains("the password is not sent"), "{}", refused.words);
    let refused = send(&[("SMTP_URL", &elsewhere("?tls=required"))]).await.unwrap_err();
    assert!(refused.words.starts_with("STARTTLS: "), "{}", refused.words);
    send(&[("SMTP_URL", &format!("smtp://ada:hush@127.0.0.1:{}", server.port))]).await.unwrap();
    assert_eq!(server.mails().len(), 1, "the loopback address needs no encryption");
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_can_be_written_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mails");
    let mailer = mailer(&[("SMTP_URL", &format!("file://{}", mails.display()))]).unwrap();
    let mail = written(&mailer, None, Content::PasswordChanged { undo: None });
    for _ in 0..2 {
        mailer.send(&mail, &mut |_| {}).await.unwrap();
    }
    let names: Vec<_> = fs::read_dir(&mails).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [format!("{}.eml", mail.id).as_str()]);
    assert_eq!(fs::read(mails.join(&names[0])).unwrap(), mail.bytes);
}
