//! The settings in the examples of `deploy/`, as the program reads them. `tests/ops/check_deploy` checks the examples
//! for other programs with those programs.

use std::collections::{BTreeMap, BTreeSet};

use gatehouse::secrets::SecretKey;

use crate::support::process::{gatehouse, output};

const SYSTEMD: &str = include_str!("../../deploy/systemd/gatehouse.env");
const KUBERNETES: &str = include_str!("../../deploy/kubernetes/settings.yaml");
const COMPOSE: &str = include_str!("../../deploy/compose.yaml");
const COMPOSE_VALUES: &str = include_str!("../../deploy/example.env");

/// Returns the names in capitals and their values, from lines of `NAME=value` or `NAME: value`.
fn settings(text: &str) -> BTreeMap<&str, &str> {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let pairs = text.lines().filter_map(|line| line.trim().split_once(['=', ':']));
    pairs.filter(|(name, _)| is_name(name)).map(|(name, value)| (name, value.trim())).collect()
}

/// Fills in `${NAME}`, `${NAME:-default}` and `${NAME:?message}` as Docker Compose does.
fn filled_in(text: &str, values: &BTreeMap<&str, &str>) -> String {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap().to_owned();
    for part in parts {
        let (variable, rest) = part.split_once('}').unwrap();
        let name = variable.split(':').next().unwrap();
        filled += values.get(name).unwrap_or_else(|| panic!("example.env does not contain {name}"));
        filled += rest;
    }
    filled
}

fn assert_accepted_by_serve(example: &BTreeMap<&str, &str>) {
    let secret = SecretKey::generate().1;
    let mut given = example.clone();
    assert!(given.insert("SECRET_KEY", &secret).is_some(), "the example has no SECRET_KEY");
    let given: Vec<(&str, &str)> = given.into_iter().collect();
    let folder = tempfile::tempdir().unwrap();
    let printed = output(gatehouse(folder.path(), &["config", "--serve"], &given), "");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let printed = String::from_utf8(printed.stdout).unwrap();
    let known: BTreeSet<&str> = printed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for (name, _) in given {
        assert!(known.contains(name), "`{name}` is not a setting");
    }
}

#[test]
fn serve_accepts_the_settings_for_systemd() {
    assert_accepted_by_serve(&settings(SYSTEMD));
}

#[test]
fn serve_accepts_the_settings_for_kubernetes() {
    assert_accepted_by_serve(&settings(KUBERNETES));
}

#[test]
fn serve_accepts_the_settings_for_compose() {
    let mut values = settings(COMPOSE_VALUES);
    values.insert("POSTGRES_PASSWORD", "example");
    let own = COMPOSE.split_once("environment:").unwrap().1.split_once("read_only:").unwrap().0;
    assert_accepted_by_serve(&settings(&filled_in(own, &values)));
}
