//! Who reads the settings, which decides what is required.

/// The way in which the program runs, which decides what settings are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A developer's machine. Every setting has a default, and the secret is stored in `DATA_DIR`.
    Dev,
    /// Production. The important settings are required.
    Serve,
    /// A command that signs nothing and needs only the database.
    Command,
}
