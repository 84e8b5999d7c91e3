//! Generated tables in the project's documents.
//!
//! A document (any `.md` file of the repository) has a generated table between two lines:
//!
//! ```text
//! <!-- generated: bugs -->
//! <!-- end -->
//! ```
//!
//! The names are those of [`tables::TABLES`], and `fields NAME` for the table NAME of a scenario file
//! ([`fields`]). A test compares every table with what the code generates
//! and fails if they differ. This command rewrites all of them:
//!
//! ```text
//! UPDATE_DOCUMENTS=1 cargo test -p scenarios --test suite documents
//! ```
//!
//! A new document needs the two lines and that command, and nothing here. A new table is a function and a
//! row of [`tables::TABLES`].

mod fields;
mod measured;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use tables::TABLES;

const BEGIN: &str = "<!-- generated: ";
const BEGIN_END: &str = " -->";
const END: &str = "<!-- end -->";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every document below a folder; build output and hidden folders are left out.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())).flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "kraftsim-out"].contains(&name.as_str()) {
            found.extend(documents(&path));
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The text with every table as the code generates it now, or what is wrong with the markers.
fn regenerate(text: &str, generate: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut new = String::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        new.push_str(line);
        new.push('\n');
        let Some(name) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(BEGIN_END)) else { continue };
        let number = index + 1;
        let table = generate(name).ok_or_else(|| {
            let known: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
            format!("line {number}: no table is named {name:?}; allowed: {}, fields NAME", known.join(", "))
        })?;
        let starts_another = |line: &str| line.starts_with(BEGIN);
        lines
            .find(|(_, line)| *line == END || starts_another(line))
            .filter(|(_, line)| *line == END)
            .ok_or_else(|| format!("line {number}: the table {name:?} has no {END}"))?;
        new.push_str(&table);
        new.push_str(END);
        new.push('\n');
    }
    Ok(new)
}

fn generate(name: &str) -> Option<String> {
    if let Some(table) = name.strip_prefix("fields ") {
        return fields::of(table);
    }
    TABLES.iter().find(|(known, _)| *known == name).map(|(_, table)| table())
}

#[test]
#[expect(clippy::disallowed_methods, reason = "outside of any run: UPDATE_DOCUMENTS=1 rewrites the tables")]
fn every_generated_table_is_what_the_code_says() {
    let update = std::env::var("UPDATE_DOCUMENTS").is_ok_and(|value| value == "1");
    let mut stale = Vec::new();
    for path in documents(&root()) {
        let old = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let new = regenerate(&old, &generate).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
        if new == old {
            continue;
        }
        if update {
            fs::write(&path, &new).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        } else {
            let differs = |(_, (old, new)): &(usize, (&str, &str))| old != new;
            let at = old.lines().zip(new.lines()).enumerate().find(differs).map_or(0, |(index, _)| index + 1);
            stale.push(format!("{}:{at}", path.display()));
        }
    }
    assert!(
        stale.is_empty(),
        "stale tables (UPDATE_DOCUMENTS=1 cargo test -p scenarios --test suite documents rewrites them): {stale:#?}"
    );
}

#[test]
fn a_table_is_replaced_and_bad_markers_are_named() {
    let one = |name: &str| (name == "bugs").then(|| "new\n".to_owned());
    let text = "a\n<!-- generated: bugs -->\nold\n<!-- end -->\nb\n";
    let new = "a\n<!-- generated: bugs -->\nnew\n<!-- end -->\nb\n";
    assert_eq!(regenerate(text, &one).as_deref(), Ok(new));
    assert_eq!(regenerate(new, &one).as_deref(), Ok(new));
    let unknown = regenerate("<!-- generated: bug -->\n<!-- end -->\n", &one);
    assert!(unknown.is_err_and(|problem| problem.contains("line 1: no table is named \"bug\"; allowed: ")));
    let open = regenerate("<!-- generated: bugs -->\n<!-- generated: bugs -->\n<!-- end -->\n", &one);
    assert!(open.is_err_and(|problem| problem.contains("has no <!-- end -->")));
}

#[test]
fn the_readme_counts_the_mistakes() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let said = format!("{} mistakes as switches", raft::bugs::Bug::ALL.len());
    assert!(readme.contains(&said), "README.md does not say {said:?}");
}
