//! The pages behind links in mails, where the app has none, in a real browser.

use std::{fs, path::Path, time::Duration};

use gatehouse::{clock::Clock, secrets::SecretKey};
use reqwest::StatusCode;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    google::id_token,
    mail_server::{FROM, MailServer, Received},
    node::browse,
    process::{Server, free_port, gatehouse},
};

const NEW: &str = "battery horse correct";
const LINK: [(&str, &str); 2] = [("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")];

async fn get(app: &TestApp, path: &str) -> Answer {
    Answer::of(app.http.get(format!("{}{path}", app.url))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn they_load_nothing_from_elsewhere_and_are_kept_nowhere() {
    let settings = [("APP_NAME", "<b>Ada & Co</b>"), ("SUPPORT_EMAIL", "help@example.org")];
    let app = TestApp::with(Sqlite, &settings).await;
    let scripts = ["account", "activate", "reset_password", "sign_in", "undo"];
    let scripts = scripts.map(|name| format!("/pages/{name}.js"));
    let pages = ["/activate", "/sign-in", "/reset-password", "/undo", "/pages/account.css"];
    for path in pages.into_iter().chain(scripts.iter().map(String::as_str)) {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert_eq!(
            answer.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("access-control-allow-origin", ""),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(!answer.text.contains("http:") && !answer.text.contains("https:"), "{path}");
        assert!(!answer.text.contains("innerHTML"), "texts are put in as text");
        if !path.contains('.') {
            assert!(answer.text.contains("&lt;b&gt;Ada &amp; Co&lt;&#x2f;b&gt;"), "{}", answer.text);
            assert!(answer.text.contains("mailto:help@example.org") && !answer.text.contains("<b>"));
        }
    }
    assert_eq!(get(&app, "/pages/another.js").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_leads_to_the_app_where_there_is_one() {
    let app =
        TestApp::with(Sqlite, &[("APP_URL", "https://app.example.org/?a=1&b=2"), ("APP_NAME", "Ada & Co")])
            .await;
    for path in ["/activate", "/sign-in", "/reset-password", "/undo"] {
        let page = get(&app, path).await.text.replace("&#x2f;", "/");
        let link = "<a href=\"https://app.example.org/?a=1&amp;b=2\">Go to Ada &amp; Co</a>";
        assert!(page.contains(link), "{page}");
        let without = get(&app.another(&[("APP_URL", "")]).await, path).await.text;
        assert!(!without.contains("Go to") && !without.contains("<!-- app"), "{without}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_with_pages_of_its_own_gets_none_of_ours() {
    for (setting, gone, there) in [
        ("ACTIVATION_URL", "/activate", "/reset-password"),
        ("PASSWORD_RESET_URL", "/reset-password", "/activate"),
        ("LOGIN_URL", "/sign-in", "/undo"),
        ("UNDO_URL", "/undo", "/sign-in"),
    ] {
        let app = TestApp::with(Sqlite, &[(setting, "https://app.example.org/#{token}")]).await;
        assert_eq!(get(&app, gone).await.status, StatusCode::NOT_FOUND);
        assert_eq!(get(&app, there).await.status, StatusCode::OK);
    }
}

/// A server as in production, its log, and the mail server that it uses.
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

/// The page knew the token, and nothing else did: no address, no header, no log.
fn is_nowhere(link: &str, seen: &Value, log: &str) {
    let token = link.split_once("#token=").unwrap().1;
    for request in seen["requests"].as_array().unwrap() {
        // what a browser calls its request's URL still has the fragment, which is never sent
        let url = request[1].as_str().unwrap().split('#').next().unwrap();
        assert!(!url.contains(token) && request[2].is_null(), "{request}");
    }
    for read in seen["reads"].as_array().unwrap() {
        assert!(!read["url"].as_str().unwrap().contains('#'), "{read}");
    }
    assert!(log.contains("/activate") || log.contains("/reset-password"), "the log tells of requests");
    assert!(!log.contains(token), "the token is in the log");
    assert_eq!(seen["complaints"], json!([]), "the browser has nothing to complain of");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_follows_the_links_of_real_mails() {
    let production = Production::start().await;
    let signup = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"{PASSWORD}\" }}) {{ __typename }} }}"
    );
    assert_eq!(production.run(&signup).await["signup"]["__typename"], "EmailChallenge");
    let link = production.mail("Confirm").await.link();
    assert!(link.starts_with(&format!("{}/activate#token=", production.url)), "{link}");

    // what merely opens it spends nothing
    let opened = browse(&json!([["open", link], ["read"], ["open", link], ["read"]]));
    assert_eq!(opened["reads"][0]["title"], "Confirm your email address");
    assert_eq!(opened["reads"][0]["button"], "Confirm I don’t know the password: confirm without it");
    let posts = opened["requests"].as_array().unwrap().iter().filter(|request| request[0] != "GET");
    assert_eq!(posts.count(), 0);
    assert_eq!(production.login(PASSWORD).await["__typename"], "EmailChallenge");

    // by keyboard alone; a wrong password does not spend the link
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
    assert_eq!(login["user"]["sessions"].as_array().unwrap().len(), 1, "that of the page is over");
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

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_told_with_the_way_on(#[values(Sqlite, Postgres)] database: Database) {
    let settings = [LINK[0], LINK[1], ("PASSWORD_MIN_LENGTH", "12"), ("NO_ACCOUNT_NOTICE", "on")];
    let app = TestApp::with(database, &settings).await;

    // no token, nobody's token, and a mail that is asked for again
    app.register(EMAIL, PASSWORD).await;
    let link = app.link(EMAIL).await;
    let ask = [["press", "Tab"], ["type", EMAIL], ["press", "Enter"]];
    let steps = json!([
        ["open", format!("{}/activate", app.url)],
        ["read"],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
        ["type", "nonsense"],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", EMAIL],
        ["press", "Enter"],
        ["read"],
        ["open", format!("{}/reset-password", app.url)],
        ["read"],
        ask[0],
        ask[1],
        ask[2],
        ["read"],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert_eq!(
        (&reads[0]["title"], &reads[0]["button"]),
        (&json!("Open the link again"), &json!("Send me a new link"))
    );
    assert_eq!(reads[1]["fault"], "Enter your email address.");
    assert!(reads[2]["fault"].as_str().unwrap().starts_with("This is not an email address"), "{}", reads[2]);
    assert!(
        reads[3]["notice"].as_str().unwrap().starts_with("Too many attempts. Try again in "),
        "{}",
        reads[3]
    );
    assert_eq!(reads[4]["title"], "Forgot your password?");
    assert!(reads[5]["notice"].as_str().unwrap().contains("we have sent it a link"), "{}", reads[5]);
    assert!(reads[6]["notice"].as_str().unwrap().contains("Too many attempts"), "{}", reads[6]);

    // the link is opened in the tab that is there
    let fragment = format!("#{}", link.split_once('#').unwrap().1);
    let steps = json!([["open", format!("{}/activate", app.url)], ["fragment", fragment], ["read"]]);
    assert_eq!(browse(&steps)["reads"][0]["title"], "Confirm your email address");

    // too late
    app.advance(Duration::from_hours(24));
    let without = "I don’t know the password: confirm without it";
    let steps = json!([["open", link], ["click", without], ["read"]]);
    let late = &browse(&steps)["reads"][0];
    assert_eq!(late["title"], "This link no longer works");

    // a stranger may have signed up: who does not know the password begins without, and the page leads to a new one
    app.register(EMAIL, PASSWORD).await;
    let steps = json!([
        ["open", app.link(EMAIL).await],
        ["click", without],
        ["read"],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert_eq!(
        (&reads[0]["title"], &reads[0]["button"]),
        (&json!("Your email address is confirmed"), &json!("Send me a new link"))
    );
    assert!(reads[1]["notice"].as_str().unwrap().contains("we have sent it a link"), "{}", reads[1]);
    let steps = json!([
        ["open", app.link(EMAIL).await],
        ["read"],
        ["press", "Tab"],
        ["type", "only eleven"],
        ["press", "Enter"],
        ["read"],
        ["press", "Control+a"],
        ["type", NEW],
        ["press", "Enter"],
        ["read"],
    ]);
    let reads = browse(&steps)["reads"].clone();
    assert!(reads[0]["hint"].as_str().unwrap().starts_with("At least 12 characters."), "{}", reads[0]);
    assert_eq!(reads[1]["fault"], "A password must have at least 12 characters.");
    assert_eq!(reads[2]["title"], "Your new password is set");
    assert_eq!(app.login(EMAIL, NEW).await["__typename"], "AuthPayload");

    // shut out, and switched off
    app.register("grace@example.org", PASSWORD).await;
    let grace = app.link("grace@example.org").await;
    let insert = "UPDATE users SET is_active = FALSE, email_verified_at = NULL, email = 'grace@example.org', email_key = 'grace@example.org'";
    app.sql(insert).await;
    let steps = json!([["open", grace], ["click", without], ["read"]]);
    let shut = &browse(&steps)["reads"][0];
    assert!(shut["notice"].as_str().unwrap().starts_with("This account is deactivated."), "{shut}");
    let codes = app.another(&[("EMAIL_VERIFICATION_METHOD", "otp")]).await;
    let steps = json!([
        ["open", format!("{}/activate", codes.url)],
        ["press", "Tab"],
        ["type", EMAIL],
        ["press", "Enter"],
        ["read"]
    ]);
    let off = &browse(&steps)["reads"][0];
    assert!(off["notice"].as_str().unwrap().contains("does not accept links like this one"), "{off}");
}

/// Signs up, and proves the address.
async fn proven(app: &TestApp, email: &str) -> SignedIn {
    let signed_in = app.sign_up(email).await;
    let code = app.code(email).await;
    let proven = app.verify_as(&signed_in.access_token, email, &code, None).await;
    assert_eq!(proven["__typename"], "AuthPayload", "{proven}");
    signed_in
}

/// The link of a mail that was asked for to sign in with.
async fn sign_in_link(app: &TestApp, email: &str) -> String {
    let request = format!("mutation {{ requestLoginCode(email: \"{email}\") {{ __typename }} }}");
    assert_eq!(app.run(&request, Value::Null).await.data("requestLoginCode")["__typename"], "EmailChallenge");
    app.link(email).await
}

/// Whether the browser has the cookie of a session, which lets it refresh.
const REFRESH: &str = "fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json', \
    'x-token-delivery': 'cookie' }, body: JSON.stringify({ query: 'mutation { refresh { ... on AuthPayload { user \
    { email } } ... on UserError { code } } }' }) }).then((answer) => answer.json()).then(({ data: { refresh } }) => \
    refresh.user?.email ?? refresh.code)";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_link_signs_in_at_the_press_of_a_button(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    proven(&app, EMAIL).await;
    let link = sign_in_link(&app, EMAIL).await;
    assert!(link.starts_with(&format!("{}/sign-in#token=", app.url)), "{link}");
    let seen = browse(&json!([
        ["open", link],
        ["read"],
        ["run", REFRESH],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
        ["run", REFRESH],
        ["open", link],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
    ]));
    let reads = &seen["reads"];
    assert_eq!(reads[0]["title"], "Sign in");
    assert_eq!(reads[0]["button"], format!("Sign in as {EMAIL}"));
    assert_eq!(reads[1], "INVALID_INPUT", "opening it spends nothing, and signs nobody in");
    assert_eq!(reads[2]["title"], "You are signed in");
    let notice = reads[2]["notice"].as_str().unwrap();
    assert!(notice.starts_with(&format!("You are signed in as {EMAIL}.")), "{notice}");
    assert_eq!(reads[3], EMAIL, "an app of the same site has the session");
    assert_eq!(reads[4]["title"], "This link no longer works");
    assert_eq!(reads[4]["button"], "Send me a new link");
    assert_eq!(seen["complaints"], json!([]));
}

#[rstest]
#[case::another_address("ada@example.org")]
#[case::nothing("")]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_to_an_attackers_account_under_a_false_name_leaves_nobody_signed_in(#[case] name: &str) {
    let app = TestApp::start(Sqlite).await;
    let attacker = "eve@example.org";
    proven(&app, attacker).await;
    let link = sign_in_link(&app, attacker).await;
    let link = format!("{}&account={name}", link.split_once("&account=").unwrap().0);
    let steps = [json!(["open", link]), json!(["read"])];
    let press =
        [json!(["press", "Tab"]), json!(["press", "Enter"]), json!(["read"]), json!(["run", REFRESH])];
    let seen = browse(&json!([&steps[..], &press[..]].concat()));
    let reads = &seen["reads"];
    if name.is_empty() {
        assert_eq!(reads[0]["title"], "Open the link again", "a link that names nobody is not used");
    } else {
        assert_eq!(reads[0]["button"], format!("Sign in as {name}"));
        assert_eq!(reads[1]["title"], "Do not trust this link");
        assert!(reads[1]["notice"].as_str().unwrap().ends_with("You are not signed in."), "{}", reads[1]);
    }
    assert_eq!(reads[2], "INVALID_INPUT", "there is no cookie");
    let eve = app.sign_in(attacker).await;
    let me = app.run_as(&eve.access_token, "{ me { sessions { id } } }", Value::Null).await.data("me");
    assert_eq!(me["sessions"].as_array().unwrap().len(), 2, "that of the page has ended");
}

/// How long an address must have been proven before a change of its account can be undone.
const PROVEN_LONG_AGO: Duration = Duration::from_hours(73);

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_a_notice_undoes_a_change(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    proven(&app, EMAIL).await;
    app.advance(PROVEN_LONG_AGO);

    let thief = app.sign_in(EMAIL).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEW });
    let change = "mutation($input: ChangePasswordInput!) { changePassword(input: $input) { __typename } }";
    let changed = app.run_as(&thief.access_token, change, json!({ "input": input })).await;
    assert_eq!(changed.data("changePassword")["__typename"], "PasswordChanged");
    let link = app.link(EMAIL).await;
    assert!(link.starts_with(&format!("{}/undo#token=", app.url)), "{link}");
    let press = json!([["open", link], ["read"], ["press", "Tab"], ["press", "Enter"], ["read"]]);
    let seen = browse(&press);
    assert_eq!(seen["reads"][0]["title"], "Undo the change");
    assert_eq!(seen["reads"][1]["title"], "The change is undone");
    let notice = seen["reads"][1]["notice"].as_str().unwrap();
    assert!(notice.ends_with(&format!("to choose a new one to {EMAIL}.")), "{notice}");
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
    assert_eq!(app.inbox(EMAIL).await[0].template, "password_reset");
    assert_eq!(browse(&press)["reads"][1]["title"], "This link no longer works");
    assert_eq!(seen["complaints"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_comes_back_with_the_password_from_before_the_change() {
    let app = TestApp::start(Sqlite).await;
    proven(&app, EMAIL).await;
    app.advance(PROVEN_LONG_AGO);
    let thief = app.sign_in(EMAIL).await;
    let challenge = app.change_email(&thief.access_token, "eve@example.org").await;
    let code = app.code("eve@example.org").await;
    let moved = app.verify_as(&thief.access_token, "eve@example.org", &code, Some(&challenge["id"])).await;
    assert_eq!(moved["user"]["email"], "eve@example.org", "{moved}");

    let link = app.link(EMAIL).await;
    let steps = json!([
        ["open", link],
        ["press", "Tab"],
        ["press", "Enter"],
        ["read"],
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
    let reads = browse(&steps)["reads"].clone();
    assert!(reads[0]["hint"].as_str().unwrap().contains("before the change"), "{}", reads[0]);
    assert_eq!((&reads[0]["focus"], &reads[0]["notice"]), (&json!("password"), &Value::Null));
    assert!(reads[1]["fault"].as_str().unwrap().starts_with("Enter the password"), "{}", reads[1]);
    assert!(reads[2]["fault"].as_str().unwrap().contains("not the password"), "{}", reads[2]);
    assert_eq!(reads[3]["title"], "The change is undone");
    assert_eq!(app.inbox(EMAIL).await[0].template, "password_reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_comes_back_with_the_google_account_from_before_the_change() {
    let clock = Clock::default();
    let (app, google) = TestApp::with_google_at(Sqlite, &clock, &[]).await;
    let old = "ada.lovelace@gmail.com";
    let ada = json!({ "sub": "100000000000000000001", "email": old, "email_verified": true });
    app.google_login(id_token(&google, &ada)).await;
    app.advance(PROVEN_LONG_AGO);
    clock.advance(PROVEN_LONG_AGO);
    let thief = SignedIn::from(&app.google_login(id_token(&google, &ada)).await);
    let change = "mutation($to: String!) { changeEmail(input: { newEmail: $to }) { ... on EmailChallenge { id } ... on UserError { code } } }";
    let asked = app.run_as(&thief.access_token, change, json!({ "to": "eve@example.org" })).await;
    let id = &asked.data("changeEmail")["id"];
    let code = app.code("eve@example.org").await;
    let moved = app.verify_as(&thief.access_token, "eve@example.org", &code, Some(id)).await;
    assert_eq!(moved["user"]["email"], "eve@example.org", "{moved}");

    let page = format!("{}/undo", app.url);
    let steps = json!([
        ["open", app.link(old).await],
        ["press", "Tab"],
        ["press", "Enter"],
        ["click", "Use the linked Google account instead"],
        ["click", "Cancel"],
        ["await", "You did not allow Google to confirm"],
        ["read"],
        ["click", "Use the linked Google account instead"],
        ["click", "Grace Hopper"],
        ["await", "was not linked to the account"],
        ["read"],
        ["click", "Use the linked Google account instead"],
        ["click", "Ada Lovelace"],
        ["await", "The change is undone"],
        ["read"],
        // a link by which somebody would have this tab prove something that it did not ask for
        ["open", format!("{page}?code=4/theirs&state=theirs")],
        ["await", "Open the link again"],
        ["read"],
    ]);
    let seen = browse(&steps);
    assert_eq!(seen["complaints"], json!([]));
    for read in seen["reads"].as_array().unwrap() {
        assert_eq!(read["url"], page, "nothing of it stays in the address");
    }
    assert_eq!(app.me(&thief.access_token).await, "REVOKED");
    assert_eq!(app.inbox(old).await[0].template, "password_reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_told_and_tried_again() {
    let app = TestApp::with(Sqlite, &LINK).await;
    app.register(EMAIL, PASSWORD).await;
    let link = app.link(EMAIL).await;
    let steps = json!([
        ["open", link],
        ["offline", true],
        ["press", "Tab"],
        ["type", PASSWORD],
        ["press", "Enter"],
        ["read"],
        ["offline", false],
        ["press", "Enter"],
        ["read"],
    ]);
    let seen = browse(&steps);
    assert_eq!(
        seen["reads"][0]["notice"],
        "The server is not responding. Check your connection and try again."
    );
    assert_eq!(seen["reads"][1]["title"], "Your email address is confirmed");
}
