//! A file of Django's users, read one record at a time: JSON lines as `dumpdata` writes them, or CSV with a header.

use std::io::{self, BufRead, Cursor, Read, SeekFrom};

use super::{django_user::DjangoUser, import_remarks::Skip};

/// The longest record, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DjangoFormat {
    /// One JSON object a line.
    JsonLines,
    /// Comma-separated values, the first line naming the columns.
    Csv,
}

/// Reads the records of a file, and never holds more than one of them.
pub struct DjangoFile<R> {
    source: R,
    csv: Option<Csv>,
    /// The line that was read last, from 1.
    line: u64,
    bytes: u64,
}

/// A line, unless it is too long to be held.
type Line = Result<Vec<u8>, Skip>;

/// A record, and the line on which it begins.
pub(super) struct Record {
    pub(super) line: u64,
    pub(super) user: Result<DjangoUser, Skip>,
}

impl<R: BufRead> DjangoFile<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// If it cannot be read, or is no list of users.
    pub fn open(mut source: R, format: DjangoFormat) -> io::Result<Self> {
        let mark = "\u{feff}".as_bytes();
        let marked = if source.fill_buf()?.starts_with(mark) { mark.len() } else { 0 };
        source.consume(marked);
        let is_array = source.fill_buf()?.first() == Some(&b'[');
        let mut file = Self { source, csv: None, line: 0, bytes: marked as u64 };
        let wrong = match format {
            DjangoFormat::JsonLines if is_array => {
                "it is one JSON array: write it with `manage.py dumpdata --format jsonl`"
            }
            DjangoFormat::JsonLines => return Ok(file),
            DjangoFormat::Csv => {
                file.csv = file.next_text()?.and_then(|(_, text)| Csv::begin(text.ok()?));
                let has = |name| file.csv.iter().any(|csv| csv.header.iter().any(|column| column == name));
                if has("password") && (has("username") || has("email")) {
                    return Ok(file);
                }
                "its first line names no columns `password` and `username` or `email`"
            }
        };
        Err(io::Error::new(io::ErrorKind::InvalidData, wrong))
    }

    /// Bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.bytes
    }

    /// The next record; none at the end.
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

    /// The next line, and its number; of CSV, as many lines as its quotes hold together.
    fn next_text(&mut self) -> io::Result<Option<(u64, Line)>> {
        let Some(mut text) = self.next_line()? else { return Ok(None) };
        let first = self.line;
        if self.csv.is_some()
            && let Ok(begun) = &mut text
        {
            let mut is_open = has_odd_quotes(begun);
            while is_open && let Some(more) = self.next_line()? {
                match more {
                    Ok(more) if begun.len() + more.len() <= MAX_BYTES => {
                        is_open ^= has_odd_quotes(&more);
                        begun.extend(more);
                    }
                    _ => return Ok(Some((first, Err(Skip::TooLong)))),
                }
            }
        }
        Ok(Some((first, text)))
    }

    /// A line with its end.
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let mut is_long = false;
        loop {
            let read = self.source.by_ref().take(MAX_BYTES as u64 + 1).read_until(b'\n', &mut line)?;
            self.bytes += read as u64;
            let is_whole = read == 0 || line.ends_with(b"\n");
            is_long |= line.len() > MAX_BYTES;
            if is_whole {
                let is_end = line.is_empty() && !is_long;
                self.line += u64::from(!is_end);
                return Ok((!is_end).then_some(if is_long { Err(Skip::TooLong) } else { Ok(line) }));
            }
            if is_long {
                line.clear();
            }
        }
    }
}

fn has_odd_quotes(text: &[u8]) -> bool {
    text.iter().fold(false, |is_odd, byte| is_odd ^ (*byte == b'"'))
}

/// One reader for all records, because it is dear to make.
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
        assert_eq!(records[2], (5, Err(Skip::TooLong)));
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
