//! The layout of the repository: allowed dependencies and names of each crate, sizes of files and
//! folders, and the files at the top.

use std::fs;
use std::path::PathBuf;

use super::source::{name, product_code, read, root, sources, without_tests};

/// Generous limits: the content of a file or a folder is a matter of judgement; these only prevent unlimited growth.
const MAX_LINES: usize = 700;
const MAX_FILES_IN_A_FOLDER: usize = 24;
const TOP: &[&str] =
    &["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "fuzz", "raft", "reports", "scenarios", "sim"];

/// (crate, our crates it may depend on, words its product code may not hold).
const CRATES: &[(&str, &[&str], &[&str])] = &[
    ("raft", &[], &["sim::", "madsim", "rand_chacha", "std::time", "std::thread", "HashMap", "HashSet", "RandomState"]),
    (
        "sim",
        &[],
        &[
            "raft::",
            "kafka",
            "Kafka::",
            "std::time::Instant",
            "std::time::SystemTime",
            "std::thread",
            "HashMap",
            "HashSet",
        ],
    ),
    ("scenarios", &["raft", "sim"], &["fuzz::", "reports::", "madsim::", "std::thread", "HashMap", "HashSet"]),
    ("fuzz", &["scenarios", "sim"], &["reports::", "madsim::", "println!", "print!("]),
    ("reports", &["fuzz", "scenarios", "sim"], &["raft::", "madsim::"]),
];

#[test]
fn only_these_stand_at_the_top() {
    let mut extra = Vec::new();
    for entry in fs::read_dir(root()).expect("the root can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // What the examples of the documents write; `.gitignore` has them, too.
        let written = ["json", "svg", "png", "csv", "edn", "ndjson"].iter().any(|it| name.ends_with(&format!(".{it}")));
        let built = written || ["target", "kraftsim-out"].contains(&name.as_str());
        if !name.starts_with('.') && !built && !TOP.contains(&name.as_str()) {
            extra.push(name);
        }
    }
    assert!(extra.is_empty(), "not at the top: {extra:?}");
}

#[test]
fn arrows_run_one_way() {
    for (name, allowed, _) in CRATES {
        let manifest = read(&root().join(name).join("Cargo.toml"));
        for (other, ..) in CRATES {
            let depends = manifest.lines().any(|line| {
                let line = line.trim();
                line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} "))
            });
            assert!(!depends || allowed.contains(other), "{name} depends on {other}; allowed: {allowed:?}");
        }
    }
}

#[test]
fn no_crate_knows_what_it_must_not() {
    for (crate_name, _, forbidden) in CRATES {
        let is_product = |path: &PathBuf| !path.components().any(|part| part.as_os_str() == "tests");
        for path in sources(&root().join(crate_name).join("src")).into_iter().filter(is_product) {
            let code = product_code(&path);
            for word in *forbidden {
                assert!(!code.contains(word), "{} says {word:?}, which {crate_name} must not know", name(&path));
            }
        }
    }
}

#[test]
fn one_product_file_names_madsim() {
    let mut named = Vec::new();
    for (name, ..) in CRATES {
        for path in sources(&root().join(name).join("src")) {
            if product_code(&path).contains("madsim::") {
                named.push(path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default());
            }
        }
    }
    assert_eq!(named, ["host.rs"]);
}

#[test]
fn files_and_folders_keep_their_size() {
    let mut folders = std::collections::BTreeMap::<PathBuf, usize>::new();
    for (crate_name, ..) in CRATES {
        for part in ["src", "tests", "benches"] {
            for path in sources(&root().join(crate_name).join(part)) {
                let text = read(&path);
                let lines = text.lines().count();
                assert!(lines <= MAX_LINES, "{} has {lines} lines; at most {MAX_LINES}", name(&path));
                assert!(
                    text.starts_with("//!") || text.starts_with("#!["),
                    "{} does not say its job first",
                    name(&path)
                );
                *folders.entry(path.parent().expect("a file has a folder").to_owned()).or_default() += 1;
            }
        }
    }
    for (folder, files) in folders {
        assert!(
            files <= MAX_FILES_IN_A_FOLDER,
            "{} holds {files} files; at most {MAX_FILES_IN_A_FOLDER}",
            name(&folder)
        );
    }
}

/// Module maps that still contain code of their own, which is to be moved to files named after its purpose.
const MAPS_WITH_CODE: &[&str] = &[];

/// Does an unindented item of a line declare more than a module, an import or a constant?
fn is_code(line: &str) -> bool {
    let item = line.strip_prefix("pub").map_or(line, |rest| match rest.strip_prefix('(') {
        Some(scope) => scope.split_once(')').map_or(rest, |(_, item)| item),
        None => rest,
    });
    let kinds = ["fn", "const fn", "unsafe fn", "impl", "impl<", "struct", "enum", "trait", "static", "type"];
    let item = item.trim_start();
    line.starts_with(|c: char| !c.is_whitespace())
        && kinds.iter().any(|kind| {
            item.strip_prefix(kind)
                .is_some_and(|rest| kind.ends_with('<') || rest.starts_with(' ') || rest.starts_with('<'))
        })
}

#[test]
fn lib_and_mod_files_are_maps() {
    assert!(is_code("pub(crate) fn f() {") && is_code("impl<T> X<T> {") && is_code("struct S;"));
    assert!(!is_code("pub mod fnord;") && !is_code("pub use a::implied;") && !is_code("    fn inner() {"));
    let mut with_code = Vec::new();
    for (crate_name, ..) in CRATES {
        for path in sources(&root().join(crate_name).join("src")) {
            let is_map = path.file_name().is_some_and(|file| file == "mod.rs" || file == "lib.rs");
            let is_of_tests = path.components().any(|part| part.as_os_str() == "tests");
            if is_map && !is_of_tests && product_code(&path).lines().any(is_code) {
                with_code.push(name(&path));
            }
        }
    }
    assert_eq!(with_code, MAPS_WITH_CODE, "a lib.rs or mod.rs holds documentation, modules and re-exports");
}

/// Code after the tests inside a file is easily overlooked, by people and by tools.
#[test]
fn tests_inside_a_file_come_last() {
    for (crate_name, ..) in CRATES {
        for path in sources(&root().join(crate_name).join("src")) {
            let text = read(&path);
            let Some((_, rest)) = text.split_once("#[cfg(test)]\nmod tests {\n") else { continue };
            let behind = rest.split_once("\n}\n").map_or("", |(_, behind)| behind);
            assert!(without_tests(behind).trim().is_empty(), "{}: code behind its tests", name(&path));
        }
    }
}

/// A trait of `fuzz` that only `reports` implements would be a callback against the direction of dependencies.
#[test]
fn traits_of_fuzz_are_implemented_in_fuzz() {
    let code: String = sources(&root().join("fuzz/src")).iter().map(|path| product_code(path)).collect();
    let declared = code.lines().filter_map(|line| line.trim_start().strip_prefix("pub trait "));
    for declared in declared {
        let end = declared.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(declared.len());
        let name = &declared[..end];
        let implements = |line: &str| {
            line.starts_with("impl")
                && line.split(" for ").next().is_some_and(|head| head.contains(&format!(" {name}")))
        };
        assert!(code.lines().any(implements), "nothing in fuzz implements {name}");
    }
}

#[test]
fn floats_are_denied_where_a_run_computes() {
    for name in ["raft", "sim", "scenarios"] {
        let root_file = read(&root().join(name).join("src/lib.rs"));
        assert!(root_file.contains("#![deny(clippy::float_arithmetic)]"), "{name} does not deny floats");
    }
}
