//! Parses `.env`.
//!
//! Programs disagree about this format, especially about values such as passwords. These rules change a value as little
//! as possible:
//!
//! - A line is `NAME=value`, optionally after `export `. Any other line belongs to another program and is skipped.
//! - Blanks around the name and the value are ignored.
//! - `#` begins a comment at the start of a line and, in a value without quotes, after a blank.
//! - Quotes around a whole value are stripped, and a quoted value may span several lines. `\n`, `\r`, `\t`, `\"` and
//!   `\\` are escapes in double quotes. There are no escapes in single quotes.
//! - `$` is an ordinary character.
//! - If several lines set the same variable, the last one applies.

/// One variable.
#[derive(PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// The value, or the reason why it cannot be read. The reason is the end of a sentence that begins with the name,
    /// and never repeats the value, which may be a password.
    pub(super) value: Result<String, &'static str>,
    /// The number of the line, starting at 1.
    pub(super) line: usize,
}

/// Parses the variables. An unreadable value is an error only if a setting needs it, because the variable may belong to
/// another program.
///
/// # Errors
/// Fails if the file is not UTF-8 text. The message is the end of a sentence that begins with the name of the file.
pub(super) fn parse(file: &[u8]) -> Result<Vec<Assignment>, &'static str> {
    // Notepad and PowerShell's `>` may write UTF-16
    if file.starts_with(b"\xff\xfe") || file.starts_with(b"\xfe\xff") {
        return Err("is saved as UTF-16: save it as UTF-8");
    }
    if file.contains(&0) {
        return Err("contains NUL bytes, as a text in UTF-16 does: save it as UTF-8");
    }
    let file = with_unix_line_ends(file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file));
    let (mut assignments, mut rest, mut line) = (Vec::new(), file.as_slice(), 1);
    while !rest.is_empty() {
        let mut end = line_length(rest);
        if let Some((name, start)) = name(&rest[..end]) {
            let (value, length) = value(&rest[start..]);
            let value = value.and_then(|value| {
                String::from_utf8(value).map_err(|_| "is not valid UTF-8: save the file as UTF-8")
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

/// Returns the name that a line sets and the index at which the value begins. Returns `None` if the line sets nothing.
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
    // the blank is kept, because a comment in place of the value needs a blank before it
    let skipped = if after[blanks..].starts_with(b"#") { 0 } else { blanks };
    is_name.then_some((name, equals + 1 + skipped))
}

const BLANKS: [char; 2] = [' ', '\t'];

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

const NOT_CLOSED: &str = "begins with a quote that is not closed";

/// Parses the value at the beginning of a text. Returns the value and the index at which its last line ends.
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
            // a forgotten quote is more likely than text after the closing quote of a multi-line value
            return (Err(NOT_CLOSED), end);
        }
        // `"Ada" <ada@example.org>`: the quotes are part of the value
    }
    (Ok(unquoted(&text[..end])), end)
}

/// Parses a quoted value. Returns the value and the index after the closing quote. Returns `None` if there is no
/// closing quote.
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
