//! The log against a plain list of batches, under appends, cuts, flushes, kills and power losses.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::batch::{Batch, Records};
use super::super::raft_log::{LogConfig, RaftLog, Validation};
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
    Flush,
    /// Told by a leader where the logs part.
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
        3 => Just(Step::Flush),
        3 => (0..6_i32, 0..40_i64).prop_map(|(epoch, offset)| Step::Truncate { epoch, offset }),
        1 => Just(Step::Kill),
        1 => Just(Step::LosePower),
    ]
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

    /// What a restart finds: epochs that no record bears witness to at the end are forgotten.
    fn restart(&mut self) {
        let end = self.end();
        self.epochs.retain(|&(_, start)| start < end);
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
    for (from, until, max_bytes) in [(0, end.0, 1), (end.0 / 3, end.0, 400), (end.0 / 2, end.0 * 2 / 3, 1000)] {
        let mut bytes = 0;
        let wanted = naive.batches.iter().filter(|b| b.last_offset.0 >= from && b.next_offset().0 <= until);
        let fits = wanted.enumerate().take_while(|(index, batch)| {
            bytes += batch.len_bytes();
            *index == 0 || bytes <= max_bytes
        });
        let expected = Records(fits.map(|(_, batch)| Rc::clone(batch)).collect());
        prop_assert_eq!(log.read(Offset(from), Offset(until), max_bytes as u32), expected);
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_log_does_what_a_plain_list_does(
        steps in prop::collection::vec(step(), 1..60),
        segment_bytes in prop_oneof![Just(100_u64), Just(300), Just(1 << 30)],
    ) {
        let config = LogConfig { segment_bytes, ..CONFIG };
        let mut disk = TestDisk::default();
        let mut log = open(&mut disk, config);
        let mut naive = Naive::default();
        let mut newest_epoch = 1;
        // Batches below were flushed and not cut since: no power loss may take them.
        let mut forced = 0;
        for step in steps {
            let mut out = Out::default();
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
                Step::Flush => {
                    log.flush(&mut out);
                    prop_assert!(!log.is_dirty());
                    forced = naive.batches.len();
                }
                Step::Truncate { epoch, offset } => {
                    naive.truncate(naive.parting_offset(epoch, offset));
                    forced = forced.min(naive.batches.len());
                    let end = log.truncate_to_end_offset(at(epoch, offset), &mut out);
                    prop_assert_eq!(end, Ok(Offset(naive.end())));
                }
                Step::Kill => {
                    disk.kill();
                    log = open(&mut disk, config);
                    naive.restart();
                }
                Step::LosePower => {
                    disk.lose_power();
                    log = open(&mut disk, config);
                    let left = log.batches();
                    prop_assert!(left.0.len() >= forced);
                    prop_assert_eq!(&left.0[..forced].iter().map(|b| b.hash).collect::<Vec<_>>(),
                        &naive.batches[..forced].iter().map(|b| b.hash).collect::<Vec<_>>());
                    // What was not forced may be lost, and what was cut may be back.
                    naive.batches = left.0.into_vec();
                    naive.epochs.clear();
                    for found in &naive.batches {
                        if naive.epochs.last().is_none_or(|last| found.epoch.0 > last.0) {
                            naive.epochs.push((found.epoch.0, found.base_offset.0));
                        }
                    }
                }
            }
            disk.apply(&mut out);
            compare(&log, &naive)?;
        }
    }
}
