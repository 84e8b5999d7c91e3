//! Plans as plain data: when each fault begins, how long it lasts, what it is, and the guard that may skip it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::kind::{Tail, Words};
use super::{PowerLoss, What};
use crate::ids::Node;

/// One fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// True time, ns since the start of the run; for a fault with a trigger, the time from which it waits.
    pub at_ns: u64,
    /// It starts when this trigger fires, and not at `at_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Trigger>,
    /// How long it lasts, ns; for kinds that stop a process (`Kill` and the like), how long the node stays down.
    /// For instantaneous faults: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lasts_ns: u64,
    pub what: What,
    /// Evaluated by the observer of the run when the fault is about to start; if it forbids the fault, the fault is
    /// skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Guard>,
}

/// A tolerance guard: what a fault must not destroy if the guarantees are to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Guard {
    /// A fault that destroys bytes must leave at least one copy of what was promised.
    LastCopy,
    /// No fault may go beyond what the processes tolerate.
    Tolerance,
}

impl Guard {
    /// Its name in plans and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Guard::LastCopy => "last-copy",
            Guard::Tolerance => "tolerance",
        }
    }

    /// When the fault is skipped: `unless …`.
    pub fn condition(self) -> &'static str {
        match self {
            Guard::LastCopy => "unless that destroys the last copy of what was promised",
            Guard::Tolerance => "unless too many nodes have failed at that time",
        }
    }
}

impl Fault {
    /// A fault at a fixed time, without a guard.
    pub fn at(at_ns: u64, lasts_ns: u64, what: impl Into<What>) -> Fault {
        Fault { at_ns, on: None, lasts_ns, what: what.into(), unless: None }
    }

    /// A power loss of one host that loses everything that was not forced to its disk.
    pub fn power_loss(node: Node, at_ns: u64, lasts_ns: u64) -> Fault {
        Fault::at(at_ns, lasts_ns, PowerLoss { node, tail: Tail::Lost, after_effects: None })
    }

    /// The same with a trigger. A trigger finds the same point in different runs, which a fixed time does not.
    #[must_use]
    pub fn aimed(self, on: Trigger) -> Fault {
        Fault { on: Some(on), ..self }
    }
}

/// What an aimed fault waits for: the `nth` occurrence, from the fault's `at_ns` on, of an event that the
/// observer of the run knows by name, such as an election. An unknown name never occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Name of the event.
    #[serde(rename = "trigger")]
    pub name: Cow<'static, str>,
    /// Which occurrence; 1 is the first.
    pub nth: u32,
    /// From the occurrence to the start of the fault, ns; 0: immediately, between two effects of a list of effects.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_ns: u64,
    /// In `what`, the node of the occurrence and this one are swapped: the plan can then name "the node that was
    /// elected". `None`: the targets are those that `what` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<Node>,
    /// The same for the other node of an occurrence; an occurrence without another node does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_as: Option<Node>,
}

/// An event that a trigger may wait for has just occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Name of the event.
    pub trigger: &'static str,
    /// The node on which it happened.
    pub seen: Node,
    /// The other node it is about.
    pub peer: Option<Node>,
}

impl Trigger {
    /// Does it match this occurrence?
    pub fn fits(&self, occurrence: &Occurrence) -> bool {
        self.name == occurrence.trigger && (self.peer_as.is_none() || occurrence.peer.is_some())
    }

    /// The fault that starts at this occurrence.
    pub fn resolve(&self, what: &What, occurrence: &Occurrence) -> What {
        let mut what = what.clone();
        let pairs = [(self.seen_as, Some(occurrence.seen)), (self.peer_as, occurrence.peer)];
        // The first swap may have moved the nodes of the second pair.
        let mut places: Vec<(Node, Node)> = Vec::new();
        for (place, node) in pairs {
            let (Some(place), Some(node)) = (place, node) else { continue };
            let now_at = |node: Node| places.iter().fold(node, |at, (a, b)| swapped(at, *a, *b));
            let place = now_at(place);
            what.each_node(|at| *at = swapped(*at, place, node));
            places.push((place, node));
        }
        what
    }
}

fn swapped(node: Node, a: Node, b: Node) -> Node {
    if node == a {
        b
    } else if node == b {
        a
    } else {
        node
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// All faults of a run, in any order; the world sorts by time, then position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(pub Vec<Fault>);

impl Fault {
    /// 64-bit identity over a canonical field walk, for the digest's plan lane.
    pub fn content_hash(&self) -> u64 {
        let mut words = Words::default();
        words.word(self.at_ns).word(self.lasts_ns).word(self.what.kind() as u64);
        self.what.identify(&mut words);
        if let Some(Trigger { name, nth, after_ns, seen_as, peer_as }) = &self.on {
            words.text(name).word(u64::from(*nth)).word(*after_ns);
            for place in [seen_as, peer_as] {
                words.word(place.map_or(0, |node| 1 + u64::from(node.0)));
            }
        }
        if let Some(guard) = self.unless {
            words.text(guard.name());
        }
        words.hash()
    }
}
