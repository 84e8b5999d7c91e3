//! Whatever brokers and admins do, in whatever order, with commits late and leaders deposed, the
//! controller keeps its promises.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use proptest::prelude::*;

use super::harness::{Harness, cluster, registration, settings};
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::settings::ControllerSettings;
use crate::controller::state::ControllerState;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId, Offset, TopicIdPartition};
use crate::message::admin::{
    AlterConfigsResource, AlterableConfig, CreatableTopic, CreateTopicsRequest, DeleteTopicState, DeleteTopicsRequest,
    ElectLeadersRequest, IncrementalAlterConfigsRequest, UnregisterBrokerRequest,
};
use crate::message::cluster::{AlterPartitionItem, AlterPartitionRequest, BrokerState};
use crate::message::{AdminRequest, ClusterRequest};

const BROKERS: i32 = 5;

#[derive(Clone, Debug)]
enum Op {
    Register { broker: i32, incarnation: u128, clean: bool },
    Heartbeat { broker: i32, want_fence: bool, want_shut_down: bool },
    Create { topic: u8, replicas: i16 },
    Delete { topic: u8 },
    Alter { at: usize, members: u8, stale: bool },
    Elect { election_type: i8 },
    MinIsr { topic: u8, replicas: u8 },
    Unclean { topic: u8 },
    Unregister { broker: i32 },
    Wait(u64),
    Commit,
    Failover { keep: bool },
}

fn op() -> impl Strategy<Value = Op> {
    let broker = || 0..BROKERS;
    prop_oneof![
        4 => (broker(), 0..4u128, any::<bool>())
            .prop_map(|(broker, incarnation, clean)| Op::Register { broker, incarnation, clean }),
        12 => (broker(), prop::bool::weighted(0.15), prop::bool::weighted(0.1))
            .prop_map(|(broker, want_fence, want_shut_down)| Op::Heartbeat { broker, want_fence, want_shut_down }),
        3 => (0..4u8, 1..4i16).prop_map(|(topic, replicas)| Op::Create { topic, replicas }),
        1 => (0..4u8).prop_map(|topic| Op::Delete { topic }),
        8 => (any::<usize>(), any::<u8>(), prop::bool::weighted(0.1))
            .prop_map(|(at, members, stale)| Op::Alter { at, members, stale }),
        1 => (0..2i8).prop_map(|election_type| Op::Elect { election_type }),
        1 => (0..4u8, 1..4u8).prop_map(|(topic, replicas)| Op::MinIsr { topic, replicas }),
        1 => (0..4u8).prop_map(|topic| Op::Unclean { topic }),
        1 => broker().prop_map(|broker| Op::Unregister { broker }),
        3 => (1..6_000u64).prop_map(Op::Wait),
        6 => Just(Op::Commit),
        1 => any::<bool>().prop_map(|keep| Op::Failover { keep }),
    ]
}

fn name(topic: u8) -> Rc<str> {
    Rc::from(format!("t{topic}"))
}

fn set(topic: u8, name_of_config: &str, value: &str) -> AdminRequest {
    let (config, value) = (Rc::from(name_of_config), Some(Rc::from(value)));
    let configs = Rc::from([AlterableConfig { name: config, config_operation: 0, value }]);
    let resource = AlterConfigsResource { resource_type: 2, resource_name: name(topic), configs };
    let resources = Rc::from([resource]);
    AdminRequest::IncrementalAlterConfigs(IncrementalAlterConfigsRequest { resources, validate_only: false })
}

/// The request of the op to an active controller, if it has one.
fn request(harness: &Harness, op: &Op) -> Option<ControllerRequest> {
    let state = harness.latest();
    let admin = |request| Some(ControllerRequest::Admin(request));
    match *op {
        Op::Register { broker, incarnation, clean } => {
            let known = state.cluster.broker(NodeId(broker)).map(|broker| broker.epoch);
            let previous = known.filter(|_| clean).unwrap_or(BrokerEpoch::UNKNOWN);
            Some(cluster(ClusterRequest::BrokerRegistration(registration(broker, incarnation, previous))))
        }
        Op::Heartbeat { broker, want_fence, want_shut_down } => {
            // A process that began to shut down requests nothing else. (One that did would be unfenced, and elected,
            // with its registration still in controlled shutdown, which no record can undo; so in Kafka.)
            let leaving = state.cluster.broker(NodeId(broker))?.in_controlled_shutdown;
            let want_shut_down = want_shut_down || leaving;
            let request = harness.heartbeat_request(broker, want_fence, want_shut_down);
            Some(cluster(ClusterRequest::BrokerHeartbeat(request)))
        }
        Op::Create { topic, replicas } => {
            let (assignments, configs) = (Rc::from([]), Rc::from([]));
            let name = name(topic);
            let topic = CreatableTopic { name, num_partitions: 2, replication_factor: replicas, assignments, configs };
            let request = CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms: 9_999, validate_only: false };
            admin(AdminRequest::CreateTopics(request))
        }
        Op::Delete { topic } => {
            let topic_id = crate::ids::Uuid::ZERO;
            let topics = Rc::from([DeleteTopicState { name: Some(name(topic)), topic_id }]);
            admin(AdminRequest::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: 9_999 }))
        }
        Op::Alter { at, members, stale } => {
            let partitions: Vec<_> = partitions(state).collect();
            let (id, partition) = partitions.get(at.checked_rem(partitions.len())?)?;
            let leader = state.cluster.broker(partition.leader)?;
            let chosen = partition
                .replicas
                .iter()
                .enumerate()
                .filter(|(at, id)| **id == partition.leader || members >> at & 1 == 1);
            let new_isr_with_epochs = chosen
                .map(|(_, id)| BrokerState {
                    broker_id: *id,
                    broker_epoch: state.cluster.broker(*id).map_or(BrokerEpoch::UNKNOWN, |broker| broker.epoch),
                })
                .collect();
            let mut partition_epoch = partition.partition_epoch;
            partition_epoch.0 -= i32::from(stale);
            let item = AlterPartitionItem {
                partition: *id,
                leader_epoch: partition.leader_epoch,
                new_isr_with_epochs,
                leader_recovery_state: 0,
                partition_epoch,
            };
            Some(cluster(ClusterRequest::AlterPartition(AlterPartitionRequest {
                broker_id: partition.leader,
                broker_epoch: leader.epoch,
                partitions: Rc::from([item]),
            })))
        }
        Op::Elect { election_type } => {
            let request = ElectLeadersRequest { election_type, topic_partitions: None, timeout_ms: 9_999 };
            admin(AdminRequest::ElectLeaders(request))
        }
        Op::MinIsr { topic, replicas } => admin(set(topic, "min.insync.replicas", &replicas.to_string())),
        Op::Unclean { topic } => admin(set(topic, "unclean.leader.election.enable", "true")),
        Op::Unregister { broker } => {
            let broker_id = NodeId(broker);
            admin(AdminRequest::UnregisterBroker(UnregisterBrokerRequest { broker_id }))
        }
        Op::Wait(_) | Op::Commit | Op::Failover { .. } => None,
    }
}

fn partitions(
    state: &ControllerState,
) -> impl Iterator<Item = (TopicIdPartition, &crate::metadata::image::PartitionRegistration)> {
    state.topics.iter().flat_map(|(topic_id, topic)| {
        topic.partitions.iter().map(move |(partition, p)| (TopicIdPartition { topic_id, partition: *partition }, p))
    })
}

/// What must hold of any state.
fn check(state: &ControllerState) {
    let mut epochs = BTreeSet::new();
    for (&id, broker) in state.cluster.brokers() {
        assert!(epochs.insert(broker.epoch), "broker {id} shares epoch {}", broker.epoch);
    }
    for (id, partition) in partitions(state) {
        let isr: BTreeSet<_> = partition.isr.iter().collect();
        assert_eq!(isr.len(), partition.isr.len(), "{id}: {partition:?}");
        assert!(partition.elr.iter().all(|member| !isr.contains(member)), "{id}: {partition:?}");
        let replicas = &partition.replicas;
        assert!(partition.isr.iter().chain(partition.elr.iter()).all(|member| replicas.contains(member)));
        assert!(partition.leader == NodeId::NONE || isr.contains(&partition.leader), "{id}: {partition:?}");
        assert!(partition.last_known_elr.len() <= 1 && !partition.last_known_elr.contains(&NodeId::NONE));
        assert!(partition.leader == NodeId::NONE || partition.last_known_elr.is_empty(), "{id}: {partition:?}");
        let topic = state.topics.topic(id.topic_id).expect("of a topic");
        let enough = partition.isr.len() >= state.effective_min_isr(topic, &settings());
        assert!(partition.elr.is_empty() || !enough, "{id}: {partition:?} remembers more than it must");
        for member in partition.isr.iter() {
            assert!(state.topics.with_in_isr(*member).any(|other| other == id));
        }
        for member in partition.elr.iter() {
            assert!(state.topics.with_in_elr(*member).any(|other| other == id));
        }
        if partition.leader != NodeId::NONE {
            let leader = state.cluster.broker(partition.leader).expect("a leader is registered");
            assert!(leader.is_active(), "{id}: {partition:?} is led by {leader:?}");
        }
    }
    let indexed = (-1..BROKERS).map(|id| state.topics.with_in_isr(NodeId(id)).count()).sum::<usize>();
    let held = partitions(state).map(|(_, p)| p.isr.len() + usize::from(!p.has_leader())).sum::<usize>();
    assert_eq!(indexed, held, "the index has nothing that is not there");
}

/// Epochs of a partition never go back, and no change leaves PE as it was.
fn check_step(old: &ControllerState, new: &ControllerState) {
    let before: BTreeMap<_, _> = partitions(old).collect();
    for (id, partition) in partitions(new) {
        let Some(old) = before.get(&id) else { continue };
        assert!(partition.leader_epoch >= old.leader_epoch && partition.partition_epoch >= old.partition_epoch);
        assert!(partition == *old || partition.partition_epoch > old.partition_epoch);
        assert!(partition.leader == old.leader || partition.leader_epoch > old.leader_epoch);
    }
}

proptest! {
    #[test]
    fn the_state_is_sound_after_every_step_and_stable_catches_up_with_latest(
        ops in prop::collection::vec(op(), 1..120),
    ) {
        // Without it some histories keep a broker out.
        let fixes = Fixes::NONE.with(Fix::ClearIndexOfElr);
        let mut harness = Harness::active_with(ControllerSettings { fixes, ..settings() });
        let (mut epoch, mut owed) = (1, Vec::new());
        let mut given: BTreeMap<BrokerEpoch, (NodeId, crate::ids::Uuid)> = BTreeMap::new();
        for op in ops {
            let before = harness.latest().clone();
            match op {
                Op::Wait(ms) => harness.advance(ms),
                Op::Commit => harness.commit(),
                Op::Failover { keep } => {
                    harness.depose(epoch + 1, keep);
                    harness.commit();
                    epoch += 2;
                    harness.lead(epoch);
                }
                _ => {
                    if let Some(request) = request(&harness, &op) {
                        owed.push(harness.send(request));
                    }
                }
            }
            check(harness.latest());
            check(harness.controller.stable());
            if !matches!(op, Op::Failover { .. }) {
                check_step(&before, harness.latest());
            }
            if harness.log.pending.is_empty() {
                prop_assert_eq!(Some(harness.controller.stable()), harness.controller.latest());
            }
            // Only a registration that was lost uncommitted may see its epoch given again.
            for (&id, broker) in harness.controller.stable().cluster.brokers() {
                let owner = given.entry(broker.epoch).or_insert((id, broker.incarnation_id));
                prop_assert_eq!(*owner, (id, broker.incarnation_id));
            }
        }
        harness.commit();
        prop_assert_eq!(Some(harness.controller.stable()), harness.controller.latest());
        prop_assert_eq!(harness.controller.last_committed_offset(), Offset(harness.log.end - 1));
        for id in owed {
            prop_assert!(harness.answer(id).is_some(), "every request is answered");
            prop_assert!(harness.answer(id).is_none(), "once");
        }
    }
}
