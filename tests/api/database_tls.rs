//! A PostgreSQL server whose certificate has X.509 version 1, which the TLS library refuses without looking at it.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::json;

use crate::{
    faults,
    support::{
        EMAIL, TestApp,
        database::connect,
        process::{gatehouse, output},
    },
};

/// Makes the server offer TLS with a certificate that this command writes into `server.crt`.
async fn offer_tls(app: &TestApp, certify: &str) {
    let request = "umask 077; cat > /dev/null; openssl req -new -newkey rsa:2048 -nodes -subj /CN=db -keyout server.key";
    app.sql(&format!("COPY (SELECT 1) TO PROGRAM '{request} {certify}'")).await;
    app.sql("ALTER SYSTEM SET ssl = on").await;
    app.sql("SELECT pg_reload_conf()").await;
    until(async || {
        count(app, "SELECT count(*) FROM pg_settings WHERE name = 'ssl' AND setting = 'on'").await == 1
    })
    .await;
}

async fn until(is_met: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !is_met().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "this takes too long");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn count(app: &TestApp, sql: &str) -> i64 {
    let url = format!("{}?sslmode=disable", app.settings["DATABASE_URL"]);
    let rows = connect(&url).await;
    let row = rows.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    rows.close().await.unwrap();
    row.try_get_by_index(0).unwrap()
}

const ENCRYPTED: &str = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
    WHERE ssl AND application_name LIKE 'gatehouse%'";

#[tokio::test(flavor = "multi_thread")]
async fn without_sslmode_tls_is_used_if_it_works() {
    let (_cluster, app) = faults::start(&[]).await;
    offer_tls(&app, "-x509 -out server.crt").await;
    let encrypted = app.another(&[]).await;
    encrypted.sign_up(EMAIL).await;
    assert!(count(&app, ENCRYPTED).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_version_1_stops_only_those_who_insist_on_tls() {
    let (_cluster, app) = faults::start(&[]).await;
    offer_tls(
        &app,
        "-out request.pem && openssl x509 -req -in request.pem -signkey server.key -out server.crt",
    )
    .await;
    let url = app.settings["DATABASE_URL"].clone();
    let migrate =
        |url: &str| output(gatehouse(&std::env::temp_dir(), &["migrate"], &[("DATABASE_URL", url)]), "");
    assert!(migrate(&url).status.success());
    let insisting = migrate(&format!("{url}?sslmode=require"));
    let said = String::from_utf8_lossy(&insisting.stderr).into_owned();
    assert!(!insisting.status.success() && said.contains("UnsupportedCertVersion"), "{said}");

    // both connect and hear of each other's events
    let plain = [app.another(&[]).await, app.another(&[]).await];
    let tokens = plain[0].sign_up(EMAIL).await;
    assert_eq!(plain[1].me(&tokens.access_token).await, EMAIL);
    let listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'gatehouse events'";
    until(async || count(&app, listening).await == 3).await;
    plain[0].run_as(&tokens.access_token, "mutation { logoutAll { endedSessionIds } }", json!({})).await;
    until(async || plain[1].me(&tokens.access_token).await == "REVOKED").await;
    assert_eq!(count(&app, ENCRYPTED).await, 0);
}
