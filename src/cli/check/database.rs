//! Checks the database: whether it accepts writes, whether its tables match this version, whether its clock agrees with
//! this machine's clock, whether connections to it are encrypted, and whether the role has the right privileges.

use time::Duration;

use super::Report;
use crate::{
    config::Config,
    storage::{
        condition::{Protection, ServerCondition, examine},
        migrate,
    },
};

/// If the clocks of this machine and the database differ by `CLOSE` or more, the check warns. If they differ by
/// `TOO_FAR` or more, the check fails. Servers compare their own clocks with times that other servers wrote to the
/// database.
const CLOSE: Duration = Duration::SECOND;
const TOO_FAR: Duration = Duration::seconds(10);

pub(super) async fn check(config: &Config, report: &mut Report) {
    let condition = match examine(config).await {
        Ok(condition) => condition,
        Err(error) => {
            let error = error.to_string();
            let why =
                error.strip_prefix("Connection Error: ").or_else(|| error.strip_prefix("Custom Error: "));
            let found = format!(
                "{}: check that DATABASE_URL is correct and leads to the primary, and that `gatehouse migrate` has been \
                 run",
                why.unwrap_or(&error)
            );
            report.failed("database", &found);
            return;
        }
    };
    report.ok("database", &format!("{} accepts writes", condition.name));
    if let Some(server) = &condition.server {
        role(server, report);
    }
    match migrate::count_pending(config).await {
        Ok(0) => report.ok("schema", "the tables match this version"),
        Ok(pending) => {
            let found = format!("pending migrations: {pending}; run `gatehouse migrate`");
            report.failed("schema", &found);
        }
        Err(error) => report.failed("schema", &error.to_string()),
    }
    if let Some(server) = &condition.server {
        clock(server.clock_lead, report);
        encryption(server.protection, report);
    }
}

fn role(server: &ServerCondition, report: &mut Report) {
    let role = &server.role;
    if !server.forbidden.is_empty() {
        let found = format!(
            "the role {role} lacks privileges on {}: grant it SELECT, INSERT, UPDATE and DELETE",
            server.forbidden.join(", ")
        );
        report.failed("database role", &found);
    } else if !server.unreadable.is_empty() {
        let found = format!(
            "the role {role} cannot read {}: grant it SELECT, so that the server can see which migrations are applied",
            server.unreadable.join(", ")
        );
        report.failed("database role", &found);
    } else if server.is_superuser {
        let found = format!(
            "the role {role} is a PostgreSQL superuser: connect as a role that owns only this database"
        );
        report.warning("database role", &found);
    } else {
        report.ok("database role", &format!("the role {role} can read and write, and is not a superuser"));
    }
}

fn clock(lead: Duration, report: &mut Report) {
    let apart = lead.abs();
    if apart < CLOSE {
        let ms = apart.whole_milliseconds();
        report.ok("clock", &format!("this machine's clock is {ms} ms from the database's clock"));
        return;
    }
    let where_to = if lead.is_positive() { "behind" } else { "ahead of" };
    let found = format!(
        "this machine's clock is {:.1} s {where_to} the database's clock: synchronize both machines, for example with chrony",
        apart.as_seconds_f64()
    );
    if apart < TOO_FAR { report.warning("clock", &found) } else { report.failed("clock", &found) }
}

fn encryption(protection: Protection, report: &mut Report) {
    let what = "database TLS";
    match protection {
        Protection::Local => report.ok(what, "the connection does not leave this machine"),
        Protection::Required => report.ok(what, "DATABASE_URL requires encryption"),
        Protection::Encrypted => {
            let found = "the connection is encrypted, but an attacker on the network can prevent that: add sslmode=verify-full to \
                         DATABASE_URL";
            report.warning(what, found);
        }
        Protection::None => {
            let found = "the connection is not encrypted, so others on the network can read it: add sslmode=verify-full to \
                         DATABASE_URL";
            report.warning(what, found);
        }
    }
}
