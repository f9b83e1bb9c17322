//! The limits of GraphQL documents.

use super::{Config, Mode, Variables, reader::Reader, values::within};

/// The limits for a GraphQL document.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, and `read` says what that means")]
pub struct GraphqlLimits {
    pub bytes: usize,
    /// Needed because the parser itself does not limit its recursion into values.
    pub nesting: usize,
    pub depth: u32,
    pub fields: u32,
    pub root_fields: u32,
    pub aliases: u32,
    pub directives: u32,
    pub fragments: usize,
    pub variables: usize,
    pub operations: usize,
    pub arguments: u32,
    pub values: u32,
}

impl GraphqlLimits {
    /// Returns the default limits.
    ///
    /// # Panics
    /// Never, because a test checks that every default is valid.
    #[must_use]
    pub fn defaults() -> Self {
        let defaults = Config::load(Mode::Command, &Variables::default());
        defaults.unwrap_or_else(|error| unreachable!("{error}")).graphql_limits
    }

    /// Returns the limits, none of them stricter than its default. They apply to the server's own documents, because
    /// stricter limits would break its pages.
    #[must_use]
    pub fn at_least_defaults(&self) -> Self {
        let defaults = Self::defaults();
        Self {
            bytes: self.bytes.max(defaults.bytes),
            nesting: self.nesting.max(defaults.nesting),
            depth: self.depth.max(defaults.depth),
            fields: self.fields.max(defaults.fields),
            root_fields: self.root_fields.max(defaults.root_fields),
            aliases: self.aliases.max(defaults.aliases),
            directives: self.directives.max(defaults.directives),
            fragments: self.fragments.max(defaults.fragments),
            variables: self.variables.max(defaults.variables),
            operations: self.operations.max(defaults.operations),
            arguments: self.arguments.max(defaults.arguments),
            values: self.values.max(defaults.values),
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Self {
        r.section(
            "GraphQL documents",
            "The most that a document may contain, counted over the whole document. Each fragment counts wherever it is spread.",
        );
        Self {
            bytes: r.setting(
                "GRAPHQL_MAX_BYTES",
                "16384",
                "The size of the document in bytes.",
                |s| within(s, 1024..=65_536),
            ),
            nesting: r.setting(
                "GRAPHQL_MAX_NESTING",
                "64",
                "The nesting of brackets of any kind.",
                |s| within(s, 8..=200),
            ),
            depth: r.setting(
                "GRAPHQL_MAX_DEPTH",
                "15",
                "The nesting of fields.",
                |s| within(s, 2..=30),
            ),
            fields: r.setting(
                "GRAPHQL_MAX_FIELDS",
                "600",
                "Selected fields and spread fragments, with fragments expanded.",
                |s| within(s, 1..=10_000),
            ),
            root_fields: r.setting(
                "GRAPHQL_MAX_ROOT_FIELDS",
                "5",
                "Fields that one operation selects at its root.",
                |s| within(s, 1..=100),
            ),
            aliases: r.setting(
                "GRAPHQL_MAX_ALIASES",
                "30",
                "Aliases.",
                |s| within(s, 0..=1000),
            ),
            directives: r.setting(
                "GRAPHQL_MAX_DIRECTIVES",
                "20",
                "Directives.",
                |s| within(s, 0..=1000),
            ),
            fragments: r.setting(
                "GRAPHQL_MAX_FRAGMENTS",
                "20",
                "Fragments that the document defines.",
                |s| within(s, 0..=200),
            ),
            variables: r.setting(
                "GRAPHQL_MAX_VARIABLES",
                "50",
                "Variables that one operation defines.",
                |s| within(s, 0..=1000),
            ),
            operations: r.setting(
                "GRAPHQL_MAX_OPERATIONS",
                "20",
                "Operations that the document defines.",
                |s| within(s, 1..=200),
            ),
            arguments: r.setting(
                "GRAPHQL_MAX_ARGUMENTS",
                "100",
                "Arguments of fields and directives.",
                |s| within(s, 1..=1000),
            ),
            values: r.setting(
                "GRAPHQL_MAX_VALUES",
                "1000",
                "Values in arguments, defaults and variables, including those within lists and objects. The values \
                 of a variable count wherever it is used.",
                |s| within(s, 1..=10_000),
            ),
        }
    }
}
