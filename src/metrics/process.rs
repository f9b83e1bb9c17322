//! Metrics of this process from the operating system, under the names that Prometheus's own clients use.

use std::fs;

use super::Reading;

/// Reads the values. Leaves out those that the operating system does not provide.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
pub fn readings() -> Vec<Reading> {
    let reading = |name, help, is_total| move |value| Reading { name, help, value, is_total };
    let of_system = [
        cpu_seconds().map(reading("cpu_seconds", "Processor time used", true)),
        resident_bytes().map(|bytes| bytes as f64).map(reading(
            "resident_memory_bytes",
            "Memory used",
            false,
        )),
        open_files().map(|count| count as f64).map(reading("open_fds", "Open file descriptors", false)),
        max_files().map(|count| count as f64).map(reading("max_fds", "Limit on file descriptors", false)),
    ];
    of_system.into_iter().flatten().collect()
}

#[cfg(unix)]
#[expect(clippy::cast_precision_loss, clippy::unnecessary_wraps, reason = "Prometheus counts in doubles")]
fn cpu_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(unix)]
fn max_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(not(unix))]
fn max_files() -> Option<u64> {
    None
}

/// Reads the resident memory, which Linux gives in kB.
fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn open_files() -> Option<usize> {
    // one of the open files is the folder that is being read
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1))
}
