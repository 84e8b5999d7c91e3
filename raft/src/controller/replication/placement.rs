//! Kafka's `StripedReplicaPlacer` (controller-broker.md §4.1): leaders are striped over racks and brokers, fenced
//! brokers never lead, and each rack gets a replica before any gets two.
//!
//! Order of draws: Kafka draws the list offsets in the iteration order of a hash map; here racks are ordered by name,
//! the fenced list before the unfenced one, and the rack offset is drawn last.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::ids::NodeId;
use crate::io::Entropy;

/// A broker that may get replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsableBroker {
    pub id: NodeId,
    /// `broker.rack`
    pub rack: Option<Rc<str>>,
    /// A fenced broker may hold replicas, but not the preferred one.
    pub fenced: bool,
}

#[derive(Clone, Debug)]
struct BrokerList {
    /// The epoch of the last use; when it changes, the stripe advances by one. A shuffle leaves it alone: a list that was
    /// not used since epoch 0 goes on from there afterwards, and may have no broker left.
    epoch: u32,
    brokers: Vec<NodeId>,
    /// Number of brokers returned in this epoch.
    index: usize,
    offset: usize,
}

#[derive(Clone, Debug)]
struct Rack {
    fenced: BrokerList,
    unfenced: BrokerList,
}

/// Places the partitions of one call.
#[derive(Clone, Debug)]
pub struct StripedReplicaPlacer {
    epoch: u32,
    racks: Vec<Rack>,
    rack_offset: usize,
    brokers: usize,
    unfenced: usize,
}

impl BrokerList {
    fn next(&mut self, epoch: u32) -> Option<NodeId> {
        if self.brokers.is_empty() {
            return None;
        }
        if self.epoch != epoch {
            self.epoch = epoch;
            self.index = 0;
            self.offset = (self.offset + 1) % self.brokers.len();
        }
        if self.index >= self.brokers.len() {
            return None;
        }
        let broker = self.brokers[(self.index + self.offset) % self.brokers.len()];
        self.index += 1;
        Some(broker)
    }
}

impl StripedReplicaPlacer {
    /// Groups brokers by rack; brokers without a rack form a rack.
    pub fn new(brokers: &[UsableBroker], entropy: &mut dyn Entropy) -> StripedReplicaPlacer {
        let mut by_rack: BTreeMap<&Option<Rc<str>>, [Vec<NodeId>; 2]> = BTreeMap::new();
        for broker in brokers {
            by_rack.entry(&broker.rack).or_default()[usize::from(!broker.fenced)].push(broker.id);
        }
        let mut list = |mut brokers: Vec<NodeId>| {
            brokers.sort_unstable();
            let offset = below(entropy, brokers.len());
            BrokerList { epoch: 0, brokers, index: 0, offset }
        };
        let mut racks = Vec::with_capacity(by_rack.len());
        for [fenced, unfenced] in by_rack.into_values() {
            let fenced = list(fenced);
            racks.push(Rack { fenced, unfenced: list(unfenced) });
        }
        let rack_offset = below(entropy, racks.len());
        let unfenced = brokers.iter().filter(|broker| !broker.fenced).count();
        StripedReplicaPlacer { epoch: 0, racks, rack_offset, brokers: brokers.len(), unfenced }
    }

    /// Replicas of `partitions` partitions; `None` if there are too few brokers for the replication factor, or none
    /// that could lead.
    pub fn place(
        mut self,
        partitions: usize,
        replication_factor: usize,
        entropy: &mut dyn Entropy,
    ) -> Option<Vec<Rc<[NodeId]>>> {
        if replication_factor == 0 || replication_factor > self.brokers || self.unfenced == 0 {
            return None;
        }
        (0..partitions).map(|_| self.place_one(replication_factor, entropy)).collect()
    }

    fn place_one(&mut self, replication_factor: usize, entropy: &mut dyn Entropy) -> Option<Rc<[NodeId]>> {
        if self.epoch as usize == self.unfenced && self.unfenced > 1 {
            shuffle(&mut self.racks, entropy);
            for rack in &mut self.racks {
                shuffle(&mut rack.fenced.brokers, entropy);
                shuffle(&mut rack.unfenced.brokers, entropy);
            }
            self.epoch = 0;
        }
        if self.rack_offset >= self.racks.len() {
            self.rack_offset = 0;
        }
        let epoch = self.epoch;
        let count = self.racks.len();
        let mut rack = self.rack_offset;
        let mut replicas = Vec::with_capacity(replication_factor);
        // The leader is taken from the first rack that still has an unfenced broker.
        for _ in 0..count {
            if let Some(leader) = self.racks[rack].unfenced.next(epoch) {
                replicas.push(leader);
                break;
            }
            rack = (rack + 1) % count;
        }
        let leader_rack = rack;
        replicas.first()?;
        rack = self.rack_offset;
        let mut skip_leaders_rack = true;
        while replicas.len() < replication_factor {
            if skip_leaders_rack && rack == leader_rack {
                skip_leaders_rack = false;
            } else {
                let here = &mut self.racks[rack];
                replicas.extend(here.unfenced.next(epoch).or_else(|| here.fenced.next(epoch)));
            }
            rack = (rack + 1) % count;
        }
        self.epoch += 1;
        self.rack_offset += 1;
        Some(replicas.into())
    }
}

fn below(entropy: &mut dyn Entropy, bound: usize) -> usize {
    match u32::try_from(bound) {
        Ok(bound) if bound > 0 => entropy.below(bound) as usize,
        _ => 0,
    }
}

/// `Collections.shuffle`
fn shuffle<T>(items: &mut [T], entropy: &mut dyn Entropy) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(entropy, last + 1));
    }
}
