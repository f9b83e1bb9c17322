//! A PostgreSQL server whose disk flushes take longer.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};

/// A PostgreSQL server, which stops when this value is dropped.
pub(crate) struct Cluster {
    server: Child,
    pub(crate) url: String,
}

impl Cluster {
    /// Starts an empty server. Each of its flushes takes this much longer than the disk needs.
    pub(crate) fn start(delay: Duration) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/commits/cluster.sh");
        let mut server = Command::new(script)
            .args([port.to_string(), delay.as_micros().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "PostgreSQL could not be started; see its output above");
        Self { server, url: format!("postgres://gatehouse@127.0.0.1:{port}/postgres") }
    }

    /// Connects without Gatehouse.
    pub(crate) async fn connect(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.url);
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // the script ends when its standard input closes
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// Reads one number.
pub(crate) async fn number(on: &DatabaseConnection, sql: &str) -> f64 {
    let statement =
        Statement::from_string(DbBackend::Postgres, format!("SELECT ({sql})::double precision AS n"));
    on.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}
