//! Kafka's `PartitionChangeBuilder`: the record of a change to a partition whose ISR or whose brokers change: election,
//! ELR, leader epoch bumps (controller-broker.md §4.4).
//!
//! Reassignment is not modelled, so steps 1 and 4 of the note, and the replica lists and directories of step 9, do not
//! apply.

use std::rc::Rc;

use super::settings::{ControllerSettings, level};
use super::state::{ControllerState, Topic};
use crate::bugs::{Bug, Bugs};
use crate::fixes::Fix;
use crate::ids::{NodeId, TopicIdPartition};
use crate::metadata::image::{LeaderRecoveryState, PartitionRegistration};
use crate::metadata::records::{NO_LEADER_CHANGE, PartitionChange};

/// Which replicas an election may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// The first replica if valid, otherwise as `Online`.
    Preferred,
    /// The current leader if valid, otherwise the first valid replica.
    Online,
    /// As `Online`, and any acceptable replica if none is valid.
    Unclean,
}

/// Whether a broker may lead at all, by its state and not by the ISR; a parameter of the caller.
pub type AcceptableLeader<'a> = &'a dyn Fn(NodeId) -> bool;

/// The inputs of one record; see [`build`](Self::build).
pub struct PartitionChangeBuilder<'a> {
    id: TopicIdPartition,
    partition: &'a PartitionRegistration,
    is_acceptable: AcceptableLeader<'a>,
    metadata_version: i16,
    min_isr: usize,
    elr_enabled: bool,
    /// An ELR may have been kept while `min.insync.replicas` was altered.
    keeps_elr: bool,
    bugs: Bugs,
    election: Election,
    target_isr: Vec<NodeId>,
    target_elr: Vec<NodeId>,
    target_recovery_state: LeaderRecoveryState,
    unclean_shutdown: Option<NodeId>,
}

#[derive(Clone, Copy)]
struct Elected {
    node: NodeId,
    unclean: bool,
}

impl<'a> PartitionChangeBuilder<'a> {
    /// By default changes only what the state of brokers requires. The mode is `Online`.
    pub fn new(
        id: TopicIdPartition,
        topic: &Topic,
        partition: &'a PartitionRegistration,
        state: &ControllerState,
        settings: &ControllerSettings,
        is_acceptable: AcceptableLeader<'a>,
    ) -> PartitionChangeBuilder<'a> {
        PartitionChangeBuilder {
            id,
            partition,
            is_acceptable,
            metadata_version: state.features.metadata_version(),
            min_isr: state.effective_min_isr(topic, settings),
            elr_enabled: state.elr_enabled(),
            keeps_elr: settings.fixes.has(Fix::KeepElrOfEmptyIsr),
            bugs: settings.bugs,
            election: Election::Online,
            target_isr: partition.isr.to_vec(),
            target_elr: partition.elr.to_vec(),
            target_recovery_state: partition.leader_recovery_state,
            unclean_shutdown: None,
        }
    }

    pub fn election(mut self, election: Election) -> Self {
        self.election = election;
        self
    }

    pub fn target_isr(mut self, isr: Vec<NodeId>) -> Self {
        self.target_isr = isr;
        self
    }

    pub fn target_recovery_state(mut self, state: LeaderRecoveryState) -> Self {
        self.target_recovery_state = state;
        self
    }

    /// A replica that lost its place in the ELR because it did not shut down cleanly.
    pub fn unclean_shutdown(mut self, replica: Option<NodeId>) -> Self {
        self.unclean_shutdown = replica;
        self
    }

    /// The record, or `None` if nothing changes.
    pub fn build(mut self) -> Option<PartitionChange> {
        let mut record = PartitionChange::nothing(self.id);
        self.populate_target_elr();
        self.elect(&mut record);
        self.record_elr(&mut record);
        // Without an ELR the ISR is the only information about which replicas have the data.
        let may_be_empty = self.elr_enabled || self.bugs.has(Bug::LastIsrMemberRemoved);
        if record.isr.is_none()
            && *self.target_isr != *self.partition.isr
            && (!self.target_isr.is_empty() || may_be_empty)
        {
            record.isr = Some(Rc::from(&*self.target_isr));
        }
        self.bump_on_isr_shrink(&mut record);
        self.record_last_known_leader(&mut record);
        if self.target_recovery_state != self.partition.leader_recovery_state {
            record.leader_recovery_state = self.target_recovery_state as i8;
        }
        (record != PartitionChange::nothing(self.id)).then_some(record)
    }

    /// Step 2. With enough in-sync replicas the ELR is empty; with fewer, every replica that leaves the ISR holds all
    /// data up to a high watermark that no longer advances.
    fn populate_target_elr(&mut self) {
        if !self.elr_enabled {
            return;
        }
        let needed = self.min_isr + usize::from(self.bugs.has(Bug::ElrKeptAtMinIsr));
        if self.target_isr.len() >= needed {
            self.target_elr.clear();
            return;
        }
        let mut elr: Vec<NodeId> = self.partition.elr.iter().chain(self.partition.isr.iter()).copied().collect();
        elr.retain(|id| !self.target_isr.contains(id) && self.unclean_shutdown != Some(*id));
        elr.sort_unstable();
        elr.dedup();
        self.target_elr = elr;
    }

    /// Step 3.
    fn elect(&mut self, record: &mut PartitionChange) {
        let Elected { node, unclean } = match self.election {
            Election::Preferred => self.elect_preferred(),
            Election::Online | Election::Unclean => self.elect_any(),
        };
        if node == self.partition.leader {
            return;
        }
        record.leader = node;
        if self.target_elr.contains(&node) {
            self.target_isr = vec![node];
            self.target_elr.retain(|id| *id != node);
            if self.keeps_elr && self.target_isr.len() >= self.min_isr {
                // The high watermark may advance at once.
                self.target_elr.clear();
            }
        }
        if unclean {
            record.isr = Some(Rc::from([node]));
            if self.partition.leader_recovery_state != LeaderRecoveryState::Recovering {
                record.leader_recovery_state = LeaderRecoveryState::Recovering as i8;
            }
        }
    }

    fn is_valid(&self, replica: NodeId) -> bool {
        let eligible =
            self.target_isr.contains(&replica) || (self.target_isr.is_empty() && self.target_elr.contains(&replica));
        eligible && (self.is_acceptable)(replica)
    }

    fn elect_preferred(&self) -> Elected {
        let replicas = &self.partition.replicas;
        let may_lead = |id: &NodeId| match self.bugs.has(Bug::PreferredLeaderOutsideIsr) {
            true => (self.is_acceptable)(*id),
            false => self.is_valid(*id),
        };
        let first = replicas.first().copied().filter(may_lead);
        let clean = first.or_else(|| self.valid_leader_or_replica());
        clean.map(clean_choice).or_else(|| self.last_known_leader()).unwrap_or(clean_choice(NodeId::NONE))
    }

    fn elect_any(&self) -> Elected {
        let clean = self.valid_leader_or_replica().map(clean_choice);
        let chosen = clean.or_else(|| self.last_known_leader());
        chosen.or_else(|| self.unclean_leader()).unwrap_or(clean_choice(NodeId::NONE))
    }

    /// Keeps the current leader if it is valid.
    fn valid_leader_or_replica(&self) -> Option<NodeId> {
        let candidates = [self.partition.leader].into_iter().chain(self.partition.replicas.iter().copied());
        candidates.into_iter().find(|id| self.is_valid(*id))
    }

    /// "Balanced recovery" of KIP-966: if ISR and ELR are empty, the last leader may lead again, by an unclean
    /// election, whatever the topic's config says.
    fn last_known_leader(&self) -> Option<Elected> {
        let known = match *self.partition.last_known_elr {
            [known] if self.elr_enabled && self.target_isr.is_empty() && self.target_elr.is_empty() => known,
            _ => return None,
        };
        let though_fenced = self.bugs.has(Bug::Kafka19522FencedLastKnownLeader);
        ((self.is_acceptable)(known) || though_fenced).then_some(Elected { node: known, unclean: true })
    }

    fn unclean_leader(&self) -> Option<Elected> {
        if self.election != Election::Unclean {
            return None;
        }
        let node = self.partition.replicas.iter().copied().find(|id| (self.is_acceptable)(*id))?;
        Some(Elected { node, unclean: true })
    }

    /// Step 5. An unclean election empties the ELR.
    fn record_elr(&mut self, record: &mut PartitionChange) {
        let clean = record.isr.is_none();
        if !clean || !self.elr_enabled {
            self.target_elr.clear();
        }
        if *self.target_elr != *self.partition.elr {
            record.eligible_leader_replicas = Some(Rc::from(&*self.target_elr));
        }
    }

    /// Step 7 (KAFKA-15021): old brokers require a new leader epoch when a replica leaves the ISR.
    fn bump_on_isr_shrink(&self, record: &mut PartitionChange) {
        if self.metadata_version >= level::NO_BUMP_ON_SHRINK || record.leader != NO_LEADER_CHANGE {
            return;
        }
        let Some(isr) = &record.isr else { return };
        if self.partition.isr.iter().any(|id| !isr.contains(id)) {
            record.leader = self.partition.leader;
        }
    }

    /// Step 8. An epoch bump of a partition that had no leader records no last known leader.
    fn record_last_known_leader(&self, record: &mut PartitionChange) {
        if !self.elr_enabled || record.leader == NO_LEADER_CHANGE {
            return;
        }
        let known = &self.partition.last_known_elr;
        if record.leader == NodeId::NONE {
            if known.is_empty() && self.partition.has_leader() {
                record.last_known_elr = Some(Rc::from([self.partition.leader]));
            }
        } else if !known.is_empty() {
            record.last_known_elr = Some(Rc::from([]));
        }
    }
}

fn clean_choice(node: NodeId) -> Elected {
    Elected { node, unclean: false }
}
