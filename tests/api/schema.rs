//! `schema.graphql`, from which clients are generated: it says when a field may be null, and breaks no client
//! unannounced.

use std::{fs, path::Path, process::Command};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, TypeKind, TypeSystemDefinition},
};

use crate::support::node::{node, text};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The file that announces breaking changes.
const NOTES: &str = ".ci/breaking_changes.md";

fn output_fields() -> Vec<(String, FieldDefinition)> {
    let document = parse_schema(gatehouse::graphql::sdl()).unwrap();
    let mut fields = Vec::new();
    for definition in document.definitions {
        let TypeSystemDefinition::Type(ty) = definition else { continue };
        if let TypeKind::Object(object) = ty.node.kind {
            let name = ty.node.name.node;
            fields.extend(
                object
                    .fields
                    .into_iter()
                    .map(|field| (format!("{name}.{}", field.node.name.node), field.node)),
            );
        }
    }
    fields
}

#[test]
fn every_nullable_field_says_when_it_is_null() {
    let fields = output_fields();
    assert!(fields.len() > 60, "only {} fields were found", fields.len());
    for (name, field) in fields {
        if let BaseType::List(item) = &field.ty.node.base {
            assert!(!item.nullable, "{name} has items that may be null");
        }
        let description = field.description.map(|text| text.node.to_lowercase()).unwrap_or_default();
        assert!(
            !field.ty.node.nullable || description.contains("null"),
            "{name} may be null, but does not say when"
        );
    }
}

/// Returns the output of git, or `None` if it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let ran = Command::new("git").args(arguments).current_dir(ROOT).output().ok()?;
    ran.status.success().then(|| text(&ran.stdout))
}

/// Returns the commit to compare with: `HEAD` if the schema in the working tree differs from it, otherwise its parent.
fn commit_before(schema: &str) -> Option<String> {
    let last = git(&["show", "HEAD:schema.graphql"])?;
    if last != schema {
        return Some("HEAD".to_owned());
    }
    let is_shallow = git(&["rev-parse", "--is-shallow-repository"])?.trim() == "true";
    if git(&["rev-parse", "--verify", "HEAD^"]).is_none() && is_shallow {
        // if the origin does not respond, there is nothing to compare with
        git(&["fetch", "--quiet", "--deepen=1"]);
    }
    git(&["rev-parse", "--verify", "HEAD^"]).map(|commit| commit.trim().to_owned())
}

/// Returns the changes between two schemas that break clients.
fn breaking_changes(before: &str, after: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [("before", before), ("after", after)].map(|(name, schema)| {
        let file = folder.path().join(name);
        fs::write(&file, schema).unwrap();
        file.to_str().unwrap().to_owned()
    });
    let found = node(&["breaking.mjs", &old, &new]);
    assert!(found.status.success(), "{}", text(&found.stderr));
    text(&found.stdout).lines().map(ToOwned::to_owned).collect()
}

/// Returns the changes that no note announces. A note is a new line that contains the change, word for word.
fn unannounced(changes: Vec<String>, notes_before: &str, notes: &str) -> Vec<String> {
    let is_new = |line: &&str| !notes_before.lines().any(|before| before == *line);
    let notes: Vec<&str> = notes.lines().filter(is_new).collect();
    changes.into_iter().filter(|change| !notes.iter().any(|note| note.contains(change.as_str()))).collect()
}

#[test]
fn no_commit_breaks_clients_without_a_note() {
    let schema = fs::read_to_string(Path::new(ROOT).join("schema.graphql")).unwrap();
    let Some(commit) = commit_before(&schema) else {
        eprintln!("there is no commit to compare schema.graphql with");
        return;
    };
    let shown = |file: &str| git(&["show", &format!("{commit}:{file}")]);
    let Some(before) = shown("schema.graphql") else { return };
    let notes = fs::read_to_string(Path::new(ROOT).join(NOTES)).unwrap();
    let changes = breaking_changes(&before, &schema);
    let left = unannounced(changes, &shown(NOTES).unwrap_or_default(), &notes);
    let list = left.join("\n- ");
    assert!(
        left.is_empty(),
        "schema.graphql breaks clients of {commit}; if it must, say why in {NOTES}:\n- {list}"
    );
}

#[test]
fn a_breaking_change_is_reported_unless_a_note_announces_it() {
    let schema = gatehouse::graphql::sdl();
    assert_eq!(breaking_changes(&schema, &schema), Vec::<String>::new());
    let field = "\t\"\"\"\n\tThe first name. Null if not set.\n\t\"\"\"\n\tfirstName: String\n";
    assert!(schema.contains(field));
    let changes = breaking_changes(&schema, &schema.replace(field, ""));
    assert_eq!(changes, ["User.firstName was removed."]);
    assert_eq!(
        breaking_changes(&schema.replace(field, ""), &schema),
        Vec::<String>::new(),
        "an addition breaks no client"
    );

    let note = "- User.firstName was removed. It is part of the name.\n";
    assert_eq!(unannounced(changes.clone(), "", note), Vec::<String>::new());
    assert_eq!(unannounced(changes.clone(), note, note), changes, "an old note does not count");
    assert_eq!(unannounced(changes.clone(), "", "- User.name was removed.\n"), changes);
}

#[test]
fn each_error_of_a_field_stands_in_its_directive() {
    let document = parse_schema(gatehouse::graphql::sdl()).unwrap();
    let mut directives = 0;
    for definition in document.definitions {
        let TypeSystemDefinition::Type(ty) = definition else { continue };
        let TypeKind::Object(object) = ty.node.kind else { continue };
        for field in object.fields {
            let FieldDefinition { name, description, directives: of_field, .. } = field.node;
            let Some(errors) = of_field.iter().find(|directive| directive.node.name.node == "errors") else {
                continue;
            };
            directives += 1;
            let codes = errors.node.get_argument("codes").unwrap().node.to_string();
            let listed: Vec<_> =
                codes.trim_matches(['[', ']']).split(", ").filter(|code| !code.is_empty()).collect();
            let described = description.unwrap().node;
            let described =
                described.split_once("Errors: ").map_or("", |(_, codes)| codes.trim_end_matches('.'));
            let described: Vec<_> = described
                .split(", ")
                .map(|code| code.trim_matches('`'))
                .filter(|code| !code.is_empty())
                .collect();
            assert_eq!(listed, described, "{}", name.node);
        }
    }
    assert!(directives > 25, "only {directives} fields have errors");
}

#[test]
fn date_times_have_a_specification_and_pages_a_default_size() {
    let schema = gatehouse::graphql::sdl();
    assert!(schema.contains("scalar DateTime @specifiedBy(url: \"https://"), "no @specifiedBy");
    assert!(schema.contains("first: Int = 20"), "no default");
}
