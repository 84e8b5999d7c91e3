//! The ISR as a leader holds it: committed, or with a change on its way to the controller
//! (controller-broker.md §6.4).

use std::rc::Rc;

use crate::ids::NodeId;

/// Kafka's PartitionState.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IsrState {
    /// As metadata, or the controller's answer, has it.
    Committed {
        /// In-sync replicas.
        isr: Rc<[NodeId]>,
    },
    /// Asked to add one. It may be committed already at the controller: it must count.
    PendingExpand {
        /// Last committed.
        base: Rc<[NodeId]>,
        /// Who is to join.
        new: NodeId,
    },
    /// Asked to remove some. It may be refused: they must still count.
    PendingShrink {
        /// Last committed.
        base: Rc<[NodeId]>,
        /// Who is to leave.
        removed: Rc<[NodeId]>,
    },
}

impl IsrState {
    /// For admission of appends and the min-ISR gate of the high watermark.
    pub fn effective(&self) -> &Rc<[NodeId]> {
        match self {
            IsrState::Committed { isr } => isr,
            IsrState::PendingExpand { base, .. } | IsrState::PendingShrink { base, .. } => base,
        }
    }

    /// Is it in the maximal ISR, whose members all must have a record before it is committed?
    pub fn is_in_maximal(&self, id: NodeId) -> bool {
        self.effective().contains(&id) || matches!(self, IsrState::PendingExpand { new, .. } if *new == id)
    }

    /// Size of the maximal ISR.
    pub fn maximal_len(&self) -> usize {
        self.effective().len() + usize::from(matches!(self, IsrState::PendingExpand { .. }))
    }

    /// Is a change on its way?
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
