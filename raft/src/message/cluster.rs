//! Requests of brokers and controllers to the active controller (controller-broker.md §3, §4.3, §4.10).

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_walk::messages;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};

messages! {
    /// A listener.
    Listener {
        /// `CONTROLLER`, `PLAINTEXT`, …
        name: Rc<str>;
        host: Rc<str>;
        port: u16;
        /// 0: PLAINTEXT.
        security_protocol: i16;
    }
    /// The supported levels of a feature.
    FeatureRange {
        /// `metadata.version`, …
        name: Rc<str>;
        min_supported_version: i16;
        max_supported_version: i16;
    }
    /// BrokerRegistration (62) v4.
    BrokerRegistrationRequest {
        broker_id: NodeId;
        /// Must match that of the controller.
        cluster_id: Rc<str>;
        /// Random, one for each start of the process.
        incarnation_id: Uuid;
        listeners: Rc<[Listener]>;
        features: Rc<[FeatureRange]>;
        /// `broker.rack`.
        rack: Option<Rc<str>>;
        /// Directory ids of `log.dirs`.
        log_dirs: Rc<[Uuid]>;
        /// The broker epoch of the clean-shutdown marker; unknown after an unclean shutdown.
        previous_broker_epoch: BrokerEpoch;
    }
    /// Answer to BrokerRegistration.
    BrokerRegistrationResponse {
        error: ErrorCode;
        /// The epoch of this incarnation.
        broker_epoch: BrokerEpoch;
    }
    /// BrokerHeartbeat (63) v2.
    BrokerHeartbeatRequest {
        broker_id: NodeId;
        /// As registered.
        broker_epoch: BrokerEpoch;
        /// Last offset that its metadata loader has published; -1 none.
        current_metadata_offset: i64;
        /// The broker is not ready to serve requests.
        want_fence: bool;
        /// The broker requests a controlled shutdown.
        want_shut_down: bool;
        /// Every directory that has failed in this process.
        offline_log_dirs: Rc<[Uuid]>;
        /// Directories that get no new replicas (KIP-1066); unknown until the broker has caught up.
        cordoned_log_dirs: Option<Rc<[Uuid]>>;
    }
    /// Answer to BrokerHeartbeat.
    BrokerHeartbeatResponse {
        /// What is wrong.
        error: ErrorCode;
        /// The broker has published its own registration.
        is_caught_up: bool;
        is_fenced: bool;
        /// The broker may stop now.
        should_shut_down: bool;
    }
    /// A proposed member of an ISR.
    BrokerState {
        broker_id: NodeId;
        /// The broker epoch of its last Fetch; unknown skips the check.
        broker_epoch: BrokerEpoch;
    }
    /// A leader's proposal for one partition.
    AlterPartitionItem {
        partition: TopicIdPartition;
        leader_epoch: LeaderEpoch;
        new_isr_with_epochs: Rc<[BrokerState]>;
        /// 0 RECOVERED, 1 RECOVERING.
        leader_recovery_state: i8;
        /// Must match that of the controller (compare and set).
        partition_epoch: PartitionEpoch;
    }
    /// AlterPartition (56) v3.
    AlterPartitionRequest {
        /// The leader.
        broker_id: NodeId;
        /// As registered.
        broker_epoch: BrokerEpoch;
        partitions: Rc<[AlterPartitionItem]>;
    }
    /// The result of a proposal.
    AlterPartitionResult {
        partition: TopicIdPartition;
        error: ErrorCode;
        /// -1: none.
        leader_id: NodeId;
        leader_epoch: LeaderEpoch;
        isr: Rc<[NodeId]>;
        leader_recovery_state: i8;
        partition_epoch: PartitionEpoch;
    }
    /// Answer to AlterPartition.
    AlterPartitionResponse {
        /// An error of the whole request.
        error: ErrorCode;
        /// In the order of the request.
        partitions: Rc<[AlterPartitionResult]>;
    }
    /// AllocateProducerIds (67) v0.
    AllocateProducerIdsRequest {
        broker_id: NodeId;
        /// As registered.
        broker_epoch: BrokerEpoch;
    }
    /// Answer to AllocateProducerIds.
    AllocateProducerIdsResponse {
        error: ErrorCode;
        /// First id of the block.
        producer_id_start: ProducerId;
        producer_id_len: i32;
    }
    /// ControllerRegistration (70) v0.
    ControllerRegistrationRequest {
        controller_id: NodeId;
        /// Random, one for each start of the process.
        incarnation_id: Uuid;
        listeners: Rc<[Listener]>;
        features: Rc<[FeatureRange]>;
    }
    /// Answer to ControllerRegistration.
    ControllerRegistrationResponse {
        error: ErrorCode;
    }
}
