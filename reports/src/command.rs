//! The one command line that reproduces a run, with every flag that alters it.

use fuzz::seeds::{Seeds, show_seed};

use crate::args::parse_digest;
use crate::engine::Overrides;
use crate::json::show_digest;

/// `kraftsim replay …`, ready to paste into a shell.
pub fn replay(scenario: &str, seed: u64, digest: u128, overrides: &Overrides) -> String {
    let mut words = vec!["replay".to_owned(), scenario.to_owned(), "--seed".to_owned(), show_seed(seed)];
    words.extend(run_flags(overrides));
    words.extend(["--expect-digest".to_owned(), show_digest(digest)]);
    line(&words)
}

/// The same for a repro file, with the flags added to those that it stores.
pub fn replay_repro(path: &str, digest: u128, on_top: &Overrides) -> String {
    let mut words = vec!["replay".to_owned(), path.to_owned()];
    words.extend(run_flags(on_top));
    words.extend(["--expect-digest".to_owned(), show_digest(digest)]);
    line(&words)
}

/// `kraftsim sweep …` for one seed that is run more than once and compared.
pub fn check_determinism(scenario: &str, seed: u64, overrides: &Overrides) -> String {
    let seeds = format!("{}..{}", show_seed(seed), show_seed(seed + 1));
    let mut words = vec!["sweep".to_owned(), scenario.to_owned(), "--seeds".to_owned(), seeds];
    words.extend(run_flags(overrides));
    words.push("--check-determinism".to_owned());
    line(&words)
}

/// `kraftsim sweep --guided …` for the same search.
pub fn guided(scenarios: &[String], seeds: Seeds, max_fail: u64, overrides: &Overrides) -> String {
    let end = seeds.first.saturating_add(seeds.count);
    let mut words = vec!["sweep".to_owned()];
    words.extend(scenarios.iter().cloned());
    words.extend([
        "--guided".to_owned(),
        "--seeds".to_owned(),
        format!("{}..{}", show_seed(seeds.first), show_seed(end)),
    ]);
    words.extend(["--max-fail".to_owned(), max_fail.to_string()]);
    words.extend(run_flags(overrides));
    line(&words)
}

/// Commands to continue with after a replay command: the log of the events that led to the violation, and the smallest
/// run that violates the same claim. `None`: it is not a replay command, or only a recorded history shows the
/// violation.
pub fn next(replay: &str) -> Option<[String; 2]> {
    let (run, expected) = replay.strip_prefix("kraftsim replay ")?.rsplit_once(" --expect-digest ")?;
    parse_digest(expected).ok()?;
    Some([format!("kraftsim replay {run} --log --around violation"), format!("kraftsim shrink {run}")])
}

/// Flag, value, flag, value, …
pub fn run_flags(overrides: &Overrides) -> Vec<String> {
    let cluster = overrides.cluster.iter().map(|cluster| ("--cluster", cluster.dir.clone()));
    let bugs = overrides.bugs.iter().map(|bug| ("--bug", bug.clone()));
    let fixes = overrides.fixes.iter().map(|fix| ("--fix", fix.clone()));
    let set = overrides.set.iter().map(|(key, value)| ("--set", format!("{key}={value}")));
    cluster.chain(bugs).chain(fixes).chain(set).flat_map(|(flag, value)| [flag.to_owned(), value]).collect()
}

fn line(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("kraftsim {}", words.join(" "))
}

/// Quoted if a shell would interpret it; no word has a NUL. The library also quotes `KEY=VALUE` and `50%`, which need
/// no quotes as arguments.
pub fn quote(word: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"_-./=:,+@%".contains(&b);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    shlex::try_quote(word).map_or_else(|_| word.to_owned(), std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ClusterFiles;

    #[test]
    fn the_next_commands_are_about_the_same_run() {
        let overrides = Overrides { bugs: vec!["VoteNotDurable".to_owned()], ..Overrides::default() };
        let run = "quorum --seed 0x000000000000002a --bug VoteNotDurable";
        let commands = [format!("kraftsim replay {run} --log --around violation"), format!("kraftsim shrink {run}")];
        assert_eq!(next(&replay("quorum", 42, 7, &overrides)), Some(commands));
        assert_eq!(next(&check_determinism("quorum", 42, &overrides)), None);
        assert_eq!(next(&(replay("quorum", 42, 7, &overrides) + " --history history.json")), None);
    }

    #[test]
    fn every_flag_that_alters_the_run_is_in_the_line() {
        let overrides = Overrides {
            cluster: Some(ClusterFiles { dir: "my cluster".to_owned(), files: Default::default() }),
            bugs: vec!["VoteNotDurable".to_owned()],
            fixes: vec!["FlushRecoveredLog".to_owned()],
            set: vec![("network.latency".to_owned(), "it's 2ms".to_owned())],
        };
        assert_eq!(
            replay("quorum", 42, 7, &overrides),
            "kraftsim replay quorum --seed 0x000000000000002a --cluster 'my cluster' --bug VoteNotDurable \
             --fix FlushRecoveredLog --set \"network.latency=it's 2ms\" \
             --expect-digest 00000000000000000000000000000007"
        );
    }
}
