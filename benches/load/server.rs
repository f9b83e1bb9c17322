//! A server process.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use gatehouse::secrets::SecretKey;
use rustix::process::{Pid, Signal, kill_process};

use crate::connection::Connection;

/// A running `gatehouse serve`, which is stopped when this value is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Server {
    /// Migrates the database.
    pub(crate) fn migrate(database_url: &str) {
        assert!(gatehouse("migrate", database_url).status().unwrap().success(), "migrating failed");
    }

    /// Starts a server and waits for its first response.
    pub(crate) async fn start(database_url: &str) -> Self {
        Self::start_with(database_url, &[]).await
    }

    /// Starts a server with additional settings.
    pub(crate) async fn start_with(database_url: &str, settings: &[(&str, &str)]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = gatehouse("serve", database_url)
            .env("SECRET_KEY", SecretKey::generate().1)
            .env("PUBLIC_URL", format!("http://{address}"))
            .env("SMTP_URL", "smtp://127.0.0.1:9")
            .env("EMAIL_FROM", "accounts@example.org")
            .env("SHUTDOWN_DELAY", "0s")
            .env("PORT", address.port().to_string())
            .env("HASH_QUEUE", "1000")
            .env("RATE_LIMITS", "off")
            .env("EMAIL_VERIFICATION", "none")
            .envs(settings.iter().copied())
            .spawn()
            .unwrap();
        let mut server = Self { address, process };
        while !server.answers().await {
            assert_eq!(server.process.try_wait().unwrap(), None, "the server ended");
            thread::sleep(Duration::from_micros(200));
        }
        server
    }

    async fn answers(&self) -> bool {
        match Connection::open(self.address).await {
            Ok(mut connection) => connection.get("/health/live").await.is_ok(),
            Err(_) => false,
        }
    }

    /// Returns the process ID.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Returns the memory in use in MB, or NaN on systems without Linux's `/proc`.
    pub(crate) fn memory(&self) -> f64 {
        self.megabytes("VmRSS")
    }

    /// Returns the peak memory in MB.
    pub(crate) fn most_memory(&self) -> f64 {
        self.megabytes("VmHWM")
    }

    fn megabytes(&self, what: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let resident =
            status.lines().find_map(|line| line.strip_prefix(what)?.strip_prefix(':')?.strip_suffix("kB"));
        resident.map_or(f64::NAN, |kib| kib.trim().parse::<f64>().unwrap() * 1024.0 / 1e6)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
    }
}

/// Prepares to run the release build, or `BENCH_PROGRAM`, without any settings. Its warnings are shown.
#[expect(clippy::disallowed_methods, reason = "the program to measure is not a setting of the server")]
pub(crate) fn gatehouse(command: &str, database_url: &str) -> Command {
    let program = env::var("BENCH_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_gatehouse").to_owned());
    let mut process = Command::new(program);
    process.arg(command).env_clear().env("DATABASE_URL", database_url).env("RUST_LOG", "warn");
    process.current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null()).stdout(Stdio::null());
    process
}
