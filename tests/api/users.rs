//! `user` and `users`: who can see whom, and pages that stay consistent while the list changes.

use std::collections::HashSet;

use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp};

pub(crate) const USERS: &str =
    "query($first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter) {
    users(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        totalCount
        edges { cursor node { email } }
        nodes { email }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }";

pub(crate) async fn page(app: &TestApp, staff: &SignedIn, variables: Value) -> Value {
    app.run_as(&staff.access_token, USERS, variables).await.data("users")
}

pub(crate) fn emails(page: &Value) -> Vec<&str> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["email"].as_str().unwrap()).collect()
}

/// Creates a staff member and this number of other users.
pub(crate) async fn people(app: &TestApp, count: usize) -> SignedIn {
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    for n in 0..count {
        app.sign_up(&format!("p{n:03}@example.org")).await;
    }
    staff
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_each_other_in_both_directions(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let staff = people(&app, 25).await;
    let expected: Vec<String> = (0..25)
        .rev()
        .map(|n| format!("p{n:03}@example.org"))
        .chain(["staff@example.org".to_owned()])
        .collect();

    let default = page(&app, &staff, json!({})).await;
    assert_eq!((emails(&default).len(), &default["totalCount"]), (20, &json!(26)));
    assert_eq!(default["edges"][3]["node"]["email"], default["nodes"][3]["email"]);
    assert_eq!(default["pageInfo"]["endCursor"], default["edges"][19]["cursor"]);

    for (size, cursor, backwards) in [("first", "after", false), ("last", "before", true)] {
        let mut seen: Vec<String> = Vec::new();
        let mut at = Value::Null;
        loop {
            let page = page(&app, &staff, json!({ size: 10, cursor: at })).await;
            let (ahead, behind, next) = if backwards {
                ("hasPreviousPage", "hasNextPage", "startCursor")
            } else {
                ("hasNextPage", "hasPreviousPage", "endCursor")
            };
            assert_eq!(page["pageInfo"][behind], json!(!at.is_null()));
            let mut found: Vec<String> = emails(&page).into_iter().map(str::to_owned).collect();
            if backwards {
                found.reverse();
            }
            seen.append(&mut found);
            if page["pageInfo"][ahead] == false {
                break;
            }
            at = page["pageInfo"][next].clone();
        }
        if backwards {
            seen.reverse();
        }
        assert_eq!(seen, expected, "{size}");
    }

    let middle = page(
        &app,
        &staff,
        json!({
            "first": 2, "after": default["edges"][4]["cursor"], "before": default["edges"][9]["cursor"],
        }),
    );
    assert_eq!(emails(&middle.await), [&expected[5], &expected[6]]);
    let none = page(&app, &staff, json!({ "first": 0 })).await;
    assert_eq!(none["pageInfo"]["endCursor"], Value::Null);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn paging_while_people_sign_up_neither_skips_nor_repeats(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let staff = people(&app, 30).await;
    for (size, cursor, end, more) in
        [("first", "after", "endCursor", "hasNextPage"), ("last", "before", "startCursor", "hasPreviousPage")]
    {
        let mut seen = Vec::new();
        let (mut at, mut round) = (Value::Null, 0);
        loop {
            let page = page(&app, &staff, json!({ size: 7, cursor: at })).await;
            seen.extend(emails(&page).into_iter().map(str::to_owned));
            if page["pageInfo"][more] == false || round > 20 {
                break;
            }
            at = page["pageInfo"][end].clone();
            app.sign_up(&format!("new-{size}-{round}@example.org")).await;
            round += 1;
        }
        let old: Vec<&String> = seen.iter().filter(|email| email.starts_with('p')).collect();
        assert_eq!(old.len(), 30, "{size}: users were skipped or repeated");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_arguments_are_refused_with_clear_messages() {
    let app = TestApp::start(Sqlite).await;
    let staff = people(&app, 2).await;
    let cursor = page(&app, &staff, json!({})).await["edges"][0]["cursor"].as_str().unwrap().to_owned();
    let mut forged = vec![cursor[1..].to_owned(), format!("{cursor}A"), String::new(), "x".repeat(10_000)];
    for at in 0..cursor.len() {
        let other = if cursor.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut altered = cursor.clone();
        altered.replace_range(at..=at, other);
        forged.push(altered);
    }
    forged.push(staff.refresh_token.clone());
    for cursor in forged {
        for argument in ["after", "before"] {
            let answer = app.run_as(&staff.access_token, USERS, json!({ argument: cursor })).await;
            assert_eq!(answer.code(), "BAD_REQUEST", "{cursor}");
        }
    }
    for (variables, message) in [
        (json!({ "first": 101 }), "A page can have 0 to 100 users."),
        (json!({ "first": -1 }), "A page can have 0 to 100 users."),
        (json!({ "last": 101 }), "A page can have 0 to 100 users."),
        (json!({ "first": 1, "last": 101 }), "A page can have 0 to 100 users."),
        (json!({ "filter": { "search": "a" } }), "A search must have at least 2 characters."),
        (json!({ "filter": { "search": " a " } }), "A search must have at least 2 characters."),
        (json!({ "filter": { "search": "a\u{0}a" } }), "A search cannot contain control characters."),
        (json!({ "filter": { "search": "a".repeat(255) } }), "A search can be at most 254 bytes long."),
    ] {
        let answer = app.run_as(&staff.access_token, USERS, variables).await;
        assert_eq!(
            (answer.code(), answer.body["errors"][0]["message"].as_str().unwrap()),
            ("BAD_REQUEST", message)
        );
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn users_see_themselves_and_staff_see_everybody(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    let (ada, grace) = (app.sign_up(EMAIL).await, app.sign_up("grace@example.org").await);
    let see = async |who: &SignedIn, id: &str| {
        let query = "query($id: ID!) { user(id: $id) { email sessions { id isCurrent } } }";
        app.run_as(&who.access_token, query, json!({ "id": id })).await.data("user")
    };
    let own = json!({ "email": EMAIL, "sessions": [{ "id": ada.session_id, "isCurrent": true }] });
    assert_eq!(see(&ada, &ada.user_id).await, own);
    assert_eq!(see(&ada, &grace.user_id).await, Value::Null);
    let others = json!({ "email": EMAIL, "sessions": [{ "id": ada.session_id, "isCurrent": false }] });
    assert_eq!(see(&staff, &ada.user_id).await, others);
    for id in ["", "x", &ada.session_id, &"x".repeat(1000)] {
        assert_eq!(see(&staff, id).await, Value::Null, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_of_a_page_has_their_own_sessions() {
    let app = TestApp::start(Sqlite).await;
    let staff = people(&app, 3).await;
    app.sign_in("p001@example.org").await;
    let query = "{ users { nodes { email sessions { id } identities { provider } } edges { node { sessions { id } } } } }";
    let users = app.run_as(&staff.access_token, query, json!({})).await.data("users");
    let counts: Vec<usize> = users["nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["sessions"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [1, 2, 1, 1]);
    assert_eq!(users["edges"][1]["node"]["sessions"], users["nodes"][1]["sessions"]);
}

/// Returns the addresses of the sessions of each user that the viewer can see, by email.
async fn addresses(app: &TestApp, viewer: &SignedIn) -> Value {
    let fields = "email sessions { ipAddress userAgent isCurrent }";
    let query = format!("{{ users {{ nodes {{ {fields} }} edges {{ node {{ {fields} }} }} }} }}");
    let users = app.run_as(&viewer.access_token, &query, json!({})).await.data("users");
    let mut seen = json!({});
    for (user, edge) in users["nodes"].as_array().unwrap().iter().zip(users["edges"].as_array().unwrap()) {
        assert_eq!(user, &edge["node"]);
        let sessions = user["sessions"].as_array().unwrap();
        let addresses: Vec<&Value> = sessions.iter().map(|session| &session["ipAddress"]).collect();
        let agents: Vec<&Value> = sessions.iter().map(|session| &session["userAgent"]).collect();
        assert!(addresses.iter().zip(&agents).all(|(ip, agent)| ip.is_null() == agent.is_null()), "{user}");
        seen[user["email"].as_str().unwrap()] = json!(addresses);
    }
    seen
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn staff_see_the_addresses_of_users_but_not_of_staff_and_superusers(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    app.sign_up_as("staff", "colleague@example.org").await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    app.sign_up_as("superuser", "other@example.org").await;
    let ada = app.sign_up(EMAIL).await;
    app.sign_in(EMAIL).await;
    app.sql("UPDATE sessions SET user_agent = 'Difference Engine'").await;

    let there = json!("127.0.0.1");
    let seen = addresses(&app, &staff).await;
    assert_eq!(
        seen,
        json!({
            "staff@example.org": [there], EMAIL: [there, there],
            "colleague@example.org": [null], "root@example.org": [null], "other@example.org": [null],
        })
    );
    let seen = addresses(&app, &root).await;
    let is_seen = |addresses: &Value| !addresses[0].is_null();
    assert!(seen.as_object().unwrap().values().all(is_seen), "superusers can see all addresses: {seen}");

    let one = "query($id: ID!) { user(id: $id) { sessions { ipAddress userAgent } } }";
    let user = async |viewer: &SignedIn, of: &SignedIn| {
        let id = json!({ "id": of.user_id });
        app.run_as(&viewer.access_token, one, id).await.data("user")["sessions"][0].clone()
    };
    let (all, nothing) = (
        json!({ "ipAddress": there, "userAgent": "Difference Engine" }),
        json!({ "ipAddress": null, "userAgent": null }),
    );
    for (viewer, of, expected) in
        [(&staff, &ada, &all), (&staff, &root, &nothing), (&root, &staff, &all), (&ada, &ada, &all)]
    {
        assert_eq!(&user(viewer, of).await, expected);
    }
    // the payload of a sign-in shows one's own data, whichever access token the request has
    let fields = "... on AuthPayload { user { sessions { ipAddress } } session { ipAddress } }";
    let login = format!(
        "mutation {{ login(input: {{ identifier: \"root@example.org\", password: \"{PASSWORD}\" }}) {{ {fields} }} }}"
    );
    for answer in [app.run(&login, json!({})).await, app.run_as(&staff.access_token, &login, json!({})).await]
    {
        let payload = answer.data("login");
        assert_eq!(
            (&payload["session"]["ipAddress"], &payload["user"]["sessions"][1]["ipAddress"]),
            (&there, &there)
        );
    }
}
