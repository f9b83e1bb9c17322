//! Every way to sign in, for accounts with and without a second factor.

use gatehouse::fake_provider::FakeProvider;
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::{
    Database, PASSWORD, Postgres, SignedIn, Sqlite, TestApp,
    google::{ada, id_token},
    passkeys::SecurityKey,
    second_factors::Authenticator,
};

/// The address of the fake Google's Ada, for which Google is authoritative.
const EMAIL: &str = "ada@gmail.com";

/// A way to sign in to an account whose address is proven.
#[derive(Clone, Copy, Debug)]
enum Way {
    Password,
    PasswordWithUsername,
    EmailCode,
    EmailCodeWithoutId,
    EmailLink,
    EmailLinkAndPassword,
    WaitingTab,
    LinkedIdentity,
    IdentityToLink,
}

/// The second factor of the account, if it has one.
#[derive(Clone, Copy, Debug)]
enum Factor {
    None,
    Totp,
    Passkey,
}

enum Enrolled {
    None,
    Totp(Box<Authenticator>),
    Passkey(Box<SecurityKey>, String),
}

impl Way {
    const ALL: [Self; 9] = [
        Self::Password,
        Self::PasswordWithUsername,
        Self::EmailCode,
        Self::EmailCodeWithoutId,
        Self::EmailLink,
        Self::EmailLinkAndPassword,
        Self::WaitingTab,
        Self::LinkedIdentity,
        Self::IdentityToLink,
    ];

    async fn sign_in(self, app: &TestApp, google: &FakeProvider) -> Value {
        match self {
            Self::Password => app.login(EMAIL, PASSWORD).await,
            Self::PasswordWithUsername => app.login("ada", PASSWORD).await,
            Self::EmailCode => {
                let challenge = app.request_login_code(EMAIL).await;
                app.verify(EMAIL, &app.code(EMAIL).await, Some(&challenge["id"])).await
            }
            Self::EmailCodeWithoutId => {
                app.request_login_code(EMAIL).await;
                app.verify(EMAIL, &app.code(EMAIL).await, None).await
            }
            Self::EmailLink | Self::EmailLinkAndPassword => {
                app.request_login_code(EMAIL).await;
                let token = app.token_in(EMAIL, "login_code").await.unwrap();
                let with_password = json!({ "password": PASSWORD });
                let beside = if matches!(self, Self::EmailLink) { json!({}) } else { with_password };
                app.activate_with(&token, beside).await
            }
            Self::WaitingTab => {
                let challenge = app.request_login_code(EMAIL).await;
                let token = app.token_in(EMAIL, "login_code").await.unwrap();
                let otp = confirmed_elsewhere(app, &token).await;
                app.verify(EMAIL, &otp, Some(&challenge["id"])).await
            }
            Self::LinkedIdentity | Self::IdentityToLink => app.google_login(id_token(google, &ada())).await,
        }
    }

    /// Returns the methods of the first proof.
    fn methods(self) -> Vec<&'static str> {
        match self {
            Self::Password | Self::PasswordWithUsername => vec!["PASSWORD"],
            Self::EmailCode | Self::EmailCodeWithoutId | Self::WaitingTab => vec!["EMAIL_CODE"],
            Self::EmailLink => vec!["EMAIL_LINK"],
            Self::EmailLinkAndPassword => vec!["EMAIL_LINK", "PASSWORD"],
            Self::LinkedIdentity | Self::IdentityToLink => vec!["IDENTITY"],
        }
    }
}

/// Confirms a sign-in link on another device, and returns the code that the waiting tab gets.
async fn confirmed_elsewhere(app: &TestApp, token: &str) -> String {
    let query = "mutation($token: String!, $number: String) {
        confirmLoginLink(token: $token, confirmationNumber: $number) {
            ... on LoginLink { otp confirmationNumber isConfirmed } } }";
    let read = app.run(query, json!({ "token": token })).await.data("confirmLoginLink");
    let variables = json!({ "token": token, "number": read["confirmationNumber"] });
    let confirmed = app.run(query, variables).await.data("confirmLoginLink");
    assert_eq!(confirmed["isConfirmed"], true, "{confirmed}");
    confirmed["otp"].as_str().unwrap().to_owned()
}

async fn identities(app: &TestApp, access_token: &str) -> usize {
    let answer = app.run_as(access_token, "{ me { identities { id } } }", json!({})).await;
    answer.data("me")["identities"].as_array().unwrap().len()
}

async fn methods(app: &TestApp, access_token: &str) -> Value {
    let answer = app.run_as(access_token, "{ me { sessions { isCurrent methods } } }", json!({})).await;
    let sessions = answer.data("me")["sessions"].clone();
    let current = sessions.as_array().unwrap().iter().find(|session| session["isCurrent"] == true);
    current.unwrap()["methods"].clone()
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_way_in_meets_the_gate(#[values(Sqlite, Postgres)] database: Database) {
    for way in Way::ALL {
        for factor in [Factor::None, Factor::Totp, Factor::Passkey] {
            let case = format!("{way:?}, factor: {factor:?}");
            let (app, google) = TestApp::with_google(database, &[("RESEND_COOLDOWN", "1s")]).await;
            let person = app.sign_up_proven(EMAIL).await;
            let username = "mutation { updateProfile(input: { username: \"ada\" }) { __typename } }";
            app.run_as(&person.access_token, username, json!({})).await.data("updateProfile");
            if matches!(way, Way::LinkedIdentity) {
                let linked = app.link_identity(&person.access_token, id_token(&google, &ada())).await;
                assert_eq!(linked["__typename"], "User", "{case}: {linked}");
            }
            app.advance(std::time::Duration::from_secs(2));
            let enrolled = match factor {
                Factor::None => Enrolled::None,
                Factor::Totp => Enrolled::Totp(Box::new(app.enroll(&person, EMAIL).await)),
                Factor::Passkey => {
                    let token = app.step_up_by_email(&person.access_token, EMAIL).await;
                    let (_, key) = app.add_passkey(&token).await;
                    Enrolled::Passkey(Box::new(key), token)
                }
            };
            app.advance(std::time::Duration::from_secs(61));

            let outcome = way.sign_in(&app, &google).await;
            let own_token = match &enrolled {
                Enrolled::None => {
                    let signed_in = SignedIn::from(&outcome);
                    assert_eq!(methods(&app, &signed_in.access_token).await, json!(way.methods()), "{case}");
                    continue;
                }
                Enrolled::Totp(authenticator) => authenticator.access_token.clone(),
                Enrolled::Passkey(_, token) => token.clone(),
            };
            assert_eq!(outcome["__typename"], "SecondFactorChallenge", "{case}: {outcome}");
            if matches!(way, Way::IdentityToLink) {
                assert_eq!(identities(&app, &own_token).await, 0, "{case}: linked too early");
            }
            let mut expected = way.methods();
            let verified = match enrolled {
                Enrolled::None => unreachable!("handled above"),
                Enrolled::Totp(authenticator) => {
                    expected.push("TOTP");
                    let proof = json!({ "totp": authenticator.next_code(&app) });
                    app.verify_second_factor(&outcome["id"], proof).await
                }
                Enrolled::Passkey(mut key, _) => {
                    expected.push("PASSKEY");
                    app.verify_passkey(&outcome, &mut key).await
                }
            };
            let signed_in = SignedIn::from(&verified);
            assert_eq!(methods(&app, &signed_in.access_token).await, json!(expected), "{case}");
            if matches!(way, Way::IdentityToLink) {
                assert_eq!(identities(&app, &signed_in.access_token).await, 1, "{case}");
                assert_eq!(app.inbox(EMAIL).await[0].template, "identity_linked", "{case}");
            }
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_password_reset_does_not_pass_the_gate(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up_enrolled(EMAIL).await;
    app.advance(std::time::Duration::from_hours(73));
    app.request_reset(EMAIL).await;
    let token = app.token_in(EMAIL, "password_reset").await.unwrap();
    let reset = app.reset(&token, "another horse battery").await;
    assert_ne!(reset["__typename"], "UserError", "{reset}");
    let outcome = app.login(EMAIL, "another horse battery").await;
    assert_eq!(outcome["__typename"], "SecondFactorChallenge", "{outcome}");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_sessions_of_a_sign_in_are_gated(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let (ada, _) = app.sign_up_enrolled(EMAIL).await;
    // the session that enrolled goes on, and so does its refresh
    let refreshed = app.refresh(&ada.refresh_token).await;
    assert_eq!(refreshed["__typename"], "AuthPayload", "{refreshed}");
    // a viewer who proves their own address continues in the session
    let challenge = app.request_login_code(EMAIL).await;
    let code = app.code(EMAIL).await;
    let token = refreshed["accessToken"].as_str().unwrap();
    let proven = app.verify_as(token, EMAIL, &code, Some(&challenge["id"])).await;
    assert_eq!((&proven["__typename"], &proven["refreshToken"]), (&json!("AuthPayload"), &Value::Null));
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_waits_for_the_factor_is_not_made_once_the_address_has_changed(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (app, google) = TestApp::with_google(database, &[]).await;
    let (_, authenticator) = app.sign_up_enrolled(EMAIL).await;
    let challenge = app.google_login(id_token(&google, &ada())).await;
    assert_eq!(challenge["__typename"], "SecondFactorChallenge", "{challenge}");
    let (email, key) = ("email = 'ada@example.org'", "email_key = 'ada@example.org'");
    app.sql(&format!("UPDATE users SET {email}, {key} WHERE email = '{EMAIL}'")).await;
    let proof = json!({ "totp": authenticator.next_code(&app) });
    let signed_in = SignedIn::from(&app.verify_second_factor(&challenge["id"], proof).await);
    assert_eq!(identities(&app, &signed_in.access_token).await, 0);
}
