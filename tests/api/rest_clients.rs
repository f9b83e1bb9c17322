//! A Python client that a third-party generator makes from `/openapi.json`, which runs against a server.

use serde_json::json;

use crate::{
    graphql_clients::day,
    support::{EMAIL, python::python},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_generated_from_the_description_spends_a_day_with_the_endpoints() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let seen = day(|graphql, staff_token| {
        let url = graphql.strip_suffix("/graphql").unwrap();
        python(&["rest_client.py", folder, url, staff_token]).output().unwrap()
    })
    .await;
    let expected = json!({
        // the generator does not support JSON parameters; the client can send them by POST
        "left_out": ["staffUsers.filter", "users.filter"],
        "available": [true, false],
        "signups": [["AuthPayload", "ada"], ["UserError", "EMAIL_TAKEN", ["email"]]],
        "logins": [["AuthPayload", "ada"], ["AuthPayload", "ada"], ["UserError", "INVALID_CREDENTIALS", []]],
        "me": [EMAIL, "USER", null, true],
        "users": [null, ["FORBIDDEN"]],
        "renamed": ["UserResultUser", "Ada Lovelace"],
        "colleagues": ["staff@example.org"],
        "without_token": [401, ["UNAUTHENTICATED"]],
        "ended": true,
        "afterwards": [401, ["UNAUTHENTICATED"]],
    });
    assert_eq!(seen, expected);
}
