use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use gatehouse::fake_google::FakeGoogle;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    database::connect,
    google::{access_token, ada, ada_at, id_token},
};

const GMAIL: &str = "ada@gmail.com";

async fn count(app: &TestApp, table: &str) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let sql = format!("SELECT COUNT(*) AS count FROM {table}");
    let row = rows.query_one_raw(Statement::from_string(rows.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "count").unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn three_ways_in_lead_to_one_account(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    // the person of this number at the fake Google's
    let person = json!({ "sub": "100000000000000000001", "email": "ada.lovelace@gmail.com", "email_verified": true, "picture": "https://example.org/ada.png", "name": "Ada Lovelace" });
    let first = app.google_login(id_token(&google, &person)).await;
    assert_eq!(first["user"]["email"], "ada.lovelace@gmail.com");
    assert_eq!(first["user"]["name"], "Ada Lovelace");
    assert_eq!(
        first["me"],
        json!({
            "emailVerified": true, "hasPassword": false, "avatarUrl": "https://example.org/ada.png",
            "identities": [{ "provider": "GOOGLE", "email": "ada.lovelace@gmail.com" }],
        })
    );
    let visit = app.visit_google(0).await;
    let others =
        [app.google_login(access_token(&google, &person)).await, app.google_login(visit.input()).await];
    let first = SignedIn::from(&first);
    for other in others.iter().map(SignedIn::from) {
        assert_eq!(other.user_id, first.user_id);
        assert_ne!(other.session_id, first.session_id);
        assert_eq!(app.me(&other.access_token).await, "ada.lovelace@gmail.com");
    }
    assert_eq!((count(&app, "users").await, count(&app, "identities").await), (1, 1));
}

/// A token that says this, with this header, and a signature of no worth.
fn unsigned(header: &Value, claims: &Value) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([1; 256]))
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    if value.is_null() {
        claims.as_object_mut().unwrap().remove(name);
    } else {
        claims[name] = value;
    }
    claims
}

#[tokio::test(flavor = "multi_thread")]
async fn id_tokens_that_are_not_googles_or_not_for_us_are_refused() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let claims = google.claims(&ada());
    let now = claims["iat"].as_i64().unwrap();
    let signed = |claims: Value| google.id_token(&claims).unwrap();
    let (header, _) =
        signed(claims.clone()).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    let good = signed(claims.clone());
    let tampered = {
        let mut parts: Vec<&str> = good.split('.').collect();
        let other = URL_SAFE_NO_PAD.encode(with(&claims, "sub", "1002".into()).to_string());
        parts[1] = &other;
        parts.join(".")
    };
    let hs256 = {
        // signed with what is public, as if that were a secret
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": header["kid"] });
        let message = unsigned(&header, &claims).rsplit_once('.').unwrap().0.to_owned();
        let key = aws_lc_rs::hmac::Key::new(
            aws_lc_rs::hmac::HMAC_SHA256,
            header["kid"].as_str().unwrap().as_bytes(),
        );
        let mac = aws_lc_rs::hmac::sign(&key, message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
    };
    let bad = [
        ("another client's", signed(with(&claims, "aud", "another".into()))),
        ("nobody's", signed(with(&claims, "aud", Value::Null))),
        ("ours and another's", signed(with(&claims, "aud", json!([claims["aud"], "another"])))),
        ("another issuer's", signed(with(&claims, "iss", "https://accounts.example.org".into()))),
        ("no issuer's", signed(with(&claims, "iss", Value::Null))),
        ("expired", signed(with(&claims, "exp", (now - 1).into()))),
        ("without an end", signed(with(&claims, "exp", Value::Null))),
        ("with a strange end", signed(with(&claims, "exp", "never".into()))),
        ("unverified", signed(with(&claims, "email_verified", false.into()))),
        ("of unknown verification", signed(with(&claims, "email_verified", Value::Null))),
        ("of false verification", signed(with(&claims, "email_verified", "false".into()))),
        ("without an address", signed(with(&claims, "email", Value::Null))),
        ("without a subject", signed(with(&claims, "sub", Value::Null))),
        ("tampered with", tampered),
        ("HS256", hs256),
        ("none", unsigned(&json!({ "alg": "none" }), &claims)),
        ("none, with a kid", unsigned(&json!({ "alg": "none", "kid": header["kid"] }), &claims)),
        ("without a kid", unsigned(&json!({ "alg": "RS256" }), &claims)),
        ("of another kid", unsigned(&json!({ "alg": "RS256", "kid": "../../etc/passwd" }), &claims)),
        (
            "with a key of its own",
            unsigned(&json!({ "alg": "RS256", "kid": "own", "jwk": { "kty": "RSA" } }), &claims),
        ),
        ("no token", "garbage".to_owned()),
        ("empty", String::new()),
        ("not ASCII", "é.é.é".to_owned()),
        ("too long", format!("{good}{}", "A".repeat(9000))),
    ];
    for (what, token) in bad {
        let answer = app.google_login(json!({ "idToken": { "idToken": token } })).await;
        assert_eq!(answer["code"], "GOOGLE_REJECTED", "{what}: {answer}");
    }
    for nonce in [json!("another"), json!(""), Value::Null] {
        let token = signed(with(&claims, "nonce", "this".into()));
        let answer = app.google_login(json!({ "idToken": { "idToken": token, "nonce": nonce } })).await;
        assert_eq!(answer["code"], "GOOGLE_REJECTED");
    }
    let empty = signed(with(&claims, "nonce", "".into()));
    let answer = app.google_login(json!({ "idToken": { "idToken": empty } })).await;
    assert_eq!(answer["code"], "GOOGLE_REJECTED", "an empty one is one");
    let answer = app.google_login(json!({ "idToken": { "idToken": good, "nonce": "this" } })).await;
    assert_eq!(answer["code"], "GOOGLE_REJECTED", "it has no nonce");
    assert_eq!(count(&app, "users").await, 0);

    let bare = google.issuer().strip_prefix("http://").unwrap();
    let own = [("nonce", "this".into()), ("nonce", Value::Null), ("iss", bare.into())];
    for good in own.map(|(name, value)| with(&claims, name, value)) {
        let nonce = good.get("nonce").cloned();
        let input = json!({ "idToken": { "idToken": signed(good), "nonce": nonce } });
        assert_eq!(app.google_login(input).await["__typename"], "AuthPayload");
    }
    // the keys were asked for once, and once more for the kid that nobody knows
    assert_eq!(google.requests("/certs"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_tokens_that_are_not_for_us_are_refused() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let (info, person) = (FakeGoogle::tokeninfo(&ada()), ada());
    let mut bad: Vec<(&str, Value)> = Vec::new();
    for (what, name, value) in [
        ("another client's", "aud", json!("another")),
        ("nobody's", "aud", Value::Null),
        ("a list's", "aud", json!(["another"])),
        ("asked for by another client", "azp", json!("another")),
        (
            "not for the address",
            "scope",
            json!("openid profile https://www.googleapis.com/auth/userinfo.emails"),
        ),
        ("for nothing", "scope", Value::Null),
    ] {
        bad.push((what, google.access_token(with(&info, name, value), person.clone()).into()));
    }
    bad.push(("nobody's", "ya29.unknown".into()));
    bad.push(("none", "".into()));
    bad.push(("another header", "x\r\nx-evil: 1".into()));
    for (what, token) in bad {
        let answer = app.google_login(json!({ "accessToken": token })).await;
        let code = &answer["code"];
        assert!(
            code == "GOOGLE_REJECTED" || (what == "a list's" && code == "GOOGLE_UNAVAILABLE"),
            "{what}: {answer}"
        );
    }
    assert_eq!(google.requests("/userinfo"), 0, "nothing is asked about what is not for us");
    for (what, name, value) in [
        ("unverified", "email_verified", json!(false)),
        ("of unknown verification", "email_verified", Value::Null),
        ("of false verification", "email_verified", json!("false")),
        ("somebody else", "sub", json!("1002")),
        ("without an address", "email", Value::Null),
    ] {
        let token = google.access_token(info.clone(), with(&person, name, value));
        assert_eq!(
            app.google_login(json!({ "accessToken": token })).await["code"],
            "GOOGLE_REJECTED",
            "{what}"
        );
    }
    assert_eq!(count(&app, "users").await, 0);
    assert_eq!(app.google_login(access_token(&google, &person)).await["__typename"], "AuthPayload");
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_way_is_chosen() {
    let (app, _) = TestApp::with_google(Sqlite, &[]).await;
    let query = "mutation($input: GoogleLoginInput!) { googleLogin(input: $input) { __typename } }";
    for input in [
        json!({}),
        json!({ "accessToken": null }),
        json!({ "accessToken": "x", "idToken": { "idToken": "x" } }),
    ] {
        assert_eq!(app.run(query, json!({ "input": input })).await.code(), "BAD_REQUEST");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_account_is_known_by_its_subject_whatever_its_address(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let first = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    app.sign_up("moved@gmail.com").await;
    for email in ["moved@gmail.com", "ada@example.org"] {
        let again = app.google_login(id_token(&google, &with(&ada(), "email", email.into()))).await;
        assert_eq!(SignedIn::from(&again).user_id, first.user_id, "{email}");
        assert_eq!(again["user"]["email"], GMAIL, "addresses here are changed by their owners");
    }
}

/// The table in `playground/docs/sign-in-providers.md`: what a new Google account leads to if an account has its address.
#[rstest]
#[case::googles_address_proven_here(GMAIL, None, true, "AuthPayload")]
#[case::hosted_address_proven_here("ada@example.org", Some("example.org"), true, "AuthPayload")]
#[case::googles_address_unproven_here(GMAIL, None, false, "LINK_REQUIRED")]
#[case::hosted_address_unproven_here("ada@example.org", Some("example.org"), false, "LINK_REQUIRED")]
#[case::hosted_address_in_other_letters(
    "ada@bücher.example",
    Some("XN--BCHER-KVA.Example"),
    true,
    "AuthPayload"
)]
#[case::googles_other_address("ada@googlemail.com", None, true, "AuthPayload")]
#[case::address_of_no_member("ada@example.org", Some("evil.example"), true, "LINK_REQUIRED")]
#[case::address_beneath_the_domain("ada@mail.example.org", Some("example.org"), true, "LINK_REQUIRED")]
#[case::other_address_proven_here("ada@example.org", None, true, "LINK_REQUIRED")]
#[case::other_address_unproven_here("ada@example.org", None, false, "LINK_REQUIRED")]
#[tokio::test(flavor = "multi_thread")]
async fn a_known_address_opens_an_account_only_where_google_decides_who_has_it(
    #[case] email: &str,
    #[case] hd: Option<&str>,
    #[case] is_proven: bool,
    #[case] expected: &str,
    #[values(id_token, access_token)] given: fn(&FakeGoogle, &Value) -> Value,
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let owner = app.sign_up(email).await;
    if is_proven {
        app.verify_as(&owner.access_token, email, &app.code(email).await, None).await;
    }
    let outcome = app.google_login(given(&google, &ada_at(email, hd))).await;
    if expected == "AuthPayload" {
        assert_eq!(SignedIn::from(&outcome).user_id, owner.user_id);
        assert_eq!(outcome["me"]["identities"], json!([{ "provider": "GOOGLE", "email": email }]));
        assert_eq!(app.inbox(email).await[0].template, "google_linked", "its owner is told");
        assert_eq!(app.login(email, PASSWORD).await["__typename"], "AuthPayload", "the password stays");
    } else {
        assert_eq!(outcome["code"], expected);
        assert_eq!(count(&app, "identities").await, 0);
    }
    assert_eq!(count(&app, "users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_former_colleagues_address_does_not_get_their_account() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let former = ada_at("desk@example.org", Some("example.org"));
    app.google_login(id_token(&google, &former)).await;
    let outcome = app.google_login(id_token(&google, &with(&former, "sub", "2002".into()))).await;
    assert_eq!(outcome["code"], "LINK_REQUIRED");
}

/// What becomes of a Google account that was never seen, where nobody has its address.
#[rstest]
#[case(GMAIL, None, "none", true, false)]
#[case(GMAIL, None, "optional", true, false)]
#[case(GMAIL, None, "mandatory", true, false)]
#[case(EMAIL, None, "none", false, false)]
#[case(EMAIL, None, "optional", false, true)]
#[case(EMAIL, Some("example.org"), "mandatory", true, false)]
#[case(EMAIL, Some("evil.example"), "optional", false, true)]
#[tokio::test(flavor = "multi_thread")]
async fn somebody_new_has_proven_only_what_google_decides(
    #[case] email: &str,
    #[case] hd: Option<&str>,
    #[case] mode: &str,
    #[case] is_proven: bool,
    #[case] is_mailed: bool,
) {
    let (app, google) = TestApp::with_google(Sqlite, &[("EMAIL_VERIFICATION", mode)]).await;
    let outcome = app.google_login(id_token(&google, &ada_at(email, hd))).await;
    assert_eq!(outcome["__typename"], "AuthPayload");
    assert_eq!(outcome["me"]["emailVerified"], is_proven);
    assert_eq!(outcome["emailChallenge"].is_object(), is_mailed);
    assert_eq!(app.inbox(email).await.len(), usize::from(is_mailed));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn where_proofs_are_mandatory_an_account_begins_with_it_and_google_signs_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    let input = || id_token(&google, &ada_at(EMAIL, None));
    let challenge = app.google_login(input()).await;
    assert_eq!(
        (&challenge["__typename"], &challenge["purpose"]),
        (&json!("EmailChallenge"), &json!("VERIFY_EMAIL"))
    );
    assert_eq!(app.google_login(input()).await["id"], challenge["id"], "it is awaited still");
    assert_eq!(count(&app, "users").await, 0);
    let proven = app.verify(EMAIL, &app.code(EMAIL).await, Some(&challenge["id"])).await;
    let signed_in = app.google_login(input()).await;
    assert_eq!(signed_in["user"]["id"], proven["user"]["id"]);
    assert_eq!(signed_in["me"]["hasPassword"], false);
    assert_eq!(count(&app, "identities").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_registrations_the_mail_alone_gives_no_google_account_a_way_in() {
    let settings = [("EMAIL_VERIFICATION", "mandatory"), ("RESEND_COOLDOWN", "1s")];
    let (app, google) = TestApp::with_google(Sqlite, &settings).await;
    app.google_login(id_token(&google, &ada_at(EMAIL, None))).await;
    app.advance(Duration::from_secs(2));
    app.register(EMAIL, PASSWORD).await;
    let code = app.code(EMAIL).await;
    assert_eq!(app.verify(EMAIL, &code, None).await["__typename"], "AuthPayload");
    assert_eq!(count(&app, "identities").await, 0);
    assert_eq!(app.google_login(id_token(&google, &ada_at(EMAIL, None))).await["code"], "LINK_REQUIRED");
    assert_eq!(app.login(EMAIL, PASSWORD).await["code"], "INVALID_CREDENTIALS");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_takes_an_account_from_whoever_linked_google_to_it(
    #[values(false, true)] is_proven: bool,
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let squatter = app.sign_up(EMAIL).await;
    if is_proven {
        app.verify_as(&squatter.access_token, EMAIL, &app.code(EMAIL).await, None).await;
    }
    app.link_google(&squatter.access_token, id_token(&google, &ada())).await;
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    assert_eq!(app.reset(&token, "battery horse correct").await["__typename"], "PasswordChanged");
    assert_eq!(count(&app, "identities").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_in_makes_no_difference() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let grace = app.sign_up("grace@example.org").await;
    for token in [grace.access_token.as_str(), "garbage"] {
        let outcome = app.google_login_as(token, id_token(&google, &ada())).await;
        assert_eq!(outcome["user"]["email"], GMAIL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shut_out_is_not_let_in_by_google() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    app.google_login(id_token(&google, &ada())).await;
    app.sql("UPDATE users SET is_active = FALSE").await;
    assert_eq!(app.google_login(id_token(&google, &ada())).await["code"], "ACCOUNT_DISABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_switched_off_is_told() {
    let app = TestApp::start(Sqlite).await;
    assert_eq!(app.google_login(json!({ "accessToken": "x" })).await["code"], "NOT_ENABLED");
    assert_eq!(app.start_google_login(None).await["code"], "NOT_ENABLED");
    let settings = app.run("{ authSettings { googleClientId } }", json!({})).await;
    assert_eq!(settings.data("authSettings")["googleClientId"], Value::Null);

    let (app, google) = TestApp::with_google(Sqlite, &[("SIGNUP", "off")]).await;
    assert_eq!(app.google_login(id_token(&google, &ada())).await["code"], "NOT_ENABLED");
    let settings = app.run("{ authSettings { googleClientId } }", json!({})).await;
    assert_eq!(settings.data("authSettings")["googleClientId"], gatehouse::fake_google::CLIENT_ID);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn of_racing_first_sign_ins_one_makes_the_account_and_all_are_signed_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[NO_VERIFICATION]).await;
    let all = join_all((0..32).map(|_| app.google_login(id_token(&google, &ada())))).await;
    let users: std::collections::HashSet<String> =
        all.iter().map(|outcome| SignedIn::from(outcome).user_id).collect();
    assert_eq!(users.len(), 1);
    assert_eq!((count(&app, "users").await, count(&app, "identities").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_google_does_not_vouch_for_is_rationed_by_address_and_what_it_does_is_not() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_FAILED_GOOGLE_LOGINS", "3/15m")];
    let (app, google) = TestApp::with_google(Sqlite, &settings).await;
    let login = async |address: &str, input: Value| {
        let query = "mutation($input: GoogleLoginInput!) { googleLogin(input: $input) { __typename ... on UserError { code retryAfter } } }";
        let body = json!({ "query": query, "variables": { "input": input } });
        let request = app.post().header("x-forwarded-for", address).json(&body);
        crate::support::Answer::of(request).await.data("googleLogin")
    };
    for _ in 0..5 {
        assert_eq!(login("192.0.2.1", id_token(&google, &ada())).await["__typename"], "AuthPayload");
    }
    let asked = google.requests("/tokeninfo");
    for _ in 0..3 {
        assert_eq!(login("192.0.2.1", json!({ "accessToken": "x" })).await["code"], "GOOGLE_REJECTED");
    }
    let refused = login("192.0.2.1", json!({ "accessToken": "x" })).await;
    assert_eq!((&refused["code"], &refused["retryAfter"]), (&json!("RATE_LIMITED"), &json!(300)));
    assert_eq!(google.requests("/tokeninfo") - asked, 3, "Google is not asked");
    assert_eq!(login("192.0.2.2", json!({ "accessToken": "x" })).await["code"], "GOOGLE_REJECTED");
}
