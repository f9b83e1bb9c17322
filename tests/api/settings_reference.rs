//! The reference of all settings, which the code prints and the documentation contains.

use std::collections::BTreeSet;

use crate::support::process::{gatehouse, output};

const KEPT: &str = include_str!("../../playground/docs/settings.md");

fn run(arguments: &[&str], settings: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let printed = output(gatehouse(folder.path(), arguments, settings), "");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "it creates no files");
    String::from_utf8(printed.stdout).unwrap()
}

/// Returns the cells of each row of the tables: name, default and meaning.
fn rows() -> Vec<[&'static str; 3]> {
    let rows = KEPT.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, name, default, meaning, _] = cells[..] else { panic!("{row}") };
        [name.trim_matches('`'), default, meaning]
    })
    .collect()
}

#[test]
fn settings_md_matches_the_code() {
    assert!(
        run(&["config", "--markdown"], &[]) == KEPT,
        "playground/docs/settings.md is stale; run: cargo run -- config --markdown > playground/docs/settings.md"
    );
}

#[test]
fn the_reference_does_not_depend_on_the_settings() {
    let printed = run(&["config", "--markdown"], &[("PORT", "nonsense"), ("HASH_THREADS", "3")]);
    assert_eq!(printed, KEPT);
}

#[test]
fn each_setting_has_one_row_with_its_meaning_in_a_sentence() {
    let printed = run(&["config"], &[]);
    let in_effect: Vec<_> = printed.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    let listed = rows().into_iter().map(|[name, ..]| name).collect::<Vec<_>>();
    assert_eq!(listed, in_effect);
    assert_eq!(listed.iter().collect::<BTreeSet<_>>().len(), listed.len(), "no setting is defined twice");
    for [name, _, meaning] in rows() {
        let begins_well = meaning.starts_with(|first: char| first.is_uppercase() || "`[".contains(first));
        assert!(begins_well && meaning.ends_with('.'), "{name}: {meaning}");
    }
    assert!(listed.len() > 100, "only {} rows were found", listed.len());
}

#[test]
fn the_reference_shows_the_defaults_in_effect() {
    let printed = run(&["config"], &[]);
    for [name, default, _] in rows() {
        // a default that depends on other values is described in words
        let plain = default.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
        let is_described =
            |plain: &&str| plain.contains('`') || *plain == "PUBLIC_URL" || plain.starts_with('/');
        let Some(plain) = plain.filter(|plain| !is_described(plain)) else { continue };
        let line = printed.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
        assert_eq!(line.get(48..).unwrap_or_default(), plain, "{name}");
    }
}
