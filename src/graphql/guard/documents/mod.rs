//! Documents: each text is parsed, checked against the limits and validated once, then cached, since clients send the same few
//! documents again and again.
//!
//! apollo-compiler parses and validates like the reference implementation. `values.rs` has the rules that it lacks, and
//! `convert.rs` converts the parsed document to the types that run. The limits are checked before the slow steps, so that
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
use async_graphql::{Pos, ServerError, Variables, parser::types::ExecutableDocument};
use quick_cache::{Weighter, sync::Cache};

use super::limits::{check_document, check_text};
use crate::{
    config::GraphqlLimits,
    graphql::{
        error::ApiError,
        error_redaction::{OTHERWISE, shorten},
    },
};
use convert::Places;

mod collect;
mod convert;
mod values;

/// The capacity of the cache, in bytes of text: a few hundred documents of usual size. A parsed document takes up to about a
/// hundred times the bytes of its text.
const CACHE_BYTES: u64 = 64 * 1024;

/// The estimated number of cached documents, which is not a limit.
const ESTIMATED_DOCUMENTS: usize = 256;

/// Parts of validation messages, and the general messages that replace them if errors must not name parts of the schema.
const REWORDED: [(&str, &str); 16] = [
    ("A variable is missing", "A variable is missing or does not match its type"),
    ("syntax error", "Syntax error"),
    ("does not have a field", "This field does not exist"),
    ("is not supported by", "This argument does not exist"),
    ("cannot find directive", "This directive does not exist"),
    ("cannot find type", "This type does not exist"),
    ("is not a type defined", "This type does not exist"),
    ("cannot find fragment", "This fragment does not exist"),
    ("expected value of type", "The value does not match the expected type"),
    ("cannot represent", "The value does not match the expected type"),
    ("does not exist on", "The value does not match the expected type"),
    ("the required", "A required argument or input field is missing"),
    ("subselection", "The field lacks a selection of subfields, or cannot have one"),
    ("variable", "The variable is not declared, not used, or of the wrong type"),
    ("operation must not", "Two fields with the same name differ. Give one an alias"),
    ("fragment", "The fragment cannot be used here, or is not used"),
];

/// The checker and cache of documents. Clones share the cache.
#[derive(Clone)]
pub struct Documents {
    schema: Arc<Valid<Schema>>,
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
    /// The operations without their selections: their names and the types of their variables.
    operations: Vec<Operation>,
}

impl Document {
    /// Returns the document to run for the operation with this name, with coerced variables.
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
        let kept = Arc::new(Cache::with_weighter(ESTIMATED_DOCUMENTS, CACHE_BYTES, Bytes));
        Ok(Self { schema: Arc::new(schema), kept, tells_schema })
    }

    /// Returns the document of a text, if it may run with these variables.
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
            check_document(&document.executable, variables, limits)?;
            return Ok(document);
        }
        check_text(text, limits)?;
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
        let executable = convert::convert(&parsed, &places).map_err(|problem| self.error(problem))?;
        check_document(&executable, variables, limits)?;
        let typed = parsed.to_executable_validate(&self.schema);
        let typed = typed.map_err(|wrong| self.first(&wrong.errors, &places))?;
        values::check_values(&self.schema, &typed, &places).map_err(|problem| self.error(problem))?;
        let operations = typed.operations.iter().map(|operation| {
            let nothing = SelectionSet::new(operation.selection_set.ty.clone());
            Operation { selection_set: nothing, ..Operation::clone(operation) }
        });
        let repeats_root_field = collect::repeats_root_field(&executable);
        Ok(Document { executable, repeats_root_field, operations: operations.collect() })
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
        // without an operation nothing will run
        let Some(operation) = operation else { return Ok(variables) };
        values::coerce(&self.schema, operation, variables).map_err(|problem| self.error(problem))
    }

    /// Converts the first of the errors in the text. Prefers an unknown field, because other errors follow from it.
    fn first(&self, errors: &DiagnosticList, places: &Places) -> ServerError {
        let is_unknown_field = |message: &str| message.contains("does not have a field");
        let all = || errors.iter().map(|found| (found.error.to_string(), found.error.location()));
        let first = all().find(|(message, _)| is_unknown_field(message)).or_else(|| all().next());
        let (message, at) = first.unwrap_or_default();
        self.error(Problem::of_schema(message, places.of(at)))
    }

    fn error(&self, problem: Problem) -> ServerError {
        let Problem { message, at, names_schema } = problem;
        let text = if names_schema && !self.tells_schema { reworded(&message) } else { sentence(&message) };
        let text = match at {
            Some(at) => format!("{text} (line {}, column {}).", at.line, at.column),
            None => format!("{text}."),
        };
        ServerError { locations: at.into_iter().collect(), ..ApiError::BadRequest(text).into() }
    }
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}

/// A mistake in a document.
#[derive(Debug)]
struct Problem {
    message: String,
    /// The position in the text, if known.
    at: Option<Pos>,
    /// Whether the message may name parts of the schema that the document does not have.
    names_schema: bool,
}

impl Problem {
    fn new(message: impl Into<String>, at: Pos) -> Self {
        Self { message: message.into(), at: Some(at), names_schema: false }
    }

    fn of_schema(message: String, at: Pos) -> Self {
        Self { message, at: Some(at), names_schema: true }
    }

    fn of_variables(detail: &str) -> Self {
        let message = format!("A variable is missing or does not match its type: {detail}");
        Self { message, at: None, names_schema: true }
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

/// Converts a validation message to a sentence without a full stop.
fn sentence(message: &str) -> String {
    let mut letters = message.trim_end_matches('.').chars();
    let mut text: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    shorten(&mut text);
    text
}

fn reworded(message: &str) -> String {
    let known = REWORDED.iter().find(|(part, _)| message.contains(part));
    known.map_or(OTHERWISE, |(_, text)| text).to_owned()
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
