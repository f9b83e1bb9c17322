//! GraphQL documents. The text of each document is parsed, checked against the limits and validated once. The result is cached,
//! because clients send the same few documents again and again.
//!
//! apollo-compiler parses and validates like the reference implementation. `values.rs` has the rules that apollo-compiler lacks,
//! and `convert.rs` converts the parsed document to the types that run. The limits are checked before the slow steps, so that
//! refusing a hostile document is cheap.

use std::sync::Arc;

use apollo_compiler::{
    Schema,
    ast::{self, FieldDefinition, Type},
    diagnostic::ToCliReport,
    executable::{Operation, SelectionSet},
    name,
    parser::Parser,
    schema::{Component, ExtendedType},
    validation::{DiagnosticList, Valid},
};
use async_graphql::{ServerError, Variables, parser::types::ExecutableDocument};
use quick_cache::{Weighter, sync::Cache};

use super::{
    limits::{check_document, check_text},
    trusted_documents::TrustedDocuments,
};
use crate::{
    config::{Config, GraphqlLimits},
    graphql::{self, error::ApiError},
};
use convert::Places;
use problem::Problem;

mod collect;
mod convert;
mod problem;
mod values;

/// The capacity of the cache, in bytes of text: a few hundred documents of usual size. A parsed document takes up to about a
/// hundred times the bytes of its text.
const CACHE_BYTES: u64 = 64 * 1024;

/// The estimated number of cached documents, which is not a limit.
const ESTIMATED_DOCUMENTS: usize = 256;

/// The checker and cache of documents. Clones share the cache.
#[derive(Clone)]
pub struct Documents {
    schema: Arc<Valid<Schema>>,
    trusted: Arc<TrustedDocuments>,
    /// The limits of built-in documents.
    own_limits: GraphqlLimits,
    kept: Arc<Cache<String, Arc<Document>, Bytes>>,
    tells_schema: bool,
}

/// A document that passed all checks.
#[derive(Debug)]
pub struct Document {
    /// The document, in the types that async-graphql runs.
    pub executable: ExecutableDocument,
    /// Whether an operation selects a root field twice under the same name.
    repeats_root_field: bool,
    /// Whether the document is one of the server's own. Limits stricter than the defaults do not apply to it.
    is_built_in: bool,
    /// The operations without their selections: their names and the types of their variables.
    operations: Vec<Operation>,
}

impl Document {
    /// Returns the document to run for the operation with this name. The variables must already be coerced.
    #[must_use]
    pub fn to_run(&self, name: Option<&str>, variables: &Variables) -> ExecutableDocument {
        let mut document = self.executable.clone();
        if self.repeats_root_field {
            collect::collect_root_fields(&mut document, name, variables);
        }
        document
    }
}

#[derive(Clone, Debug)]
struct Bytes;

impl Weighter<String, Arc<Document>> for Bytes {
    fn weight(&self, text: &String, _: &Arc<Document>) -> u64 {
        text.len() as u64
    }
}

impl Documents {
    /// Creates a checker for the schema in `sdl`. With `tells_schema`, its messages may name parts of the schema.
    ///
    /// # Errors
    /// Fails if the schema is invalid.
    pub fn new(sdl: &str, tells_schema: bool) -> Result<Self, String> {
        let schema = read_schema(sdl).map_err(|errors| errors.to_string())?;
        Ok(Self {
            schema: Arc::new(schema),
            trusted: Arc::default(),
            own_limits: GraphqlLimits::defaults(),
            kept: Arc::new(Cache::with_weighter(ESTIMATED_DOCUMENTS, CACHE_BYTES, Bytes)),
            tells_schema,
        })
    }

    /// Creates the checker for the server's schema, with the trusted documents and limits from the settings.
    ///
    /// # Errors
    /// Returns everything that is wrong with the manifests in `TRUSTED_DOCUMENTS`.
    pub fn load(config: &Config) -> Result<Self, String> {
        let folder = config.server.trusted_documents.as_deref();
        let explain =
            |problems: Vec<String>| format!("TRUSTED_DOCUMENTS: {}", problems.join("\nTRUSTED_DOCUMENTS: "));
        let trusted = TrustedDocuments::load(folder, &config.graphql_limits).map_err(explain)?;
        let documents = Self {
            trusted: Arc::new(trusted),
            own_limits: config.graphql_limits.at_least_defaults(),
            ..Self::new(&graphql::sdl(), true)?
        };
        if folder.is_some() {
            documents.check_trusted(&config.graphql_limits).map_err(explain)?;
        }
        Ok(Self { tells_schema: config.server.introspection, ..documents })
    }

    /// Validates every trusted document, both as clients send it and as its endpoint runs it.
    fn check_trusted(&self, limits: &GraphqlLimits) -> Result<(), Vec<String>> {
        let problem = |(name, text): (&str, &str)| {
            let wrong = self.read(text, &Variables::default(), limits).err()?;
            Some(format!("{name}: {}", wrong.message))
        };
        let as_sent = self.trusted.documents();
        let as_run =
            self.trusted.operations().map(|operation| (operation.name.as_str(), operation.text.as_str()));
        let problems: Vec<_> = as_sent.chain(as_run).filter_map(problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Returns the schema.
    #[must_use]
    pub fn schema(&self) -> &Valid<Schema> {
        &self.schema
    }

    /// Returns the documents that the server knows.
    #[must_use]
    pub fn trusted(&self) -> &TrustedDocuments {
        &self.trusted
    }

    /// Returns the document that a text contains, if it may run with these variables.
    ///
    /// # Errors
    /// Fails with the first mistake or exceeded limit.
    pub fn judge(
        &self,
        text: &str,
        variables: &Variables,
        limits: &GraphqlLimits,
    ) -> Result<Arc<Document>, ServerError> {
        if let Some(document) = self.kept.get(text) {
            check_document(&document.executable, variables, self.limits(document.is_built_in, limits))?;
            return Ok(document);
        }
        check_text(text, self.limits(self.trusted.is_built_in(text), limits))?;
        let document = self.read(text, variables, limits)?;
        let document = Arc::new(document);
        self.kept.insert(text.to_owned(), document.clone());
        Ok(document)
    }

    fn read(
        &self,
        text: &str,
        variables: &Variables,
        limits: &GraphqlLimits,
    ) -> Result<Document, ServerError> {
        let places = Places::new(text);
        let parsed = Parser::new().parse_ast(text, "document");
        let parsed = parsed.map_err(|wrong| self.first(&wrong.errors, &places))?;
        if !self.trusted.allow(&parsed) {
            return Err(ApiError::DocumentNotTrusted.into());
        }
        let executable = convert::convert(&parsed, &places).map_err(|problem| self.error(problem))?;
        let is_built_in = self.trusted.is_built_in(text);
        check_document(&executable, variables, self.limits(is_built_in, limits))?;
        let typed = parsed.to_executable_validate(&self.schema);
        let typed = typed.map_err(|wrong| self.first(&wrong.errors, &places))?;
        values::check_values(&self.schema, &typed, &places).map_err(|problem| self.error(problem))?;
        let operations = typed.operations.iter().map(|operation| {
            let nothing = SelectionSet::new(operation.selection_set.ty.clone());
            Operation { selection_set: nothing, ..Operation::clone(operation) }
        });
        let repeats_root_field = collect::repeats_root_field(&executable);
        Ok(Document { executable, repeats_root_field, is_built_in, operations: operations.collect() })
    }

    fn limits<'l>(&'l self, is_built_in: bool, of_others: &'l GraphqlLimits) -> &'l GraphqlLimits {
        if is_built_in { &self.own_limits } else { of_others }
    }

    /// Returns the variables, coerced to the types that the operation with this name declares.
    ///
    /// # Errors
    /// Fails if a variable is missing or does not match its type.
    pub fn coerce(
        &self,
        document: &Document,
        name: Option<&str>,
        variables: Variables,
    ) -> Result<Variables, ServerError> {
        let operation = match (&document.operations[..], name) {
            ([only], None) => Some(only),
            (all, Some(_)) => all.iter().find(|operation| operation.name.as_deref() == name),
            _ => None,
        };
        // without an operation, nothing will run
        let Some(operation) = operation else { return Ok(variables) };
        values::coerce(&self.schema, operation, variables).map_err(|problem| self.error(problem))
    }

    /// Converts one of the errors in the text: the first unknown field, because other errors follow from it. If no field is
    /// unknown, converts the first error.
    fn first(&self, errors: &DiagnosticList, places: &Places) -> ServerError {
        let is_unknown_field = |message: &str| message.contains("does not have a field");
        let all = || errors.iter().map(|found| (found.error.to_string(), found.error.location()));
        let first = all().find(|(message, _)| is_unknown_field(message)).or_else(|| all().next());
        let (message, at) = first.unwrap_or_default();
        self.error(Problem::of_schema(message, places.of(at)))
    }

    fn error(&self, problem: Problem) -> ServerError {
        problem.into_error(self.tells_schema)
    }
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

/// Parses the schema, and adds `__Type.isOneOf`, which apollo-compiler lacks.
fn read_schema(sdl: &str) -> Result<Valid<Schema>, DiagnosticList> {
    let mut schema = Schema::parse(sdl, "schema.graphql").map_err(|wrong| wrong.errors)?;
    if let Some(ExtendedType::Object(object)) = schema.types.get_mut("__Type") {
        let field = FieldDefinition {
            description: None,
            name: name!("isOneOf"),
            arguments: Vec::new(),
            ty: Type::Named(name!("Boolean")),
            directives: ast::DirectiveList::default(),
        };
        object.make_mut().fields.insert(name!("isOneOf"), Component::new(field));
    }
    schema.validate().map_err(|wrong| wrong.errors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Mode};

    #[test]
    fn what_is_kept_is_bounded_whatever_is_sent() {
        let limits =
            Config::load(Mode::Command, &crate::config::Variables::default()).unwrap().graphql_limits;
        let documents = Documents::new(&crate::graphql::sdl(), true).unwrap();
        let text = |n: usize| format!("{{ me {{ id }} }} #{n} {}", "x".repeat(n % 500));
        for n in 0..5000 {
            documents.judge(&text(n), &Variables::default(), &limits).unwrap();
        }
        assert!(documents.kept.weight() <= CACHE_BYTES, "{}", documents.kept.weight());
        assert!(documents.kept.len() > 50);
    }
}
