//! `storage::Db`: what is committed, what is rolled back, and the result that each caller gets.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use gatehouse::{fault::Fault, storage::Db};
use rstest::rstest;
use sea_orm::{ConnectionTrait, DbErr};

use crate::support::{Database, EMAIL, Postgres, Sqlite, TestApp};

/// Long enough for writes to queue up.
const SHORT: Duration = Duration::from_millis(300);

async fn notes(database: Database) -> (TestApp, Db) {
    notes_with(database, &[]).await
}

async fn notes_with(database: Database, settings: &[(&str, &str)]) -> (TestApp, Db) {
    let app = TestApp::with(database, settings).await;
    let db = app.app.db.clone();
    db.write(async |txn| {
        txn.execute_unprepared("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)").await?;
        txn.execute_unprepared("INSERT INTO notes VALUES (0, 'first')").await
    })
    .await
    .unwrap();
    (app, db)
}

fn insert(id: i64) -> String {
    format!("INSERT INTO notes VALUES ({id}, 'note')")
}

async fn kept(db: &Db) -> Vec<i64> {
    let statement = sea_orm::Statement::from_string(
        db.read().get_database_backend(),
        "SELECT CAST(id AS BIGINT) AS id FROM notes ORDER BY id",
    );
    let rows = db.read().query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get("", "id").unwrap()).collect()
}

/// What the closure of a job does.
#[derive(Clone, Copy, Debug)]
enum Job {
    Good,
    Fails,
    Panics,
    Violates,
    GoesOnAfterAnError,
    One,
}

async fn run(db: &Db, id: i64, job: Job) -> Result<(), Fault> {
    match job {
        Job::One => db.write_one(async move |txn| txn.execute_unprepared(&insert(id)).await).await.map(drop),
        job => {
            db.write(async move |txn| {
                txn.execute_unprepared(&insert(id)).await?;
                match job {
                    Job::Fails => return Err(DbErr::RecordNotFound("nothing".into())),
                    Job::Panics => panic!("on purpose"),
                    Job::Violates => {
                        txn.execute_unprepared(&insert(0)).await?;
                    }
                    Job::GoesOnAfterAnError => drop(txn.execute_unprepared(&insert(0)).await),
                    Job::Good | Job::One => {}
                }
                Ok(())
            })
            .await
        }
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn only_the_failed_job_of_a_group_is_rolled_back(#[values(Sqlite, Postgres)] database: Database) {
    let (_app, db) = notes(database).await;
    let kinds = [Job::Good, Job::Fails, Job::Panics, Job::Violates, Job::GoesOnAfterAnError, Job::One];
    // alone, and in groups
    let mut id = 0;
    let mut expected = vec![0];
    for together in [1, 6, 48] {
        let jobs: Vec<(i64, Job)> = (id + 1..=id + together).zip(kinds.into_iter().cycle()).collect();
        id += together;
        let results = join_all(jobs.iter().map(|(id, job)| run(&db, *id, *job))).await;
        for ((id, job), result) in jobs.into_iter().zip(results) {
            match job {
                Job::Good | Job::One => {
                    result.unwrap();
                    expected.push(id);
                }
                Job::Violates | Job::GoesOnAfterAnError => {
                    assert!(matches!(result, Err(Fault::Conflict(_))), "{job:?}: {result:?}");
                }
                Job::Fails | Job::Panics => {
                    assert!(matches!(result, Err(Fault::Internal(_))), "{job:?}: {result:?}");
                }
            }
        }
        assert_eq!(kept(&db).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_fills_the_disk_is_rolled_back_and_all_callers_get_the_error() {
    let (_app, db) = notes(Sqlite).await;
    // the file cannot grow, so SQLite returns SQLITE_FULL and rolls back by itself, as on a full disk
    let pages = db.write_one(async |txn| txn.execute_unprepared("PRAGMA max_page_count = 1").await).await;
    pages.unwrap();
    let blocker = hold_the_writer(&db, SHORT);
    let results = join_all((1..=40).map(|id| {
        let db = db.clone();
        async move {
            db.write(async move |txn| {
                txn.execute_unprepared(&insert(id)).await?;
                if id == 3 {
                    let big = "INSERT INTO notes SELECT 1000, hex(randomblob(100000))";
                    // the closure ignores the failure, but the writer must not
                    drop(txn.execute_unprepared(big).await);
                }
                Ok(())
            })
            .await
        }
    }))
    .await;
    blocker.await.unwrap().unwrap();
    let told: Vec<bool> = results.iter().map(Result::is_ok).collect();
    let acknowledged: Vec<i64> = (1..=40).zip(&told).filter(|(_, ok)| **ok).map(|(id, _)| id).collect();
    assert!(
        told[..3].iter().all(|ok| !ok),
        "the failed job and those before it in the group must fail: {told:?}"
    );
    assert!(results.iter().take(3).all(|result| matches!(result, Err(Fault::Unavailable(_)))));
    assert_eq!(kept(&db).await, [vec![0], acknowledged].concat(), "exactly the acknowledged jobs are stored");
    run(&db, 2000, Job::Good).await.expect("the writer should continue");
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_hangs_is_dropped_and_the_writer_continues(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (_app, db) = notes(database).await;
    let hanging = db.write::<(), _, _>(async |txn| {
        txn.execute_unprepared(&insert(1)).await?;
        std::future::pending().await
    });
    let after = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        run(&db, 2, Job::Good).await
    };
    let (hung, after) = tokio::join!(hanging, after);
    assert!(matches!(hung, Err(Fault::Unavailable(_))), "{hung:?}");
    after.unwrap();
    assert_eq!(kept(&db).await, [0, 2]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_disconnects_does_not_stop_a_running_job(
    #[values(Sqlite, Postgres)] database: Database,
) {
    let (_app, db) = notes(database).await;
    let begun = Arc::new(tokio::sync::Notify::new());
    let writing = tokio::spawn({
        let (db, begun) = (db.clone(), begun.clone());
        async move {
            db.write(async move |txn| {
                txn.execute_unprepared(&insert(1)).await?;
                begun.notify_one();
                tokio::time::sleep(Duration::from_millis(300)).await;
                txn.execute_unprepared(&insert(2)).await
            })
            .await
        }
    });
    begun.notified().await;
    writing.abort();
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while kept(&db).await != [0, 1, 2] && std::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(kept(&db).await, [0, 1, 2]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_left_the_queue_is_skipped(#[values(Sqlite, Postgres)] database: Database) {
    let (_app, db) = notes_with(database, &[("DATABASE_MAX_CONNECTIONS", "2")]).await;
    let blocker = hold_the_writer(&db, SHORT);
    let left = tokio::time::timeout(Duration::from_millis(50), run(&db, 1, Job::Good)).await;
    assert!(left.is_err());
    blocker.await.unwrap().unwrap();
    run(&db, 2, Job::Good).await.unwrap();
    assert_eq!(kept(&db).await, [0, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses_jobs_at_once() {
    let (_app, db) = notes(Sqlite).await;
    let blocker = hold_the_writer(&db, Duration::from_millis(1500));
    let db = Arc::new(db);
    let results = join_all((1..=3000).map(|id| {
        let db = db.clone();
        async move { run(&db, id, Job::One).await }
    }))
    .await;
    blocker.await.unwrap().unwrap();
    let busy = results.iter().filter(|result| matches!(result, Err(Fault::Busy))).count();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count() + busy, 3000);
    assert_eq!(busy, 3000 - 1024);
    assert_eq!(kept(&db).await.len(), 1 + 1024);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn write_one_accepts_only_one_statement(#[values(Sqlite, Postgres)] database: Database) {
    let (_app, db) = notes(database).await;
    let two = db.write_one(async |txn| {
        txn.execute_unprepared("SELECT 1").await?;
        txn.execute_unprepared(&insert(1)).await
    });
    assert!(matches!(two.await, Err(Fault::Internal(_))));
    assert_eq!(kept(&db).await, [0]);
}

#[rstest]
#[tokio::test(flavor = "multi_thread")]
async fn the_database_refuses_writes_on_a_read_connection(#[values(Sqlite, Postgres)] database: Database) {
    let (_app, db) = notes(database).await;
    let refused = db.read().execute_unprepared(&insert(1)).await.unwrap_err().to_string();
    assert!(refused.contains("readonly") || refused.contains("read-only"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite_an_abandoned_read_keeps_its_connection_until_it_ends() {
    let (_app, db) = notes(Sqlite).await;
    let before = db.load();
    let long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000) SELECT count(*) FROM n";
    let read = db.read().execute_unprepared(long);
    assert!(tokio::time::timeout(SHORT, read).await.is_err(), "the read should take far longer");
    let after = db.load();
    assert_eq!((after.connections, after.idle), (before.connections, before.idle - 1));
    assert_eq!(kept(&db).await, [0], "other reads continue");
    tokio::time::timeout(Duration::from_mins(1), async {
        while db.load().idle < db.load().connections {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_waits_for_writes_of_other_processes() {
    let app = TestApp::start(Sqlite).await;
    let other = crate::support::database::connect(&app.settings["DATABASE_URL"]).await;
    other.execute_unprepared("BEGIN IMMEDIATE; UPDATE users SET bio = 'x'").await.unwrap();
    let release = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.execute_unprepared("COMMIT").await
    };
    let (ada, released) = tokio::join!(app.sign_up(EMAIL), release);
    released.unwrap();
    assert_eq!(app.me(&ada.access_token).await, EMAIL);
}

/// Keeps the writer busy for a while, so that the writes that arrive meanwhile form one group.
fn hold_the_writer(db: &Db, time: Duration) -> tokio::task::JoinHandle<Result<(), Fault>> {
    let db = db.clone();
    let (begun, has_begun) = std::sync::mpsc::channel();
    let held = tokio::spawn(async move {
        db.write(async move |_txn| {
            let _ = begun.send(());
            tokio::time::sleep(time).await;
            Ok(())
        })
        .await
    });
    has_begun.recv_timeout(Duration::from_secs(5)).unwrap();
    held
}
