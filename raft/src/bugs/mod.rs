//! Bugs as switches: each is off unless a scenario, a test or `--bug` names it.
//!
//! * `bug`: the closed list, [`Bug`], and the set of those that are on
//! * `catalog`: the rows of the bug catalog: source, layer, expected checks
//! * `declare`: how a closed list of switches is declared
//!
//! Switches that are no rows of the bug catalog are synthetic mutants: bugs made to test the checks that they violate.
//!
//! To add a row:
//! 1. `bug`: a variant at the end of the list: row id, source, what the wrong code does.
//! 2. Beside the correct code: `if bugs.has(Bug::…)`, as small as possible. With the switch off nothing may change, not
//!    even a random draw: the golden digests show this.
//! 3. `catalog`: its row, with the checks that should detect it.
//! 4. `kraftsim sweep SCENARIO --bug NAME --fail-fast --seeds 1500` in the generic scenarios, then a line in
//!    `scenarios/tests/suite/mutants.rs`. If no check detects it: the bug has no effect (say why, `hidden by`), or a
//!    check is missing.

mod bug;
mod catalog;
mod declare;

pub use bug::{Bug, Bugs};
pub use catalog::{CATALOG, Layer, Row};
pub(crate) use declare::switches;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let last = *Bug::ALL.last().expect("there are some");
        let set: Bugs = [last, Bug::NoLogTest, Bug::VoteNotDurable].into_iter().collect();
        assert!(set.has(Bug::NoLogTest) && set.has(last) && !set.has(Bug::AckAtAppend));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Bug::VoteNotDurable, Bug::NoLogTest, last]);
        assert_eq!(Bug::by_name("NoLogTest"), Some(Bug::NoLogTest));
    }

    #[test]
    fn a_bug_is_a_row_of_the_catalog_or_a_mutant_and_its_doc_says_which() {
        for bug in Bug::ALL {
            let named = bug.doc().trim_start().split([' ', ':', ',']).next().unwrap_or_default();
            let is_id = named.len() == 3 && named[1..].bytes().all(|byte| byte.is_ascii_digit());
            assert_eq!(bug.row().map(|row| row.id), Some(named).filter(|_| is_id));
        }
        let rows: BTreeSet<Bug> = CATALOG.iter().map(|row| row.bug).collect();
        assert_eq!(rows.len(), CATALOG.len(), "a bug has one row");
        assert!(CATALOG.iter().all(|row| !row.expected.is_empty() || !row.hidden_by.is_empty()));
    }

    #[test]
    fn every_layer_has_at_least_six_rows() {
        assert!(CATALOG.len() >= 60, "{}", CATALOG.len());
        for layer in Layer::ALL {
            let rows = CATALOG.iter().filter(|row| row.layer == *layer).count();
            assert!(rows >= 6, "{layer:?}: {rows}");
        }
    }
}
