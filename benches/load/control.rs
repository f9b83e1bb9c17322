//! Controls: the performance of the same machine without Gatehouse in the same rounds. It is the ceiling for
//! Gatehouse's figures.

use std::{
    fmt::Write as _,
    hint::black_box,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use argon2_rust::{Algorithm, Argon2, Params, Version};
use async_graphql::{EmptyMutation, EmptySubscription, ID, Object, Schema, SimpleObject};
use gatehouse::{
    config::{Config, Mode},
    storage::{Timestamp, session, user},
    tokens::{Audience, Tokens},
};
use poem::{Endpoint, Request, Response, Route, Server, listener::TcpListener, post};
use uuid::Uuid;

use crate::{cores, load::per_second, person};

/// A control: a server process without Gatehouse.
pub(crate) struct Control {
    pub(crate) address: SocketAddr,
    /// A token that the server accepts.
    pub(crate) access_token: String,
    pub(crate) process: Child,
}

impl Control {
    /// Starts a control. `poem` responds with a constant. `graphql` checks a signed token and serves a schema of one
    /// field, without a database.
    pub(crate) fn start(kind: &str) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--control", kind]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let (address, access_token) = line.trim().split_once(' ').unwrap();
        Self { address: address.parse().unwrap(), access_token: access_token.to_owned(), process }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a control, in a process that ends together with the benchmark.
pub(crate) async fn serve(kind: &str) {
    // without the cache, so that the token is verified for each request
    let (_, key) = gatehouse::secrets::SecretKey::generate();
    let settings = [("VIEWER_CACHE_SIZE", "0"), ("SECRET_KEY", key.as_str())];
    let config = Config::load(Mode::Dev, &settings.into_iter().collect()).unwrap();
    let tokens = Arc::new(Tokens::new(&config, Vec::new()).unwrap());
    let now = time::OffsetDateTime::now_utc();
    let at = Timestamp(now);
    let user = user::Model { email: Some("ada@example.org".to_owned()), ..user::Model::new(Uuid::max(), at) };
    let until = Timestamp(now + time::Duration::DAY);
    let session = session::Model::new(Uuid::max(), user.id, at, until);
    let token = tokens.access_token(&session, &user, Audience::Everyone, now, now).unwrap().token;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    println!("{address} {}", secrecy::ExposeSecret::expose_secret(&token));
    let schema = Schema::new(Query, EmptyMutation, EmptySubscription);
    let is_bare = kind == "poem";
    let endpoint = Ceiling { tokens, schema, is_bare };
    Server::new(TcpListener::bind(address)).run(Route::new().at("/graphql", post(endpoint))).await.unwrap();
}

struct Ceiling {
    tokens: Arc<Tokens>,
    schema: Schema<Query, EmptyMutation, EmptySubscription>,
    is_bare: bool,
}

impl Endpoint for Ceiling {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let body = request.take_body().into_bytes().await?;
        let answer = if self.is_bare {
            r#"{"data":{"me":{"id":"ffffffff-ffff-ffff-ffff-ffffffffffff","email":"ada@example.org"}}}"#
                .to_owned()
        } else {
            let token =
                request.header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap();
            let claims = self.tokens.read_access_token(token, time::OffsetDateTime::now_utc()).unwrap();
            let operation: async_graphql::Request = serde_json::from_slice(&body).unwrap();
            serde_json::to_string(&self.schema.execute(operation.data(claims.sub)).await).unwrap()
        };
        Ok(Response::builder().content_type("application/json").body(answer))
    }
}

struct Query;

#[derive(SimpleObject)]
struct Me {
    id: ID,
    email: String,
}

#[Object]
impl Query {
    async fn me(&self, ctx: &async_graphql::Context<'_>) -> Me {
        Me { id: ctx.data_unchecked::<Uuid>().into(), email: "ada@example.org".to_owned() }
    }
}

/// Computes nothing but password hashes, with the server's default parameters and the fastest library known to us:
/// `argon2-rust`, which uses AVX-512, AVX2 or NEON, reuses its memory and requests huge pages.
pub(crate) fn hashes_per_second(round: Duration) -> f64 {
    let started = Instant::now();
    let hash = || {
        let params = Params::DEFAULT.to_builder().threads(1).build().unwrap();
        let mut worker = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher();
        let mut hashes = 0;
        while started.elapsed() < round {
            worker
                .hash_into(person::PASSWORD.as_bytes(), b"sixteen bytes of", black_box(&mut [0; 32]))
                .unwrap();
            hashes += 1;
        }
        hashes
    };
    let hashes: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(hash)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    per_second(hashes, started.elapsed().as_secs_f64())
}

/// Measures durable commits to a separate SQLite file, one after the other.
pub(crate) fn sqlite_commits_per_second(folder: &std::path::Path, round: Duration) -> f64 {
    let connection = rusqlite::Connection::open(folder.join("commits.db")).unwrap();
    connection.pragma_update(None, "journal_mode", "WAL").unwrap();
    connection.pragma_update(None, "synchronous", "FULL").unwrap();
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS counters (id INTEGER PRIMARY KEY, n INTEGER)")
        .unwrap();
    connection.execute_batch("INSERT OR IGNORE INTO counters VALUES (1, 0)").unwrap();
    let started = Instant::now();
    let mut commits = 0;
    while started.elapsed() < round {
        connection.execute("UPDATE counters SET n = n + 1 WHERE id = 1", []).unwrap();
        commits += 1;
    }
    per_second(commits, started.elapsed().as_secs_f64())
}

/// Measures the statement of a refresh with `pgbench` and this many clients. Returns `None` if `pgbench` is not
/// installed.
pub(crate) fn pgbench_per_second(
    url: &str,
    folder: &std::path::Path,
    clients: usize,
    round: Duration,
) -> Option<f64> {
    let script = folder.join("refresh.sql");
    let mut text = String::new();
    let id = "(('00000000-0000-7000-8000-' || lpad(:client_id::text, 12, '0'))::uuid)";
    writeln!(
        text,
        "WITH sessions AS (UPDATE sessions SET counter = counter + 1, last_used_at = last_used_at + 1, \
         expires_at = CASE WHEN max_expires_at < expires_at + 1 THEN max_expires_at ELSE expires_at + 1 END \
         WHERE id = {id} AND counter <= 9000000000 AND ended_at IS NULL AND expires_at > 0 RETURNING *) \
         SELECT * FROM sessions LEFT JOIN users ON users.id = sessions.user_id;"
    )
    .unwrap();
    std::fs::write(&script, text).unwrap();
    let output = Command::new("pgbench")
        .args(["-n", "-M", "prepared", "-j", "1", "-c", &clients.to_string()])
        .args(["-T", &round.as_secs().max(1).to_string(), "-f"])
        .arg(&script)
        .arg(url)
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    if tps.is_none() {
        eprintln!("pgbench: {text}{}", String::from_utf8_lossy(&output.stderr));
    }
    tps
}

/// Creates separate rows for [`pgbench_per_second`].
pub(crate) const PGBENCH_ROWS: &str = "\
    INSERT INTO users SELECT (jsonb_populate_record(NULL::users, to_jsonb(u) || jsonb_build_object('id', ids.id, 'email', null, 'email_key', null))).* \
    FROM (SELECT * FROM users LIMIT 1) u, \
         (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id FROM generate_series(0, 255) n) ids \
    ON CONFLICT DO NOTHING; \
    INSERT INTO sessions SELECT (jsonb_populate_record(NULL::sessions, to_jsonb(s) || jsonb_build_object('id', ids.id, 'user_id', ids.id))).* \
    FROM (SELECT * FROM sessions LIMIT 1) s, \
         (SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid AS id FROM generate_series(0, 255) n) ids \
    ON CONFLICT DO NOTHING";
