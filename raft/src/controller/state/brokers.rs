//! Registrations of brokers and controllers (controller-broker.md §3, §1.2): those of the image, and the offset of each
//! broker's registration record.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Deref;

use crate::ids::{NodeId, Offset};
use crate::metadata::image::{ClusterImage, ReplayError};
use crate::metadata::records::{BrokerRegistrationChange, RegisterBroker, UnregisterBroker};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterState {
    image: ClusterImage,
    /// Offset of each broker's newest RegisterBroker record, which heartbeats are compared with (§3.4); snapshots do
    /// not contain it, so images do not either.
    registration_offsets: BTreeMap<NodeId, Offset>,
    /// Offset of the record that made each broker's entry in Kafka's table of registrations.
    entered: BTreeMap<NodeId, Offset>,
    /// Its largest `size + 1` at a put, also at one that replaces an entry (`BaseHashTable.baseAddOrReplace`): so it
    /// has grown, and it never shrinks.
    most_at_put: usize,
}

impl ClusterState {
    /// Offset of the newest RegisterBroker record of a registered broker.
    pub fn registration_offset(&self, broker: NodeId) -> Option<Offset> {
        self.registration_offsets.get(&broker).copied()
    }

    /// The registered brokers in the order of Kafka's `TimelineHashMap` (`BaseHashTable.findSlot`,
    /// `SnapshottableHashTable.CurrentIterator`).
    pub fn in_table_order(&self) -> Vec<NodeId> {
        let slots = (0..).map(|doubled| 2usize << doubled).find(|slots| self.most_at_put * 3 <= slots * 4).unwrap_or(2);
        let shift = 64 - slots.trailing_zeros();
        let slot = |id: NodeId| i64::from(id.0).wrapping_mul(-7_046_029_254_386_353_131) as u64 >> shift;
        let mut ids: Vec<NodeId> = self.image.brokers().keys().copied().collect();
        ids.sort_by_key(|id| (slot(*id), Reverse(self.entered.get(id).copied())));
        ids
    }

    pub(super) fn image_mut(&mut self) -> &mut ClusterImage {
        &mut self.image
    }

    pub(super) fn replay_register_broker(&mut self, record: &RegisterBroker, offset: Offset) {
        self.image.register_broker(record);
        self.registration_offsets.insert(record.broker_id, offset);
        self.put_into_table();
        self.entered.entry(record.broker_id).or_insert(offset);
    }

    pub(super) fn replay_registration_change(&mut self, record: &BrokerRegistrationChange) -> Result<(), ReplayError> {
        self.image.change_broker(record)?;
        self.put_into_table();
        Ok(())
    }

    fn put_into_table(&mut self) {
        self.most_at_put = self.most_at_put.max(self.entered.len() + 1);
    }

    pub(super) fn replay_unregister_broker(&mut self, record: &UnregisterBroker) -> Result<(), ReplayError> {
        self.image.unregister_broker(record)?;
        self.registration_offsets.remove(&record.broker_id);
        self.entered.remove(&record.broker_id);
        Ok(())
    }
}

impl Deref for ClusterState {
    type Target = ClusterImage;

    fn deref(&self) -> &ClusterImage {
        &self.image
    }
}
