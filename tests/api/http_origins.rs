//! Pages of other origins: which may call the server, and which documents they may read.

use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Sqlite, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn scripts_of_allowed_origins_can_call_and_others_cannot() {
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", "https://app.example.org")]).await;
    for (origin, allowed) in [
        ("https://app.example.org", true),
        (app.url.as_str(), true),
        ("http://localhost:5173", true),
        ("http://127.0.0.1", true),
        ("https://localhost:5173", true),
        ("https://localhost", true),
        ("http://app.localhost:3000", true),
        ("https://a.b.localhost", true),
        ("https://127.0.0.1:8443", true),
        ("http://[::1]:5173", true),
        ("https://[::1]", true),
        ("http://127.0.0.1.evil.example", false),
        ("http://evillocalhost:5173", false),
        ("http://localhost@evil.example", false),
        ("http://evil.example/localhost", false),
        ("ws://localhost:5173", false),
        ("capacitor://localhost", false),
        ("http://[::2]:5173", false),
        ("http://localhost:99999", false),
        ("http://localhost.evil.example", false),
        ("http://localhost:5173.evil.example", false),
        ("http://localhost:", false),
        ("https://app.example.org.evil.example", false),
        ("null", false),
    ] {
        let preflight = app
            .http
            .request(Method::OPTIONS, format!("{}/graphql", app.url))
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", ASKED);
        let answer = Answer::of(preflight).await;
        assert_eq!(answer.status.is_success(), allowed, "{origin}");
        assert_eq!(answer.header("access-control-allow-headers"), if allowed { ASKED } else { "" });
        let request = app.post().header("origin", origin).json(&json!({ "query": "{ __typename }" }));
        let answer = Answer::of(request).await;
        let expected = if allowed { (200, origin) } else { (403, "") };
        assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), expected);
        let credentials = if allowed { "true" } else { "" };
        assert_eq!(answer.header("access-control-allow-credentials"), credentials);
    }
}

/// The headers that apps send, with those that Apollo, tracing libraries and others add.
const ASKED: &str = "apollographql-client-name,authorization,baggage,content-type,sentry-trace,traceparent,tracestate,\
                     x-datadog-trace-id,x-requested-with,x-token-delivery";

#[tokio::test(flavor = "multi_thread")]
async fn allowed_origins_are_compared_as_browsers_send_them() {
    let allowed = "capacitor://localhost, ionic://localhost,tauri://localhost,app://.,chrome-extension://abcdef,\
                   https://App.Example.org:443,http://bücher.example:8080,https://*.preview.example.org,http://*.dev.example.org:3000";
    let app = TestApp::with(Sqlite, &[("ALLOWED_ORIGINS", allowed)]).await;
    for (origin, is_allowed) in [
        ("capacitor://localhost", true),
        ("ionic://localhost", true),
        ("tauri://localhost", true),
        ("app://.", true),
        ("chrome-extension://abcdef", true),
        ("https://app.example.org", true),
        ("http://xn--bcher-kva.example:8080", true),
        ("https://a.preview.example.org", true),
        ("https://a-1.b.preview.example.org", true),
        ("http://a.dev.example.org:3000", true),
        ("capacitor://localhost.evil.example", false),
        ("chrome-extension://abcdefg", false),
        ("https://app.example.org:8443", false),
        ("http://app.example.org", false),
        ("https://preview.example.org", false),
        ("https://.preview.example.org", false),
        ("https://a..preview.example.org", false),
        ("https://apreview.example.org", false),
        ("https://evil.example/.preview.example.org", false),
        ("https://evil.example:1.preview.example.org", false),
        ("https://a@b.preview.example.org", false),
        ("https://*.preview.example.org", false),
        ("http://a.preview.example.org", false),
        ("https://a.preview.example.org.evil.example", false),
        ("https://a.preview.example.org:8443", false),
        ("http://a.dev.example.org", false),
        ("null", false),
    ] {
        let request = app.post().header("origin", origin).json(&json!({ "query": "{ __typename }" }));
        let answer = Answer::of(request).await;
        let expected = if is_allowed { (200, origin) } else { (403, "") };
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            expected,
            "{origin}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_origin_can_read_public_documents() {
    let app = TestApp::with(Sqlite, &[("JWT_ISSUER", "https://example.org/accounts")]).await;
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server/accounts",
        "/.well-known/openid-configuration/accounts",
        "/accounts/.well-known/openid-configuration",
        "/accounts/.well-known/oauth-authorization-server",
    ] {
        let url = format!("{}{path}", app.url);
        for origin in [None, Some("https://elsewhere.example"), Some("null")] {
            let mut request = app.http.get(&url);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            let answer = Answer::of(request).await;
            let open = ["access-control-allow-origin", "cross-origin-resource-policy"]
                .map(|name| answer.header(name));
            assert_eq!((answer.status.as_u16(), open), (200, ["*", "cross-origin"]), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
        }
        let preflight = app
            .http
            .request(Method::OPTIONS, &url)
            .header("origin", "https://elsewhere.example")
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", "traceparent");
        let answer = Answer::of(preflight).await;
        let told = ["origin", "methods", "headers"]
            .map(|what| answer.header(&format!("access-control-allow-{what}")));
        assert_eq!((answer.status.as_u16(), told), (204, ["*", "GET, HEAD", "traceparent"]), "{path}");
        assert_eq!(Answer::of(app.http.head(&url)).await.status, 200);
    }
    let own =
        Answer::of(app.http.get(format!("{}/health/live", app.url)).header("origin", "https://a.example"))
            .await;
    assert_eq!(own.header("cross-origin-resource-policy"), "same-origin");
}
