//! `LogMatching`, judged by the one map of all batches ([`crate::checks::server_model::ledger`]).
use crate::checks::prelude::*;

claim! {
    /// Logs with the same (epoch, end offset) have the same prefix; offsets have no gap.
    LogMatching, Safety of Quorum, "Raft §5.3, figure 3: Log Matching; KRaft TLA+: LogMatching";
}

/// Two records stand at one place, or something else that is no log.
#[cold]
#[track_caller]
pub fn broken(verdict: &mut Verdict, detail: impl FnOnce() -> String) {
    verdict.fail(&LogMatching::CLAIM, detail);
    verdict.logs_are_ambiguous();
}
