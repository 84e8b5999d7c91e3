//! Faults, from begin to end.

use scenarios::trace::{Trace, What, touched};
use serde::Serialize;
use sim::fault::{Fault, Kind, What as FaultWhat};
use sim::ids::Link;
use sim::process::Node;
use sim::watch::Phase;

/// A fault, from begin to end.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Interval {
    kind: &'static str,
    what: String,
    from_ns: u64,
    /// `None`: it is of a moment.
    to_ns: Option<u64>,
    /// The node, or those that all of its links share, or all ends of its links.
    nodes: Vec<u16>,
    /// Pairs of nodes whose links it affects.
    links: Vec<Pair>,
    class: &'static str,
}

/// Two nodes: from the first to the second, or both ways.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Pair {
    from: u16,
    to: u16,
    both: bool,
}

/// All faults that struck.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Faults(Vec<Interval>);

impl Faults {
    pub fn of(trace: &Trace, words: &dyn Fn(&Fault) -> String) -> Faults {
        let mut faults: Vec<Interval> = Vec::new();
        let mut open: Vec<(&Fault, usize)> = Vec::new();
        let end_ns = trace.lines.last().map_or(0, |line| line.at_ns);
        for line in &trace.lines {
            match &line.what {
                What::Fault(fault, Phase::Start) => {
                    open.push((fault, faults.len()));
                    faults.push(Interval {
                        kind: fault.what.kind().name(),
                        what: words(fault),
                        from_ns: line.at_ns,
                        to_ns: (fault.lasts_ns > 0).then_some(end_ns),
                        nodes: shown_at(&fault.what),
                        links: pairs(fault.what.links()),
                        class: class(fault.what.kind()),
                    });
                }
                What::Fault(fault, Phase::End) => {
                    if let Some(at) = open.iter().position(|(other, _)| **other == **fault) {
                        faults[open.swap_remove(at).1].to_ns = Some(line.at_ns);
                    }
                }
                // Of a fault by which its node is down the length is that of being down, and there is no end.
                What::Booted => open.retain(|(fault, at)| {
                    let is_down = fault.what.node() == line.node && is_outage(&fault.what);
                    if is_down && let Some(to_ns) = &mut faults[*at].to_ns {
                        *to_ns = line.at_ns;
                    }
                    !is_down
                }),
                What::Healed => open.drain(..).for_each(|(fault, at)| {
                    if !is_outage(&fault.what) {
                        let to_ns = &mut faults[at].to_ns;
                        *to_ns = to_ns.map(|_| line.at_ns);
                    }
                }),
                _ => {}
            }
        }
        Faults(faults)
    }
}

/// Is its node down for as long as it lasts?
fn is_outage(what: &FaultWhat) -> bool {
    matches!(what.kind(), Kind::Kill | Kind::Terminate | Kind::PowerLoss | Kind::ReplaceDisk | Kind::FileDamage)
}

/// What it is that fails: each has a colour.
fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Cut | Kind::Loss | Kind::Delay | Kind::Duplicate => "network",
        Kind::BlackHole | Kind::UnresolvedName | Kind::WrongName => "network",
        Kind::Kill | Kind::PowerLoss | Kind::Terminate | Kind::Pause | Kind::Stall | Kind::Exception => "process",
        Kind::Drift | Kind::WallStep | Kind::WallSmear => "clock",
        Kind::FsyncFails | Kind::SlowDisk | Kind::FullDisk | Kind::BitRot | Kind::ReplaceDisk => "disk",
        Kind::FileDamage | Kind::ShortWrite | Kind::FullAtFsync => "disk",
    }
}

fn shown_at(what: &FaultWhat) -> Vec<u16> {
    let links = what.links();
    let all = touched(what);
    let shared: Vec<&Node> =
        all.iter().filter(|node| links.iter().all(|link| link.0 == **node || link.1 == **node)).collect();
    let shown: Vec<&Node> = if links.is_empty() || shared.is_empty() { all.iter().collect() } else { shared };
    shown.into_iter().map(|node| node.0).collect()
}

/// Links as pairs, in the order of their first link.
fn pairs(links: &[Link]) -> Vec<Pair> {
    let mut pairs: Vec<Pair> = Vec::new();
    for Link(from, to) in links {
        let (from, to) = (from.0, to.0);
        let way_back = pairs.iter().position(|pair| (pair.from, pair.to) == (to, from));
        let is_known = pairs.iter().any(|pair| (pair.from, pair.to) == (from, to));
        match way_back {
            Some(pair) => pairs[pair].both = true,
            None if is_known => {}
            None => pairs.push(Pair { from, to, both: false }),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_links_between_two_nodes_are_one_pair() {
        let link = |from, to| Link(Node(from), Node(to));
        let pair = |from, to, both| Pair { from, to, both };
        let links = [link(0, 3), link(3, 0), link(0, 3), link(2, 3), link(1, 0)];
        assert_eq!(pairs(&links), [pair(0, 3, true), pair(2, 3, false), pair(1, 0, false)]);
    }
}
