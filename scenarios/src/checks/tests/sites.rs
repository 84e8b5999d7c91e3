//! Every place at which a check reports a violation is asserted: some test fails when that place is silent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Names the file to which places are written that report, with the tests in which they do.
const RECORDED: &str = "KRAFTSIM_TEST_RECORDED_SITES";
/// Names the place that reports nothing.
const SILENT: &str = "KRAFTSIM_TEST_SILENT_SITE";

#[expect(clippy::disallowed_methods, reason = "by them the test speaks to its process")]
fn variable(name: &'static str, cell: &'static OnceLock<Option<String>>) -> Option<&'static str> {
    cell.get_or_init(|| std::env::var(name).ok()).as_deref()
}

/// May this place report? Called for each violation.
#[expect(clippy::disallowed_methods, reason = "a test runs in a thread of its name")]
pub fn may_report(at: &Location<'_>) -> bool {
    static RECORDED_TO: OnceLock<Option<String>> = OnceLock::new();
    static SILENT_SITE: OnceLock<Option<String>> = OnceLock::new();
    let site = format!("{}:{}", at.file(), at.line());
    if let Some(path) = variable(RECORDED, &RECORDED_TO) {
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        let mut file = fs::OpenOptions::new().append(true).create(true).open(path).expect("the test's own file");
        file.write_all(format!("{site} {test}\n").as_bytes()).expect("the test's own file");
    }
    variable(SILENT, &SILENT_SITE) != Some(&site)
}

/// The sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("readable").path());
    let below = paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] });
    below.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Product code of the checks, with names from the workspace's root as [`Location`] has them.
fn product() -> Vec<(String, String)> {
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = crate_root.parent().expect("a member of the workspace");
    let mut product = Vec::new();
    for path in sources(&crate_root.join("src/checks")) {
        let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        if !name.contains("/tests") {
            product.push((name, text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned()));
        }
    }
    product
}

/// Does a line name this function before a parenthesis?
fn calls(line: &str, function: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(function).any(|(at, _)| {
        line[at + function.len()..].starts_with('(') && !line[..at].ends_with(is_name) && !line[..at].ends_with("fn ")
    })
}

/// The places of product code that report: calls of functions that are `#[track_caller]`, those of [`Verdict`] and those
/// that report for several callers, outside of such functions.
///
/// [`Verdict`]: crate::checks::verdict::Verdict
fn sites() -> BTreeSet<String> {
    let product = product();
    let (mut functions, mut lines) = (BTreeSet::new(), Vec::new());
    for (name, text) in &product {
        // The end of the function that is being read: rustfmt puts it where the attribute stands.
        let mut end: Option<String> = None;
        for (line, number) in text.lines().zip(1..) {
            if let Some(indent) = line.strip_suffix("#[track_caller]") {
                end = Some(format!("{indent}}}"));
            } else if end.as_deref() == Some(line) {
                end = None;
            } else if end.is_none() && !line.trim_start().starts_with("//") {
                lines.push((line, format!("{name}:{number}")));
            } else if let Some((_, rest)) = line.split_once("fn ") {
                functions.extend(rest.split(['(', '<']).next());
            }
        }
    }
    let reports = |line: &str| functions.iter().any(|function| calls(line, function));
    lines.into_iter().filter(|(line, _)| reports(line)).map(|(_, site)| site).collect()
}

/// This binary, with only the tests of checks.
fn tests_of_checks(arguments: &[&str], variable: (&str, &str)) -> bool {
    let mut command = Command::new(std::env::current_exe().expect("this binary"));
    command.args(arguments).args(["--skip", "checks::tests::sites", "--test-threads", "2"]);
    command.env(variable.0, variable.1).env("PROPTEST_FAILURE_PERSISTENCE", "off");
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.expect("this binary can be started").success()
}

#[test]
fn a_test_fails_when_a_site_is_silent() {
    let path = std::env::temp_dir().join(format!("kraftsim-sites-{}", std::process::id()));
    assert!(tests_of_checks(&["checks::"], (RECORDED, &path.to_string_lossy())), "without a silent one all pass");
    let recorded = fs::read_to_string(&path).expect("written by the tests");
    fs::remove_file(&path).expect("written by the tests");
    let mut by_site: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (site, test) in recorded.lines().filter_map(|line| line.split_once(' ')) {
        by_site.entry(site).or_default().insert(test);
    }
    let is_asserted = |site: &str| {
        let Some(tests) = by_site.get(site) else { return false };
        let tests: Vec<&str> = tests.iter().copied().chain(["--exact"]).collect();
        !tests_of_checks(&tests, (SILENT, site))
    };
    let silent: Vec<String> = sites().into_iter().filter(|site| !is_asserted(site)).collect();
    assert!(silent.is_empty(), "no test fails when these report nothing: {silent:#?}");
}
