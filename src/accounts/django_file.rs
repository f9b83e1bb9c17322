//! A file of Django users, read one record at a time: JSON lines as `dumpdata` writes them, or CSV with a header.

use std::io::{self, BufRead, Cursor, Read, SeekFrom};

use super::{django_user::DjangoUser, import_remarks::Skip};

/// The maximum length of a record, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DjangoFormat {
    /// One JSON object per line.
    JsonLines,
    /// Comma-separated values. The first line names the columns.
    Csv,
}

/// A reader of a file's records that holds at most one of them in memory.
pub struct DjangoFile<R> {
    source: R,
    csv: Option<Csv>,
    /// The number of the line that was read last, starting at 1.
    line: u64,
    bytes: u64,
}

/// The text of a record, or the reason why the text could not be read completely.
type Text = Result<Vec<u8>, Skip>;

/// A record, and the number of its first line.
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) user: Result<DjangoUser, Skip>,
}

impl<R: BufRead> DjangoFile<R> {
    /// Opens a file. Fails if it cannot be read or is not a list of users.
    pub fn open(mut source: R, format: DjangoFormat) -> io::Result<Self> {
        let mark = "\u{feff}".as_bytes();
        let mark_length = if source.fill_buf()?.starts_with(mark) { mark.len() } else { 0 };
        source.consume(mark_length);
        let begun = source.fill_buf()?;
        let first = begun.trim_ascii_start().first().copied();
        // UTF-16 and UTF-32 text may lack a byte order mark, but contains NULs, which UTF-8 text does not
        let is_wide =
            begun.starts_with(&[0xff, 0xfe]) || begun.starts_with(&[0xfe, 0xff]) || begun.contains(&0);
        let is_empty = begun.is_empty();
        let mut file = Self { source, csv: None, line: 0, bytes: mark_length as u64 };
        let wrong = match format {
            _ if is_wide => {
                "it is not UTF-8 text (PowerShell's `>` writes UTF-16): write it with `manage.py dumpdata --output`"
            }
            _ if is_empty => "it is empty",
            DjangoFormat::JsonLines if first == Some(b'[') => {
                "it is one JSON array: write it with `manage.py dumpdata --format jsonl`"
            }
            DjangoFormat::JsonLines if first.is_some_and(|first| first != b'{') => {
                "it does not begin with a JSON object: write it with `manage.py dumpdata --format jsonl`, or name it `.csv` if it is CSV"
            }
            DjangoFormat::JsonLines => return Ok(file),
            DjangoFormat::Csv => {
                file.csv = file.next_text()?.and_then(|(_, text)| Csv::begin(text.ok()?));
                let has = |name| file.csv.iter().any(|csv| csv.header.iter().any(|column| column == name));
                if has("password") && (has("username") || has("email")) {
                    return Ok(file);
                }
                "its first line must name the column `password`, and `username` or `email`"
            }
        };
        Err(io::Error::new(io::ErrorKind::InvalidData, wrong))
    }

    /// Returns the number of bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.bytes
    }

    /// Reads the next record. Returns `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        while let Some((line, text)) = self.next_text()? {
            let user = match (text, &mut self.csv) {
                (Ok(text), _) if text.trim_ascii().is_empty() => continue,
                (Ok(text), None) => DjangoUser::from_json(&text),
                (Ok(text), Some(csv)) => csv.parse(text),
                (Err(skip), _) => Err(skip),
            };
            return Ok(Some(Record { line, user }));
        }
        Ok(None)
    }

    /// Reads the next record's text, and returns it with the number of the record's first line. A record is one line
    /// or, in CSV, all lines that its quoted fields span.
    fn next_text(&mut self) -> io::Result<Option<(u64, Text)>> {
        let first = self.line + 1;
        let mut text = Vec::new();
        let mut field = Field::Begun;
        let (mut is_long, mut is_within_line) = (false, false);
        loop {
            let held = text.len();
            let read = self.source.by_ref().take(MAX_BYTES as u64 + 1).read_until(b'\n', &mut text)?;
            self.bytes += read as u64;
            self.line += u64::from(read > 0 && !is_within_line);
            is_within_line = !text.ends_with(b"\n");
            if self.csv.is_some() {
                // Also tracks the quotes of a record that is too long. Otherwise text within its fields would be read
                // as records, and a user could smuggle an account into the file.
                field = text[held..].iter().fold(field, |field, byte| field.after(*byte, self.line));
            }
            is_long |= text.len() > MAX_BYTES;
            if read == 0 || !(is_within_line || matches!(field, Field::Quoted(_))) {
                let text = match field {
                    Field::Quoted(since) => Err(Skip::OpenQuote(since)),
                    _ if is_long => Err(Skip::TooLong),
                    _ => Ok(text),
                };
                return Ok((self.line >= first).then_some((first, text)));
            }
            if is_long {
                text.clear();
            }
        }
    }
}

/// The position within a CSV field. For a quoted field, includes the number of the line with the opening quote.
#[derive(Clone, Copy)]
enum Field {
    Begun,
    Bare,
    Quoted(u64),
    /// After a quote within a quoted field. That quote ends the field unless another quote follows, because a doubled
    /// quote stands for a literal quote.
    QuoteEnded(u64),
}

impl Field {
    /// Returns the position after the next byte. As in the `csv` crate, a quote opens a quoted field only at the
    /// beginning of the field.
    fn after(self, byte: u8, line: u64) -> Self {
        match (self, byte) {
            (Self::Begun, b'"') => Self::Quoted(line),
            (Self::Quoted(since), b'"') => Self::QuoteEnded(since),
            (Self::Quoted(since), _) | (Self::QuoteEnded(since), b'"') => Self::Quoted(since),
            (_, b',' | b'\n' | b'\r') => Self::Begun,
            _ => Self::Bare,
        }
    }
}

/// A CSV parser that is reused for all records, because creating one is expensive.
struct Csv {
    reader: csv::Reader<Cursor<Vec<u8>>>,
    header: csv::StringRecord,
}

impl Csv {
    fn begin(header: Vec<u8>) -> Option<Self> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Cursor::new(header));
        let header = reader.headers().ok()?.clone();
        Some(Self { reader, header })
    }

    fn parse(&mut self, text: Vec<u8>) -> Result<DjangoUser, Skip> {
        let malformed = |error: csv::Error| {
            Skip::Malformed(match error.kind() {
                csv::ErrorKind::Utf8 { err, .. } => err.to_string(),
                _ => error.to_string(),
            })
        };
        *self.reader.get_mut() = Cursor::new(text);
        self.reader.seek_raw(SeekFrom::Start(0), csv::Position::new()).map_err(malformed)?;
        let mut record = csv::StringRecord::new();
        self.reader.read_record(&mut record).map_err(malformed)?;
        DjangoUser::from_csv(&self.header, &record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, format: DjangoFormat) -> Vec<(u64, Result<Option<String>, Skip>)> {
        let mut file = DjangoFile::open(text.as_bytes(), format).unwrap();
        let mut read = Vec::new();
        while let Some(record) = file.next().unwrap() {
            read.push((record.line, record.user.map(|user| user.username)));
        }
        assert_eq!(file.position(), text.len() as u64);
        read
    }

    #[test]
    fn a_record_that_is_too_long_or_malformed_costs_itself_alone() {
        let long = "x".repeat(MAX_BYTES + 1);
        let good = |name: &str| format!("{{\"username\":\"{name}\",\"password\":\"\"}}");
        let text = format!(
            "\u{feff}{}\n{{\"username\":\"{long}\n\n{{\n{}\n{}{long}",
            good("a"),
            good("b"),
            good("c")
        );
        let read = read(&text, DjangoFormat::JsonLines);
        let named = |name: &str| Ok(Some(name.to_owned()));
        assert_eq!(read.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
        assert_eq!((&read[0].1, &read[3].1), (&named("a"), &named("b")));
        assert!(matches!(read[2].1, Err(Skip::Malformed(_))));
        assert_eq!((&read[1].1, &read[4].1), (&Err(Skip::TooLong), &Err(Skip::TooLong)));
    }

    #[test]
    fn csv_holds_lines_in_quotes_together_within_the_limit() {
        let text = format!(
            "id,username,password,bio\r\n1,a,,\"two\n\"\"lines\"\"\"\r\n2,b,,\n3,\"{}\n4,d,,\n5,\"e,,",
            "x\n".repeat(MAX_BYTES)
        );
        let records = read(&text, DjangoFormat::Csv);
        assert_eq!(records[..2], [(2, Ok(Some("a".to_owned()))), (4, Ok(Some("b".to_owned())))]);
        assert_eq!(records[2..], [(5, Err(Skip::TooLong))]);
    }

    #[test]
    fn nothing_within_a_quoted_field_becomes_a_record() {
        let inside = "\n9,mallory,,\"\"\n\n9,mallory,,\n".repeat(MAX_BYTES / 20);
        let long = "x".repeat(2 * MAX_BYTES);
        for field in [
            inside.clone(),
            format!("{long}{inside}"),
            format!("{inside}{long}\n9,mallory,,\n"),
            format!("{}\n9,mallory,,\n", "x".repeat(MAX_BYTES)),
            format!("{}\"\"\n9,mallory,,\n", "x".repeat(MAX_BYTES - 7)),
        ] {
            let text = format!("id,username,password,bio\n1,a,,\n2,b,,\"{field}\"\n3,c,,\n");
            let lines = text.lines().count() as u64;
            let named = |name: &str| Ok(Some(name.to_owned()));
            let honest = [(2, named("a")), (3, Err(Skip::TooLong)), (lines, named("c"))];
            assert_eq!(read(&text, DjangoFormat::Csv), honest);

            let open = format!("id,username,password,bio\n1,a,,\n2,b,\"\n\",\"{field}\n3,c,,\n");
            let honest = [(2, named("a")), (3, Err(Skip::OpenQuote(4)))];
            assert_eq!(read(&open, DjangoFormat::Csv), honest);
        }
    }

    #[test]
    fn a_quote_within_a_bare_field_holds_nothing_together() {
        let text = "id,username,password,bio\n1,a,,6\" tall\n2,b,,\"\"\"x\" y\"\n3,c,,a\"b\"\n4,d,,";
        let names: Vec<_> =
            read(text, DjangoFormat::Csv).into_iter().map(|(_, name)| name.unwrap().unwrap()).collect();
        assert_eq!(names, ["a", "b", "c", "d"]);
    }

    #[test]
    fn what_is_no_list_of_users_is_told_at_once() {
        for (text, format) in [
            ("[{\"model\": \"auth.user\"}]", DjangoFormat::JsonLines),
            ("", DjangoFormat::Csv),
            ("id,name\n", DjangoFormat::Csv),
            ("username;password\n", DjangoFormat::Csv),
        ] {
            assert!(DjangoFile::open(text.as_bytes(), format).is_err(), "{text}");
        }
    }
}
