//! What replicas say of themselves that messages and bytes do not show: for checkers.

use crate::ids::{BrokerEpoch, LeaderEpoch, Offset, PartitionEpoch, TopicIdPartition};

/// A partition in few bytes: the first eight of its topic id, and its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionTag {
    /// First half of the topic id, big-endian.
    pub topic: u64,
    /// From 0.
    pub partition: i32,
}

impl From<TopicIdPartition> for PartitionTag {
    fn from(of: TopicIdPartition) -> PartitionTag {
        let [a, b, c, d, e, f, g, h, ..] = of.topic_id.0;
        PartitionTag { topic: u64::from_be_bytes([a, b, c, d, e, f, g, h]), partition: of.partition }
    }
}

/// `Copy`, at most 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerObservation {
    /// This broker leads from `start` on; it has assigned the epoch.
    BecameLeader {
        /// Which.
        of: PartitionTag,
        /// Of the partition.
        epoch: LeaderEpoch,
        /// Its log end then.
        start: Offset,
    },
    /// This broker follows, or waits for a leader.
    BecameFollower {
        /// Which.
        of: PartitionTag,
        /// Of the partition.
        epoch: LeaderEpoch,
        /// Its log end then.
        end: Offset,
    },
    /// A leader moved its high watermark.
    LeaderHighWatermark {
        /// Which.
        of: PartitionTag,
        /// Of the partition.
        epoch: LeaderEpoch,
        /// Exclusive.
        offset: Offset,
    },
    /// A follower took over its leader's high watermark; it may go back (controller-broker.md §6.3).
    FollowerHighWatermark {
        /// Which.
        of: PartitionTag,
        /// Of the partition.
        epoch: LeaderEpoch,
        /// Exclusive.
        offset: Offset,
    },
    /// A leader's ISR changed, or a change was proposed or given up (§6.4).
    IsrState {
        /// Which.
        of: PartitionTag,
        /// Of the last committed state.
        partition_epoch: PartitionEpoch,
        /// Members that count for the high watermark.
        maximal: u8,
        /// Members that count for admission.
        effective: u8,
        /// A proposal waits for its answer.
        in_flight: bool,
    },
    /// A log was cut back.
    Truncated {
        /// Which.
        of: PartitionTag,
        /// Of the partition.
        epoch: LeaderEpoch,
        /// Where it ends now.
        end: Offset,
    },
    /// The broker's lifecycle state, by Kafka's number.
    Lifecycle {
        /// 1 STARTING, 2 RECOVERY, 3 RUNNING, 6 PENDING_CONTROLLED_SHUTDOWN, 7 SHUTTING_DOWN.
        state: u8,
        /// As registered.
        epoch: BrokerEpoch,
    },
}

const _: () = assert!(size_of::<BrokerObservation>() <= 32);
