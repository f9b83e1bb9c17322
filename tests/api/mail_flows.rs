//! Every flow that sends email, through a real mail server, and what the database stores of it.

use std::time::Duration;

use gatehouse::outbox::send_due;
use rstest::rstest;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    database::connect,
    mail_server::{MailServer, Received},
};

const NEW_EMAIL: &str = "countess@example.org";
const NEW_PASSWORD: &str = "battery horse correct";

/// Sends due emails, and returns the newest email to this address.
async fn newest(app: &TestApp, server: &MailServer, to: &str, subject: &str) -> Received {
    send_due(&app.app).await.unwrap();
    let mails = server.mails();
    let mail = mails.iter().rev().find(|mail| mail.to == [to]);
    let mail = mail.unwrap_or_else(|| panic!("no mail to {to}")).clone();
    let parts = mail.parts();
    assert!(parts["subject"].as_str().unwrap().contains(subject), "{}", parts["subject"]);
    assert_eq!(parts["types"], json!(["text/plain", "text/html"]));
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    mail
}

fn token(link: &str) -> String {
    link.split_once("#token=").unwrap().1.to_owned()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_mail_arrives_and_works_and_the_database_stores_none_of_its_secrets(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("otp", "link")] method: &str,
    #[values("optional", "mandatory")] verification: &str,
) {
    let server = MailServer::start(&[]);
    let settings = [("EMAIL_VERIFICATION", verification), ("EMAIL_VERIFICATION_METHOD", method)];
    let app = server.app_with(database, &settings).await;
    let mut secrets = vec![PASSWORD.to_owned(), NEW_PASSWORD.to_owned()];
    let subject = if method == "otp" { " is your Gatehouse confirmation code" } else { "Confirm" };

    // the person who requested the email verifies the address
    let begun = app.register(EMAIL, PASSWORD).await;
    let id = if verification == "mandatory" { &begun["id"] } else { &begun["emailChallenge"]["id"] };
    let mail = newest(&app, &server, EMAIL, subject).await;
    let ada = if method == "otp" {
        let code = mail.code();
        assert!(code.len() == 8 && code.bytes().all(|digit| digit.is_ascii_digit()), "{code}");
        secrets.push(code.clone());
        app.verify(EMAIL, &code, Some(id)).await
    } else {
        secrets.push(token(&mail.link()));
        app.activate_with(&token(&mail.link()), json!({ "challengeId": id })).await
    };
    let ada = SignedIn::from(&ada);

    // a code that nobody uses
    app.register("grace@example.org", PASSWORD).await;
    let unused = newest(&app, &server, "grace@example.org", subject).await;

    // the address changes, and the old one is notified
    let asked = app.change_email(&ada.access_token, NEW_EMAIL).await;
    let code = newest(&app, &server, NEW_EMAIL, "confirms your new Gatehouse email address").await.code();
    let moved = app.verify_as(&ada.access_token, NEW_EMAIL, &code, Some(&asked["id"])).await;
    assert_eq!(moved["user"]["id"], ada.user_id.as_str());
    secrets.push(code);
    newest(&app, &server, EMAIL, "The email address of your").await;

    // the password changes, and the user is notified
    app.advance(Duration::from_mins(2));
    app.request_reset(NEW_EMAIL).await;
    let reset = token(&newest(&app, &server, NEW_EMAIL, "password").await.link());
    assert_eq!(app.reset(&reset, NEW_PASSWORD).await["__typename"], "PasswordChanged");
    newest(&app, &server, NEW_EMAIL, "password was reset").await;
    let login = app.login(NEW_EMAIL, NEW_PASSWORD).await;
    let known = SignedIn::from(&login);

    app.request_reset(NEW_EMAIL).await;
    app.advance(Duration::from_mins(2));
    app.request_reset(NEW_EMAIL).await;
    let idle = token(&newest(&app, &server, NEW_EMAIL, "password").await.link());
    secrets.extend([reset, idle, known.access_token, known.refresh_token]);
    secrets.push(if method == "otp" { unused.code() } else { token(&unused.link()) });
    let dump = dump(&app).await;
    assert!(dump.contains(NEW_EMAIL) && dump.contains("$argon2id$"), "the dump is incomplete");
    for secret in secrets {
        let is_there = if secret.len() == 8 {
            // the digits of an ID may contain a code by chance
            dump.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == secret)
        } else {
            dump.contains(&secret) || (secret.len() > 40 && dump.contains(&hex(&secret)))
        };
        assert!(!is_there, "{secret} is in the database:\n{dump}");
    }
}

/// Returns the secret part of a token in hex, as [`dump`] shows bytes. The first half is an ID, which is not secret.
fn hex(token: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let secret = bytes.get(16..).unwrap_or(token.as_bytes());
    secret
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}

/// Returns every value of every row of every table: text unchanged, bytes in hex.
async fn dump(app: &TestApp) -> String {
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let backend = on.get_database_backend();
    let list = async |sql: String| {
        let rows = on.query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        rows.iter().map(|row| row.try_get_by_index::<Option<String>>(0).unwrap()).collect::<Vec<_>>()
    };
    let tables = list(match backend {
        DbBackend::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table'".to_owned(),
        _ => {
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'".to_owned()
        }
    });
    let mut dump = String::new();
    let tables = tables.await;
    assert!(tables.len() >= 8, "{tables:?}");
    for table in tables.into_iter().flatten() {
        let columns = list(match backend {
            DbBackend::Sqlite => format!("SELECT name FROM pragma_table_info('{table}')"),
            _ => format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_schema = 'public' AND table_name = '{table}'"
            ),
        });
        for column in columns.await.into_iter().flatten() {
            let value = match backend {
                DbBackend::Sqlite => format!(
                    "CASE typeof(\"{column}\") WHEN 'blob' THEN lower(hex(\"{column}\")) ELSE CAST(\"{column}\" AS TEXT) END"
                ),
                // PostgreSQL shows `bytea` in hex, and `uuid` in hex with hyphens
                _ => format!("\"{column}\"::text || ' ' || replace(\"{column}\"::text, '-', '')"),
            };
            for value in list(format!("SELECT {value} FROM \"{table}\"")).await.into_iter().flatten() {
                dump.extend([table.as_str(), ".", &column, ": ", &value, "\n"]);
            }
        }
    }
    dump
}

/// Another program might take these spellings for somebody else's address.
#[tokio::test(flavor = "multi_thread")]
async fn lookalike_addresses_are_refused_or_are_the_same_address() {
    let app = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    let long = format!("{}@{}.example.org", "a".repeat(64), "b".repeat(243));
    assert_eq!(long.len(), 320);
    for email in [
        "adı@example.org",  // a dotless i
        "ſam@example.org",  // a long s
        "ada＠example.org", // a full-width @
        "ada@example.org.",
        "ada@example..org",
        "аda@example.org",         // a Cyrillic а
        "ada@xn--example-.org",    // invalid punycode
        "ada@xn--xample-9uf.org.", // a trailing dot after punycode
        "ada\u{200b}@example.org",
        "\"ada\"@example.org",
        "ada@example.org,eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        &long,
    ] {
        for answer in [
            app.register(email, PASSWORD).await,
            app.request_reset(email).await,
            app.resend_otp(email, None).await,
        ] {
            assert_eq!(answer["code"], "INVALID_INPUT", "{email}");
            assert_eq!(answer["fields"][0]["field"], "email", "{email}");
        }
        assert_eq!(app.verify(email, "123456", None).await["code"], "INVALID_OTP");
    }
    assert_eq!(send_due(&app.app).await.unwrap(), 0);

    // one address in several spellings: one cooldown, one mailbox, one account
    let spellings = [
        "Ada@Bücher.example",
        "ada@bücher.EXAMPLE",
        "ada@xn--bcher-kva.example",
        "ADA@XN--BCHER-KVA.example",
        "ada@ｂücher.example",
    ];
    let challenge = app.register(spellings[0], PASSWORD).await;
    for other in &spellings[1..] {
        assert_eq!(app.register(other, PASSWORD).await["code"], "RATE_LIMITED", "{other}");
        assert_eq!(app.codes(other).await.len(), 1, "{other}");
    }
    let code = app.code(spellings[0]).await;
    let ada = app.verify(spellings[3], &code, Some(&challenge["id"])).await;
    for spelling in spellings {
        assert_eq!(app.login(spelling, PASSWORD).await["user"]["id"], ada["user"]["id"], "{spelling}");
    }
    // other domains, however similar they look
    for other in ["ada@bucher.example", "ada@buecher.example", "ada@exampIe.org", "ada@ßpiegel.example"] {
        assert_eq!(app.register(other, PASSWORD).await["__typename"], "EmailChallenge", "{other}");
        assert_eq!(app.codes(other).await.len(), 1, "{other}");
    }
}
