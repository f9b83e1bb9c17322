//! `user` and `users`: who sees whom, and page by page whatever happens meanwhile.

use std::collections::HashSet;

use gatehouse::storage::migrate::migrate;
use migrations::{Migrator, MigratorTrait};
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::support::{
    Answer, Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp, database::connect,
};

const USERS: &str = "query($first: Int, $after: String, $last: Int, $before: String, $filter: UserFilter) {
    users(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        totalCount
        edges { cursor node { email } }
        nodes { email }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    } }";

async fn page(app: &TestApp, staff: &SignedIn, variables: Value) -> Value {
    app.run_as(&staff.access_token, USERS, variables).await.data("users")
}

fn emails(page: &Value) -> Vec<&str> {
    page["nodes"].as_array().unwrap().iter().map(|node| node["email"].as_str().unwrap()).collect()
}

/// A member of the staff and so many others.
async fn people(app: &TestApp, count: usize) -> SignedIn {
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
        assert_eq!(old.len(), 30, "{size}: none is skipped or repeated");
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), seen.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_arguments_are_bad_requests_in_plain_words() {
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
        (json!({ "first": 1, "last": 1 }), "`first` and `last` cannot be combined."),
        (json!({ "filter": { "search": "a" } }), "A search must have at least 2 characters."),
        (json!({ "filter": { "search": " a " } }), "A search must have at least 2 characters."),
        (json!({ "filter": { "search": "a\u{0}a" } }), "A search cannot contain control characters."),
        (json!({ "filter": { "search": "a".repeat(255) } }), "A search can have at most 254 bytes."),
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
async fn filters_are_joined_and_page_like_the_whole_list(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let staff = people(&app, 24).await;
    app.sql("UPDATE users SET role = 'superuser' WHERE email LIKE 'p00%'").await;
    app.sql("UPDATE users SET is_active = FALSE WHERE email LIKE 'p__0%' OR email LIKE 'p__5%'").await;
    app.sql("UPDATE users SET email_verified_at = 1 WHERE email LIKE 'p_1%' OR email = 'p000@example.org'")
        .await;
    let all = page(&app, &staff, json!({ "first": 100 })).await;
    let rows: Vec<(String, &str, bool, bool)> = emails(&all)
        .into_iter()
        .map(|email| {
            let is = |n: usize, digits: &str| {
                email.as_bytes()[n] != b't' && digits.contains(email.as_bytes()[n] as char)
            };
            let role = if email == "staff@example.org" {
                "STAFF"
            } else if email.starts_with("p00") {
                "SUPERUSER"
            } else {
                "USER"
            };
            let person = email.starts_with('p');
            (
                email.to_owned(),
                role,
                !(person && is(3, "05")),
                person && (is(2, "1") || email == "p000@example.org"),
            )
        })
        .collect();
    for role in [None, Some("USER"), Some("STAFF"), Some("SUPERUSER")] {
        for active in [None, Some(true), Some(false)] {
            for verified in [None, Some(true), Some(false)] {
                let filter = json!({ "role": role, "isActive": active, "emailVerified": verified });
                let expected: Vec<&str> = rows
                    .iter()
                    .filter(|row| role.is_none_or(|role| role == row.1))
                    .filter(|row| active.is_none_or(|active| active == row.2))
                    .filter(|row| verified.is_none_or(|verified| verified == row.3))
                    .map(|row| row.0.as_str())
                    .collect();
                let mut seen: Vec<String> = Vec::new();
                let mut at = Value::Null;
                loop {
                    let page = page(&app, &staff, json!({ "first": 4, "after": at, "filter": filter })).await;
                    assert_eq!(page["totalCount"], expected.len());
                    seen.extend(emails(&page).into_iter().map(str::to_owned));
                    if page["pageInfo"]["hasNextPage"] == false {
                        break;
                    }
                    at = page["pageInfo"]["endCursor"].clone();
                }
                assert_eq!(seen, expected, "{filter}");
                let last = page(&app, &staff, json!({ "last": 2, "filter": filter })).await;
                assert_eq!(emails(&last), expected[expected.len().saturating_sub(2)..], "{filter}");
            }
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn search_finds_the_beginning_of_every_name_whatever_its_case(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    for input in [
        json!({ "email": "Ada@example.org", "username": "Countess", "firstName": "Augusta", "lastName": "Łoveläce" }),
        json!({ "email": "grace@example.org", "name": "Grace Brewster Hopper", "lastName": "ZÜRICH" }),
        json!({ "email": "50%_off@example.org", "name": "100% \\ _me" }),
        json!({ "email": "50xyoff@example.org", "name": "1000 percent" }),
        json!({ "email": "odysseus@bücher.example", "name": "ΟΔΥΣΣΕΥΣ" }),
    ] {
        let mut input = input;
        input["password"] = json!(PASSWORD);
        assert_eq!(app.signup(input).await["__typename"], "AuthPayload");
    }
    let search = async |text: &str| {
        let page = page(&app, &staff, json!({ "filter": { "search": text } })).await;
        assert_eq!(page["totalCount"], emails(&page).len());
        emails(&page).into_iter().map(|email| email.split('@').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (text, found) in [
        ("ad", vec!["Ada"]),
        ("ADA@EX", vec!["Ada"]),
        ("count", vec!["Ada"]),
        ("augusta", vec!["Ada"]),
        ("augusta łov", vec!["Ada"]),
        ("  ŁOVELÄ ", vec!["Ada"]),
        ("grace br", vec!["grace"]),
        ("zü", vec!["grace"]),
        ("hopper", vec![]),
        ("50%", vec!["50%_off"]),
        ("50%_", vec!["50%_off"]),
        ("50", vec!["50xyoff", "50%_off"]),
        ("100% \\", vec!["50%_off"]),
        ("οδυς", vec!["odysseus"]),
        ("ΟΔΥΣ", vec!["odysseus"]),
        ("Odysseus@BÜCHER.example", vec!["odysseus"]),
        ("%%", vec![]),
        ("__", vec![]),
        ("' OR 1=1 --", vec![]),
    ] {
        assert_eq!(search(text).await, found, "{text}");
    }
    let both = json!({ "filter": { "search": "50", "isActive": true, "role": "STAFF" } });
    assert_eq!(emails(&page(&app, &staff, both).await), Vec::<&str>::new());
    let paged = page(&app, &staff, json!({ "first": 1, "filter": { "search": "50" } })).await;
    assert_eq!((&paged["pageInfo"]["hasNextPage"], emails(&paged)[0]), (&json!(true), "50xyoff@example.org"));

    // a changed name is found by what it is now
    let ada = app.sign_in("ada@example.org").await;
    let rename =
        "mutation { updateProfile(input: { firstName: \"Byron\", username: \"noel\" }) { __typename } }";
    app.run_as(&ada.access_token, rename, json!({})).await.data("updateProfile");
    for (text, found) in [("augusta", vec![]), ("byron ł", vec!["Ada"]), ("noel", vec!["Ada"])] {
        assert_eq!(search(text).await, found, "{text}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn users_see_themselves_and_staff_sees_everybody(#[values(Sqlite, Postgres)] database: Database) {
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
async fn the_sessions_of_a_page_are_each_users_own() {
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

/// From where each session of each user is used, as far as the viewer sees it: `addresses` by email.
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
async fn staff_sees_from_where_users_sign_in_but_not_from_where_staff_and_superusers_do(
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
    assert!(seen.as_object().unwrap().values().all(is_seen), "superusers see everybody's: {seen}");

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
    // what a sign-in or a refresh answers with is one's own, whoever asks for it by whichever token
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

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn people_from_before_there_was_a_search_are_found(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    let latest = u32::try_from(Migrator::migrations().len()).unwrap();
    for sql in [
        "DROP INDEX idx_users_facets_verified",
        "DROP INDEX idx_users_facets_unverified",
        "DROP INDEX idx_users_name_key",
        "DROP INDEX idx_users_first_name_key",
        "DROP INDEX idx_users_last_name_key",
        "ALTER TABLE users DROP COLUMN name_key",
        "ALTER TABLE users DROP COLUMN first_name_key",
        "ALTER TABLE users DROP COLUMN last_name_key",
        "DELETE FROM seaql_migrations WHERE version LIKE '%_add_user_search_keys'",
        "UPDATE users SET first_name = 'Łucja', last_name = 'Ó'",
    ] {
        rows.execute_unprepared(sql).await.unwrap();
    }
    assert_eq!(migrate(&app.app.config).await.unwrap().len(), 1, "of {latest}");
    for search in ["łuc", "łucja ó"] {
        let found = page(&app, &staff, json!({ "filter": { "search": search } })).await;
        assert_eq!(emails(&found), ["staff@example.org"], "{search}");
    }
    let nobody: Answer = app.run(USERS, json!({})).await;
    assert_eq!(nobody.status, 401);
}
