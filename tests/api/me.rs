use rstest::rstest;
use serde_json::json;

use crate::support::{Answer, Database, EMAIL, Postgres, Sqlite, TestApp};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn me_is_the_viewer_with_their_live_sessions_the_newest_first(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let first = app.sign_up(EMAIL).await;
    app.sign_up("grace@example.org").await;
    app.advance(std::time::Duration::from_secs(1));
    let query = "mutation($i: String!, $p: String!) { login(input: { identifier: $i, password: $p }) {
        ... on AuthPayload { accessToken session { id } } } }";
    let body = json!({ "query": query, "variables": { "i": EMAIL, "p": crate::support::PASSWORD } });
    let second =
        Answer::of(app.post().header("user-agent", "Difference Engine/1.0").json(&body)).await.data("login");
    let token = second["accessToken"].as_str().unwrap();
    let query = "{ me {
        id email emailVerified username name firstName lastName bio avatarUrl role isActive hasPassword
        createdAt updatedAt lastLoginAt identities { provider email linkedAt }
        sessions { id createdAt lastUsedAt expiresAt userAgent ipAddress isCurrent }
    } }";
    let mut me = app.run_as(token, query, json!({})).await.data("me");
    let times =
        ["createdAt", "updatedAt", "lastLoginAt"].map(|field| me[field].take().as_str().unwrap().to_owned());
    assert!(times.iter().all(|time| time.ends_with('Z')), "{times:?} are in UTC");
    assert!(times[0] == times[1] && times[0] < times[2], "{times:?}");
    for session in me["sessions"].as_array_mut().unwrap() {
        for field in ["createdAt", "lastUsedAt", "expiresAt"] {
            assert!(session[field].take().is_string());
        }
    }
    assert_eq!(
        me,
        json!({
            "id": first.user_id, "email": EMAIL, "emailVerified": false, "username": null,
            "name": null, "firstName": null, "lastName": null, "bio": null, "avatarUrl": null,
            "role": "USER", "isActive": true, "hasPassword": true,
            "createdAt": null, "updatedAt": null, "lastLoginAt": null, "identities": [],
            "sessions": [
                { "id": second["session"]["id"], "createdAt": null, "lastUsedAt": null, "expiresAt": null,
                  "userAgent": "Difference Engine/1.0", "ipAddress": "127.0.0.1", "isCurrent": true },
                { "id": first.session_id, "createdAt": null, "lastUsedAt": null, "expiresAt": null,
                  "userAgent": null, "ipAddress": "127.0.0.1", "isCurrent": false },
            ],
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_trusted_proxy_the_client_is_who_it_says_and_otherwise_not() {
    let address = "{ me { sessions { ipAddress } } }";
    let query = format!(
        "mutation {{ signup(input: {{ email: \"{EMAIL}\", password: \"correct horse battery\" }}) {{
        ... on AuthPayload {{ accessToken }} }} }}"
    );
    for (settings, expected) in
        [(&[][..], "127.0.0.1"), (&[("TRUSTED_PROXIES", "127.0.0.0/8,10.0.0.0/8")][..], "198.51.100.7")]
    {
        let app = TestApp::with(Sqlite, settings).await;
        let request = app.post().header("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2");
        let answer = Answer::of(request.json(&json!({ "query": query }))).await.data("signup");
        let me = app.run_as(answer["accessToken"].as_str().unwrap(), address, json!({})).await.data("me");
        assert_eq!(me["sessions"][0]["ipAddress"], expected);
    }
}
