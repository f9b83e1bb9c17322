use std::sync::Arc;

use gatehouse::storage::user::{self, Role};
use rstest::rstest;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, Postgres, Serializable, SignedIn, Sqlite, TestApp, database::connect};

async fn set_role(app: &TestApp, who: &SignedIn, id: &str, role: &str) -> Value {
    let query = "mutation($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) {
        __typename ... on User { id role } ... on UserError { code message } } }";
    app.run_as(&who.access_token, query, json!({ "id": id, "role": role })).await.data("setUserRole")
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_new_role_applies_from_the_next_request(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    let ada = app.sign_up(EMAIL).await;
    let users = async || app.run_as(&ada.access_token, "{ users { nodes { email } } }", json!({})).await;
    assert_eq!(users().await.code(), "FORBIDDEN");
    assert_eq!(set_role(&app, &root, &ada.user_id, "STAFF").await["role"], "STAFF");
    assert_eq!(users().await.data("users")["nodes"].as_array().unwrap().len(), 2);
    assert_eq!(set_role(&app, &root, &ada.user_id, "USER").await["role"], "USER");
    assert_eq!(users().await.code(), "FORBIDDEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn superusers_can_change_neither_their_own_role_nor_an_unknown_users() {
    let app = TestApp::start(Sqlite).await;
    let root = app.sign_up_as("superuser", "root@example.org").await;
    assert_eq!(set_role(&app, &root, &root.user_id, "USER").await["code"], "NOT_ALLOWED");
    for id in ["", "x", &root.session_id, &"x".repeat(1000)] {
        assert_eq!(set_role(&app, &root, id, "STAFF").await["code"], "NOT_FOUND", "{id}");
    }
}

/// Two superusers demote each other at the same time, in 200 rounds on each database.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_superusers_who_demote_each_other_remains(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = Arc::new(TestApp::with(database, &[("RATE_LIMITS", "off")]).await);
    let [one, two] = ["one@example.org", "two@example.org"].map(|email| app.sign_up_as("superuser", email));
    let (one, two) = (one.await, two.await);
    let rows = connect(&app.settings["DATABASE_URL"]).await;
    for round in 0..200 {
        let demote = |who: &SignedIn, whom: &SignedIn| {
            let (app, who, id) = (app.clone(), who.clone(), whom.user_id.clone());
            tokio::spawn(async move {
                let query = "mutation($id: ID!) { setUserRole(id: $id, role: USER) { __typename } }";
                app.run_as(&who.access_token, query, json!({ "id": id })).await.text
            })
        };
        let answers = tokio::join!(demote(&one, &two), demote(&two, &one));
        let superusers = user::Entity::find().filter(user::Column::Role.eq(Role::Superuser));
        assert_eq!(superusers.count(&rows).await.unwrap(), 1, "round {round}: {answers:?}");
        app.sql("UPDATE users SET role = 'superuser'").await;
    }
}
