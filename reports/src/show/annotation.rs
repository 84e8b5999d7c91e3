//! Annotations of GitHub Actions: workflow commands on stderr, which its pages show as errors.

use fuzz::aggregate::Failure;
use fuzz::seeds::show_seed;

use super::failure::kind_in_words;
use super::known_finding;
use sim::duration::show_us;

/// GitHub shows at most this number of errors of a step.
const MOST: usize = 10;

/// Number of annotations that may still be written; 0 outside of GitHub Actions.
#[derive(Clone, Copy, Debug)]
pub struct Annotations {
    left: usize,
}

impl Annotations {
    /// The maximum of GitHub if this is a step of GitHub Actions.
    #[expect(clippy::disallowed_methods, reason = "where to print, not what to run")]
    pub fn here() -> Annotations {
        Annotations { left: if std::env::var("GITHUB_ACTIONS").is_ok_and(|value| value == "true") { MOST } else { 0 } }
    }

    /// The annotation of a failure.
    pub fn of(&mut self, failure: &Failure) -> Option<String> {
        let violation = &failure.violation;
        let (scenario, seed) = (&failure.scenario, show_seed(failure.seed));
        let title = format!("{} ({}): {scenario} seed {seed}", violation.invariant, kind_in_words(violation.kind));
        let at = show_us(violation.at_ns / 1000);
        let known = failure.again.known.as_ref().map_or(String::new(), |known| known_finding::text(known) + "\n");
        self.say(&title, &format!("{} (at {at})\n{known}{}", violation.detail, failure.again.command))
    }

    /// The annotation of an inconclusive sweep.
    pub fn of_vacuous(&mut self, why: &[String]) -> Option<String> {
        if why.is_empty() { None } else { self.say("kraftsim: inconclusive", &why.join("\n")) }
    }

    fn say(&mut self, title: &str, body: &str) -> Option<String> {
        self.left = self.left.checked_sub(1)?;
        let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
        Some(format!("::error title={}::{}", property(title), data(body)))
    }
}

#[cfg(test)]
mod tests {
    use fuzz::aggregate::Reproduction;
    use fuzz::known::KnownFinding;
    use scenarios::report::{Violation, ViolationKind};

    use super::*;

    #[test]
    fn annotations_are_escaped_and_at_most_ten() {
        let failure = Failure {
            scenario: "a,b:c.toml".to_owned(),
            seed: 42,
            digest: 7,
            violation: Violation {
                kind: ViolationKind::GhostMismatch,
                invariant: "PersistBeforePromise:D3".to_owned(),
                predicate: None,
                spec: String::new(),
                detail: "100 % of: x, y\r\nand z".to_owned(),
                at_ns: 1_500_000_000,
                event: 9,
            },
            again: Reproduction {
                repro: None,
                command: "kraftsim replay 'a,b:c.toml' --seed 42".to_owned(),
                known: Some(KnownFinding {
                    fixes: vec!["FlushRecoveredLog".to_owned()],
                    each_alone: true,
                    is_shown: true,
                }),
            },
        };
        let mut annotations = Annotations { left: MOST };
        insta::assert_snapshot!("annotation", annotations.of(&failure).expect("the first of ten"));
        assert_eq!(
            annotations.of_vacuous(&["no seed ran".to_owned()]).as_deref(),
            Some("::error title=kraftsim%3A inconclusive::no seed ran")
        );
        assert_eq!((0..20).filter(|_| annotations.of(&failure).is_some()).count(), 8);
        assert_eq!(Annotations { left: 0 }.of(&failure), None, "elsewhere");
    }
}
