//! Undoing a security change while others act on the account.

use std::sync::Arc;

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::json;

use crate::{
    revert_security_change::{OTHER, THIEFS, change_password, lasting},
    support::{
        Database, EMAIL, PASSWORD, Postgres, Serializable, Sqlite, TestApp,
        google::{ada, id_token},
    },
};

/// Everything happens at once on one account: each link and each proof works once, and there is no deadlock.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_reverts_resets_and_reauthentications_succeeds(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let settings = [("RATE_LIMIT_PASSWORD_CHANGES", "1000/1m"), ("RATE_LIMIT_PASSWORD_RESETS", "1000/1m")];
    let app = Arc::new(TestApp::with(database, &settings).await);
    let person = app.sign_up_long_ago(EMAIL).await;
    change_password(&app, &person.access_token, PASSWORD, OTHER).await;
    let undo = app.token_in(EMAIL, "password_changed").await.unwrap();
    app.request_reset(EMAIL).await;
    let reset = app.token_in(EMAIL, "password_reset").await.unwrap();
    let begun = app.start_reauthentication(&person.access_token, false).await;
    let tries = (0..64).map(|n| {
        let (app, undo, reset) = (app.clone(), undo.clone(), reset.clone());
        let (token, id) = (person.access_token.clone(), begun["id"].clone());
        tokio::spawn(async move {
            match n % 3 {
                0 => ("undo", app.revert(&undo, None).await["__typename"] == "EmailChallenge"),
                1 => ("reset", app.reset(&reset, THIEFS).await["__typename"] == "PasswordChanged"),
                _ => {
                    let query = "mutation($id: ID!, $proof: ReauthenticationProof!) { reauthenticate(id: $id, proof: $proof) { __typename } }";
                    let proof = json!({ "password": OTHER });
                    let answer = app.run_as(&token, query, json!({ "id": id, "proof": proof })).await;
                    ("proof", answer.body["data"]["reauthenticate"]["__typename"] == "Reauthenticated")
                }
            }
        })
    });
    let outcomes: Vec<_> = join_all(tries).await.into_iter().map(Result::unwrap).collect();
    let won = |kind: &str| outcomes.iter().filter(|(of, won)| *of == kind && *won).count();
    assert!(won("undo") <= 1 && won("reset") <= 1 && won("proof") <= 1, "{outcomes:?}");
    // a reset that comes first does not affect the undo link; an undo that comes first invalidates the reset link
    assert!(won("undo") + won("reset") >= 1, "{outcomes:?}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_change_is_made_without_its_notice(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[("RATE_LIMIT_NOTICES", "3/24h")]).await;
    let person = app.sign_up_proven(EMAIL).await;
    let mut refused = 0;
    for _ in 0..5 {
        let linked = app.link_identity(&person.access_token, id_token(&google, &lasting(ada()))).await;
        let unlinked = app.unlink_identities(&person.access_token).await;
        refused +=
            usize::from(linked["code"] == "RATE_LIMITED") + usize::from(unlinked["code"] == "RATE_LIMITED");
    }
    let notices = app.inbox(EMAIL).await;
    let of = |template: &str| notices.iter().filter(|mail| mail.template == template).count();
    assert_eq!((of("identity_linked"), of("identity_unlinked")), (3, 3));
    assert!(refused > 0);
    // an unverified address gets no notices
    let grace = app.sign_up("grace@example.org").await;
    change_password(&app, &grace.access_token, PASSWORD, OTHER).await;
    assert!(app.inbox("grace@example.org").await.iter().all(|mail| mail.template == "one_time_code"));
}
