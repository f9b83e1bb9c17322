//! Acknowledged writes survive `kill -9`, and the server starts again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::Value;

use crate::support::process::Server;

/// The minimum number of sign-ups that are acknowledged before each kill.
const BEFORE_KILL: usize = 4;

const SETTINGS: [(&str, &str); 3] =
    [("ARGON2_MEMORY_KIB", "8"), ("ARGON2_ITERATIONS", "1"), ("HASH_QUEUE", "1000")];

#[tokio::test(flavor = "multi_thread")]
async fn twenty_kills_while_writing_lose_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(Mutex::new(Vec::<u32>::new()));
    let next = Arc::new(AtomicU32::new(0));
    for round in 1_u8..=20 {
        let (server, _) = Server::start(folder.path(), &["dev"], &SETTINGS).await;
        let server = Arc::new(server);
        let http = reqwest::Client::new();
        let writers: Vec<_> = (0..16)
            .map(|_| {
                let (server, http) = (server.clone(), http.clone());
                let (acknowledged, next) = (acknowledged.clone(), next.clone());
                tokio::spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        let query = format!(
                            "mutation {{ signup(input: {{ email: \"p{number}@example.org\", \
                             password: \"correct horse battery\" }}) {{ __typename }} }}"
                        );
                        let Some(answer) = server.run(&http, &query).await else { return };
                        assert_eq!(answer["data"]["signup"]["__typename"], "AuthPayload", "{answer}");
                        acknowledged.lock().unwrap().push(number);
                    }
                })
            })
            .collect();
        while acknowledged.lock().unwrap().len() < BEFORE_KILL * usize::from(round) {
            assert!(
                !writers.iter().any(tokio::task::JoinHandle::is_finished),
                "a sign-up failed before the kill"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // wait a little longer, so that the kill comes at any point during a write
        tokio::time::sleep(Duration::from_millis(u64::from(round * 7 % 50))).await;
        kill(&server);
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    let rows = crate::support::database::connect(&sqlite(folder.path())).await;
    let kept = emails(&rows).await;
    for number in &acknowledged {
        assert!(
            kept.contains(&format!("p{number}@example.org")),
            "sign-up {number} was acknowledged, but lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_for_token_theft_stays_ended_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [&SETTINGS[..], &[("REFRESH_GRACE", "0s")]].concat();
    let http = reqwest::Client::new();
    let refresh = |token: &Value| {
        format!(
            "mutation {{ refresh(refreshToken: {token}) {{ ... on AuthPayload {{ refreshToken }} ... on UserError {{ code }} }} }}"
        )
    };
    let (server, _) = Server::start(folder.path(), &["dev"], &settings).await;
    let signup = "mutation { signup(input: { email: \"ada@example.org\", password: \"correct horse battery\" }) \
                  { ... on AuthPayload { refreshToken } } }";
    let first = server.run(&http, signup).await.unwrap()["data"]["signup"]["refreshToken"].clone();
    let second =
        server.run(&http, &refresh(&first)).await.unwrap()["data"]["refresh"]["refreshToken"].clone();
    let third =
        server.run(&http, &refresh(&second)).await.unwrap()["data"]["refresh"]["refreshToken"].clone();
    assert!(third.is_string());
    let replayed = server.run(&http, &refresh(&first)).await.unwrap();
    kill(&server);
    assert_eq!(replayed["data"]["refresh"]["code"], "INVALID_TOKEN");
    let (server, _) = Server::start(folder.path(), &["dev"], &settings).await;
    let newest = server.run(&http, &refresh(&third)).await.unwrap();
    assert_eq!(newest["data"]["refresh"]["code"], "INVALID_TOKEN");
}

/// Sends `kill -9`, which gives the process no chance to clean up.
fn kill(server: &Server) {
    let pid = server.child.id().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
}

fn sqlite(folder: &std::path::Path) -> String {
    format!("sqlite://{}", folder.join("data/gatehouse.db").display())
}

/// Returns the email addresses of all accounts.
pub async fn emails(rows: &sea_orm::DatabaseConnection) -> std::collections::HashSet<String> {
    use sea_orm::EntityTrait;
    let users = gatehouse::storage::user::Entity::find().all(rows).await.unwrap();
    users.into_iter().filter_map(|user| user.email).collect()
}
