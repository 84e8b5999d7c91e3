//! Histories: what clients requested and received, in order, and nothing else. Judged as black boxes, whether recorded
//! in a run or given from outside.
//!
//! An operation is one attempt, one RPC; one without a response that says whether it was executed stays open until the
//! end of the history. The objects are:
//! * a register with compare-and-set, a key with a string value: from outside only
//! * [`log`]: a partition, or the log of a quorum; its responses carry offsets, so it is decided without a search
//! * [`admin`]: a topic by its name, a broker's configs
//! * producer ids: each is allocated once
//!
//! [`recorder`] writes the history of a run, [`judge`] judges one, [`compare`] compares the verdict with that of the
//! white-box judge.

pub mod admin;
pub mod compare;
pub mod judge;
pub mod log;
pub mod recorder;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use self::admin::AdminOp;
use self::log::LogOp;
use crate::wgl::Operation;
use crate::wgl::kv::KvOp;
use crate::wgl::register::RegisterOp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    Register {
        name: String,
        op: RegisterOp<String>,
    },
    Key {
        name: String,
        op: KvOp,
    },
    Log {
        name: String,
        op: LogOp,
    },
    /// On a topic and its configs.
    Topic {
        name: String,
        op: AdminOp,
    },
    /// On the configs of a broker, or of all brokers (the empty name).
    Broker {
        name: String,
        op: AdminOp,
    },
    /// InitProducerId.
    ProducerId {
        /// The id that was allocated, if one was.
        given: Option<i64>,
    },
}

impl Op {
    /// The object's name in messages.
    pub fn object(&self) -> String {
        match self {
            Op::Register { name, .. } if name.is_empty() => "the register".to_owned(),
            Op::Register { name, .. } => format!("register {name}"),
            Op::Key { name, .. } => format!("key {name}"),
            Op::Log { name, .. } => format!("log {name}"),
            Op::Topic { name, .. } => format!("topic {name}"),
            Op::Broker { name, .. } if name.is_empty() => "the brokers' configs".to_owned(),
            Op::Broker { name, .. } => format!("broker {name}"),
            Op::ProducerId { .. } => "producer ids".to_owned(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// In the order of their calls; see [`Operation`] for places.
    pub operations: Vec<Operation<Op>>,
    /// The time of each place, ns, ascending; empty if times are not known.
    pub at_ns: Vec<u64>,
}

impl History {
    /// Renumbers calls and returns, without the places of removed operations.
    fn close_gaps(&mut self) {
        let ends = self.operations.iter().flat_map(|of| std::iter::once(of.called).chain(of.returned));
        let mut places: Vec<u64> = ends.collect();
        places.sort_unstable();
        self.at_ns = places.iter().filter_map(|place| self.time_ns(*place)).collect();
        let number = |place: u64| places.partition_point(|other| *other < place) as u64;
        for operation in &mut self.operations {
            operation.called = number(operation.called);
            operation.returned = operation.returned.map(number);
        }
    }

    pub fn time_ns(&self, place: u64) -> Option<u64> {
        self.at_ns.get(usize::try_from(place).ok()?).copied()
    }
}
