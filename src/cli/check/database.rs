//! The database: whether it accepts writes, its tables, its clock, and the encryption of its connections.

use time::Duration;

use super::Report;
use crate::{
    config::Config,
    storage::{
        condition::{ServerCondition, examine},
        migrate,
    },
};

/// By how much the clocks may differ. Servers compare the times that each of them writes to the database.
const CLOSE: Duration = Duration::SECOND;
const TOO_FAR: Duration = Duration::seconds(10);

pub(super) async fn check(config: &Config, report: &mut Report) {
    let condition = match examine(config).await {
        Ok(condition) => condition,
        Err(error) => {
            report.failed(
                "database",
                &format!("{error}: check DATABASE_URL, that it leads to the primary, and that `gatehouse migrate` has run"),
            );
            return;
        }
    };
    report.ok("database", &format!("{} accepts writes", condition.name));
    if let Some(server) = &condition.server {
        role(server, report);
    }
    match migrate::count_pending(config).await {
        Ok(0) => report.ok("schema", "the tables are those of this version"),
        Ok(pending) => {
            let found = format!("{pending} migrations are pending: run `gatehouse migrate`");
            report.failed("schema", &found);
        }
        Err(error) => report.failed("schema", &error.to_string()),
    }
    if let Some(server) = &condition.server {
        clock(server.clock_lead, report);
        encryption(server, report);
    }
}

fn role(server: &ServerCondition, report: &mut Report) {
    let role = &server.role;
    if !server.forbidden.is_empty() {
        let found = format!(
            "the role {role} may not read and write {}: grant it SELECT, INSERT, UPDATE and DELETE",
            server.forbidden.join(", ")
        );
        report.failed("database role", &found);
    } else if server.is_superuser {
        let found = format!(
            "the role {role} is a superuser of PostgreSQL: connect as a role that owns this database only"
        );
        report.warning("database role", &found);
    } else {
        report.ok("database role", &format!("the role {role} may read and write, and is not a superuser"));
    }
}

fn clock(lead: Duration, report: &mut Report) {
    let apart = lead.abs();
    if apart < CLOSE {
        report.ok("clock", &format!("{} ms from the clock of the database", apart.whole_milliseconds()));
        return;
    }
    let where_to = if lead.is_positive() { "behind" } else { "ahead of" };
    let found = format!(
        "{:.1} s {where_to} the clock of the database: synchronize both machines, for example with chrony",
        apart.as_seconds_f64()
    );
    if apart < TOO_FAR { report.warning("clock", &found) } else { report.failed("clock", &found) }
}

fn encryption(server: &ServerCondition, report: &mut Report) {
    let what = "database TLS";
    if server.is_local {
        report.ok(what, "the connection does not leave this machine");
    } else if server.is_encryption_required {
        report.ok(what, "DATABASE_URL requires encryption");
    } else if server.is_encrypted {
        let found = "the connection is encrypted, but an attacker on the network can prevent that: add sslmode=verify-full to DATABASE_URL";
        report.warning(what, found);
    } else {
        let found = "the connection is not encrypted, so others on the network can read it: add sslmode=verify-full to DATABASE_URL";
        report.warning(what, found);
    }
}
