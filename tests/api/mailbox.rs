//! The mailbox of the development mode.

use gatehouse::{
    outbox::{MailKind, send_due},
    secrets::SecretKey,
};
use reqwest::{Method, StatusCode};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    mail_server::FROM,
    process::{Server, free_port},
};

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http.get(format!("{}/mailbox{path}", app.url))).await
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_keeps_mails_and_lists_them_as_json(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[NO_VERIFICATION]).await;
    assert_eq!(get(&app, "/api").await.body, json!([]));
    let ada = app.sign_up(EMAIL).await;
    let grace = app.sign_up("grace@example.org").await;
    let first = app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    app.order(MailKind::PasswordChanged, "grace@example.org", &grace.user_id).await;
    send_due(&app.app).await.unwrap();
    let second = app.order(MailKind::PasswordChanged, "Ada@Example.org", &ada.user_id).await;
    send_due(&app.app).await.unwrap();

    let list = get(&app, "/api").await.body;
    assert_eq!(list.as_array().unwrap().len(), 3);
    assert_eq!(
        (&list[0]["id"], &list[0]["to"]),
        (&json!(second), &json!("Ada@Example.org")),
        "the newest email is first"
    );
    assert_eq!(list[0]["template"], "password_changed");
    let latest = get(&app, "/api/latest?to=ADA@example.org").await;
    assert_eq!(latest.header("cache-control"), "no-store");
    assert_eq!(
        (&latest.body["id"], &latest.body["code"], &latest.body["link"]),
        (&json!(second), &Value::Null, &Value::Null)
    );
    for part in ["text", "html", "source"] {
        assert!(latest.body[part].as_str().unwrap().contains("account"), "{part}");
    }
    assert_eq!(
        get(&app, &format!("/api/{first}")).await.body["subject"],
        "Your Gatehouse password was changed"
    );
    for nowhere in
        ["/api/latest?to=nobody@example.org", "/api/latest?to=x", "/api/01a1fc70-2d3d-7e11-aa80-482e28c18b19"]
    {
        assert_eq!(get(&app, nowhere).await.status, StatusCode::NOT_FOUND, "{nowhere}");
    }
    let cleared = Answer::of(app.http.delete(format!("{}/mailbox/api", app.url))).await;
    assert_eq!(cleared.status, StatusCode::NO_CONTENT);
    assert_eq!(get(&app, "/api").await.body, json!([]));
    for (path, allowed) in [("/api", "GET, HEAD, DELETE"), ("/api/latest", "GET, HEAD")] {
        let refused = Answer::of(app.http.put(format!("{}/mailbox{path}", app.url))).await;
        assert_eq!((refused.status.as_u16(), refused.header("allow")), (405, allowed));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_lists_codes_and_links_as_mailed() {
    use gatehouse::mail::{Content, Mail};
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    let minute = std::time::Duration::from_mins(1);
    for content in [
        Content::PasswordReset { link: "https://example.org/#t=1&u=2".into(), expires_in: minute },
        Content::OneTimeCode { code: "004217".into(), expires_in: minute },
    ] {
        let (is_code, to) = (content.code().is_some(), gatehouse::input::EmailAddress::parse(EMAIL).unwrap());
        let now = app.app.clock.now();
        let mail = Mail { to, name: None, content };
        let mail = app.app.mailer.write(gatehouse::secrets::uuid_v7(now), now, &mail).unwrap();
        app.app.mailer.send(&mail, &mut |_| {}).await.unwrap();
        let latest = get(&app, "/api/latest?to=ada@example.org").await.body;
        let expected =
            if is_code { json!(["004217", null]) } else { json!([null, "https://example.org/#t=1&u=2"]) };
        assert_eq!(json!([latest["code"], latest["link"]]), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_exists_only_in_development_and_only_if_it_receives_the_mails() {
    let folder = tempfile::tempdir().unwrap();
    let (secret, mails) = (SecretKey::generate().1, format!("file://{}", folder.path().display()));
    let settings = [
        ("SECRET_KEY", secret.as_str()),
        ("DATABASE_URL", "sqlite://accounts.db"),
        ("PUBLIC_URL", "http://127.0.0.1"),
        ("SMTP_URL", mails.as_str()),
        ("EMAIL_FROM", FROM),
    ];
    let (server, _) = Server::start(folder.path(), &["serve", "--migrate"], &settings).await;
    for path in ["/mailbox", "/mailbox/api"] {
        assert_eq!(
            reqwest::get(format!("{}{path}", server.url)).await.unwrap().status(),
            StatusCode::NOT_FOUND
        );
    }
    let url = format!("smtp://127.0.0.1:{}", free_port());
    let app = TestApp::with(Sqlite, &[("SMTP_URL", &url), ("EMAIL_FROM", FROM)]).await;
    assert_eq!(get(&app, "/api").await.status, StatusCode::NOT_FOUND);
}

#[rstest]
#[case(Method::DELETE, "/api", &[("sec-fetch-site", "cross-site")], 403)]
#[case(Method::DELETE, "/api", &[("sec-fetch-site", "same-site")], 403)]
#[case(Method::DELETE, "/api", &[("origin", "http://localhost:5173")], 403)]
#[case(Method::DELETE, "/api", &[("origin", "null")], 403)]
#[case(Method::DELETE, "/api", &[("host", "evil.example.org")], 421)]
#[case(Method::GET, "/api", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], 403)]
#[case(Method::GET, "", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")], 403)]
#[case(Method::GET, "", &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")], 200)]
#[case(Method::GET, "/api", &[("sec-fetch-site", "same-origin")], 200)]
#[case(Method::DELETE, "/api", &[("sec-fetch-site", "same-origin"), ("origin", "OWN")], 204)]
#[case(Method::OPTIONS, "/api", &[("origin", "http://localhost:5173"), ("access-control-request-method", "DELETE")], 403)]
#[tokio::test(flavor = "multi_thread")]
async fn other_sites_can_neither_read_nor_clear_the_mailbox(
    #[case] method: Method,
    #[case] path: &str,
    #[case] headers: &[(&str, &str)],
    #[case] status: u16,
) {
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    let ada = app.sign_up(EMAIL).await;
    app.order(MailKind::PasswordChanged, EMAIL, &ada.user_id).await;
    send_due(&app.app).await.unwrap();
    let mut request = app.http.request(method, format!("{}/mailbox{path}", app.url));
    for (name, value) in headers {
        request = request.header(*name, if *value == "OWN" { &app.url } else { *value });
    }
    let answer = Answer::of(request).await;
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text);
    assert_eq!(answer.header("access-control-allow-origin"), "");
    let left = get(&app, "/api").await.body.as_array().unwrap().len();
    assert_eq!(left, usize::from(status != 204));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_and_its_mails_run_no_foreign_scripts() {
    let app = TestApp::with(Sqlite, &[NO_VERIFICATION]).await;
    let name = "<img src=x onerror=alert(1)>";
    let mallory = app.signup(json!({ "email": EMAIL, "name": name, "password": PASSWORD })).await;
    // names are sent only to verified addresses
    app.sql("UPDATE users SET email_verified_at = 1").await;
    let id = app.order(MailKind::PasswordChanged, EMAIL, &SignedIn::from(&mallory).user_id).await;
    send_due(&app.app).await.unwrap();
    let page = get(&app, "").await;
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    assert_eq!(page.header("referrer-policy"), "no-referrer");
    for (file, kind) in [("/mailbox.js", "text/javascript"), ("/mailbox.css", "text/css")] {
        assert!(page.text.contains(&format!("\"mailbox{file}\"")));
        assert!(get(&app, file).await.header("content-type").starts_with(kind));
    }
    assert!(
        !page.text.contains("http:")
            || page.text.matches("http:").count() == page.text.matches("http://www.w3.org/2000/svg").count()
    );
    let script = get(&app, "/mailbox.js").await.text;
    assert!(
        !script.contains("innerHTML") && !script.contains("insertAdjacentHTML"),
        "the script inserts HTML"
    );
    let mail = get(&app, &format!("/mails/{id}")).await;
    assert!(mail.text.contains("&lt;img src=x onerror=alert(1)&gt;") && !mail.text.contains("<img"));
    let policy = mail.header("content-security-policy");
    assert!(policy.starts_with("sandbox allow-popups") && policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("allow-scripts") && !policy.contains("allow-same-origin"));
}
