//! Several people who claim one email address: only its owner gets the account.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use gatehouse::storage::{Timestamp, challenge};
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    resend_otp::unprove,
    support::{Database, EMAIL, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp},
    verify_otp::{MANDATORY, OTHER},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_proofs_succeeds(#[values(Sqlite, Postgres, Serializable)] database: Database) {
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

/// Two people sign up with one address. A password is kept only if its owner verifies with the ID from that sign-up.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_verified_sign_ups_password_works(
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
    assert_eq!(has_password, by_id, "without an ID it is unclear whose password to keep, so none is kept");
    let works = async |password: &str| app.login(EMAIL, password).await["__typename"] == "AuthPayload";
    assert_eq!(works(owner).await, by_id);
    assert!(!works(stranger).await);
    assert_eq!(app.verify(EMAIL, &codes[at], Some(&ids[1 - at])).await["code"], "INVALID_OTP");
}

/// A stranger's registration is pending while the account is unverified; then the owner verifies the address.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_stranger_can_change_an_accounts_password(
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
    assert_eq!(
        works(PASSWORD).await,
        by_id,
        "without an ID it is unclear who verified the address, so the password is removed"
    );
}

/// The responses to a sign-up and to the sign-ins that follow it are the same for every address.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_never_reveals_whether_its_address_has_an_account(
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

/// Several verifications of one address race, each with its own code: one succeeds, and there is no deadlock.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verifications_of_one_address_do_not_block_each_other(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
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
    assert!(begun.elapsed() < Duration::from_secs(1), "PostgreSQL checks for deadlocks after a second");
}

/// A stranger has registered with the address. Its owner requests a code and verifies it, with or without its ID.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_password_is_never_set_for_the_owners_account(
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
    assert_eq!(
        set.data("changePassword")["__typename"],
        "PasswordChanged",
        "the owner can set a password at once"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_expired_or_replaced_id_continues_its_own_registration(
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

    // once the ID is used, it starts no further registration
    app.advance(Duration::from_mins(2));
    app.resend_otp(EMAIL, Some(&first["id"])).await;
    let rows = challenge::list_live(app.app.db.read(), EMAIL, Timestamp(app.app.clock.now())).await.unwrap();
    assert!(rows.iter().all(|row| row.registration.is_none()), "{rows:?}");
}

/// With optional verification, a stranger may have created the account. Verification by email alone discards what they
/// chose.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verification_by_mail_alone_discards_what_a_squatter_chose(
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

/// A session verifies an address while another tab refreshes it: this must not count as theft.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn verification_during_a_refresh_reports_no_theft(
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
    // the response to the other tab is lost, so it still has the previous token
    let again = app.refresh(&ada.refresh_token).await;
    assert_eq!(again["refreshToken"], refreshed.refresh_token.as_str(), "{again}");
    assert_eq!(app.me(&refreshed.access_token).await, EMAIL);
}
