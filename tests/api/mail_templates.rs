//! Email templates: which links they contain, and how operators replace them.

use std::{fs, path::Path, time::Duration};

use gatehouse::{
    mail::{Content, Written},
    security_changes::UNDO_TTL,
};
use rstest::rstest;
use secrecy::SecretString;

use crate::{
    mail::{mailer, written},
    support::{
        EMAIL,
        process::{gatehouse, output},
    },
};

/// `PUBLIC_URL` is the address of the API, where a browser finds no app.
#[rstest]
#[case(Content::PasswordChanged { undo: None })]
#[case(Content::PasswordWasReset {
    removed: Vec::new(), remaining: Vec::new(), has_second_factor: false, undo: None
})]
#[case(Content::IdentityLinked { provider: "Apple".into(), undo: None })]
#[case(Content::IdentityUnlinked { provider: "Apple".into(), undo: None })]
#[case(Content::AddressTaken)]
#[case(Content::NoAccount)]
#[case(Content::Reauthentication { code: "12345678".into(), expires_in: Duration::from_mins(10) })]
fn a_mail_links_only_to_the_app(#[case] content: Content) {
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
#[case(|undo| Content::PasswordWasReset {
    removed: Vec::new(), remaining: Vec::new(), has_second_factor: true, undo
})]
#[case(|undo| Content::EmailChanged { old_email: EMAIL.into(), new_email: "new@example.org".into(), undo })]
#[case(|undo| Content::IdentityLinked { provider: "Apple".into(), undo })]
#[case(|undo| Content::IdentityUnlinked { provider: "Apple".into(), undo })]
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
fn every_built_in_template_renders() {
    let built_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail/templates");
    assert!(fs::read_dir(&built_in).unwrap().count() > 40);
    // a server renders the templates of an operator when it starts, and refuses those that it does not know
    mailer(&[("EMAIL_TEMPLATES_DIR", built_in.to_str().unwrap())]).unwrap();
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
    assert!(mail.html.contains("If this wasn't you"), "the other templates are unchanged");
}

#[rstest]
#[case("activation.txt", "Hello", "activation.txt:1: the first line must be like `Subject: Hello`")]
#[case("activation.txt", "Subject: {{ nmae }}\n\nx", "activation.txt:1: undefined value")]
#[case("activation.txt", "Subject: x\n\n\n{{ lnik }}", "activation.txt:4: undefined value")]
#[case(
    "activation.txt",
    "Subject: x\n\n{{ code }}",
    "activation.txt:3: undefined value: this variable is not set in every email of this kind"
)]
#[case("activation.html", "x\n{% if name }", "activation.html:2: syntax error")]
#[case(
    "activation.html",
    "\n\n{{ name }}",
    "activation.html:3: undefined value: this variable is not set in every email of this kind"
)]
#[case("layout.html", "\n{{ colour }}{% block body %}{% endblock %}", "layout.html:2: undefined value")]
#[case("activaton.html", "x", "activaton.html: unknown template")]
fn a_broken_template_is_reported_at_start(#[case] name: &str, #[case] text: &str, #[case] told: &str) {
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
fn files_named_in_settings_must_exist() {
    let error = mailer(&[("EMAIL_TEMPLATES_DIR", "/nowhere")]).err().unwrap();
    assert!(error.starts_with("EMAIL_TEMPLATES_DIR: /nowhere: "), "{error}");
    for file in ["/nowhere", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let error =
            mailer(&[("SMTP_URL", "smtps://smtp.example.org"), ("SMTP_CA_FILE", file)]).err().unwrap();
        assert!(error.starts_with(&format!("SMTP_CA_FILE: {file}: ")), "{error}");
    }
}

/// The templates and the page spell out the time that is a constant of the code.
#[test]
fn each_text_about_undoing_a_change_gives_the_right_time() {
    let within = format!("{} hours", UNDO_TTL.as_secs() / 3600);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let notices = fs::read_dir(source.join("mail/templates")).unwrap().map(|entry| entry.unwrap().path());
    let texts = notices
        .filter_map(|path| fs::read_to_string(path).ok())
        .filter(|text| text.contains("undo the change"));
    let texts: Vec<_> = texts.chain(fs::read_to_string(source.join("http/pages/undo.js"))).collect();
    assert_eq!(texts.len(), 21);
    for text in texts {
        assert!(text.contains(&within), "{text}");
    }
}
