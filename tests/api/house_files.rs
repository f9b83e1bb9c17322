//! Checks the house rules for files: each is short enough, and every test file runs.

use std::{fs, path::Path};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const MAX_LINES: usize = 300;

/// Adds the source files in a folder and its subfolders, as paths relative to the project.
fn add_sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_ours = !name.starts_with('.')
            && !["node_modules", "target", "dist", "corpus", "artifacts", "generated"].contains(&name)
            && name != "generated.ts";
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() && is_ours {
            add_sources(&path, found);
        } else if is_ours && matches!(extension, Some("rs" | "ts" | "tsx" | "mjs")) {
            found.push(path.strip_prefix(ROOT).unwrap().to_str().unwrap().to_owned());
        }
    }
}

#[test]
fn no_source_file_has_more_than_300_lines() {
    let mut sources = Vec::new();
    for folder in ["benches", "migrations", "playground", "src", "tests"] {
        add_sources(&Path::new(ROOT).join(folder), &mut sources);
    }
    assert!(sources.len() > 300, "only {} files were found", sources.len());
    for source in sources {
        let lines = fs::read_to_string(Path::new(ROOT).join(&source)).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{source} has {lines} lines, more than {MAX_LINES}: split it by subject");
    }
}

/// A file that `main.rs` does not name is not compiled, so its tests never run.
#[test]
fn main_rs_names_every_file_of_tests_api() {
    for (folder, parent) in [("tests/api", "main.rs"), ("tests/api/support", "mod.rs")] {
        let folder = Path::new(ROOT).join(folder);
        let declarations = fs::read_to_string(folder.join(parent)).unwrap();
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with(parent) {
                continue;
            }
            let is_named = declarations
                .lines()
                .any(|line| line.strip_prefix("pub ").unwrap_or(line) == format!("mod {name};"));
            assert!(is_named, "{} is not named in {parent}", path.display());
        }
    }
}

#[test]
fn every_test_named_in_the_threat_model_exists() {
    let root = env!("CARGO_MANIFEST_DIR");
    let model = fs::read_to_string(format!("{root}/.github/SECURITY.md")).unwrap();
    let quoted = model.split('`').skip(1).step_by(2);
    let named: Vec<_> =
        quoted.filter_map(|text| text.split_once("::")).filter(|(_, name)| !name.ends_with('…')).collect();
    for (file, name) in &named {
        let tests = fs::read_to_string(format!("{root}/tests/api/{file}.rs")).unwrap_or_default();
        assert!(tests.contains(&format!("fn {name}(")), "{file}::{name} does not exist");
    }
    assert!(named.len() > 50, "only {} tests are named", named.len());
    for row in model.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat")) {
        assert!(row.rsplit('|').nth(1).unwrap().contains('`'), "this row names no test: {row}");
    }
}
