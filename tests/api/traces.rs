//! Traces for OpenTelemetry, as a collector decodes them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{
    Answer, NO_VERIFICATION,
    process::{Server, free_port},
    python::python,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const SIGNUP: &str =
    "mutation { signup(input: { email: \"ada@example.org\", password: \"correct horse battery\" }) {
    ... on AuthPayload { accessToken } } }";

/// A collector, killed when dropped.
struct Collector {
    child: Child,
    url: String,
    spans: PathBuf,
}

impl Collector {
    async fn start(folder: &Path) -> Self {
        let (port, spans) = (free_port(), folder.join("spans"));
        let path = spans.to_str().unwrap().to_owned();
        let program = ["otlp_server.py".to_owned(), port.clone(), path];
        let child = tokio::task::spawn_blocking(move || {
            let program: Vec<&str> = program.iter().map(String::as_str).collect();
            python(&program).stdout(Stdio::null()).spawn().unwrap()
        });
        let collector = Self { child: child.await.unwrap(), url: format!("http://127.0.0.1:{port}"), spans };
        let begun = Instant::now();
        while reqwest::get(&collector.url).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the collector does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        collector
    }

    fn spans(&self) -> Vec<Value> {
        let text = fs::read_to_string(&self.spans).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Waits for the root span with this name.
    async fn wait(&self, name: &str) -> Value {
        let begun = Instant::now();
        loop {
            let spans = self.spans();
            if let Some(root) = spans.into_iter().find(|span| span["name"] == name) {
                return root;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{name}: {:?}", self.spans());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn run(server: &Server, query: &str, traceparent: Option<&str>) -> Answer {
    let request = reqwest::Client::new().post(format!("{}/graphql", server.url));
    let request = match traceparent {
        Some(parent) => request.header("traceparent", parent),
        None => request,
    };
    Answer::of(request.json(&json!({ "query": query }))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_receives_the_parts_of_a_request_in_the_trace_of_a_trusted_proxy() {
    let folder = tempfile::tempdir().unwrap();
    let collector = Collector::start(folder.path()).await;
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()),
        ("TRUSTED_PROXIES", "127.0.0.1"),
        ("ACCESS_LOG", "on"),
        NO_VERIFICATION,
    ];
    let server = Server::production(folder.path(), &settings).await;
    let signed_up = run(&server, SIGNUP, Some(&format!("00-{TRACE}-{PARENT}-01"))).await;
    run(&server, "{ authSettings { __typename } }", None).await;
    let check = "{ usernameAvailable(username: \"ada\") { __typename } }";
    run(&server, check, Some(&format!("00-{TRACE}-{PARENT}-00"))).await;
    run(&server, "{ __typename }", None).await;

    let root = collector.wait("signup").await;
    assert_eq!((&root["trace"], &root["parent"]), (&json!(TRACE), &json!(PARENT)), "{root}");
    assert_eq!((&root["kind"], &root["status"]), (&json!("SPAN_KIND_SERVER"), &json!("STATUS_CODE_UNSET")));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(root["resource"], json!({ "service.name": "gatehouse", "service.version": version }));
    let attributes = json!({
        "http.request.method": "POST",
        "url.path": "/graphql",
        "http.response.status_code": "200",
        "gatehouse.outcome": "OK",
        "gatehouse.request_id": signed_up.header("x-request-id"),
    });
    assert_eq!(root["attributes"], attributes);

    let own = collector.wait("authSettings").await;
    assert_ne!(own["trace"], TRACE, "{own}");
    assert_eq!(own["parent"], "", "{own}");
    let last = collector.wait("__typename").await;
    assert_ne!(last["trace"], own["trace"]);

    let spans = collector.spans();
    assert!(spans.iter().all(|span| span["name"] != "usernameAvailable"), "it is not sampled");
    let parts: Vec<_> = spans.iter().filter(|span| span["trace"] == TRACE && *span != &root).collect();
    for name in ["database read", "password hash", "database write"] {
        assert!(parts.iter().any(|part| part["name"] == name), "{name}: {parts:?}");
    }
    let nanos = |span: &Value, end: &str| span[end].as_u64().unwrap();
    for part in parts {
        assert_eq!((&part["parent"], &part["kind"]), (&root["id"], &json!("SPAN_KIND_INTERNAL")), "{part}");
        assert!(
            nanos(&root, "begun") <= nanos(part, "begun") && nanos(part, "ended") <= nanos(&root, "ended")
        );
    }
    let log = fs::read_to_string(folder.path().join("server.log")).unwrap();
    assert!(log.lines().any(|line| line.contains("operation=\"signup\"") && line.contains(TRACE)), "{log}");
}
