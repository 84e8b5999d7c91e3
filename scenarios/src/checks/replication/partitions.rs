//! All partitions that ever were, and how their committed logs have changed.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::broker::observation::PartitionTag;
use raft::ids::{NodeId, TopicIdPartition};

use super::partition::PartitionModel;

/// A partition by its place among all of them.
pub type PartitionIndex = usize;

#[derive(Clone, Debug, Default)]
pub struct Partitions {
    list: Vec<PartitionModel>,
    by_tag: BTreeMap<PartitionTag, PartitionIndex>,
    servers: Rc<[NodeId]>,
    /// All faults are over.
    settled: bool,
}

impl Partitions {
    /// None, on these servers.
    pub fn new(servers: Rc<[NodeId]>) -> Partitions {
        Partitions { servers, ..Partitions::default() }
    }

    pub fn all(&self) -> &[PartitionModel] {
        &self.list
    }

    pub fn all_mut(&mut self) -> &mut [PartitionModel] {
        &mut self.list
    }

    /// One that is known.
    pub fn find(&self, tag: PartitionTag) -> Option<PartitionIndex> {
        self.by_tag.get(&tag).copied()
    }

    /// One that is known from now on.
    pub fn index_of(&mut self, id: TopicIdPartition) -> PartitionIndex {
        *self.by_tag.entry(id.into()).or_insert_with(|| {
            let mut partition = PartitionModel::new(id, Rc::clone(&self.servers));
            if self.settled {
                partition.log.settle();
            }
            self.list.push(partition);
            self.list.len() - 1
        })
    }

    /// All faults are over: what is committed from now on need not be read.
    pub fn settle(&mut self) {
        self.settled = true;
        self.list.iter_mut().for_each(|partition| partition.log.settle());
    }
}

impl std::ops::Index<PartitionIndex> for Partitions {
    type Output = PartitionModel;

    fn index(&self, index: PartitionIndex) -> &PartitionModel {
        &self.list[index]
    }
}

impl std::ops::IndexMut<PartitionIndex> for Partitions {
    fn index_mut(&mut self, index: PartitionIndex) -> &mut PartitionModel {
        &mut self.list[index]
    }
}
