//! Token theft is detected, even if the thief refreshes first and uses the tokens elsewhere.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, NO_VERIFICATION, PROXY, Postgres, Serializable, SignedIn, Sqlite, TestApp,
};

const GRACE: Duration = Duration::from_secs(30);
const OWNER: (&str, &str) = ("198.51.100.7", "a browser");
const THIEF: (&str, &str) = ("203.0.113.66", "a script");
const LOGOUT: &str = "mutation($token: String) { logout(refreshToken: $token) { endedSessionIds } }";

/// Starts a server with a user whose address is verified.
async fn start(database: Database) -> (TestApp, SignedIn) {
    let app = TestApp::with(database, &[NO_VERIFICATION, PROXY, ("RATE_LIMITS", "off")]).await;
    let owner = app.sign_up(EMAIL).await;
    app.sql("UPDATE users SET email_verified_at = 1").await;
    (app, owner)
}

async fn refreshed(app: &TestApp, client: (&str, &str), pair: &SignedIn) -> SignedIn {
    SignedIn::from(&app.refresh_from(client, &pair.refresh_token).await)
}

/// Asserts that the owner has one email about a stolen session, without links and codes.
async fn assert_one_mail(app: &TestApp) {
    let mails = app.inbox(EMAIL).await;
    let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
    assert_eq!(mail.template, "session_stolen");
    assert!(mail.code.is_none() && mail.link.is_none());
    assert!(!mail.text.contains("http") && !mail.html.contains("href=\"http"), "{}", mail.text);
}

async fn assert_over(app: &TestApp, pair: &SignedIn) {
    assert_eq!(app.me(&pair.access_token).await, "REVOKED");
    assert_eq!(app.refresh_from(OWNER, &pair.refresh_token).await["code"], "INVALID_TOKEN");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_refreshes_first_is_detected_when_either_continues(
    #[values(Sqlite, Postgres)] database: Database,
    #[values("a request", "a refresh", "a logout")] by: &str,
) {
    let (app, owner) = start(database).await;
    let other = app.sign_in(EMAIL).await;
    // the thief uses the tokens only elsewhere, so this server does not notice
    let thief = refreshed(&app, THIEF, &owner).await;
    app.advance(GRACE);
    let owner = refreshed(&app, OWNER, &owner).await;
    assert_ne!(owner.refresh_token, thief.refresh_token);
    assert_eq!(owner.session_id, thief.session_id);
    assert_eq!(app.me(&owner.access_token).await, EMAIL, "the owner is not signed out");
    assert!(app.inbox(EMAIL).await.is_empty());
    match by {
        "a request" => assert_eq!(app.me(&thief.access_token).await, "REVOKED"),
        "a refresh" => {
            assert_eq!(app.refresh_from(THIEF, &thief.refresh_token).await["code"], "INVALID_TOKEN");
        }
        _ => {
            let ended = app.run(LOGOUT, json!({ "token": thief.refresh_token })).await.data("logout");
            assert_eq!(ended["endedSessionIds"], json!([thief.session_id]));
        }
    }
    assert_over(&app, &owner).await;
    assert_one_mail(&app).await;
    assert_eq!(app.me(&other.access_token).await, EMAIL, "the user's other session continues");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_thief_who_refreshes_second_is_detected_when_the_owner_continues(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, stolen) = start(database).await;
    let owner = refreshed(&app, OWNER, &stolen).await;
    app.advance(GRACE);
    let thief = refreshed(&app, THIEF, &stolen).await;
    assert_eq!(app.me(&owner.access_token).await, "REVOKED");
    assert_over(&app, &thief).await;
    assert_one_mail(&app).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_after_the_successor_was_used_mails_the_owner_once(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let (app, stolen) = start(database).await;
    let owner = refreshed(&app, OWNER, &stolen).await;
    assert_eq!(app.me(&owner.access_token).await, EMAIL);
    app.advance(GRACE);
    let replays = (0..16).map(|_| app.refresh_from(THIEF, &stolen.refresh_token));
    assert!(join_all(replays).await.iter().all(|answer| answer["code"] == "INVALID_TOKEN"));
    assert_over(&app, &owner).await;
    assert_one_mail(&app).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_gets_no_mail(#[values(Sqlite, Postgres)] database: Database) {
    let (app, stolen) = start(database).await;
    app.sql("UPDATE users SET email_verified_at = NULL").await;
    let owner = refreshed(&app, OWNER, &stolen).await;
    assert_eq!(app.me(&owner.access_token).await, EMAIL);
    app.advance(GRACE);
    assert_eq!(app.refresh_from(THIEF, &stolen.refresh_token).await["code"], "INVALID_TOKEN");
    assert!(app.inbox(EMAIL).await.is_empty());
    // an address that becomes unverified before the email is sent gets none either
    app.sql("UPDATE users SET email_verified_at = 1").await;
    let stolen = app.sign_in(EMAIL).await;
    let owner = refreshed(&app, OWNER, &stolen).await;
    refreshed(&app, OWNER, &owner).await;
    app.refresh_from(THIEF, &stolen.refresh_token).await;
    app.sql("UPDATE users SET email_verified_at = NULL").await;
    assert!(app.inbox(EMAIL).await.is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_loses_responses_on_changing_networks_stays_signed_in(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, first) = start(database).await;
    let (_, agent) = OWNER;
    let networks = ["198.51.100.7", "203.0.113.1", "192.0.2.1", "2001:db8:1::1", "2001:db8:2::1"];
    let (mut given, mut newest) = (HashSet::new(), first.clone());
    for address in networks {
        // the response is lost
        newest = refreshed(&app, (address, agent), &first).await;
        assert!(given.insert(newest.refresh_token.clone()), "another client gets a pair of its own");
        app.advance(GRACE * 2);
        let again = refreshed(&app, (address, agent), &first).await;
        assert_eq!(again.refresh_token, newest.refresh_token, "the same client gets the same pair");
        app.advance(GRACE * 2);
    }
    let neighbour = refreshed(&app, ("2001:db8:2:ffff::2", agent), &first).await;
    assert_eq!(neighbour.refresh_token, newest.refresh_token, "a /48 is one network");
    assert_eq!(app.me(&neighbour.access_token).await, EMAIL);
    assert_eq!(app.me(&first.access_token).await, EMAIL, "earlier tokens are still valid");
    let next = refreshed(&app, OWNER, &neighbour).await;
    assert_eq!(app.me(&next.access_token).await, EMAIL);
    assert!(app.inbox(EMAIL).await.is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn using_any_replaced_sibling_ends_the_session(
    #[values(Sqlite, Postgres)] database: Database,
    #[values(0, 1, 2, 3)] used: usize,
    #[values(false, true)] refreshed_since: bool,
) {
    let (app, first) = start(database).await;
    let (_, agent) = OWNER;
    let mut siblings = Vec::new();
    for address in ["198.51.100.7", "203.0.113.1", "192.0.2.1", "198.18.0.1"] {
        siblings.push(refreshed(&app, (address, agent), &first).await);
        app.advance(GRACE);
    }
    let newest = &siblings[3];
    let next = if refreshed_since { refreshed(&app, OWNER, newest).await } else { newest.clone() };
    assert_eq!(app.me(&next.access_token).await, EMAIL);
    let is_void = used < 3;
    assert_eq!(app.me(&siblings[used].access_token).await, if is_void { "REVOKED" } else { EMAIL });
    assert_eq!(app.me(&next.access_token).await, if is_void { "REVOKED" } else { EMAIL });
    assert_eq!(app.inbox(EMAIL).await.len(), usize::from(is_void));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn once_the_newest_sibling_is_used_a_repeat_ends_the_session(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, first) = start(database).await;
    refreshed(&app, THIEF, &first).await;
    app.advance(GRACE);
    let sibling = refreshed(&app, OWNER, &first).await;
    assert_eq!(app.me(&sibling.access_token).await, EMAIL);
    app.advance(GRACE);
    assert_eq!(app.refresh_from(THIEF, &first.refresh_token).await["code"], "INVALID_TOKEN");
    assert_over(&app, &sibling).await;
    assert_one_mail(&app).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn racing_repeats_of_many_clients_get_one_sibling(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let (app, first) = start(database).await;
    let lost = refreshed(&app, THIEF, &first).await;
    app.advance(GRACE);
    let addresses: Vec<String> = (0..64).map(|number| format!("198.51.{number}.7")).collect();
    let racing = addresses.iter().map(|address| refreshed(&app, (address, "a browser"), &first));
    let pairs: HashSet<String> = join_all(racing).await.into_iter().map(|pair| pair.refresh_token).collect();
    assert_eq!(pairs.len(), 1);
    assert!(!pairs.contains(&lost.refresh_token));
}

/// Without a grace period, each of many racing clients replaces the pair of the previous one, or gets the newest pair.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn without_a_grace_period_one_pair_survives_a_race(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let app = TestApp::with(database, &[NO_VERIFICATION, PROXY, ("REFRESH_GRACE", "0s")]).await;
    let first = app.sign_up(EMAIL).await;
    let addresses: Vec<String> = (0..8).map(|number| format!("198.51.{number}.7")).collect();
    let racing =
        addresses.iter().map(|address| app.refresh_from((address, "a browser"), &first.refresh_token));
    let answers = join_all(racing).await;
    let is_sound =
        |answer: &Value| ["AuthPayload", "UserError"].contains(&answer["__typename"].as_str().unwrap());
    assert!(answers.iter().all(is_sound));
    let newest = refreshed(&app, ("192.0.2.9", "a browser"), &first).await;
    assert_eq!(app.me(&newest.access_token).await, EMAIL);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_first_use_that_races_with_a_repeat_is_always_detected(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let (app, _) = start(database).await;
    let mut first_uses = 0;
    for round in 1..=24 {
        let owner = app.sign_in(EMAIL).await;
        let thief = refreshed(&app, THIEF, &owner).await;
        app.advance(GRACE);
        let using = async {
            tokio::time::sleep(Duration::from_micros(200 * (round % 8))).await;
            app.me(&thief.access_token).await
        };
        let (used, repeated) = tokio::join!(using, app.refresh_from(OWNER, &owner.refresh_token));
        // either the pair is used first and the repeat ends the session, or the repeat invalidates the pair first
        let is_used = used == EMAIL;
        first_uses += u64::from(is_used);
        assert_eq!(repeated["__typename"], if is_used { "UserError" } else { "AuthPayload" }, "{used}");
        assert_eq!(app.me(&thief.access_token).await, "REVOKED");
        assert_eq!(app.inbox(EMAIL).await.len(), usize::try_from(round).unwrap());
    }
    println!("{first_uses} of 24 were used first");
}
