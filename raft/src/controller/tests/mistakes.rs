//! What a controller does wrong with a mistake switched on, and right without it.

use std::rc::Rc;

use super::harness::{Harness, cluster, settings};
use crate::bugs::{Bug, Bugs};
use crate::controller::metadata_log::{CommittedBatch, RaftEvent};
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::settings::ControllerSettings;
use crate::controller::state::ResourceType;
use crate::ids::{BrokerEpoch, NodeId, Offset};
use crate::message::admin::*;
use crate::message::cluster::AllocateProducerIdsRequest;
use crate::message::{AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, ErrorCode, Response};
use crate::metadata::MetadataRecord;
use crate::metadata::records::NoOp;

/// What a story comes to: with the mistake, and without.
fn with_and_without<T>(bug: Bug, story: impl Fn(&mut Harness) -> T) -> (T, T) {
    let tell = |bugs| story(&mut Harness::active_with(ControllerSettings { bugs, ..settings() }));
    (tell(Bugs::NONE.with(bug)), tell(Bugs::NONE))
}

/// Requests a topic; its records wait to be committed.
fn create(harness: &mut Harness, name: &str) -> i32 {
    let topic = CreatableTopic {
        name: Rc::from(name),
        num_partitions: 1,
        replication_factor: 1,
        assignments: Rc::from([]),
        configs: Rc::from([]),
    };
    let request = CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms: 9_999, validate_only: false };
    harness.send(ControllerRequest::Admin(AdminRequest::CreateTopics(request)))
}

fn created(harness: &mut Harness, id: i32) -> Option<ErrorCode> {
    match harness.answer(id)? {
        Response::Admin(AdminResponse::CreateTopics(response)) => Some(response.topics[0].error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn g18_another_leader_s_record_answers_who_waited_for_its_offset() {
    let (wrong, right) = with_and_without(Bug::AckByOffset, |harness| {
        harness.join(&[1]);
        let id = create(harness, "t");
        let lost = harness.log.pending.clone();
        harness.depose(2, false);
        let others = lost.into_iter().map(|batch| {
            let records = vec![MetadataRecord::NoOp(NoOp {}); batch.records.len()];
            CommittedBatch { records, ..batch }
        });
        harness.tell(RaftEvent::Commit { batches: others.collect(), ordinal: 0 });
        assert_eq!(harness.controller.stable().topics.id_of("t"), None);
        created(harness, id)
    });
    assert_eq!((wrong, right), (Some(ErrorCode::None), Some(ErrorCode::NotController)));
}

#[test]
fn g18_a_request_that_still_waits_at_the_next_claim_is_answered_not_controller() {
    let mut harness =
        Harness::active_with(ControllerSettings { bugs: Bugs::NONE.with(Bug::AckByOffset), ..settings() });
    harness.join(&[1]);
    let id = create(&mut harness, "t");
    harness.depose(2, false);
    assert_eq!(created(&mut harness, id), None);
    harness.lead(3);
    assert_eq!(created(&mut harness, id), Some(ErrorCode::NotController));
}

#[test]
fn m15_what_was_not_committed_outlives_the_leadership() {
    let (wrong, right) = with_and_without(Bug::Kafka13114RenounceWithoutRevert, |harness| {
        harness.join(&[1]);
        create(harness, "t");
        harness.depose(2, false);
        let standby = harness.controller.stable().topics.id_of("t").is_some();
        harness.lead(3);
        (standby, harness.latest().topics.id_of("t").is_some())
    });
    assert_eq!((wrong, right), ((true, true), (false, false)));
}

#[test]
fn m19_a_read_sees_what_is_not_committed() {
    let (wrong, right) = with_and_without(Bug::Kafka15048ReadOfLatestState, |harness| {
        let (resource_type, resource_name): (i8, Rc<str>) = (ResourceType::Broker.value(), Rc::from(""));
        let config = AlterableConfig { name: Rc::from("k"), config_operation: 0, value: Some(Rc::from("v")) };
        let resource = AlterConfigsResource {
            resource_type,
            resource_name: Rc::clone(&resource_name),
            configs: Rc::from([config]),
        };
        let request = IncrementalAlterConfigsRequest { resources: Rc::from([resource]), validate_only: false };
        harness.send(ControllerRequest::Admin(AdminRequest::IncrementalAlterConfigs(request)));
        let resource = DescribeConfigsResource { resource_type, resource_name };
        let request = DescribeConfigsRequest { resources: Rc::from([resource]) };
        let id = harness.send(ControllerRequest::Admin(AdminRequest::DescribeConfigs(request)));
        match harness.answer(id) {
            Some(Response::Admin(AdminResponse::DescribeConfigs(response))) => {
                response.results[0].configs.iter().any(|config| &*config.name == "k")
            }
            other => panic!("{other:?}"),
        }
    });
    assert!(wrong && !right);
}

#[test]
fn m24_of_two_brokers_that_expire_together_one_stays_in_the_isr() {
    let (wrong, right) = with_and_without(Bug::Kafka13173ExpiriesFromOneBase, |harness| {
        harness.join(&[1, 2, 3]);
        harness.create("t", &[&[1, 2, 3]], &[]);
        harness.advance(8_000);
        harness.heartbeat(3, false, false);
        harness.advance(3_000);
        let partition = harness.partition("t", 0);
        (partition.leader.0, partition.isr.iter().map(|id| id.0).collect::<Vec<_>>())
    });
    assert_eq!((wrong, right), ((2, vec![1, 3]), (3, vec![3])));
}

#[test]
fn m25_a_broker_that_died_with_its_controller_is_never_fenced() {
    let (wrong, right) = with_and_without(Bug::Kafka18138NoSessionAfterFailover, |harness| {
        harness.join(&[1, 2]);
        harness.depose(2, true);
        harness.lead(3);
        harness.commit();
        harness.advance(60_000);
        harness.latest().cluster.broker(NodeId(1)).expect("registered").fenced
    });
    assert_eq!((wrong, right), (false, true));
}

#[test]
fn m28_a_new_partition_has_a_fenced_broker_in_its_isr() {
    let (wrong, right) = with_and_without(Bug::Kafka13083FencedInNewIsr, |harness| {
        harness.join(&[1, 2]);
        harness.heartbeat(2, true, false);
        harness.create("t", &[&[2, 1]], &[]);
        (harness.partition("t", 0).leader.0, harness.partition("t", 0).isr.len())
    });
    assert_eq!((wrong, right), ((2, 2), (1, 1)));
}

#[test]
fn the_next_process_of_a_broker_gets_the_same_epoch() {
    let (wrong, right) = with_and_without(Bug::BrokerEpochReused, |harness| {
        let first = harness.register(1, 1, BrokerEpoch::UNKNOWN).broker_epoch;
        harness.register(1, 2, BrokerEpoch::UNKNOWN).broker_epoch > first
    });
    assert!(!wrong && right);
}

#[test]
fn blocks_of_producer_ids_overlap() {
    let (wrong, right) = with_and_without(Bug::ProducerIdBlocksOverlap, |harness| {
        harness.join(&[1]);
        let (broker_id, broker_epoch) = (NodeId(1), harness.epoch_of(1));
        let request = AllocateProducerIdsRequest { broker_id, broker_epoch };
        let mut start = || match harness.ask(cluster(ClusterRequest::AllocateProducerIds(request.clone()))) {
            Response::Cluster(ClusterResponse::AllocateProducerIds(block)) => {
                (block.producer_id_start.0, block.producer_id_len)
            }
            other => panic!("{other:?}"),
        };
        [start(), start()]
    });
    assert_eq!((wrong, right), ([(0, 1_000), (1, 1_000)], [(0, 1_000), (1_000, 1_000)]));
}

#[test]
fn a_topic_is_said_to_be_created_before_it_is_committed() {
    let (wrong, right) = with_and_without(Bug::AnsweredBeforeCommit, |harness| {
        harness.join(&[1]);
        let id = create(harness, "t");
        assert!(harness.controller.last_committed_offset() < Offset(harness.log.end - 1));
        created(harness, id)
    });
    assert_eq!((wrong, right), (Some(ErrorCode::None), None));
}
