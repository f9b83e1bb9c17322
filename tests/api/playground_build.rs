//! How a build includes the playground: npm builds it when its sources have changed. Without npm, the build continues.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::support::node::text;

const SOURCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playground");

/// A stand-in for npm, which logs its commands and creates a minimal page.
const NPM: &str = r#"#!/bin/sh
echo "$1" >> npm.log
case "$1" in
  ci) mkdir -p node_modules ;;
  run) mkdir -p "$PAGES/graphiql" && echo page > "$PAGES/graphiql/index.html" ;;
esac
"#;
const BROKEN_NPM: &str = "#!/bin/sh\necho 'npm error code ETARGET' >&2\nexit 1\n";

/// A workspace that contains only the playground crate.
struct Workspace(TempDir);

impl Workspace {
    fn new(npm: &str) -> Self {
        let workspace = Self(tempfile::tempdir().unwrap());
        copy(Path::new(SOURCES), &workspace.path("playground"));
        let root = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
        let package = root
            .split("[package]")
            .next()
            .unwrap()
            .replace(r#"[".", "migrations", "playground"]"#, r#"["playground"]"#);
        fs::write(workspace.path("Cargo.toml"), package).unwrap();
        fs::create_dir(workspace.path("bin")).unwrap();
        workspace.set_npm(npm);
        workspace
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn set_npm(&self, npm: &str) {
        fs::write(self.path("bin/npm"), npm).unwrap();
        fs::set_permissions(self.path("bin/npm"), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Builds the crate, and returns the npm commands and cargo's warnings.
    #[expect(clippy::disallowed_methods, reason = "not a setting of the server")]
    fn build(&self, arguments: &[&str]) -> (String, String) {
        let _ = fs::remove_file(self.path("playground/npm.log"));
        let path = format!("{}:{}", self.path("bin").display(), env::var("PATH").unwrap());
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--offline"]).args(arguments).current_dir(self.0.path());
        let built = cargo.env("PATH", path).env("CARGO_TARGET_DIR", self.path("target")).output().unwrap();
        let said = text(&built.stderr);
        assert!(built.status.success(), "{said}");
        let warned: Vec<&str> = said.lines().filter(|line| line.contains("playground is not in")).collect();
        let asked = fs::read_to_string(self.path("playground/npm.log")).unwrap_or_default();
        (asked.replace('\n', " "), warned.join("\n"))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() == "node_modules" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn pages_are_built_once_and_again_only_when_they_change() {
    let workspace = Workspace::new(NPM);
    let none = String::new();
    assert_eq!(workspace.build(&[]), ("ci run ".to_owned(), none.clone()));
    assert_eq!(workspace.build(&[]), (none.clone(), none.clone()), "a second build has nothing to do");
    // on some file systems cargo sees changes only to the second
    std::thread::sleep(std::time::Duration::from_millis(1100));
    fs::write(workspace.path("playground/operations/999-new.graphql"), "query New { new }").unwrap();
    assert_eq!(workspace.build(&[]), ("run ".to_owned(), none), "installed packages are kept");
}

#[test]
fn without_npm_the_build_continues_with_a_warning() {
    let workspace = Workspace::new(BROKEN_NPM);
    let (_, warned) = workspace.build(&[]);
    assert!(
        warned.contains("`npm ci --ignore-scripts --prefer-offline` failed: npm error code ETARGET"),
        "{warned}"
    );
    workspace.set_npm(NPM);
    assert_eq!(workspace.build(&["--no-default-features"]), (String::new(), String::new()), "npm is not run");
}
