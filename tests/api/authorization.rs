//! Who may select which root field, for every root field of the schema.

use std::collections::BTreeMap;

use async_graphql::{EmptySubscription, Object, Schema};
use gatehouse::{
    graphql::{
        caller::Caller,
        guard::{
            documents::Documents,
            jwt_guard::JwtGuard,
            policy::{Access, POLICIES},
            root::Guarded,
        },
    },
    sessions::Client,
};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::support::{Answer, EMAIL, Sqlite, TestApp, database::connect};

/// The outcomes of a field for every viewer.
const SUPERUSERS: [&str; 4] = ["UNAUTHENTICATED", "NOT_ALLOWED", "NOT_ALLOWED", "ok"];
const VIEWERS: [&str; 4] = ["UNAUTHENTICATED", "ok", "ok", "ok"];

/// The outcome for an anonymous caller, a user, a staff member and a superuser. `ok` means that the field was resolved.
const TABLE: &[(&str, &str, [&str; 4])] = &[
    ("query", "authSettings { otpLength }", ["ok"; 4]),
    ("query", "dashboard { response }", VIEWERS),
    ("query", "me { id }", VIEWERS),
    ("query", "user(id: \"x\") { id }", VIEWERS),
    ("query", "usernameAvailable(username: \"x\") { __typename }", ["ok"; 4]),
    ("query", "viewer { id }", ["ok"; 4]),
    ("query", "node(id: \"x\") { id }", VIEWERS),
    ("query", "users { totalCount }", ["UNAUTHENTICATED", "FORBIDDEN", "ok", "ok"]),
    ("mutation", "changePassword(input: { newPassword: \"x\" }) { __typename }", VIEWERS),
    ("mutation", "googleLogin(input: { accessToken: \"x\" }) { __typename }", ["ok"; 4]),
    (
        "mutation",
        "linkIdentity(input: { provider: \"google\", proof: { accessToken: \"x\" } }) { __typename }",
        VIEWERS,
    ),
    ("mutation", "startProviderLogin(provider: \"google\") { __typename }", ["ok"; 4]),
    (
        "mutation",
        "providerLogin(input: { provider: \"google\", proof: { accessToken: \"x\" } }) { __typename }",
        ["ok"; 4],
    ),
    ("mutation", "unlinkIdentity(id: \"x\") { __typename }", VIEWERS),
    ("mutation", "login(input: { identifier: \"x\", password: \"x\" }) { __typename }", ["ok"; 4]),
    ("mutation", "logout { endedSessionIds }", ["ok"; 4]),
    ("mutation", "logoutAll { endedSessionIds }", VIEWERS),
    ("mutation", "postToDashboard(text: \"x\") { __typename }", VIEWERS),
    ("mutation", "refresh(refreshToken: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "revokeSession(id: \"x\") { endedSessionIds }", VIEWERS),
    ("mutation", "setUserActive(id: \"x\", active: true) { ... on UserError { code } }", SUPERUSERS),
    ("mutation", "setUserRole(id: \"x\", role: STAFF) { ... on UserError { code } }", SUPERUSERS),
    ("mutation", "signup(input: { password: \"x\" }) { __typename }", ["ok"; 4]),
    ("mutation", "activateAccount(token: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "changeEmail(input: { newEmail: \"x\" }) { __typename }", VIEWERS),
    ("mutation", "requestLoginCode(email: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "requestPasswordReset(email: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "revertSecurityChange(token: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "startReauthentication { __typename }", VIEWERS),
    ("mutation", "reauthenticate(id: \"x\", proof: { password: \"x\" }) { __typename }", VIEWERS),
    ("mutation", "verifySecondFactor(id: \"x\", proof: { totp: \"x\" }) { __typename }", ["ok"; 4]),
    ("mutation", "startTotpEnrolment { __typename }", VIEWERS),
    ("mutation", "finishTotpEnrolment(id: \"x\", code: \"x\") { __typename }", VIEWERS),
    ("mutation", "removeTotp { __typename }", VIEWERS),
    ("mutation", "regenerateRecoveryCodes { __typename }", VIEWERS),
    ("mutation", "startPasskeyLogin { __typename }", ["ok"; 4]),
    ("mutation", "passkeyLogin(id: \"x\", credential: {}) { __typename }", ["ok"; 4]),
    ("mutation", "startPasskeySignup(input: {}) { __typename }", ["ok"; 4]),
    ("mutation", "passkeySignup(id: \"x\", credential: {}) { __typename }", ["ok"; 4]),
    ("mutation", "startPasskeyEnrolment { __typename }", VIEWERS),
    ("mutation", "finishPasskeyEnrolment(id: \"x\", credential: {}) { __typename }", VIEWERS),
    ("mutation", "renamePasskey(id: \"x\", name: \"x\") { __typename }", VIEWERS),
    ("mutation", "removePasskey(id: \"x\") { __typename }", VIEWERS),
    ("mutation", "resetSecondFactors(id: \"x\") { ... on UserError { code } }", SUPERUSERS),
    ("mutation", "confirmLoginLink(token: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "resendActivationEmail(email: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "resendOtp(email: \"x\") { __typename }", ["ok"; 4]),
    ("mutation", "resetPassword(input: { token: \"x\", newPassword: \"x\" }) { __typename }", ["ok"; 4]),
    ("mutation", "verifyOtp(input: { email: \"x\", otp: \"x\" }) { __typename }", ["ok"; 4]),
    ("mutation", "updateProfile(input: {}) { __typename }", VIEWERS),
    // over HTTP, which runs no subscriptions; `session_events.rs` and `login_link_confirmed.rs` test them as streams
    ("subscription", "loginLinkConfirmed(challengeId: \"x\") { otp }", ["BAD_REQUEST"; 4]),
    (
        "subscription",
        "sessionEvents { kind }",
        ["UNAUTHENTICATED", "BAD_REQUEST", "BAD_REQUEST", "BAD_REQUEST"],
    ),
];

pub(crate) async fn root_fields(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let query = "{ __schema { queryType { fields { name } } mutationType { fields { name } } subscriptionType { fields { name } } } }";
    let schema = app.run(query, json!({})).await.data("__schema");
    let names = |root: &str| {
        let mut names: Vec<String> = schema[root]["fields"]
            .as_array()
            .unwrap()
            .iter()
            .map(|field| field["name"].as_str().unwrap().to_owned())
            .collect();
        names.sort_unstable();
        names
    };
    let roots = ["mutation", "query", "subscription"];
    roots.map(|root| (root.to_owned(), names(&format!("{root}Type")))).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_root_field_answers_each_kind_of_caller_as_the_table_says() {
    let app = TestApp::start(Sqlite).await;
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for &(kind, field, _) in TABLE {
        let name = field.split([' ', '(']).next().unwrap().to_owned();
        table.entry(kind.to_owned()).or_default().push(name);
    }
    for names in table.values_mut() {
        names.sort_unstable();
    }
    assert_eq!(table, root_fields(&app).await, "every root field has a row");

    for &(kind, field, expected) in TABLE {
        for (role, expected) in
            [None, Some("user"), Some("staff"), Some("superuser")].into_iter().zip(expected)
        {
            let name = field.split([' ', '(']).next().unwrap();
            let address = format!("{}-{name}@example.org", role.unwrap_or("anonymous"));
            let person = app.sign_up(&address).await;
            let rows = connect(&app.settings["DATABASE_URL"]).await;
            let role_set =
                format!("UPDATE users SET role = '{}' WHERE email = '{address}'", role.unwrap_or("user"));
            rows.execute_unprepared(&role_set).await.unwrap();
            let query = format!("{kind} {{ {field} }}");
            let answer = match role {
                None => app.run(&query, json!({})).await,
                Some(_) => app.run_as(&person.access_token, &query, json!({})).await,
            };
            let is_refused = answer.body["data"][name]["code"] == "NOT_ALLOWED";
            let outcome = match answer.body.get("errors") {
                Some(_) => answer.code(),
                None if is_refused => "NOT_ALLOWED",
                None => "ok",
            };
            assert_eq!(outcome, expected, "{kind} {field} as {role:?}: {}", answer.text);
            assert_eq!(answer.status == 401, expected == "UNAUTHENTICATED");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_with_one_forbidden_field_is_refused_before_any_of_it_runs() {
    let app = TestApp::start(Sqlite).await;
    for query in [
        "{ authSettings { otpLength } me { id } }",
        "{ ...F } fragment F on Query { ...G } fragment G on Query { other: me { id } }",
        "{ ... on Query { me { id } } }",
        "{ ... { me { id } } }",
        "query($no: Boolean = false) { me @include(if: $no) { id } }",
        "{ me @skip(if: true) { id } }",
        "{ __typename me { id } }",
    ] {
        let answer = app.run(query, json!({})).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (401, "UNAUTHENTICATED"), "{query}");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.body.get("data"), None);
        assert_eq!(answer.body["errors"][0]["extensions"]["reason"], "MISSING");
    }
    let signup = "mutation { signup(input: { email: \"ada@example.org\", password: \"correct horse battery\" }) { __typename } logoutAll { endedSessionIds } }";
    assert_eq!(app.run(signup, json!({})).await.status, 401);
    assert_eq!(app.app.passwords.computed(), 0, "the public field next to it did not run either");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_selected_operation_is_checked() {
    let app = TestApp::start(Sqlite).await;
    let query = "query Public { authSettings { otpLength } } query Private { me { id } }";
    let named = async |name: &str| {
        Answer::of(app.post().json(&json!({ "query": query, "operationName": name }))).await
    };
    assert_eq!(named("Public").await.data("authSettings")["otpLength"], 8);
    assert_eq!(named("Private").await.status, 401);
    assert_eq!(named("Other").await.code(), "BAD_REQUEST");
    assert_eq!(app.run(query, json!({})).await.code(), "BAD_REQUEST", "no operation is selected");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refused_with_the_reason() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let late = app.sign_in(EMAIL).await;
    app.run_as(&ada.access_token, "mutation { logout { endedSessionIds } }", json!({})).await;
    for (token, reason) in [("garbage", "INVALID"), (&ada.access_token, "REVOKED")] {
        let answer = app.run_as(token, "{ me { id } }", json!({})).await;
        assert_eq!(answer.body["errors"][0]["extensions"]["reason"], reason);
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
    app.advance(std::time::Duration::from_mins(31));
    assert_eq!(app.me(&late.access_token).await, "EXPIRED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_is_reported_as_a_typo() {
    let app = TestApp::start(Sqlite).await;
    let answer = app.run("{ mee { id } }", json!({})).await;
    assert_eq!(answer.code(), "BAD_REQUEST");
    assert!(answer.text.contains("does not have a field `mee`"), "{}", answer.text);
}

struct Toy;

#[Object]
impl Toy {
    async fn auth_settings(&self) -> bool {
        true
    }

    async fn me(&self) -> bool {
        true
    }

    /// A field without a row in the policy table.
    async fn added(&self) -> bool {
        true
    }

    async fn users(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_without_a_policy_is_refused_and_roles_are_checked() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let toy = || Schema::build(Guarded(Toy), async_graphql::EmptyMutation, EmptySubscription);
    let sdl = toy().finish().sdl();
    let schema = toy()
        .extension(JwtGuard { documents: Documents::new(&sdl, true).unwrap() })
        .data(app.app.clone())
        .finish();
    let run = async |query: &str, token: Option<&str>| {
        let caller = Caller::new(Client::default(), token.map(Into::into));
        let answer = schema.execute(async_graphql::Request::new(query).data(caller)).await;
        let code = answer.errors.first().and_then(|error| error.extensions.as_ref()?.get("code").cloned());
        code.map_or_else(|| "ok".to_owned(), |code| code.to_string().trim_matches('"').to_owned())
    };
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let token = Some(ada.access_token.as_str());
    assert_eq!(run("{ authSettings }", None).await, "ok");
    assert_eq!(run("{ me }", None).await, "UNAUTHENTICATED");
    assert_eq!(run("{ me }", token).await, "ok");
    assert_eq!(run("{ users }", None).await, "UNAUTHENTICATED");
    assert_eq!(run("{ added }", None).await, "UNAUTHENTICATED");
    for (role, outcome) in [("user", "FORBIDDEN"), ("staff", "ok"), ("superuser", "ok")] {
        rows.execute_unprepared(&format!("UPDATE users SET role = '{role}'")).await.unwrap();
        assert_eq!(run("{ users }", token).await, outcome, "{role}");
        assert_eq!(run("{ added }", token).await, "FORBIDDEN", "{role}");
    }
    let without_caller = schema.execute("{ me }").await;
    assert!(without_caller.is_err(), "a request without a caller is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_table_has_one_row_for_each_root_field() {
    let app = TestApp::start(Sqlite).await;
    let mut all: Vec<String> = root_fields(&app).await.into_values().flatten().collect();
    all.sort_unstable();
    let rows = POLICIES.iter().map(|policy| policy.field).filter(|field| !field.starts_with("__"));
    let mut rows: Vec<_> = rows.collect();
    rows.sort_unstable();
    assert_eq!(rows, all);
}

#[test]
fn the_policy_table_matches_the_table_of_outcomes() {
    for &(_, field, [anonymous, user, staff, _]) in TABLE {
        let name = field.split([' ', '(']).next().unwrap();
        let policy = POLICIES.iter().find(|policy| policy.field == name).unwrap();
        let access = match (anonymous, user, staff) {
            ("UNAUTHENTICATED", "NOT_ALLOWED", "NOT_ALLOWED") => Access::Superuser,
            ("UNAUTHENTICATED", "FORBIDDEN", _) => Access::Staff,
            ("UNAUTHENTICATED", ..) => Access::Viewer,
            _ => Access::Anybody,
        };
        assert_eq!(policy.access, access, "{name}");
    }
}
