//! Replication: what brokers acknowledge, cut and lead, and what excuses a loss.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::broker::observation::BrokerObservation;
use raft::ids::{LeaderEpoch, NodeId, Offset, PartitionEpoch};
use raft::log::BatchBuilder;
use raft::message::cluster::{AlterPartitionItem, AlterPartitionRequest, BrokerState};
use raft::message::data::{DataFetchRequest, FetchPartition};
use raft::message::{ClusterRequest, DataRequest, ErrorCode, MeantFor, Request};
use raft::metadata::MetadataRecord;
use raft::metadata::records::PartitionChange;

use super::brokers::{Brokers, PARTITION, broker, change, config, elr, to_isr};
use super::excuses::elected_uncleanly;
use sim::watch::Down;

/// Two values are acknowledged with all three, and the first broker has failed: the second leads.
pub fn after_failover() -> Brokers {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.fence(0, to_isr(&[1, 2], Some(1)));
    brokers.lead(1, 1, 1, 2);
    brokers
}

#[test]
fn an_honest_failover_loses_nothing() {
    let mut brokers = after_failover();
    let batch = brokers.batch(12);
    let offset = brokers.produce(1, &batch);
    brokers.replicate(1, 2);
    brokers.high_watermark(1, 3);
    brokers.acknowledge(1, offset);
    assert_eq!(brokers.checks.verdict.coverage.count("duplicate_produce_answered"), Some(0));
    // The answer is lost, and the producer asks again.
    brokers.ask(1, &batch);
    brokers.acknowledge(1, offset);
    brokers.consume(1, 3, 3);
    brokers.consume(2, 2, 2);
    // The old leader comes back, is notified, follows and joins.
    brokers.restart(0, Down::Killed);
    brokers.register(0);
    brokers.unfence(0);
    brokers.replicate(1, 0);
    brokers.change(to_isr(&[0, 1, 2], None));
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.checks.acked_records(), (3, 0));
    for met in ["isr_shrunk", "isr_expanded", "broker_fenced", "duplicate_produce_answered"] {
        assert_eq!(brokers.checks.verdict.coverage.count(met), Some(1), "{met}");
    }
}

#[test]
fn an_ack_waits_for_the_whole_isr() {
    let mut brokers = Brokers::with_partition(false);
    let batch = brokers.batch(10);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), Some("ReplicationQuorumSuperset"));
}

#[test]
fn an_ack_needs_an_isr_that_is_large_enough() {
    let mut brokers = Brokers::with_partition(false);
    brokers.change(to_isr(&[0], None));
    brokers.goes_by(0, 1, 1, false);
    let batch = brokers.batch(10);
    let offset = brokers.produce(0, &batch);
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), Some("ReplicationQuorumSuperset"));
    assert_eq!(brokers.checks.verdict.coverage.count("leader_without_isr_peer"), Some(1));
    // Deposed, it does not know, and has enough for its high watermark; then it leads anew, alone in the ISR.
    for hears in [true, false] {
        let mut brokers = Brokers::with_partition(false);
        brokers.change(to_isr(&[0, 1], None));
        brokers.goes_by(0, 1, 2, false);
        let batch = brokers.batch(10);
        let offset = brokers.produce(0, &batch);
        brokers.replicate(0, 1);
        brokers.change(to_isr(&[0, 1], Some(1)));
        brokers.change(to_isr(&[0], Some(0)));
        if hears {
            brokers.lead(0, 2, 3, 1);
        }
        brokers.high_watermark(0, 1);
        if !hears {
            brokers.lead(0, 2, 3, 1);
        }
        brokers.acknowledge(0, offset);
        assert_eq!(brokers.broke(), hears.then_some("ReplicationQuorumSuperset"));
    }
}

/// P20: the expansion is committed, its answer lost, and the leader counts the old ISR.
#[test]
fn an_ack_waits_for_a_member_that_is_about_to_join() {
    let about_to_join = || {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.change(to_isr(&[0, 1], None));
        brokers.goes_by(0, 1, 2, false);
        let batch = brokers.batch(11);
        let offset = brokers.produce(0, &batch);
        brokers.replicate(0, 1);
        (brokers, offset)
    };
    let (mut brokers, offset) = about_to_join();
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), None);

    let proposes = |brokers: &mut Brokers| {
        brokers.goes_by(0, 1, 3, true);
        let epoch_of = |server| brokers.cluster().metadata().image().broker_epoch(broker(server));
        let members = [0, 1, 2].map(|server| BrokerState { broker_id: broker(server), broker_epoch: epoch_of(server) });
        let item = AlterPartitionItem {
            partition: PARTITION,
            leader_epoch: LeaderEpoch(0),
            new_isr_with_epochs: Rc::from(members),
            leader_recovery_state: 0,
            partition_epoch: PartitionEpoch(1),
        };
        let request = AlterPartitionRequest {
            broker_id: broker(0),
            broker_epoch: raft::ids::BrokerEpoch(0),
            partitions: Rc::from([item]),
        };
        let request = Request::Cluster(ClusterRequest::AlterPartition(request));
        brokers.requests(0, 0, &request);
    };
    let (mut brokers, offset) = about_to_join();
    proposes(&mut brokers);
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), Some("ReplicationQuorumSuperset"), "proposed");

    // The first is refused, and what it proposes then waits until another request is answered.
    let (mut brokers, offset) = about_to_join();
    proposes(&mut brokers);
    brokers.refuse_proposal(0);
    brokers.goes_by(0, 1, 2, false);
    brokers.goes_by(0, 1, 3, true);
    brokers.acknowledge(0, offset);
    assert_eq!(
        brokers.broke(),
        Some("ReplicationQuorumSuperset"),
        "who joins is not known, but that two do not hold it"
    );

    let (mut brokers, offset) = about_to_join();
    brokers.replicate(0, 2);
    proposes(&mut brokers);
    brokers.refuse_proposal(0);
    brokers.goes_by(0, 1, 2, false);
    brokers.goes_by(0, 1, 3, true);
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), None);

    let (mut brokers, _) = about_to_join();
    proposes(&mut brokers);
    brokers.goes_by(0, 1, 2, false);
    assert_eq!(brokers.broke(), Some("ProposalKeptUntilKnown"), "nobody has refused it");

    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.goes_by(0, 1, 2, false);
    brokers.change(to_isr(&[0, 1, 2], None));
    let batch = brokers.batch(11);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), Some("ReplicationQuorumSuperset"), "committed");
}

#[test]
fn an_ack_names_where_the_batch_stands() {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    let batch = brokers.batch(12);
    let offset = brokers.produce(0, &batch);
    for follower in [1, 2] {
        brokers.replicate(0, follower);
    }
    brokers.high_watermark(0, 3);
    brokers.acknowledge(0, Offset(offset.0 - 1));
    assert_eq!(brokers.broke(), Some("AckedValueNotLost"));
}

/// P01: the follower cuts to its high watermark and not to where the logs part.
#[test]
fn a_member_of_the_isr_cuts_nothing_that_is_acknowledged() {
    let mut brokers = after_failover();
    brokers.truncate(2, 1);
    assert_eq!(brokers.broke(), Some("AckedValueNotLost"));
    assert_eq!(brokers.checks.verdict.coverage.count("replica_truncated"), Some(1));
    // Nor what is committed; but what is neither, and what it has out of the ISR.
    let with_tail = |committed: bool| {
        let mut brokers = after_failover();
        let batch = brokers.batch(12);
        brokers.append(1, &batch);
        brokers.replicate(1, 2);
        if committed {
            brokers.high_watermark(1, 3);
        }
        brokers.truncate(2, 2);
        brokers
    };
    assert_eq!(with_tail(true).broke(), Some("LeaderCandidateCompleteness"));
    assert_eq!(with_tail(false).broke(), None);
    let mut brokers = after_failover();
    brokers.truncate(0, 1);
    assert_eq!(brokers.broke(), None);
}

/// P05 and L01: who joins the ISR lacks what is committed, whatever it told the leader.
#[test]
fn whoever_joins_the_isr_holds_what_is_committed() {
    let mut brokers = after_failover();
    let batch = brokers.batch(12);
    brokers.append(1, &batch);
    brokers.replicate(1, 2);
    brokers.high_watermark(1, 3);
    brokers.restart(0, Down::PowerLost);
    brokers.register(0);
    brokers.unfence(0);
    brokers.change(to_isr(&[0, 1, 2], None));
    assert_eq!(brokers.broke(), Some("LeaderCandidateCompleteness"));
    // One that loses its disk while the change is under way is found out when it registers.
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.restart(2, Down::PowerLost);
    brokers.change(to_isr(&[0, 1, 2], None));
    assert_eq!(brokers.broke(), None);
}

#[test]
fn a_leader_is_named_among_those_who_have_everything() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.goes_by(0, 1, 2, false);
    let batch = brokers.batch(11);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.high_watermark(0, 2);
    brokers.acknowledge(0, offset);
    assert_eq!(brokers.broke(), None);
    brokers.fence(0, to_isr(&[2, 1], Some(2)));
    assert_eq!(brokers.broke(), Some("AckedValueNotLost"));
}

#[test]
fn a_change_leaves_somebody_who_has_everything() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.goes_by(0, 1, 2, false);
    let batch = brokers.batch(11);
    let offset = brokers.produce(0, &batch);
    brokers.replicate(0, 1);
    brokers.acknowledge(0, offset);
    brokers.change(to_isr(&[2], Some(2)));
    assert_eq!(brokers.broke(), Some("AckedValueNotLost"), "unclean, and nobody allowed it");
    assert_eq!(brokers.checks.verdict.coverage.count("unclean_election"), Some(1));
}

#[test]
fn an_unclean_election_that_is_allowed_excuses_and_cuts() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.commit([config("unclean.leader.election.enable", "true")]);
    brokers.change(to_isr(&[0, 1], None));
    brokers.goes_by(0, 1, 2, false);
    for value in [11, 12] {
        let batch = brokers.batch(value);
        let offset = brokers.produce(0, &batch);
        brokers.replicate(0, 1);
        brokers.acknowledge(0, offset);
    }
    brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
    assert_eq!(brokers.excused("acked_lost_by_unclean_election"), 0, "nobody has acted on it");
    brokers.lead(2, 1, 2, 1);
    assert_eq!(brokers.excused("acked_lost_by_unclean_election"), 2);
    assert_eq!(brokers.checks.acked_records(), (3, 2));
    // The promise starts anew, by the new leader's log.
    brokers.truncate(0, 1);
    brokers.truncate(1, 1);
    let batch = brokers.batch_of(1, 21);
    brokers.append(2, &batch);
    brokers.high_watermark(2, 2);
    brokers.consume(2, 2, 2);
    assert_eq!(brokers.broke(), None);
}

#[test]
fn an_unclean_leader_may_lack_what_nobody_was_acknowledged() {
    let elected = |allowed: &str| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.commit([config("unclean.leader.election.enable", allowed)]);
        brokers.change(to_isr(&[0, 1], None));
        brokers.goes_by(0, 1, 2, false);
        let batch = brokers.batch(11);
        brokers.append(0, &batch);
        brokers.replicate(0, 1);
        brokers.high_watermark(0, 2);
        brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
        brokers.lead(2, 1, 2, 1);
        brokers
    };
    let allowed = elected("true");
    assert_eq!((allowed.broke(), allowed.excused("committed_unacked_lost")), (None, 1));
    assert_eq!(elected("false").broke(), Some("LeaderCompleteness"));
}

/// Two guards lose their tails; what they have left goes with whoever is elected uncleanly.
#[test]
fn what_power_loss_has_left_may_go_with_an_unclean_leader() {
    let elected = |allowed: &str| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.commit([config("unclean.leader.election.enable", allowed)]);
        brokers.change(to_isr(&[0, 1], None));
        brokers.goes_by(0, 1, 2, false);
        for value in [11, 12] {
            let batch = brokers.batch(value);
            let offset = brokers.produce(0, &batch);
            brokers.replicate(0, 1);
            brokers.acknowledge(0, offset);
            if value == 11 {
                brokers.flush(0);
                brokers.flush(1);
            }
        }
        brokers.restart(0, Down::PowerLost);
        brokers.restart(1, Down::PowerLost);
        brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
        brokers.lead(2, 1, 2, 1);
        brokers
    };
    let allowed = elected("true");
    assert_eq!((allowed.broke(), allowed.excused("acked_lost_by_unclean_election")), (None, 2));
    assert_eq!(elected("false").broke(), Some("AckedValueNotLost"), "unclean, and nobody allowed it");
}

/// Nothing is lost when the unclean leader begins, but the last one continues and does not know.
#[test]
fn a_leader_deposed_uncleanly_serves_what_can_never_be_committed() {
    let deposed = |allowed: &str| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.commit([config("min.insync.replicas", "1"), config("unclean.leader.election.enable", allowed)]);
        brokers.change(to_isr(&[0], None));
        brokers.goes_by(0, 1, 1, false);
        let batch = brokers.batch(11);
        let offset = brokers.produce(0, &batch);
        brokers.change(PartitionChange { leader_recovery_state: 1, ..to_isr(&[2], Some(2)) });
        brokers.lead(2, 1, 2, 1);
        brokers.acknowledge(0, offset);
        brokers.consume(0, 2, 2);
        let other = brokers.batch_of(1, 21);
        brokers.append(2, &other);
        brokers.high_watermark(2, 2);
        brokers.consume(2, 2, 2);
        brokers
    };
    let allowed = deposed("true");
    assert_eq!((allowed.broke(), allowed.excused("served_after_loss")), (None, 2));
    assert_eq!(allowed.checks.acked_records(), (1, 0), "it was never promised");
    assert_eq!(deposed("false").broke(), Some("ConsistentRead"));
}

/// A high watermark that its leader had checkpointed before the log was cut and grew anew.
#[test]
fn only_after_a_cut_may_a_high_watermark_point_into_a_batch() {
    let points_into = |is_cut: bool, high_watermark: i64| {
        let mut brokers = if is_cut { elected_uncleanly(true) } else { Brokers::at_work(false, &[10]) };
        let leader = if is_cut { 2 } else { 0 };
        if is_cut {
            brokers.lead(2, 1, 2, 1);
        }
        let of_three = BatchBuilder::new(Offset(0), LeaderEpoch(-1), 0).value(11).value(12).value(13).build();
        brokers.append(leader, &of_three);
        brokers.high_watermark(leader, high_watermark);
        brokers
    };
    assert_eq!(points_into(false, 2).broke(), Some("HighWatermarkWithinLog"));
    assert_eq!(points_into(true, 2).broke(), None, "so far the log went before the cut");
    assert_eq!(points_into(true, 3).broke(), Some("HighWatermarkWithinLog"), "and no further");
}

#[test]
fn power_loss_of_the_last_guard_excuses_by_its_cause() {
    let alone = |min_isr: &str| {
        let mut brokers = Brokers::at_work(false, &[10, 11]);
        brokers.commit([config("min.insync.replicas", min_isr)]);
        brokers.change(to_isr(&[0], None));
        brokers.goes_by(0, 1, 1, false);
        brokers.restart(0, Down::PowerLost);
        let registration = brokers.registration(0, 1);
        brokers.commit([
            MetadataRecord::PartitionChange(PartitionChange { leader: NodeId::NONE, ..change() }),
            registration,
        ]);
        brokers.unfence_and_elect(0);
        brokers.lead(0, 2, 3, 1);
        assert_eq!(brokers.broke(), None);
        brokers
    };
    assert_eq!(alone("2").excused("acked_lost_by_sole_replica"), 2);
    assert_eq!(alone("1").excused("acked_lost_with_min_isr_one"), 2);
    assert_eq!(alone("2").checks.verdict.coverage.count("replica_lost_tail"), Some(1));
}

#[test]
fn a_leader_that_has_lost_its_records_is_judged_when_it_acts() {
    // Its session lives on, and it is named while nobody knows what it has lost; it serves nobody
    // before it has registered anew.
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.restart(1, Down::PowerLost);
    brokers.fence(0, to_isr(&[1, 2], Some(1)));
    brokers.lead(1, 1, 1, 2);
    assert_eq!(brokers.broke(), None);
    // KIP-903: a change that was under way brings it back into the ISR.
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.checks.verdict = Verdict::new(true);
    brokers.restart(1, Down::PowerLost);
    let registration = brokers.registration(1, 1);
    brokers.commit([MetadataRecord::PartitionChange(to_isr(&[0, 2], None)), registration]);
    brokers.unfence(1);
    assert_eq!(brokers.broke(), None);
    brokers.change(to_isr(&[0, 1, 2], None));
    assert_eq!(brokers.broke(), Some("LeaderCandidateCompleteness"));
    brokers.lead(1, 0, 2, 3);
    let fired = |brokers: &Brokers, name| brokers.checks.verdict.fired().any(|fired| fired.name == name);
    assert!(fired(&brokers, "LeaderByCommittedMetadata") && !fired(&brokers, "AckedValueNotLost"));
    brokers.fence(0, to_isr(&[1, 2], Some(1)));
    assert!(fired(&brokers, "AckedValueNotLost"));
}

#[test]
fn an_unclean_restart_of_the_last_guard_is_excused_with_elr() {
    let mut brokers = Brokers::at_work(true, &[10]);
    brokers.change(PartitionChange { eligible_leader_replicas: elr(&[1, 2]), ..to_isr(&[0], None) });
    for server in [1, 2] {
        let registration = brokers.registration(server, 1);
        let left = if server == 1 { elr(&[2]) } else { elr(&[]) };
        let revoked = PartitionChange { eligible_leader_replicas: left, ..change() };
        brokers.commit([MetadataRecord::PartitionChange(revoked), registration]);
    }
    // Killed, not powered off: all is there, but the controllers cannot know.
    brokers.restart(0, Down::Killed);
    let registration = brokers.registration(0, 1);
    let gone = PartitionChange { leader: NodeId::NONE, last_known_elr: elr(&[0]), ..to_isr(&[], None) };
    brokers.commit([MetadataRecord::PartitionChange(gone), registration]);
    assert_eq!(brokers.broke(), None);
    brokers.unfence(0);
    let known = PartitionChange { last_known_elr: elr(&[]), leader_recovery_state: 1, ..to_isr(&[0], Some(0)) };
    brokers.change(known);
    brokers.lead(0, 2, 5, 1);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.checks.acked_records(), (1, 0), "and nothing was lost");
}

#[test]
fn a_leader_needs_metadatas_word() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.lead(1, 1, 0, 3);
    assert_eq!(brokers.broke(), Some("LeaderByCommittedMetadata"));
}

#[test]
fn a_leader_of_an_epoch_that_is_over_may_begin_late() {
    let mut brokers = after_failover();
    brokers.change(PartitionChange { leader: broker(2), ..change() });
    brokers.change(PartitionChange { leader: broker(1), ..change() });
    brokers.lead(2, 2, 2, 2);
    brokers.lead(1, 3, 3, 2);
    assert_eq!(brokers.broke(), None);
    assert_eq!(brokers.checks.verdict.coverage.count("leader_already_deposed"), Some(1));
}

#[test]
fn a_leader_epoch_is_led_in_one_life() {
    let mut brokers = after_failover();
    let (of, epoch, start) = (PARTITION.into(), LeaderEpoch(1), Offset(2));
    let leads = BrokerObservation::BecameLeader { of, epoch, start };
    brokers.restart(1, Down::Killed);
    brokers.publish(1);
    brokers.say(1, leads);
    assert_eq!(brokers.broke(), None, "by the image it found; it serves nobody");
    brokers.checks.verdict = Verdict::new(true);
    brokers.register(1);
    brokers.publish(1);
    brokers.checks.verdict = Verdict::default();
    brokers.say(1, leads);
    assert_eq!(brokers.broke(), Some("NeverTwoPartitionLeadersInSameEpoch"));
}

/// The leader's log ends at 1. A follower fetches from this offset at 0, and is to leave the ISR after so many ms. Is
/// that too early?
fn shrinks_early(serves: bool, fetch_offset: i64, after_ms: u64) -> bool {
    let mut brokers = Brokers::at_work(false, &[]);
    let batch = brokers.batch(10);
    if serves {
        brokers.produce(0, &batch);
        brokers.answer_producer(0, ErrorCode::RequestTimedOut, Offset(-1));
    } else {
        brokers.append(0, &batch);
    }
    let image = brokers.cluster().metadata().image();
    let question = FetchPartition {
        partition: PARTITION,
        current_leader_epoch: LeaderEpoch(0),
        fetch_offset: Offset(fetch_offset),
        last_fetched_epoch: LeaderEpoch(0),
        log_start_offset: Offset(0),
        partition_max_bytes: 1 << 20,
    };
    let fetch = Request::Data(DataRequest::Fetch(DataFetchRequest {
        replica_id: broker(1),
        replica_epoch: image.broker_epoch(broker(1)),
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 1 << 20,
        meant_for: MeantFor::ANY,
        partitions: Rc::from([question]),
    }));
    let members = [0, 2]
        .map(|server| BrokerState { broker_id: broker(server), broker_epoch: image.broker_epoch(broker(server)) });
    let item = AlterPartitionItem {
        partition: PARTITION,
        leader_epoch: LeaderEpoch(0),
        new_isr_with_epochs: Rc::from(members),
        leader_recovery_state: 0,
        partition_epoch: PartitionEpoch(0),
    };
    let (broker_id, broker_epoch) = (broker(0), image.broker_epoch(broker(0)));
    let partitions = Rc::from([item]);
    let proposal = AlterPartitionRequest { broker_id, broker_epoch, partitions };
    let proposal = Request::Cluster(ClusterRequest::AlterPartition(proposal));
    brokers.receives(0, (9, 1), &fetch);
    brokers.now_ns = after_ms * 1_000_000;
    brokers.goes_by(0, 0, 3, true);
    brokers.requests(0, 8, &proposal);
    brokers.broke() == Some("IsrNotShrunkEarly")
}

#[test]
fn who_keeps_up_stays_in_the_isr() {
    assert!(shrinks_early(true, 1, 26_000) && !shrinks_early(true, 1, 28_000), "replica.lag.time.max.ms is 30 s");
    assert!(
        !shrinks_early(true, 0, 26_000) && !shrinks_early(true, 2, 26_000),
        "it lacks a record, or its log diverges"
    );
    assert!(!shrinks_early(false, 1, 26_000), "requests wait until the broker has started");
}
