//! A leader's ISR: committed, or with a change pending at the controller (controller-broker.md §6.4).

use std::rc::Rc;

use crate::ids::NodeId;

/// Kafka's PartitionState.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsrState {
    /// As in metadata or the controller's response.
    Committed { isr: Rc<[NodeId]> },
    /// A follower was proposed to be added. The controller may already have committed it, so it must count.
    PendingExpand {
        /// The last committed ISR.
        base: Rc<[NodeId]>,
        /// The follower that is to join.
        new: NodeId,
    },
    /// Members were proposed to be removed. The controller may refuse, so they must still count.
    PendingShrink {
        /// The last committed ISR.
        base: Rc<[NodeId]>,
        /// The members that are to leave.
        removed: Rc<[NodeId]>,
    },
}

impl IsrState {
    /// The ISR for admission of appends and the min-ISR check of the high watermark.
    pub fn effective(&self) -> &Rc<[NodeId]> {
        match self {
            IsrState::Committed { isr } => isr,
            IsrState::PendingExpand { base, .. } | IsrState::PendingShrink { base, .. } => base,
        }
    }

    /// Whether it is in the maximal ISR, whose members all must have a record before it is committed.
    pub fn is_in_maximal(&self, id: NodeId) -> bool {
        self.effective().contains(&id) || matches!(self, IsrState::PendingExpand { new, .. } if *new == id)
    }

    /// Size of the maximal ISR.
    pub fn maximal_len(&self) -> usize {
        self.effective().len() + usize::from(matches!(self, IsrState::PendingExpand { .. }))
    }

    /// Whether a change is pending.
    pub fn is_in_flight(&self) -> bool {
        !matches!(self, IsrState::Committed { .. })
    }

    /// The proposed ISR, or the committed one if there is no proposal.
    pub fn proposed(&self) -> Vec<NodeId> {
        match self {
            IsrState::Committed { isr } => isr.to_vec(),
            IsrState::PendingExpand { base, new } => base.iter().copied().chain([*new]).collect(),
            IsrState::PendingShrink { base, removed } => {
                base.iter().copied().filter(|id| !removed.contains(id)).collect()
            }
        }
    }
}
