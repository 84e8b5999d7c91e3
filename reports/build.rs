//! Records the commit of the build: `KRAFTSIM_COMMIT` is its 40 hex digits, with `-dirty` if an input file of the build
//! differs from it, and is absent without git or a repository (a tarball).

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of the build, relative to the root of the workspace.
const INPUTS: [&str; 8] = ["Cargo.toml", "Cargo.lock", ".cargo", "raft", "sim", "scenarios", "fuzz/src", "reports"];

/// Those inputs that only tests and benches read.
const NO_INPUTS: [&str; 5] =
    [":(exclude)*/tests/**", ":(exclude)*/benches/**", ":(exclude)*/examples/**", ":(exclude)*.md", ":(exclude)*.snap"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Some(Build { commit, watched }) = build(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..")) else { return };
    watched.iter().for_each(|path| println!("cargo::rerun-if-changed={}", path.display()));
    println!("cargo::rustc-env=KRAFTSIM_COMMIT={commit}");
}

/// The commit of the build, and the files that determine it: an unchanged tree does not run this script again.
pub struct Build {
    pub commit: String,
    pub watched: Vec<PathBuf>,
}

/// The commit of the workspace in a folder; `None` if it is not a repository.
pub fn build(root: &Path) -> Option<Build> {
    let head = commit(root)?;
    let of_inputs = |words: &[&str]| git(root, &[words, &["--"], &INPUTS[..], &NO_INPUTS].concat());
    let changed = of_inputs(&["status", "--porcelain", "--untracked-files=no"]);
    let dirty = if changed.is_none_or(|changed| !changed.trim().is_empty()) { "-dirty" } else { "" };
    // An edit changes the dirty state, but neither HEAD nor the index.
    let tracked = of_inputs(&["ls-files", "-z"]).unwrap_or_default();
    let watched = tracked.split('\0').map(|path| root.join(path)).filter(|path| path.is_file());
    Some(Build { commit: head + dirty, watched: watched.chain(marks_of_commits(root)).collect() })
}

/// The commit, if this workspace is the top of a repository: sources that are unpacked inside another repository do
/// not belong to its commit.
fn commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?.trim_end());
    let same = top.canonicalize().ok()? == root.canonicalize().ok()?;
    let head = git(root, &["rev-parse", "--verify", "HEAD"])?.trim().to_owned();
    (same && !head.is_empty()).then_some(head)
}

/// Files that change when HEAD moves. In a linked worktree they are in the main repository's folder, so git provides
/// the paths. HEAD's log contains every move; without it, the branch of HEAD does.
fn marks_of_commits(root: &Path) -> Vec<PathBuf> {
    let path = |name: &str| Some(root.join(git(root, &["rev-parse", "--git-path", name])?.trim_end()));
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]).and_then(|branch| path(branch.trim()));
    let moves = [path("logs/HEAD"), branch, path("refs/heads")].into_iter().flatten().find(|path| path.exists());
    // An absent file would run this script each time.
    path("HEAD").into_iter().chain(moves).chain(path("packed-refs")).filter(|path| path.exists()).collect()
}

/// The output of git; `None` if git is absent or fails. The command does not write the index, which would change a
/// watched file at each build.
fn git(root: &Path, words: &[&str]) -> Option<String> {
    let came = Command::new("git").arg("--no-optional-locks").arg("-C").arg(root).args(words).output().ok()?;
    came.status.success().then(|| String::from_utf8_lossy(&came.stdout).into_owned())
}
