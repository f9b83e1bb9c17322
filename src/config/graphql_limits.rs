//! The limits of GraphQL documents.

use super::{Mode, Variables, reader::Reader, values::within};

/// The limits for a GraphQL document.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each field is named after its setting, which `read` describes")]
pub struct GraphqlLimits {
    pub bytes: usize,
    /// This limit is needed because the parser itself does not limit its recursion into values.
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
    #[must_use]
    pub fn defaults() -> Self {
        Self::read(&mut Reader::new(Mode::Command, &Variables::default()))
    }

    /// Returns these limits, but with the default in place of each limit that is stricter than its default. The result
    /// applies to the server's own documents, because stricter limits would break the server's pages.
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
            "The limits of one document. Limits for one operation apply to each operation. All other limits apply \
             to the whole document. The content of a fragment counts each time the fragment is spread.",
        );
        Self {
            bytes: r.setting(
                "GRAPHQL_MAX_BYTES",
                "16384",
                "The maximum size in bytes.",
                |s| within(s, 1024..=65_536),
            ),
            nesting: r.setting(
                "GRAPHQL_MAX_NESTING",
                "64",
                "The maximum nesting of brackets of any kind.",
                |s| within(s, 8..=200),
            ),
            depth: r.setting(
                "GRAPHQL_MAX_DEPTH",
                "15",
                "The maximum nesting of fields.",
                |s| within(s, 2..=30),
            ),
            fields: r.setting(
                "GRAPHQL_MAX_FIELDS",
                "600",
                "The maximum number of selected fields and spread fragments, with fragments expanded.",
                |s| within(s, 1..=10_000),
            ),
            root_fields: r.setting(
                "GRAPHQL_MAX_ROOT_FIELDS",
                "5",
                "The maximum number of fields that one operation selects at its root.",
                |s| within(s, 1..=100),
            ),
            aliases: r.setting(
                "GRAPHQL_MAX_ALIASES",
                "30",
                "The maximum number of aliases.",
                |s| within(s, 0..=1000),
            ),
            directives: r.setting(
                "GRAPHQL_MAX_DIRECTIVES",
                "20",
                "The maximum number of directives.",
                |s| within(s, 0..=1000),
            ),
            fragments: r.setting(
                "GRAPHQL_MAX_FRAGMENTS",
                "20",
                "The maximum number of fragments that the document defines.",
                |s| within(s, 0..=200),
            ),
            variables: r.setting(
                "GRAPHQL_MAX_VARIABLES",
                "50",
                "The maximum number of variables that one operation defines.",
                |s| within(s, 0..=1000),
            ),
            operations: r.setting(
                "GRAPHQL_MAX_OPERATIONS",
                "20",
                "The maximum number of operations that the document defines.",
                |s| within(s, 1..=200),
            ),
            arguments: r.setting(
                "GRAPHQL_MAX_ARGUMENTS",
                "100",
                "The maximum number of arguments of fields and directives.",
                |s| within(s, 1..=1000),
            ),
            values: r.setting(
                "GRAPHQL_MAX_VALUES",
                "1000",
                "The maximum number of values in arguments, defaults and variables, including values within lists \
                 and objects. The values of a variable count each time the variable is used.",
                |s| within(s, 1..=10_000),
            ),
        }
    }
}
