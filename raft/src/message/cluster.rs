//! What brokers and controllers request of the active controller (controller-broker.md §3, §4.3, §4.10).

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_walk::messages;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};

messages! {
    /// A listener.
    Listener {
        /// `CONTROLLER`, `PLAINTEXT`, …
        name: Rc<str>;
        /// Host name.
        host: Rc<str>;
        /// TCP port.
        port: u16;
        /// 0: PLAINTEXT.
        security_protocol: i16;
    }
    /// A range of levels of a feature.
    FeatureRange {
        /// `metadata.version`, …
        name: Rc<str>;
        /// Lowest level supported.
        min_supported_version: i16;
        /// Highest level supported.
        max_supported_version: i16;
    }
    /// BrokerRegistration (62) v4.
    BrokerRegistrationRequest {
        /// Who.
        broker_id: NodeId;
        /// Must match.
        cluster_id: Rc<str>;
        /// Random, one for each start of the process.
        incarnation_id: Uuid;
        /// Its listeners.
        listeners: Rc<[Listener]>;
        /// Its features.
        features: Rc<[FeatureRange]>;
        /// `broker.rack`.
        rack: Option<Rc<str>>;
        /// Directory ids of `log.dirs`.
        log_dirs: Rc<[Uuid]>;
        /// The broker epoch of the clean-shutdown marker; unknown after any other end.
        previous_broker_epoch: BrokerEpoch;
    }
    /// Answer to BrokerRegistration.
    BrokerRegistrationResponse {
        /// What is wrong.
        error: ErrorCode;
        /// Given to this incarnation.
        broker_epoch: BrokerEpoch;
    }
    /// BrokerHeartbeat (63) v1.
    BrokerHeartbeatRequest {
        /// Who.
        broker_id: NodeId;
        /// As registered.
        broker_epoch: BrokerEpoch;
        /// Last offset that its metadata loader has published; -1 none.
        current_metadata_offset: i64;
        /// It is not ready to serve.
        want_fence: bool;
        /// It wants to shut down.
        want_shut_down: bool;
        /// Every directory that has failed in this process.
        offline_log_dirs: Rc<[Uuid]>;
    }
    /// Answer to BrokerHeartbeat.
    BrokerHeartbeatResponse {
        /// What is wrong.
        error: ErrorCode;
        /// It has published its own registration.
        is_caught_up: bool;
        /// It is fenced.
        is_fenced: bool;
        /// It may leave now.
        should_shut_down: bool;
    }
    /// A proposed member of an ISR.
    BrokerState {
        /// The replica.
        broker_id: NodeId;
        /// Of its last Fetch; unknown skips the check.
        broker_epoch: BrokerEpoch;
    }
    /// A leader's proposal.
    AlterPartitionItem {
        /// Which.
        partition: TopicIdPartition;
        /// The leader's.
        leader_epoch: LeaderEpoch;
        /// Proposed ISR.
        new_isr_with_epochs: Rc<[BrokerState]>;
        /// 0 RECOVERED, 1 RECOVERING.
        leader_recovery_state: i8;
        /// Compare and set.
        partition_epoch: PartitionEpoch;
    }
    /// AlterPartition (56) v3.
    AlterPartitionRequest {
        /// The leader.
        broker_id: NodeId;
        /// As registered.
        broker_epoch: BrokerEpoch;
        /// One for each partition.
        partitions: Rc<[AlterPartitionItem]>;
    }
    /// What came of a proposal.
    AlterPartitionResult {
        /// Which.
        partition: TopicIdPartition;
        /// What is wrong.
        error: ErrorCode;
        /// -1: none.
        leader_id: NodeId;
        /// Of the partition now.
        leader_epoch: LeaderEpoch;
        /// Of the partition now.
        isr: Rc<[NodeId]>;
        /// Of the partition now.
        leader_recovery_state: i8;
        /// Of the partition now.
        partition_epoch: PartitionEpoch;
    }
    /// Answer to AlterPartition.
    AlterPartitionResponse {
        /// What is wrong with all of it.
        error: ErrorCode;
        /// In the order of the request.
        partitions: Rc<[AlterPartitionResult]>;
    }
    /// AllocateProducerIds (67) v0.
    AllocateProducerIdsRequest {
        /// Who.
        broker_id: NodeId;
        /// As registered.
        broker_epoch: BrokerEpoch;
    }
    /// Answer to AllocateProducerIds.
    AllocateProducerIdsResponse {
        /// What is wrong.
        error: ErrorCode;
        /// First id of the block.
        producer_id_start: ProducerId;
        /// How many.
        producer_id_len: i32;
    }
    /// ControllerRegistration (70) v0.
    ControllerRegistrationRequest {
        /// Who.
        controller_id: NodeId;
        /// Random, one for each start of the process.
        incarnation_id: Uuid;
        /// Its listeners.
        listeners: Rc<[Listener]>;
        /// Its features.
        features: Rc<[FeatureRange]>;
    }
    /// Answer to ControllerRegistration.
    ControllerRegistrationResponse {
        /// What is wrong.
        error: ErrorCode;
    }
}
