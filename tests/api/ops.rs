//! The drills in `tests/ops` that take less than a minute. Each script can also be run alone.

use std::process::Command;

use rstest::rstest;

#[rstest]
#[case::rolling_restart_behind_nginx("rolling_restart.py", &["nginx", "3", "1s"])]
#[case::rolling_restart_behind_haproxy("rolling_restart.py", &["haproxy", "3", "1s"])]
#[case::misrouted_standby("misrouted_standby.py", &[])]
#[case::pooler("pooler.py", &[])]
fn a_drill_succeeds(#[case] script: &str, #[case] arguments: &[&str]) {
    let drill = Command::new("python3")
        .arg(format!("{}/tests/ops/{script}", env!("CARGO_MANIFEST_DIR")))
        .args(arguments)
        .env("GATEHOUSE", env!("CARGO_BIN_EXE_gatehouse"))
        .output()
        .expect("python3 is needed for the drills");
    let printed = [drill.stdout, drill.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(drill.status.success(), "{script}: {}{}", printed[0], printed[1]);
}
