//! Metadata responses from the image (controller-broker.md §5.6). Another broker's response may be older: clients keep
//! the newest leader epoch they know.

use std::rc::Rc;

use super::view::{BrokerView, ClusterView, PartitionView};
use crate::ids::{NodeId, Uuid};
use crate::io::Entropy;
use crate::message::ErrorCode;
use crate::message::data::{MetadataBroker, MetadataPartition, MetadataRequest, MetadataResponse, MetadataTopic};

/// Registered and unfenced. This includes a broker in controlled shutdown.
fn is_alive(broker: &BrokerView) -> bool {
    !broker.fenced && broker.has_listener
}

/// Responds to a Metadata request. The `controller_id` is any alive broker: it forwards admin requests.
pub fn metadata(request: &MetadataRequest, view: &dyn ClusterView, entropy: &mut dyn Entropy) -> MetadataResponse {
    let alive: Vec<NodeId> = view.brokers().iter().filter(|broker| is_alive(broker)).map(|broker| broker.id).collect();
    let controller_id = match u32::try_from(alive.len()) {
        Ok(count) if count > 0 => alive[entropy.below(count) as usize],
        _ => NodeId::NONE,
    };
    let topics = match &request.topics {
        Some(names) => names.iter().map(|name| topic(name, view)).collect(),
        None => view.topic_names().iter().map(|name| topic(name, view)).collect(),
    };
    let brokers = alive.into_iter().map(|node_id| MetadataBroker { node_id }).collect();
    MetadataResponse { brokers, controller_id, topics }
}

fn topic(name: &Rc<str>, view: &dyn ClusterView) -> MetadataTopic {
    let name = Rc::clone(name);
    match view.topic(&name) {
        Some(found) => MetadataTopic {
            error: ErrorCode::None,
            name,
            topic_id: found.id,
            partitions: found.partitions.iter().map(|of| partition(of, view)).collect(),
        },
        None => MetadataTopic {
            error: ErrorCode::UnknownTopicOrPartition,
            name,
            topic_id: Uuid::ZERO,
            partitions: Rc::from([]),
        },
    }
}

/// The leader epoch is always reported, the leader only if clients can reach it.
fn partition(of: &PartitionView, view: &dyn ClusterView) -> MetadataPartition {
    let (error, leader_id) = match of.leader.map(|leader| (leader, view.broker(leader))) {
        None | Some((_, None)) => (ErrorCode::LeaderNotAvailable, NodeId::NONE),
        Some((_, Some(broker))) if !is_alive(&broker) => (ErrorCode::ListenerNotFound, NodeId::NONE),
        Some((leader, Some(_))) => (ErrorCode::None, leader),
    };
    MetadataPartition {
        error,
        partition: of.partition.partition,
        leader_id,
        leader_epoch: of.leader_epoch,
        replica_nodes: Rc::clone(&of.replicas),
        isr_nodes: Rc::clone(&of.isr),
    }
}
