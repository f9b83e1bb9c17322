use std::time::Duration;

use futures_util::future::join_all;
use gatehouse::fake_provider::FakeProvider;
use rstest::rstest;
use serde_json::{Value, json};

use crate::{
    google_login_tokens::with,
    support::{
        Database, EMAIL, NO_VERIFICATION, PASSWORD, Postgres, Serializable, SignedIn, Sqlite, TestApp,
        database::connect,
        google::{access_token, ada, ada_at, id_token},
    },
};

const GMAIL: &str = "ada@gmail.com";

pub(crate) async fn count(app: &TestApp, table: &str) -> i64 {
    use sea_orm::{ConnectionTrait, Statement};
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let sql = format!("SELECT COUNT(*) AS count FROM {table}");
    let row = rows.query_one_raw(Statement::from_string(rows.get_database_backend(), sql)).await.unwrap();
    row.unwrap().try_get("", "count").unwrap()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn three_ways_to_sign_in_lead_to_one_account(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    // the fake Google's person number 0
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

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_kind_of_token_or_code_is_required() {
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
async fn the_account_is_found_by_its_subject_even_if_the_address_changes(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let first = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    app.sign_up("moved@gmail.com").await;
    for email in ["moved@gmail.com", "ada@example.org"] {
        let again = app.google_login(id_token(&google, &with(&ada(), "email", email.into()))).await;
        assert_eq!(SignedIn::from(&again).user_id, first.user_id, "{email}");
        assert_eq!(again["user"]["email"], GMAIL, "only the owner changes the address of an account");
    }
}

/// The table in `playground/docs/sign-in-providers.md`: what happens if an account has a new Google account's address.
#[rstest]
#[case::gmail_address_verified_here(GMAIL, None, true, "AuthPayload")]
#[case::hosted_address_verified_here("ada@example.org", Some("example.org"), true, "AuthPayload")]
#[case::gmail_address_not_verified_here(GMAIL, None, false, "LINK_REQUIRED")]
#[case::hosted_address_not_verified_here("ada@example.org", Some("example.org"), false, "LINK_REQUIRED")]
#[case::hosted_address_in_another_spelling(
    "ada@bücher.example",
    Some("XN--BCHER-KVA.Example"),
    true,
    "AuthPayload"
)]
#[case::googlemail_address("ada@googlemail.com", None, true, "AuthPayload")]
#[case::address_outside_the_hosted_domain("ada@example.org", Some("evil.example"), true, "LINK_REQUIRED")]
#[case::address_in_a_subdomain("ada@mail.example.org", Some("example.org"), true, "LINK_REQUIRED")]
#[case::other_address_verified_here("ada@example.org", None, true, "LINK_REQUIRED")]
#[case::other_address_not_verified_here("ada@example.org", None, false, "LINK_REQUIRED")]
#[tokio::test(flavor = "multi_thread")]
async fn a_matching_address_signs_in_only_if_google_is_its_authority(
    #[case] email: &str,
    #[case] hd: Option<&str>,
    #[case] is_proven: bool,
    #[case] expected: &str,
    #[values(id_token, access_token)] given: fn(&FakeProvider, &Value) -> Value,
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
        assert_eq!(app.inbox(email).await[0].template, "identity_linked", "the owner is notified");
        assert_eq!(app.login(email, PASSWORD).await["__typename"], "AuthPayload", "the password still works");
    } else {
        assert_eq!(outcome["code"], expected);
        assert_eq!(count(&app, "identities").await, 0);
    }
    assert_eq!(count(&app, "users").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_owner_of_a_reused_address_does_not_get_the_former_owners_account() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let former = ada_at("desk@example.org", Some("example.org"));
    app.google_login(id_token(&google, &former)).await;
    let outcome = app.google_login(id_token(&google, &with(&former, "sub", "2002".into()))).await;
    assert_eq!(outcome["code"], "LINK_REQUIRED");
}

/// What happens to a new Google account if no account has its address.
#[rstest]
#[case(GMAIL, None, "none", true, false)]
#[case(GMAIL, None, "optional", true, false)]
#[case(GMAIL, None, "mandatory", true, false)]
#[case(EMAIL, None, "none", false, false)]
#[case(EMAIL, None, "optional", false, true)]
#[case(EMAIL, Some("example.org"), "mandatory", true, false)]
#[case(EMAIL, Some("evil.example"), "optional", false, true)]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_account_is_verified_only_if_google_is_the_authority_for_its_address(
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
async fn with_mandatory_verification_a_code_creates_the_account_and_google_signs_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[("EMAIL_VERIFICATION", "mandatory")]).await;
    let input = || id_token(&google, &ada_at(EMAIL, None));
    let challenge = app.google_login(input()).await;
    assert_eq!(
        (&challenge["__typename"], &challenge["purpose"]),
        (&json!("EmailChallenge"), &json!("VERIFY_EMAIL"))
    );
    assert_eq!(app.google_login(input()).await["id"], challenge["id"], "the challenge is still open");
    assert_eq!(count(&app, "users").await, 0);
    let proven = app.verify(EMAIL, &app.code(EMAIL).await, Some(&challenge["id"])).await;
    let signed_in = app.google_login(input()).await;
    assert_eq!(signed_in["user"]["id"], proven["user"]["id"]);
    assert_eq!(signed_in["me"]["hasPassword"], false);
    assert_eq!(count(&app, "identities").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_by_mail_alone_links_no_google_account_after_several_registrations() {
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
async fn a_reset_recovers_an_account_from_a_stranger_who_linked_google(
    #[values(false, true)] is_proven: bool,
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let squatter = app.sign_up(EMAIL).await;
    if is_proven {
        app.verify_as(&squatter.access_token, EMAIL, &app.code(EMAIL).await, None).await;
    }
    app.link_identity(&squatter.access_token, id_token(&google, &ada())).await;
    app.request_reset(EMAIL).await;
    let token = app.token(EMAIL).await;
    assert_eq!(app.reset(&token, "battery horse correct").await["__typename"], "PasswordChanged");
    assert_eq!(count(&app, "identities").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_session_makes_no_difference() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    let grace = app.sign_up("grace@example.org").await;
    for token in [grace.access_token.as_str(), "garbage"] {
        let outcome = app.google_login_as(token, id_token(&google, &ada())).await;
        assert_eq!(outcome["user"]["email"], GMAIL);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deactivated_user_cannot_sign_in_with_google() {
    let (app, google) = TestApp::with_google(Sqlite, &[]).await;
    app.google_login(id_token(&google, &ada())).await;
    app.sql("UPDATE users SET is_active = FALSE").await;
    assert_eq!(app.google_login(id_token(&google, &ada())).await["code"], "ACCOUNT_DISABLED");
}

#[tokio::test(flavor = "multi_thread")]
async fn disabled_google_sign_in_is_reported() {
    let app = TestApp::start(Sqlite).await;
    assert_eq!(app.google_login(json!({ "accessToken": "x" })).await["code"], "NOT_ENABLED");
    assert_eq!(app.start_provider_login(None).await["code"], "NOT_ENABLED");
    let settings = app.run("{ authSettings { providers { id kind name clientId } } }", json!({})).await;
    assert_eq!(settings.data("authSettings")["providers"], json!([]));

    let (app, google) = TestApp::with_google(Sqlite, &[("SIGNUP", "off")]).await;
    assert_eq!(app.google_login(id_token(&google, &ada())).await["code"], "NOT_ENABLED");
    let settings = app.run("{ authSettings { providers { id kind name clientId } } }", json!({})).await;
    assert_eq!(
        settings.data("authSettings")["providers"],
        json!([{ "id": "google", "kind": "GOOGLE", "name": "Google", "clientId": gatehouse::fake_provider::CLIENT_ID }])
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn racing_first_sign_ins_create_one_account_and_all_succeed(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[NO_VERIFICATION]).await;
    let all = join_all((0..32).map(|_| app.google_login(id_token(&google, &ada())))).await;
    let users: std::collections::HashSet<String> =
        all.iter().map(|outcome| SignedIn::from(outcome).user_id).collect();
    assert_eq!(users.len(), 1);
    assert_eq!((count(&app, "users").await, count(&app, "identities").await), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_tokens_are_rate_limited_by_address_and_valid_ones_are_not() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_FAILED_PROVIDER_LOGINS", "3/15m")];
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
        assert_eq!(login("192.0.2.1", json!({ "accessToken": "x" })).await["code"], "PROVIDER_REJECTED");
    }
    let refused = login("192.0.2.1", json!({ "accessToken": "x" })).await;
    assert_eq!(refused["code"], "RATE_LIMITED");
    // a third of the period, less what the requests took
    assert!((240..=300).contains(&refused["retryAfter"].as_i64().unwrap()), "{refused}");
    assert_eq!(google.requests("/tokeninfo") - asked, 3, "Google is not asked");
    assert_eq!(login("192.0.2.2", json!({ "accessToken": "x" })).await["code"], "PROVIDER_REJECTED");
}
