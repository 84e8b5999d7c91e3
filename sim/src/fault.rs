//! Fault plans as plain data: each fault is `(when, how long, what, unless?)` and can be printed,
//! edited, deleted and replayed on its own.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::ids::Node;

/// One fault of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// True time, ns since the start of the run; of one with a trigger, from when on it waits.
    pub at_ns: u64,
    /// It starts when this fires, and not at `at_ns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Trigger>,
    /// How long it lasts, ns. For `Kill`, `PowerLoss`, `Terminate` and `ReplaceDisk`: how long
    /// the node stays down. For instantaneous faults: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lasts_ns: u64,
    /// What.
    pub what: What,
    /// A tolerance guard, by a name that the observer of the run knows: asked when the fault is about to
    /// start; if it forbids that, the fault is skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Cow<'static, str>>,
}

impl Fault {
    /// A fault at an instant, without a guard.
    pub fn at(at_ns: u64, lasts_ns: u64, what: What) -> Fault {
        Fault { at_ns, on: None, lasts_ns, what, unless: None }
    }

    /// A power loss of one host that takes everything that was not forced to its disk.
    pub fn power_loss(node: Node, at_ns: u64, lasts_ns: u64) -> Fault {
        Fault::at(at_ns, lasts_ns, What::PowerLoss { node, tail: Tail::Lost, after_effects: None })
    }

    /// The same with a trigger. A trigger finds the same point in different runs, which an instant does not.
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
    /// From the occurrence to the start of the fault, ns; 0: at once, between two effects of a list of effects.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub after_ns: u64,
    /// In `what`, the node of the occurrence and this one change places: so the plan names "the one that
    /// was elected". `None`: the targets are those that `what` names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_as: Option<Node>,
    /// The same of the other node of an occurrence; an occurrence without another node does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_as: Option<Node>,
}

/// An event that a trigger may wait for has just occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// Name of the event.
    pub trigger: &'static str,
    /// The node it happened on.
    pub seen: Node,
    /// The other node it is about.
    pub peer: Option<Node>,
}

impl Trigger {
    /// Does it wait for this?
    pub fn fits(&self, occurrence: &Occurrence) -> bool {
        self.name == occurrence.trigger && (self.peer_as.is_none() || occurrence.peer.is_some())
    }

    /// The fault that starts at this occurrence.
    pub fn resolve(&self, what: &What, occurrence: &Occurrence) -> What {
        let mut what = what.clone();
        let pairs = [(self.seen_as, Some(occurrence.seen)), (self.peer_as, occurrence.peer)];
        // The second pair's place may have been taken by the first's.
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

/// A one-way link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link(pub Node, pub Node);

/// What becomes of bytes that were not synced when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tail {
    /// All lost.
    Lost,
    /// All kept: the kernel had just written them back.
    Kept,
    /// Each file keeps a drawn number of whole sectors (512 B) of its unsynced suffix, and
    /// the sector it breaks in may hold garbage.
    Torn,
}

/// The kinds of fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "snake_case", deny_unknown_fields)]
pub enum What {
    /// Nothing sent on these one-way links arrives. Symmetric, bridge, ring and flapping cuts
    /// are made of these.
    Cut { links: Vec<Link> },
    /// A gray link: each packet is lost with this chance, in parts per million.
    Loss { links: Vec<Link>, ppm: u32 },
    /// Each message takes so much longer.
    Delay { links: Vec<Link>, extra_ns: u64 },
    /// Each datagram arrives twice with this chance (no effect on TCP).
    Duplicate { links: Vec<Link>, ppm: u32 },
    /// The process dies at once; the page cache survives. With `after_effects`, it dies in the
    /// middle of its next effect list that is longer than that: after so many effects. Until
    /// then it has not begun; it never begins if the node dies for another reason, all faults
    /// end, or another such kill of the node comes first.
    Kill {
        node: Node,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_effects: Option<u8>,
    },
    /// The host dies; `after_effects` as for `Kill`.
    PowerLoss {
        node: Node,
        tail: Tail,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after_effects: Option<u8>,
    },
    /// SIGTERM; booted again `lasts` after the process has ended.
    Terminate { node: Node },
    /// The process stops executing (GC, SIGSTOP); its kernel still acknowledges and buffers.
    Pause { node: Node },
    /// The whole machine stops (VM stall); the network receives nothing from it.
    Stall { node: Node },
    /// Both clocks of a node run fast (or slow) by this much.
    Drift { node: Node, ppm: i32 },
    /// The wall clock steps, and steps back when the fault ends (if it lasts).
    WallStep { node: Node, by_ms: i64 },
    /// The wall clock is slewed to an offset over the duration, and stays there.
    WallSmear { node: Node, by_ms: i64 },
    /// The next so many fsyncs fail with EIO. It begins with the first of them.
    FsyncFails { node: Node, count: u32 },
    /// Fsyncs take so many times longer.
    SlowDisk { node: Node, factor: u32 },
    /// Writes fail with ENOSPC.
    FullDisk { node: Node },
    /// One bit of one file's durable bytes flips; read back at the next power loss or, if the
    /// pages are not cached (the node is down), at the next boot. The file is the `file_rank`-th
    /// (modulo their number) of those whose path ends with `suffix` and that hold a byte to flip; the place is the `at_ppm`-th part
    /// of its written pieces, but not in a piece's first `spare_bytes` bytes.
    /// With `newest` only the last such file of each folder, by name, is looked at.
    BitRot {
        node: Node,
        suffix: String,
        #[serde(default)]
        newest: bool,
        file_rank: u32,
        at_ppm: u32,
        spare_bytes: u32,
    },
    /// The node goes down and comes back with an empty disk.
    ReplaceDisk { node: Node },
}

/// Every fault of one node, as a pattern.
macro_rules! of_one_node {
    ($node:ident) => {
        What::Kill { $node, .. }
            | What::PowerLoss { $node, .. }
            | What::Terminate { $node }
            | What::Pause { $node }
            | What::Stall { $node }
            | What::Drift { $node, .. }
            | What::WallStep { $node, .. }
            | What::WallSmear { $node, .. }
            | What::FsyncFails { $node, .. }
            | What::SlowDisk { $node, .. }
            | What::FullDisk { $node }
            | What::BitRot { $node, .. }
            | What::ReplaceDisk { $node }
    };
}

/// Every other one.
macro_rules! concerns_links {
    ($links:pat) => {
        What::Cut { links: $links }
            | What::Loss { links: $links, .. }
            | What::Delay { links: $links, .. }
            | What::Duplicate { links: $links, .. }
    };
}

impl What {
    /// The kind's name in reports, plans and JSON.
    pub fn kind(&self) -> &'static str {
        Self::KINDS[self.index()]
    }

    /// All kinds' names.
    pub const KINDS: &'static [&'static str] = &[
        "cut",
        "loss",
        "delay",
        "duplicate",
        "kill",
        "power-loss",
        "terminate",
        "pause",
        "stall",
        "drift",
        "wall-step",
        "wall-smear",
        "fsync-fails",
        "slow-disk",
        "full-disk",
        "bit-rot",
        "replace-disk",
    ];

    /// Index into [`What::KINDS`].
    pub fn index(&self) -> usize {
        match self {
            What::Cut { .. } => 0,
            What::Loss { .. } => 1,
            What::Delay { .. } => 2,
            What::Duplicate { .. } => 3,
            What::Kill { .. } => 4,
            What::PowerLoss { .. } => 5,
            What::Terminate { .. } => 6,
            What::Pause { .. } => 7,
            What::Stall { .. } => 8,
            What::Drift { .. } => 9,
            What::WallStep { .. } => 10,
            What::WallSmear { .. } => 11,
            What::FsyncFails { .. } => 12,
            What::SlowDisk { .. } => 13,
            What::FullDisk { .. } => 14,
            What::BitRot { .. } => 15,
            What::ReplaceDisk { .. } => 16,
        }
    }

    /// Every node it names, to be changed.
    pub fn each_node(&mut self, mut change: impl FnMut(&mut Node)) {
        for Link(from, to) in self.links_mut().into_iter().flatten() {
            change(from);
            change(to);
        }
        self.node_mut().into_iter().for_each(change);
    }

    /// The one-way links that it affects; none if it affects a node.
    pub fn links(&self) -> &[Link] {
        match self {
            concerns_links!(links) => links,
            _ => &[],
        }
    }

    /// The same, to be changed.
    pub fn links_mut(&mut self) -> Option<&mut Vec<Link>> {
        match self {
            concerns_links!(links) => Some(links),
            _ => None,
        }
    }

    /// The node that it affects, if it affects one, to be changed.
    pub fn node_mut(&mut self) -> Option<&mut Node> {
        match self {
            of_one_node!(node) => Some(node),
            concerns_links!(_) => None,
        }
    }

    /// The node that it affects, if it affects one.
    pub fn node(&self) -> Option<Node> {
        match self {
            of_one_node!(node) => Some(*node),
            concerns_links!(_) => None,
        }
    }
}

/// All faults of a run, in any order; the world sorts by time, then position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Plan(pub Vec<Fault>);

/// Collects fixed-width words for a fault's identity; lists carry their length.
#[derive(Default)]
struct Words(Vec<u8>);

impl Words {
    fn word(&mut self, n: u64) -> &mut Words {
        self.0.extend_from_slice(&n.to_le_bytes());
        self
    }
    fn node(&mut self, node: Node) -> &mut Words {
        self.word(u64::from(node.0))
    }
    fn links(&mut self, links: &[Link]) -> &mut Words {
        self.word(links.len() as u64);
        for Link(from, to) in links {
            self.node(*from).node(*to);
        }
        self
    }
    fn text(&mut self, text: &str) -> &mut Words {
        self.word(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
        self
    }
    fn after(&mut self, after_effects: Option<u8>) -> &mut Words {
        self.word(after_effects.map_or(0, |after| 1 + u64::from(after)))
    }
}

impl Fault {
    /// 64-bit identity over a canonical field walk, for the digest's plan lane.
    pub fn content_hash(&self) -> u64 {
        let mut words = Words::default();
        words.word(self.at_ns).word(self.lasts_ns).word(self.what.index() as u64);
        match &self.what {
            What::Cut { links } => words.links(links),
            What::Loss { links, ppm } | What::Duplicate { links, ppm } => words.links(links).word(u64::from(*ppm)),
            What::Delay { links, extra_ns } => words.links(links).word(*extra_ns),
            What::Kill { node, after_effects } => words.node(*node).after(*after_effects),
            What::PowerLoss { node, tail, after_effects } => words.node(*node).word(*tail as u64).after(*after_effects),
            What::Terminate { node }
            | What::Pause { node }
            | What::Stall { node }
            | What::FullDisk { node }
            | What::ReplaceDisk { node } => words.node(*node),
            What::Drift { node, ppm } => words.node(*node).word(i64::from(*ppm) as u64),
            What::WallStep { node, by_ms } | What::WallSmear { node, by_ms } => words.node(*node).word(*by_ms as u64),
            What::FsyncFails { node, count } => words.node(*node).word(u64::from(*count)),
            What::SlowDisk { node, factor } => words.node(*node).word(u64::from(*factor)),
            What::BitRot { node, suffix, newest, file_rank, at_ppm, spare_bytes } => {
                words.node(*node).text(suffix).word(u64::from(*newest)).word(u64::from(*file_rank));
                words.word(u64::from(*at_ppm)).word(u64::from(*spare_bytes))
            }
        };
        if let Some(Trigger { name, nth, after_ns, seen_as, peer_as }) = &self.on {
            words.text(name).word(u64::from(*nth)).word(*after_ns);
            for place in [seen_as, peer_as] {
                words.word(place.map_or(0, |node| 1 + u64::from(node.0)));
            }
        }
        if let Some(guard) = &self.unless {
            words.text(guard);
        }
        xxhash_rust::xxh3::xxh3_64(&words.0)
    }
}
