//! What the checks find: the first violation, what was excused, rare situations, and why a run ended.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::broker::observation::PartitionTag;
use raft::io::Probe;

use super::claim::ClaimKind;
use super::replication::committed_log::Change;
use crate::coverage::Coverage;
use crate::report::{Violation, ViolationKind};

pub fn seconds(ns: u64) -> String {
    format!("{} s", sim::duration::seconds(ns))
}

pub fn or_none(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// True time of the event being judged, ns.
    pub now_ns: u64,
    /// Number of the event being judged: what ended before another thing began has the smaller number.
    pub event: u64,
    /// Rare situations and probes, counted.
    pub coverage: Coverage,
    /// A step that is over is being judged, and not the event.
    pub judges_step_before: bool,
    /// Records acknowledged with `acks=all`.
    pub acked_records: u64,
    /// Of them, those that were lost and excused, deletion of their topic apart.
    pub excused_records: u64,
    /// How the event changes the committed logs of partitions, until that is compared with what clients did.
    pub log_changes: Vec<(PartitionTag, Change)>,
    keep_going: bool,
    beyond_tolerance: bool,
    /// Beyond tolerance: two records stand at one place, so what models know of logs is worth nothing.
    ambiguous: bool,
    violation: Option<Violation>,
    /// The violation is one of a step that was over.
    of_step_before: bool,
    fired: BTreeMap<&'static str, &'static Claim>,
    excused: BTreeMap<Excuse, u64>,
    ended_by: Option<Excuse>,
}

impl Verdict {
    /// With `keep_going`, later violations are gathered too (in [`Verdict::fired`]).
    pub fn new(keep_going: bool) -> Verdict {
        Verdict { keep_going, ..Verdict::default() }
    }

    /// Only what each process promises by itself is judged.
    #[must_use]
    pub fn beyond_tolerance(self) -> Verdict {
        Verdict { beyond_tolerance: true, ..self }
    }

    /// Are only some claims judged?
    pub fn is_beyond_tolerance(&self) -> bool {
        self.beyond_tolerance
    }

    pub fn met(&mut self, situation: Situation) {
        self.coverage.met(situation);
    }

    pub fn reached(&mut self, probe: Probe) {
        self.coverage.reached(probe);
    }

    /// A claim broke. The first one is kept; `detail` is made only then.
    #[cold]
    #[track_caller]
    pub fn fail(&mut self, claim: &'static Claim, detail: impl FnOnce() -> String) {
        self.fail_by(claim, None, detail);
    }

    /// The same, by this one of the predicates that the claim is made of.
    #[cold]
    #[track_caller]
    pub fn fail_by(&mut self, claim: &'static Claim, predicate: Option<&str>, detail: impl FnOnce() -> String) {
        #[cfg(test)]
        if !super::tests::sites::may_report(std::panic::Location::caller()) {
            return;
        }
        if let Some(excuse) = Excuse::beyond_tolerance(claim, self.ambiguous).filter(|_| self.beyond_tolerance) {
            return self.excuse(excuse, 1);
        }
        if self.ended_by.is_some() || (self.violation.is_some() && !self.keep_going) {
            return;
        }
        self.fired.insert(claim.name, claim);
        if self.violation.is_some() {
            return;
        }
        let kind = match claim.kind {
            ClaimKind::Audit => ViolationKind::GhostMismatch,
            ClaimKind::Liveness => ViolationKind::Liveness,
            ClaimKind::Safety => ViolationKind::Safety,
        };
        self.of_step_before = self.judges_step_before;
        self.violation = Some(Violation {
            kind,
            invariant: claim.name.to_owned(),
            predicate: predicate.map(str::to_owned),
            spec: claim.source.to_owned(),
            detail: detail(),
            at_ns: self.now_ns,
            event: 0,
        });
    }

    /// A claim broke, unless there is an excuse.
    #[cold]
    #[track_caller]
    pub fn fail_unless(&mut self, excuse: Option<Excuse>, claim: &'static Claim, detail: impl FnOnce() -> String) {
        match excuse {
            Some(excuse) => self.excuse(excuse, 1),
            None => self.fail_by(claim, None, detail),
        }
    }

    /// Beyond tolerance: two records stand at one place, so what models know of logs is worth nothing.
    pub fn logs_are_ambiguous(&mut self) {
        self.ambiguous = true;
    }

    /// Something that destroyed bytes explain.
    #[cold]
    pub fn excuse(&mut self, excuse: Excuse, count: u64) {
        *self.excused.entry(excuse).or_default() += count;
    }

    /// Destroyed bytes explain what follows, whatever it is: nothing more can be judged.
    #[cold]
    pub fn end_excused(&mut self, excuse: Excuse) {
        self.excuse(excuse, 1);
        self.ambiguous |= excuse.makes_logs_ambiguous();
        // What is judged beyond tolerance rests on nothing that was destroyed.
        if self.violation.is_none() && self.ended_by.is_none() && !self.beyond_tolerance {
            self.ended_by = Some(excuse);
        }
    }

    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Was the violation found when a thread began its next step?
    pub fn is_of_step_before(&self) -> bool {
        self.of_step_before
    }

    pub fn ended_by(&self) -> Option<Excuse> {
        self.ended_by
    }

    #[inline]
    pub fn stop(&self) -> bool {
        self.ended_by.is_some() || (self.violation.is_some() && !self.keep_going)
    }

    /// Every invariant that broke so far (only the first unless kept going).
    pub fn fired(&self) -> impl Iterator<Item = &'static Claim> {
        self.fired.values().copied()
    }

    pub fn excused(&self) -> impl Iterator<Item = (Excuse, u64)> {
        self.excused.iter().map(|(excuse, count)| (*excuse, *count))
    }
}
