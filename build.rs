//! Names the commit in the program: that of the variable `GATEHOUSE_COMMIT`, or, in a release build, that of the working folder.

#![expect(clippy::disallowed_methods, reason = "a build script has no settings")]

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=GATEHOUSE_COMMIT");
    let given = env::var("GATEHOUSE_COMMIT").ok().filter(|commit| !commit.is_empty());
    // in a debug build, each commit would compile everything again
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = given.or_else(|| if is_release { checked_out() } else { None });
    println!("cargo::rustc-env=GATEHOUSE_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

/// Returns the commit that is checked out. Returns `None` if this is not a Git repository, or there is no Git.
fn checked_out() -> Option<String> {
    // this file changes with each commit, checkout and reset
    println!("cargo::rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
