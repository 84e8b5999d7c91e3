//! The commit that a build records, in different kinds of source trees.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::build::build;
use crate::fake::folder;

fn git(here: &Path, words: &[&str]) -> bool {
    let author = ["-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"];
    let came = Command::new("git").arg("-C").arg(here).args(author).args(words).output();
    came.is_ok_and(|came| came.status.success())
}

#[test]
fn a_build_names_its_commit_and_whether_it_is_that() {
    let here = folder("commit");
    let root = here.join("tree");
    fs::create_dir_all(root.join("raft/src")).expect("makes");
    fs::create_dir_all(root.join("raft/tests")).expect("makes");
    for file in ["Cargo.toml", "README.md", "raft/src/lib.rs", "raft/tests/main.rs"] {
        fs::write(root.join(file), "one").expect("writes");
    }
    // Outside of this repository, whose commit does not apply to the files.
    if !git(&root, &["init", "--quiet", "."]) {
        return; // no git
    }
    assert!(build(&root).is_none(), "there is no commit yet");
    assert!(git(&root, &["add", "."]) && git(&root, &["commit", "--quiet", "-m", "one"]));
    let clean = build(&root).expect("a commit");
    assert!(clean.commit.len() == 40 && clean.commit.bytes().all(|b| b.is_ascii_hexdigit()), "{}", clean.commit);
    assert!(clean.watched.iter().all(|path| path.exists()), "cargo would run the script each time");
    let watched = |name: &str| clean.watched.iter().any(|path| path.ends_with(name));
    assert!(watched("raft/src/lib.rs") && watched(".git/HEAD") && !watched("README.md"), "{:?}", clean.watched);

    let commit_of = |root: &Path| build(root).map(|build| build.commit);
    fs::write(root.join("README.md"), "two").expect("writes");
    fs::write(root.join("raft/tests/main.rs"), "two").expect("writes");
    assert_eq!(commit_of(&root), Some(clean.commit.clone()), "neither goes into the build");
    fs::write(root.join("raft/src/lib.rs"), "two").expect("writes");
    assert_eq!(commit_of(&root), Some(format!("{}-dirty", clean.commit)));
    assert!(git(&root, &["commit", "--quiet", "-am", "two"]));
    let next = commit_of(&root).expect("a commit");
    assert!(next.len() == 40 && next != clean.commit, "{next}");

    // A worktree, whose .git is a file.
    let linked = here.join("linked");
    assert!(git(&root, &["worktree", "add", "--quiet", "-b", "other", linked.to_str().expect("text")]));
    fs::write(linked.join("Cargo.toml"), "two").expect("writes");
    let of_linked = build(&linked).expect("a commit");
    assert_eq!(of_linked.commit, format!("{next}-dirty"));
    assert!(of_linked.watched.iter().any(|path| path.ends_with(".git/worktrees/linked/HEAD")));
    // A tarball, unpacked inside another repository.
    fs::create_dir_all(root.join("unpacked/raft/src")).expect("makes");
    assert_eq!(commit_of(&root.join("unpacked")), None);
}
