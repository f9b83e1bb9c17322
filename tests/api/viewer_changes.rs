//! Checks that each statement that changes a user or a session announces the change to the viewer cache.

use std::{collections::BTreeSet, sync::Mutex};

use gatehouse::{
    events::Event,
    storage::{
        Publish, Timestamp, Viewers,
        session::{self, AuthenticationMethod},
        session_begin::{self, Beginning, Entry},
        session_end,
        session_rotation::{self, Rotation},
        session_siblings,
        user::{self, Role, SecondFactorMethod},
        user_changes::{self, Administration},
    },
};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult, Statement};
use uuid::Uuid;

use crate::{
    house,
    support::{Database, EMAIL, Postgres, Sqlite, TestApp, database::connect},
};

const ADA: Uuid = Uuid::from_u128(1);
const ROOT: Uuid = Uuid::from_u128(2);

/// A connection to a database whose triggers record which rows really change.
struct Witness {
    on: DatabaseConnection,
    announced: Mutex<BTreeSet<String>>,
    /// The number of statements that have yet to name the rows they changed.
    unknown: Mutex<i32>,
    tried: Mutex<BTreeSet<&'static str>>,
}

impl Witness {
    async fn start(app: &TestApp) -> Self {
        let on = connect(&app.settings["DATABASE_URL"]).await;
        on.execute_unprepared("CREATE TABLE changed (row_name TEXT)").await.unwrap();
        if on.get_database_backend() == DbBackend::Postgres {
            let note = "INSERT INTO changed VALUES (TG_TABLE_NAME || ' ' || replace(OLD.id::text, '-', ''))";
            let function = format!(
                "CREATE FUNCTION note() RETURNS trigger AS $$ BEGIN {note}; RETURN NULL; END $$ LANGUAGE plpgsql"
            );
            on.execute_unprepared(&function).await.unwrap();
        }
        for table in ["users", "sessions"] {
            for verb in ["UPDATE", "DELETE"] {
                let trigger =
                    format!("CREATE TRIGGER note_{table}_{verb} AFTER {verb} ON {table} FOR EACH ROW");
                let action = match on.get_database_backend() {
                    DbBackend::Postgres => "EXECUTE FUNCTION note()".to_owned(),
                    _ => {
                        format!("BEGIN INSERT INTO changed VALUES ('{table} ' || lower(hex(OLD.id))); END")
                    }
                };
                on.execute_unprepared(&format!("{trigger} {action}")).await.unwrap();
            }
        }
        Self { on, announced: Mutex::default(), unknown: Mutex::default(), tried: Mutex::default() }
    }

    /// Runs a statement, and asserts that it changed a row and announced which.
    async fn try_one<T>(&self, name: &'static str, statement: impl Future<Output = Result<T, DbErr>>) -> T {
        self.on.execute_unprepared("DELETE FROM changed").await.unwrap();
        self.announced.lock().unwrap().clear();
        let result = statement.await.unwrap();
        let names = Statement::from_string(self.on.get_database_backend(), "SELECT row_name FROM changed");
        let rows = self.on.query_all_raw(names).await.unwrap();
        let changed: BTreeSet<String> = rows.iter().map(|row| row.try_get("", "row_name").unwrap()).collect();
        let announced = self.announced.lock().unwrap();
        assert!(!changed.is_empty(), "{name} changed nothing, so it proves nothing");
        assert!(changed.is_subset(&announced), "{name} changed {changed:?} and announced {announced:?}");
        assert_eq!(*self.unknown.lock().unwrap(), 0, "{name} did not name what it changed");
        self.tried.lock().unwrap().insert(name);
        result
    }

    fn announce(&self, viewers: Viewers<'_>) {
        let (table, ids) = match viewers {
            Viewers::Users(ids) => ("users", ids),
            Viewers::Sessions(ids) => ("sessions", ids),
            Viewers::Unknown => return *self.unknown.lock().unwrap() += 1,
        };
        let names = ids.iter().map(|id| format!("{table} {}", id.simple()));
        self.announced.lock().unwrap().extend(names);
    }
}

impl Publish for Witness {
    fn publish(&self, _: Event) {}

    fn will_change(&self, viewers: Viewers<'_>) {
        self.announce(viewers);
    }

    fn has_changed(&self, viewers: Viewers<'_>) {
        self.announce(viewers);
        *self.unknown.lock().unwrap() -= 1;
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Witness {
    fn get_database_backend(&self) -> DbBackend {
        self.on.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.on.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.on.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.on.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.on.query_all_raw(statement).await
    }
}

/// Starts a session for Ada without ending another.
async fn begin(on: &Witness, id: u128, now: Timestamp) -> Uuid {
    let expires_at = Timestamp(now.0 + time::Duration::DAY);
    let row = session::Model::new(Uuid::from_u128(id), ADA, now, expires_at);
    session_begin::begin(on, Beginning { session: row, keep: 50, address: None }).await.unwrap();
    Uuid::from_u128(id)
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_viewer_is_announced(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    let now = Timestamp(app.app.clock.now());
    let on = Witness::start(&app).await;
    let ada = user::Model {
        email: Some(EMAIL.into()),
        email_key: Some(EMAIL.into()),
        ..user::Model::new(ADA, now)
    };
    assert!(user::insert(&on, ada.clone()).await.unwrap());
    let root = user::Model { role: Role::Superuser, ..user::Model::new(ROOT, now) };
    assert!(user::insert(&on, root).await.unwrap());

    let hash = || "x".to_owned();
    let locked = user_changes::lock_for_sign_in(&on, ADA, 0, now, Some(hash()));
    assert!(on.try_one("lock_for_sign_in", locked).await.is_some());
    on.try_one("raise_credentials_version", user_changes::raise_credentials_version(&on, ADA)).await;
    assert!(on.try_one("set_password", user_changes::set_password(&on, ADA, 1, hash(), now)).await);
    on.try_one("update_profile", user_changes::update_profile(&on, ada)).await;
    on.try_one("verify_email", user_changes::verify_email(&on, ADA, now)).await;
    on.try_one("set_email", user_changes::set_email(&on, ADA, EMAIL.into(), EMAIL.into(), now, now)).await;
    on.try_one("reset_password", user_changes::reset_password(&on, ADA, None, now)).await;
    on.try_one("remove_password", user_changes::remove_password(&on, ADA, now)).await;
    let locked = user_changes::lock_for_second_factor(&on, ADA, 4, Some(hash()));
    assert!(on.try_one("lock_for_second_factor", locked).await.is_some());
    let enrolled = user_changes::set_second_factors(&on, ADA, &[SecondFactorMethod::Totp], now);
    assert!(on.try_one("set_second_factors", enrolled).await.is_some());
    let change = Administration::IsActive(false);
    assert!(on.try_one("administer", user_changes::administer(&on, ADA, change, ROOT, now)).await.is_some());

    let id = begin(&on, 10, now).await;
    let methods = [AuthenticationMethod::Password];
    assert!(on.try_one("authenticate", session::authenticate(&on, id, ADA, &methods, now)).await);
    on.try_one("set_methods", session::set_methods(&on, id, &methods)).await;
    let rotation = Rotation { id, counter: 0, client_hash: 0, now, expires_at: now };
    let mut rotation = Rotation { expires_at: Timestamp(now.0 + time::Duration::HOUR), ..rotation };
    let rotated = on.try_one("rotate", session_rotation::rotate(&on, rotation)).await.unwrap();
    if database == Postgres {
        rotation.counter = rotated.counter;
        assert_eq!(on.try_one("rotate_all", session_rotation::rotate_all(&on, &[rotation])).await.len(), 1);
    }
    let read = session::find(&on, id).await.unwrap().unwrap();
    let issued = session_siblings::issue_sibling(&on, &read, rotation);
    let issued = on.try_one("issue_sibling", issued).await.unwrap();
    on.try_one("raise_seen_counter", session::raise_seen_counter(&on, id, issued.counter)).await;
    let ended = session_siblings::end_if_void(&on, id, read.counter, now);
    assert!(on.try_one("end_if_void", ended).await.is_some());
    let id = begin(&on, 11, now).await;
    assert!(on.try_one("end", session_end::end(&on, id, now)).await.is_some());
    let id = begin(&on, 12, now).await;
    assert!(on.try_one("end_of", session_end::end_of(&on, ADA, id, now)).await);
    let (kept, other) = (begin(&on, 13, now).await, begin(&on, 14, now).await);
    assert_eq!(on.try_one("end_others", session_end::end_others(&on, ADA, kept, now)).await, [other]);
    assert_eq!(on.try_one("end_all", session_end::end_all(&on, ADA, now)).await, [kept]);
    let later = Timestamp(now.0 + time::Duration::DAY);
    let of_older_server =
        session::Model { sweep_day: 0, ..session::Model::new(Uuid::from_u128(17), ADA, now, later) };
    let beginning = Beginning { session: of_older_server, keep: 9, address: None };
    session_begin::begin(&on, beginning).await.unwrap();
    assert_eq!(on.try_one("postpone", session_end::postpone(&on, now, 9)).await, 1);
    begin(&on, 15, now).await;
    let newest = session::Model::new(Uuid::from_u128(16), ADA, now, later);
    let beginning = Beginning { session: newest, keep: 1, address: None };
    on.try_one("begin", session_begin::begin(&on, beginning.clone())).await;
    let root = user::find(&on, ROOT).await.unwrap().unwrap();
    let of_root = |id| session::Model::new(Uuid::from_u128(id), ROOT, now, later);
    let entry = |root: &user::Model| Entry {
        charges: Vec::new(),
        credentials_version: root.credentials_version,
        last_login_at: root.last_login_at,
        rehashed: None,
    };
    let first = Beginning { session: of_root(18), ..beginning.clone() };
    let begun = on.try_one("sign_in", session_begin::sign_in(&on, entry(&root), first)).await;
    let root = begun.user.unwrap();
    let second = Beginning { session: of_root(19), ..beginning };
    let begun = on.try_one("sign_in", session_begin::sign_in(&on, entry(&root), second)).await;
    assert!(begun.user.is_some(), "the second session ends the first");

    let tried = on.tried.into_inner().unwrap();
    for (file, text) in house::files() {
        if !file.starts_with("storage/user") && !file.starts_with("storage/session") {
            continue;
        }
        for function in text.split("pub async fn ").skip(1) {
            let (name, rest) = function.split_once('(').unwrap();
            let announces = rest.split(") ->").next().unwrap().contains("impl Publish");
            // no request accepts the rows that `delete_dead` deletes, and SQLite does not batch refreshes
            let is_exempt = name == "delete_dead" || (name == "rotate_all" && database == Sqlite);
            assert!(!announces || is_exempt || tried.contains(name), "{file}: `{name}` is not tested here");
        }
    }
}

#[test]
fn only_announcing_statements_change_a_viewer() {
    let raw = ["UPDATE", "DELETE FROM"]
        .map(|verb| ["users", "sessions"].map(|table| format!("{verb} \"{table}\"")));
    // these would build a change that is not a `cached_table::Change…`
    let around = [
        "as EntityTrait",
        "Entity::update(",
        "Entity::delete(",
        "Entity::delete_by_id(",
        "Query::update(",
        "Query::delete(",
        "Update::many(",
        "Delete::many(",
        ".save(",
    ];
    let mut raw_files = BTreeSet::new();
    for (file, text) in house::files() {
        if raw.iter().flatten().any(|sql| text.contains(sql.as_str())) {
            raw_files.insert(file.clone());
        }
        if file.starts_with("storage/") {
            let found = around.iter().find(|way| text.contains(**way));
            assert!(found.is_none(), "{file} bypasses the viewer cache with `{}`", found.unwrap());
        }
    }
    let announcing = ["storage/session_begin.rs", "storage/session_rotation.rs"].map(str::to_owned);
    assert_eq!(raw_files, BTreeSet::from(announcing), "these files change viewers in raw SQL");
}
