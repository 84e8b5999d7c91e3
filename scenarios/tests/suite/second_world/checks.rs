//! What must hold, said anew: one leader per epoch, one committed log, which every new leader
//! has, and nothing acknowledged is lost.

use std::collections::BTreeMap;
use std::rc::Rc;

use raft::ids::{LeaderEpoch, NodeId, Offset};
use raft::io::{Observation, Role, Visitor};
use raft::log::{Batch, Records};
use raft::node::Node;

#[derive(Default)]
struct Log(Vec<Rc<Batch>>);

impl Visitor for Log {
    fn election(&mut self, _: LeaderEpoch, _: NodeId, _: NodeId, _: Role) {}
    fn log(&mut self, _: Offset, _: Offset, _: Option<Offset>) {}
    fn batches(&mut self, records: &Records) {
        self.0 = records.0.to_vec();
    }
}

/// All of them.
#[derive(Debug)]
pub struct Checks {
    leaders: BTreeMap<LeaderEpoch, usize>,
    committed: Vec<Rc<Batch>>,
    values: BTreeMap<u64, Offset>,
    acknowledged: usize,
    /// How many committed batches each server has shown since its boot.
    agreed: Vec<usize>,
}

impl Checks {
    pub fn new(servers: usize) -> Checks {
        Checks {
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            values: BTreeMap::new(),
            acknowledged: 0,
            agreed: vec![0; servers],
        }
    }

    pub fn elections(&self) -> usize {
        self.leaders.len()
    }

    pub fn acknowledged(&self) -> usize {
        self.acknowledged
    }

    pub fn booted(&mut self, place: usize) {
        self.agreed[place] = 0;
    }

    pub fn observed(&mut self, place: usize, node: &Node, observation: Observation) {
        match observation {
            Observation::RoleChanged { role: Role::Leader, epoch, .. } => {
                let leader = *self.leaders.entry(epoch).or_insert(place);
                assert_eq!(leader, place, "two leaders in epoch {epoch}");
                let log = log_of(node);
                let has = log.iter().zip(&self.committed).take_while(|(a, b)| a.bytes == b.bytes).count();
                let lacks = self.committed.len() - has;
                assert!(lacks == 0, "server {place} leads epoch {epoch} without {lacks} committed batches");
            }
            Observation::HighWatermark { offset, .. } => self.shown(place, &log_of(node), offset),
            _ => {}
        }
    }

    fn shown(&mut self, place: usize, log: &[Rc<Batch>], high_watermark: Offset) {
        let below = log.iter().take_while(|batch| batch.next_offset() <= high_watermark).count();
        for (index, batch) in log.iter().enumerate().take(below).skip(self.agreed[place]) {
            match self.committed.get(index) {
                Some(known) => {
                    assert!(known.bytes == batch.bytes, "server {place} shows another batch {index} as committed");
                }
                None => {
                    if !batch.control {
                        self.values.extend(batch.values().map(|(offset, value)| (value, offset)));
                    }
                    self.committed.push(batch.clone());
                }
            }
        }
        self.agreed[place] = self.agreed[place].max(below);
    }

    pub fn acknowledge(&mut self, value: u64, offset: Offset) {
        assert_eq!(self.values.get(&value), Some(&offset), "value {value} is acknowledged at {offset}");
        self.acknowledged += 1;
    }

    /// How many batches are committed, and how many appends acknowledged.
    pub fn reached(&self) -> (usize, usize) {
        (self.committed.len(), self.acknowledged)
    }

    /// After calm: it served again, and every server shows what was committed before.
    pub fn at_the_end(&self, (committed, acknowledged): (usize, usize)) {
        assert!(self.acknowledged > acknowledged, "nothing was acknowledged since the faults ended");
        for (place, agreed) in self.agreed.iter().enumerate() {
            assert!(*agreed >= committed, "server {place} shows {agreed} of {committed} committed batches");
        }
    }
}

fn log_of(node: &Node) -> Vec<Rc<Batch>> {
    let mut log = Log::default();
    node.visit(&mut log);
    log.0
}
