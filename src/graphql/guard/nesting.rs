//! The nesting depth of a document, counted in its text before parsing, because the parser recurses into values without a
//! limit.

/// Returns the nesting depth of brackets of all kinds, outside of strings and comments. The returned depth is never less than the
/// depth that the parser will encounter.
pub(super) fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut rest) = (0_usize, 0, text.as_bytes());
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'#' => {
                let line = after.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(after.len());
                rest = &after[line..];
            }
            b'"' => {
                rest = after
                    .strip_prefix(b"\"\"")
                    .map_or_else(|| after_string(after), |block| after_block(block, after));
            }
            _ => {}
        }
    }
    deepest
}

/// Returns the text after a string that started before `text`. If the line ends first, the parser will refuse the string.
fn after_string(mut text: &[u8]) -> &[u8] {
    loop {
        match text {
            [b'"', more @ ..] => return more,
            [] | [b'\n' | b'\r', ..] => return text,
            [b'\\', _, more @ ..] | [_, more @ ..] => text = more,
        }
    }
}

/// Returns the text after a block string that started before `text`. If the string is never closed, returns `unclosed` without
/// its first byte: the parser then reads `""` as an empty string, so the brackets after it count.
fn after_block<'t>(mut text: &'t [u8], unclosed: &'t [u8]) -> &'t [u8] {
    loop {
        match text {
            [] => return &unclosed[1..],
            [b'"', b'"', b'"', more @ ..] => return more,
            [b'\\', b'"', b'"', b'"', more @ ..] | [_, more @ ..] => text = more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_as_the_parser_sees_it() {
        for (text, depth) in [
            ("", 0),
            ("{a(b:[{c:1}])}", 4),
            ("{a}[b]", 1),
            ("{a(b:\"[[[[\")}", 2),
            ("{a(b:\"\\\"[[[[\")}", 2),
            ("{a(b:\"\"\"[[[[ \\\"\"\" [[ \"\"\")}", 2),
            ("{a # [[[[\n}", 1),
            ("{a # [[[[\r[}", 2),
            ("{a(b:\"\"\"[[[[", 2), // never closed: an empty string, then one that never ends
            ("{a(b:\"\"\"\n[[", 4), // never closed, and the line ends: brackets count
            ("{a(b:\"\n[[", 4),     // the line ends: brackets count
            ("{a(b:\"\"[[", 4),     // an empty string
            ("]]]]{a", 1),
        ] {
            assert_eq!(nesting(text), depth, "{text:?}");
        }
    }
}
