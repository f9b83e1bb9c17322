//! `gatehouse import-users`.

use std::{fs::File, io::BufReader, path::PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use super::{
    migrate::require_migrated,
    setup::{CliError, load},
};
use crate::{
    accounts::{DjangoFile, DjangoFormat, ImportLine, ImportOptions, Outcome, Summary, import_users},
    app::App,
    config::Mode,
    telemetry::printable,
};

#[derive(clap::Args, Debug)]
pub(super) struct Arguments {
    /// The output of `manage.py dumpdata auth.user --format jsonl`, or the table `auth_user` as CSV with a
    /// header (`.csv`)
    file: PathBuf,
    /// Show which accounts would be imported, without writing anything
    #[arg(long)]
    dry_run: bool,
    /// Treat the email addresses as verified. Use this option only if the Django project verified them
    #[arg(long)]
    emails_verified: bool,
    /// If an account has no email address, use its username as the email address. Django lets people
    /// choose any username, including somebody else's email address, so use this option only if the
    /// project itself created the usernames from email addresses
    #[arg(long)]
    usernames_are_emails: bool,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), CliError> {
    let config = load(Mode::Command)?;
    require_migrated(&config).await?;
    let Arguments { file: path, dry_run, emails_verified, usernames_are_emails } = arguments;
    let is_csv = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = if is_csv { DjangoFormat::Csv } else { DjangoFormat::JsonLines };
    let opened = File::open(&path).and_then(|file| {
        let bytes = file.metadata()?.len();
        Ok((DjangoFile::open(BufReader::new(file), format)?, bytes))
    });
    let (file, bytes) = opened.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;

    let app = App::build(config).await?;
    // the bar is drawn on standard error, if that is a terminal
    let bar = ProgressBar::new(bytes).with_style(ProgressStyle::with_template(
        "{bar:40} {percent:>3} %  {binary_bytes_per_sec}  {eta} left",
    )?);
    let watch = |batch: &[ImportLine], position| {
        let lines: Vec<String> = batch.iter().filter_map(line).collect();
        if !lines.is_empty() {
            bar.suspend(|| println!("{}", lines.join("\n")));
        }
        bar.set_position(position);
    };
    let options = ImportOptions { dry_run, emails_verified, usernames_are_emails };
    let imported = import_users(&app, file, options, watch).await;
    bar.finish_and_clear();
    let summary = imported?;
    summarise(&summary, dry_run);
    if summary.imported == 0 && summary.already_existed == 0 {
        return Err(format!("no account from {} was imported", path.display()).into());
    }
    Ok(())
}

/// Returns the line to print about a record, or `None` if the record was imported unchanged or its account already
/// existed.
fn line(told: &ImportLine) -> Option<String> {
    let ImportLine { line, name, outcome } = told;
    let outcome = match outcome {
        Outcome::Imported(notes) if notes.is_empty() => return None,
        Outcome::AlreadyExists => return None,
        Outcome::Imported(notes) => {
            let notes: Vec<String> = notes.iter().map(ToString::to_string).collect();
            format!("imported, but {}", notes.join("; "))
        }
        Outcome::Skipped(skip) => format!("skipped: {skip}"),
    };
    let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
    Some(printable(&format!("line {line}{name}: {outcome}")).into_owned())
}

fn summarise(summary: &Summary, dry_run: bool) {
    let Summary { imported, already_existed, skipped, noted } = summary;
    let not_yet = if dry_run { " would be" } else { "" };
    println!(
        "{imported}{not_yet} imported, {already_existed} already existed, {} skipped",
        skipped.values().sum::<u64>()
    );
    for (reason, count) in skipped {
        println!("{count:>8} skipped: {reason}");
    }
    for (note, count) in noted {
        println!("{count:>8} imported, but {note}");
    }
}
