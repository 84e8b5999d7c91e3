//! A partition in the reference image: what its PartitionRecord says, as changed by each PartitionChangeRecord since
//! (Kafka's `PartitionRegistration`).

use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, PartitionEpoch, TopicIdPartition, Uuid};
use raft::metadata::records::{NO_LEADER_CHANGE, Partition, PartitionChange};

use super::digest::Walk;
use super::table::Row;

/// `DirectoryId.MIGRATING`: there is one, from before directories had ids.
pub const MIGRATING: Uuid = Uuid::ZERO;
/// `DirectoryId.UNASSIGNED`: the broker has yet to choose.
pub const UNASSIGNED: Uuid = Uuid(1_u128.to_be_bytes());
/// `DirectoryId.LOST`: one that is offline.
pub const LOST: Uuid = Uuid(2_u128.to_be_bytes());

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferencePartition {
    /// In order of preference.
    pub replicas: Rc<[NodeId]>,
    pub directories: Rc<[Uuid]>,
    pub isr: Rc<[NodeId]>,
    pub removing_replicas: Rc<[NodeId]>,
    pub adding_replicas: Rc<[NodeId]>,
    /// [`NodeId::NONE`]: nobody.
    pub leader: NodeId,
    /// Its leader was elected uncleanly and has not recovered yet (`LeaderRecoveryState.RECOVERING`).
    pub recovering: bool,
    pub leader_epoch: LeaderEpoch,
    pub partition_epoch: PartitionEpoch,
    pub elr: Rc<[NodeId]>,
    pub last_known_elr: Rc<[NodeId]>,
}

impl ReferencePartition {
    pub fn new(record: &Partition) -> Result<ReferencePartition, String> {
        let directories = match record.directories.len() {
            0 => record.replicas.iter().map(|_| MIGRATING).collect(),
            _ => Rc::clone(&record.directories),
        };
        let partition = ReferencePartition {
            replicas: Rc::clone(&record.replicas),
            directories,
            isr: Rc::clone(&record.isr),
            removing_replicas: Rc::clone(&record.removing_replicas),
            adding_replicas: Rc::clone(&record.adding_replicas),
            leader: record.leader,
            recovering: recovery_state(record.leader_recovery_state)?,
            leader_epoch: record.leader_epoch,
            partition_epoch: record.partition_epoch,
            elr: record.eligible_leader_replicas.clone().unwrap_or_default(),
            last_known_elr: record.last_known_elr.clone().unwrap_or_default(),
        };
        partition.checked()
    }

    /// The partition after a change: what the record leaves out stays.
    pub fn changed(&self, change: &PartitionChange) -> Result<ReferencePartition, String> {
        let mut after = self.clone();
        let lists = [
            (&mut after.isr, &change.isr),
            (&mut after.removing_replicas, &change.removing_replicas),
            (&mut after.adding_replicas, &change.adding_replicas),
            (&mut after.elr, &change.eligible_leader_replicas),
            (&mut after.last_known_elr, &change.last_known_elr),
        ];
        for (list, named) in lists {
            if let Some(named) = named {
                *list = Rc::clone(named);
            }
        }
        if let Some(replicas) = &change.replicas {
            // `DirectoryId.createDirectoriesFrom`
            let directory = |replica: &NodeId| self.directory(*replica).unwrap_or(UNASSIGNED);
            after.directories = replicas.iter().map(directory).collect();
            after.replicas = Rc::clone(replicas);
        }
        if let Some(directories) = change.directories.as_ref().filter(|directories| !directories.is_empty()) {
            after.directories = Rc::clone(directories);
        }
        if change.leader_recovery_state != -1 {
            after.recovering = recovery_state(change.leader_recovery_state)?;
        }
        let next = |epoch: i32| epoch.checked_add(1).ok_or("its epochs are used up");
        if change.leader != NO_LEADER_CHANGE {
            after.leader = change.leader;
            after.leader_epoch.0 = next(self.leader_epoch.0)?;
        }
        after.partition_epoch.0 = next(self.partition_epoch.0)?;
        after.checked()
    }

    fn checked(self) -> Result<ReferencePartition, String> {
        let (replicas, directories) = (self.replicas.len(), self.directories.len());
        if replicas == directories {
            Ok(self)
        } else {
            Err(format!("its {replicas} replicas have {directories} directories"))
        }
    }

    /// Where a replica is; `None` if it is none of this partition.
    pub fn directory(&self, replica: NodeId) -> Option<Uuid> {
        let mut placed = self.replicas.iter().zip(self.directories.iter());
        placed.find(|(id, _)| **id == replica).map(|(_, directory)| *directory)
    }

    pub fn has_replica(&self, node: NodeId) -> bool {
        self.replicas.contains(&node)
    }

    pub fn has_leader(&self) -> bool {
        self.leader != NodeId::NONE
    }

    pub fn has_elr(&self) -> bool {
        !self.elr.is_empty() || !self.last_known_elr.is_empty()
    }
}

fn recovery_state(number: i8) -> Result<bool, String> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(format!("no leader recovery state has the number {number}")),
    }
}

impl Row<TopicIdPartition> for Rc<ReferencePartition> {
    fn digest(&self, id: &TopicIdPartition) -> u64 {
        let walk = Walk::of(5).uuid(id.topic_id).number(id.partition);
        let walk = walk.nodes(&self.replicas).nodes(&self.isr).nodes(&self.removing_replicas);
        let walk = walk.nodes(&self.adding_replicas).uuids(&self.directories);
        let walk = walk.nodes(&self.elr).nodes(&self.last_known_elr).number(self.leader.0).number(self.recovering);
        walk.number(self.leader_epoch.0).number(self.partition_epoch.0).finish()
    }
}
