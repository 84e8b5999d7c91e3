//! The smallest run of each bug that was caught (`fuzz/corpus`): with the bug the run equals the stored one and
//! violates the claim that its story ends with; without it everything holds to the end of the run.
//! `kraftsim bugs hunt --keep fuzz/corpus` regenerates the files; `UPDATE_DOCUMENTS=1` rewrites their stories.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fuzz::case::{Case, story, violation};
use fuzz::hunt::Caught;
use fuzz::shrink::{ShrinkSettings, shrink};
use reports::catalog::Catalog;
use reports::engine::Engine;
use reports::json::repro;
use reports::verb::regressions::Keep;
use scenarios::bugs::{Bugs, CATALOG};
use scenarios::report::ViolationKind;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    let entries = fs::read_dir(folder).expect("the corpus").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|it| it == "json")).collect();
    files.sort();
    files
}

/// What the file contains: the case, the digest of its run, and its story.
fn stored(path: &Path) -> (Case, u128, Vec<String>) {
    let text = fs::read_to_string(path).expect("a repro");
    let name = path.display().to_string();
    let read = repro::read(&name, &text).expect("a good repro");
    let prepared = Catalog.prepare(&read.scenario, &read.overrides, Some(&read.plan)).expect("it runs");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let story = serde_json::from_value(json["story"].clone()).expect("lines");
    (prepared.case(read.plan.seed).expect("it runs"), read.digest, story)
}

/// Replaces the story in a file, whose other lines do not change.
#[expect(clippy::disallowed_methods, reason = "whether to write the file, not what")]
fn update(path: &Path, story: &[String]) -> bool {
    if std::env::var("UPDATE_DOCUMENTS").is_ok_and(|value| value == "1") {
        let text = fs::read_to_string(path).expect("a repro");
        let (before, rest) = text.split_once("  \"story\": [").expect("a story");
        let (_, after) = rest.split_once("\n  ],").expect("the end of a list");
        let lines: Vec<String> = story.iter().map(|line| format!("\n    {}", serde_json::json!(line))).collect();
        fs::write(path, format!("{before}  \"story\": [{}\n  ],{after}", lines.join(","))).expect("writes");
        return true;
    }
    false
}

/// True if the sentence contains no Rust value.
fn is_plain(line: &str) -> bool {
    !["Some(", "None", "{", "[", "\n", "ErrorCode", "::"].iter().any(|foreign| line.contains(foreign))
}

#[test]
fn each_still_tells_its_bug_from_none() {
    let (files, mut moved, mut without) = (files(), Vec::new(), Vec::new());
    for path in &files {
        let (case, digest, written) = stored(path);
        let broken = case.run(None).expect("it runs");
        let mut story = story::tell(&case, &broken);
        // The drawn properties are part of the file's scenario, and no longer distinguished.
        story[0].clone_from(&written[0]);
        assert!(violation(&broken).is_some(), "{} holds with its bug", path.display());
        assert!(story.iter().all(|line| is_plain(line)), "{}: {story:#?}", path.display());
        assert!(story == written || update(path, &story), "{}: {story:#?} and not {written:#?}", path.display());
        if broken.digest != digest {
            moved.push(path.display().to_string());
        }
        let mut mended = case;
        mended.scenario.bugs = Bugs::NONE;
        let whole = mended.run(None).expect("it runs");
        without.extend(violation(&whole).map(|found| (path.display().to_string(), found.clone())));
    }
    assert_eq!(without, Vec::new(), "without their bugs");
    assert_eq!(moved, Vec::<String>::new(), "each is another run now than the one that was stored");
    let bug = |path: &PathBuf| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let unknown = files.iter().map(bug).find(|name| !CATALOG.iter().any(|row| row.bug.name() == name));
    assert_eq!(unknown, None, "a file is called what its bug is");
    // Bugs that no seed has caught have no file.
    assert!(files.len() * 100 >= CATALOG.len() * 95, "{} of {} rows", files.len(), CATALOG.len());
}

/// Without the topics that this run creates, no client can write to them, with or without the bug, and `Recovery` is
/// violated for lack of topics.
#[test]
fn shrinking_leaves_what_recovery_takes_without_the_bug() {
    let (case, ..) =
        stored(&files().into_iter().find(|path| path.ends_with("Kafka13959UnfencedAtLogEndOnly.json")).expect("it"));
    let report = case.run(None).expect("it runs");
    let broken = violation(&report).expect("it breaks").clone();
    assert_eq!(broken.kind, ViolationKind::Liveness);
    let settings = ShrinkSettings { jobs: 2, limit: None };
    let shrunk = shrink(case, report, &broken, settings, &AtomicBool::new(false), &mut |_| ());
    let mut mended = shrunk.case;
    mended.scenario.bugs = Bugs::NONE;
    assert_eq!(violation(&mended.run(None).expect("it runs")), None);
}

/// A kept file is not changed.
#[test]
fn an_interrupted_hunt_keeps_nothing() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interrupted-hunt");
    fs::create_dir_all(&folder).expect("a folder for the test");
    let row = CATALOG.iter().find(|row| row.bug.name() == "Kafka10533AckBeforeFlush").expect("it is there");
    let path = folder.join("Kafka10533AckBeforeFlush.json");
    // The stored run of the corpus was shrunk from this one.
    let (case, ..) = stored(&files().into_iter().find(|file| file.file_name() == path.file_name()).expect("it"));
    let violation = violation(&case.run(None).expect("it runs")).expect("it breaks").clone();
    let first = ("quorum".to_owned(), Caught { scenario: 0, seed: 0, digest: 0, violation });
    let keep = |interrupted: bool| {
        fs::write(&path, "before").expect("writes");
        let keep = Keep { folder: folder.clone(), jobs: 1, limit: Duration::from_secs(60) };
        let kept =
            keep.keep(&Catalog, &AtomicBool::new(interrupted), row, first.clone(), &mut |_| Ok(None)).expect("it runs");
        (kept.is_some(), fs::read_to_string(&path).expect("reads") == "before")
    };
    assert_eq!([keep(true), keep(false)], [(false, true), (true, false)]);
}
