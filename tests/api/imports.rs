//! Checks that files do not import each other in circles, and that tables do not import the storage engine.

use std::collections::{BTreeMap, BTreeSet};

use crate::house;

/// The segments of a path, such as `storage` and `user`.
type Path = Vec<String>;

/// The imports of a file.
#[derive(Default)]
struct Module {
    /// Every path that the file uses.
    uses: Vec<Path>,
    /// The paths that the file imports or re-exports, by their local names.
    names: BTreeMap<String, Path>,
}

/// All modules of the crate, by path.
struct Modules(BTreeMap<Path, Module>);

impl Modules {
    fn read() -> Self {
        let files = house::files().into_iter().filter(|(file, _)| file != "main.rs");
        Self(files.map(|(file, text)| (module_path(&file), Module::read(&text))).collect())
    }

    /// Returns the module that a path refers to, following re-exports.
    fn resolve(&self, from: &[String], path: &[String]) -> Option<Path> {
        let absolute = self.absolute(from, path)?;
        let known = (0..=absolute.len()).rev().find(|known| self.0.contains_key(&absolute[..*known]))?;
        let (module, rest) = absolute.split_at(known);
        let through = rest.first().and_then(|name| {
            let target = self.0[module].names.get(name).filter(|target| target.first() != Some(name))?;
            self.resolve(module, &[target, &rest[1..]].concat())
        });
        Some(through.unwrap_or_else(|| module.to_vec()))
    }

    /// Returns a path from the root of the crate, or `None` if the path leads to another crate.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Path> {
        let ups = path.iter().take_while(|name| *name == "super").count();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([from, &path[1..]].concat()),
            "super" => Some([from.get(..from.len().checked_sub(ups)?)?, &path[ups..]].concat()),
            child => {
                let is_child = self.0.contains_key(&[from, &[child.to_owned()]].concat());
                is_child.then(|| [from, path].concat())
            }
        }
    }

    /// Returns the modules that a module imports. A parent module and its submodules may import each other, so these do
    /// not count.
    fn imports(&self, module: &Path) -> BTreeSet<Path> {
        let uses = self.0[module].uses.iter().filter_map(|path| self.resolve(module, path));
        uses.filter(|other| !other.starts_with(module) && !module.starts_with(other)).collect()
    }
}

impl Module {
    fn read(text: &str) -> Self {
        let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let mut module = Self::default();
        for statement in code.split_inclusive(['\n', ';']).collect::<Statements>().0 {
            for (path, name) in expand(&statement) {
                module.names.insert(name, path.clone());
                module.uses.push(path);
            }
        }
        for root in ["crate::", "super::"] {
            for (at, _) in code.match_indices(root) {
                let path = code[at..].split(|c: char| !(c.is_alphanumeric() || "_:".contains(c))).next();
                module.uses.push(names(path.unwrap_or_default()));
            }
        }
        module
    }
}

/// The bodies of the `use` statements of a file.
struct Statements(Vec<String>);

impl<'a> FromIterator<&'a str> for Statements {
    fn from_iter<I: IntoIterator<Item = &'a str>>(parts: I) -> Self {
        let (mut statements, mut open) = (Vec::new(), None::<String>);
        for part in parts {
            let trimmed = part.trim_start();
            let visible = trimmed.strip_prefix("pub(super) ").or_else(|| trimmed.strip_prefix("pub(crate) "));
            let item = visible.or_else(|| trimmed.strip_prefix("pub ")).unwrap_or(trimmed);
            match (&mut open, item.strip_prefix("use ")) {
                (Some(statement), _) => statement.push_str(part),
                (None, Some(body)) => open = Some(body.to_owned()),
                (None, None) => {}
            }
            if part.ends_with(';') {
                statements.extend(open.take().map(|statement| statement.replace([';', '\n'], " ")));
            }
        }
        Self(statements)
    }
}

/// Returns the paths of a `use` statement, each with its local name.
fn expand(statement: &str) -> Vec<(Path, String)> {
    let Some((prefix, list)) = statement.split_once('{') else {
        let (path, alias) = match statement.split_once(" as ") {
            Some((path, alias)) => (path, Some(alias.trim().to_owned())),
            None => (statement, None),
        };
        let mut path = names(path.trim());
        if path.last().is_some_and(|name| name == "self") {
            path.pop();
        }
        let name = alias.or_else(|| path.last().cloned());
        return name.map(|name| (path, name)).into_iter().collect();
    };
    let (mut depth, mut items) = (0, vec![String::new()]);
    for letter in list.chars() {
        match letter {
            '}' if depth == 0 => break,
            ',' if depth == 0 => items.push(String::new()),
            letter => {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                items.last_mut().unwrap().push(letter);
            }
        }
    }
    let items = items.iter().map(|item| item.trim()).filter(|item| !item.is_empty());
    items.flat_map(|item| expand(&format!("{}{item}", prefix.trim()))).collect()
}

/// Splits a path at each `::`.
fn names(path: &str) -> Path {
    path.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// Returns the path of the module that a file contains.
fn module_path(file: &str) -> Path {
    let mut path: Path = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    path.retain(|name| name != "mod" && name != "lib");
    path
}

/// Returns every module that a module imports, directly or indirectly.
fn reachable<'a>(graph: &'a BTreeMap<Path, BTreeSet<Path>>, from: &'a Path) -> BTreeSet<&'a Path> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![from]);
    while let Some(module) = waiting.pop() {
        waiting.extend(graph[module].iter().filter(|other| found.insert(*other)));
    }
    found
}

#[test]
fn files_do_not_import_each_other_in_circles() {
    let modules = Modules::read();
    let graph: BTreeMap<Path, BTreeSet<Path>> =
        modules.0.keys().map(|module| (module.clone(), modules.imports(module))).collect();
    let of_engine = |name: &str| ["storage", "engine", name].map(str::to_owned).to_vec();
    assert!(graph[&of_engine("db")].contains(&of_engine("job")), "imports are not found");
    let session = ["storage", "session"].map(str::to_owned).to_vec();
    assert!(graph[&session].contains(&of_engine("txn")), "imports through re-exports are not found");

    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        graph.keys().map(|module| (module, reachable(&graph, module))).collect();
    for (module, others) in &reached {
        let circle: Vec<String> = others
            .iter()
            .filter(|other| reached[**other].contains(module))
            .map(|other| other.join("::"))
            .collect();
        assert!(circle.is_empty(), "these files import each other in a circle: {circle:?}");
    }
}

#[test]
fn tables_do_not_import_the_engine() {
    let mut tables = 0;
    for (file, text) in house::files() {
        let is_table = file.strip_prefix("storage/").is_some_and(|name| !name.contains('/'));
        // `mod.rs` re-exports the engine, and migrations and checks connect alone
        if is_table
            && !["storage/mod.rs", "storage/migrate.rs", "storage/condition.rs"].contains(&file.as_str())
        {
            tables += 1;
            assert!(!text.contains("engine::"), "{file} imports the engine");
        }
    }
    assert!(tables > 10, "only {tables} tables were found");
}
