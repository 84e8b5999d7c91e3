//! What a broker owes to the newest metadata and to its producers; proposals of leaders, and answers by
//! which replicas change their logs.

use crate::checks::prelude::*;
use std::rc::Rc;

use raft::ids::{BrokerEpoch, LeaderEpoch, Offset, OffsetAndEpoch, PartitionEpoch};
use raft::log::Records;
use raft::message::cluster::{AlterPartitionItem, AlterPartitionRequest, BrokerState};
use raft::message::data::{DataFetchRequest, DataFetchResponse, FetchPartition, FetchablePartition};
use raft::message::{ClusterRequest, DataRequest, DataResponse, ErrorCode, MeantFor, Request, Response};

use super::brokers::{Brokers, PARTITION, broker, config, to_isr};
use sim::watch::Down;

const TOKEN: u32 = 1 << 12 | 16;
const CONNECTION: u64 = 77;

impl Brokers {
    /// A broker asks its leader in an epoch.
    pub fn asks(&mut self, server: usize, epoch: i32) {
        let question = FetchPartition {
            partition: PARTITION,
            current_leader_epoch: LeaderEpoch(epoch),
            fetch_offset: self.logs[server].end_offset(),
            last_fetched_epoch: LeaderEpoch(0),
            log_start_offset: Offset(0),
            partition_max_bytes: 1 << 20,
        };
        let request = DataFetchRequest {
            replica_id: broker(server),
            replica_epoch: BrokerEpoch(0),
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 1 << 20,
            meant_for: MeantFor::ANY,
            partitions: Rc::from([question]),
        };
        let request = Request::Data(DataRequest::Fetch(request));
        self.cross(server, Event::Connected { token: TOKEN, connection: CONNECTION });
        self.requests(server, CONNECTION, &request);
    }

    /// The answer reaches it: that its log parts from the leader's at `offset`, or else records.
    fn hears(&mut self, server: usize, parts_at: Option<i64>) {
        let records = self.logs[0].read(Offset(0), self.logs[0].end_offset(), usize::MAX);
        let found = FetchablePartition {
            partition: PARTITION,
            error: ErrorCode::None,
            high_watermark: Offset(0),
            log_start_offset: Offset(0),
            diverging_epoch: parts_at.map(|at| OffsetAndEpoch { offset: Offset(at), epoch: LeaderEpoch(0) }),
            current_leader: None,
            records: if parts_at.is_some() { Records::default() } else { records },
        };
        let answer = DataFetchResponse { error: ErrorCode::None, partitions: Rc::from([found]) };
        self.goes_on(server);
        let response = Response::Data(DataResponse::Fetch(answer));
        self.cross(server, Event::ResponseReceived { token: TOKEN, correlation_id: 1, response: &response });
    }
}

/// A leader has two batches more than its follower, which asks in epoch 0.
fn requested() -> Brokers {
    let mut brokers = Brokers::at_work(false, &[10, 11]);
    brokers.follows(1, 0);
    for value in [12, 13] {
        let batch = brokers.batch(value);
        brokers.produce(0, &batch);
    }
    brokers.asks(1, 0);
    brokers
}

#[test]
fn records_that_were_requested_in_an_older_epoch_are_not_appended() {
    let mut brokers = requested();
    brokers.hears(1, None);
    brokers.replicate(0, 1);
    assert_eq!(brokers.broke(), None);

    let mut brokers = requested();
    brokers.follows(1, 1);
    brokers.hears(1, None);
    assert_eq!(brokers.broke(), None, "to hear it is no mistake");
    brokers.replicate(0, 1);
    assert_eq!(brokers.broke(), Some("PresentLeaderObeyed"));

    let mut brokers = requested();
    brokers.follows(1, 1);
    brokers.hears(1, None);
    brokers.goes_on(1);
    brokers.replicate(0, 1);
    assert_eq!(brokers.broke(), None, "by another answer");
}

#[test]
fn a_leader_does_not_cut_its_log_by_what_it_requested_as_a_follower() {
    let cut = |leads: bool| {
        let mut brokers = requested();
        brokers.replicate(0, 1);
        if leads {
            brokers.change(to_isr(&[0, 1, 2], Some(1)));
            brokers.lead(1, 1, 1, 3);
        }
        brokers.hears(1, Some(2));
        brokers.truncate(1, 2);
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(cut(false), None);
    assert_eq!(cut(true).as_deref(), Some("PresentLeaderObeyed"));
}

fn member(server: usize, broker_epoch: BrokerEpoch) -> BrokerState {
    BrokerState { broker_id: broker(server), broker_epoch }
}

/// The leader, broker 0, sends AlterPartition.
fn propose(brokers: &mut Brokers, isr: &[BrokerState], partition_epoch: i32) {
    let item = AlterPartitionItem {
        partition: PARTITION,
        leader_epoch: LeaderEpoch(0),
        new_isr_with_epochs: Rc::from(isr),
        leader_recovery_state: 0,
        partition_epoch: PartitionEpoch(partition_epoch),
    };
    let request =
        AlterPartitionRequest { broker_id: broker(0), broker_epoch: BrokerEpoch(0), partitions: Rc::from([item]) };
    let request = Request::Cluster(ClusterRequest::AlterPartition(request));
    brokers.requests(0, 0, &request);
}

/// AlterPartition is sent again until it is answered, whatever has become of the proposal.
#[test]
fn an_ack_needs_nobody_of_a_proposal_that_is_given_up() {
    let acknowledged = |sent_from: i32| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.commit([config("min.insync.replicas", "1")]);
        brokers.change(to_isr(&[0], None));
        brokers.goes_by(0, 1, 2, true);
        propose(&mut brokers, &[member(0, BrokerEpoch(-1)), member(1, BrokerEpoch(0))], sent_from);
        let batch = brokers.batch(11);
        let offset = brokers.produce(0, &batch);
        brokers.replicate(0, 2);
        brokers.acknowledge(0, offset);
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(acknowledged(0), None, "two hold it, and two count");
    assert_eq!(acknowledged(1).as_deref(), Some("ReplicationQuorumSuperset"));
}

#[test]
fn a_leader_says_which_process_it_proposes() {
    let proposes = |joins: usize, epoch: Option<i64>| {
        let mut brokers = Brokers::at_work(false, &[10]);
        brokers.change(to_isr(&[0, 1], None));
        let known = brokers.cluster().metadata().image().broker_epoch(broker(joins));
        let epoch = epoch.map_or(known, BrokerEpoch);
        propose(&mut brokers, &[member(0, BrokerEpoch(-1)), member(joins, epoch)], 1);
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(proposes(2, None), None);
    assert_eq!(proposes(2, Some(-1)).as_deref(), Some("ProposalNamesProcess"));
    assert_eq!(proposes(1, Some(-1)), None, "a member need not have fetched from this leader");
}

#[test]
fn a_leader_gives_up_its_role_by_the_input_after_the_image_that_ends_it() {
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None, "it has not heard of it");
    brokers.publish(0);
    assert_eq!(brokers.broke(), None, "it is at it");
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), Some("DemotionObeyed"));

    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.publish(0);
    brokers.follows(0, 1);
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None);

    // A write fails before it comes to that, and its process is about to end.
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.publish(0);
    brokers.cross(0, Event::DiskFailed);
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None);

    // Its process is gone, and with it the role.
    let mut brokers = Brokers::at_work(false, &[10]);
    brokers.change(to_isr(&[0, 1, 2], Some(1)));
    brokers.restart(0, Down::Killed);
    brokers.publish(0);
    brokers.goes_on(0);
    assert_eq!(brokers.broke(), None);
}

#[test]
fn a_duplicate_is_not_refused_as_out_of_sequence() {
    // Six batches; then one of them, or what never came, is requested again.
    let refuses = |sequence: i32| {
        let mut brokers = Brokers::at_work(false, &[]);
        for value in 0..6 {
            let batch = brokers.batch(value);
            brokers.produce(0, &batch);
        }
        let again = brokers.batch_of(sequence, sequence as u64);
        brokers.ask(0, &again);
        brokers.answer_producer(0, ErrorCode::OutOfOrderSequenceNumber, Offset(-1));
        brokers.broke().map(str::to_owned)
    };
    assert_eq!(refuses(5).as_deref(), Some("DuplicateRecognised"));
    assert_eq!(refuses(1).as_deref(), Some("DuplicateRecognised"), "the fifth last");
    assert_eq!(refuses(0), None, "older than what is retained");
    assert_eq!(refuses(9), None, "it never came");
}
