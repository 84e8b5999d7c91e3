//! Histories: what clients requested and received, in order, and nothing else. Judged as black boxes,
//! whether they come from a run of ours or from outside.
//!
//! An operation is one attempt, one RPC; one without an answer that says whether it happened stays
//! open for ever. What the objects are:
//! * a register with compare-and-set, a key with a string: from outside
//! * [`log`]: a partition, or the log of a quorum; its answers carry offsets, so it is decided without a
//!   search
//! * [`admin`]: a topic by its name, a broker's configs
//! * producer ids: each is given once
//!
//! [`recorder`] writes the history of a run, [`judge`] judges one, [`compare`] holds that against the
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

/// An operation on an object of a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// On a register.
    Register {
        /// Which.
        name: String,
        /// What.
        op: RegisterOp<String>,
    },
    /// On a key.
    Key {
        /// Which.
        name: String,
        /// What.
        op: KvOp,
    },
    /// On a log.
    Log {
        /// Which.
        name: String,
        /// What.
        op: LogOp,
    },
    /// On a topic and its configs.
    Topic {
        /// Its name.
        name: String,
        /// What.
        op: AdminOp,
    },
    /// On the configs of a broker, or of all (the empty name).
    Broker {
        /// Its id.
        name: String,
        /// What.
        op: AdminOp,
    },
    /// InitProducerId.
    ProducerId {
        /// The id that was given, if one was.
        given: Option<i64>,
    },
}

impl Op {
    /// The object as messages name it.
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

/// What clients did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// In the order of their calls; see [`Operation`] for places.
    pub operations: Vec<Operation<Op>>,
    /// The time of each place, ns, ascending; empty if times are not known.
    pub at_ns: Vec<u64>,
}

impl History {
    /// Numbers calls and answers anew, without the places of what is not in it any more.
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

    /// The time of a place.
    pub fn time_ns(&self, place: u64) -> Option<u64> {
        self.at_ns.get(usize::try_from(place).ok()?).copied()
    }
}
