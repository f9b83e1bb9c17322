//! A Django user, as read from one record of a file.

use serde::Deserialize;
use serde_json::Value;

use super::{
    django_values::{flag, key},
    import_remarks::Skip,
};

/// The columns of `auth_user` that the import uses.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct DjangoUser {
    /// The primary key. Read separately, because the CSV reader would parse digits as a number.
    #[serde(skip)]
    pub(super) pk: Option<String>,
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) password: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    #[serde(deserialize_with = "flag")]
    pub(super) is_active: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub(super) is_staff: Option<bool>,
    #[serde(deserialize_with = "flag")]
    pub(super) is_superuser: Option<bool>,
    pub(super) date_joined: Option<String>,
    pub(super) last_login: Option<String>,
}

impl DjangoUser {
    /// Reads a line of JSON: either `{"model": …, "pk": …, "fields": {…}}` or an object whose keys are the columns.
    pub(super) fn from_json(line: &[u8]) -> Result<Self, Skip> {
        let malformed = |error: serde_json::Error| {
            Skip::Malformed(error.to_string().replace(" at line 1 column ", " at column "))
        };
        let mut outer: Value = serde_json::from_slice(line.trim_ascii_end()).map_err(malformed)?;
        let pk = ["pk", "id"].into_iter().find_map(|name| outer.get_mut(name).map(Value::take));
        let fields = outer.get_mut("fields").map(Value::take).unwrap_or(outer);
        let has = |name| fields.get(name).is_some();
        if !(has("password") && (has("username") || has("email"))) {
            return Err(Skip::NoUser);
        }
        let user: Self = serde_json::from_value(fields).map_err(malformed)?;
        Ok(Self { pk: key(pk.unwrap_or_default()).map_err(malformed)?, ..user })
    }

    /// Reads a CSV record. A blank field counts as missing.
    pub(super) fn from_csv(header: &csv::StringRecord, record: &csv::StringRecord) -> Result<Self, Skip> {
        if record.len() != header.len() {
            let why = format!("it has {} fields, but the header has {}", record.len(), header.len());
            return Err(Skip::Malformed(why));
        }
        let user: Self = record.deserialize(Some(header)).map_err(|error| {
            Skip::Malformed(match error.kind() {
                csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
                _ => error.to_string(),
            })
        })?;
        let mut columns = header.iter().zip(record);
        let pk = columns.find(|(column, _)| matches!(*column, "pk" | "id"));
        Ok(Self { pk: pk.map(|(_, pk)| pk.to_owned()), ..user })
    }

    /// Returns a name that identifies the record in reports.
    pub(super) fn name(&self) -> String {
        let names = [&self.username, &self.email, &self.pk];
        let first = names.into_iter().flatten().find(|name| !name.trim().is_empty());
        // without control characters, which could send commands to the terminal
        first.map(|name| name.chars().take(80).filter(|c| !c.is_control()).collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_and_json_say_the_same() {
        let header = csv::StringRecord::from(vec![
            "id",
            "password",
            "last_login",
            "is_superuser",
            "username",
            "last_name",
            "is_staff",
            "is_active",
            "extra",
        ]);
        for (yes, no) in [("t", "f"), ("True", "False"), ("1", "0"), ("true", "false")] {
            let record = csv::StringRecord::from(vec!["7", "!x", "", no, "1815", "", yes, no, "?"]);
            let user = DjangoUser::from_csv(&header, &record).unwrap();
            let json = br#"{"model":"auth.user","pk":7,"fields":{"password":"!x","last_login":null,
                "is_superuser":false,"username":"1815","last_name":null,"is_staff":true,"is_active":false}}"#;
            assert_eq!(DjangoUser::from_json(json).unwrap(), user);
        }
        for pk in ["550840029", "12345678901234567890123456789012", "1e5", "007", "-1", "0x1f", "true"] {
            let record = csv::StringRecord::from(vec![pk, "!x", "", "f", "1815", "", "f", "t", "?"]);
            assert_eq!(DjangoUser::from_csv(&header, &record).unwrap().pk.as_deref(), Some(pk));
        }
        let odd = csv::StringRecord::from(vec!["7", "!x"]);
        assert!(matches!(DjangoUser::from_csv(&header, &odd), Err(Skip::Malformed(_))));
    }

    #[test]
    fn what_is_no_user_is_skipped() {
        for (line, skip) in [
            ("{\"model\":\"auth.group\",\"pk\":1,\"fields\":{\"name\":\"x\"}}", Some(Skip::NoUser)),
            ("{\"username\":\"ada\"}", Some(Skip::NoUser)),
            ("{\"password\":\"\"}", Some(Skip::NoUser)),
            ("[]", Some(Skip::NoUser)),
            ("7", Some(Skip::NoUser)),
            ("{\"model\":\"x\",\"fields\":7}", Some(Skip::NoUser)),
            ("{", None),
            ("{\"password\":\"\",\"username\":7}", None),
            ("{\"password\":\"\",\"username\":\"ada\",\"is_staff\":\"maybe\"}", None),
            ("{\"password\":\"\",\"username\":\"ada\",\"id\":{}}", None),
        ] {
            let read = DjangoUser::from_json(line.as_bytes()).unwrap_err();
            assert!(skip.map_or(matches!(read, Skip::Malformed(_)), |skip| read == skip), "{line}: {read:?}");
        }
    }
}
