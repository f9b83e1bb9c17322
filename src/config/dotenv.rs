//! The text of `.env`: which variables it sets.
//!
//! Programs disagree about this format, and they disagree about passwords first of all. These rules change a value as little
//! as possible:
//!
//! - A line is `NAME=value`, with or without `export ` before it. Any other line belongs to another program and is skipped.
//! - Blanks around the name and around the value do not count.
//! - `#` begins a comment at the start of a line, and after a blank in a value without quotes.
//! - Quotes around a whole value are stripped, and such a value may have several lines. In double quotes `\n`, `\r`, `\t`,
//!   `\"` and `\\` are escapes; in single quotes nothing is.
//! - `$` is a dollar sign.
//! - If several lines set one variable, the last one counts.

/// One variable.
#[derive(PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// The value, or why it cannot be read, as the end of a sentence that begins with the name. No problem repeats the value,
    /// which may be a password.
    pub(super) value: Result<String, &'static str>,
    /// The number of its line, from 1.
    pub(super) line: usize,
}

/// Reads the variables. A value that cannot be read is a problem only for those who need it: it may be another program's.
///
/// # Errors
/// If the file is not text in UTF-8. The message is the end of a sentence that begins with the file's name.
pub(super) fn parse(file: &[u8]) -> Result<Vec<Assignment>, &'static str> {
    // as Notepad and PowerShell's `>` save it
    if file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff") {
        return Err("is saved as UTF-16: save it as UTF-8");
    }
    if file.contains(&0) {
        return Err("holds NUL bytes, as a text in UTF-16 does: save it as UTF-8");
    }
    let file = with_unix_line_ends(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file));
    let (mut assignments, mut rest, mut line) = (Vec::new(), file.as_slice(), 1);
    while !rest.is_empty() {
        let mut end = line_length(rest);
        if let Some((name, start)) = name(&rest[..end]) {
            let (value, length) = value(&rest[start..]);
            let value = value.and_then(|value| {
                String::from_utf8(value).map_err(|_| "is not in UTF-8: save the file as UTF-8")
            });
            assignments.push(Assignment { name: name.to_owned(), value, line });
            end = start + length;
        }
        line += rest[..end].split(|byte| *byte == b'\n').count();
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    Ok(assignments)
}

fn with_unix_line_ends(text: &[u8]) -> Vec<u8> {
    let is_second_half = |at: usize| at > 0 && text[at - 1] == b'\r' && text[at] == b'\n';
    let kept = (0..text.len()).filter(|at| !is_second_half(*at));
    kept.map(|at| if text[at] == b'\r' { b'\n' } else { text[at] }).collect()
}

fn line_length(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len())
}

/// Returns the name that a line sets, and where the value begins.
fn name(line: &[u8]) -> Option<(&str, usize)> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let before = str::from_utf8(&line[..equals]).ok()?.trim_matches(BLANKS);
    let name = match before.strip_prefix("export") {
        Some(name) if name.starts_with(BLANKS) => name.trim_start_matches(BLANKS),
        _ => before,
    };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.bytes().next().is_some_and(|first| !first.is_ascii_digit());
    let after = &line[equals + 1..];
    let blanks = after.iter().take_while(|byte| is_blank(**byte)).count();
    // a comment may take the place of the value, and needs a blank before it
    let skipped = if after[blanks..].starts_with(b"#") { 0 } else { blanks };
    is_name.then_some((name, equals + 1 + skipped))
}

const BLANKS: [char; 2] = [' ', '\t'];

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

const NOT_CLOSED: &str = "begins with a quote that is not closed";

/// Reads the value at the beginning of a text. Returns it, and where its last line ends.
fn value(text: &[u8]) -> (Result<Vec<u8>, &'static str>, usize) {
    let end = line_length(text);
    if let Some(quote @ (b'"' | b'\'')) = text.first() {
        let (whole, last) = match quoted(text, *quote) {
            Some((whole, closed)) => (whole, closed..closed + line_length(&text[closed..])),
            None => return (Err(NOT_CLOSED), end),
        };
        let after = text[last.clone()].trim_ascii_start();
        if after.is_empty() || after.starts_with(b"#") {
            return (Ok(whole), last.end);
        }
        if last.end > end {
            // more likely a quote was forgotten than that a value of several lines goes on after its quotes
            return (Err(NOT_CLOSED), end);
        }
        // `"Ada" <ada@example.org>`: the quotes are part of the value
    }
    (Ok(unquoted(&text[..end])), end)
}

/// Reads what stands in quotes. Returns it, and where the quotes have ended, or `None` if they never do.
fn quoted(text: &[u8], quote: u8) -> Option<(Vec<u8>, usize)> {
    let (mut value, mut at) = (Vec::new(), 1);
    loop {
        let byte = *text.get(at)?;
        at += 1;
        if byte == quote {
            return Some((value, at));
        }
        let escaped = text.get(at).filter(|_| byte == b'\\' && quote == b'"').and_then(|next| match next {
            b'n' => Some(b'\n'),
            b'r' => Some(b'\r'),
            b't' => Some(b'\t'),
            b'"' | b'\\' => Some(*next),
            _ => None,
        });
        value.push(escaped.unwrap_or(byte));
        at += usize::from(escaped.is_some());
    }
}

/// Returns the value of one line, without its comment.
fn unquoted(line: &[u8]) -> Vec<u8> {
    let is_comment = |at: &usize| line[*at] == b'#' && at.checked_sub(1).is_some_and(|at| is_blank(line[at]));
    let end = (0..line.len()).find(is_comment).unwrap_or(line.len());
    line[..end].trim_ascii().to_vec()
}
