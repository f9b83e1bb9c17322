use rstest::rstest;
use serde_json::json;

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    google::{access_token, ada, id_token},
};

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_linked_google_account_signs_in_even_if_its_address_differs(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let owner = app.sign_up_proven(EMAIL).await;
    let linked = app.link_identity(&owner.access_token, access_token(&google, &ada())).await;
    assert_eq!(
        linked,
        json!({ "__typename": "User", "id": owner.user_id, "identities": [{ "provider": "GOOGLE", "email": "ada@gmail.com" }] })
    );
    assert_eq!(app.inbox(EMAIL).await[0].template, "identity_linked");
    let mails = app.inbox(EMAIL).await.len();
    assert_eq!(
        app.link_identity(&owner.access_token, id_token(&google, &ada())).await,
        linked,
        "linking again succeeds"
    );
    assert_eq!(app.inbox(EMAIL).await.len(), mails, "linking again sends no email");
    let visit = app.visit_google(1).await;
    let both = app.link_identity(&owner.access_token, visit.input()).await;
    assert_eq!(both["identities"][1]["email"], "grace@navy.example");
    let signed_in = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    assert_eq!(signed_in.user_id, owner.user_id);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn another_users_google_account_is_not_linked_and_nothing_changes(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let other = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    let owner = app.sign_up(EMAIL).await;
    let refused = app.link_identity(&owner.access_token, id_token(&google, &ada())).await;
    assert_eq!(refused["code"], "IDENTITY_TAKEN");
    let me = app.run_as(&owner.access_token, "{ me { identities { email } } }", json!({})).await;
    assert_eq!(me.data("me")["identities"], json!([]));
    assert!(app.inbox(EMAIL).await.iter().all(|mail| mail.template != "identity_linked"));
    let signed_in = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    assert_eq!(signed_in.user_id, other.user_id);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_only_way_to_sign_in_cannot_be_unlinked(#[values(Sqlite, Postgres)] database: Database) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let ada_here = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    assert_eq!(app.unlink_identities(&ada_here.access_token).await["code"], "LAST_SIGN_IN_METHOD");
    let set = "mutation { changePassword(input: { newPassword: \"correct horse battery\" }) { __typename } }";
    app.run_as(&ada_here.access_token, set, json!({})).await;
    let me = app.run_as(&ada_here.access_token, "{ me { identities { id } } }", json!({})).await.data("me");
    let identity = me["identities"][0]["id"].as_str().unwrap();
    let unlinked = app.unlink_identity(&ada_here.access_token, identity).await;
    assert_eq!(unlinked, json!({ "__typename": "User", "id": ada_here.user_id, "identities": [] }));
    let again = app.unlink_identity(&ada_here.access_token, identity).await;
    assert_eq!(again, unlinked, "unlinking again succeeds");
    assert_eq!(app.me(&ada_here.access_token).await, "ada@gmail.com", "the session continues");
    assert_eq!(app.login("ada@gmail.com", PASSWORD).await["__typename"], "AuthPayload");
    // Google is the authority for the address, which is verified here: its owner can link the account again by signing
    // in
    let again = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    assert_eq!(again.user_id, ada_here.user_id);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_two_identities_is_unlinked_and_the_last_is_kept(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let owner = SignedIn::from(&app.google_login(id_token(&google, &ada())).await);
    let visit = app.visit_google(1).await;
    app.link_identity(&owner.access_token, visit.input()).await;
    let me = app
        .run_as(&owner.access_token, "{ me { identities { id providerId email } } }", json!({}))
        .await
        .data("me");
    let ids: Vec<_> =
        me["identities"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(me["identities"][0]["providerId"], "google");

    // nobody can unlink another user's identity
    let other = app.sign_up(EMAIL).await;
    assert_eq!(app.unlink_identity(&other.access_token, ids[0]).await["__typename"], "User");
    assert_eq!(
        app.unlink_identity(&owner.access_token, "x").await["identities"].as_array().unwrap().len(),
        2
    );

    let unlinked = app.unlink_identity(&owner.access_token, ids[0]).await;
    assert_eq!(unlinked["identities"], json!([{ "provider": "GOOGLE" }]));
    assert_eq!(app.unlink_identity(&owner.access_token, ids[1]).await["code"], "LAST_SIGN_IN_METHOD");
    assert_eq!(app.google_login(id_token(&google, &ada())).await["code"], "LINK_REQUIRED");
}
