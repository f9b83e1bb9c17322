//! What clients are generated from: `schema.graphql` is complete, says why where anything may be null, and breaks nobody
//! unannounced.

use std::{fs, path::Path, process::Command};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, TypeKind, TypeSystemDefinition},
};

use crate::support::node::{node, text};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Where breaking changes are announced.
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
fn no_field_is_null_without_saying_when() {
    let fields = output_fields();
    assert!(fields.len() > 60, "they were found: {}", fields.len());
    for (name, field) in fields {
        if let BaseType::List(item) = &field.ty.node.base {
            assert!(!item.nullable, "{name} has items that may be null");
        }
        let description = field.description.map(|text| text.node.to_lowercase()).unwrap_or_default();
        assert!(!field.ty.node.nullable || description.contains("null"), "{name} may be null; when?");
    }
}

/// The output of git, or none where it has none to give.
fn git(arguments: &[&str]) -> Option<String> {
    let ran = Command::new("git").args(arguments).current_dir(ROOT).output().ok()?;
    ran.status.success().then(|| text(&ran.stdout))
}

/// The commit before what is in the working tree: the last one where that differs, else the one before.
fn commit_before(schema: &str) -> Option<String> {
    let last = git(&["show", "HEAD:schema.graphql"])?;
    if last != schema {
        return Some("HEAD".to_owned());
    }
    let is_shallow = git(&["rev-parse", "--is-shallow-repository"])?.trim() == "true";
    if git(&["rev-parse", "--verify", "HEAD^"]).is_none() && is_shallow {
        // where the origin does not answer, there is nothing to compare with
        git(&["fetch", "--quiet", "--deepen=1"]);
    }
    git(&["rev-parse", "--verify", "HEAD^"]).map(|commit| commit.trim().to_owned())
}

/// How one schema breaks clients of another.
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

/// Those changes that no note announces. A note is a line that was not there before and holds the change, word for word.
fn unannounced(changes: Vec<String>, notes_before: &str, notes: &str) -> Vec<String> {
    let is_new = |line: &&str| !notes_before.lines().any(|before| before == *line);
    let notes: Vec<&str> = notes.lines().filter(is_new).collect();
    changes.into_iter().filter(|change| !notes.iter().any(|note| note.contains(change.as_str()))).collect()
}

#[test]
fn no_commit_breaks_clients_without_saying_so() {
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
fn a_broken_client_is_named_and_a_note_lets_it_pass() {
    let schema = gatehouse::graphql::sdl();
    assert_eq!(breaking_changes(&schema, &schema), Vec::<String>::new());
    let field = "\t\"\"\"\n\tThe first name; at most 150 characters.\n\t\"\"\"\n\tfirstName: String\n";
    assert!(schema.contains(field));
    let changes = breaking_changes(&schema, &schema.replace(field, ""));
    assert_eq!(changes, ["User.firstName was removed."]);
    assert_eq!(
        breaking_changes(&schema.replace(field, ""), &schema),
        Vec::<String>::new(),
        "more is welcome"
    );

    let note = "- User.firstName was removed. It is part of the name.\n";
    assert_eq!(unannounced(changes.clone(), "", note), Vec::<String>::new());
    assert_eq!(unannounced(changes.clone(), note, note), changes, "an old note is not good again");
    assert_eq!(unannounced(changes.clone(), "", "- User.name was removed.\n"), changes);
}
