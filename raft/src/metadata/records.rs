//! The records of the metadata log, with Kafka's names (controller-broker.md §1.2).
//!
//! A field is `name: type, since VERSION` or `name: type, since VERSION, tag N [= default]`; the macro generates the
//! struct, its bytes in every version, and its reader.

use std::rc::Rc;

use super::codec::records;
use super::field::{EncodeError, RecordField, TaggedFields};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};
use crate::log::{BatchError, Frame, Reader, put_unsigned_varint};

records! {
    /// Inserts or replaces a registration.
    0 RegisterBroker, max 4 {
        broker_id: NodeId, since 0;
        is_migrating_zk_broker: bool, since 2;
        incarnation_id: Uuid, since 0;
        broker_epoch: BrokerEpoch, since 0;
        end_points: Rc<[BrokerEndpoint]>, since 0;
        features: Rc<[BrokerFeature]>, since 0;
        rack: Option<Rc<str>>, since 0;
        fenced: bool, since 0;
        in_controlled_shutdown: bool, since 1;
        log_dirs: Rc<[Uuid]>, since 3, tag 0;
        cordoned_log_dirs: Option<Rc<[Uuid]>>, since 4, tag 1;
    }
    1 UnregisterBroker, max 0 {
        broker_id: NodeId, since 0;
        broker_epoch: BrokerEpoch, since 0;
    }
    /// Creates a topic.
    2 Topic, max 0 {
        name: Rc<str>, since 0;
        topic_id: Uuid, since 0;
    }
    /// The full state of a partition.
    3 Partition, max 2 {
        partition_id: i32, since 0;
        topic_id: Uuid, since 0;
        replicas: Rc<[NodeId]>, since 0;
        isr: Rc<[NodeId]>, since 0;
        removing_replicas: Rc<[NodeId]>, since 0;
        adding_replicas: Rc<[NodeId]>, since 0;
        leader: NodeId, since 0;
        leader_recovery_state: i8, since 0, tag 0;
        leader_epoch: LeaderEpoch, since 0;
        partition_epoch: PartitionEpoch, since 0;
        directories: Rc<[Uuid]>, since 1;
        eligible_leader_replicas: Option<Rc<[NodeId]>>, since 2, tag 1;
        last_known_elr: Option<Rc<[NodeId]>>, since 2, tag 2;
    }
    /// Sets a config; without a value, deletes it.
    4 Config, max 0 {
        resource_type: i8, since 0;
        resource_name: Rc<str>, since 0;
        name: Rc<str>, since 0;
        value: Option<Rc<str>>, since 0;
    }
    /// The changed fields of a partition.
    5 PartitionChange, max 2 {
        partition_id: i32, since 0;
        topic_id: Uuid, since 0;
        isr: Option<Rc<[NodeId]>>, since 0, tag 0;
        leader: NodeId, since 0, tag 1 = NO_LEADER_CHANGE;
        replicas: Option<Rc<[NodeId]>>, since 0, tag 2;
        removing_replicas: Option<Rc<[NodeId]>>, since 0, tag 3;
        adding_replicas: Option<Rc<[NodeId]>>, since 0, tag 4;
        leader_recovery_state: i8, since 0, tag 5 = -1;
        eligible_leader_replicas: Option<Rc<[NodeId]>>, since 2, tag 6;
        last_known_elr: Option<Rc<[NodeId]>>, since 2, tag 7;
        directories: Option<Rc<[Uuid]>>, since 1, tag 8;
    }
    /// Fences a broker. Kafka writes BrokerRegistrationChange since 3.0, and still reads this.
    7 FenceBroker, max 0 {
        id: NodeId, since 0;
        epoch: BrokerEpoch, since 0;
    }
    /// Unfences a broker; see FenceBroker.
    8 UnfenceBroker, max 0 {
        id: NodeId, since 0;
        epoch: BrokerEpoch, since 0;
    }
    9 RemoveTopic, max 0 {
        topic_id: Uuid, since 0;
    }
    12 FeatureLevel, max 0 {
        name: Rc<str>, since 0;
        feature_level: i16, since 0;
    }
    /// The first id of the *next* block.
    15 ProducerIds, max 0 {
        broker_id: NodeId, since 0;
        broker_epoch: BrokerEpoch, since 0;
        next_producer_id: ProducerId, since 0;
    }
    /// Fences or unfences a broker, starts its controlled shutdown, or lists its remaining directories.
    17 BrokerRegistrationChange, max 3 {
        broker_id: NodeId, since 0;
        broker_epoch: BrokerEpoch, since 0;
        fenced: i8, since 0, tag 0;
        in_controlled_shutdown: i8, since 1, tag 1;
        log_dirs: Rc<[Uuid]>, since 2, tag 2;
        cordoned_log_dirs: Option<Rc<[Uuid]>>, since 3, tag 3;
    }
    20 NoOp, max 0 {}
    /// Written by 3.4 to 3.9 while a cluster left ZooKeeper; without effect since 4.0.
    21 ZkMigrationState, max 0 {
        zk_migration_state: i8, since 0;
    }
    /// Starts a metadata transaction.
    23 BeginTransaction, max 0 {
        name: Option<Rc<str>>, since 0, tag 0;
    }
    24 EndTransaction, max 0 {}
    25 AbortTransaction, max 0 {
        reason: Option<Rc<str>>, since 0, tag 0;
    }
    27 RegisterController, max 0 {
        controller_id: NodeId, since 0;
        incarnation_id: Uuid, since 0;
        zk_migration_ready: bool, since 0;
        end_points: Rc<[BrokerEndpoint]>, since 0;
        features: Rc<[BrokerFeature]>, since 0;
    }
    /// Empties ELR and last known ELR of a topic's partitions ("": of all topics).
    28 ClearElr, max 0 {
        topic_name: Rc<str>, since 0;
    }
    29 UnregisterController, max 0 {
        controller_id: NodeId, since 0;
    }
    parts {
        /// A listener of a broker or controller.
        BrokerEndpoint {
            name: Rc<str>, since 0;
            host: Rc<str>, since 0;
            port: u16, since 0;
            security_protocol: i16, since 0;
        }
        /// The levels of a feature that a broker or controller supports.
        BrokerFeature {
            name: Rc<str>, since 0;
            min_supported_version: i16, since 0;
            max_supported_version: i16, since 0;
        }
    }
}

impl BrokerRegistrationChange {
    /// The change of FenceBroker and UnfenceBroker.
    pub fn of_fencing(broker_id: NodeId, broker_epoch: BrokerEpoch, fenced: bool) -> BrokerRegistrationChange {
        BrokerRegistrationChange {
            broker_id,
            broker_epoch,
            fenced: if fenced { 1 } else { -1 },
            in_controlled_shutdown: 0,
            log_dirs: Rc::from([]),
            cordoned_log_dirs: None,
        }
    }
}

/// `PartitionChange.leader`: no change.
pub const NO_LEADER_CHANGE: NodeId = NodeId(-2);

/// Frame version 0 was used by the preview in 2.8.
const FRAME_VERSION: u32 = 1;

impl PartitionChange {
    /// A record without any change.
    pub fn nothing(of: TopicIdPartition) -> PartitionChange {
        PartitionChange {
            partition_id: of.partition,
            topic_id: of.topic_id,
            isr: None,
            leader: NO_LEADER_CHANGE,
            replicas: None,
            removing_replicas: None,
            adding_replicas: None,
            leader_recovery_state: -1,
            eligible_leader_replicas: None,
            last_known_elr: None,
            directories: None,
        }
    }
}

impl MetadataRecord {
    /// The value of the record in the log: frame version, api key, version, and the message (controller-broker.md
    /// §1.1).
    pub fn frame(&self, version: i16) -> Result<Frame, EncodeError> {
        if !(0..=self.max_version()).contains(&version) {
            return Err(EncodeError::UnknownVersion { record: self.name(), version });
        }
        let mut frame = Frame::new();
        for number in [FRAME_VERSION, self.api_key().into(), version.unsigned_abs().into()] {
            put_unsigned_varint(&mut frame, number);
        }
        self.write_body(version, &mut frame)?;
        Ok(frame)
    }

    /// Reads the bytes of [`frame`](Self::frame) or of Kafka. Unknown content is an error, except for tagged fields.
    pub fn read(frame: &[u8]) -> Result<MetadataRecord, BatchError> {
        Ok(MetadataRecord::read_versioned(frame)?.1)
    }

    /// The same, with the version of the record.
    pub(crate) fn read_versioned(frame: &[u8]) -> Result<(i16, MetadataRecord), BatchError> {
        let mut reader = Reader(frame);
        let frame_version = reader.unsigned_varint()?;
        let api_key = reader.unsigned_varint()?;
        let version = reader.unsigned_varint()?;
        let unknown = BatchError::UnknownMetadataRecord { frame_version, api_key, version };
        let signed_version = i16::try_from(version).map_err(|_| unknown)?;
        if frame_version != FRAME_VERSION {
            return Err(unknown);
        }
        let record = MetadataRecord::read_body(api_key, signed_version, &mut reader)?.ok_or(unknown)?;
        reader.end()?;
        Ok((signed_version, record))
    }
}
