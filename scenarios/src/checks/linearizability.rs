//! The white-box judge: commit offsets order the appends, so no search is needed; O(n log n).
//!
//! * an acknowledged append stands at exactly its offset in the committed log
//! * one that returned before another was invoked has the smaller offset
//! * no value is committed twice, none that was definitely refused, none that nobody sent
//! * a read shows committed records only, and every one from where it began to where it ended;
//!   it may be stale (reads carry no proof of leadership)

use crate::checks::prelude::*;
use crate::checks::replication::guards::AckedValueNotLost;
use std::collections::BTreeSet;

use raft::ids::Offset;

use super::committed::{Committed, CommittedRecord};
use super::history::{AttemptKind, History, Outcome, Reading, values};
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

/// The judge.
#[derive(Clone, Debug, Default)]
pub struct WhiteBox {
    /// All attempts.
    pub history: History,
    /// (true time an append was acknowledged, highest offset acknowledged so far), ascending.
    acks: Vec<(u64, Offset)>,
    /// Reads, as (client, attempt), answered by a server that had applied destroyed records.
    astray: BTreeSet<(usize, u32)>,
    healed_ns: Option<u64>,
    finished: bool,
}

impl WhiteBox {
    /// A client did or learned something.
    pub fn client(
        &mut self,
        client: usize,
        event: AttemptEvent,
        (committed, ledger): (&mut Committed, &Ledger),
        verdict: &mut Verdict,
    ) {
        let now_ns = verdict.now_ns;
        match event {
            AttemptEvent::AppendInvoked { .. } | AttemptEvent::ReadInvoked { .. } => {
                self.history.invoked(now_ns, client, event);
            }
            AttemptEvent::AppendOk { attempt, base_offset } => {
                let attempt = self.history.ended(client, attempt, Outcome::Ok { returned_ns: now_ns });
                if let AttemptKind::Append { first_value, count } = attempt.requested {
                    self.acked(
                        first_value,
                        count,
                        Offset(base_offset),
                        attempt.invoked_ns,
                        (committed, ledger),
                        verdict,
                    );
                }
            }
            AttemptEvent::AppendFailed { attempt } => {
                let attempt = self.history.ended(client, attempt, Outcome::Failed);
                if let AttemptKind::Append { first_value, count } = attempt.requested {
                    for value in values(first_value, count) {
                        self.refused(value, verdict);
                    }
                }
            }
            AttemptEvent::AppendUnknown { attempt } | AttemptEvent::ReadUnknown { attempt } => {
                self.history.ended(client, attempt, Outcome::Unknown);
            }
            AttemptEvent::ReadRecord { attempt, offset, value } => {
                let excused = self.is_excused(client, attempt, committed.losses(ledger));
                let attempt = self.history.attempt(client, attempt);
                if let AttemptKind::Read(reading) = &mut attempt.requested {
                    let fresh = self.healed_ns.is_some_and(|healed_ns| attempt.invoked_ns >= healed_ns);
                    let shown = CommittedRecord { offset: Offset(offset), value, seen: fresh };
                    shown_record(shown, reading, excused, (committed, ledger), verdict);
                }
            }
            AttemptEvent::ReadOk { attempt, applied_end } => {
                let excused = self.is_excused(client, attempt, committed.losses(ledger));
                let attempt = self.history.ended(client, attempt, Outcome::Ok { returned_ns: now_ns });
                if let AttemptKind::Read(reading) = attempt.requested {
                    let applied_end = Offset(applied_end);
                    if excused {
                        verdict.excuse(Excuse::ReadOfDestroyedRecord, 1);
                    } else {
                        answered_read(reading, applied_end, committed, verdict);
                    }
                    let acked_before = self.acks.partition_point(|(returned, _)| *returned < attempt.invoked_ns);
                    if acked_before > 0 && self.acks[acked_before - 1].1 >= applied_end {
                        verdict.met(Situation::StaleRead);
                    }
                }
            }
        }
    }

    /// A server that has applied destroyed records answers this read.
    pub fn astray(&mut self, client: usize, attempt: u32) {
        self.astray.insert((client, attempt));
    }

    /// All faults are over: what is read from now on is fresh.
    pub fn healed(&mut self, at_ns: u64) {
        self.healed_ns = Some(at_ns);
    }

    /// Its server had applied destroyed records, or they were destroyed while it was under way.
    fn is_excused(&mut self, client: usize, attempt: u32, losses: QuorumLosses<'_>) -> bool {
        let Some((cut_ns, _)) = losses.last_cut() else { return false };
        self.astray.contains(&(client, attempt)) || self.history.attempt(client, attempt).invoked_ns <= cut_ns
    }

    fn acked(
        &mut self,
        first_value: u64,
        count: u8,
        base: Offset,
        invoked_ns: u64,
        (committed, ledger): (&Committed, &Ledger),
        verdict: &mut Verdict,
    ) {
        for (index, value) in (0_i64..).zip(values(first_value, count)) {
            let offset = Offset(base.0 + index);
            let state = self.history.values.entry(value).or_default();
            state.acked = Some(offset);
            if state.committed == Some(offset) {
                continue;
            }
            if let Some(excuse) = committed.losses(ledger).may_record_be_missing(offset, value) {
                verdict.excuse(excuse, 1);
                continue;
            }
            let committed_at = state.committed;
            verdict.fail(&LinearizableAppends::CLAIM, || match committed_at {
                Some(at) => format!("value {value} is acknowledged at offset {offset} and committed at {at}"),
                None => format!("value {value} is acknowledged at offset {offset} and not committed"),
            });
        }
        self.real_time(base, invoked_ns, verdict);
        let highest = self.acks.last().map_or(base, |(_, highest)| base.max(*highest));
        self.acks.push((verdict.now_ns, highest));
    }

    /// Whatever was acknowledged before this append was sent has a smaller offset.
    fn real_time(&self, base: Offset, invoked_ns: u64, verdict: &mut Verdict) {
        let before = self.acks.partition_point(|(returned, _)| *returned < invoked_ns);
        if before > 0 && self.acks[before - 1].1 >= base {
            let (returned, highest) = self.acks[before - 1];
            verdict.fail(&LinearizableAppends::CLAIM, || {
                format!(
                    "an append sent at {} is at offset {base}, but one acknowledged by {} is at {highest}",
                    seconds(invoked_ns),
                    seconds(returned)
                )
            });
        }
    }

    fn refused(&mut self, value: u64, verdict: &mut Verdict) {
        let state = self.history.values.entry(value).or_default();
        state.failed = true;
        if let Some(offset) = state.committed {
            verdict.fail(&FailedAppendCommitted::CLAIM, || {
                format!("value {value}, definitely refused, is committed at offset {offset}")
            });
        }
    }

    /// A record was committed.
    pub fn committed(&mut self, record: CommittedRecord, verdict: &mut Verdict) {
        let CommittedRecord { offset, value, seen: _ } = record;
        let state = self.history.values.entry(value).or_default();
        if let Some(before) = state.committed.replace(offset) {
            verdict.fail(&DuplicateRecord::CLAIM, || {
                format!("value {value} is committed at offset {before} and at {offset}")
            });
        }
        if state.failed {
            verdict.fail(&FailedAppendCommitted::CLAIM, || {
                format!("value {value}, definitely refused, is committed at offset {offset}")
            });
        }
    }

    /// A committed record was destroyed with the disks that held it.
    pub fn destroyed(&mut self, record: CommittedRecord, losses: QuorumLosses<'_>, verdict: &mut Verdict) {
        if let Some(state) = self.history.values.get_mut(&record.value) {
            state.committed = None;
            if state.acked.is_some()
                && let Some(excuse) = losses.may_record_be_missing(record.offset, record.value)
            {
                verdict.excuse(excuse, 1);
            }
        }
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
        self.history.finish();
        for record in &committed.records {
            let state = self.history.values.get(&record.value).copied().unwrap_or_default();
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
        for (value, state) in &self.history.values {
            let Some(offset) = state.acked else {
                continue;
            };
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

    /// Was everything judged?
    pub fn finished(&self) -> bool {
        self.finished
    }
}

/// A read shows one record: the committed one that comes next. An `excused` one may show records
/// that were destroyed instead.
fn shown_record(
    shown: CommittedRecord,
    reading: &mut Reading,
    excused: bool,
    (committed, ledger): (&mut Committed, &Ledger),
    verdict: &mut Verdict,
) {
    let place = next_place(reading, committed);
    let expected = committed.records.get(place).copied();
    reading.left = reading.left.saturating_sub(1);
    reading.next = Some(place + 1);
    if expected.is_some_and(|record| record.offset == shown.offset && record.value == shown.value) {
        committed.records[place].seen |= shown.seen;
    } else if excused && committed.losses(ledger).may_record_be_missing(shown.offset, shown.value).is_some() {
        verdict.excuse(Excuse::ReadOfDestroyedRecord, 1);
        reading.next = Some(committed.records.partition_point(|record| record.offset <= shown.offset));
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

/// Where among the committed records a read goes on. A cut may have taken some away meanwhile.
fn next_place(reading: &Reading, committed: &Committed) -> usize {
    let records = &committed.records;
    let begun = reading.next.unwrap_or_else(|| records.partition_point(|record| record.offset < reading.from));
    begun.min(records.len())
}

/// A read's answer is complete: all that is committed below `applied_end`, unless it was full.
fn answered_read(reading: Reading, applied_end: Offset, committed: &Committed, verdict: &mut Verdict) {
    let from = reading.from;
    if applied_end > committed.end {
        verdict.fail(&CommittedReads::CLAIM, || {
            format!("a replica has applied offsets up to {applied_end}; the committed log ends at {}", committed.end)
        });
    }
    let last = reading.next.and_then(|next| committed.records.get(next.checked_sub(1)?));
    let beyond = last.filter(|record| record.offset >= applied_end);
    let next = committed.records.get(next_place(&reading, committed));
    let hidden = next.filter(|record| reading.left > 0 && record.offset < applied_end);
    if let Some(record) = beyond.or(hidden) {
        verdict.fail(&CommittedReads::CLAIM, || {
            format!("a read from {from} with {applied_end} applied disagrees with the record at {}", record.offset)
        });
    }
}
