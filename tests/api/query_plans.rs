//! No statement becomes slower as the tables grow.

use std::{sync::Mutex, time::Duration};

use gatehouse::{
    events::Event,
    storage::{
        self, Publish, Timestamp, Viewers, authorization_request, challenge, identity, known_address, outbox,
        outbox_turns, passkey, passkey_ceremony, rate_limit, recovery_code, second_factor_challenge,
        security_change, session,
        session_begin::{self, Beginning, Entry},
        session_end, session_rotation, session_siblings, signing_key, sweep as sweeping, totp,
        user::{self, Role, SecondFactorMethod},
        user_changes::{self, Administration},
        user_list::{self, End, Filter, Page},
    },
};
use rstest::rstest;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, EntityTrait, ExecResult, Order, QueryResult,
    Statement,
};

use crate::{
    house,
    support::{Database, EMAIL, Postgres, Serializable, Sqlite, TestApp, database::connect},
};

/// A connection that runs no statement: it returns no rows, and records the database's plan for the statement.
struct Plans {
    on: DatabaseConnection,
    plans: Mutex<Vec<(String, String)>>,
}

impl Plans {
    async fn explain(&self, statement: Statement) -> Result<(), DbErr> {
        let backend = self.on.get_database_backend();
        let (explain, column) = match backend {
            DbBackend::Sqlite => ("EXPLAIN QUERY PLAN", "detail"),
            _ => ("EXPLAIN", "QUERY PLAN"),
        };
        let sql = statement.sql.clone();
        let each = sql.split("; ").map(|sql| format!("{explain} {sql}")).collect::<Vec<_>>().join("; ");
        let explained = Statement { sql: each, ..statement };
        let lines = self.on.query_all_raw(explained).await?;
        let lines: Result<Vec<String>, _> = lines.iter().map(|line| line.try_get("", column)).collect();
        self.plans.lock().unwrap().push((sql, lines?.join("\n")));
        Ok(())
    }
}

impl Publish for Plans {
    fn publish(&self, _: Event) {}
    fn will_change(&self, _: Viewers<'_>) {}
    fn has_changed(&self, _: Viewers<'_>) {}
}

#[async_trait::async_trait]
impl ConnectionTrait for Plans {
    fn get_database_backend(&self) -> DbBackend {
        self.on.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.explain(statement).await?;
        self.on.execute_unprepared("SELECT 1").await
    }

    async fn execute_unprepared(&self, _: &str) -> Result<ExecResult, DbErr> {
        unreachable!("no table calls execute_unprepared")
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.explain(statement).await.map(|()| None)
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.explain(statement).await.map(|()| Vec::new())
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn every_statement_finds_its_rows_by_an_index(#[values(Sqlite, Postgres)] database: Database) {
    let app = TestApp::start(database).await;
    app.sign_up(EMAIL).await;
    let on = connect(&app.settings["DATABASE_URL"]).await;
    let begun = session::Entity::find().one(&on).await.unwrap().unwrap();
    if database == Postgres {
        // PostgreSQL would otherwise scan and sort such small tables
        on.execute_unprepared("SET enable_seqscan = off; SET enable_sort = off").await.unwrap();
    }
    let plans = Plans { on, plans: Mutex::default() };
    let (id, now) = (uuid::Uuid::nil(), Timestamp(app.app.clock.now()));

    user::find(&plans, id).await.unwrap();
    user::find_by_email_key(&plans, "x").await.unwrap();
    user::find_by_username_key(&plans, "x").await.unwrap();
    user::list_proofs(&plans, &["x".to_owned(), "y".to_owned()]).await.unwrap();
    user_changes::lock_for_sign_in(&plans, id, 0, now, Some(String::new())).await.unwrap();
    let names = user::Names { id, email_key: Some("x".to_owned()), username_key: Some("x".to_owned()) };
    user::list_names(&plans, &[names]).await.unwrap();
    user_changes::raise_credentials_version(&plans, id).await.unwrap();
    user::lock(&plans, &[id, id]).await.unwrap();
    user_changes::set_password(&plans, id, 0, "x".to_owned(), now).await.unwrap();
    user_changes::update_profile(&plans, user::Model::new(id, now)).await.unwrap();
    user_changes::verify_email(&plans, id, now).await.unwrap();
    user_changes::set_email(&plans, id, "x".to_owned(), "x".to_owned(), now, now).await.unwrap();
    user_changes::reset_password(&plans, id, None, now).await.unwrap();
    user_changes::remove_password(&plans, id, now).await.unwrap();
    user_changes::administer(&plans, id, Administration::IsActive(false), id, now).await.unwrap();
    signing_key::list(&plans, &["x".to_owned()]).await.unwrap();
    user_changes::lock_for_second_factor(&plans, id, 0, Some(String::new())).await.unwrap();
    user_changes::set_second_factors(&plans, id, &[SecondFactorMethod::Totp], now).await.unwrap();
    session::set_methods(&plans, id, &[]).await.unwrap();
    totp::find_enrolment(&plans, id, id, now).await.unwrap();
    totp::find(&plans, id).await.unwrap();
    totp::enable(&plans, id, id, 0, now).await.unwrap();
    totp::spend(&plans, id, 0).await.unwrap();
    totp::count_failure(&plans, id).await.unwrap();
    totp::remove(&plans, id, now, now).await.unwrap();
    totp::delete_since(&plans, id, now).await.unwrap();
    totp::delete_enrolments(&plans, id).await.unwrap();
    totp::restore_since(&plans, id, now).await.unwrap();
    totp::list_sealed_under(&plans, &["x".to_owned()], 1).await.unwrap();
    totp::count_sealed_under_others(&plans, "x").await.unwrap();
    totp::reseal(&plans, id, "x", "x".to_owned(), "x".to_owned()).await.unwrap();
    totp::delete_expired(&plans, now, 1).await.unwrap();
    passkey::find(&plans, id).await.unwrap();
    passkey::find_by_credential_id(&plans, "x").await.unwrap();
    passkey::exists(&plans, "x").await.unwrap();
    passkey::list(&plans, &[id, id]).await.unwrap();
    passkey::record_use(&plans, id, 1, true, now).await.unwrap();
    passkey::rename(&plans, id, id, "x".to_owned()).await.unwrap();
    passkey::remove(&plans, &[id], now, now).await.unwrap();
    passkey::delete_since(&plans, id, now).await.unwrap();
    passkey::restore_since(&plans, id, now).await.unwrap();
    passkey::delete_expired(&plans, now, 1).await.unwrap();
    passkey_ceremony::find_live(&plans, id, passkey_ceremony::Kind::Signup, now).await.unwrap();
    passkey_ceremony::end(&plans, id, now).await.unwrap();
    passkey_ceremony::delete_expired(&plans, now, 1).await.unwrap();
    recovery_code::is_usable(&plans, id, "x").await.unwrap();
    recovery_code::spend(&plans, id, "x", now).await.unwrap();
    recovery_code::list_usable(&plans, &[id, id]).await.unwrap();
    recovery_code::remove_all(&plans, id, now, now).await.unwrap();
    recovery_code::delete_since(&plans, id, now).await.unwrap();
    recovery_code::restore_since(&plans, id, now).await.unwrap();
    recovery_code::delete_expired(&plans, now, 1).await.unwrap();
    second_factor_challenge::find_live(&plans, id, now).await.unwrap();
    second_factor_challenge::count_attempt(&plans, id, 5, now).await.unwrap();
    second_factor_challenge::end(&plans, id, now).await.unwrap();
    second_factor_challenge::delete_dead(&plans, now, 1).await.unwrap();
    challenge::find(&plans, id).await.unwrap();
    challenge::find_live(&plans, id, now).await.unwrap();
    challenge::find_live_by_link(&plans, id, now).await.unwrap();
    challenge::find_newest(&plans, id).await.unwrap();
    challenge::list_live(&plans, "x", now).await.unwrap();
    challenge::list_live_by_username_key(&plans, "x", now).await.unwrap();
    challenge::list_registering(&plans, &["x".to_owned(), "y".to_owned()], now).await.unwrap();
    challenge::lock_all(&plans, "x").await.unwrap();
    challenge::count_attempt(&plans, id, "x", 5, now).await.unwrap();
    challenge::confirm(&plans, id, now).await.unwrap();
    challenge::end(&plans, id, now).await.unwrap();
    challenge::supersede(&plans, id, now).await.unwrap();
    challenge::end_all(&plans, "x", now).await.unwrap();
    challenge::end_all_for(&plans, "x", challenge::Purpose::SignIn, now).await.unwrap();
    challenge::end_all_of(&plans, id, now).await.unwrap();
    challenge::delete_dead(&plans, now, 500).await.unwrap();
    identity::list(&plans, &[id, id]).await.unwrap();
    identity::find_user(&plans, "x", "x").await.unwrap();
    identity::list_since(&plans, id, now).await.unwrap();
    let linked = identity::Model {
        id,
        user_id: id,
        provider: "google".to_owned(),
        issuer: "x".to_owned(),
        subject: "x".to_owned(),
        email: None,
        linked_at: now,
    };
    identity::delete(&plans, id, &[linked], now).await.unwrap();
    security_change::find_live(&plans, id, now).await.unwrap();
    security_change::list_since(&plans, id, id, now).await.unwrap();
    security_change::is_reserved(&plans, "x", id, now).await.unwrap();
    security_change::end_since(&plans, id, id, now).await.unwrap();
    security_change::delete_dead(&plans, now, 500).await.unwrap();
    identity::delete_all(&plans, id, now).await.unwrap();
    authorization_request::spend(&plans, "x".to_owned(), "x".to_owned(), "x".to_owned(), now).await.unwrap();
    authorization_request::find_live(&plans, "x", "x", now).await.unwrap();
    authorization_request::keep_name(&plans, "x".to_owned(), Some("x".to_owned()), None).await.unwrap();
    authorization_request::delete_dead(&plans, now, 500).await.unwrap();
    known_address::is_known(&plans, id, "x").await.unwrap();
    known_address::find_user_by_email_key(&plans, "x", Some("x")).await.unwrap();
    known_address::find_user_by_username_key(&plans, "x", None).await.unwrap();
    known_address::add_failures(&plans, id, "x", 1).await.unwrap();
    known_address::forget_others(&plans, id, "x").await.unwrap();
    known_address::delete_unused(&plans, now, 500).await.unwrap();
    rate_limit::list(&plans, &[id, id]).await.unwrap();
    let charges = vec![rate_limit::Charge { key: id, cost_ms: 1, window_ms: 1 }];
    let failure = rate_limit::Failure { charges, streak: Some((id, "x".to_owned())), is_forgettable: true };
    rate_limit::charge_failure(&plans, failure.clone(), now).await.unwrap();
    rate_limit::delete_idle(&plans, now, 500).await.unwrap();
    rate_limit::postpone(&plans, now, 500).await.unwrap();
    session::find(&plans, id).await.unwrap();
    session::lock(&plans, id).await.unwrap();
    storage::find_session_with_user(&plans, id).await.unwrap();
    session::authenticate(&plans, id, id, &[], now).await.unwrap();
    session::list_live(&plans, &[id, id], now).await.unwrap();
    let rotation = session_rotation::Rotation { id, counter: 0, client_hash: 0, now, expires_at: now };
    session_rotation::rotate(&plans, rotation).await.unwrap();
    if database == Postgres {
        session_rotation::rotate_all(&plans, &[rotation]).await.unwrap();
    }
    session::raise_seen_counter(&plans, id, 1).await.unwrap();
    session_siblings::issue_sibling(&plans, &begun, rotation).await.unwrap();
    session_siblings::end_if_void(&plans, id, 1, now).await.unwrap();
    session_end::end(&plans, id, now).await.unwrap();
    session_end::end_of(&plans, id, id, now).await.unwrap();
    session_end::end_all(&plans, id, now).await.unwrap();
    session_end::end_others(&plans, id, id, now).await.unwrap();
    let beginning = Beginning { session: begun, keep: 50, address: Some("x".to_owned()) };
    session_begin::begin(&plans, beginning.clone()).await.unwrap();
    let entry =
        Entry { charges: failure.charges, credentials_version: 0, last_login_at: None, rehashed: None };
    session_begin::sign_in(&plans, entry, beginning).await.unwrap();
    session::list_ended(&plans, &[id, id]).await.unwrap();
    session_end::delete_dead(&plans, now, 500).await.unwrap();
    session_end::postpone(&plans, now, 500).await.unwrap();
    sweeping::try_lock(&plans).await.unwrap();
    outbox::is_due(&plans, now).await.unwrap();
    outbox_turns::list_unsorted(&plans, now, Order::Desc, 100).await.unwrap();
    outbox_turns::list_first_turns(&plans, &[1, 2, 3]).await.unwrap();
    outbox_turns::list_last_turns(&plans, &[(1, id), (2, id)]).await.unwrap();
    outbox_turns::sort(&plans, &[outbox_turns::Turn { id, class: 1, turn: 1 }], now).await.unwrap();
    outbox::claim(&plans, None, 4, now, Duration::from_mins(1)).await.unwrap();
    outbox::claim(&plans, Some(1), 4, now, Duration::from_mins(1)).await.unwrap();
    outbox::drop_expired(&plans, now, 500).await.unwrap();
    outbox::settle(&plans, id, 1, outbox::Outcome::Sent, now).await.unwrap();
    outbox::list_waiting(&plans, 100).await.unwrap();
    outbox::list_failed(&plans, 100).await.unwrap();
    outbox::count_waiting(&plans).await.unwrap();
    outbox::find_oldest_request(&plans).await.unwrap();
    outbox::count_failed(&plans).await.unwrap();
    outbox::delete_settled(&plans, now, 500).await.unwrap();

    for filter in [
        Filter { search: Some("ad".to_owned()), ..Filter::default() },
        Filter { role: Some(Role::Staff), ..Filter::default() },
        Filter { is_active: Some(false), email_verified: Some(true), ..Filter::default() },
    ] {
        for from in [End::First, End::Last] {
            let page = Page { after: Some(id), before: Some(id), from, most: 20 };
            user_list::list(&plans, &filter, page).await.unwrap();
        }
    }

    for (sql, plan) in plans.plans.into_inner().unwrap() {
        // a newer version may add columns, and PostgreSQL refuses to run a prepared statement whose columns have changed
        assert!(!sql.contains(".*") && !sql.contains("RETURNING *") && !sql.contains("SELECT *"), "{sql}");
        let is_scanned = plan.lines().any(|line| match database {
            // a subquery has no index, but is no longer than the rows it was read from
            Sqlite => {
                let reads_none =
                    ["combination", "found", "CONSTANT ROW", "VALUES CLAUSE", "given", "unsorted"]
                        .iter()
                        .any(|end| line.ends_with(end));
                line.starts_with("SCAN") && !reads_none
            }
            Postgres | Serializable => line.contains("Seq Scan"),
        });
        assert!(!is_scanned && !plan.is_empty(), "{sql}\n{plan}");
        let joins_all = plan.replace("Join Filter: false", "").contains("Join Filter");
        assert!(!joins_all, "every row is compared with every other\n{sql}\n{plan}");
        if sql.contains("ORDER BY \"class\"") {
            let sorts = ["TEMP B-TREE", "Sort"].iter().any(|word| plan.contains(word));
            assert!(!sorts, "the next mail must be the first of an index, without a sort\n{sql}\n{plan}");
        }
        if sql.contains("combination") {
            assert!(plan.contains("idx_users_facets"), "{sql}\n{plan}");
        }
    }
}

/// Statements without a plan to test: inserts, upserts by primary key, and the count of users, which reads them all.
const UNPLANNED: [&str; 7] =
    ["insert", "insert_many", "insert_first", "note", "charge", "write_idle", "count"];

#[test]
fn every_statement_of_the_tables_has_its_plan_tested() {
    let tried = include_str!("query_plans.rs");
    for (file, text) in house::files() {
        let Some(table) = file.strip_prefix("storage/").filter(|name| !name.contains('/')) else { continue };
        for function in text.split("\npub async fn ").skip(1) {
            let name = function.split(['(', '<']).next().unwrap();
            let takes_connection = function.split(") ->").next().unwrap().contains("on: &impl");
            let is_tried = tried.contains(&format!("::{name}(&plans")) || UNPLANNED.contains(&name);
            assert!(!takes_connection || is_tried, "{table}: `{name}` is not tested here");
        }
    }
}
