use serde_json::json;

use crate::support::{EMAIL, Sqlite, TestApp};

const QUERY: &str = "{ authSettings {
    signupEnabled emailRequired emailVerification emailVerificationMethod otpLength
    passwordMinLength passwordMaxLength usernameMinLength usernameMaxLength providers { id kind name clientId }
} }";

#[tokio::test(flavor = "multi_thread")]
async fn anonymous_callers_can_read_the_settings_that_forms_need() {
    let app = TestApp::start(Sqlite).await;
    assert_eq!(
        app.run(QUERY, json!({})).await.data("authSettings"),
        json!({
            "signupEnabled": true, "emailRequired": true, "emailVerification": "OPTIONAL",
            "emailVerificationMethod": "OTP", "otpLength": 8, "passwordMinLength": 8, "passwordMaxLength": 128,
            "usernameMinLength": 3, "usernameMaxLength": 30, "providers": [],
        })
    );
    let settings =
        [("SIGNUP", "off"), ("EMAIL_REQUIRED", "false"), ("PASSWORD_MIN_LENGTH", "15"), ("OTP_LENGTH", "6")];
    let answer = TestApp::with(Sqlite, &settings).await.run(QUERY, json!({})).await.data("authSettings");
    assert_eq!(
        [
            &answer["signupEnabled"],
            &answer["emailRequired"],
            &answer["passwordMinLength"],
            &answer["otpLength"]
        ],
        [&json!(false), &json!(false), &json!(15), &json!(6)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_settings_can_be_cached_for_a_minute_and_nothing_else_can() {
    let app = TestApp::start(Sqlite).await;
    let ada = app.sign_up(EMAIL).await;
    let caching = async |query: &str| {
        let request =
            reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}/graphql", app.url));
        let request = request.bearer_auth(&ada.access_token).query(&[("query", query)]);
        request.send().await.unwrap().headers()["cache-control"].to_str().unwrap().to_owned()
    };
    let settings = "{ __typename authSettings { otpLength providers { id } } }";
    assert_eq!(caching(settings).await, "public, max-age=60");
    for query in [
        "{ authSettings { otpLength } viewer { id } }",
        "{ authSettings { otpLength } ...F } fragment F on Query { me { id } }",
        "{ viewer { id } }",
        "{ authSettings { nothing } }",
        "{",
    ] {
        assert_eq!(caching(query).await, "no-store", "{query}");
    }
    for origin in [None, Some(app.url.as_str())] {
        let mut request = app.http.get(format!("{}/graphql", app.url)).query(&[("query", settings)]);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let answer = request.send().await.unwrap();
        let vary: Vec<_> =
            answer.headers().get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
        let vary = vary.join(",").to_lowercase();
        assert!(vary.contains("origin") && vary.contains("accept"), "{origin:?}: {vary}");
    }
    let posted = app.run(settings, json!({})).await;
    assert_eq!(posted.header("cache-control"), "no-store");
}
