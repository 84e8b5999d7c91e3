//! No two files of a crate import each other, directly or through other files.
//!
//! An import is a `use`, or a path in the code, of an item in another file; a re-exported item belongs to the file
//! where it is declared. Imports are found in the text only, so the output of macros is not considered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::{product_code, root, sources};

/// A module by its path in its crate.
type Module = Vec<String>;

/// The modules of a crate.
struct Crate {
    /// Their code, without `use` statements, and what these import.
    modules: BTreeMap<Module, (String, Vec<Use>)>,
}

/// One imported path.
struct Use {
    path: Vec<String>,
    /// The name that it has here.
    name: String,
    is_public: bool,
}

impl Crate {
    fn read(name: &str) -> Crate {
        let folder = root().join(name).join("src");
        let files = sources(&folder).into_iter().filter(|path| !is_left_out(&folder, path));
        let modules = files.map(|path| (module(&folder, &path), imports(&product_code(&path))));
        Crate { modules: modules.collect() }
    }

    /// A path as it is written in a module → from the root of the crate; `None`: it is of another crate.
    fn absolute(&self, at: &Module, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?.as_str();
        let supers = path.iter().take_while(|part| *part == "super").count();
        let (base, rest) = match first {
            "crate" => (Vec::new(), &path[1..]),
            "self" => (at.clone(), &path[1..]),
            "super" => (at[..at.len().checked_sub(supers)?].to_vec(), &path[supers..]),
            child => {
                let inner: Module = at.iter().cloned().chain([child.to_owned()]).collect();
                (self.modules.contains_key(&inner).then(|| at.clone())?, path)
            }
        };
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }

    /// The module that declares the target of a path; `None`: another crate does, or it is itself a module.
    fn declares(&self, path: &[String], hops: u32) -> Option<Module> {
        let (at, rest) =
            (0..=path.len()).rev().map(|n| path.split_at(n)).find(|(at, _)| self.modules.contains_key(*at))?;
        let (at, item) = (at.to_vec(), rest.first()?);
        let exported = self.modules[&at].1.iter().find(|one| one.is_public && one.name == *item);
        match exported {
            Some(exported) if hops > 0 => {
                let from = self.absolute(&at, &exported.path)?;
                self.declares(&[&from[..], &rest[1..]].concat(), hops - 1)
            }
            _ => Some(at),
        }
    }

    /// The modules from which a module imports something.
    fn imports_of(&self, at: &Module) -> BTreeSet<Module> {
        let (code, uses) = &self.modules[at];
        let absolute = |path: &[String]| self.absolute(at, path);
        let named: BTreeMap<&str, Vec<String>> =
            uses.iter().filter_map(|one| Some((one.name.as_str(), absolute(&one.path)?))).collect();
        let in_code = paths(code).filter_map(|path| match named.get(path[0].as_str()) {
            Some(found) => Some([&found[..], &path[1..]].concat()),
            None => absolute(&path),
        });
        let imported = uses.iter().filter(|one| !one.is_public && one.name != "*");
        let all = imported.filter_map(|one| absolute(&one.path)).chain(in_code).chain(self.by_globs(at));
        all.filter_map(|path| self.declares(&path, 8)).filter(|other| other != at).collect()
    }

    /// The names that a module's code uses of those imported as `prelude::*`, by the paths that these re-export.
    fn by_globs(&self, at: &Module) -> Vec<Vec<String>> {
        let (code, uses) = &self.modules[at];
        let words: BTreeSet<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
        let mut named = Vec::new();
        for glob in uses.iter().filter(|one| one.name == "*") {
            let Some(from) = self.absolute(at, &glob.path[..glob.path.len() - 1]) else { continue };
            let Some((_, exported)) = self.modules.get(&from) else { continue };
            let exported = exported.iter().filter(|one| one.is_public && words.contains(one.name.as_str()));
            named.extend(exported.filter_map(|one| self.absolute(&from, &one.path)));
        }
        named
    }

    /// The modules that import each other: each with those that it reaches and that reach it.
    fn circles(&self) -> BTreeSet<BTreeSet<Module>> {
        let edges: BTreeMap<&Module, BTreeSet<Module>> =
            self.modules.keys().map(|module| (module, self.imports_of(module))).collect();
        let reached = |from: &Module| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![from.clone()]);
            while let Some(module) = next.pop() {
                next.extend(edges[&module].iter().filter(|other| seen.insert((*other).clone())).cloned());
            }
            seen
        };
        let reach: BTreeMap<&Module, BTreeSet<Module>> =
            self.modules.keys().map(|module| (module, reached(module))).collect();
        let circle = |module: &&Module| -> BTreeSet<Module> {
            reach[module].iter().filter(|other| reach[other].contains(*module)).cloned().collect()
        };
        self.modules.keys().map(|module| circle(&module)).filter(|circle| circle.len() > 1).collect()
    }
}

fn is_left_out(folder: &Path, path: &Path) -> bool {
    let file = path.file_stem().unwrap_or_default().to_string_lossy();
    let inner = path.strip_prefix(folder).unwrap_or(path);
    // A program is a crate of its own.
    file == "main" || file.ends_with("tests") || inner.iter().any(|part| part == "tests")
}

fn module(folder: &Path, path: &Path) -> Module {
    let inner = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let mut parts: Module = inner.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// The code without its `use` statements, and these.
fn imports(code: &str) -> (String, Vec<Use>) {
    let (mut rest, mut uses) = (String::new(), Vec::new());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        let (visibility, statement) = match line.trim_start().split_once("use ") {
            Some((visibility, statement)) if visibility.is_empty() || visibility.starts_with("pub") => {
                (visibility, statement)
            }
            _ => {
                rest.push_str(line);
                rest.push('\n');
                continue;
            }
        };
        let mut statement = statement.to_owned();
        while !statement.ends_with(';') {
            let Some(more) = lines.next() else { break };
            statement.push_str(more.trim());
        }
        for path in expanded(statement.trim_end_matches(';')) {
            let (path, name) = match path.split_once(" as ") {
                Some((path, name)) => (path.to_owned(), name.to_owned()),
                None => (path.clone(), path.rsplit("::").next().unwrap_or_default().to_owned()),
            };
            let path = path.split("::").map(|part| part.trim().to_owned()).collect();
            uses.push(Use { path, name, is_public: !visibility.is_empty() });
        }
    }
    (rest, uses)
}

/// `a::{b, c::{d, e}}` → `a::b`, `a::c::d`, `a::c::e`.
fn expanded(tree: &str) -> Vec<String> {
    let Some((head, inner)) = tree.trim().split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = inner.trim_end().strip_suffix('}').unwrap_or(inner);
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for c in inner.chars() {
        depth += i32::from(c == '{') - i32::from(c == '}');
        match c {
            ',' if depth == 0 => parts.push(String::new()),
            c => parts.last_mut().expect("never empty").push(c),
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expanded(part)).map(|part| format!("{head}{part}")).collect()
}

/// The paths of two or more parts in the code.
fn paths(code: &str) -> impl Iterator<Item = Vec<String>> {
    let words = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
    let paths = words.map(|word| word.trim_matches(':')).filter(|word| word.contains("::"));
    paths.map(|path| path.split("::").map(str::to_owned).collect())
}

#[test]
fn trees_of_imports_are_read() {
    assert_eq!(expanded("a::b"), ["a::b"]);
    assert_eq!(expanded("a::{b, c::{d, e}, f}"), ["a::b", "a::c::d", "a::c::e", "a::f"]);
    let (rest, uses) = imports("pub use a::B;\nuse super::{\n    c::D,\n    e as f,\n};\nfn g() {}\n");
    let uses: Vec<_> = uses.iter().map(|one| (one.path.join("::"), one.name.as_str(), one.is_public)).collect();
    let expected = [("a::B", "B", true), ("super::c::D", "D", false), ("super::e", "f", false)];
    assert_eq!(uses, expected.map(|(path, name, is_public)| (path.to_owned(), name, is_public)));
    assert_eq!(rest, "fn g() {}\n");
}

#[test]
fn no_two_files_import_each_other() {
    let mut found = Vec::new();
    for name in ["raft", "sim", "scenarios", "fuzz", "reports"] {
        for circle in Crate::read(name).circles() {
            found.push((name, circle.iter().map(|module| module.join("/")).collect::<Vec<_>>()));
        }
    }
    assert!(found.is_empty(), "these import each other; what both need belongs in a file of its own: {found:#?}");
}
