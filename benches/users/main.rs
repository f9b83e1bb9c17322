//! Measures the cost of the number of users: compares the same requests with a thousand and with a million users, who
//! have three sessions each.
//!
//! `cargo bench --bench users` measures two server processes with new SQLite files from the same machine. With
//! `BENCH_POSTGRES_URL`, which names a PostgreSQL server, it also recreates and measures two databases there,
//! `gatehouse_bench_1000` and `gatehouse_bench_1000000`, and prints how many rows were read without an index. The
//! figures depend on the machine, so none are asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot continue has failed")]

use std::{
    env,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use serde_json::{Value, json};

use crate::{
    load::median,
    person::{PASSWORD, Person},
    server::Server,
};

#[path = "../load/connection.rs"]
mod connection;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/load.rs"]
mod load;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/person.rs"]
mod person;
#[expect(dead_code, reason = "another benchmark uses all of it")]
#[path = "../load/server.rs"]
mod server;

const SIZES: [u32; 2] = [1_000, 1_000_000];
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);
const EMAIL: &str = "root@example.org";

/// Creates three sessions for every user. The sessions last for a month.
const SESSIONS: &str = "\
    INSERT INTO sessions (id, user_id, counter, seen_counter, created_at, last_used_at, expires_at, max_expires_at) \
    SELECT RANDOM_ID, id, 0, 0, created_at, created_at, NOW + 2592000000, NOW + 2592000000 \
    FROM users, (SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) AS thrice";

/// Returns the number of rows of each table that PostgreSQL read without an index.
const UNINDEXED: &str =
    "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE seq_tup_read > 0 ORDER BY relname";

/// The operations, and the part of each response that must not be empty.
const REQUESTS: [(&str, &str, &str); 9] = [
    ("user, by id", "query($id: ID!) { user(id: $id) { id email } }", "/data/user"),
    ("users, first 20", "{ users { nodes { id email } } }", "/data/users/nodes/19"),
    (
        "users, 100 from the middle",
        "query($middle: String) { users(first: 100, after: $middle) { nodes { id email } } }",
        "/data/users/nodes/99",
    ),
    ("users, last 20", "{ users(last: 20) { nodes { id email } } }", "/data/users/nodes/19"),
    ("users, first 20 with sessions", "{ users { nodes { id sessions { id } } } }", "/data/users/nodes/19"),
    (
        "users, the superusers",
        "{ users(filter: { role: SUPERUSER }) { nodes { id email } } }",
        "/data/users/nodes/0",
    ),
    (
        "users, the inactive",
        "{ users(filter: { isActive: false }) { nodes { id email } } }",
        "/data/users/nodes/0",
    ),
    (
        "users, one found",
        "query($name: String) { users(filter: { search: $name }) { nodes { id email } } }",
        "/data/users/nodes/0",
    ),
    ("me", "{ me { id email } }", "/data/me"),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // `cargo test --all-targets` runs this program too, but must not measure anything
    if !env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let sqlite = SIZES.map(|size| format!("sqlite://{}", folder.path().join(format!("{size}.db")).display()));
    measure("SQLite", sqlite, folder.path()).await;
    #[expect(clippy::disallowed_methods, reason = "it is not a setting of the server")]
    if let Ok(url) = env::var("BENCH_POSTGRES_URL") {
        let on = Database::connect(&url).await.unwrap();
        let mut databases = Vec::new();
        for size in SIZES {
            let name = format!("gatehouse_bench_{size}");
            on.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name}")).await.unwrap();
            on.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
            let (server, _) = url.rsplit_once('/').unwrap();
            databases.push(format!("{server}/{name}"));
        }
        measure("PostgreSQL", databases.try_into().unwrap(), folder.path()).await;
    }
}

async fn measure(name: &str, databases: [String; 2], folder: &Path) {
    let [mut few, mut many] = {
        let [few, many] = databases;
        [Subject::prepare(SIZES[0], &few, folder).await, Subject::prepare(SIZES[1], &many, folder).await]
    };
    println!("\n{name}: {} users imported in {:.0} s", many.size, many.import.as_secs_f64());
    println!("{:<32}{:>14}{:>14}{:>8}", "median, milliseconds", few.size, many.size, "ratio");
    for request in REQUESTS {
        compare(request.0, &mut few, &mut many, async |subject| subject.ask(request).await).await;
    }
    compare("login", &mut few, &mut many, async |subject| subject.person.login().await).await;
    compare("refresh", &mut few, &mut many, async |subject| subject.person.refresh().await).await;
    many.print_unindexed().await;
}

async fn compare(what: &str, few: &mut Subject, many: &mut Subject, act: impl AsyncFn(&mut Subject)) {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push((few.time(&act).await, many.time(&act).await));
    }
    let of = |part: fn(&(f64, f64)) -> f64| median(rounds.iter().map(part));
    let (few, many, ratio) = (of(|r| r.0), of(|r| r.1), of(|r| r.1 / r.0));
    println!("{what:<32}{:>14.3}{:>14.3}{ratio:>8.2}", few * 1e3, many * 1e3);
}

/// A server with this many users.
struct Subject {
    size: u32,
    import: Duration,
    person: Person,
    variables: Value,
    on: DatabaseConnection,
    _server: Server,
}

impl Subject {
    async fn prepare(size: u32, database_url: &str, folder: &Path) -> Self {
        let people = folder.join("people.jsonl");
        write_people(&people, size);
        Server::migrate(database_url);
        let begun = Instant::now();
        let import = server::gatehouse("import-users", database_url).arg(&people).status().unwrap();
        assert!(import.success(), "the import failed");
        let import = begun.elapsed();
        let on = Database::connect(database_url).await.unwrap();
        let (id, now) = match on.get_database_backend() {
            DbBackend::Sqlite => ("randomblob(16)", "unixepoch() * 1000"),
            _ => ("gen_random_uuid()", "(extract(epoch FROM now()) * 1000)::bigint"),
        };
        on.execute_unprepared(&SESSIONS.replace("RANDOM_ID", id).replace("NOW", now)).await.unwrap();
        on.execute_unprepared("ANALYZE").await.unwrap();
        let mut superuser = server::gatehouse("create-superuser", database_url);
        superuser.args(["--email", EMAIL, "--password-stdin"]).stdin(std::process::Stdio::piped());
        let mut superuser = superuser.spawn().unwrap();
        superuser.stdin.take().unwrap().write_all(PASSWORD.as_bytes()).unwrap();
        assert!(superuser.wait().unwrap().success());

        let server = Server::start(database_url).await;
        let mut person = Person::sign_in_to(server.address, EMAIL).await;
        let name = format!("person{:07}", size / 2);
        let found =
            "query($name: String) { users(filter: { search: $name }) { edges { cursor node { id } } } }";
        let found = &person.ask(found, &json!({ "name": name })).await["data"]["users"]["edges"][0];
        let variables = json!({ "id": found["node"]["id"], "middle": found["cursor"], "name": name });
        if on.get_database_backend() == DbBackend::Postgres {
            on.execute_unprepared("SELECT pg_stat_reset()").await.unwrap();
        }
        Self { size, import, person, variables, on, _server: server }
    }

    async fn ask(&mut self, (name, query, part): (&str, &str, &str)) {
        let answer = self.person.ask(query, &self.variables).await;
        assert!(answer.pointer(part).is_some_and(|part| !part.is_null()), "{name}: {answer}");
    }

    /// Returns the median time of a request, in seconds.
    async fn time(&mut self, act: &impl AsyncFn(&mut Self)) -> f64 {
        // the server closes connections that have been idle for long
        self.person.connect().await;
        let mut times = Vec::new();
        let begun = Instant::now();
        while begun.elapsed() < ROUND {
            let sent = Instant::now();
            act(self).await;
            times.push(sent.elapsed().as_secs_f64());
        }
        median(times.into_iter())
    }

    async fn print_unindexed(&self) {
        if self.on.get_database_backend() != DbBackend::Postgres {
            return;
        }
        let rows =
            self.on.query_all_raw(Statement::from_string(DbBackend::Postgres, UNINDEXED)).await.unwrap();
        println!("rows read without an index, of all tables:");
        for row in rows {
            let (table, read): (String, i64) =
                (row.try_get("", "relname").unwrap(), row.try_get("", "seq_tup_read").unwrap());
            println!("  {table:<30}{read:>14}");
        }
    }
}

/// Writes users in the format of Django's `dumpdata`. One in twenty is inactive, so that a page of inactive users is
/// full even with a thousand users. One in a thousand is staff.
fn write_people(path: &Path, count: u32) {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).unwrap());
    for n in 0..count {
        let (day, second) = (1 + n / 40_000, n % 40_000);
        let joined =
            format!("2024-01-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
        let person = json!({ "id": n, "username": format!("person{n:07}"), "email": format!("person{n:07}@example.org"),
            "first_name": format!("First{n:x}"), "last_name": format!("Last{n:o}"), "password": "!", "is_active": n % 20 != 7,
            "is_staff": n % 1000 == 5, "is_superuser": false, "date_joined": joined, "last_login": null });
        writeln!(file, "{person}").unwrap();
    }
}
