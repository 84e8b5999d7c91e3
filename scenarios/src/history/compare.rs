//! Compares the black-box judge with the white-box one, on the same run.
//!
//! Both judge whether the responses that clients received are possible: the white box against the committed logs, the
//! black box against the other responses alone. So whatever the black box finds violated must be violated or excused in
//! the white box; the reverse does not hold, for a record that is lost before another client has received it is
//! invisible to clients. If the white box gives no verdict (an excuse ended the run) nothing is compared.

use std::collections::BTreeSet;

use super::judge::{Finding, Judgement, Terms, judge};
use super::{History, Op};
use crate::checks::Checks;
use crate::report::{BlackBox, Linearizability, Violation, ViolationKind};
use crate::run::Finished;

/// Search steps granted to each object of a run.
pub const STEPS: u64 = 10_000_000;

/// The result of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// The black box's verdict on all objects that no excuse covers.
    pub judgement: Judgement,
    /// Objects that an excuse covers.
    pub left_out: BTreeSet<String>,
    /// A violation that the white box neither found nor excused.
    pub disagreement: Option<Finding>,
}

impl Compared {
    /// The result in a run's report.
    pub fn report(&self) -> BlackBox {
        let verdict = match self.judgement {
            Judgement::Linearizable => Linearizability::Holds,
            Judgement::Violated(_) => Linearizability::Violated,
            Judgement::Unknown { .. } => Linearizability::Unknown,
        };
        BlackBox { verdict, left_out: self.left_out.iter().cloned().collect() }
    }

    /// The disagreement as a violation: one of the two judges is wrong.
    pub fn violation(&self, at_ns: u64, event: u64) -> Option<Violation> {
        let Finding { object, why, stuck, .. } = self.disagreement.as_ref()?;
        let why = why.clone().unwrap_or_else(|| "no order of its operations explains the answers".to_owned());
        Some(Violation {
            kind: ViolationKind::GhostMismatch,
            invariant: DISAGREES.to_owned(),
            predicate: None,
            spec: "the judge of client histories agrees with the checks".to_owned(),
            detail: format!(
                "{object}: {why} (operation {stuck} of the history), but the checks of the run found no contradiction"
            ),
            at_ns,
            event,
        })
    }
}

/// The name of a disagreement in reports.
pub const DISAGREES: &str = "BlackBoxDisagrees";

/// Judges the history of a run and compares it with the white box; `None` if nothing is judged.
pub fn compare(history: &History, finished: &Finished) -> Option<Compared> {
    let checks = finished.run.watch.checks.as_ref()?;
    if checks.linearizability() == Linearizability::NotJudged {
        return None;
    }
    let covered = covered_logs(checks);
    let kept = |op: &Op| match op {
        Op::Log { name, .. } => !covered.contains(name),
        Op::Topic { .. } | Op::Broker { .. } | Op::ProducerId { .. } | Op::Register { .. } | Op::Key { .. } => true,
    };
    let (operations, covered): (Vec<_>, Vec<_>) =
        history.operations.iter().cloned().partition(|operation| kept(&operation.op));
    let left_out = covered.iter().map(|operation| operation.op.object()).collect();
    let left = History { operations, at_ns: history.at_ns.clone() };
    let terms = Terms { steps: STEPS, appends_once: !checks.excused().any(|(excuse, _)| excuse.is_of_duplicates()) };
    let (judgement, _) = judge(&left, terms);
    let disagreement = match &judgement {
        Judgement::Violated(finding) if checks.linearizability() == Linearizability::Holds => Some(finding.clone()),
        _ => None,
    };
    Some(Compared { judgement, left_out, disagreement })
}

/// Logs with destroyed and excused records.
fn covered_logs(checks: &Checks) -> BTreeSet<String> {
    match checks.cluster() {
        Some(cluster) => cluster.cut_logs(),
        None if checks.committed_was_cut() => BTreeSet::from(["quorum".to_owned()]),
        None => BTreeSet::new(),
    }
}
