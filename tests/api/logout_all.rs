use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use gatehouse::{
    sessions::{Client, Opening, PendingSession},
    storage::user::find_by_email_key,
};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{Database, EMAIL, PASSWORD, Postgres, Serializable, Sqlite, TestApp};

const LOGOUT_ALL: &str = "mutation { logoutAll { endedSessionIds } }";

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn logout_all_ends_every_session_of_the_viewer_and_no_one_elses(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let (here, there) = (app.sign_up(EMAIL).await, app.sign_in(EMAIL).await);
    let grace = app.sign_up("grace@example.org").await;
    let ended = app.run_as(&here.access_token, LOGOUT_ALL, json!({})).await.data("logoutAll");
    let mut ids: Vec<&str> =
        ended["endedSessionIds"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    ids.sort_unstable();
    assert_eq!(ids, [here.session_id, there.session_id]);
    assert_eq!(app.me(&here.access_token).await, "REVOKED");
    assert_eq!(app.me(&there.access_token).await, "REVOKED");
    assert_eq!(app.me(&grace.access_token).await, "grace@example.org");
    assert_eq!(app.me(&app.sign_in(EMAIL).await.access_token).await, EMAIL, "signing in again works");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn credentials_checked_before_logout_all_open_no_session_after_it(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up(EMAIL).await;
    let read_before = find_by_email_key(app.app.db.read(), EMAIL).await.unwrap().unwrap();
    app.run_as(&ada.access_token, LOGOUT_ALL, json!({})).await.data("logoutAll");
    let read_after = find_by_email_key(app.app.db.read(), EMAIL).await.unwrap().unwrap();
    for (user, opens) in [(read_before, false), (read_after, true)] {
        let opening = PendingSession::new(&app.app, &user, &Client::default(), &[]);
        let opened = app.app.db.write(async move |txn| opening.open(&txn).await).await.unwrap();
        assert_eq!(matches!(opened, Opening::Opened(_)), opens);
    }
}

/// Runs 200 rounds on each database, with `logoutAll` at a different moment of the sign-ins each time.
#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn no_racing_login_survives_logout_all(#[values(Sqlite, Postgres, Serializable)] database: Database) {
    let settings = [("MAX_SESSIONS_PER_USER", "1000"), ("RATE_LIMITS", "off")];
    let app = Arc::new(TestApp::with(database, &settings).await);
    app.sign_up(EMAIL).await;
    let (mut ended_ones, mut refused, mut later) = (0, 0, 0);
    for round in 0..200 {
        let viewer = app.sign_in(EMAIL).await;
        let logins: Vec<_> = (0..32)
            .map(|_| {
                let app = app.clone();
                tokio::spawn(async move { app.login(EMAIL, PASSWORD).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_micros(200 * (round % 40))).await;
        // sign-ins that have finished by now began before `logoutAll`
        let began_before: Vec<bool> = logins.iter().map(tokio::task::JoinHandle::is_finished).collect();
        let ended = app.run_as(&viewer.access_token, LOGOUT_ALL, json!({})).await.data("logoutAll");
        let ended = ids(&ended["endedSessionIds"]);
        assert!(ended.contains(&viewer.session_id));

        let logins = join_all(logins).await;
        let witness = app.sign_in(EMAIL).await;
        let live =
            app.run_as(&witness.access_token, "{ me { sessions { id } } }", json!({})).await.data("me");
        let live: HashSet<String> =
            live["sessions"].as_array().unwrap().iter().map(|session| text(&session["id"])).collect();
        for (login, began_before) in logins.into_iter().zip(began_before) {
            let login = login.unwrap();
            if login["code"] == "INVALID_CREDENTIALS" {
                refused += 1;
                continue;
            }
            let id = text(&login["session"]["id"]);
            if ended.contains(&id) {
                ended_ones += 1;
            } else {
                later += 1;
            }
            assert_eq!(
                live.contains(&id),
                !ended.contains(&id),
                "round {round}: a session is either ended or began later"
            );
            assert!(!(live.contains(&id) && began_before), "round {round}: a session outlived logoutAll");
        }
    }
    println!("{ended_ones} sessions ended, {refused} pending sign-ins refused, {later} began later");
    assert!(ended_ones > 0 && refused > 0, "logoutAll did not meet logins at every stage");
}

fn ids(list: &Value) -> HashSet<String> {
    list.as_array().unwrap().iter().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
