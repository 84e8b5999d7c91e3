//! The log against a plain list of batches, under appends, cuts, flushes, kills and power losses,
//! each of which may fall between any two effects.

use std::collections::BTreeMap;
use std::rc::Rc;

use proptest::prelude::*;

use super::super::batch::{Batch, Records};
use super::super::log_config::LogConfig;
use super::super::raft_log::{RaftLog, Validation};
use super::{CONFIG, at, batch, open};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::Out;
use crate::test_disk::TestDisk;

#[derive(Clone, Debug)]
enum Step {
    /// A new leader: an epoch without records yet.
    NewEpoch,
    AppendAsLeader(u64),
    AppendAsFollower(Vec<u64>),
    /// More of the last epoch, from a leader that has more of it.
    CatchUp(u64),
    Flush,
    /// By the scheduler's thread.
    Background,
    /// To where the logs diverge, by the leader's answer.
    Truncate {
        epoch: i32,
        offset: i64,
    },
    Kill,
    LosePower,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::NewEpoch),
        5 => (1..4_u64).prop_map(Step::AppendAsLeader),
        3 => prop::collection::vec(1..4_u64, 1..4).prop_map(Step::AppendAsFollower),
        3 => (1..4_u64).prop_map(Step::CatchUp),
        3 => Just(Step::Flush),
        2 => Just(Step::Background),
        3 => (0..6_i32, 0..40_i64).prop_map(|(epoch, offset)| Step::Truncate { epoch, offset }),
        1 => Just(Step::Kill),
        1 => Just(Step::LosePower),
    ]
}

/// How many of a step's effects are done when the process dies, and whether the power goes too.
fn interruption() -> impl Strategy<Value = (prop::sample::Index, bool)> {
    (any::<prop::sample::Index>(), any::<bool>())
}

/// What a log is, in the plainest words.
#[derive(Default)]
struct Naive {
    batches: Vec<Rc<Batch>>,
    /// (epoch, start), with epochs that have no records yet.
    epochs: Vec<(i32, i64)>,
}

impl Naive {
    fn end(&self) -> i64 {
        self.batches.last().map_or(0, |last| last.next_offset().0)
    }

    fn last_epoch(&self) -> i32 {
        self.epochs.last().map_or(0, |last| last.0)
    }

    fn begin_epoch(&mut self, epoch: i32) {
        let end = self.end();
        self.epochs.retain(|&(_, start)| start < end);
        self.epochs.push((epoch, end));
    }

    /// The last offset of an epoch that both logs could share, and the epoch that has it.
    fn end_of_epoch(&self, epoch: i32) -> (i32, i64) {
        match self.epochs.iter().position(|&(e, _)| e > epoch) {
            None => (self.last_epoch(), self.end()),
            Some(0) => (epoch, self.epochs[0].1),
            Some(next) => (self.epochs[next - 1].0, self.epochs[next].1),
        }
    }

    fn parting_offset(&self, epoch: i32, offset: i64) -> i64 {
        let (local_epoch, local_end) = self.end_of_epoch(epoch);
        if epoch == 0 {
            offset.min(self.end())
        } else if local_epoch == epoch {
            local_end.min(offset)
        } else {
            local_end
        }
    }

    fn truncate(&mut self, offset: i64) {
        self.batches.retain(|batch| batch.next_offset().0 <= offset);
        let end = self.end();
        self.epochs.retain(|&(_, start)| start < end);
    }

    /// What a clean restart finds: epochs that no record bears witness to at the end are forgotten.
    fn restart(&mut self) {
        let end = self.end();
        self.epochs.retain(|&(_, start)| start < end);
    }

    /// Takes over what an unclean restart found; the first `forced` batches must be as they were.
    fn believe(&mut self, found: Records, forced: usize) -> Result<(), TestCaseError> {
        let kept = found.0.iter().zip(&self.batches).take_while(|(found, before)| found.hash == before.hash).count();
        prop_assert!(kept >= forced, "{kept} of {forced} forced batches are left");
        self.batches = found.0.into_vec();
        self.epochs.clear();
        for batch in &self.batches {
            if self.last_epoch() < batch.epoch.0 {
                self.epochs.push((batch.epoch.0, batch.base_offset.0));
            }
        }
        Ok(())
    }
}

/// Raft's Log Matching: an epoch and an offset name one history only. Kept over all the logs there
/// ever were, so that a restart that splices two of them is seen.
#[derive(Default)]
struct Histories(BTreeMap<(LeaderEpoch, Offset), u64>);

impl Histories {
    /// One past the last offset the epoch ever had, in any log.
    fn end_of(&self, epoch: LeaderEpoch) -> Offset {
        let offsets = self.0.range((epoch, Offset(0))..=(epoch, Offset(i64::MAX)));
        offsets.last().map_or(Offset(0), |((_, last), _)| Offset(last.0 + 1))
    }

    fn check(&mut self, batches: &[Rc<Batch>]) -> Result<(), TestCaseError> {
        let mut prefix = 0_u64;
        for batch in batches {
            prefix = prefix.wrapping_mul(31).wrapping_add(batch.hash);
            let known = *self.0.entry((batch.epoch, batch.last_offset)).or_insert(prefix);
            prop_assert_eq!(known, prefix, "another history before epoch {} offset {}", batch.epoch, batch.last_offset);
        }
        Ok(())
    }
}

fn compare(log: &RaftLog, naive: &Naive) -> Result<(), TestCaseError> {
    let end = Offset(naive.end());
    prop_assert_eq!((log.start_offset(), log.end_offset()), (Offset(0), end));
    prop_assert_eq!(log.last_fetched_epoch(), LeaderEpoch(naive.last_epoch()));
    prop_assert_eq!(log.batches(), Records(naive.batches.iter().cloned().collect()));
    for epoch in 0..naive.last_epoch() + 2 {
        let (local_epoch, local_end) = naive.end_of_epoch(epoch);
        prop_assert_eq!(log.end_offset_for_epoch(LeaderEpoch(epoch)), at(local_epoch, local_end));
        for offset in [1, end.0 / 2, end.0] {
            let same = offset == 0 || local_epoch == epoch && offset <= local_end;
            let expected = if same { Validation::Valid } else { Validation::Diverging(at(local_epoch, local_end)) };
            prop_assert_eq!(log.validate_offset_and_epoch(Offset(offset), LeaderEpoch(epoch)), expected);
        }
    }
    // A read ends with its segment, so that all of a range takes several.
    for (from, until, max_bytes) in [(0, end.0, 1), (end.0 / 3, end.0, 400), (end.0 / 2, end.0 * 2 / 3, 1000)] {
        let wanted = naive.batches.iter().filter(|b| b.last_offset.0 >= from && b.next_offset().0 <= until);
        let (mut found, mut next) = (Records::default(), Offset(from));
        loop {
            let part = log.read(next, Offset(until), max_bytes).0;
            let Some(last) = part.last() else { break };
            let bytes: usize = part.iter().map(|batch| batch.len_bytes()).sum();
            prop_assert!(part.len() == 1 || bytes <= max_bytes as usize);
            next = last.next_offset();
            found.0.extend(part);
        }
        prop_assert_eq!(found, Records(wanted.cloned().collect()));
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_log_does_what_a_plain_list_does(
        steps in prop::collection::vec((step(), prop::option::weighted(0.1, interruption())), 1..60),
        segment_bytes in prop_oneof![Just(400_u64), Just(600), Just(1 << 30)],
    ) {
        let config = LogConfig { segment_bytes, ..CONFIG };
        let mut disk = TestDisk::default();
        let mut log = open(&mut disk, config);
        let mut naive = Naive::default();
        let mut histories = Histories::default();
        let mut newest_epoch = 1;
        // Batches below were flushed and not cut since: no power loss may take them.
        let mut forced = 0;
        for (step, interruption) in steps {
            let mut out = Out::default();
            let forced_before = forced;
            match step {
                Step::NewEpoch => {
                    newest_epoch += 1;
                    log.assign_epoch_start(LeaderEpoch(newest_epoch), log.end_offset(), &mut out);
                    naive.begin_epoch(newest_epoch);
                }
                Step::AppendAsLeader(count) => {
                    if naive.last_epoch() != newest_epoch {
                        naive.begin_epoch(newest_epoch);
                    }
                    let next = batch(naive.end(), newest_epoch, count);
                    log.append_as_leader(&next, 0, &mut out).expect("a good batch");
                    naive.batches.push(next);
                    prop_assert!(log.is_dirty());
                }
                Step::AppendAsFollower(counts) => {
                    // Each batch from a leader of its own, as in a catch-up over several epochs.
                    let mut fetched = Records::default();
                    for count in counts {
                        newest_epoch += 1;
                        naive.begin_epoch(newest_epoch);
                        let next = batch(naive.end(), newest_epoch, count);
                        naive.batches.push(Rc::clone(&next));
                        fetched.0.push(next);
                    }
                    let answer = log.append_as_follower(&fetched, LeaderEpoch(newest_epoch), 0, &mut out);
                    prop_assert_eq!(answer, Ok(true));
                }
                Step::CatchUp(count) => {
                    let (epoch, end) = (LeaderEpoch(naive.last_epoch()), Offset(naive.end()));
                    let written = naive.batches.last().is_some_and(|last| last.epoch == epoch);
                    if written && epoch.0 < newest_epoch && histories.end_of(epoch) <= end {
                        let next = batch(end.0, epoch.0, count);
                        let fetched = Records([Rc::clone(&next)].into_iter().collect());
                        let answer = log.append_as_follower(&fetched, LeaderEpoch(newest_epoch), 0, &mut out);
                        prop_assert_eq!(answer, Ok(true));
                        naive.batches.push(next);
                    }
                }
                Step::Flush => {
                    log.flush(&mut out);
                    prop_assert!(!log.is_dirty());
                    forced = naive.batches.len();
                }
                Step::Background => {
                    if log.begin_background_work(&mut out) {
                        log.finish_background_work(&mut out);
                    }
                }
                Step::Truncate { epoch, offset } => {
                    naive.truncate(naive.parting_offset(epoch, offset));
                    newest_epoch += 1; // only a new leader's log cuts another
                    forced = forced.min(naive.batches.len());
                    let end = log.truncate_to_end_offset(at(epoch, offset), &mut out);
                    prop_assert_eq!(end, Ok(Offset(naive.end())));
                }
                Step::Kill => {
                    disk.kill();
                    log = open(&mut disk, config);
                    newest_epoch += 1; // no leader leads on after a restart
                    naive.restart();
                }
                Step::LosePower => {
                    disk.lose_power();
                    log = open(&mut disk, config);
                    newest_epoch += 1;
                    // What was not forced may be lost, and what was cut may be back.
                    naive.believe(log.batches(), forced)?;
                }
            }
            if let Some((done, power)) = interruption {
                out.effects.truncate(done.index(out.effects.len() + 1));
                disk.apply(&mut out);
                if power {
                    disk.lose_power();
                } else {
                    disk.kill();
                }
                log = open(&mut disk, config);
                newest_epoch += 1;
                forced = forced.min(forced_before);
                naive.believe(log.batches(), forced)?;
            }
            disk.apply(&mut out);
            compare(&log, &naive)?;
            histories.check(&naive.batches)?;
        }
    }
}
