//! The known finding behind a failure, in one line.

use fuzz::known::KnownFinding;

/// The document that describes each finding.
pub const DOCUMENT: &str = "scenarios/catalog/findings/README.md";

/// `known finding: FlushRecoveredLog (…), --fix FlushRecoveredLog removes it`
pub fn text(known: &KnownFinding) -> String {
    let KnownFinding { fixes, each_alone, is_shown } = known;
    let flags: Vec<String> = fixes.iter().map(|fix| format!("--fix {fix}")).collect();
    let mut text = match (fixes.as_slice(), *each_alone) {
        ([one], _) => format!("known finding: {one} ({DOCUMENT}), {} removes it", flags[0]),
        (_, true) => {
            let removes: Vec<String> = flags.iter().map(|flag| format!("{flag} removes it")).collect();
            format!("known finding: one of {} ({DOCUMENT}), {}", fixes.join(", "), removes.join(", "))
        }
        (_, false) => {
            format!(
                "known findings: some of those in {DOCUMENT}; together, and not one alone, {} remove it",
                flags.join(" ")
            )
        }
    };
    if !is_shown {
        text.push_str("; it may be chance, since the scenario of that finding does not name this claim");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_several_or_all_together_remove_it() {
        let fixes = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let said =
            |names: &[&str], each_alone, is_shown| text(&KnownFinding { fixes: fixes(names), each_alone, is_shown });
        let all = [
            said(&["FlushRecoveredLog"], true, true),
            said(&["FlushRecoveredLog"], true, false),
            said(&["FlushRecoveredLog", "SingleVoterFlushFirst"], true, true),
            said(&["FlushRecoveredLog", "SingleVoterFlushFirst"], false, true),
        ];
        insta::assert_snapshot!("known_finding", all.join("\n"));
    }
}
