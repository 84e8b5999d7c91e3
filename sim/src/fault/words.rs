//! Descriptions of faults in words.

use crate::duration::in_words;
use crate::ids::{Link, Node};

/// Input for the description of a fault.
pub struct FaultWords<'a> {
    /// The name of each node.
    pub name: &'a dyn Fn(Node) -> String,
    /// How long the fault lasts, ns.
    pub lasts_ns: u64,
}

impl FaultWords<'_> {
    pub(crate) fn name(&self, node: Node) -> String {
        (self.name)(node)
    }

    pub(crate) fn lasts(&self) -> String {
        in_words(self.lasts_ns)
    }

    /// At most four links; two one-way links between the same nodes are one.
    pub(crate) fn links(&self, links: &[Link]) -> String {
        let both = |link: &Link| links.contains(&Link(link.1, link.0));
        let shown: Vec<String> = pairs(links)
            .map(|link| format!("{}{}{}", self.name(link.0), if both(link) { "<->" } else { "->" }, self.name(link.1)))
            .take(4)
            .collect();
        let listed = shown.len();
        let all = pairs(links).count();
        let more = if all > listed { format!(" and {} more", all - listed) } else { String::new() };
        format!("link{} {}{more}", if all == 1 { "" } else { "s" }, shown.join(", "))
    }
}

/// The links, two one-way links between the same nodes as one.
fn pairs(links: &[Link]) -> impl Iterator<Item = &Link> {
    links.iter().filter(|link| link.0 < link.1 || !links.contains(&Link(link.1, link.0)))
}

/// The verb of one link, or of several.
pub(crate) fn verb<'w>(links: &[Link], one: &'w str, several: &'w str) -> &'w str {
    if pairs(links).count() == 1 { one } else { several }
}

/// Describes the position of a death in a list of effects.
pub(crate) fn between(after_effects: Option<u8>) -> String {
    match after_effects {
        None => String::new(),
        Some(1) => " after 1 effect of a step".to_owned(),
        Some(after) => format!(" after {after} effects of a step"),
    }
}
