//! Importing the accounts of a Django project.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufRead},
};

use uuid::Uuid;

use super::{
    django_account::Reading,
    django_file::DjangoFile,
    django_user::DjangoUser,
    import_remarks::{Note, Skip},
};
use crate::{
    app::App,
    fault::Fault,
    storage::user::{self, Names},
};

/// The number of records that are imported together.
const BATCH: usize = 500;

/// The options of an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Report the outcome without writing anything.
    pub dry_run: bool,
    /// Treat the email addresses as verified on the day on which their owners joined.
    pub emails_verified: bool,
    /// If a user has no email address, use the username as the email address. This is meant for projects that created
    /// usernames from email addresses.
    pub usernames_are_emails: bool,
}

/// A record and its outcome.
#[derive(Debug)]
pub struct ImportLine {
    /// The number of the first line of the record.
    pub line: u64,
    /// A name that identifies the record in reports. Empty if the record could not be read.
    pub name: String,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An account was created, with these differences from the record.
    Imported(Vec<Note>),
    /// An earlier run has already created the account of this record.
    AlreadyExists,
    /// No account was created.
    Skipped(Skip),
}

/// The number of records with each outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// New accounts.
    pub imported: u64,
    /// Accounts from an earlier run.
    pub already_existed: u64,
    /// Skipped records, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// Differences between new accounts and their records, by kind.
    pub noted: BTreeMap<String, u64>,
}

/// The reason why an import ended early. The accounts created so far are kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportUsersError {
    /// The file could not be read.
    #[error("the file cannot be read any further")]
    Read(#[from] io::Error),
    /// The database failed.
    #[error(
        "the import stopped; the accounts created so far are kept, and running the import again continues from there"
    )]
    Fault(#[from] Fault),
}

/// Imports the users of a file in batches, each of which is imported completely or not at all. A record gets the same
/// ID every time it is read, so an import can be repeated. Calls `watch` with the outcomes of each batch and the number
/// of bytes read so far.
pub async fn import_users<R: BufRead>(
    app: &App,
    mut file: DjangoFile<R>,
    options: ImportOptions,
    mut watch: impl FnMut(&[ImportLine], u64),
) -> Result<Summary, ImportUsersError> {
    let ImportOptions { dry_run, emails_verified, usernames_are_emails } = options;
    let reading = Reading { now: app.clock.now(), emails_verified, usernames_are_emails };
    let mut summary = Summary::default();
    let mut predicted = Claims::default();
    loop {
        let mut batch = read(&mut file, reading)?;
        if batch.lines.is_empty() {
            return Ok(summary);
        }
        let outcomes = if dry_run {
            predict(app, &batch.rows, &mut predicted).await?
        } else {
            insert(app, batch.rows).await?
        };
        let mut row_outcomes = outcomes.into_iter();
        for line in &mut batch.lines {
            // a record with a row keeps its notes if the row was inserted, and otherwise gets the row's outcome
            if matches!(line.outcome, Outcome::Imported(_))
                && let Some(Some(outcome)) = row_outcomes.next()
            {
                line.outcome = outcome;
            }
            summary.count(&line.outcome);
        }
        watch(&batch.lines, file.position());
    }
}

/// A batch of records, and a row for each record that can be imported.
struct Batch {
    lines: Vec<ImportLine>,
    rows: Vec<user::Model>,
}

fn read<R: BufRead>(file: &mut DjangoFile<R>, reading: Reading) -> io::Result<Batch> {
    let mut batch = Batch { lines: Vec::with_capacity(BATCH), rows: Vec::with_capacity(BATCH) };
    while batch.lines.len() < BATCH
        && let Some(record) = file.next()?
    {
        let name = record.user.as_ref().map(DjangoUser::name).unwrap_or_default();
        let outcome = match record.user.and_then(|user| user.into_row(reading)) {
            Ok((row, notes)) => {
                batch.rows.push(row);
                Outcome::Imported(notes)
            }
            Err(skip) => Outcome::Skipped(skip),
        };
        batch.lines.push(ImportLine { line: record.line, name, outcome });
    }
    Ok(batch)
}

/// Inserts the rows. For each row, returns the reason why it was not inserted, or `None` if it was inserted.
async fn insert(app: &App, rows: Vec<user::Model>) -> Result<Vec<Option<Outcome>>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<Names> = rows.iter().map(Names::from).collect();
    let inserted_ids = app.db.write_one(async move |txn| user::insert_many(&txn, rows).await).await?;
    let mut inserted: HashSet<Uuid> = inserted_ids.into_iter().collect();
    // if two records have the same ID, the first was inserted
    let is_inserted: Vec<bool> = names.iter().map(|names| inserted.remove(&names.id)).collect();
    let refused = names.iter().zip(&is_inserted).filter(|(_, inserted)| !**inserted);
    let claims = Claims::find(app, &refused.map(|(names, _)| names.clone()).collect::<Vec<_>>()).await?;
    // the account that caused the refusal may have changed in the meantime
    let refusal = |names| claims.refusal(names).unwrap_or(Outcome::Skipped(Skip::EmailTaken));
    Ok(names.iter().zip(is_inserted).map(|(names, inserted)| (!inserted).then(|| refusal(names))).collect())
}

/// For each row, returns the reason why it would not be inserted after the earlier rows of the file, or `None` if it
/// would be inserted.
async fn predict(
    app: &App,
    rows: &[user::Model],
    predicted: &mut Claims,
) -> Result<Vec<Option<Outcome>>, Fault> {
    let names: Vec<Names> = rows.iter().map(Names::from).collect();
    let claims = Claims::find(app, &names).await?;
    let outcome = |names: Names| {
        let refusal = claims.refusal(&names).or_else(|| predicted.refusal(&names));
        if refusal.is_none() {
            predicted.add(names);
        }
        refusal
    };
    Ok(names.into_iter().map(outcome).collect())
}

/// IDs and names that are taken.
#[derive(Default)]
struct Claims {
    ids: HashSet<Uuid>,
    email_keys: HashSet<String>,
    username_keys: HashSet<String>,
}

impl Claims {
    /// Finds which of `names` the database already has.
    async fn find(app: &App, names: &[Names]) -> Result<Self, Fault> {
        let mut claims = Self::default();
        if !names.is_empty() {
            user::list_names(app.db.read(), names).await?.into_iter().for_each(|names| claims.add(names));
        }
        Ok(claims)
    }

    fn add(&mut self, names: Names) {
        self.ids.insert(names.id);
        self.email_keys.extend(names.email_key);
        self.username_keys.extend(names.username_key);
    }

    fn refusal(&self, names: &Names) -> Option<Outcome> {
        let has =
            |keys: &HashSet<String>, key: &Option<String>| key.as_ref().is_some_and(|key| keys.contains(key));
        if self.ids.contains(&names.id) {
            Some(Outcome::AlreadyExists)
        } else if has(&self.username_keys, &names.username_key) {
            Some(Outcome::Skipped(Skip::UsernameTaken))
        } else {
            has(&self.email_keys, &names.email_key).then_some(Outcome::Skipped(Skip::EmailTaken))
        }
    }
}

impl Summary {
    fn count(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Imported(notes) => {
                self.imported += 1;
                for note in notes {
                    *self.noted.entry(note.to_string()).or_default() += 1;
                }
            }
            Outcome::AlreadyExists => self.already_existed += 1,
            Outcome::Skipped(skip) => *self.skipped.entry(skip.kind()).or_default() += 1,
        }
    }
}
