//! Source files of the repository, and their product code.

use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder.
pub fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text of a file.
pub fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file below the workspace, by its path in it.
pub fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// The code of a file without its comments and without its tests.
pub fn product_code(path: &Path) -> String {
    without_tests(&read(path))
}

/// A text without comments and without the items under `#[cfg(test)]`, at any position. In rustfmt's format, an item
/// ends on its first line, by a semicolon, or at the first brace below it with the same indentation.
pub fn without_tests(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            code.push_str(line);
            code.push('\n');
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let first = lines.by_ref().find(|line| !line.trim_start().starts_with("#["));
        if first.is_some_and(|first| !first.ends_with([';', '}'])) {
            lines.by_ref().find(|line| line.starts_with(&end));
        }
    }
    code
}

#[test]
fn only_what_is_for_tests_is_left_out() {
    let text = "mod a;\n#[cfg(test)]\nmod tests;\n/// Doc.\npub fn b() {\n    #[cfg(test)]\n    fn c() {\n    }\n}\n\
                #[cfg(test)]\n#[path = \"x.rs\"]\nmod more {\n    use super::*;\n}\nfn d() {}\n";
    assert_eq!(without_tests(text), "mod a;\npub fn b() {\n}\nfn d() {}\n");
}
