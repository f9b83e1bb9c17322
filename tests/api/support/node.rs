//! Third-party programs for Node.js, and a browser driven by one of them: see `tests/node`.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/node");

/// The names of Chromium's executable.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Returns what a browser saw during these `steps`: see `tests/node/browse.mjs`. Blocking is fine: the server has its
/// own threads.
pub fn browse(steps: &Value) -> Value {
    in_browser("browse.mjs", &[&json!(steps).to_string()])
}

/// Returns the output of a script of `tests/node` that drives a browser. Blocking is fine: the server has its own
/// threads.
pub fn in_browser(script: &str, arguments: &[&str]) -> Value {
    let seen = node(&[&[script, &browser()], arguments].concat());
    assert!(seen.status.success(), "{}", text(&seen.stderr));
    serde_json::from_slice(&seen.stdout).unwrap()
}

/// Returns the path of a browser.
#[expect(clippy::disallowed_methods, reason = "not a setting of the server")]
pub fn browser() -> String {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let mut all = BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let found = all.find(|path| path.is_file()).unwrap_or_else(|| {
        panic!(
            "none of {BROWSERS:?} is on PATH. This test needs Chromium (on Debian: apt-get install chromium)"
        )
    });
    found.into_os_string().into_string().unwrap()
}

/// Runs a script of `tests/node`. Blocking is fine: the server has its own threads.
pub fn node(arguments: &[&str]) -> Output {
    install();
    run("node", arguments)
}

/// Prepares to run a script of `tests/node`.
pub fn start(arguments: &[&str]) -> Command {
    install();
    command("node", arguments)
}

/// Installs the packages that the scripts import, unless they are installed.
fn install() {
    // other threads and processes wait here until the file is closed
    let alone = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/npm.lock")).unwrap();
    alone.lock().unwrap();
    let changed = |file: &str| fs::metadata(Path::new(FOLDER).join(file)).and_then(|file| file.modified());
    // npm writes this file last
    let is_current = changed("node_modules/.package-lock.json")
        .is_ok_and(|installed| installed >= changed("package-lock.json").unwrap());
    if !is_current {
        let installed = run("npm", &["ci", "--ignore-scripts"]);
        assert!(installed.status.success(), "`npm ci` in {FOLDER} failed: {}", text(&installed.stderr));
    }
}

fn command(program: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(FOLDER);
    command
}

fn run(program: &str, arguments: &[&str]) -> Output {
    command(program, arguments).output().unwrap_or_else(|error| {
        panic!("{program} did not start: {error}. This test needs Node.js 20 or newer, with npm (https://nodejs.org)")
    })
}

/// Returns a program's output.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
