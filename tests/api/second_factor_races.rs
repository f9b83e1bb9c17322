use futures_util::future::join_all;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, EMAIL, PASSWORD, Postgres, Serializable, Sqlite, TestApp, second_factors::Authenticator,
};

const RACERS: usize = 64;

fn count(outcomes: &[Value], kind: &str) -> usize {
    outcomes.iter().filter(|outcome| outcome["__typename"] == kind).count()
}

/// Returns the types and codes of the outcomes.
fn kinds(outcomes: &[Value]) -> String {
    let kind = |outcome: &Value| format!("{} {}", outcome["__typename"], outcome["code"]);
    outcomes.iter().map(kind).collect::<Vec<_>>().join(", ")
}

async fn with_many_challenges(database: Database) -> (TestApp, Authenticator, Vec<Value>) {
    let limits = [("RATE_LIMITS", "off"), ("MAX_SESSIONS_PER_USER", "1000")];
    let app = TestApp::with(database, &limits).await;
    let (_, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let mut challenges = Vec::new();
    for _ in 0..RACERS {
        challenges.push(app.login(EMAIL, PASSWORD).await["id"].clone());
    }
    (app, authenticator, challenges)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_codes_wins_on_two_servers(
    #[values(Sqlite, Postgres, Serializable)] database: Database,
) {
    let (app, authenticator, challenges) = with_many_challenges(database).await;
    let other = app.another(&[]).await;
    for proof in [
        json!({ "totp": authenticator.next_code(&app) }),
        json!({ "recoveryCode": authenticator.recovery_codes[5] }),
    ] {
        other.advance(crate::support::second_factors::STEP);
        let race = challenges.iter().enumerate().map(|(number, id)| {
            let server = if number % 2 == 0 { &app } else { &other };
            server.verify_second_factor(id, proof.clone())
        });
        let outcomes = join_all(race).await;
        assert_eq!(count(&outcomes, "AuthPayload"), 1, "{proof}: {}", kinds(&outcomes));
        assert_eq!(count(&outcomes, "UserError"), RACERS - 1);
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_challenge_opens_one_session(#[values(Sqlite, Postgres, Serializable)] database: Database) {
    let (app, authenticator, challenges) = with_many_challenges(database).await;
    let race = authenticator
        .recovery_codes
        .iter()
        .map(|code| app.verify_second_factor(&challenges[0], json!({ "recoveryCode": code })));
    let outcomes = join_all(race).await;
    assert_eq!(count(&outcomes, "AuthPayload"), 1, "{}", kinds(&outcomes));
    let left = app.second_factors(&authenticator.access_token).await;
    assert_eq!(left["recoveryCodesLeft"], 9, "the losers' codes are not spent");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn one_of_64_racing_enrolments_counts(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::with(database, &[("RATE_LIMITS", "off")]).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = join_all((0..RACERS).map(|_| app.start_totp_enrolment(&token))).await;
    let race = started.iter().map(|enrolment| {
        let code = Authenticator::of(enrolment).code(&app);
        let (app, token) = (&app, &token);
        async move { app.finish_totp_enrolment(token, &enrolment["id"], &code).await }
    });
    let outcomes = join_all(race).await;
    assert_eq!(count(&outcomes, "SecondFactorsEnabled"), 1, "{}", kinds(&outcomes));
    let left = app.second_factors(&token).await;
    assert_eq!(left["recoveryCodesLeft"], 10);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn an_enrolment_ends_sign_ins_in_progress(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let ada = app.sign_up_proven(EMAIL).await;
    let token = app.step_up_by_email(&ada.access_token, EMAIL).await;
    let started = app.start_totp_enrolment(&token).await;
    let code = Authenticator::of(&started).code(&app);
    let logins = join_all((0..8).map(|_| app.login(EMAIL, PASSWORD)));
    let (finished, logins) = tokio::join!(app.finish_totp_enrolment(&token, &started["id"], &code), logins);
    assert_eq!(finished["__typename"], "SecondFactorsEnabled", "{finished}");
    for login in logins {
        if login["__typename"] == "AuthPayload" {
            let token = login["accessToken"].as_str().unwrap();
            assert_eq!(app.me(token).await, "REVOKED", "it had one factor");
        }
    }
}
