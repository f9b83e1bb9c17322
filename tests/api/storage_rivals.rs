//! `storage::Db` on PostgreSQL, when it undoes a transaction because of another one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use rstest::rstest;
use sea_orm::ConnectionTrait;

use crate::support::{Database, Postgres, Serializable, TestApp};

/// Two transactions that PostgreSQL cannot both accept at first: the SQL of each, with a pause between its two
/// statements.
#[rstest]
#[case::serialization_failure(Serializable, [["SELECT * FROM notes", "INSERT INTO notes VALUES (1, 'x')"], ["SELECT * FROM notes", "INSERT INTO notes VALUES (2, 'x')"]])]
#[case::deadlock(Postgres, [["UPDATE notes SET text = 'x' WHERE id = 7", "UPDATE notes SET text = 'x' WHERE id = 8"], ["UPDATE notes SET text = 'x' WHERE id = 8", "UPDATE notes SET text = 'x' WHERE id = 7"]])]
#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_lost_to_a_rival_runs_again(
    #[case] database: Database,
    #[case] rivals: [[&'static str; 2]; 2],
) {
    let app = TestApp::start(database).await;
    let db = app.app.db.clone();
    app.sql("CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT)").await;
    app.sql("INSERT INTO notes VALUES (7, 'x'), (8, 'x')").await;
    let runs = Arc::new(AtomicU32::new(0));
    let both = rivals.map(|[first, second]| {
        let (db, runs) = (db.clone(), runs.clone());
        async move {
            db.write(async move |txn| {
                runs.fetch_add(1, Ordering::Relaxed);
                txn.execute_unprepared(first).await?;
                tokio::time::sleep(Duration::from_millis(200)).await;
                txn.execute_unprepared(second).await
            })
            .await
        }
    });
    for written in join_all(both).await {
        written.unwrap();
    }
    assert_eq!(runs.load(Ordering::Relaxed), 3);
}
