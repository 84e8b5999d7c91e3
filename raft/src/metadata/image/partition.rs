//! The metadata of one partition, and the application of a change (controller-broker.md §4.0, §4.6).

use std::rc::Rc;

use super::ReplayError;
use crate::ids::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};
use crate::message::{Canonical, CanonicalHasher};
use crate::metadata::MetadataVersion;
use crate::metadata::records::{NO_LEADER_CHANGE, Partition, PartitionChange};

/// Reserved directory ids (Kafka's `DirectoryId`).
pub mod directory_id {
    use crate::ids::Uuid;

    /// Unknown: the replica is from before directories were assigned.
    pub const MIGRATING: Uuid = Uuid::ZERO;
    /// The broker has not chosen a directory yet.
    pub const UNASSIGNED: Uuid = Uuid(1_u128.to_be_bytes());
    /// An unknown directory that is offline.
    pub const LOST: Uuid = Uuid(2_u128.to_be_bytes());

    /// The first hundred ids are reserved.
    pub fn is_reserved(id: Uuid) -> bool {
        u128::from_be_bytes(id.0) < 100
    }
}

/// Whether a leader may lack committed records: after an unclean election it is recovering until it reports otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum LeaderRecoveryState {
    /// 0
    #[default]
    Recovered = 0,
    /// 1
    Recovering = 1,
}

impl LeaderRecoveryState {
    /// On the wire: no change.
    pub const NO_CHANGE: i8 = -1;

    /// The state with this number on the wire.
    pub fn of(number: i8) -> Option<LeaderRecoveryState> {
        match number {
            0 => Some(LeaderRecoveryState::Recovered),
            1 => Some(LeaderRecoveryState::Recovering),
            _ => None,
        }
    }
}

/// Kafka's `PartitionRegistration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// In order of preference.
    pub replicas: Rc<[NodeId]>,
    /// Of each replica, in the same order: a directory, or one of [`directory_id`].
    pub directories: Rc<[Uuid]>,
    /// The in-sync replicas; they may lead and count for the high watermark.
    pub isr: Rc<[NodeId]>,
    /// Replicas that a running reassignment removes.
    pub removing_replicas: Rc<[NodeId]>,
    /// Replicas that a running reassignment adds.
    pub adding_replicas: Rc<[NodeId]>,
    /// [`NodeId::NONE`] if there is none.
    pub leader: NodeId,
    pub leader_recovery_state: LeaderRecoveryState,
    /// Increases with every election.
    pub leader_epoch: LeaderEpoch,
    /// Increases with every change.
    pub partition_epoch: PartitionEpoch,
    /// Eligible leader replicas (KIP-966): not in sync, but known to have all committed records.
    pub elr: Rc<[NodeId]>,
    /// The ELR members before an unclean restart.
    pub last_known_elr: Rc<[NodeId]>,
}

impl PartitionRegistration {
    /// The state in a PartitionRecord.
    pub fn from_record(record: &Partition) -> Result<PartitionRegistration, ReplayError> {
        let leader_recovery_state = LeaderRecoveryState::of(record.leader_recovery_state)
            .ok_or(ReplayError::LeaderRecoveryState(record.leader_recovery_state))?;
        let directories = if record.directories.is_empty() {
            vec![directory_id::MIGRATING; record.replicas.len()].into()
        } else {
            Rc::clone(&record.directories)
        };
        let registration = PartitionRegistration {
            replicas: Rc::clone(&record.replicas),
            directories,
            isr: Rc::clone(&record.isr),
            removing_replicas: Rc::clone(&record.removing_replicas),
            adding_replicas: Rc::clone(&record.adding_replicas),
            leader: record.leader,
            leader_recovery_state,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
        };
        registration.checked()
    }

    /// The record of this state: directories and ELR if `metadata.version` has fields for them, ELR only if it is not
    /// empty.
    pub fn to_record(&self, topic_id: Uuid, partition_id: i32, metadata_version: MetadataVersion) -> Partition {
        let with_elr = |replicas: &Rc<[NodeId]>| {
            (metadata_version.is_elr_supported() && !replicas.is_empty()).then(|| Rc::clone(replicas))
        };
        let with_directories = metadata_version.is_directory_assignment_supported();
        Partition {
            partition_id,
            topic_id,
            replicas: Rc::clone(&self.replicas),
            isr: Rc::clone(&self.isr),
            removing_replicas: Rc::clone(&self.removing_replicas),
            adding_replicas: Rc::clone(&self.adding_replicas),
            leader: self.leader,
            leader_recovery_state: self.leader_recovery_state as i8,
            leader_epoch: self.leader_epoch,
            partition_epoch: self.partition_epoch,
            directories: if with_directories { Rc::clone(&self.directories) } else { Rc::default() },
            eligible_leader_replicas: with_elr(&self.elr),
            last_known_elr: with_elr(&self.last_known_elr),
        }
    }

    /// The state after a change: a leader in the change starts a new leader epoch, even if it is the same one; every
    /// change increments the partition epoch; absent fields are unchanged.
    pub fn merge(&self, change: &PartitionChange) -> Result<PartitionRegistration, ReplayError> {
        let pick = |new: &Option<Rc<[NodeId]>>, old: &Rc<[NodeId]>| Rc::clone(new.as_ref().unwrap_or(old));
        let (leader, leader_epoch) = if change.leader == NO_LEADER_CHANGE {
            (self.leader, self.leader_epoch)
        } else {
            (change.leader, LeaderEpoch(next_epoch(self.leader_epoch.0)?))
        };
        let leader_recovery_state = match change.leader_recovery_state {
            LeaderRecoveryState::NO_CHANGE => self.leader_recovery_state,
            number => LeaderRecoveryState::of(number).ok_or(ReplayError::LeaderRecoveryState(number))?,
        };
        let directories = match (&change.directories, &change.replicas) {
            (Some(directories), _) if !directories.is_empty() => Rc::clone(directories),
            (_, Some(replicas)) => self.directories_for(replicas),
            _ => Rc::clone(&self.directories),
        };
        let registration = PartitionRegistration {
            replicas: pick(&change.replicas, &self.replicas),
            directories,
            isr: pick(&change.isr, &self.isr),
            removing_replicas: pick(&change.removing_replicas, &self.removing_replicas),
            adding_replicas: pick(&change.adding_replicas, &self.adding_replicas),
            leader,
            leader_recovery_state,
            leader_epoch,
            partition_epoch: PartitionEpoch(next_epoch(self.partition_epoch.0)?),
            elr: pick(&change.eligible_leader_replicas, &self.elr),
            last_known_elr: pick(&change.last_known_elr, &self.last_known_elr),
        };
        registration.checked()
    }

    fn checked(self) -> Result<PartitionRegistration, ReplayError> {
        if self.directories.len() == self.replicas.len() {
            Ok(self)
        } else {
            Err(ReplayError::Directories { replicas: self.replicas.len(), directories: self.directories.len() })
        }
    }

    /// A remaining replica keeps its directory; a new one has to choose one.
    fn directories_for(&self, replicas: &[NodeId]) -> Rc<[Uuid]> {
        replicas.iter().map(|replica| self.directory(*replica).unwrap_or(directory_id::UNASSIGNED)).collect()
    }

    /// The directory of a replica; `None` if it is no replica of this partition.
    pub fn directory(&self, replica: NodeId) -> Option<Uuid> {
        let index = self.replicas.iter().position(|candidate| *candidate == replica)?;
        self.directories.get(index).copied()
    }

    pub fn has_replica(&self, node: NodeId) -> bool {
        self.replicas.contains(&node)
    }

    pub fn has_leader(&self) -> bool {
        self.leader != NodeId::NONE
    }

    /// The first replica; [`NodeId::NONE`] if there is none.
    pub fn preferred_replica(&self) -> NodeId {
        self.replicas.first().copied().unwrap_or(NodeId::NONE)
    }

    /// Whether the preferred replica leads.
    pub fn has_preferred_leader(&self) -> bool {
        self.leader == self.preferred_replica()
    }
}

fn next_epoch(epoch: i32) -> Result<i32, ReplayError> {
    epoch.checked_add(1).ok_or(ReplayError::EpochsUsedUp)
}

impl Canonical for PartitionRegistration {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        for replicas in [&self.replicas, &self.isr, &self.removing_replicas, &self.adding_replicas] {
            replicas.walk(hasher);
        }
        self.directories.walk(hasher);
        self.elr.walk(hasher);
        self.last_known_elr.walk(hasher);
        self.leader.walk(hasher);
        (self.leader_recovery_state as i8).walk(hasher);
        self.leader_epoch.walk(hasher);
        self.partition_epoch.walk(hasher);
    }
}
