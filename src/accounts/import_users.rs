//! Taking over the accounts of a Django project.

use std::{
    collections::{BTreeMap, HashSet},
    io::{self, BufRead},
};

use uuid::Uuid;

use super::{
    django_file::DjangoFile,
    django_user::{DjangoUser, Reading},
    import_remarks::{Note, Skip},
};
use crate::{
    app::App,
    fault::Fault,
    storage::user::{self, Names},
};

/// Records that are taken together.
const BATCH: usize = 500;

/// How to take them.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Tell what would be, and write nothing.
    pub dry_run: bool,
    /// Whether the addresses count as proven, as of the day their owners joined.
    pub emails_verified: bool,
    /// Whether the username of who has no address is one, as of a project that made the usernames from the addresses.
    pub usernames_are_emails: bool,
}

/// A record, and what became of it.
#[derive(Debug)]
pub struct ImportLine {
    /// The line on which it begins.
    pub line: u64,
    /// What it is called by; empty where it could not be read.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is an account now; this of it is not as it was.
    Taken(Vec<Note>),
    /// It was an account already, from this record.
    AlreadyThere,
    /// It is no account.
    Skipped(Skip),
}

/// What became of a file: how many records were taken and so on, by reason where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// New accounts.
    pub taken: u64,
    /// Accounts from an earlier run.
    pub already_there: u64,
    /// Records that are no accounts, by reason.
    pub skipped: BTreeMap<&'static str, u64>,
    /// New accounts that are not as they were, by what is not.
    pub noted: BTreeMap<String, u64>,
}

/// Why an import ended early. What was taken until then stays.
#[derive(Debug, thiserror::Error)]
pub enum ImportUsersError {
    /// Of the file.
    #[error("the file cannot be read any further")]
    Read(#[from] io::Error),
    /// Of the database.
    #[error("the import stopped; what it took is kept, and running it again goes on from there")]
    Fault(#[from] Fault),
}

/// Takes the users of a file, in batches, each whole or not at all. A record has the same id however often it is read, so
/// what was taken before is found again. `watch` is told of each batch, and how far the file has been read.
///
/// # Errors
/// What it stopped for.
pub async fn import_users<R: BufRead>(
    app: &App,
    mut file: DjangoFile<R>,
    options: ImportOptions,
    mut watch: impl FnMut(&[ImportLine], u64),
) -> Result<Summary, ImportUsersError> {
    let ImportOptions { dry_run, emails_verified, usernames_are_emails } = options;
    let reading = Reading { now: app.clock.now(), emails_verified, usernames_are_emails };
    let mut summary = Summary::default();
    let mut foreseen = Claims::default();
    loop {
        let mut batch = read(&mut file, reading)?;
        if batch.told.is_empty() {
            return Ok(summary);
        }
        let outcomes = if dry_run {
            foresee(app, &batch.rows, &mut foreseen).await?
        } else {
            take(app, batch.rows).await?
        };
        let mut outcomes = outcomes.into_iter();
        for told in &mut batch.told {
            // what was read becomes what its row became, and keeps its notes if that is an account
            if matches!(told.outcome, Outcome::Taken(_))
                && let Some(Some(outcome)) = outcomes.next()
            {
                told.outcome = outcome;
            }
            summary.count(&told.outcome);
        }
        watch(&batch.told, file.position());
    }
}

/// Some records, and a row for each that can be taken.
struct Batch {
    told: Vec<ImportLine>,
    rows: Vec<user::Model>,
}

fn read<R: BufRead>(file: &mut DjangoFile<R>, reading: Reading) -> io::Result<Batch> {
    let mut batch = Batch { told: Vec::with_capacity(BATCH), rows: Vec::with_capacity(BATCH) };
    while batch.told.len() < BATCH
        && let Some(record) = file.next()?
    {
        let name = record.user.as_ref().map(DjangoUser::name).unwrap_or_default();
        let outcome = match record.user.and_then(|user| user.into_row(reading)) {
            Ok((row, notes)) => {
                batch.rows.push(row);
                Outcome::Taken(notes)
            }
            Err(skip) => Outcome::Skipped(skip),
        };
        batch.told.push(ImportLine { line: record.line, name, outcome });
    }
    Ok(batch)
}

/// For each row, why it was not inserted; none if it was.
async fn take(app: &App, rows: Vec<user::Model>) -> Result<Vec<Option<Outcome>>, Fault> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let names: Vec<Names> = rows.iter().map(Names::from).collect();
    let inserted = app.db.write_one(async move |txn| user::insert_many(&txn, rows).await).await?;
    let mut inserted: HashSet<Uuid> = inserted.into_iter().collect();
    // of two records with one id the first was inserted
    let is_inserted: Vec<bool> = names.iter().map(|names| inserted.remove(&names.id)).collect();
    let refused = names.iter().zip(&is_inserted).filter(|(_, inserted)| !**inserted);
    let claims = Claims::find(app, &refused.map(|(names, _)| names.clone()).collect::<Vec<_>>()).await?;
    // who refused it may have gone since
    let refusal = |names| claims.refusal(names).unwrap_or(Outcome::Skipped(Skip::EmailTaken));
    Ok(names.iter().zip(is_inserted).map(|(names, inserted)| (!inserted).then(|| refusal(names))).collect())
}

/// The same, of what would be inserted after what was foreseen before.
async fn foresee(
    app: &App,
    rows: &[user::Model],
    foreseen: &mut Claims,
) -> Result<Vec<Option<Outcome>>, Fault> {
    let names: Vec<Names> = rows.iter().map(Names::from).collect();
    let claims = Claims::find(app, &names).await?;
    let outcome = |names: Names| {
        let refusal = claims.refusal(&names).or_else(|| foreseen.refusal(&names));
        if refusal.is_none() {
            foreseen.add(names);
        }
        refusal
    };
    Ok(names.into_iter().map(outcome).collect())
}

/// What others have.
#[derive(Default)]
struct Claims {
    ids: HashSet<Uuid>,
    email_keys: HashSet<String>,
    username_keys: HashSet<String>,
}

impl Claims {
    /// Of these, what the database has.
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
            Some(Outcome::AlreadyThere)
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
            Outcome::Taken(notes) => {
                self.taken += 1;
                for note in notes {
                    *self.noted.entry(note.to_string()).or_default() += 1;
                }
            }
            Outcome::AlreadyThere => self.already_there += 1,
            Outcome::Skipped(skip) => *self.skipped.entry(skip.kind()).or_default() += 1,
        }
    }
}
