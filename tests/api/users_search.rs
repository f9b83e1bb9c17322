//! Searching and filtering `users`.

use gatehouse::storage::migrate::migrate;
use rstest::rstest;
use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::{
    support::{Answer, Database, PASSWORD, Postgres, Sqlite, TestApp, database::connect},
    users::{USERS, emails, page, people},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn filters_combine_and_page_like_the_whole_list(#[values(Sqlite, Postgres)] database: Database) {
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
async fn search_finds_the_beginning_of_every_name_in_any_case(
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

    // a changed name is found only in its new form
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
async fn accounts_from_before_the_search_columns_are_found(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let staff = app.sign_up_as("staff", "staff@example.org").await;
    let rows = connect(&app.settings["DATABASE_URL"]).await;
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
    assert_eq!(migrate(&app.app.config).await.unwrap().len(), 1);
    for search in ["łuc", "łucja ó"] {
        let found = page(&app, &staff, json!({ "filter": { "search": search } })).await;
        assert_eq!(emails(&found), ["staff@example.org"], "{search}");
    }
    let nobody: Answer = app.run(USERS, json!({})).await;
    assert_eq!(nobody.status, 401);
}
