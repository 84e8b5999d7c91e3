//! The operations of a client history that the black-box judge names.

use std::collections::BTreeSet;

use fuzz::hosts::HOSTS;
use scenarios::history::compare::STEPS;
use scenarios::history::judge::{Judgement, Terms, judge};
use scenarios::history::{History, Op};
use scenarios::report::{Linearizability, RunReport};

use crate::verb::job::Job;

/// An operation by its call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Called {
    pub at_ns: u64,
    /// The partition that it is about, if it is about one.
    pub partition: Option<String>,
}

/// Of a run whose history is not linearizable: the operation whose answer is impossible, and those that contradict it.
/// It takes one more run.
pub fn of(job: &Job, run: &RunReport, until_ns: Option<u64>) -> BTreeSet<Called> {
    if fuzz::case::violation(run).is_none() {
        return BTreeSet::new();
    }
    let (recorded, history) = job.scenario.prepared.run_recorded(job.seed, HOSTS[0], until_ns);
    match recorded.black_box {
        Some(judged) if judged.verdict == Linearizability::Violated => named(&history, &judged.left_out),
        _ => BTreeSet::new(),
    }
}

/// What is judged, without the objects that an excuse covers.
fn named(history: &History, left_out: &[String]) -> BTreeSet<Called> {
    let judged = history.operations.iter().filter(|operation| !left_out.contains(&operation.op.object()));
    let history = History { operations: judged.cloned().collect(), at_ns: history.at_ns.clone() };
    let (Judgement::Violated(finding), _) = judge(&history, Terms::strict(STEPS)) else { return BTreeSet::new() };
    // After a search the prefix is an order of effects, most of which contradict nothing.
    let against = finding.why.as_ref().map_or(&[][..], |_| &finding.prefix);
    let called = |place: &usize| {
        let operation = &history.operations[*place];
        let partition = match &operation.op {
            Op::Log { name, .. } => Some(name.clone()).filter(|name| name.contains('-')),
            _ => None,
        };
        Some(Called { at_ns: history.time_ns(operation.called)?, partition })
    };
    against.iter().chain([&finding.stuck]).filter_map(called).collect()
}

#[cfg(test)]
mod tests {
    use scenarios::history::log::LogOp;
    use scenarios::wgl::Operation;

    use super::*;

    #[test]
    fn the_witness_is_the_impossible_answer_and_what_contradicts_it() {
        let log = |name: &str, op| Op::Log { name: name.to_owned(), op };
        let read = |value| LogOp::Read { records: vec![(7, value)] };
        let append = |values| LogOp::Append { values, offset: None };
        let operation =
            |place: u64, op| Operation { process: place, called: 2 * place, returned: Some(2 * place + 1), op };
        let operations: Vec<Operation<Op>> =
            [log("a-0", append(vec![1, 2])), log("a-0", read(1)), log("a-1", append(vec![3])), log("a-0", read(2))]
                .into_iter()
                .zip(0..)
                .map(|(op, place)| operation(place, op))
                .collect();
        let history = History { operations, at_ns: (0..8).map(|place| place * 10).collect() };
        let called = |at_ns| Called { at_ns, partition: Some("a-0".to_owned()) };
        assert_eq!(named(&history, &[]), BTreeSet::from([called(20), called(60)]));
        assert_eq!(named(&history, &["log a-0".to_owned()]), BTreeSet::new());
    }
}
