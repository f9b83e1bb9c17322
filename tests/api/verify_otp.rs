use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use gatehouse::{
    config::{Budget, Config, Mode},
    outbox::send_due,
    storage::{Timestamp, challenge, session, user},
};
use rstest::rstest;
use sea_orm::{EntityTrait, PaginatorTrait};
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

const MANDATORY: (&str, &str) = ("EMAIL_VERIFICATION", "mandatory");
const OTHER: &str = "battery horse correct";

fn wrong(code: &str) -> String {
    let last = code.as_bytes().last().map_or(0, |digit| (digit - b'0' + 1) % 10);
    format!("{}{last}", &code[..code.len() - 1])
}

async fn is_verified(app: &TestApp, access_token: &str) -> bool {
    let me = app.run_as(access_token, "{ me { emailVerified } }", json!({})).await.data("me");
    me["emailVerified"].as_bool().unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_optional_a_sign_up_signs_in_and_a_code_proves_the_address(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let payload = app.register("Ada@Example.org", PASSWORD).await;
    let challenge = &payload["emailChallenge"];
    let told = json!({
        "id": challenge["id"], "purpose": "VERIFY_EMAIL", "method": "OTP", "email": "Ada@Example.org",
        "expiresIn": 600, "resendIn": 60,
    });
    assert_eq!(*challenge, told);
    let ada = SignedIn::from(&payload);
    assert!(!is_verified(&app, &ada.access_token).await);

    // whoever is signed in goes on in that session
    let code = app.code(EMAIL).await;
    let proven = app.verify_as(&ada.access_token, EMAIL, &code, Some(&challenge["id"])).await;
    assert_eq!(proven["session"], json!({ "id": ada.session_id, "isCurrent": true }));
    assert_eq!(proven["refreshToken"], Value::Null, "the client keeps the one that it has");
    assert_eq!(app.refresh(&ada.refresh_token).await["__typename"], "AuthPayload");
    assert!(is_verified(&app, &ada.access_token).await);
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge["id"])).await["code"], "INVALID_OTP", "single use");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_signs_in_whoever_is_not(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let payload = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    let spaced = format!(" {} {}-", &code[..4], &code[4..]);
    let proven = app.verify("ADA@example.org", &spaced, None).await;
    assert_eq!(proven["user"]["id"], payload["user"]["id"]);
    assert_ne!(proven["session"]["id"], payload["session"]["id"]);
    assert!(is_verified(&app, proven["accessToken"].as_str().unwrap()).await);
}

/// With one try for a code, so that what cannot be one is seen to cost none.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_the_same_in_all_digits_and_what_cannot_be_one_costs_no_try() {
    let app = TestApp::with(Sqlite, &[("OTP_MAX_ATTEMPTS", "1")]).await;
    let with_zero = |code: &str, zero: char| -> String {
        code.bytes().filter_map(|digit| char::from_u32(u32::from(zero) + u32::from(digit - b'0'))).collect()
    };
    let between =
        |code: &str, letter: char| -> String { code.chars().flat_map(|digit| [digit, letter]).collect() };
    let spell: [&dyn Fn(&str) -> String; 10] = [
        &|code| with_zero(code, '\u{660}'),
        &|code| with_zero(code, '\u{6f0}'),
        &|code| with_zero(code, '\u{966}'),
        &|code| with_zero(code, '\u{ff10}'),
        &|code| with_zero(code, '\u{e50}'),
        &|code| between(code, '\u{a0}'),
        &|code| between(code, '\u{2011}'),
        &|code| between(code, '\u{200b}'),
        &|code| format!("\u{202a}{code}\u{202c}\n"),
        &|code| format!("\u{feff}{} \u{2013} {}", &code[..4], &code[4..]),
    ];
    for (n, spelt) in spell.iter().enumerate() {
        let email = format!("person{n}@example.org");
        let challenge = app.register(&email, PASSWORD).await["emailChallenge"]["id"].clone();
        let code = app.code(&email).await;
        for id in [None, Some(&challenge)] {
            for no_code in ["", " ", "1234", "123456789", "12345678x", "my code", "\u{b2}2345678"] {
                assert_eq!(app.verify(&email, no_code, id).await["code"], "INVALID_OTP", "{no_code}");
            }
        }
        let proven = app.verify(&email, &spelt(&code), Some(&challenge)).await;
        assert_eq!(proven["__typename"], "AuthPayload", "{:?}", spelt(&code));
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn where_it_is_mandatory_an_account_begins_with_the_proof(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let input = json!({ "email": EMAIL, "username": "ada", "name": "Ada King", "password": PASSWORD });
    let query = "mutation($input: SignupInput!) { signup(input: $input) { __typename ... on EmailChallenge { id resendIn } } }";
    let challenge = app.run(query, json!({ "input": input })).await.data("signup");
    assert_eq!(challenge["__typename"], "EmailChallenge");
    let free = app.run("{ usernameAvailable(username: \"ada\") }", json!({})).await.data("usernameAvailable");
    assert_eq!(free, true, "an unproven name is taken from nobody");

    // the right password answers with the challenge, by either name
    for identifier in [EMAIL, "ADA"] {
        let answer = app.challenged(identifier, PASSWORD).await;
        assert_eq!((&answer["__typename"], &answer["id"]), (&json!("EmailChallenge"), &challenge["id"]));
    }
    assert_eq!(app.login(EMAIL, OTHER).await["code"], "INVALID_CREDENTIALS");

    let code = app.code(EMAIL).await;
    let proven = app.verify(EMAIL, &code, Some(&challenge["id"])).await;
    assert_eq!(proven["user"]["name"], "Ada King");
    assert_eq!(proven["user"]["username"], "ada");
    assert!(is_verified(&app, proven["accessToken"].as_str().unwrap()).await);
    assert_eq!(app.login("ada", PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_64_racing_proofs_one_succeeds(#[values(Sqlite, Postgres)] database: Database) {
    let app = Arc::new(TestApp::with(database, &[MANDATORY, ("OTP_MAX_ATTEMPTS", "20")]).await);
    let challenge = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    for by_id in [true, false] {
        let proofs = (0..64).map(|_| {
            let (app, code, id) = (app.clone(), code.clone(), challenge["id"].clone());
            tokio::spawn(async move { app.verify(EMAIL, &code, by_id.then_some(&id)).await })
        });
        let answers: Vec<Value> = join_all(proofs).await.into_iter().map(Result::unwrap).collect();
        let proven = answers.iter().filter(|answer| answer["__typename"] == "AuthPayload").count();
        assert_eq!(proven, usize::from(by_id));
        for refused in answers.iter().filter(|answer| answer["__typename"] != "AuthPayload") {
            assert!(
                ["INVALID_OTP", "RATE_LIMITED"].contains(&refused["code"].as_str().unwrap()),
                "{refused}"
            );
        }
    }
    let ada = app.sign_in(EMAIL).await;
    let users = app.run_as(&ada.access_token, "{ me { sessions { id } } }", json!({}));
    assert_eq!(users.await.data("me")["sessions"].as_array().unwrap().len(), 2);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn tries_are_counted_for_the_challenge_alone(#[values(Sqlite, Postgres)] database: Database) {
    let app = &TestApp::with(database, &[MANDATORY]).await;
    let (one, two) = (app.register(EMAIL, PASSWORD).await, Duration::from_secs(61));
    app.advance(two);
    let two = app.register(EMAIL, OTHER).await;
    let codes = app.codes(EMAIL).await;
    let (code_two, code_one) = (&codes[0], &codes[1]);
    for n in 0..5 {
        assert_eq!(app.verify(EMAIL, &wrong(code_one), Some(&one["id"])).await["code"], "INVALID_OTP", "{n}");
    }
    assert_eq!(app.verify(EMAIL, code_one, Some(&one["id"])).await["code"], "INVALID_OTP", "used up");
    assert_eq!(app.verify(EMAIL, code_one, Some(&two["id"])).await["code"], "INVALID_OTP", "another's");
    assert_eq!(app.verify("grace@example.org", code_two, Some(&two["id"])).await["code"], "INVALID_OTP");
    assert_eq!(app.verify(EMAIL, code_two, Some(&two["id"])).await["__typename"], "AuthPayload");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
    assert_eq!(app.login(EMAIL, OTHER).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_thousand_bare_codes_leave_the_owners_challenge_alone(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = &TestApp::with(database, &[MANDATORY]).await;
    let challenge = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    let guesses: Vec<String> = (0..1000).map(|n| format!("{n:08}")).filter(|guess| *guess != code).collect();
    let mut answers = HashSet::new();
    let mut judged = 0;
    for guess in &guesses {
        let answer = app.verify(EMAIL, guess, None).await;
        judged += usize::from(answer["code"] == "INVALID_OTP");
        answers.insert(answer["code"].to_string());
    }
    assert_eq!(judged, 20);
    assert_eq!(answers.len(), 2);
    assert_eq!(app.verify(EMAIL, &code, None).await["code"], "RATE_LIMITED");
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge["id"])).await["__typename"], "AuthPayload");
}

/// A challenge and the mails that replace it, however often they are asked for.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn mails_that_replace_each_other_share_twenty_tries_a_day(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let settings = [("RATE_LIMIT_MAILS", "1000/1h"), ("RATE_LIMIT_MAILS_DAY", "1000/24h")];
    let app = TestApp::with(database, &settings).await;
    let own = app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    let mut judged = 0;
    let mut newest = app.resend_otp(EMAIL, None).await;
    for _ in 0..8 {
        app.advance(Duration::from_secs(61));
        newest = app.resend_otp(EMAIL, Some(&newest["id"])).await;
        for _ in 0..5 {
            match app.verify(EMAIL, "00000000", Some(&newest["id"])).await["code"].as_str().unwrap() {
                "RATE_LIMITED" => {}
                _ => judged += 1,
            }
        }
    }
    assert_eq!(judged, 20);
    let proven = app.verify(EMAIL, &code, Some(&own["emailChallenge"]["id"])).await;
    assert_eq!(
        proven["__typename"], "AuthPayload",
        "tries by one id never count against another's: {proven}"
    );
}

/// What somebody can reach who tries codes at one address all year, from as many addresses as they like: SECURITY.md quotes it.
#[test]
fn a_year_of_guessing_at_one_address_succeeds_once_in_700_or_more() {
    let config = Config::load(Mode::Command, &std::iter::empty::<(&str, &str)>().collect()).unwrap();
    let a_day = |budget: Budget| f64::from(budget.count) * 86_400.0 / budget.period.as_secs_f64();
    let most = f64::from(config.codes.otp_max_attempts);
    // each mail is a challenge of its own, with tries of its own
    let to_prove = config.budgets.mails_in_a_day;
    let by_mails = (a_day(to_prove) + 86_400.0 / config.codes.login_code_ttl.as_secs_f64()) * most;
    let tries = by_mails + a_day(config.budgets.bare_codes) * 2.0;
    let codes = 10_f64.powi(i32::from(config.codes.otp_length));
    let risk = tries * 365.0 / codes;
    assert!(risk < 1.0 / 700.0, "{tries} tries a day: {risk}");
}

/// Two people sign up with one address. The password of the one is kept who proves it by the id that answered them.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_proves_an_address_has_the_only_working_password(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(true, false)] owner_first: bool,
    #[values(true, false)] by_id: bool,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let (owner, stranger) = ("the owner chose this", "a stranger chose this");
    let passwords = if owner_first { [owner, stranger] } else { [stranger, owner] };
    let mut ids = Vec::new();
    for password in passwords {
        ids.push(app.register(EMAIL, password).await["id"].clone());
        app.advance(Duration::from_secs(61));
    }
    let codes = app.codes(EMAIL).await;
    let at = usize::from(!owner_first);
    let code = &codes[if by_id { 1 - at } else { 0 }];
    let proven = app.verify(EMAIL, code, by_id.then_some(&ids[at])).await;
    let token = proven["accessToken"].as_str().unwrap_or_else(|| panic!("{proven}"));
    let has_password =
        app.run_as(token, "{ me { hasPassword } }", json!({})).await.data("me")["hasPassword"].clone();
    assert_eq!(has_password, by_id, "where it is not clear whose it is, none is taken");
    let works = async |password: &str| app.login(EMAIL, password).await["__typename"] == "AuthPayload";
    assert_eq!(works(owner).await, by_id);
    assert!(!works(stranger).await);
    assert_eq!(app.verify(EMAIL, &codes[at], Some(&ids[1 - at])).await["code"], "INVALID_OTP");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_no_password_for_an_account_that_needs_no_proof(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    app.register(EMAIL, PASSWORD).await;
    app.verify(EMAIL, &app.code(EMAIL).await, None).await;
    app.advance(Duration::from_mins(2));
    let challenge = app.resend_otp(EMAIL, None).await;
    assert_eq!(app.inbox(EMAIL).await.len(), 1, "nothing more is mailed");
    let id: uuid::Uuid = challenge["id"].as_str().unwrap().parse().unwrap();
    let code = secrecy::ExposeSecret::expose_secret(&app.app.tokens.one_time_code(id)).to_owned();
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge["id"])).await["code"], "INVALID_OTP");
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_expire_and_are_superseded_by_those_asked_for_with_their_id() {
    let app = TestApp::start(Sqlite).await;
    let first = app.register(EMAIL, PASSWORD).await["emailChallenge"].clone();
    let old = app.code(EMAIL).await;
    assert_eq!(app.resend_otp(EMAIL, Some(&first["id"])).await["retryAfter"], 60);
    app.advance(Duration::from_mins(1));
    let second = app.resend_otp(EMAIL, Some(&first["id"])).await;
    assert_eq!(second["__typename"], "EmailChallenge");
    let new = app.code(EMAIL).await;
    assert_eq!(app.verify(EMAIL, &old, Some(&first["id"])).await["code"], "INVALID_OTP");
    app.advance(Duration::from_secs(599));
    let other = app.resend_otp(EMAIL, None).await;
    assert_eq!(
        app.verify(EMAIL, &wrong(&new), Some(&second["id"])).await["code"],
        "INVALID_OTP",
        "a stranger's resend"
    );
    app.advance(Duration::from_secs(1));
    assert_eq!(app.verify(EMAIL, &new, Some(&second["id"])).await["code"], "INVALID_OTP", "expired");
    let newest = app.code(EMAIL).await;
    assert_eq!(app.verify(EMAIL, &newest, Some(&other["id"])).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_says_so() {
    let link = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION_METHOD", "link")]).await;
    assert_eq!(link.verify(EMAIL, "12345678", None).await["code"], "INVALID_OTP");
    assert_eq!(link.resend_otp(EMAIL, None).await["code"], "NOT_ENABLED");
    let otp = TestApp::with(Sqlite, &[("EMAIL_VERIFICATION", "none")]).await;
    assert_eq!(otp.activate("x").await["code"], "INVALID_TOKEN");
    assert_eq!(otp.resend_link(EMAIL, None).await["code"], "NOT_ENABLED");
    assert_eq!(otp.resend_otp(EMAIL, None).await["code"], "NOT_ENABLED");
    assert_eq!(otp.register(EMAIL, PASSWORD).await["emailChallenge"], Value::Null);
    assert!(otp.inbox(EMAIL).await.is_empty());
}

/// Known or not, proven or not: the same answer, and the same two rows.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_a_mail_learns_nothing_of_the_address(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[MANDATORY, ("NO_ACCOUNT_NOTICE", "on")]).await;
    app.register_and_prove(EMAIL, PASSWORD).await;
    app.register("grace@example.org", PASSWORD).await;
    app.advance(Duration::from_mins(2));
    let people = [EMAIL, "grace@example.org", "nobody@example.org"];
    for ask in 0..3 {
        let mut answers = Vec::new();
        for email in people {
            let mut answer = match ask {
                0 => app.resend_otp(email, None).await,
                1 => app.request_reset(email).await,
                _ => {
                    app.advance(Duration::from_mins(2));
                    app.register(email, OTHER).await
                }
            };
            assert_eq!(answer["email"], email);
            answer["id"] = json!("…");
            answer["email"] = json!("…");
            answers.push(answer);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        assert_eq!(answers[0]["__typename"], "EmailChallenge");
        send_due(&app.app).await.unwrap();
    }
    let newest =
        async |email: &str| app.inbox(email).await.iter().map(|mail| mail.template).collect::<Vec<_>>();
    assert_eq!(newest(EMAIL).await, ["address_taken", "password_reset", "one_time_code"]);
    assert_eq!(
        newest("grace@example.org").await,
        ["one_time_code", "no_account", "one_time_code", "one_time_code"]
    );
    assert_eq!(newest("nobody@example.org").await, ["one_time_code", "no_account"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_to_one_address_are_rationed_by_purpose() {
    let app = TestApp::start(Sqlite).await;
    let mut sent = 0;
    let mut waits = Vec::new();
    for _ in 0..60 {
        let answer = app.resend_otp(EMAIL, None).await;
        if answer["__typename"] == "EmailChallenge" {
            sent += 1;
            waits.push(answer["resendIn"].as_i64().unwrap());
        } else {
            assert_eq!(answer["code"], "RATE_LIMITED");
        }
        app.advance(Duration::from_mins(1));
    }
    assert_eq!(
        (sent, &waits[..7]),
        (11, &[60, 60, 60, 60, 60, 300, 600][..]),
        "six, then one in ten minutes"
    );
    assert_eq!(app.request_reset(EMAIL).await["__typename"], "EmailChallenge");
    app.advance(Duration::from_hours(24));
    assert_eq!(app.resend_otp(EMAIL, None).await["resendIn"], 60);
}

/// Makes the accounts such as there were before proofs were asked for.
async fn unprove(app: &TestApp) {
    app.sql("UPDATE users SET email_verified_at = NULL").await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_logs_in_with_an_unproven_address_is_mailed_one_code(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let ada = app.register_and_prove(EMAIL, PASSWORD).await;
    unprove(&app).await;
    app.advance(Duration::from_mins(2));
    let first = app.challenged(EMAIL, PASSWORD).await;
    assert_eq!((&first["__typename"], &first["purpose"]), (&json!("EmailChallenge"), &json!("VERIFY_EMAIL")));
    assert_eq!((&first["expiresIn"], &first["resendIn"]), (&json!(600), &json!(60)));
    assert_eq!(app.codes(EMAIL).await.len(), 2);
    app.advance(Duration::from_secs(590));
    let again = app.challenged(EMAIL, PASSWORD).await;
    assert_eq!((&again["id"], &again["expiresIn"]), (&first["id"], &json!(10)));
    assert_eq!(app.codes(EMAIL).await.len(), 2, "nothing more is mailed");
    app.advance(Duration::from_secs(10));
    let next = app.challenged(EMAIL, PASSWORD).await;
    assert_ne!(next["id"], first["id"]);
    let proven = app.verify(EMAIL, &app.code(EMAIL).await, Some(&next["id"])).await;
    assert_eq!(proven["user"]["id"], ada["user"]["id"]);
    assert_eq!(app.challenged(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

/// A stranger's registration waits beside an account that is not proven: its owner proves the account.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_stranger_gives_an_account_another_password(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(true, false)] by_id: bool,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let stranger = "a stranger chose this";
    app.register_and_prove(EMAIL, PASSWORD).await;
    unprove(&app).await;
    app.advance(Duration::from_mins(2));
    app.register(EMAIL, stranger).await;
    app.advance(Duration::from_mins(2));
    let challenge = app.challenged(EMAIL, PASSWORD).await;
    let proven = app.verify(EMAIL, &app.code(EMAIL).await, by_id.then_some(&challenge["id"])).await;
    assert_eq!(proven["__typename"], "AuthPayload");
    let works = async |password: &str| app.login(EMAIL, password).await["__typename"] == "AuthPayload";
    assert!(!works(stranger).await);
    assert_eq!(works(PASSWORD).await, by_id, "where it is not clear who proved it, there is no password");
}

/// A sign-up answers alike for every address; so does the login that follows it.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn who_signs_up_with_an_address_never_learns_whether_it_has_an_account(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    app.register_and_prove(EMAIL, PASSWORD).await;
    app.advance(Duration::from_mins(2));
    let mut answers = Vec::new();
    for email in [EMAIL, "nobody@example.org"] {
        let asked = app.register(email, OTHER).await;
        let hashes = app.app.passwords.computed();
        let mut right = app.challenged(email, OTHER).await;
        let mut wrong = app.challenged(email, "a third one altogether").await;
        assert_eq!(right["id"], asked["id"]);
        for answer in [&mut right, &mut wrong] {
            answer["id"].take();
            answer["email"].take();
        }
        answers.push((right, wrong, app.app.passwords.computed() - hashes));
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_account_is_told_so_after_the_right_code_alone(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let challenge = app.register(EMAIL, PASSWORD).await["emailChallenge"]["id"].clone();
    let code = app.code(EMAIL).await;
    app.sql("UPDATE users SET is_active = FALSE").await;
    assert_eq!(app.verify(EMAIL, &wrong(&code), Some(&challenge)).await["code"], "INVALID_OTP");
    let refused = app.verify(EMAIL, &code, Some(&challenge)).await;
    assert_eq!((&refused["__typename"], &refused["code"]), (&json!("UserError"), &json!("ACCOUNT_DISABLED")));
    assert_eq!(app.verify(EMAIL, &code, Some(&challenge)).await["code"], "INVALID_OTP", "it is spent");
    let ada = user::Entity::find().one(app.app.db.read()).await.unwrap().unwrap();
    assert_eq!(ada.email_verified_at, None, "and proves nothing for when the account is let in again");
    let sessions = session::Entity::find().count(app.app.db.read()).await.unwrap();
    assert_eq!(sessions, 1, "that of the sign-up");
}

/// Several proofs of one address, each by a code of its own: one succeeds, and none waits in a circle.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn proofs_of_one_address_do_not_get_into_each_others_way(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = Arc::new(TestApp::with(database, &[MANDATORY]).await);
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(app.register(EMAIL, &format!("{OTHER} {n}")).await["id"].clone());
        app.advance(Duration::from_secs(61));
    }
    let codes = app.codes(EMAIL).await;
    let begun = Instant::now();
    let proofs = ids.into_iter().zip(codes.into_iter().rev()).map(|(id, code)| {
        let app = app.clone();
        tokio::spawn(async move { app.verify(EMAIL, &code, Some(&id)).await })
    });
    let answers: Vec<Value> = join_all(proofs).await.into_iter().map(Result::unwrap).collect();
    let proven = answers.iter().filter(|answer| answer["__typename"] == "AuthPayload").count();
    assert_eq!(proven, 1, "{answers:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "PostgreSQL looks for a deadlock after a second");
}

/// A stranger has registered with the address; its owner asks for a code, and proves the address by the id that answered.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_registration_lends_its_password_to_nobody(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(true, false)] by_id: bool,
    #[values(true, false)] owner_registered_before: bool,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    if owner_registered_before {
        app.register(EMAIL, PASSWORD).await;
        app.advance(Duration::from_mins(11));
    }
    app.register(EMAIL, OTHER).await;
    app.advance(Duration::from_mins(2));
    let asked = app.resend_otp(EMAIL, None).await;
    let query =
        "mutation($input: VerifyOtpInput!) { verifyOtp(input: $input) { ... on AuthPayload { accessToken
        user { hasPassword username name } } ... on UserError { code } } }";
    let id = by_id.then_some(&asked["id"]);
    let input = json!({ "email": EMAIL, "otp": app.code(EMAIL).await, "challengeId": id });
    let proven = app.run(query, json!({ "input": input })).await.data("verifyOtp");
    assert_eq!(proven["user"]["hasPassword"], false, "{proven}");
    for password in [PASSWORD, OTHER] {
        assert_eq!(app.login(EMAIL, password).await["code"], "INVALID_CREDENTIALS");
    }
    let first =
        "mutation { changePassword(input: { newPassword: \"staple horse correct\" }) { __typename } }";
    let set = app.run_as(proven["accessToken"].as_str().unwrap(), first, json!({})).await;
    assert_eq!(set.data("changePassword")["__typename"], "PasswordChanged", "the person sets one at once");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_superseded_id_continues_its_own_registration(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::with(database, &[MANDATORY]).await;
    let first = app.register(EMAIL, PASSWORD).await;
    app.advance(Duration::from_mins(11));
    app.register(EMAIL, OTHER).await;
    app.advance(Duration::from_mins(2));
    let second = app.resend_otp(EMAIL, Some(&first["id"])).await;
    app.advance(Duration::from_mins(2));
    let third = app.resend_otp(EMAIL, Some(&first["id"])).await;
    assert_ne!(second["id"], third["id"]);
    let proven = app.verify(EMAIL, &app.code(EMAIL).await, Some(&third["id"])).await;
    assert_eq!(proven["__typename"], "AuthPayload");
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"], "AuthPayload");
    assert_eq!(app.login(EMAIL, OTHER).await["code"], "INVALID_CREDENTIALS");

    // and once it is spent, it begins nothing again
    app.advance(Duration::from_mins(2));
    app.resend_otp(EMAIL, Some(&first["id"])).await;
    let rows = challenge::list_live(app.app.db.read(), EMAIL, Timestamp(app.app.clock.now())).await.unwrap();
    assert!(rows.iter().all(|row| row.registration.is_none()), "{rows:?}");
}

/// In optional mode a stranger has made the account. What they chose ends with a proof by the mail alone.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_by_the_mail_alone_ends_what_a_squatter_chose(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("mail", "session", "id")] by: &str,
) {
    let app = TestApp::start(database).await;
    let begun = app.register(EMAIL, PASSWORD).await;
    let squatter = SignedIn::from(&begun);
    let code = app.code(EMAIL).await;
    let proven = match by {
        "mail" => app.verify(EMAIL, &code, None).await,
        "session" => app.verify_as(&squatter.access_token, EMAIL, &code, None).await,
        _ => app.verify(EMAIL, &code, Some(&begun["emailChallenge"]["id"])).await,
    };
    assert_eq!(proven["__typename"], "AuthPayload");
    let lives = by != "mail";
    assert_eq!(app.me(&squatter.access_token).await == EMAIL, lives);
    assert_eq!(app.login(EMAIL, PASSWORD).await["__typename"] == "AuthPayload", lives);
    let me = app.run_as(
        proven["accessToken"].as_str().unwrap(),
        "{ me { hasPassword sessions { id } } }",
        json!({}),
    );
    let me = me.await.data("me");
    assert_eq!(me["hasPassword"], lives);
}

/// A proof in a session, while another tab refreshes it: whatever it answers signs nobody out.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_proof_beside_a_refresh_accuses_nobody_of_theft(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("0s", "10s")] staleness: &str,
) {
    let app = Arc::new(TestApp::with(database, &[("VIEWER_CACHE_STALENESS", staleness)]).await);
    let begun = app.register(EMAIL, PASSWORD).await;
    let ada = SignedIn::from(&begun);
    app.me(&ada.access_token).await;
    let code = app.code(EMAIL).await;
    let id = begun["emailChallenge"]["id"].clone();
    let other_tab = {
        let (app, token) = (app.clone(), ada.refresh_token.clone());
        tokio::spawn(async move { app.refresh(&token).await })
    };
    let proven = app.verify_as(&ada.access_token, EMAIL, &code, Some(&id)).await;
    let refreshed = SignedIn::from(&other_tab.await.unwrap());
    assert_eq!(proven["refreshToken"], Value::Null);
    app.me(proven["accessToken"].as_str().unwrap()).await;
    app.advance(Duration::from_mins(1));
    // the first tab's answer got lost: it has the token from before
    let again = app.refresh(&ada.refresh_token).await;
    assert_eq!(again["refreshToken"], refreshed.refresh_token.as_str(), "{again}");
    assert_eq!(app.me(&refreshed.access_token).await, EMAIL);
}
