//! Builds the web pages if their sources have changed, and lists the resulting files for the crate to embed.
//!
//! You do not need Node.js to work on the server: without it, or if npm fails, the build continues with a warning and without
//! pages. There are no build-dependencies, so this runs while other crates compile.

use std::{
    env,
    fmt::Write,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The sources of the pages. Cargo watches a folder with everything in it.
const SOURCES: [&str; 11] = [
    "app",
    "client",
    "docs",
    "docs_page",
    "graphiql",
    "operations",
    "package.json",
    "package-lock.json",
    ".npmrc",
    "vite.config.js",
    "pack.mjs",
];

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let pages = folder("OUT_DIR").join("pages");
    let built =
        if is_set("CARGO_FEATURE_PAGES") { build(&folder("CARGO_MANIFEST_DIR"), &pages) } else { Err(None) };
    if let Err(Some(why)) = &built {
        println!("cargo::warning=the playground is not in this build: {why}");
    }
    let mut files = Vec::new();
    if built.is_ok() {
        list(&pages, "", &mut files)?;
        files.sort();
    }
    let mut code = String::from("&[\n");
    for (path, file) in files {
        writeln!(code, "    ({path:?}, include_bytes!({:?})),", file.to_string_lossy())
            .expect("a string can be written to");
    }
    fs::write(folder("OUT_DIR").join("files.rs"), code + "]\n")
}

/// Builds the pages into `OUT_DIR`. `node_modules` stays beside the sources, where every profile and clippy share it.
fn build(sources: &Path, pages: &Path) -> Result<(), Option<String>> {
    let failed = |error: io::Error| Some(error.to_string());
    // another cargo, such as an editor's, may be building the same pages
    let alone = File::create(sources.join(".build.lock")).map_err(failed)?;
    alone.lock().map_err(failed)?;
    let wanted = fs::read(sources.join("package-lock.json")).map_err(failed)?;
    let stamp = sources.join("node_modules/.installed");
    if fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        npm(sources, pages, &["ci", "--ignore-scripts", "--prefer-offline"])?;
        fs::write(&stamp, &wanted).map_err(failed)?;
    }
    npm(sources, pages, &["run", "--silent", "build"])
}

fn npm(sources: &Path, pages: &Path, arguments: &[&str]) -> Result<(), Option<String>> {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let mut command = Command::new(npm);
    command.args(arguments).current_dir(sources).env("PAGES", pages).stdin(Stdio::null());
    // cargo would read npm's standard output as instructions, so it is captured
    let ran = command.output().map_err(|error| {
        // try again once npm has been installed
        println!("cargo::rerun-if-env-changed=PATH");
        format!("npm does not start ({error}); install Node.js 20.19 or newer and build again")
    })?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    let is_telling = |line: &&str| line.starts_with("npm error") || line.contains("rror:");
    let why = said.lines().find(is_telling).or_else(|| said.lines().next()).unwrap_or("no message");
    let retry = "to try again, run `touch playground/package.json` and build";
    Err(Some(format!("`npm {}` failed: {why}; {retry}", arguments.join(" "))))
}

/// Lists the files below a folder, by their paths with slashes.
fn list(folder: &Path, path: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{path}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            list(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "cargo passes values to build scripts as variables")]
fn folder(variable: &str) -> PathBuf {
    PathBuf::from(env::var_os(variable).expect("cargo sets it"))
}

#[expect(clippy::disallowed_methods, reason = "cargo passes values to build scripts as variables")]
fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some()
}
