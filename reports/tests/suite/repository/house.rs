//! The layout of the repository: allowed dependencies and names of each crate, sizes of files and
//! folders, and the files at the top.

use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 500;
const MAX_FILES_IN_A_ROOM: usize = 14;
const TOP: &[&str] =
    &["Cargo.lock", "Cargo.toml", "LICENSE", "README.md", "fuzz", "raft", "reports", "scenarios", "sim"];

/// (crate, our crates it may depend on, words its product code may not hold).
const ROOMS: &[(&str, &[&str], &[&str])] = &[
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
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

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The code of a file without its comments and without its tests.
fn product_code(path: &Path) -> String {
    let text = read(path);
    let product = text.split("#[cfg(test)]").next().unwrap_or("").to_owned();
    product.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

#[test]
fn only_these_stand_at_the_top() {
    let mut extra = Vec::new();
    for entry in fs::read_dir(root()).expect("the root can be read").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let built = ["target", "kraftsim-out"].contains(&name.as_str());
        if !name.starts_with('.') && !built && !TOP.contains(&name.as_str()) {
            extra.push(name);
        }
    }
    assert!(extra.is_empty(), "not at the top: {extra:?}");
}

#[test]
fn arrows_run_one_way() {
    for (name, allowed, _) in ROOMS {
        let manifest = read(&root().join(name).join("Cargo.toml"));
        for (other, ..) in ROOMS {
            let depends = manifest.lines().any(|line| {
                let line = line.trim();
                line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} "))
            });
            assert!(!depends || allowed.contains(other), "{name} depends on {other}; allowed: {allowed:?}");
        }
    }
}

#[test]
fn no_room_knows_what_it_must_not() {
    for (name, _, forbidden) in ROOMS {
        for path in sources(&root().join(name).join("src")) {
            let code = product_code(&path);
            for word in *forbidden {
                assert!(!code.contains(word), "{} says {word:?}, which {name} must not know", path.display());
            }
        }
    }
}

/// Kafka's words, which no identifier of `sim` may hold.
const KAFKAS_WORDS: &[&str] = &["epoch", "broker", "topic", "controller", "raft", "voter"];

/// The words of an identifier, in lower case: those of `voterSet`, `VOTER_SET` and `VoterSet` alike.
fn words(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && was_lower) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        words.last_mut().expect("never empty").extend(c.to_lowercase().filter(|c| *c != '_'));
    }
    words
}

/// The identifiers of a file that hold one of Kafka's words, also in the plural; its tests and
/// what stands in its strings and comments included.
fn in_kafkas_words(text: &str) -> Vec<String> {
    let of_kafka = |word: &String| {
        KAFKAS_WORDS.iter().any(|kafkas| word.strip_prefix(kafkas).is_some_and(|s| matches!(s, "" | "s")))
    };
    let identifiers = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    identifiers.filter(|identifier| words(identifier).iter().any(of_kafka)).map(str::to_owned).collect()
}

#[test]
fn the_world_does_not_speak_of_kafka() {
    assert_eq!(
        in_kafkas_words("let leader_epoch = VoterSet::new(MAX_TOPICS, topical, kraftsim);"),
        ["leader_epoch", "VoterSet", "MAX_TOPICS"]
    );
    for part in ["src", "tests", "benches"] {
        for path in sources(&root().join("sim").join(part)) {
            let found = in_kafkas_words(&read(&path));
            assert!(found.is_empty(), "{} says {found:?}, which are Kafka's words", path.display());
        }
    }
}

#[test]
fn one_product_file_names_madsim() {
    let mut named = Vec::new();
    for (name, ..) in ROOMS {
        for path in sources(&root().join(name).join("src")) {
            if product_code(&path).contains("madsim::") {
                named.push(path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default());
            }
        }
    }
    assert_eq!(named, ["host.rs"]);
}

#[test]
fn files_and_rooms_keep_their_size() {
    let mut rooms = std::collections::BTreeMap::<PathBuf, usize>::new();
    for (name, ..) in ROOMS {
        for part in ["src", "tests", "benches"] {
            for path in sources(&root().join(name).join(part)) {
                let text = read(&path);
                let lines = text.lines().count();
                let generated = path.file_name().is_some_and(|file| file == "table.rs");
                assert!(lines <= MAX_LINES || generated, "{} has {lines} lines; at most {MAX_LINES}", path.display());
                assert!(
                    text.starts_with("//!") || text.starts_with("#!["),
                    "{} does not say its job first",
                    path.display()
                );
                *rooms.entry(path.parent().expect("a file has a folder").to_owned()).or_default() += 1;
            }
        }
    }
    for (room, files) in rooms {
        assert!(files <= MAX_FILES_IN_A_ROOM, "{} holds {files} files; at most {MAX_FILES_IN_A_ROOM}", room.display());
    }
}

#[test]
fn floats_are_denied_where_a_run_computes() {
    for name in ["raft", "sim", "scenarios"] {
        let root_file = read(&root().join(name).join("src/lib.rs"));
        assert!(root_file.contains("#![deny(clippy::float_arithmetic)]"), "{name} does not deny floats");
    }
}
