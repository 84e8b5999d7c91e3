//! The white-box judge: commit offsets order the appends, so no search is needed; O(n log n).
//!
//! * an acknowledged append stands at exactly its offset in the committed log
//! * one that returned before another was invoked has the smaller offset
//! * no value is committed twice, none that was definitely refused, none that nobody sent
//! * a read shows committed records only, and every one from where it began to where it ended;
//!   it may be stale (reads carry no proof of leadership)

use crate::checks::prelude::*;
use crate::checks::replication::elections::AckedValueNotLost;
use std::collections::BTreeMap;

use raft::client::Outcome;
use raft::ids::Offset;

use super::clients::counts::Counts;
use super::committed::{Committed, CommittedRecord};
use super::loss::quorum::QuorumLosses;
use super::server_model::ledger::Ledger;
use crate::actor::AttemptEvent;

claim! {
    /// An acknowledged append is at its offset; acknowledgements respect real time.
    LinearizableAppends, Safety of History, "Herlihy and Wing; a log decided by its offsets";
    /// A read returns all committed records of its range, and nothing else.
    CommittedReads, Safety of History, "KIP-595: listeners see offsets below the high watermark";
    /// The records that one process of a server returns never go back.
    MonotonicReads, Safety of History, "Kafka: RaftClient.Listener.handleCommit, in offset order, no repeat";
    /// No value is committed twice.
    DuplicateRecord, Safety of History, "Jepsen Kafka: duplicate";
    /// An append that was definitely refused is never committed.
    FailedAppendCommitted, Safety of History, "Jepsen Kafka: aborted read";
}

/// An append without an answer.
#[derive(Clone, Copy, Debug)]
struct Append {
    invoked_ns: u64,
    first_value: u64,
    count: u8,
}

impl Append {
    fn values(self) -> impl Iterator<Item = u64> {
        (0..u64::from(self.count)).map(move |index| self.first_value + index)
    }
}

/// A read without an answer, and how far that has come.
#[derive(Clone, Copy, Debug)]
struct Read {
    invoked_ns: u64,
    from: Offset,
    /// How many more records it may show.
    left: u16,
    /// The place among the committed records where the answer continues, once its first has come.
    next: Option<usize>,
    /// Its server had applied destroyed records.
    astray: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct ValueState {
    committed: Option<Offset>,
    invoked_ns: Option<u64>,
    acked: Option<Offset>,
    failed: bool,
}

/// A client, and its number of an attempt.
type Key = (usize, u32);

#[derive(Clone, Debug, Default)]
pub struct WhiteBox {
    appends: BTreeMap<Key, Append>,
    reads: BTreeMap<Key, Read>,
    /// Every value that was sent or committed.
    values: BTreeMap<u64, ValueState>,
    pub counts: Counts,
    /// (true time an append was acknowledged, highest offset acknowledged so far), ascending.
    acks: Vec<(u64, Offset)>,
    healed_ns: Option<u64>,
    pub finished: bool,
}

impl WhiteBox {
    pub fn client(
        &mut self,
        client: usize,
        event: AttemptEvent,
        (committed, ledger): (&mut Committed, &Ledger),
        verdict: &mut Verdict,
    ) {
        let invoked_ns = verdict.now_ns;
        match event {
            AttemptEvent::AppendInvoked { attempt, first_value, count } => {
                let append = Append { invoked_ns, first_value, count };
                for value in append.values() {
                    self.values.entry(value).or_default().invoked_ns.get_or_insert(invoked_ns);
                }
                self.counts.began("append");
                self.appends.insert((client, attempt), append);
            }
            AttemptEvent::AppendOk { attempt, base_offset } => {
                let append = self.append_ended((client, attempt), Outcome::Done);
                self.acked(append, Offset(base_offset), committed.losses(ledger), verdict);
            }
            AttemptEvent::AppendFailed { attempt } => {
                for value in self.append_ended((client, attempt), Outcome::Failed).values() {
                    let state = self.values.entry(value).or_default();
                    state.failed = true;
                    state.judge_refused(value, verdict);
                }
            }
            AttemptEvent::AppendUnknown { attempt } => {
                self.append_ended((client, attempt), Outcome::Unknown);
            }
            AttemptEvent::ReadInvoked { attempt, from, at_most } => {
                self.counts.began("read");
                let read = Read { invoked_ns, from: Offset(from), left: at_most, next: None, astray: false };
                self.reads.insert((client, attempt), read);
            }
            AttemptEvent::ReadRecord { attempt, offset, value } => {
                let read = self.reads.get_mut(&(client, attempt)).expect("a read shows records once it is invoked");
                let fresh = self.healed_ns.is_some_and(|healed_ns| read.invoked_ns >= healed_ns);
                let shown = CommittedRecord { offset: Offset(offset), value, seen: fresh };
                read.shows(shown, (committed, ledger), verdict);
            }
            AttemptEvent::ReadOk { attempt, applied_end } => {
                let (read, applied_end) = (self.read_ended((client, attempt), Outcome::Done), Offset(applied_end));
                match read.excuse(committed.losses(ledger)) {
                    Some(excuse) => verdict.excuse(excuse, 1),
                    None => read.answered(applied_end, committed, verdict),
                }
                if self.acked_before(read.invoked_ns).is_some_and(|(_, highest)| highest >= applied_end) {
                    verdict.met(Situation::StaleRead);
                }
            }
            AttemptEvent::ReadUnknown { attempt } => {
                self.read_ended((client, attempt), Outcome::Unknown);
            }
        }
    }

    fn append_ended(&mut self, key: Key, outcome: Outcome) -> Append {
        self.counts.ended("append", outcome);
        self.appends.remove(&key).expect("an append ends once, after it was invoked")
    }

    fn read_ended(&mut self, key: Key, outcome: Outcome) -> Read {
        self.counts.ended("read", outcome);
        self.reads.remove(&key).expect("a read ends once, after it was invoked")
    }

    /// A server that has applied destroyed records answers this read.
    pub fn astray(&mut self, client: usize, attempt: u32) {
        if let Some(read) = self.reads.get_mut(&(client, attempt)) {
            read.astray = true;
        }
    }

    /// All faults are over: what is read from now on is fresh.
    pub fn healed(&mut self, at_ns: u64) {
        self.healed_ns = Some(at_ns);
    }

    fn acked(&mut self, append: Append, base: Offset, losses: QuorumLosses<'_>, verdict: &mut Verdict) {
        for (offset, value) in (base.0..).map(Offset).zip(append.values()) {
            let state = self.values.entry(value).or_default();
            state.acked = Some(offset);
            if state.committed == Some(offset) {
                continue;
            }
            if let Some(excuse) = losses.may_record_be_missing(offset, value) {
                verdict.excuse(excuse, 1);
                continue;
            }
            verdict.fail(&LinearizableAppends::CLAIM, || match state.committed {
                Some(at) => format!("value {value} is acknowledged at offset {offset} and committed at {at}"),
                None => format!("value {value} is acknowledged at offset {offset} and not committed"),
            });
        }
        // What is committed beside the committed log has no place in it.
        if append.values().next().is_some_and(|value| self.values[&value].committed != Some(base)) {
            return;
        }
        self.real_time(base, append.invoked_ns, verdict);
        let highest = self.acks.last().map_or(base, |(_, highest)| base.max(*highest));
        self.acks.push((verdict.now_ns, highest));
    }

    /// When the last append was acknowledged before this time, and the highest offset of all until then.
    fn acked_before(&self, at_ns: u64) -> Option<(u64, Offset)> {
        let before = self.acks.partition_point(|(returned, _)| *returned < at_ns);
        self.acks[..before].last().copied()
    }

    /// Whatever was acknowledged before this append was sent has a smaller offset.
    #[track_caller]
    fn real_time(&self, base: Offset, invoked_ns: u64, verdict: &mut Verdict) {
        if let Some((returned, highest)) = self.acked_before(invoked_ns).filter(|(_, highest)| *highest >= base) {
            verdict.fail(&LinearizableAppends::CLAIM, || {
                let (sent, returned) = (seconds(invoked_ns), seconds(returned));
                format!(
                    "an append sent at {sent} is at offset {base}, but one acknowledged by {returned} is at {highest}"
                )
            });
        }
    }

    pub fn committed(&mut self, record: CommittedRecord, verdict: &mut Verdict) {
        let CommittedRecord { offset, value, seen: _ } = record;
        let state = self.values.entry(value).or_default();
        if let Some(before) = state.committed.replace(offset) {
            verdict.fail(&DuplicateRecord::CLAIM, || {
                format!("value {value} is committed at offset {before} and at {offset}")
            });
        }
        state.judge_refused(value, verdict);
    }

    /// A committed record was destroyed with the disks that held it.
    pub fn destroyed(&mut self, record: CommittedRecord, losses: QuorumLosses<'_>, verdict: &mut Verdict) {
        let Some(state) = self.values.get_mut(&record.value) else { return };
        state.committed = None;
        let excuse = state.acked.and_then(|_| losses.may_record_be_missing(record.offset, record.value));
        excuse.into_iter().for_each(|excuse| verdict.excuse(excuse, 1));
    }

    /// Offsets are given anew from here on: what was acknowledged above no longer orders them.
    pub fn cut(&mut self, new_end: Offset) {
        for (_, highest) in &mut self.acks {
            *highest = Offset(new_end.0 - 1).min(*highest);
        }
    }

    /// The run is over: what could not be judged before. `durable_end` is where the prefix ends
    /// that a majority holds durably, `promised_end` what it must hold.
    pub fn finish(
        &mut self,
        (committed, ledger): (&Committed, &Ledger),
        durable_end: Offset,
        promised_end: Offset,
        verdict: &mut Verdict,
    ) {
        self.counts.finish();
        for record in &committed.records {
            let state = self.values.get(&record.value).copied().unwrap_or_default();
            let Some(invoked_ns) = state.invoked_ns else {
                verdict.fail(&CommittedReads::CLAIM, || {
                    format!("value {} is committed at offset {}, but no client sent it", record.value, record.offset)
                });
                continue;
            };
            if state.acked.is_none() {
                verdict.met(Situation::UnknownAppendCommitted);
                self.real_time(record.offset, invoked_ns, verdict);
            }
        }
        for (value, state) in &self.values {
            let Some(offset) = state.acked else { continue };
            let losses = committed.losses(ledger);
            let lost = state.committed != Some(offset) && losses.may_record_be_missing(offset, *value).is_none();
            let off_disks = state.committed.is_some() && offset >= durable_end && offset < promised_end;
            if lost || off_disks {
                verdict.fail(&AckedValueNotLost::CLAIM, || {
                    format!(
                        "value {value} was acknowledged at offset {offset}; committed are {}, a majority holds {durable_end}",
                        committed.end
                    )
                });
            }
        }
        self.finished = true;
    }
}

impl ValueState {
    /// What was definitely refused is not committed.
    #[track_caller]
    fn judge_refused(&self, value: u64, verdict: &mut Verdict) {
        if let (true, Some(offset)) = (self.failed, self.committed) {
            verdict.fail(&FailedAppendCommitted::CLAIM, || {
                format!("value {value}, definitely refused, is committed at offset {offset}")
            });
        }
    }
}

impl Read {
    /// Why may it show records that are not committed?
    fn excuse(&self, losses: QuorumLosses<'_>) -> Option<Excuse> {
        losses.may_be_read(self.invoked_ns, self.astray)
    }

    /// It shows one record: the committed one that comes next. An excused one may show records
    /// that were destroyed instead.
    fn shows(&mut self, shown: CommittedRecord, (committed, ledger): (&mut Committed, &Ledger), verdict: &mut Verdict) {
        let (place, losses) = (self.next_place(committed), committed.losses(ledger));
        let expected = committed.records.get(place).copied();
        let is_lost = || losses.may_record_be_missing(shown.offset, shown.value).is_some();
        self.left = self.left.saturating_sub(1);
        self.next = Some(place + 1);
        if expected.is_some_and(|record| record.offset == shown.offset && record.value == shown.value) {
            committed.records[place].seen |= shown.seen;
        } else if let Some(excuse) = self.excuse(losses).filter(|_| is_lost()) {
            verdict.excuse(excuse, 1);
            self.next = Some(committed.records.partition_point(|record| record.offset <= shown.offset));
        } else {
            verdict.fail(&CommittedReads::CLAIM, || {
                let expected = expected.map_or_else(
                    || "nothing more is committed".to_owned(),
                    |record| format!("the next committed record is value {} at offset {}", record.value, record.offset),
                );
                format!("a read shows value {} at offset {}; {expected}", shown.value, shown.offset)
            });
        }
    }

    /// Where among the committed records it continues. A cut may have removed some meanwhile.
    fn next_place(&self, committed: &Committed) -> usize {
        let records = &committed.records;
        let begun = self.next.unwrap_or_else(|| records.partition_point(|record| record.offset < self.from));
        begun.min(records.len())
    }

    /// Its answer is complete: all that is committed below `applied_end`, unless it was full.
    fn answered(&self, applied_end: Offset, committed: &Committed, verdict: &mut Verdict) {
        let (from, end) = (self.from, committed.end);
        if applied_end > end {
            verdict.fail(&CommittedReads::CLAIM, || {
                format!("a replica has applied offsets up to {applied_end}; the committed log ends at {end}")
            });
        }
        let last = self.next.and_then(|next| committed.records.get(next.checked_sub(1)?));
        let beyond = last.filter(|record| record.offset >= applied_end);
        let next = committed.records.get(self.next_place(committed));
        let hidden = next.filter(|record| self.left > 0 && record.offset < applied_end);
        if let Some(record) = beyond.or(hidden) {
            verdict.fail(&CommittedReads::CLAIM, || {
                format!("a read from {from} with {applied_end} applied disagrees with the record at {}", record.offset)
            });
        }
    }
}
