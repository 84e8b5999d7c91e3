//! One partition, and how a change merges into it (controller-broker.md §4.0, §4.6).

use std::rc::Rc;

use crate::ids::{LeaderEpoch, NodeId, PartitionEpoch, Uuid};
use crate::metadata::records::{NO_LEADER_CHANGE, Partition, PartitionChange};

/// Kafka's reserved directory ids (`DirectoryId`).
pub mod directory {
    use crate::ids::Uuid;

    /// The broker has not said yet where the replica lies, and once had no directory ids.
    pub const MIGRATING: Uuid = Uuid::ZERO;
    /// The broker has yet to choose.
    pub const UNASSIGNED: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    /// An offline directory of unknown id.
    pub const LOST: Uuid = Uuid([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);

    /// The first hundred integers.
    pub fn is_reserved(dir: Uuid) -> bool {
        u128::from_be_bytes(dir.0) < 100
    }
}

/// KIP-704: does the leader still have to recover from an unclean election?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderRecoveryState {
    /// 0
    Recovered,
    /// 1
    Recovering,
}

impl LeaderRecoveryState {
    /// The wire's number.
    pub fn value(self) -> i8 {
        match self {
            LeaderRecoveryState::Recovered => 0,
            LeaderRecoveryState::Recovering => 1,
        }
    }

    /// `None` for numbers that mean nothing.
    pub fn of(value: i8) -> Option<LeaderRecoveryState> {
        match value {
            0 => Some(LeaderRecoveryState::Recovered),
            1 => Some(LeaderRecoveryState::Recovering),
            _ => None,
        }
    }
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRegistration {
    /// The preferred leader first.
    pub replicas: Rc<[NodeId]>,
    /// Directory of each replica.
    pub directories: Rc<[Uuid]>,
    /// In-sync replicas.
    pub isr: Rc<[NodeId]>,
    /// Replicas on their way out.
    pub removing_replicas: Rc<[NodeId]>,
    /// Replicas on their way in.
    pub adding_replicas: Rc<[NodeId]>,
    /// -1: none.
    pub leader: NodeId,
    /// KIP-704.
    pub leader_recovery_state: LeaderRecoveryState,
    /// Grows with each record that names a leader.
    pub leader_epoch: LeaderEpoch,
    /// Grows with each change.
    pub partition_epoch: PartitionEpoch,
    /// Eligible leader replicas (KIP-966).
    pub elr: Rc<[NodeId]>,
    /// With the last known leader alone, if there is no leader.
    pub last_known_elr: Rc<[NodeId]>,
}

impl PartitionRegistration {
    /// The full state of a record.
    pub(super) fn of(record: &Partition) -> Result<PartitionRegistration, String> {
        let replicas = Rc::clone(&record.replicas);
        let directories = if record.directories.is_empty() {
            replicas.iter().map(|_| directory::MIGRATING).collect()
        } else {
            Rc::clone(&record.directories)
        };
        if directories.len() != replicas.len() {
            return Err(format!("{} directories of {} replicas", directories.len(), replicas.len()));
        }
        Ok(PartitionRegistration {
            replicas,
            directories,
            isr: Rc::clone(&record.isr),
            removing_replicas: Rc::clone(&record.removing_replicas),
            adding_replicas: Rc::clone(&record.adding_replicas),
            leader: record.leader,
            leader_recovery_state: recovery_state(record.leader_recovery_state)?,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
        })
    }

    /// A change applied: a named leader bumps LE even if it stays, any change bumps PE (§4.6).
    pub fn merge(&self, change: &PartitionChange) -> Result<PartitionRegistration, String> {
        let list = |new: &Option<Rc<[NodeId]>>, old: &Rc<[NodeId]>| new.as_ref().unwrap_or(old).clone();
        let (leader, leader_epoch) = match change.leader {
            NO_LEADER_CHANGE => (self.leader, self.leader_epoch),
            leader => (leader, LeaderEpoch(self.leader_epoch.0 + 1)),
        };
        let leader_recovery_state = match change.leader_recovery_state {
            -1 => self.leader_recovery_state,
            value => recovery_state(value)?,
        };
        Ok(PartitionRegistration {
            replicas: list(&change.replicas, &self.replicas),
            directories: change.directories.as_ref().unwrap_or(&self.directories).clone(),
            isr: list(&change.isr, &self.isr),
            removing_replicas: list(&change.removing_replicas, &self.removing_replicas),
            adding_replicas: list(&change.adding_replicas, &self.adding_replicas),
            leader,
            leader_recovery_state,
            leader_epoch,
            partition_epoch: PartitionEpoch(self.partition_epoch.0 + 1),
            elr: list(&change.eligible_leader_replicas, &self.elr),
            last_known_elr: list(&change.last_known_elr, &self.last_known_elr),
        })
    }

    /// Directory of a replica.
    pub fn directory_of(&self, replica: NodeId) -> Option<Uuid> {
        let at = self.replicas.iter().position(|id| *id == replica)?;
        self.directories.get(at).copied()
    }

    /// There is a leader.
    pub fn has_leader(&self) -> bool {
        self.leader != NodeId::NONE
    }

    /// Its leader is the first replica.
    pub fn has_preferred_leader(&self) -> bool {
        self.replicas.first() == Some(&self.leader)
    }
}

fn recovery_state(value: i8) -> Result<LeaderRecoveryState, String> {
    LeaderRecoveryState::of(value).ok_or_else(|| format!("leader recovery state {value}"))
}
