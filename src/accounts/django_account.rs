//! Converting a Django user into an account.

use aws_lc_rs::digest::{SHA256, digest};
use time::OffsetDateTime;
use uuid::{Builder, Uuid};

use super::{
    django_user::DjangoUser,
    django_values::parse_time,
    import_remarks::{Note, Skip},
};
use crate::{
    input::{EmailAddress, Username, person_name},
    passwords::is_verifiable,
    storage::{Timestamp, user},
};

/// The options for converting records, and the current time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) now: OffsetDateTime,
    pub(super) emails_verified: bool,
    pub(super) usernames_are_emails: bool,
}

impl DjangoUser {
    /// Returns the row of the account, with notes on everything that was changed or left out.
    pub(super) fn into_row(self, reading: Reading) -> Result<(user::Model, Vec<Note>), Skip> {
        let mut notes = Vec::new();
        let id_text = format!(
            "gatehouse import-users\0{}\0{}",
            self.pk.as_deref().unwrap_or_default(),
            self.username.as_deref().or(self.email.as_deref()).unwrap_or_default()
        );
        let (email, username) = identifiers(
            &self.email.unwrap_or_default(),
            &self.username.unwrap_or_default(),
            reading.usernames_are_emails,
            &mut notes,
        )?;
        // Django never verifies usernames
        let is_email_verified = reading.emails_verified && !notes.contains(&Note::UsernameIsEmail);
        let names = [(self.first_name, Note::FirstName), (self.last_name, Note::LastName)];
        let [first_name, last_name] = names.map(|(name, note)| {
            let name = person_name(&name.unwrap_or_default());
            name.unwrap_or_else(|_| noted(&mut notes, note))
        });
        let password_hash = match self.password.unwrap_or_default() {
            hash if hash.is_empty() || hash.starts_with('!') => None,
            hash if is_verifiable(&hash) => Some(hash),
            _ => noted(&mut notes, Note::Password),
        };
        let joined = self.date_joined.as_deref().and_then(parse_time);
        if joined.is_none() {
            notes.push(Note::DateJoined);
        }
        let last_login_at = match self.last_login.as_deref().filter(|time| !time.is_empty()) {
            Some(time) => parse_time(time).or_else(|| noted(&mut notes, Note::LastLogin)),
            None => None,
        };
        let role = match (self.is_superuser, self.is_staff) {
            (Some(true), _) => user::Role::Superuser,
            (_, Some(true)) => user::Role::Staff,
            _ => user::Role::User,
        };
        let created_at = Timestamp(joined.unwrap_or(reading.now));
        let row = user::Model {
            email_key: email.as_ref().map(|email| email.key().to_owned()),
            email_verified_at: email.as_ref().filter(|_| is_email_verified).map(|_| created_at),
            email: email.map(|email| email.as_str().to_owned()),
            username_key: username.as_ref().map(Username::key),
            username: username.map(|username| username.as_str().to_owned()),
            first_name,
            last_name,
            password_hash,
            role,
            is_active: self.is_active.unwrap_or(true),
            last_login_at: last_login_at.map(Timestamp),
            ..user::Model::new(id(joined, &id_text), created_at)
        };
        Ok((row, notes))
    }
}

/// Returns the email address and username of an account. In Django, the username is often an email address, and the
/// email address is often blank.
fn identifiers(
    email: &str,
    username: &str,
    usernames_are_emails: bool,
    notes: &mut Vec<Note>,
) -> Result<(Option<EmailAddress>, Option<Username>), Skip> {
    let is_blank = |text: &str| text.trim().is_empty();
    let has_wrong_email = !is_blank(email) && EmailAddress::parse(email).is_err();
    let email = EmailAddress::parse(email).ok();
    let as_email = EmailAddress::parse(username).ok();
    let username_or_none = Username::parse(username).ok();
    if has_wrong_email {
        notes.push(Note::Email);
    }
    match (&email, &username_or_none, &as_email) {
        (None, None, Some(_)) if !usernames_are_emails => return Err(Skip::OnlyUsernameIsEmail),
        (None, None, Some(address)) => {
            notes.push(Note::UsernameIsEmail);
            return Ok((Some(address.clone()), None));
        }
        (None, None, None) if has_wrong_email => return Err(Skip::WrongEmail),
        (None, None, None) => return Err(Skip::NoIdentifier),
        (Some(email), None, as_email)
            if !is_blank(username)
                && as_email.as_ref().is_none_or(|address| address.key() != email.key()) =>
        {
            notes.push(Note::Username);
        }
        _ => {}
    }
    Ok((email, username_or_none))
}

fn noted<T>(notes: &mut Vec<Note>, note: Note) -> Option<T> {
    notes.push(note);
    None
}

/// Returns an ID that is always the same for the same record, so that no record is imported twice. It is a `UUIDv7`
/// with a digest in place of the random bits.
fn id(joined: Option<OffsetDateTime>, text: &str) -> Uuid {
    let millis = joined.map_or(0, |time| time.unix_timestamp_nanos() / 1_000_000);
    let mut bits = [0; 10];
    bits.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..10]);
    Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or_default(), &bits).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(fields: &str, usernames_are_emails: bool) -> Result<(user::Model, Vec<Note>), Skip> {
        let line = format!("{{\"password\":\"\",\"date_joined\":\"2024-01-31T12:00:00Z\",{fields}}}");
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let reading = Reading { now, emails_verified: true, usernames_are_emails };
        DjangoUser::from_json(line.as_bytes())?.into_row(reading)
    }

    #[test]
    fn an_account_keeps_every_identifier_that_is_one_here() {
        let ada = "ada@example.org";
        for (email, username, taken) in [
            (ada, "ada", Ok((Some(ada), Some("ada"), vec![]))),
            (ada, "Ada@Example.org", Ok((Some(ada), None, vec![]))),
            (ada, "", Ok((Some(ada), None, vec![]))),
            (ada, "ad", Ok((Some(ada), None, vec![Note::Username]))),
            (ada, "ada@example.com", Ok((Some(ada), None, vec![Note::Username]))),
            ("", "ada", Ok((None, Some("ada"), vec![]))),
            (" ", ada, Ok((Some(ada), None, vec![Note::UsernameIsEmail]))),
            ("no address", "ada", Ok((None, Some("ada"), vec![Note::Email]))),
            ("no address", ada, Ok((Some(ada), None, vec![Note::Email, Note::UsernameIsEmail]))),
            ("no address", "ad", Err(Skip::WrongEmail)),
            ("", "ada lovelace", Err(Skip::NoIdentifier)),
            ("", "", Err(Skip::NoIdentifier)),
        ] {
            let fields = format!("\"email\":\"{email}\",\"username\":\"{username}\"");
            let promoted = read(&fields, true);
            let is_promoted = taken.as_ref().is_ok_and(|(.., notes)| notes.contains(&Note::UsernameIsEmail));
            let read_as = promoted
                .as_ref()
                .map(|(row, notes)| (row.email.as_deref(), row.username.as_deref(), notes.clone()))
                .map_err(Clone::clone);
            assert_eq!(read_as, taken, "{email:?}, {username:?}");
            if let Ok((row, _)) = &promoted {
                let is_verified = row.email_verified_at.is_some();
                assert_eq!(is_verified, row.email.is_some() && !is_promoted, "{email:?}, {username:?}");
            }
            let as_said = if is_promoted { Err(Skip::OnlyUsernameIsEmail) } else { promoted };
            assert_eq!(read(&fields, false), as_said, "{email:?}, {username:?}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_noted() {
        let fields =
            "\"username\":\"ada\",\"first_name\":\"A\\u0000\",\"last_login\":\"?\",\"date_joined\":null";
        let line = format!("{{{fields},\"password\":\"md5$x$y\"}}");
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let reading = Reading { now, emails_verified: false, usernames_are_emails: false };
        let (row, notes) = DjangoUser::from_json(line.as_bytes()).unwrap().into_row(reading).unwrap();
        assert_eq!(notes, [Note::FirstName, Note::Password, Note::DateJoined, Note::LastLogin]);
        assert_eq!((row.created_at.0, row.password_hash, row.first_name), (now, None, None));
        assert!(row.is_active && row.role == user::Role::User);
    }

    #[test]
    fn an_id_is_of_its_record_and_in_order_of_joining() {
        let id = |fields: &str| read(fields, false).unwrap().0.id;
        let ada = id("\"id\":1,\"username\":\"ada\"");
        assert_eq!(ada, id("\"username\":\"ada\",\"id\":\"1\",\"email\":\"ada@example.org\""));
        assert_ne!(ada, id("\"id\":2,\"username\":\"ada\""));
        assert_ne!(ada, id("\"id\":1,\"username\":\"bob\""));
        assert_eq!(ada.get_version_num(), 7);
        assert_eq!(ada.get_timestamp().unwrap().to_unix().0, 1_706_702_400);
    }
}
