//! Sign-in with providers other than Google, each with its own peculiarities.

use gatehouse::{config::ProviderKind, fake_provider::FakeProvider};
use rstest::rstest;
use serde_json::json;

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp, google::Visit, node::browse,
    providers::post,
};

const ALL: [ProviderKind; 4] =
    [ProviderKind::Microsoft, ProviderKind::Apple, ProviderKind::GitHub, ProviderKind::Oidc];

pub(crate) fn name_of(kind: ProviderKind) -> (&'static str, &'static str) {
    match kind {
        ProviderKind::Google => ("google", "GOOGLE"),
        ProviderKind::Microsoft => ("microsoft", "MICROSOFT"),
        ProviderKind::Apple => ("apple", "APPLE"),
        ProviderKind::GitHub => ("github", "GITHUB"),
        ProviderKind::Oidc => ("example", "OIDC"),
    }
}

pub(crate) async fn with_one(database: Database, kind: ProviderKind) -> (TestApp, FakeProvider) {
    let (app, mut fakes) = TestApp::with_providers(database, &[kind], &[]).await;
    (app, fakes.remove(0))
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_gets_an_account_whose_address_is_unproven_and_finds_it_again(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(0, 1, 2, 3)] number: usize,
) {
    let kind = ALL[number];
    let (app, _) = with_one(database, kind).await;
    let (id, kind_name) = name_of(kind);
    let first = app.provider_login(id, app.visit(id, 2).await.input()).await;
    assert_eq!(first["user"]["email"], "mary@elsewhere.example", "{first}");
    assert_eq!(first["me"]["emailVerified"], false, "no provider but Google decides on addresses");
    let identity = json!({ "providerId": id, "provider": kind_name, "email": "mary@elsewhere.example" });
    assert_eq!(first["me"]["identities"], json!([identity]));
    // Apple sends the name in its form, and the others in their claims or responses
    match kind {
        ProviderKind::Apple => assert_eq!(first["me"]["name"], "Mary Somerville"),
        _ => assert_eq!(first["me"]["name"], "Mary Somerville", "{first}"),
    }
    let again = app.provider_login(id, app.visit(id, 2).await.input()).await;
    assert_eq!(again["user"]["id"], first["user"]["id"]);
    let other = app.provider_login(id, app.visit(id, 1).await.input()).await;
    assert_ne!(other["user"]["id"], first["user"]["id"]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_address_alone_never_opens_an_account(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(0, 1, 2, 3)] number: usize,
) {
    let (app, _) = with_one(database, ALL[number]).await;
    let (id, _) = name_of(ALL[number]);
    let owner = app.sign_up_proven("ada.lovelace@gmail.com").await;
    let refused = app.provider_login(id, app.visit(id, 0).await.input()).await;
    assert_eq!(refused["code"], "LINK_REQUIRED", "{refused}");
    // the owner links the account, which can sign in from then on
    let link = "mutation($input: ProviderLoginInput!) { linkIdentity(input: $input) { __typename
        ... on User { identities { providerId } } ... on UserError { code } } }";
    let input = json!({ "provider": id, "proof": app.visit(id, 0).await.input() });
    let linked = app.run_as(&owner.access_token, link, json!({ "input": input })).await.data("linkIdentity");
    assert_eq!(linked["identities"], json!([{ "providerId": id }]), "{linked}");
    let notice = &app.inbox("ada.lovelace@gmail.com").await[0];
    assert_eq!(notice.template, "identity_linked");
    let signed_in = SignedIn::from(&app.provider_login(id, app.visit(id, 0).await.input()).await);
    assert_eq!(signed_in.user_id, owner.user_id);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_code_works_once_in_the_browser_that_started_and_for_its_provider(
    #[values(0, 1, 2, 3)] number: usize,
) {
    let kind = ALL[number];
    let (app, _) = TestApp::with_providers(Sqlite, &[kind, ProviderKind::Google], &[]).await;
    let (id, _) = name_of(kind);
    let (visit, other) = (app.visit(id, 0).await, app.visit(id, 1).await);
    let of_google = app.visit("google", 0).await;
    for (what, provider, visit) in [
        ("without a state", id, Visit { state: String::new(), ..visit.clone() }),
        ("with another flow's state", id, Visit { state: other.state.clone(), ..visit.clone() }),
        ("in another browser", id, Visit { code_verifier: other.code_verifier.clone(), ..visit.clone() }),
        ("at another provider", "google", visit.clone()),
        ("of another provider", id, of_google),
        ("with an unknown code", id, Visit { code: "4/unknown".to_owned(), ..other.clone() }),
    ] {
        let refused = app.provider_login(provider, visit.input()).await;
        assert_eq!(refused["code"], "PROVIDER_REJECTED", "{what}: {refused}");
    }
    let signed_in = app.provider_login(id, visit.input()).await;
    assert_eq!(signed_in["user"]["email"], "ada.lovelace@gmail.com", "the refusals did not use up the code");
    assert_eq!(app.provider_login(id, visit.input()).await["code"], "PROVIDER_REJECTED", "it works once");
    let unverified = app.provider_login(id, app.visit(id, 3).await.input()).await;
    assert_eq!(unverified["code"], "PROVIDER_REJECTED", "an address that is not verified: {unverified}");
    assert_eq!(app.provider_login("nobody", visit.input()).await["code"], "NOT_ENABLED");
    let token = json!({ "accessToken": "x" });
    assert_eq!(
        app.provider_login(id, token).await["code"],
        "PROVIDER_REJECTED",
        "only Google's can be checked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn apple_posts_the_name_once_and_an_unknown_answer_goes_nowhere() {
    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("RATE_LIMIT_PROVIDER_CALLBACKS", "2/1h")];
    let (app, _) = TestApp::with_providers(Sqlite, &[ProviderKind::Apple], &settings).await;
    let first = app.provider_login("apple", app.visit("apple", 0).await.input()).await;
    let me = &first["me"];
    assert_eq!((&me["firstName"], &me["lastName"]), (&json!("Ada"), &json!("Lovelace")));

    let form = |state: &str| {
        [("state", state), ("code", "x")].map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let callback = |provider: &str| format!("{}/callback/{provider}", app.url).parse().unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let unknown = async |from: &str| {
        let body = serde_urlencoded::to_string(form("unknown")).unwrap();
        let request = http.post::<reqwest::Url>(callback("apple")).header("x-forwarded-for", from);
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(unknown("192.0.2.1").await, 400);
    assert_eq!(unknown("192.0.2.1").await, 400);
    assert_eq!(unknown("192.0.2.1").await, 429, "responses are charged to a budget of their own");
    assert_eq!(unknown("192.0.2.2").await, 400);
    assert_eq!(post(callback("google"), &form("x")).await.status(), 400, "it is not configured");
    assert_eq!(post(callback("apple"), &[]).await.status(), 400);
    let long = [("state".to_owned(), "x".repeat(20_000))];
    assert_eq!(post(callback("apple"), &long).await.status(), 400);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_database_can_keep_is_left_out(#[values(Sqlite, Postgres)] database: Database) {
    let (app, _) = with_one(database, ProviderKind::Apple).await;
    let user = json!({ "name": { "firstName": "\u{0}", "lastName": "\u{202e}x" } }).to_string();
    let query =
        "mutation { startProviderLogin(provider: \"apple\") { ... on ProviderAuthorization { state } } }";
    let begun = app.run(query, json!({})).await.data("startProviderLogin");
    let callback = format!("{}/callback/apple", app.url);
    for (state, status) in [(begun["state"].as_str().unwrap(), 303), ("unknown", 400)] {
        let form = [("state", state), ("code", "x"), ("user", user.as_str())];
        let form = form.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(post(callback.parse().unwrap(), &form).await.status(), status, "{state}");
    }
}

#[rstest]
#[case::nobody_verified_it(ProviderKind::Microsoft, "EmailChallenge")]
#[case::the_provider_verified_it(ProviderKind::Oidc, "UserError")]
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_anybody_can_claim_does_not_reveal_who_has_an_account(
    #[case] kind: ProviderKind,
    #[case] known: &str,
) {
    let settings = [("EMAIL_VERIFICATION", "mandatory")];
    let (app, _) = TestApp::with_providers(Sqlite, &[kind], &settings).await;
    let (id, _) = name_of(kind);
    app.register("ada.lovelace@gmail.com", PASSWORD).await;
    app.verify("ada.lovelace@gmail.com", &app.code("ada.lovelace@gmail.com").await, None).await;
    // otherwise another email to the address would be too early
    app.advance(std::time::Duration::from_mins(5));
    let answer = async |person| {
        app.provider_login(id, app.visit(id, person).await.input()).await["__typename"].clone()
    };
    assert_eq!(answer(1).await, "EmailChallenge", "nobody has this address");
    assert_eq!(answer(0).await, known, "an account has this address");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_are_listed_in_a_fixed_order() {
    let kinds = [
        ProviderKind::Oidc,
        ProviderKind::GitHub,
        ProviderKind::Apple,
        ProviderKind::Google,
        ProviderKind::Microsoft,
    ];
    let (app, _) = TestApp::with_providers(Sqlite, &kinds, &[]).await;
    let settings =
        app.run("{ authSettings { providers { id kind name } } }", json!({})).await.data("authSettings");
    let expected = [
        ("google", "GOOGLE", "Google"),
        ("microsoft", "MICROSOFT", "Microsoft"),
        ("apple", "APPLE", "Apple"),
        ("github", "GITHUB", "GitHub"),
        ("example", "OIDC", "Example ID"),
    ];
    let expected = expected.map(|(id, kind, name)| json!({ "id": id, "kind": kind, "name": name }));
    assert_eq!(settings["providers"], json!(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_unlinking_links_the_identity_of_the_same_provider_again() {
    let (app, _) = with_one(Sqlite, ProviderKind::GitHub).await;
    let owner = app.sign_up_long_ago(EMAIL).await;
    let link = "mutation($input: ProviderLoginInput!) { linkIdentity(input: $input) {
        ... on User { identities { id } } ... on UserError { code } } }";
    let input = json!({ "provider": "github", "proof": app.visit("github", 1).await.input() });
    let linked = app.run_as(&owner.access_token, link, json!({ "input": input })).await.data("linkIdentity");
    let identity = linked["identities"][0]["id"].as_str().unwrap_or_else(|| panic!("{linked}")).to_owned();
    app.advance(std::time::Duration::from_hours(1));
    let owner = app.sign_in(EMAIL).await;
    assert_eq!(app.unlink_identity(&owner.access_token, &identity).await["identities"], json!([]));
    let mails = app.inbox(EMAIL).await;
    let notice = mails.iter().find(|mail| mail.template == "identity_unlinked").unwrap();
    assert!(notice.text.contains("GitHub"), "{}", notice.text);
    let token = app.token_in(EMAIL, "identity_unlinked").await.unwrap();
    let revert = "mutation($token: String!) { revertSecurityChange(token: $token) { __typename ... on UserError { code } } }";
    let reverted = app.run(revert, json!({ "token": token })).await.data("revertSecurityChange");
    assert_eq!(reverted["__typename"], "EmailChallenge", "{reverted}");
    let back = app.provider_login("github", app.visit("github", 1).await.input()).await;
    assert_eq!(
        back["me"]["identities"],
        json!([{ "providerId": "github", "provider": "GITHUB", "email": "grace@navy.example" }])
    );
    assert_eq!(back["user"]["id"], owner.user_id.as_str());
    assert_eq!(
        app.login(EMAIL, PASSWORD).await["code"],
        "INVALID_CREDENTIALS",
        "an undo removes the password"
    );
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_user_signs_in_with_each_provider_in_a_real_browser(#[values(0, 1, 2, 3)] number: usize) {
    let (app, _) = with_one(Sqlite, ALL[number]).await;
    let name = ["Microsoft", "Apple", "GitHub", "Example ID"][number];
    let demo = format!("{}/demo", app.url);
    let steps = json!([
        ["open", format!("{demo}#/login")],
        ["click", format!("Sign in with {name}")],
        ["click", "Ada Lovelace"],
        ["await", "Linked to"],
        ["read"],
    ]);
    let seen = tokio::task::spawn_blocking(move || browse(&steps)).await.unwrap();
    assert_eq!(seen["complaints"], json!([]), "{seen}");
    let address = seen["reads"][0]["url"].as_str().unwrap();
    assert!(!address.contains("code=") && !address.contains("state="), "{address}");
}
