//! What the text of a verdict names: a client's attempt, partitions, values, offsets.

use std::ops::Range;

/// The parts of one text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Clients by their numbers, with an attempt of each.
    pub attempts: Vec<(u16, i64)>,
    pub values: Vec<u64>,
    pub offsets: Vec<Range<i64>>,
    words: Vec<String>,
}

impl Names {
    /// Reads the text that a check wrote of a violation.
    pub fn of(text: &str) -> Names {
        let clean = |word: &str| word.trim_matches(|c: char| ",;:.()".contains(c)).to_owned();
        let words: Vec<String> = text.split_whitespace().map(clean).collect();
        let mut names = Names { words, ..Names::default() };
        let after = |phrase: &[&str]| numbers_after(&names.words, phrase);
        let attempts = after(&["attempt", "*", "of", "client"]).into_iter().zip(after(&["attempt"]));
        names.attempts =
            attempts.filter_map(|(client, attempt)| Some((u16::try_from(client).ok()?, attempt))).collect();
        names.values = after(&["value"]).into_iter().filter_map(|value| u64::try_from(value).ok()).collect();
        let single = |offset: i64| offset..offset + 1;
        let mut offsets: Vec<Range<i64>> = after(&["offset"]).into_iter().map(single).collect();
        // An end is exclusive.
        let ends = [after(&["offsets", "below"]), after(&["batch", "that", "ends", "at"])].concat();
        offsets.extend(ends.into_iter().map(|end| single(end - 1)));
        // What is lost: from where a log no longer agrees up to what was acknowledged.
        for (kept, acknowledged) in [
            (after(&["records", "only", "below"]), after(&["acknowledged", "up", "to"])),
            (after(&["committed", "log", "up", "to"]), after(&["of", "which"])),
        ] {
            offsets.extend(kept.into_iter().zip(acknowledged).map(|(kept, acknowledged)| kept..acknowledged));
        }
        names.offsets = offsets;
        names
    }

    /// Does the text name this partition?
    pub fn has_partition(&self, name: &str) -> bool {
        self.words.iter().any(|word| word == name)
    }
}

/// The numbers that stand behind these words; `*` is any word.
fn numbers_after(words: &[String], phrase: &[&str]) -> Vec<i64> {
    let is_phrase = |at: &&[String]| at.iter().zip(phrase).all(|(word, of)| *of == "*" || word == of);
    let found = words.windows(phrase.len() + 1).filter(is_phrase);
    found.filter_map(|at| at[phrase.len()].parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first offset of each range, and its end.
    fn ends(names: &Names) -> Vec<(i64, i64)> {
        names.offsets.iter().map(|range| (range.start, range.end)).collect()
    }

    /// Texts of the checks `AckedValueNotLost`, `InconsistentOffsets` and of the judge of admin attempts.
    #[test]
    fn a_verdict_names_what_was_lost() {
        let lost = Names::of(
            "partition topic-0-0: broker 101, in its ISR or ELR, truncates its log and keeps committed records only below \
             232; the committed log ends at 233 and is acknowledged up to 233",
        );
        assert_eq!((ends(&lost), lost.values.len()), (vec![(232, 233)], 0));
        assert!(lost.has_partition("topic-0-0") && !lost.has_partition("topic-0-1"));
        let begins = Names::of(
            "partition a-1: broker 102 leads epoch 4 with the committed log up to 7 of 12, of which 9 were acknowledged",
        );
        assert_eq!(ends(&begins), [(7, 9)]);
        let read = Names::of("client 3 reads value 17 at offset 5 of a-0, other clients value 18");
        assert_eq!((ends(&read), read.values), (vec![(5, 6)], vec![17, 18]));
        let batch = Names::of(
            "partition a-0: broker 101 acknowledges a batch that ends at 40; its log has a different batch there",
        );
        assert_eq!(ends(&batch), [(39, 40)]);
        assert_eq!(Names::of("attempt 12 of client 2 (entry 0, at offset 3): no").attempts, [(2, 12)]);
    }
}
