//! The sources of the TypeScript client and the demonstration app: they compile strictly, match the schema and are
//! small.

use std::{fs, path::Path};

use rstest::rstest;

use crate::support::node::{node, text};

/// The maximum size of the client in bytes, minified and compressed, without the code generated from the schema.
const MOST: usize = 5 * 1000;

const PLAYGROUND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/playground");

/// Returns the compiler's messages about the app and the client in it, after `change` has edited the sources.
fn compile(change: impl Fn(&str, &str) -> String) -> String {
    // the app's imports resolve from this folder
    let folder =
        tempfile::Builder::new().prefix("app-").tempdir_in(format!("{PLAYGROUND}/node_modules")).unwrap();
    for sources in ["app", "client"] {
        copy(&Path::new(PLAYGROUND).join(sources), &folder.path().join(sources), &change);
    }
    let app = folder.path().join("app");
    let compiled = node(&["node_modules/typescript/bin/tsc", "--project", app.to_str().unwrap()]);
    assert_eq!(compiled.status.success(), compiled.stdout.is_empty());
    text(&compiled.stdout)
}

fn copy(from: &Path, to: &Path, change: &impl Fn(&str, &str) -> String) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if path.is_dir() {
            copy(&path, &to.join(name), change);
        } else {
            let source = fs::read_to_string(&path).unwrap();
            fs::write(to.join(&name), change(name.to_str().unwrap(), &source)).unwrap();
        }
    }
}

#[test]
fn the_client_compiles_strictly() {
    assert_eq!(compile(|_, source| source.to_owned()), "");
}

#[rstest]
#[case::known_code("words.ts", "    case 'LAST_SIGN_IN_METHOD':\n", "\"LAST_SIGN_IN_METHOD\"")]
#[case::future_codes("words.ts", "    case 'UNHANDLED_RESULT':\n    case 'unknown':\n", "\"unknown\"")]
#[case::known_member(
    "Login.tsx",
    "      case 'EmailChallenge':\n        return onChallenge(outcome);\n",
    "EmailChallenge"
)]
#[case::future_members("Login.tsx", "      case 'unknown':\n        return NEWER;\n", "Unknown")]
fn a_missing_case_of_a_switch_does_not_compile(
    #[case] file: &str,
    #[case] case: &str,
    #[case] missing: &str,
) {
    let complaints = compile(|name, source| {
        if name != file {
            return source.to_owned();
        }
        assert!(source.contains(case), "{file} has no such case");
        source.replacen(case, "", 1)
    });
    assert!(complaints.contains("is not assignable to parameter of type 'never'"), "{complaints}");
    assert!(complaints.contains(file) && complaints.contains(missing), "{complaints}");
}

/// Returns the TypeScript examples in a Markdown text.
fn examples(text: &str) -> impl Iterator<Item = &str> {
    text.split("```ts\n").skip(1).map(|example| example.split_once("```").unwrap().0)
}

/// Returns the example on the front page.
fn example() -> &'static str {
    examples(include_str!("../../README.md")).next().unwrap()
}

/// Returns the compiler's messages about the front page's example in a new app, with the client copied as described
/// there. The settings are those that create-vite 9.3.0 writes, with `more` added.
fn compile_in_new_app(more: &str) -> String {
    let settings = include_str!("../node/vite-react-ts/tsconfig.app.json");
    let settings = settings.replacen("\"compilerOptions\": {", &format!("\"compilerOptions\": {{ {more}"), 1);
    // Vite and React resolve from this folder
    let folder =
        tempfile::Builder::new().prefix("new-").tempdir_in(format!("{PLAYGROUND}/node_modules")).unwrap();
    let sources = folder.path().join("src");
    fs::create_dir(&sources).unwrap();
    fs::write(folder.path().join("tsconfig.app.json"), settings).unwrap();
    fs::write(sources.join("main.tsx"), example()).unwrap();
    copy(&Path::new(PLAYGROUND).join("client"), &sources.join("gatehouse"), &|_, source| source.to_owned());
    let settings = folder.path().join("tsconfig.app.json");
    let compiled = node(&["node_modules/typescript/bin/tsc", "--project", settings.to_str().unwrap()]);
    text(&compiled.stdout)
}

#[rstest]
fn the_client_compiles_in_a_new_app(
    #[values(
        "",
        "\"exactOptionalPropertyTypes\": true,",
        "\"isolatedModules\": true, \"noUncheckedSideEffectImports\": true,",
        "\"noUncheckedIndexedAccess\": true, \"noPropertyAccessFromIndexSignature\": true,",
        "\"noImplicitReturns\": true, \"noImplicitOverride\": true, \"strict\": true,",
        "\"useDefineForClassFields\": false, \"skipDefaultLibCheck\": true,"
    )]
    more: &str,
) {
    assert_eq!(compile_in_new_app(more), "");
}

#[test]
fn the_example_in_the_readme_compiles_strictly() {
    let example = example();
    let lines = example.lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 10, "{lines} lines");
    // the example replaces the app, next to the client
    let example = example.replace("'./gatehouse'", "'../client'");
    assert_eq!(
        compile(|name, source| if name == "main.tsx" { example.clone() } else { source.to_owned() }),
        ""
    );
}

#[test]
fn the_examples_next_to_the_client_compile_strictly() {
    let readme = include_str!("../../playground/client/README.md");
    let import = "import { createGatehouse } from './gatehouse';\n";
    let ask = "import type { AskForProof } from './gatehouse';\n\
               type Request = Parameters<AskForProof>[0];\n\
               declare function askForProof(methods: Request['methods'], sendCode: Request['sendCode'], refusal?: string): \
               ReturnType<AskForProof>;\n";
    let of_the_app = "import { createGatehouse } from './gatehouse';\ndeclare const gatehouse: ReturnType<typeof createGatehouse>;\n";
    assert_eq!(examples(readme).count(), 5);
    for example in examples(readme) {
        let missing = match example {
            example if example.contains(import) => "",
            example if example.contains("gatehouse);") => of_the_app,
            _ => import,
        };
        let asks = if example.contains("askForProof") { ask } else { "" };
        let example = format!("{missing}{asks}{example}").replace("'./gatehouse'", "'../client'");
        let example = example.replace("'./gatehouse/", "'../client/");
        let said =
            compile(|name, source| if name == "main.tsx" { example.clone() } else { source.to_owned() });
        assert_eq!(said, "", "{example}");
    }
}

#[test]
fn generated_code_matches_the_schema() {
    let checked =
        node(&["node_modules/@graphql-codegen/cli/esm/bin.js", "--config", "codegen.json", "--check"]);
    let why = format!("{}{}", text(&checked.stdout), text(&checked.stderr));
    assert!(checked.status.success(), "run `npm run generate` in tests/node to update the code: {why}");
}

#[test]
fn the_client_is_small() {
    let measured = node(&["measure.mjs"]);
    assert!(measured.status.success(), "{}", text(&measured.stderr));
    let bytes: usize = text(&measured.stdout).trim().parse().unwrap();
    assert!((1000..MOST).contains(&bytes), "{bytes} bytes");
}
