//! Who reads the settings, and how much they must say.

/// The way in which the program runs, which decides what settings are required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A developer's machine: everything has a default, and the secret is kept under `DATA_DIR`.
    Dev,
    /// Production: the settings that matter are required.
    Serve,
    /// A command that signs nothing and needs only the database.
    Command,
}
