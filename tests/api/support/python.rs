//! Third-party Python programs in a virtual environment for the tests: see `tests/python`.

use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/python");
const ENVIRONMENT: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/python");

/// Prepares to run Python in `tests/python`, with the packages of `requirements.txt` there. May block.
pub fn python(arguments: &[&str]) -> Command {
    install();
    let mut command = Command::new(Path::new(ENVIRONMENT).join("bin/python"));
    command.args(arguments).current_dir(FOLDER).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

/// Installs the packages, unless they are installed.
fn install() {
    // other threads and processes wait here until the file is closed
    let alone = File::create(format!("{ENVIRONMENT}.lock")).unwrap();
    alone.lock().unwrap();
    let wanted = fs::read(Path::new(FOLDER).join("requirements.txt")).unwrap();
    let stamp = Path::new(ENVIRONMENT).join("installed.txt");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return;
    }
    run(Command::new("python3").args(["-m", "venv", "--clear", ENVIRONMENT]));
    let pip = Path::new(ENVIRONMENT).join("bin/pip");
    run(Command::new(pip)
        .args(["install", "--quiet", "--requirement", "requirements.txt"])
        .current_dir(FOLDER));
    fs::write(stamp, wanted).unwrap();
}

fn run(command: &mut Command) {
    let needs = "this test needs Python 3.10 or newer with venv (on Debian: apt-get install python3-venv)";
    let ended =
        command.output().unwrap_or_else(|error| panic!("{command:?} did not start: {error}; {needs}"));
    let said = [ended.stdout, ended.stderr].concat();
    assert!(ended.status.success(), "{command:?} failed; {needs}:\n{}", String::from_utf8_lossy(&said));
}
