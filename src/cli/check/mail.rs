//! Checks whether the mail server lets Gatehouse sign in, without sending an email.

use super::Report;
use crate::{
    config::{Config, MailWay, is_loopback},
    mail::Mailer,
};

pub(super) async fn check(config: &Config, report: &mut Report) {
    let server = match &config.mail.way {
        Some(MailWay::Smtp(server)) => server,
        Some(MailWay::Folder(folder)) => {
            let found = format!(
                "emails are written to {} and reach nobody: set SMTP_URL to a mail server",
                folder.display()
            );
            report.warning("mail", &found);
            return;
        }
        None => return,
    };
    let mailer = match Mailer::new(config) {
        Ok(mailer) => mailer,
        Err(error) => {
            report.failed("mail", &error.to_string());
            return;
        }
    };
    let mut is_plain = false;
    let signed_in = mailer.sign_in(&mut |step| is_plain |= step == "TLS: none").await;
    if let Err(failure) = signed_in {
        let found = format!(
            "{}: check SMTP_URL, then send an email with `gatehouse mail test ADDRESS`",
            failure.words
        );
        report.failed("mail", &found);
        return;
    }
    let what = server.login.as_ref().map_or_else(
        || "responds; SMTP_URL has no user to sign in as".to_owned(),
        |login| format!("lets {} sign in", login.user),
    );
    report.ok("mail", &format!("{}, port {}, {what}", server.host, server.port));
    if !is_plain {
        report.ok("mail TLS", &format!("the certificate is valid for {}", server.host));
    } else if is_loopback(&server.host) {
        report.ok("mail TLS", "the connection is not encrypted, but does not leave this machine");
    } else {
        let found = "the connection is not encrypted, so others on the network can read links and codes: use smtps://, or add \
                     ?tls=required to SMTP_URL";
        report.warning("mail TLS", found);
    }
}
