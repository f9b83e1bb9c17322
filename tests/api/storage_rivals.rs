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
use tokio::sync::Barrier;

use crate::support::{Database, Postgres, Serializable, TestApp};

/// Two transactions that PostgreSQL cannot both accept at first: the SQL of each. Both send their first statement
/// before either sends its second, and one sends its second statement later, so that PostgreSQL does not undo both.
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
    let both_have_begun = Arc::new(Barrier::new(2));
    let pauses = [Duration::ZERO, Duration::from_millis(250)];
    let both = rivals.into_iter().zip(pauses).map(|([first, second], pause)| {
        let (db, runs, both_have_begun) = (db.clone(), runs.clone(), both_have_begun.clone());
        async move {
            db.write(async move |txn| {
                let is_first_run = runs.fetch_add(1, Ordering::Relaxed) < 2;
                txn.execute_unprepared(first).await?;
                if is_first_run {
                    both_have_begun.wait().await;
                    tokio::time::sleep(pause).await;
                }
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
