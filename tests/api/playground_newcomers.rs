//! A newcomer's first minutes with the playground, in a real browser.

use std::collections::BTreeSet;

use rstest::rstest;
use serde_json::Value;

use crate::{
    playground::operations,
    support::{NO_VERIFICATION, node::in_browser, process::Server},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_newcomer_signs_up_verifies_the_address_and_sees_the_next_step() {
    let (folder, shots) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    let seen = in_browser("playground.mjs", &[&server.url, shots.path().to_str().unwrap()]);
    let holds = |what: &str, text: &str| {
        assert!(seen[what].as_str().is_some_and(|seen| seen.contains(text)), "{what}: {}", seen[what]);
    };

    assert_eq!(seen["elsewhere"], Value::Array(Vec::new()), "a request left this machine");
    for complaint in seen["complaints"].as_array().unwrap() {
        // the browser reports the two refusals that the script provokes
        assert!(
            complaint
                .as_str()
                .unwrap()
                .starts_with("Failed to load resource: the server responded with a status of 40"),
            "{complaint}"
        );
    }
    assert_eq!(seen["faults"], Value::Array(Vec::new()), "axe found serious problems");
    assert_eq!(seen["tabs"].as_array().unwrap().len(), operations().len());
    holds("header", "Authorization: Bearer eyJ");
    assert_eq!(seen["unread"], "", "after a visit to the mailbox no email is unread");
    holds("me", "\"emailVerified\": true");
    holds("proven", "\"EMAIL_CODE\"");
    holds("afterProof", "\"__typename\": \"User\"");
    holds("enrolled", "\"recoveryCodesLeft\": 10");
    holds("provenByFactor", "\"TOTP\"");
    holds("recovered", "AuthPayload");
    holds("removed", "\"secondFactors\": []");
    holds("completion", "emailVerified");
    holds("hover", "Whether the email address is verified");
    holds("limit", "GRAPHQL_MAX_ROOT_FIELDS");
    holds("unauthenticated", "Sign in with Login");
    assert_eq!(seen["byKeyboard"], "VerifyOtp");
    assert_eq!(seen["width"], 360, "the page is wider than a phone");

    // a name with HTML is shown as text
    holds("me", "<img src=x onerror=");
    holds("mail", "<img src=x onerror=");
    holds("mailText", "<img src=x onerror=");
    assert_eq!(seen["titles"], serde_json::json!(["Mailbox · Gatehouse", "Playground · Gatehouse"]));
}

/// The operations that the tour of the tabs leaves out: see `playground/graphiql/operations.js`.
const LEFT_OUT: &[&str] = &[
    "ConfirmLoginLink",
    "LoginLinkConfirmed",
    "RevertSecurityChange",
    "StartProviderLogin",
    "ProviderLogin",
    "GoogleLogin",
    "LinkIdentity",
    "UnlinkIdentity",
    "StartPasskeyEnrolment",
    "FinishPasskeyEnrolment",
    "RenamePasskey",
    "RemovePasskey",
    "StartPasskeySignup",
    "PasskeySignup",
    "StartPasskeyLogin",
    "PasskeyLogin",
    "Users",
    "SetUserRole",
    "SetUserActive",
    "ResetSecondFactors",
];

/// Follows a newcomer who always presses the first button. Returns each operation, its response, and the message shown.
fn obey(server: &Server, arguments: &[&str]) -> Vec<(String, String, String)> {
    let way = in_browser("newcomer.mjs", &[&[server.url.as_str()], arguments].concat());
    serde_json::from_value(way).unwrap()
}

fn has_succeeded((_, answer, said): &(String, String, String)) -> bool {
    // a subscription has no response yet
    !answer.contains("errors")
        && !answer.contains("UserError")
        && (!answer.is_empty() || said.contains("Listening"))
}

#[rstest]
#[case::verification_by_code(&[])]
#[case::mandatory_verification(&[("EMAIL_VERIFICATION", "mandatory")])]
#[case::no_verification(&[NO_VERIFICATION])]
#[case::verification_by_link(&[("EMAIL_VERIFICATION_METHOD", "link")])]
#[case::mandatory_verification_by_link(&[("EMAIL_VERIFICATION", "mandatory"), ("EMAIL_VERIFICATION_METHOD", "link")])]
#[tokio::test(flavor = "multi_thread")]
async fn always_pressing_the_first_button_leads_through_every_operation(#[case] settings: &[(&str, &str)]) {
    let (folder, all) = (tempfile::tempdir().unwrap(), operations());
    let (server, _) = Server::start(folder.path(), &[], settings).await;
    let is_by_link = settings.contains(&("EMAIL_VERIFICATION_METHOD", "link"));
    let is_unproven = settings.contains(&NO_VERIFICATION);
    // the same the next day, in another tab
    for day in ["the first day", "the second day"] {
        let way = obey(&server, &[]);
        for step in &way {
            assert!(has_succeeded(step), "{day}: {step:?} in {way:#?}");
        }
        let seen: BTreeSet<&str> = way.iter().map(|(name, ..)| name.as_str()).collect();
        let expected: Vec<String> = all.iter().map(|name| name[..1].to_uppercase() + &name[1..]).collect();
        let way_to_prove = |name: &&str| match *name {
            "ActivateAccount" | "ResendActivationEmail" => is_by_link,
            "ResendOtp" => !is_by_link && !is_unproven,
            _ => !LEFT_OUT.contains(name),
        };
        let expected = expected.iter().map(String::as_str).filter(way_to_prove).collect();
        assert_eq!(seen, expected, "{day}");
        assert!(way.last().unwrap().2.contains("You have run all other operations."), "{day}");
        let said: String = way.iter().map(|(.., said)| said.as_str()).collect();
        for name in ["RevertSecurityChange", "EMAIL_VERIFICATION_METHOD", "Google", "passkeys", "SetUserRole"]
        {
            assert!(said.contains(name), "{day}: no message mentions {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newcomer_can_start_at_any_tab_and_get_its_result() {
    let folder = tempfile::tempdir().unwrap();
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    for (first, refusal) in [
        ("Me", "UNAUTHENTICATED"),
        ("SessionEvents", "UNAUTHENTICATED"),
        ("Login", "INVALID_CREDENTIALS"),
        ("Refresh", "<refreshToken>"),
        ("VerifyOtp", "<code>"),
        ("ResetPassword", "<resetToken>"),
        ("Reauthenticate", "<reauthenticationId>"),
        ("RevokeSession", "<otherSessionId>"),
        ("UpdateProfile", "UNAUTHENTICATED"),
    ] {
        let way = obey(&server, &[first, "9"]);
        assert!(way[0].1.contains(refusal), "{first}: {way:#?}");
        let later = &way[1..];
        assert!(later.iter().all(has_succeeded), "{first}: {way:#?}");
        assert!(later.iter().any(|(name, ..)| name == first), "{first}: {way:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_playground_explains_what_is_missing_or_broken() {
    let (folder, shots) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, _) = Server::start(folder.path(), &[], &[]).await;
    let seen = in_browser("playground_faults.mjs", &[&server.url, shots.path().to_str().unwrap()]);
    for (what, texts) in [
        ("/signedOut", &["Sign in first"][..]),
        ("/missing", &["Not sent", "<otherSessionId>"]),
        ("/variables/0", &["Not sent", "<code>"]),
        ("/variables/1", &["Not sent", "<code>"]),
        ("/variables/2", &["Not sent", "<whatever>"]),
        ("/literal", &["Not sent", "<code>"]),
        ("/unreachable", &["The server is not responding"]),
        ("/html", &["The server responded with status 502"]),
        ("/going/0", &["The connection was closed (1001)"]),
        ("/broken/0", &["The connection was closed (1011 oops)"]),
        ("/expired/0", &["has expired"]),
        ("/expired/1", &["Refresh"]),
        ("/ended/1", &["Login"]),
        ("/noSocket", &["Cannot connect over WebSocket"]),
    ] {
        let said = seen.pointer(what).and_then(Value::as_str).unwrap_or_else(|| panic!("{what}: {seen}"));
        assert!(texts.iter().all(|text| said.contains(text)), "{what}: {said}");
        assert!(!said.contains("isTrusted"), "{what}: {said}");
    }
    assert_eq!(seen["sent"], serde_json::json!([]), "no placeholder is sent");
    assert_eq!(seen["guide"], serde_json::json!([1]), "a command stays on one line");
    let lines = seen["command"].as_array().unwrap();
    assert!(lines.iter().any(|line| line.as_str().unwrap().contains("create-superuser")), "{lines:?}");
    for contrast in seen["contrast"].as_array().unwrap() {
        assert!(contrast.as_f64().unwrap() >= 4.5, "{contrast} to 1");
    }
}
