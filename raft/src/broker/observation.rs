//! State changes of replicas that are not visible in messages and bytes: for checkers.

use crate::ids::{BrokerEpoch, LeaderEpoch, Offset, PartitionEpoch, TopicIdPartition};

/// A short name of a partition: the first eight bytes of its topic id, and its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionTag {
    /// First half of the topic id, big-endian.
    pub topic: u64,
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
        of: PartitionTag,
        epoch: LeaderEpoch,
        /// Its log end at that time.
        start: Offset,
    },
    /// This broker follows, or waits for a leader.
    BecameFollower {
        of: PartitionTag,
        epoch: LeaderEpoch,
        /// Its log end at that time.
        end: Offset,
    },
    /// A leader advanced its high watermark.
    LeaderHighWatermark {
        of: PartitionTag,
        epoch: LeaderEpoch,
        /// Exclusive.
        offset: Offset,
    },
    /// A follower set its high watermark from its leader's; it may decrease (controller-broker.md §6.3).
    FollowerHighWatermark {
        of: PartitionTag,
        epoch: LeaderEpoch,
        /// Exclusive.
        offset: Offset,
    },
    /// A leader's ISR changed, or a change was proposed or dropped (§6.4).
    IsrState {
        of: PartitionTag,
        /// Of the last committed state.
        partition_epoch: PartitionEpoch,
        /// Size of the maximal ISR, which counts for the high watermark.
        maximal: u8,
        /// Size of the effective ISR, which counts for admission.
        effective: u8,
        /// A proposal is unanswered.
        in_flight: bool,
    },
    /// A log was truncated.
    Truncated {
        of: PartitionTag,
        epoch: LeaderEpoch,
        /// The new log end.
        end: Offset,
    },
    /// The broker's lifecycle state, by Kafka's number.
    Lifecycle {
        /// 1 STARTING, 2 RECOVERY, 3 RUNNING, 6 PENDING_CONTROLLED_SHUTDOWN, 7 SHUTTING_DOWN.
        state: u8,
        epoch: BrokerEpoch,
    },
}

const _: () = assert!(size_of::<BrokerObservation>() <= 32);
