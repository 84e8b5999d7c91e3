//! Replicas: their logs against each other and their disks, and what they show and tell.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::broker::log::{PartitionLog, PartitionLogConfig};
use raft::broker::observation::BrokerObservation;
use raft::client::{AttemptEvent, PositionCause, ReadApi, TopicPartition};
use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{DurableFiles, Effect, FileHandle, Out, PartitionShown};
use raft::log::Records;
use raft::metadata::MetadataRecord;
use raft::metadata::records::{PartitionChange, RemoveTopic, Topic};

use sim::process::File;
use sim::watch::{Down, Write};

use super::brokers::{Brokers, CONFIG, PARTITION, TOPIC, broker, to_isr};
use super::excuses::{elected_uncleanly, leader};
use super::safety::checkpoint;
use crate::checks::audit::NodeView;
use crate::checks::clients::ClientHistories;

#[test]
fn two_batches_never_stand_at_one_epoch_and_offset() {
    let mut brokers = super::replication::after_failover();
    let (one, other) = (brokers.batch(12), brokers.batch_of(2, 13));
    brokers.append(1, &one);
    assert_eq!(brokers.broke(), None);
    let other = Rc::new(other.assigned(Offset(2), LeaderEpoch(1)));
    brokers.append_assigned(2, &other);
    assert_eq!(brokers.broke(), Some("LogMatching"));
}

#[test]
fn a_log_is_of_batches_one_behind_the_other() {
    let appends = |bytes: &dyn Fn(&mut Brokers) -> Rc<[u8]>| {
        let mut brokers = Brokers::at_work(false, &[10, 11]);
        let bytes = bytes(&mut brokers);
        let inode = brokers.disks[1].names["t-0/00000000000000000000.log"];
        let file = *brokers.disks[1].open.iter().find(|(_, of)| **of == inode).expect("its log is open").0;
        brokers.cross(1, Event::Wrote { write: Write::Append { file: File(file), bytes: &bytes } });
        brokers.broke().map(str::to_owned)
    };
    let at = |offset: i64| {
        move |brokers: &mut Brokers| Rc::clone(&brokers.batch_of(2, 12).assigned(Offset(offset), LeaderEpoch(0)).bytes)
    };
    assert_eq!(appends(&at(2)), None);
    assert_eq!(appends(&at(9)).as_deref(), Some("LogMatching"), "behind a gap");
    assert_eq!(appends(&|_| [0; 40].into()).as_deref(), Some("LogMatching"), "no batch");
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let inode = brokers.disks[1].names["t-0/00000000000000000000.log"];
    let file = *brokers.disks[1].open.iter().find(|(_, of)| **of == inode).expect("its log is open").0;
    brokers.cross(1, Event::Wrote { write: Write::ShortAppend { file: File(file), bytes: &[0; 40].into() } });
    assert_eq!(brokers.broke(), None, "the rest of the batch was refused");
}

#[test]
fn a_broker_comes_back_with_another_batch() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let (one, other) = (brokers.batch(12), brokers.batch_of(2, 13));
    brokers.append(0, &one);
    let other = other.assigned(Offset(2), LeaderEpoch(0));
    brokers.flush(2);
    brokers.disks[2].bytes_mut("t-0/00000000000000000000.log").extend_from_slice(&other.bytes);
    let left = brokers.disks[2].clone();
    brokers.cross(2, Event::DiskDamaged { left: &left });
    brokers.cross(2, Event::Down { how: Down::PowerLost });
    assert_eq!(brokers.broke(), None);
    brokers.boot(2);
    assert_eq!(brokers.broke(), Some("LogMatching"));
}

#[test]
fn a_high_watermark_only_grows_in_an_epoch_and_stays_in_the_log() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.high_watermark(0, 1);
    assert_eq!(brokers.broke(), Some("MonotonicHighWatermark"));
    let mut brokers = super::replication::after_failover();
    brokers.high_watermark(1, 1);
    assert_eq!(brokers.broke(), None, "a new leader may know an older one");
    brokers.high_watermark(1, 3);
    assert_eq!(brokers.broke(), Some("HighWatermarkWithinLog"));
}

#[test]
fn consumers_see_what_is_committed() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.consume(0, 2, 2);
    assert_eq!(brokers.broke(), None);
    brokers.consume(0, 2, 1);
    assert_eq!(brokers.broke(), Some("ConsistentRead"), "above its high watermark");
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let other = brokers.batch_of(1, 12);
    let other = Rc::new(other.assigned(Offset(1), LeaderEpoch(0)));
    brokers.show(0, Records([other].into_iter().collect()), 2);
    assert_eq!(brokers.broke(), Some("ConsistentRead"), "another value");
}

#[test]
fn what_a_deposed_leader_shows_is_compared_when_it_is_committed() {
    let consumed = |brokers: &mut Brokers| brokers.consume(0, 2, 2);
    let followed = |brokers: &mut Brokers| shows(brokers, LeaderEpoch(0), Offset(2));
    let deposed = |shows: &dyn Fn(&mut Brokers), same: bool| {
        let mut brokers = Brokers::at_work(false, &[10]);
        let batch = brokers.batch(11);
        brokers.append(0, &batch);
        brokers.replicate(0, 1);
        brokers.replicate(0, 2);
        brokers.fence(0, to_isr(&[1, 2], Some(1)));
        // A fetch in flight moves its high watermark, and it does not know yet.
        brokers.high_watermark(0, 2);
        shows(&mut brokers);
        brokers.lead(1, 1, 1, 2);
        if !same {
            brokers.truncate(1, 1);
            let other = brokers.batch_of(1, 12);
            brokers.append(1, &other);
        }
        brokers.high_watermark(1, 2);
        brokers
    };
    for shows in [&consumed as &dyn Fn(&mut Brokers), &followed] {
        assert_eq!(deposed(shows, true).broke(), None);
        assert_eq!(deposed(shows, false).broke(), Some("ConsistentRead"));
    }
}

/// A follower, broker 2, adopts its leader's high watermark.
fn shows(brokers: &mut Brokers, epoch: LeaderEpoch, offset: Offset) {
    brokers.say(2, BrokerObservation::FollowerHighWatermark { of: PARTITION.into(), epoch, offset });
}

#[test]
fn a_follower_shows_a_high_watermark_over_the_committed_log_only() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    shows(&mut brokers, LeaderEpoch(0), Offset(2));
    assert_eq!(brokers.broke(), None);
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.truncate(2, 1);
    // A record of a leader that never was.
    let stray = Rc::new(brokers.batch_of(9, 99).assigned(Offset(1), LeaderEpoch(7)));
    brokers.append_assigned(2, &stray);
    shows(&mut brokers, LeaderEpoch(0), Offset(2));
    assert_eq!(brokers.broke(), Some("ConsistentRead"));
}

/// G29: the new leader does not know the producer's sequences.
#[test]
fn a_retry_is_committed_once() {
    let mut brokers = super::replication::after_failover();
    let next = brokers.batch(12);
    brokers.append(1, &next);
    brokers.replicate(1, 2);
    brokers.high_watermark(1, 3);
    assert_eq!(brokers.broke(), None);
    brokers.append(1, &next);
    brokers.replicate(1, 2);
    brokers.high_watermark(1, 4);
    assert_eq!(brokers.broke(), Some("IdempotentSequence"));
}

#[test]
fn a_boot_finds_what_was_durable() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.flush(0);
    brokers.restart(0, Down::PowerLost);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.checks.verdict.coverage.count("replica_lost_tail"), Some(0));
    let path = "t-0/00000000000000000000.log";
    let half = brokers.disks[0].read(path).map_or(0, |bytes| bytes.len() / 2);
    brokers.disks[0].bytes_mut(path).truncate(half);
    brokers.restart(0, Down::Killed);
    assert_eq!(brokers.broke(), Some("GhostMismatch"));
}

#[test]
fn an_altered_topic_id_leaves_nothing_of_the_replica() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.flush(2);
    let path = "t-0/partition.metadata";
    // The last character that counts whole, which no tag has.
    let id = brokers.disks[2].bytes_mut(path).iter_mut().rev().nth(1).expect("an id");
    *id ^= 1;
    let left = brokers.disks[2].clone();
    brokers.cross(2, Event::DiskDamaged { left: &left });
    brokers.cross(2, Event::Down { how: Down::PowerLost });
    brokers.boot(2);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.checks.verdict.coverage.count("replica_lost_tail"), Some(1));
}

#[test]
fn a_destroyed_disk_is_no_mismatch() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.flush(2);
    brokers.disks[2] = Default::default();
    let left = brokers.disks[2].clone();
    brokers.cross(2, Event::DiskDamaged { left: &left });
    brokers.cross(2, Event::Down { how: Down::PowerLost });
    brokers.boot(2);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.checks.verdict.coverage.count("replica_lost_tail"), Some(1));
}

#[test]
fn a_log_belongs_to_a_topic_before_anything_is_appended_to_it() {
    let mut brokers = Brokers::with_partition(false);
    let (file, path) = (File(99), "other-0/00000000000000000000.log");
    brokers.cross(0, Event::Wrote { write: Write::Open { file, path, truncate: false } });
    let batch = brokers.batch(10);
    brokers.cross(0, Event::Wrote { write: Write::Append { file, bytes: &batch.bytes } });
    assert_eq!(brokers.broke(), Some("PersistBeforePromise:D7"));
}

#[test]
fn audits_compare_a_broker_with_its_border() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let shown = |brokers: &Brokers| {
        let (batches, last_batch) = brokers.logs[0].tail();
        PartitionShown {
            id: PARTITION,
            log_start: Offset(0),
            log_end: brokers.logs[0].end_offset(),
            high_watermark: Offset(2),
            leader_epoch: LeaderEpoch(0),
            batches,
            last_batch,
        }
    };
    let honest = shown(&brokers);
    assert_eq!(brokers.audit(0, std::slice::from_ref(&honest), true), None);
    let lies = [
        PartitionShown { log_end: Offset(3), ..honest.clone() },
        PartitionShown { batches: 1, ..honest.clone() },
        PartitionShown { leader_epoch: LeaderEpoch(1), ..honest.clone() },
        PartitionShown { high_watermark: Offset(3), ..honest.clone() },
    ];
    for lie in &lies {
        assert!(brokers.audit(0, std::slice::from_ref(lie), false).is_some(), "{lie:?}");
    }
    let path = "t-0/00000000000000000000.log";
    brokers.disks[0].bytes_mut(path).push(0);
    assert!(brokers.audit(0, &[], true).is_some());
    assert_eq!(brokers.broke(), None);
    let mut view = NodeView::default();
    view.partitions.push(lies[0].clone());
    brokers.checks.audit(0, 0, (true, false), &view, &brokers.disks[0]);
    assert_eq!(brokers.broke(), Some("GhostMismatch"));
}

/// Each batch has a segment of its own, and a power loss takes the middle one's.
fn with_hole() -> Brokers {
    let mut brokers = Brokers::at_work(false, &[]);
    let mut out = Out::default();
    let config = PartitionLogConfig { segment_bytes: 1, ..CONFIG };
    brokers.logs[1] = PartitionLog::create("t-0".into(), TOPIC, 1, config, &mut out);
    brokers.perform(1, out);
    for value in 10..13 {
        let batch = brokers.batch(value);
        brokers.append(0, &batch);
        brokers.replicate(0, 1);
    }
    brokers.follows(1, 0);
    let middle = brokers.disks[1].names["t-0/00000000000000000001.log"];
    let mut out = Out::default();
    let forced = brokers.disks[1].open.iter().filter(|(_, inode)| **inode != middle);
    out.effects.extend(forced.map(|(file, _)| Effect::Fsync { file: FileHandle(*file) }));
    out.push(Effect::FsyncDirectory);
    brokers.perform(1, out);
    brokers.restart(1, Down::PowerLost);
    brokers
}

#[test]
fn a_log_of_a_partition_has_no_epoch_but_those_of_its_records() {
    let path = "t-0/leader-epoch-checkpoint";
    for (content, is_right) in [("0\n1\n0 0\n", true), ("0\n2\n0 0\n1 2\n", true), ("0\n2\n0 0\n1 1\n", false)] {
        let mut brokers = Brokers::at_work(false, &[10, 11]);
        brokers.perform(1, checkpoint(path, content));
        brokers.restart(1, Down::Killed);
        assert_eq!(brokers.broke(), (!is_right).then_some("EpochsOfRecords"), "{content:?}");
        // A fault has left it.
        let mut brokers = Brokers::at_work(false, &[10, 11]);
        brokers.perform(1, checkpoint(path, content));
        brokers.cluster_mut().replication.damaged(1, Some(&[path.to_owned()]));
        brokers.restart(1, Down::Killed);
        assert_eq!(brokers.broke(), None);
    }
}

#[test]
fn a_replica_starts_with_a_high_watermark_that_it_had() {
    for (of_checkpoint, is_right) in [(0, true), (2, true), (3, false)] {
        let checkpointed = || {
            let mut brokers = Brokers::at_work(false, &[10, 11]);
            let batch = brokers.batch(12);
            brokers.append(0, &batch);
            brokers.flush(0);
            brokers.perform(0, checkpoint("replication-offset-checkpoint", &format!("0\n1\nt 0 {of_checkpoint}\n")));
            brokers
        };
        let mut brokers = checkpointed();
        brokers.restart(0, Down::Killed);
        assert_eq!(brokers.broke(), (!is_right).then_some("CheckpointedHighWatermark"), "{of_checkpoint}");
        // A fault has left it, until it is replaced.
        let mut brokers = checkpointed();
        brokers.cluster_mut().replication.damaged(0, Some(&["replication-offset-checkpoint".to_owned()]));
        brokers.restart(0, Down::PowerLost);
        let excused = brokers.excused("high_watermarks_altered");
        assert_eq!((brokers.broke(), excused), (None, u64::from(!is_right)), "{of_checkpoint}");
        let batch = brokers.batch(13);
        brokers.append(0, &batch);
        brokers.perform(0, checkpoint("replication-offset-checkpoint", "0\n1\nt 0 4\n"));
        brokers.restart(0, Down::Killed);
        assert_eq!(brokers.broke(), Some("CheckpointedHighWatermark"));
        // A log that has another topic id may not have had it.
        let mut brokers = checkpointed();
        brokers.cluster_mut().replication.damaged(0, Some(&["t-0/partition.metadata".to_owned()]));
        brokers.restart(0, Down::PowerLost);
        assert_eq!(brokers.excused("high_watermarks_altered"), u64::from(!is_right), "{of_checkpoint}");
        let mut brokers = checkpointed();
        brokers.cluster_mut().replication.damaged(0, Some(&["quorum-state".to_owned()]));
        brokers.restart(0, Down::PowerLost);
        assert_eq!(brokers.broke(), (!is_right).then_some("CheckpointedHighWatermark"), "another file");
    }
}

#[test]
fn a_log_with_a_hole_does_not_end_behind_it() {
    let mut brokers = with_hole();
    assert_eq!((brokers.broke(), brokers.logs[1].end_offset()), (None, Offset(3)));
    brokers.asks(1, 0);
    assert_eq!(brokers.broke(), Some("NoHoleBelowLogEnd"));
    let mut brokers = with_hole();
    let (batches, last_batch) = brokers.logs[1].tail();
    let shown = PartitionShown {
        id: PARTITION,
        log_start: Offset(0),
        log_end: Offset(3),
        high_watermark: Offset(0),
        leader_epoch: LeaderEpoch(0),
        batches,
        last_batch,
    };
    assert_eq!(brokers.audit(1, &[shown], false), None);
    assert_eq!(brokers.broke(), Some("NoHoleBelowLogEnd"));
    // The controllers did not elect it, which breaks first.
    let mut brokers = with_hole();
    brokers.checks.verdict = Verdict::new(true);
    brokers.lead(1, 1, 1, 3);
    assert!(brokers.checks.fired().any(|name| name == "NoHoleBelowLogEnd"));
}

#[test]
fn a_deleted_topic_takes_its_promises_along() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.commit([MetadataRecord::RemoveTopic(RemoveTopic { topic_id: TOPIC })]);
    brokers.truncate(1, 0);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.excused("acked_lost_by_deletion"), 2);
}

/// As clients call the partition.
const P: TopicPartition = TopicPartition { topic: 0, partition: 0 };

/// Clients know the topic; nobody has requested it, which is not judged here.
pub(super) fn clients_of_the_topic() -> ClientHistories {
    let (mut histories, mut scrap) = (ClientHistories::new(&["t".into()], 1, &[]), Verdict::default());
    let topic = MetadataRecord::Topic(Topic { name: "t".into(), topic_id: TOPIC });
    histories.metadata_committed(Offset(0), &topic, &mut scrap);
    histories.committed_by_tests = true;
    histories
}

/// A consumer is shown committed records, is to continue behind them, and is sent back: how often that was for a
/// deposed leader's sake.
fn sent_back(brokers: &mut Brokers, shown: &[usize], (from, to): (i64, i64)) -> u64 {
    let set = |offset, cause| AttemptEvent::PositionSet { partition: P, offset: Offset(offset), cause };
    let mut events = Vec::new();
    for index in shown {
        let (at, (value, epoch)) = (*index as i64, [(10, 0), (11, 0), (12, 2)][*index]);
        events.extend([
            set(at, PositionCause::Seek),
            AttemptEvent::ReadInvoked { attempt: 1, api: ReadApi::Fetch, partition: P, at },
            AttemptEvent::PollRecords { attempt: 1, partition: P, leader_epoch: LeaderEpoch(epoch), count: 1 },
            AttemptEvent::PollRecord { attempt: 1, offset: Offset(at), value },
            AttemptEvent::ReadOk { attempt: 1, partition: P, number: at + 1 },
        ]);
    }
    events.extend([
        set(from, PositionCause::Seek),
        AttemptEvent::ReadInvoked { attempt: 2, api: ReadApi::OffsetForLeaderEpoch, partition: P, at: from },
        AttemptEvent::ReadOk { attempt: 2, partition: P, number: to },
        set(to, PositionCause::Truncation),
    ]);
    for event in events {
        brokers.checks.attempt(0, 0, event);
    }
    assert_eq!(brokers.broke(), None);
    brokers.excused("position_sent_back_by_deposed_leader")
}

fn elects_uncleanly(brokers: &mut Brokers, server: usize) {
    brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[server], Some(server)) });
}

/// Broker 2, elected uncleanly in epoch 1, lacks what is committed at 1. It acts when the next one is elected: a
/// consumer that has read it is sent back.
#[test]
fn an_unclean_leader_deposed_before_it_acts_sends_consumers_back() {
    let until =
        |next: &dyn Fn(&mut Brokers), (epoch, partition_epoch), shown: &[usize], then: &dyn Fn(&mut Brokers)| {
            let mut brokers = elected_uncleanly(true);
            brokers.cluster_mut().histories = clients_of_the_topic();
            next(&mut brokers);
            brokers.lead(2, epoch, partition_epoch, 1);
            then(&mut brokers);
            sent_back(&mut brokers, shown, (2, 1))
        };
    let story = |next: &dyn Fn(&mut Brokers), acts, shown: &[usize]| until(next, acts, shown, &|_| ());
    let elects = |brokers: &mut Brokers| elects_uncleanly(brokers, 0);
    let acts = |brokers: &mut Brokers| {
        elects_uncleanly(brokers, 0);
        brokers.lead(0, 2, 3, 1);
    };
    assert_eq!(story(&elects, (1, 2), &[]), 1, "the next one has yet to act");
    assert_eq!(story(&acts, (1, 2), &[]), 1, "it has acted, and has all");
    assert_eq!(story(&|_| (), (1, 2), &[]), 0, "it leads: what it lacks is gone, which is another excuse");
    // Whoever was shown a record of a newer epoch asks it no more, wherever it reads later.
    assert_eq!(story(&acts, (1, 2), &[0, 1]), 1);
    let commits = |brokers: &mut Brokers| {
        acts(brokers);
        commits_one_more(brokers);
    };
    assert_eq!(story(&commits, (1, 2), &[0, 1]), 1);
    assert_eq!(story(&commits, (1, 2), &[2]), 0);
    assert_eq!(story(&commits, (1, 2), &[2, 0]), 0);
    // Nor does it answer when it has learned of its deposition, or is down; others may.
    assert_eq!(until(&acts, (1, 2), &[], &|brokers| brokers.follows(2, 2)), 0);
    assert_eq!(until(&acts, (1, 2), &[], &|brokers| brokers.restart(2, Down::Killed)), 0);
    assert_eq!(until(&acts, (1, 2), &[], &|brokers| brokers.restart(1, Down::Killed)), 1);
    let leads_again = |brokers: &mut Brokers| {
        brokers.replicate(0, 2);
        elects_uncleanly(brokers, 2);
        elects_uncleanly(brokers, 0);
        brokers.lead(2, 3, 4, 1);
    };
    assert_eq!(until(&acts, (1, 2), &[], &leads_again), 0, "by then it has all");
    // With nobody in between it leads again, as cleanly as it did before.
    let again = |brokers: &mut Brokers| {
        brokers.fence(2, leader(NodeId::NONE));
        brokers.unfence_and_elect(2);
        elects_uncleanly(brokers, 0);
        brokers.lead(0, 4, 5, 1);
    };
    assert_eq!(story(&again, (3, 4), &[]), 1);
}

/// A fault alters the epochs of a log while its broker is down: when it leads, it sends consumers back anywhere.
#[test]
fn a_leader_whose_epochs_a_fault_altered_sends_consumers_back() {
    let alters = |brokers: &mut Brokers, server| {
        let paths = ["t-0/leader-epoch-checkpoint".to_owned()];
        brokers.cluster_mut().replication.damaged(server, Some(&paths));
    };
    let story = |before: &dyn Fn(&mut Brokers), after: &dyn Fn(&mut Brokers), shown: &[usize]| {
        let mut brokers = Brokers::at_work(false, &[10, 11]);
        brokers.cluster_mut().histories = clients_of_the_topic();
        before(&mut brokers);
        brokers.change(leader(broker(1)));
        brokers.lead(1, 1, 1, 7);
        after(&mut brokers);
        assert_eq!(sent_back(&mut brokers, shown, (2, 0)), 0);
        brokers.excused("replica_epochs_altered")
    };
    assert_eq!(story(&|brokers| alters(brokers, 1), &|_| (), &[0, 1]), 1);
    assert_eq!(story(&|brokers| alters(brokers, 2), &|_| (), &[0, 1]), 0, "another log was altered");
    assert_eq!(story(&|_| (), &|brokers| alters(brokers, 1), &[0, 1]), 0, "it had begun with its own");
    let replaced = |brokers: &mut Brokers| {
        alters(brokers, 1);
        brokers.cluster_mut().replication.damaged(1, None);
    };
    assert_eq!(story(&replaced, &|_| (), &[0, 1]), 0, "it has a new disk");
    let ends: [&dyn Fn(&mut Brokers); 2] =
        [&|brokers| brokers.follows(1, 1), &|brokers| brokers.restart(1, Down::Killed)];
    for end in ends {
        assert_eq!(story(&|brokers| alters(brokers, 1), end, &[0, 1]), 0, "it leads no more");
    }
}

/// Its followers cut what they have of epochs that it does not know: a member of the ISR, too.
#[test]
fn who_follows_a_leader_of_altered_epochs_may_cut_anything() {
    let cuts = |altered: usize| {
        let mut brokers = Brokers::at_work(false, &[10, 11]);
        let paths = ["t-0/leader-epoch-checkpoint".to_owned()];
        brokers.cluster_mut().replication.damaged(altered, Some(&paths));
        brokers.change(leader(broker(1)));
        brokers.lead(1, 1, 1, 7);
        brokers.follows(0, 1);
        brokers.truncate(0, 0);
        (brokers.broke().map(str::to_owned), brokers.checks.verdict.ended_by().map(Excuse::name))
    };
    assert_eq!(cuts(1), (None, Some("replica_epochs_altered")));
    assert_eq!(cuts(0), (Some("AckedValueNotLost".to_owned()), None), "its own were altered, and its leader's not");
}

/// Broker 0, elected after it, follows it until it knows that, and cuts what it lacks.
#[test]
fn who_follows_an_unclean_leader_that_was_deposed_cuts_for_its_sake() {
    let cuts = |follows, to| {
        let mut brokers = elected_uncleanly(true);
        brokers.follows(0, follows);
        elects_uncleanly(&mut brokers, 0);
        brokers.lead(2, 1, 2, 1);
        brokers.truncate(0, to);
        (brokers.broke().map(str::to_owned), brokers.excused("truncated_for_deposed_leader"))
    };
    assert_eq!(cuts(1, 1), (None, 1));
    assert_eq!(cuts(1, 0).0.as_deref(), Some("AckedValueNotLost"), "the leader has more");
    assert_eq!(cuts(2, 1).0.as_deref(), Some("AckedValueNotLost"), "it leads, by its own knowledge");
}

/// A producer's batch of value 12 is appended by broker 0 behind all that is committed, and is committed.
fn commits_one_more(brokers: &mut Brokers) {
    let batch = brokers.batch_of(2, 12);
    let invoked =
        AttemptEvent::ProduceInvoked { attempt: 1, batch: 1, partition: P, acks: -1, count: 1, leader_epoch: 0 };
    let producer = batch.producer().expect("it has one");
    let (producer_id, producer_epoch, base_sequence) = (producer.id, producer.epoch, producer.base_sequence);
    let sequence = AttemptEvent::ProduceSequence { attempt: 1, producer_id, producer_epoch, base_sequence };
    let values = AttemptEvent::ProduceValues { attempt: 1, first_value: 12, count: 1 };
    for event in [invoked, sequence, values] {
        brokers.checks.attempt(0, 1, event);
    }
    brokers.append(0, &batch);
    brokers.high_watermark(0, 3);
}

#[test]
fn what_is_committed_later_sends_back_from_an_unclean_leader_only() {
    // Broker 2 has all when it acts, and has long been deposed.
    let mut uncleanly = elected_uncleanly(true);
    uncleanly.cluster_mut().histories = clients_of_the_topic();
    elects_uncleanly(&mut uncleanly, 0);
    uncleanly.lead(0, 2, 3, 1);
    uncleanly.replicate(0, 2);
    uncleanly.lead(2, 1, 2, 1);
    commits_one_more(&mut uncleanly);
    assert_eq!(sent_back(&mut uncleanly, &[], (3, 2)), 1);
    // One that was elected cleanly lacks it, too, but nobody who has read that asks it.
    let mut cleanly = elected_uncleanly(true);
    cleanly.cluster_mut().histories = clients_of_the_topic();
    elects_uncleanly(&mut cleanly, 0);
    cleanly.lead(0, 2, 3, 1);
    cleanly.change(to_isr(&[0, 1], None));
    cleanly.change(leader(broker(1)));
    cleanly.change(leader(broker(0)));
    cleanly.lead(0, 4, 6, 2);
    commits_one_more(&mut cleanly);
    cleanly.lead(1, 3, 5, 1);
    assert_eq!(sent_back(&mut cleanly, &[], (3, 1)), 0);
}
