//! The way in which the program runs. It determines which settings are required.

/// The way in which the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A developer's machine. Every setting has a default, and the secret is stored in `DATA_DIR`.
    Dev,
    /// Production. The important settings are required.
    Serve,
    /// A command that signs nothing and needs only the database.
    Command,
}
