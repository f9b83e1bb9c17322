//! Invisible characters. People paste them without noticing, and a name must not consist of them alone.

/// Returns whether a character is invisible. Invisible characters are control characters, characters that look like a
/// space without being one, and the default ignorable code points of Unicode 16 (UAX #44), such as zero-width and
/// bidirectional characters.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || is_part_of_another(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // the Hangul fillers, the Braille blank, the null notehead, and the Khitan filler
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{2800}' | '\u{1d159}' | '\u{16fe4}')
}

/// Returns whether a character is white space or invisible.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || is_invisible(c)
}

/// Returns whether a character only changes the appearance of the character before it. Such characters are variation
/// selectors, as in the red heart emoji, and tags, as in the flag of Scotland.
fn is_part_of_another(c: char) -> bool {
    matches!(c, '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns whether a character can control a terminal, or can change the direction of the text around it.
pub(super) fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Removes blank characters from the ends of an identifier.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || (is_invisible(c) && !c.is_control()))
}

/// Removes blank characters from the ends of a text for people. Keeps blank characters that belong to the last visible
/// character. Also keeps hostile characters, because they are rejected rather than removed. Returns an empty text if
/// all characters are blank.
pub(super) fn trim_prose(text: &str) -> &str {
    if text.chars().all(is_blank) {
        return "";
    }
    let is_trimmed = |c: char| c.is_whitespace() || (is_invisible(c) && !is_hostile(c));
    text.trim_start_matches(is_trimmed).trim_end_matches(|c| is_trimmed(c) && !is_part_of_another(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_at_the_ends_go_and_what_belongs_to_a_character_stays() {
        for (text, identifier, prose) in [
            ("", "", ""),
            (" \u{200b}\u{2800}\u{3164}\u{e0041}\u{202e}", "", ""),
            ("\u{feff}Ada\u{ad} \u{a0}", "Ada", "Ada"),
            ("\u{202a}Ada\u{202c}", "Ada", "\u{202a}Ada\u{202c}"),
            ("Ada\0", "Ada\0", "Ada\0"),
            ("\0", "\0", ""),
            ("Ada \u{2764}\u{fe0f}", "Ada \u{2764}", "Ada \u{2764}\u{fe0f}"),
            ("A\u{200d}B", "A\u{200d}B", "A\u{200d}B"),
        ] {
            assert_eq!((trim(text), trim_prose(text)), (identifier, prose), "{text:?}");
        }
    }
}
