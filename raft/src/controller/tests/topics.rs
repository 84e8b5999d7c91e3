//! Topics are made, grow, are configured and go; leaders are elected on request
//! (controller-broker.md §4.1, §4.2, §4.8, §4.10).

use std::collections::BTreeSet;
use std::rc::Rc;

use proptest::prelude::*;

use super::harness::{Draws, Harness, cluster, settings};
use super::nodes;
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::replication::{StripedReplicaPlacer, UsableBroker};
use crate::controller::settings::{ControllerSettings, Feature, METADATA_VERSION, level};
use crate::controller::state::ResourceType;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId, ProducerId, Uuid};
use crate::message::admin::*;
use crate::message::cluster::AllocateProducerIdsRequest;
use crate::message::{AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, ErrorCode, Response};
use crate::metadata::MetadataRecord;

fn topic(name: &str, num_partitions: i32, replication_factor: i16) -> CreatableTopic {
    let (assignments, configs) = (Rc::from([]), Rc::from([]));
    CreatableTopic { name: Rc::from(name), num_partitions, replication_factor, assignments, configs }
}

fn started() -> Harness {
    let mut harness = Harness::active();
    harness.join(&[1, 2, 3]);
    harness
}

fn admin(harness: &mut Harness, request: AdminRequest) -> AdminResponse {
    match harness.ask(ControllerRequest::Admin(request)) {
        Response::Admin(response) => response,
        other => panic!("{other:?}"),
    }
}

fn alter_config(
    harness: &mut Harness,
    (resource_type, resource): (i8, &str),
    name: &str,
    (config_operation, value): (i8, Option<&str>),
) -> ErrorCode {
    let config = AlterableConfig { name: Rc::from(name), config_operation, value: value.map(Rc::from) };
    let (resource_name, configs) = (Rc::from(resource), Rc::from([config]));
    let resources = Rc::from([AlterConfigsResource { resource_type, resource_name, configs }]);
    let request = IncrementalAlterConfigsRequest { resources, validate_only: false };
    match admin(harness, AdminRequest::IncrementalAlterConfigs(request)) {
        AdminResponse::IncrementalAlterConfigs(response) => response.responses[0].error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_topic_has_its_own_verdict_and_the_good_ones_one_batch() {
    let mut harness = started();
    harness.create("a.b", &[&[1, 2]], &[]);
    let requested = [
        (topic("good", 3, 2), ErrorCode::None),
        (topic("a.b", 1, 1), ErrorCode::TopicAlreadyExists),
        (topic("a_b", 1, 1), ErrorCode::InvalidTopicException),
        (topic("no space", 1, 1), ErrorCode::InvalidTopicException),
        (topic("..", 1, 1), ErrorCode::InvalidTopicException),
        (topic("twice", 1, 1), ErrorCode::InvalidRequest),
        (topic("twice", 1, 1), ErrorCode::InvalidRequest),
        (topic("__cluster_metadata", 1, 1), ErrorCode::InvalidRequest),
        (topic("wide", 1, 4), ErrorCode::InvalidReplicationFactor),
        (topic("none", 0, 1), ErrorCode::InvalidPartitions),
        (topic("default", -1, -1), ErrorCode::None),
    ];
    let batches = harness.log.pending.len();
    let response = harness.create_topics(requested.iter().map(|(topic, _)| topic.clone()).collect());
    for (result, (topic, expected)) in response.topics.iter().zip(&requested) {
        assert_eq!(result.error, *expected, "{}", topic.name);
    }
    assert_eq!(batches, 0);
    let made = harness.latest().topics.id_of("good").expect("made");
    assert_eq!(harness.latest().topics.topic(made).expect("made").partitions.len(), 3);
    let partition = harness.partition("good", 0);
    assert_eq!((partition.isr.len(), partition.leader), (2, partition.replicas[0]));
    let all = vec![topic("a", 9_999, 1), topic("b", 2, 1)];
    assert_eq!(harness.create_topics(all).topics[1].error, ErrorCode::PolicyViolation);
}

#[test]
fn a_manual_placement_begins_with_those_that_are_active() {
    let mut harness = started();
    harness.heartbeat(1, true, false);
    let response = harness.create("t", &[&[1, 2, 3]], &[("min.insync.replicas", "2")]);
    assert_eq!((response.topics[0].error, response.topics[0].replication_factor), (ErrorCode::None, 3));
    let partition = harness.partition("t", 0);
    assert_eq!((partition.leader, &partition.isr), (NodeId(2), &nodes(&[2, 3])));
    let kinds: Vec<_> = harness.log.written.iter().rev().take(4).map(MetadataRecord::name).collect();
    assert_eq!(kinds, ["PartitionRecord", "ClearElrRecord", "ConfigRecord", "TopicRecord"]);
    assert_eq!(harness.create("u", &[&[1]], &[]).topics[0].error, ErrorCode::InvalidReplicaAssignment);
    assert_eq!(harness.create("u", &[&[2, 2]], &[]).topics[0].error, ErrorCode::InvalidReplicaAssignment);
    assert_eq!(harness.create("u", &[&[2], &[2, 3]], &[]).topics[0].error, ErrorCode::InvalidReplicaAssignment);
    assert_eq!(harness.create("u", &[&[9]], &[]).topics[0].error, ErrorCode::InvalidReplicaAssignment);
    let bad = [("min.insync.replicas", "0")];
    assert_eq!(harness.create("u", &[&[2]], &bad).topics[0].error, ErrorCode::InvalidConfig);
}

#[test]
fn a_deleted_topic_leaves_nothing_and_an_uncommitted_one_is_unknown() {
    let mut harness = started();
    harness.create("t", &[&[1, 2]], &[("min.insync.replicas", "1")]);
    let delete = |name: &str| {
        let name = Some(Rc::from(name));
        let topics = Rc::from([DeleteTopicState { name, topic_id: Uuid::ZERO }]);
        AdminRequest::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: 1_000 })
    };
    let errors = |response| match response {
        AdminResponse::DeleteTopics(response) => response.responses.iter().map(|r| r.error).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let request =
        CreateTopicsRequest { topics: Rc::from([topic("new", 1, 1)]), timeout_ms: 1_000, validate_only: false };
    harness.send(ControllerRequest::Admin(AdminRequest::CreateTopics(request)));
    let id = harness.send(ControllerRequest::Admin(delete("new")));
    let Some(Response::Admin(response)) = harness.answer(id) else { panic!("at once") };
    assert_eq!(errors(response), [ErrorCode::UnknownTopicOrPartition], "names are looked up in the stable state");
    harness.commit();
    assert_eq!(errors(admin(&mut harness, delete("t"))), [ErrorCode::None]);
    assert_eq!(errors(admin(&mut harness, delete("t"))), [ErrorCode::UnknownTopicOrPartition]);
    let state = harness.latest();
    assert_eq!(state.topics.with_in_isr(NodeId(1)).filter(|id| state.partition(*id).is_none()).count(), 0);
    assert!(state.configs.of_resource(ResourceType::Topic, "t").is_none());
    assert_eq!(harness.create("t", &[&[3]], &[]).topics[0].error, ErrorCode::None, "the name is free");
}

#[test]
fn a_topic_grows_and_never_shrinks() {
    let mut harness = started();
    harness.create("t", &[&[1, 2]], &[]);
    let grow = |count, assignments: &[&[i32]]| {
        let assignments = assignments.iter().map(|ids| ReplicaAssignment { partition: -1, broker_ids: nodes(ids) });
        let topic = CreatePartitionsTopic { name: Rc::from("t"), count, assignments: assignments.collect() };
        let topics = Rc::from([topic]);
        AdminRequest::CreatePartitions(CreatePartitionsRequest { topics, timeout_ms: 0, validate_only: false })
    };
    let mut error = |request| match admin(&mut harness, request) {
        AdminResponse::CreatePartitions(response) => response.results[0].error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(grow(1, &[])), ErrorCode::RequestTimedOut, "no patience at all");
    let patient = |request| match request {
        AdminRequest::CreatePartitions(request) => {
            AdminRequest::CreatePartitions(CreatePartitionsRequest { timeout_ms: 9, ..request })
        }
        other => other,
    };
    assert_eq!(error(patient(grow(1, &[]))), ErrorCode::InvalidPartitions);
    assert_eq!(error(patient(grow(3, &[&[2, 3]]))), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(error(patient(grow(2, &[&[2, 3, 1]]))), ErrorCode::InvalidReplicaAssignment);
    assert_eq!(error(patient(grow(2, &[&[2, 3]]))), ErrorCode::None);
    assert_eq!(error(patient(grow(4, &[]))), ErrorCode::None);
    assert_eq!(harness.partition("t", 1).leader, NodeId(2));
    assert_eq!(harness.partition("t", 3).replicas.len(), 2);
}

#[test]
fn configs_change_incrementally_and_min_isr_clears_the_elr() {
    let mut harness = started();
    harness.create("t", &[&[1, 2]], &[]);
    harness.heartbeat(2, true, false);
    assert_eq!(harness.partition("t", 0).elr, nodes(&[2]));
    let mut alter = |kind, resource: &str, name: &str, config_operation, value: Option<&str>| {
        let error = alter_config(&mut harness, (kind, resource), name, (config_operation, value));
        (error, harness.partition("t", 0).elr.len())
    };
    let min = "min.insync.replicas";
    assert_eq!(alter(2, "t", min, 0, Some("x")), (ErrorCode::InvalidConfig, 1));
    assert_eq!(alter(2, "t", min, 2, Some("1")), (ErrorCode::InvalidConfig, 1), "no list");
    assert_eq!(alter(2, "u", min, 0, Some("1")), (ErrorCode::UnknownTopicOrPartition, 1));
    assert_eq!(alter(4, "9", "k", 0, Some("v")), (ErrorCode::BrokerIdNotRegistered, 1));
    assert_eq!(alter(4, "1", min, 0, Some("1")), (ErrorCode::InvalidConfig, 1), "one value for the cluster");
    assert_eq!(alter(4, "", min, 1, None), (ErrorCode::InvalidConfig, 1), "which cannot go");
    assert_eq!(alter(2, "t", "cleanup.policy", 2, Some("compact,delete")), (ErrorCode::None, 1));
    assert_eq!(alter(2, "t", "cleanup.policy", 3, Some("compact")), (ErrorCode::None, 1));
    assert_eq!(alter(4, "", min, 0, Some("2")), (ErrorCode::None, 0), "the same value again, and still it clears");
    assert_eq!(alter(2, "t", "unclean.leader.election.enable", 0, Some("true")), (ErrorCode::None, 0));
    let state = harness.controller.stable();
    assert_eq!(state.configs.get(ResourceType::Topic, "t", "cleanup.policy").map(|v| &**v), Some("delete"));
    assert_eq!(state.topics.with_in_elr(NodeId(2)).count(), 1, "the index does not follow");
    let resource = DescribeConfigsResource { resource_type: 2, resource_name: Rc::from("t") };
    let request = AdminRequest::DescribeConfigs(DescribeConfigsRequest { resources: Rc::from([resource]) });
    let AdminResponse::DescribeConfigs(response) = admin(&mut harness, request) else { panic!() };
    assert_eq!(response.results[0].configs.len(), 2);
}

/// Nobody may lead a partition whose ISR and ELR are empty, though both replicas have everything.
#[test]
fn a_new_min_isr_strands_a_partition_without_isr_unless_its_elr_stays() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::KeepElrOfEmptyIsr)] {
        let mut harness = Harness::active_with(ControllerSettings { fixes, ..settings() });
        harness.join(&[1, 2, 3]);
        harness.create("t", &[&[1, 2], &[2, 3]], &[]);
        harness.heartbeat(1, true, false);
        harness.heartbeat(2, true, false);
        assert_eq!((&harness.partition("t", 0).isr, harness.partition("t", 0).elr.len()), (&nodes(&[]), 2));
        assert_eq!((&harness.partition("t", 1).isr, harness.partition("t", 1).elr.len()), (&nodes(&[3]), 1));

        let altered = alter_config(&mut harness, (2, "t"), "min.insync.replicas", (0, Some("1")));
        assert_eq!((altered, harness.partition("t", 1).elr.len()), (ErrorCode::None, 0), "it may be overtaken");
        harness.heartbeat(1, false, false);
        let leader = if fixes == Fixes::NONE { NodeId::NONE } else { NodeId(1) };
        let now = harness.partition("t", 0);
        assert_eq!((now.leader, now.elr.len()), (leader, 0), "{fixes:?}: alone it may leave the other behind");
    }
}

/// ClearElr leaves the index from brokers to ELRs as it was: once the topic is deleted, a broker that was in the ELR can
/// not come back after an unclean shutdown, and each attempt costs a failover.
#[test]
fn a_cleared_elr_of_a_deleted_topic_keeps_a_broker_out_unless_the_index_is_cleared() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::ClearIndexOfElr)] {
        let mut harness = Harness::active_with(ControllerSettings { fixes, ..settings() });
        harness.join(&[1, 2, 3]);
        harness.create("t", &[&[1, 2]], &[]);
        harness.heartbeat(2, true, false);
        assert_eq!(harness.partition("t", 0).elr, nodes(&[2]));
        alter_config(&mut harness, (2, "t"), "min.insync.replicas", (0, Some("1")));
        let topics = Rc::from([DeleteTopicState { name: Some(Rc::from("t")), topic_id: Uuid::ZERO }]);
        admin(&mut harness, AdminRequest::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: 1_000 }));
        harness.advance(9_001);
        let answer = harness.register(2, 77, BrokerEpoch::UNKNOWN).error;
        let expected = if fixes == Fixes::NONE { ErrorCode::UnknownServerError } else { ErrorCode::None };
        assert_eq!((answer, harness.controller.claimed().is_some()), (expected, fixes != Fixes::NONE));
    }
}

#[test]
fn elections_are_held_on_request_and_by_themselves() {
    let mut harness = started();
    harness.create("t", &[&[1, 2]], &[]);
    let elect = |harness: &mut Harness, election_type| {
        let topics = Rc::from([ElectLeadersTopic { topic: Rc::from("t"), partitions: Rc::from([0, 5]) }]);
        let request = ElectLeadersRequest { election_type, topic_partitions: Some(topics), timeout_ms: 9 };
        match admin(harness, AdminRequest::ElectLeaders(request)) {
            AdminResponse::ElectLeaders(response) => {
                (response.error, response.replica_election_results.iter().map(|r| r.error).collect::<Vec<_>>())
            }
            other => panic!("{other:?}"),
        }
    };
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(elect(&mut harness, 0), (ErrorCode::None, vec![ErrorCode::ElectionNotNeeded, unknown]));
    let invalid = ErrorCode::InvalidRequest;
    assert_eq!(elect(&mut harness, 7), (invalid, vec![invalid, invalid]));
    harness.heartbeat(1, true, false);
    assert_eq!(harness.partition("t", 0).leader, NodeId(2));
    assert_eq!(elect(&mut harness, 0), (ErrorCode::None, vec![ErrorCode::PreferredLeaderNotAvailable, unknown]));
    harness.heartbeat(1, false, false);
    let (leader, item) = harness.proposal("t", &[2, 1]);
    harness.alter(leader, item);
    for _ in 0..151 {
        harness.advance(2_000);
        for broker in [1, 2, 3] {
            harness.heartbeat(broker, false, false);
        }
    }
    assert_eq!(harness.partition("t", 0).leader, NodeId(1), "leader.imbalance.check.interval.seconds");
    harness.create("lost", &[&[3]], &[]);
    harness.register_unclean(3);
    assert_eq!(harness.partition("lost", 0).leader, NodeId::NONE);
    harness.heartbeat(3, false, false);
    assert_eq!(harness.partition("lost", 0).leader, NodeId(3), "the last known leader, uncleanly");
}

#[test]
fn producer_id_blocks_are_given_once() {
    let mut harness = started();
    let mut allocate = |broker_epoch| {
        let request = AllocateProducerIdsRequest { broker_id: NodeId(1), broker_epoch };
        match harness.ask(cluster(ClusterRequest::AllocateProducerIds(request))) {
            Response::Cluster(ClusterResponse::AllocateProducerIds(r)) => (r.error, r.producer_id_start),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(allocate(BrokerEpoch(0)), (ErrorCode::StaleBrokerEpoch, ProducerId(0)), "the default");
    let epoch = harness_epoch();
    assert_eq!(allocate(epoch), (ErrorCode::None, ProducerId(0)));
    assert_eq!(allocate(epoch), (ErrorCode::None, ProducerId(1_000)));
}

fn harness_epoch() -> BrokerEpoch {
    started().epoch_of(1)
}

proptest! {
    #[test]
    fn placements_stripe_leaders_over_brokers_and_replicas_over_racks(
        racks in prop::collection::vec(0..4u8, 1..9),
        fenced in prop::collection::vec(any::<bool>(), 9),
        partitions in 1..40usize,
        replication_factor in 1..5usize,
        seed in any::<u64>(),
    ) {
        let brokers: Vec<_> = racks.iter().enumerate().map(|(id, rack)| UsableBroker {
            id: NodeId(id as i32),
            rack: (*rack > 0).then(|| Rc::from(format!("r{rack}"))),
            fenced: fenced[id],
        }).collect();
        let unfenced = brokers.iter().filter(|broker| !broker.fenced).count();
        let mut draws = Draws(seed);
        let placed = StripedReplicaPlacer::new(&brokers, &mut draws).place(partitions, replication_factor, &mut draws);
        prop_assert_eq!(placed.is_some(), unfenced > 0 && replication_factor <= brokers.len());
        for replicas in placed.unwrap_or_default() {
            let unique: BTreeSet<_> = replicas.iter().collect();
            prop_assert_eq!(unique.len(), replication_factor);
            prop_assert!(!brokers[replicas[0].0 as usize].fenced);
            let rack_count = racks.iter().collect::<BTreeSet<_>>().len();
            let used: BTreeSet<_> = replicas.iter().map(|id| racks[id.0 as usize]).collect();
            prop_assert!(used.len() == replication_factor.min(rack_count), "{:?} of {:?}", replicas, brokers);
        }
    }
}

/// Draws in this order.
struct Given(std::vec::IntoIter<u32>);

impl crate::io::Entropy for Given {
    fn below(&mut self, bound: u32) -> u32 {
        self.0.next().filter(|draw| *draw < bound).expect("a draw below its bound")
    }
}

/// `BrokerList.shuffle` leaves the list's epoch alone: the list of rack b, used in epoch 0 only, has no broker left in
/// the next epoch 0.
#[test]
fn a_list_that_was_used_in_the_first_round_only_goes_on_from_there_after_a_shuffle() {
    let broker = |id, rack: &str, fenced| UsableBroker { id: NodeId(id), rack: Some(rack.into()), fenced };
    let brokers = [broker(1, "a", false), broker(2, "a", false), broker(3, "b", true), broker(4, "c", true)];
    // Offsets of the lists of a, b and c, and of the racks; then the racks and the list of a are shuffled into their
    // order (lists of one broker draw nothing).
    let mut draws = Given(vec![0, 0, 0, 1, 2, 1, 1].into_iter());
    let placed = StripedReplicaPlacer::new(&brokers, &mut draws).place(3, 2, &mut draws).expect("enough");
    let ids: Vec<Vec<i32>> = placed.iter().map(|replicas| replicas.iter().map(|id| id.0).collect()).collect();
    assert_eq!(ids, [[1, 3], [2, 4], [1, 4]], "not broker 3 again");
    assert_eq!(draws.0.next(), None);
}

#[test]
fn as_many_partitions_as_brokers_give_each_one_leadership() {
    let brokers: Vec<_> = (0..5).map(|id| UsableBroker { id: NodeId(id), rack: None, fenced: false }).collect();
    for seed in 0..50 {
        let mut draws = Draws(seed);
        let placed = StripedReplicaPlacer::new(&brokers, &mut draws).place(5, 3, &mut draws).expect("enough");
        let leaders: BTreeSet<_> = placed.iter().map(|replicas| replicas[0]).collect();
        assert_eq!(leaders.len(), 5);
    }
}

#[test]
fn a_topics_id_has_no_dash_and_is_drawn_when_its_replicas_are_placed() {
    let mut harness = started();
    let names: Vec<String> = (0..40).map(|number| format!("t{number}")).collect();
    let requested = names.iter().map(|name| topic(name, 1, 1)).collect();
    let response = harness.create_topics(requested);
    assert!(response.topics.iter().all(|topic| topic.error == ErrorCode::None));
    assert!(response.topics.iter().all(|topic| !topic.topic_id.to_string().contains('-')));

    let draws = |topics: Vec<CreatableTopic>| {
        let mut harness = started();
        harness.create_topics(topics).topics.last().map(|topic| topic.topic_id)
    };
    let refused = CreatableTopic {
        assignments: Rc::from([ReplicaAssignment { partition: 0, broker_ids: nodes(&[9]) }]),
        ..topic("refused", -1, -1)
    };
    assert_eq!(draws(vec![refused, topic("t", 1, 1)]), draws(vec![topic("t", 1, 1)]), "no id for the refused one");
}

/// `ElectLeadersRequest.getErrorResponse`
#[test]
fn a_standby_refuses_an_election_partition_by_partition() {
    let mut harness = Harness::new(settings());
    let topics = Rc::from([ElectLeadersTopic { topic: Rc::from("t"), partitions: Rc::from([0, 2]) }]);
    let request = ElectLeadersRequest { election_type: 0, topic_partitions: Some(topics), timeout_ms: 30_000 };
    let id = harness.send(ControllerRequest::Admin(AdminRequest::ElectLeaders(request)));
    let Some(Response::Admin(AdminResponse::ElectLeaders(response))) = harness.answer(id) else { panic!("no answer") };
    let results: Vec<_> =
        response.replica_election_results.iter().map(|result| (result.partition, result.error)).collect();
    let error = ErrorCode::NotController;
    assert_eq!((response.error, results), (error, vec![(0, error), (2, error)]));
}

#[test]
fn topics_are_created_at_every_metadata_version() {
    for level in [level::MINIMUM, level::NO_BUMP_ON_SHRINK, level::DIRECTORIES, level::LATEST] {
        let bootstrap = Rc::from([Feature { name: METADATA_VERSION.into(), level }]);
        let mut harness = Harness::active_with(ControllerSettings { bootstrap, ..settings() });
        harness.join(&[1, 2]);
        assert_eq!(harness.create("t", &[&[1, 2]], &[]).topics[0].error, ErrorCode::None, "{level}");
        // What the log asserts of each record: that this version has a form for it.
        harness.heartbeat(1, true, false);
        assert_eq!(harness.partition("t", 0).leader, NodeId(2), "{level}");
    }
}
