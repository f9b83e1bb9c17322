//! The reference of all settings, in Markdown.

use std::fmt::Write;

use super::reader::Setting;

const INTRODUCTION: &str = "\
# Settings

Every setting is an environment variable. [Operating Gatehouse](operating.md#where-settings-come-from) says where Gatehouse reads
settings from, and how to write values. `gatehouse config` prints the values in effect.

A setting without a default is empty or off.
";

/// Returns the reference of these settings, with one table for each section.
pub(super) fn reference(settings: &[Setting]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for settings in settings.chunk_by(|one, other| one.section == other.section) {
        let section = settings[0].section;
        let _ = write!(text, "\n## {}\n\n", section.title);
        if !section.introduction.is_empty() {
            let _ = write!(text, "{}\n\n", section.introduction);
        }
        text.push_str("| setting | default | meaning |\n|---|---|---|\n");
        for Setting { name, default, meaning, .. } in settings {
            let _ = writeln!(text, "| `{name}` | {default} | {meaning} |");
        }
    }
    text
}
