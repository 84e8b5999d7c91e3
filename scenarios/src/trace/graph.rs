//! A trace as a graph: its lines, and how they led to each other.

use sim::fault::What as FaultWhat;
use sim::process::Node;

use super::line::{Line, LineId, What};
use crate::topic_names::TopicNames;

/// A whole run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// In the order of the run.
    pub lines: Vec<Line>,
    pub(super) names: Vec<String>,
    pub(crate) topics: TopicNames,
    /// Names of topics by their place in the clients' list.
    pub(super) client_topics: Vec<String>,
    pub(super) broken: Option<LineId>,
}

impl Trace {
    /// A node's name.
    pub fn name(&self, node: Node) -> &str {
        self.names.get(usize::from(node.0)).map_or("?", String::as_str)
    }

    /// All names, by node.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The partitions that a text names.
    pub fn partitions_in(&self, text: &str) -> Vec<String> {
        self.topics.partitions_in(text)
    }

    /// The line of the violation.
    pub fn violation(&self) -> Option<LineId> {
        self.broken
    }

    /// The relation of each line to one line, by number.
    pub fn related_to(&self, line: LineId) -> Vec<Relation> {
        let mut relations = vec![Relation::None; self.lines.len()];
        let mut at_node = vec![false; self.names.len()];
        relations[line as usize] = Relation::Itself;
        let found_at_the_end = self.lines[line as usize].node.is_none();
        if found_at_the_end {
            at_node.fill(true);
        }
        for index in (0..=line as usize).rev() {
            let here = &self.lines[index];
            // Everything that a node did is in the past of its later actions, and so are the faults of its links.
            let is_past = match &here.what {
                What::Fault(fault, _) => touched(&fault.what).iter().any(|node| at_node[usize::from(node.0)]),
                _ => here.node.is_some_and(|node| at_node[usize::from(node.0)]),
            };
            if is_past && relations[index] == Relation::None {
                relations[index] = Relation::Past;
            }
            if relations[index] == Relation::None {
                continue;
            }
            if let Some(node) = here.node {
                at_node[usize::from(node.0)] = true;
            }
            if let Some(cause) = here.cause {
                let is_chain = matches!(relations[index], Relation::Itself | Relation::Chain);
                let relation = &mut relations[cause as usize];
                if is_chain {
                    *relation = Relation::Chain;
                } else if *relation == Relation::None {
                    *relation = Relation::Past;
                }
            }
        }
        relations
    }
}

/// The relation of a line to another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// It cannot have led to it.
    None,
    /// It may have: it precedes the other line in Lamport's happened-before order.
    Past,
    /// It is its cause, or the cause of that, and so on.
    Chain,
    /// It is that line.
    Itself,
}

/// Every node that a fault touches.
pub fn touched(what: &FaultWhat) -> Vec<Node> {
    let ends = what.links().iter().flat_map(|link| [link.0, link.1]);
    let mut nodes: Vec<Node> = ends.chain(what.node()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}
