//! The version of the program.

/// The version of the release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that the program was built from, or `unknown`. See `build.rs`.
pub const COMMIT: &str = env!("GATEHOUSE_COMMIT");
