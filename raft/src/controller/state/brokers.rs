//! Registrations of brokers and controllers (controller-broker.md §3, §1.2): those of the image, and the offset of each
//! broker's registration record.

use std::collections::BTreeMap;
use std::ops::Deref;

use crate::ids::{NodeId, Offset};
use crate::metadata::image::{ClusterImage, ReplayError};
use crate::metadata::records::{RegisterBroker, UnregisterBroker};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterState {
    image: ClusterImage,
    /// Offset of each broker's newest RegisterBroker record, which heartbeats are compared with (§3.4); snapshots do
    /// not contain it, so images do not either.
    registration_offsets: BTreeMap<NodeId, Offset>,
}

impl ClusterState {
    /// Offset of the newest RegisterBroker record of a registered broker.
    pub fn registration_offset(&self, broker: NodeId) -> Option<Offset> {
        self.registration_offsets.get(&broker).copied()
    }

    pub(super) fn image_mut(&mut self) -> &mut ClusterImage {
        &mut self.image
    }

    pub(super) fn replay_register_broker(&mut self, record: &RegisterBroker, offset: Offset) {
        self.image.register_broker(record);
        self.registration_offsets.insert(record.broker_id, offset);
    }

    pub(super) fn replay_unregister_broker(&mut self, record: &UnregisterBroker) -> Result<(), ReplayError> {
        self.image.unregister_broker(record)?;
        self.registration_offsets.remove(&record.broker_id);
        Ok(())
    }
}

impl Deref for ClusterState {
    type Target = ClusterImage;

    fn deref(&self) -> &ClusterImage {
        &self.image
    }
}
