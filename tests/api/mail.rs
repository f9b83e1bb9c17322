//! What mails are made of, and how they reach a mail server.

use std::{fs, path::Path, time::Duration};

use gatehouse::{
    config::{Config, Mode},
    input::EmailAddress,
    mail::{Content, Failure, Mail, Mailer, Written},
    secrets::uuid_v7,
    storage::Timestamp,
};
use rstest::rstest;
use sea_orm::{ActiveModelTrait, ActiveValue::Set};
use secrecy::SecretString;

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, Postgres, Sqlite, TestApp,
    database::connect,
    mail_server::{FROM, MailServer, certificates},
    process::{gatehouse, output},
};

/// A mailer by itself.
fn mailer(settings: &[(&str, &str)]) -> Result<Mailer, String> {
    let settings = [&[("EMAIL_FROM", FROM)], settings].concat();
    let config = Config::load(Mode::Command, &settings.into_iter().collect()).unwrap();
    Mailer::new(&config).map_err(|error| error.to_string())
}

fn written(mailer: &Mailer, name: Option<&str>, content: Content) -> Written {
    let now = gatehouse::clock::Clock::default().now();
    let mail = Mail { to: EmailAddress::parse(EMAIL).unwrap(), name: name.map(Into::into), content };
    mailer.write(uuid_v7(now), now, &mail).unwrap()
}

async fn send(settings: &[(&str, &str)]) -> Result<String, Failure> {
    let mailer = mailer(settings).unwrap();
    mailer.send(&written(&mailer, None, Content::Test), &mut |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_has_both_parts_and_says_that_a_machine_wrote_it() {
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
    assert_eq!(mail.port, received[1].port, "by one connection");
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), (FROM, &[EMAIL.to_owned()][..]));
    assert_eq!(mail.header("To"), EMAIL);
    assert_eq!(mail.header("Message-ID"), format!("<{}@accounts.example.org>", mails[0].id));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    assert_eq!(mail.header("X-Auto-Response-Suppress"), "All");
    assert!(mail.header("From").ends_with(" <accounts@example.org>"), "{}", mail.head());
    assert!(mail.header("Content-Type").starts_with("multipart/alternative"));
    assert!(mail.header("Date").ends_with("+0000"));
    assert!(mail.content.is_ascii());
    // judged by another's reader of mails
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
    assert!(!html.contains("src=") && !html.contains("url("), "nothing is loaded from elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_reaches_no_header_and_is_no_markup() {
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
    // no such name comes in by the API; this one came in by the back door
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
async fn an_encrypted_connection_with_a_login(
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
    assert!(!refused.is_permanent, "an operator will mend it");
    let refused = send(&[("SMTP_URL", &url(login, &server.port))]).await.unwrap_err();
    assert!(refused.words.contains("UnknownIssuer"), "{}", refused.words);
    let other = MailServer::start(&[&[option, &path("other.pem"), &path("other.key")], &auth[..]].concat());
    let refused = send(&[("SMTP_URL", &url(login, &other.port)), ("SMTP_CA_FILE", &ca)]).await.unwrap_err();
    assert!(refused.words.contains("not valid for"), "{}", refused.words);
    assert!(other.mails().is_empty() && server.mails().len() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_mail_and_no_password_goes_where_encryption_was_asked_for_and_is_not_offered() {
    let server = MailServer::start(&["--auth", "ada", "hush"]);
    // another way to write this machine's address, by which it is not known as such
    let elsewhere = |query: &str| format!("smtp://ada:hush@127.1:{}{query}", server.port);
    let refused = send(&[("SMTP_URL", &elsewhere(""))]).await.unwrap_err();
    assert!(refused.words.contains("the password is not sent"), "{}", refused.words);
    let refused = send(&[("SMTP_URL", &elsewhere("?tls=required"))]).await.unwrap_err();
    assert!(refused.words.starts_with("STARTTLS: "), "{}", refused.words);
    send(&[("SMTP_URL", &format!("smtp://ada:hush@127.0.0.1:{}", server.port))]).await.unwrap();
    assert_eq!(server.mails().len(), 1, "within one machine there is nobody to listen");
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_may_go_into_a_folder() {
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

/// `PUBLIC_URL` is the API's, where a browser finds nothing.
#[rstest]
#[case(Content::PasswordChanged { undo: None })]
#[case(Content::PasswordWasReset { removed: Vec::new(), remaining: Vec::new(), undo: None })]
#[case(Content::GoogleLinked { undo: None })]
#[case(Content::GoogleUnlinked { undo: None })]
#[case(Content::AddressTaken)]
#[case(Content::NoAccount)]
#[case(Content::Reauthentication { code: "12345678".into(), expires_in: Duration::from_mins(10) })]
fn a_mail_leads_to_the_app_or_nowhere(#[case] content: Content) {
    let public = ("PUBLIC_URL", "https://accounts.example.org");
    let html = |mail: &Written| mail.html.replace("&#x2f;", "/");
    let mail = written(&mailer(&[public]).unwrap(), None, content.clone());
    assert!(mail.text.contains("Gatehouse") && !mail.text.contains("://"), "{}", mail.text);
    assert!(!html(&mail).contains("href=\"http"), "{}", mail.html);
    let mail = written(&mailer(&[public, ("APP_URL", "https://app.example.org")]).unwrap(), None, content);
    assert!(mail.text.contains("https://app.example.org/"), "{}", mail.text);
    assert!(html(&mail).contains("href=\"https://app.example.org/\""), "{}", mail.html);
    assert!(!mail.text.contains("accounts.example.org/") && !html(&mail).contains("//accounts.example.org"));
}

#[rstest]
#[case(|undo| Content::PasswordChanged { undo })]
#[case(|undo| Content::PasswordWasReset { removed: Vec::new(), remaining: Vec::new(), undo })]
#[case(|undo| Content::EmailChanged { old_email: EMAIL.into(), new_email: "new@example.org".into(), undo })]
#[case(|undo| Content::GoogleLinked { undo })]
#[case(|undo| Content::GoogleUnlinked { undo })]
fn a_mail_that_can_undo_has_no_other_link(#[case] content: fn(Option<SecretString>) -> Content) {
    let undo = "https://accounts.example.org/undo#token=x";
    let mailer = mailer(&[("APP_URL", "https://app.example.org")]).unwrap();
    let mail = written(&mailer, None, content(Some(undo.into())));
    assert_eq!((mail.text.matches("://").count(), mail.text.contains(undo)), (1, true), "{}", mail.text);
    let links: Vec<&str> = mail.html.split("href=\"http").skip(1).collect();
    assert!(
        links.iter().all(|link| link.replace("&#x2f;", "/").starts_with("s://accounts.example.org/undo")),
        "{links:?}"
    );
}

#[test]
fn templates_can_be_replaced_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    put(
        "password_changed.txt",
        "Subject: Neues Passwort bei {{ app_name }}\r\n\r\nHallo {% if name %}{{ name }}{% else %}du{% endif %}!\r\n",
    );
    put("layout.html", "<!doctype html><title>{{ subject }}</title>{% block body %}{% endblock %}");
    put(".#layout.html~", "an editor's");
    let mailer = mailer(&[("EMAIL_TEMPLATES_DIR", folder.path().to_str().unwrap())]).unwrap();
    let mail = written(&mailer, Some("Ada & Co"), Content::PasswordChanged { undo: None });
    assert_eq!(
        (mail.subject.as_str(), mail.text.trim()),
        ("Neues Passwort bei Gatehouse", "Hallo Ada & Co!")
    );
    assert!(mail.html.contains("<title>Neues Passwort bei Gatehouse</title>"), "{}", mail.html);
    assert!(mail.html.contains("If this wasn't you"), "the rest is as it was");
}

#[rstest]
#[case("activation.txt", "Hello", "activation.txt:1: the first line must be like `Subject: Hello`")]
#[case("activation.txt", "Subject: {{ nmae }}\n\nx", "activation.txt:1: undefined value")]
#[case("activation.txt", "Subject: x\n\n\n{{ lnik }}", "activation.txt:4: undefined value")]
#[case(
    "activation.txt",
    "Subject: x\n\n{{ code }}",
    "activation.txt:3: undefined value: this is not known in every such mail"
)]
#[case("activation.html", "x\n{% if name }", "activation.html:2: syntax error")]
#[case(
    "activation.html",
    "\n\n{{ name }}",
    "activation.html:3: undefined value: this is not known in every such mail"
)]
#[case("layout.html", "\n{{ colour }}{% block body %}{% endblock %}", "layout.html:2: undefined value")]
#[case("activaton.html", "x", "activaton.html: there is no such template")]
fn a_broken_template_is_told_at_start(#[case] name: &str, #[case] text: &str, #[case] told: &str) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(name), text).unwrap();
    let error = mailer(&[("EMAIL_TEMPLATES_DIR", folder.path().to_str().unwrap())]).err().unwrap();
    let told = format!("{}/{told}", folder.path().display());
    assert!(error.starts_with(&told), "{error}");
    let settings = [("EMAIL_TEMPLATES_DIR", folder.path().to_str().unwrap())];
    let refused = output(gatehouse(folder.path(), &["dev"], &settings), "");
    assert!(String::from_utf8_lossy(&refused.stderr).contains(&told));
}

#[test]
fn files_that_settings_name_must_be_there() {
    let error = mailer(&[("EMAIL_TEMPLATES_DIR", "/nowhere")]).err().unwrap();
    assert!(error.starts_with("EMAIL_TEMPLATES_DIR: /nowhere: "), "{error}");
    for file in ["/nowhere", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let error =
            mailer(&[("SMTP_URL", "smtps://smtp.example.org"), ("SMTP_CA_FILE", file)]).err().unwrap();
        assert!(error.starts_with(&format!("SMTP_CA_FILE: {file}: ")), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_tries_mail_step_by_step() {
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
         connect: port {port} answers as mail.test\nTLS: the certificate is good for 127.0.0.1\nlogin: as ada\n\
         recipient: taken\naccepted: 250 2.0.0 taken\n",
        port = server.port
    );
    assert_eq!((is_good, said.as_str()), (true, steps.as_str()));
    assert_eq!(server.mails()[0].header("Subject"), "Test email from Gatehouse");
    server.answer("5xx");
    let (is_good, said) = test(&settings);
    assert!(
        !is_good
            && said
                .ends_with("error: the mail was not sent: recipient: 550 5.1.1 nobody of this name here\n"),
        "{said}"
    );
    server.stop();
    let (_, said) = test(&settings);
    assert!(said.ends_with("the mail was not sent: connect: Connection refused (os error 111)\n"), "{said}");
    assert!(!said.contains("hush"));
    assert!(test(&[]).1.contains("SMTP_URL is not set"));
    let (_, said) = told(folder.path(), &["mail", "test", "ada"], &settings);
    assert!(said.contains("`ada` is not an email address"), "{said}");
}

/// What a terminal would obey, and what may stand there in its place.
fn assert_printable(said: &str, words: &[&str]) {
    assert!(!said.chars().any(|letter| letter.is_control() && letter != '\n'), "{said:?}");
    for word in words {
        assert!(said.contains(word), "{word}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_mail_server_says_commands_the_operators_terminal() {
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
    assert_printable(&said, &[&format!("error: the mail was not sent: message: 554 5.6.0 no{controls}t\n")]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_the_database_says_commands_it_either(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    app.sql("UPDATE outbox SET last_error = 'n\u{1b}[2Jo\u{9b}31m\u{202e}x', kind = 'k\u{7}ind', address = 'a\u{1b}c@example.org'").await;
    let folder = tempfile::tempdir().unwrap();
    let settings = [("DATABASE_URL", app.settings["DATABASE_URL"].as_str())];
    let (is_good, said) = told(folder.path(), &["mail", "queue"], &settings);
    assert!(is_good, "{said}");
    assert_printable(&said, &[r"n\u{1b}[2Jo\u{9b}31m\u{202e}x", r"k\u{7}ind", r"to a\u{1b}c@example.org"]);
}

fn told(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    let ended = output(gatehouse(folder, arguments, settings), "");
    (ended.status.success(), String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap())
}
