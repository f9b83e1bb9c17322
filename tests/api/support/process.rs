//! The program, as operators run it.

use std::{
    fs::File,
    io::Write,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

use gatehouse::secrets::SecretKey;
use serde_json::{Value, json};

/// Prepares to run the program in `folder` with only these settings.
pub fn gatehouse(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatehouse"));
    command.args(arguments).current_dir(folder).env_clear().envs(settings.iter().copied());
    command
}

/// Runs a command until it exits.
pub fn output(mut command: Command, input: &str) -> Output {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Returns a port that is not in use, and that this process has not returned recently. It is below the range from
/// which outgoing connections get their ports, because one of those could take it before the server does.
pub fn free_port() -> String {
    const RANGE: std::ops::Range<u32> = 20_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(61).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(RANGE.start + number % (RANGE.end - RANGE.start)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port.to_string();
        }
    }
}

/// A running server, killed when dropped.
pub struct Server {
    pub child: Child,
    pub url: String,
}

impl Server {
    /// Starts a server, waits until it is ready, and returns how long that took. It logs to `server.log` in the folder.
    pub async fn start(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (Self, Duration) {
        let port = free_port();
        let settings = [settings, &[("PORT", port.as_str())]].concat();
        let begun = Instant::now();
        let command = &mut gatehouse(folder, arguments, &settings);
        let log = File::create(folder.join("server.log")).unwrap();
        let child = command.stdout(Stdio::null()).stderr(log).spawn().unwrap();
        let server = Self { child, url: format!("http://127.0.0.1:{port}") };
        while reqwest::get(format!("{}/health/ready", server.url)).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not start");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (server, begun.elapsed())
    }

    /// Starts a server in production with the required settings and these.
    pub async fn production(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let secret = SecretKey::generate().1;
        let least = [
            ("SECRET_KEY", secret.as_str()),
            ("DATABASE_URL", "sqlite://accounts.db"),
            ("PUBLIC_URL", "http://127.0.0.1"),
            ("SMTP_URL", "smtp://127.0.0.1:9"),
            ("EMAIL_FROM", "accounts@example.org"),
            ("SHUTDOWN_DELAY", "0s"),
        ];
        Self::start(folder, &["serve", "--migrate"], &[&least, settings].concat()).await.0
    }

    /// Runs an operation. Returns `None` if the server exits before it responds.
    pub async fn run(&self, http: &reqwest::Client, query: &str) -> Option<Value> {
        let sent = http.post(format!("{}/graphql", self.url)).json(&json!({ "query": query })).send().await;
        sent.ok()?.json().await.ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
