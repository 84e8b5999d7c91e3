//! Words that must not be used: Kafka's in `sim`, and metaphors anywhere.

use std::fs;
use std::path::{Path, PathBuf};

use super::source::{name, read, root, sources};

/// Kafka's words, which no identifier of `sim` may hold.
const KAFKAS_WORDS: &[&str] = &["epoch", "broker", "topic", "controller", "raft", "voter"];

/// The words of an identifier, in lower case: the same for `voterSet`, `VOTER_SET` and `VoterSet`.
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

/// The identifiers of a file that contain one of Kafka's words, also in the plural; including those in tests, strings
/// and comments.
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
            assert!(found.is_empty(), "{} says {found:?}, which are Kafka's words", name(&path));
        }
    }
}

/// Metaphors of former versions, in the singular; what is meant is an observer, a model, a trigger, a test harness, a
/// module, a disk, a message, a history, or the cause of a loss.
const METAPHORS: &[&str] =
    &["onlooker", "ghost", "lookout", "desk", "platter", "parcel", "diary", "diaries", "doom", "doomed"];

/// The identifiers and words of a text that hold a metaphor. The verdict `GhostMismatch` keeps its name, which repro
/// files contain.
fn metaphors(text: &str) -> Vec<String> {
    let is_one = |word: &str| METAPHORS.iter().any(|it| word == *it || word.strip_suffix('s') == Some(*it));
    let holds_one = |identifier: &str| {
        let words = words(identifier);
        words.iter().any(|word| is_one(word)) && !words.join("_").contains("ghost_mismatch")
    };
    let identifiers = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    identifiers.filter(|identifier| holds_one(identifier)).map(str::to_owned).collect()
}

/// The documents below a folder.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read").flatten().map(|entry| entry.path());
    let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let own = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    own.chain(folders.iter().flat_map(|folder| documents(folder))).collect()
}

#[test]
fn nothing_is_named_by_a_metaphor() {
    let text = "GhostMismatch ghost_mismatches desktop; fn ask_desk(DIARY: GhostModel) // Parcels are doomed";
    assert_eq!(metaphors(text), ["ask_desk", "DIARY", "GhostModel", "Parcels", "doomed"]);
    for folder in ["raft", "sim", "scenarios", "fuzz", "reports"].map(|folder| root().join(folder)) {
        for path in sources(&folder).into_iter().chain(documents(&folder)) {
            let is_left_out =
                path.ends_with("repository/words.rs") || path.components().any(|it| it.as_os_str() == "target");
            let found = if is_left_out { Vec::new() } else { metaphors(&read(&path)) };
            assert!(found.is_empty(), "{} says {found:?}", name(&path));
        }
    }
    assert_eq!(metaphors(&read(&root().join("README.md"))), Vec::<String>::new());
}
