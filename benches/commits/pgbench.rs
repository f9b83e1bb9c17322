//! Measures updates without Gatehouse, with and without notices.

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use sea_orm::ConnectionTrait;

use crate::{CLIENTS, ROUND, ROUNDS, cluster::Cluster, load::median};

/// Measures updates by `pgbench`: without notices, beside the notices of two servers, and with a notice in each
/// transaction.
pub(crate) async fn compare(cluster: &Cluster, delay: u64) {
    let on = cluster.connect().await;
    on.execute_unprepared(
        "CREATE TABLE rows AS SELECT generate_series(1, 10000) AS id, 0 AS n; ALTER TABLE rows ADD PRIMARY KEY (id)",
    )
    .await
    .unwrap();
    // as on the connections on which the servers send notices
    on.execute_unprepared("SET synchronous_commit = off").await.unwrap();
    let update = "\\set id random(1, 10000)\nBEGIN;\nUPDATE rows SET n = n + 1 WHERE id = :id;\n";
    let (alone, inside) = (format!("{update}COMMIT;\n"), format!("{update}NOTIFY e, 'x';\nCOMMIT;\n"));
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        rates[0].push(per_second(cluster, &alone).await);
        let notices = async {
            // what two busy servers send: every 5 ms, a notice of forty events from each
            let mut pace = tokio::time::interval(Duration::from_micros(2500));
            loop {
                pace.tick().await;
                on.execute_unprepared("SELECT pg_notify('e', repeat('x', 2000))").await.unwrap();
            }
        };
        let beside = tokio::select! {
            rate = per_second(cluster, &alone) => rate,
            () = notices => unreachable!("notices are sent for ever"),
        };
        rates[1].push(beside);
        rates[2].push(per_second(cluster, &inside).await);
    }
    let [alone, beside, inside] = rates.map(|rates| median(rates.into_iter()));
    println!(
        "pgbench, {CLIENTS} clients, flushes +{delay} ms: {alone:.0} a second; beside notices {beside:.0}: {:.2}; \
         with a notice in each transaction {inside:.0}: {:.2}",
        beside / alone,
        inside / alone
    );
}

/// Returns the transactions per second of a `pgbench` script.
async fn per_second(cluster: &Cluster, script: &str) -> f64 {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, script).unwrap();
    let mut pgbench = Command::new("pgbench");
    pgbench.args([
        "-n",
        "-M",
        "prepared",
        "-c",
        &CLIENTS.to_string(),
        "-T",
        &ROUND.as_secs().to_string(),
        "-f",
    ]);
    pgbench.arg(file.path()).arg(&cluster.url).stderr(Stdio::null());
    let output = tokio::task::spawn_blocking(move || pgbench.output().unwrap()).await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let tps = text.lines().find_map(|line| line.strip_prefix("tps = ")).unwrap();
    tps.split(' ').next().unwrap().parse().unwrap()
}
