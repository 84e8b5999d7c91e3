//! All partitions that ever were, and how their committed logs have changed.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::ids::{NodeId, TopicIdPartition};

use super::partition::PartitionModel;

/// A partition by its place among all of them.
pub type PartitionIndex = usize;

#[derive(Clone, Debug, Default)]
pub struct Partitions {
    list: Vec<PartitionModel>,
    by_id: BTreeMap<TopicIdPartition, PartitionIndex>,
    /// A fault may alter the half of a topic id that no tag has: then the tag stays that of the partition known first.
    by_tag: BTreeMap<PartitionTag, PartitionIndex>,
    servers: Rc<[NodeId]>,
    settled: bool,
}

impl Partitions {
    pub fn new(servers: Rc<[NodeId]>) -> Partitions {
        Partitions { servers, ..Partitions::default() }
    }

    /// The place of one that is known.
    pub fn find(&self, tag: PartitionTag) -> Option<PartitionIndex> {
        self.by_tag.get(&tag).copied()
    }

    /// One that is known.
    pub fn known(&self, tag: PartitionTag) -> Option<&PartitionModel> {
        self.find(tag).map(|index| &self.list[index])
    }

    /// One that is known from now on.
    pub fn index_of(&mut self, id: TopicIdPartition) -> PartitionIndex {
        // The shorter key is found sooner.
        let index = self.find(id.into()).filter(|index| self.list[*index].id == id);
        if let Some(index) = index.or_else(|| self.by_id.get(&id).copied()) {
            return index;
        }
        let mut partition = PartitionModel::new(id, Rc::clone(&self.servers));
        if self.settled {
            partition.log.settle();
        }
        let index = self.list.len();
        self.list.push(partition);
        self.by_id.insert(id, index);
        self.by_tag.entry(id.into()).or_insert(index);
        index
    }

    /// All faults are over: what is committed from now on need not be read.
    pub fn settle(&mut self) {
        self.settled = true;
        self.list.iter_mut().for_each(|partition| partition.log.settle());
    }
}

impl Deref for Partitions {
    type Target = [PartitionModel];

    fn deref(&self) -> &[PartitionModel] {
        &self.list
    }
}

impl DerefMut for Partitions {
    fn deref_mut(&mut self) -> &mut [PartitionModel] {
        &mut self.list
    }
}
