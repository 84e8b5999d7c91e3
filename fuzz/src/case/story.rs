//! A run in words: who there is, what is asked for, what strikes, and what breaks.

use scenarios::cluster::{Prepared, prepare};
use scenarios::report::RunReport;
use scenarios::workload::{Asked, ClientOperation};
use sim::fault::{Fault, Link, Tail, What};
use sim::process::Node;
use sim::rng::Seed;

use super::{Case, violation};

/// More lines than this nobody reads.
const LINES: usize = 10;

/// The story of a case whose run is `report`, in at most ten lines.
pub fn tell(case: &Case, report: &RunReport) -> Vec<String> {
    let Ok(teller) = Teller::of(case) else { return Vec::new() };
    let mut events: Vec<(u64, String)> =
        case.operations.iter().map(|asked| (asked.at_ns, teller.asked(asked))).collect();
    events.extend(case.plan.0.iter().map(|fault| (fault.at_ns, teller.fault(fault))));
    events.sort();
    let mut lines = vec![teller.cast()];
    // The first line, and the last.
    let room = LINES - 2;
    let left_out = events.len().saturating_sub(room);
    let shown = if left_out > 0 { room - 1 } else { room };
    lines.extend(events.iter().take(shown).map(|(at_ns, what)| format!("at {}: {what}", time(*at_ns))));
    if left_out > 0 {
        lines.push(format!("and {} more", events.len() - shown));
    }
    lines.push(match violation(report) {
        Some(violation) => {
            format!("at {}: {} breaks: {}", time(violation.at_ns), violation.invariant, violation.detail)
        }
        None => "nothing breaks".to_owned(),
    });
    lines
}

/// A time as people say it.
pub fn time(ns: u64) -> String {
    match ns {
        0 => "0 s".to_owned(),
        ns if ns % 1_000_000_000 == 0 => format!("{} s", ns / 1_000_000_000),
        ns if ns % 1_000_000 == 0 && ns < 1_000_000_000 => format!("{} ms", ns / 1_000_000),
        ns if ns < 1_000_000 => format!("{} us", ns / 1_000),
        ns => {
            let text = format!("{}.{:03}", ns / 1_000_000_000, ns / 1_000_000 % 1_000);
            format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
        }
    }
}

/// Says what is in a case.
pub struct Teller<'a> {
    case: &'a Case,
    prepared: Prepared,
}

impl<'a> Teller<'a> {
    /// Of a case. An error is one that cannot be run at all.
    pub fn of(case: &'a Case) -> Result<Teller<'a>, String> {
        let prepared = prepare(&case.effective()?, Seed(case.seed), &case.explicit())?;
        Ok(Teller { case, prepared })
    }

    fn name(&self, node: Node) -> &str {
        self.prepared.world.nodes.get(usize::from(node.0)).map_or("nobody", |node| &node.name)
    }

    /// How many of each kind there are, and what is wrong with them.
    fn cast(&self) -> String {
        let names =
            self.prepared.world.nodes.iter().map(|node| node.name.rsplit_once('-').map_or("", |(kind, _)| kind));
        let mut kinds: Vec<(&str, usize)> = Vec::new();
        for kind in names.filter(|kind| !kind.starts_with("fresh")) {
            match kinds.iter_mut().find(|(other, _)| *other == kind) {
                Some((_, count)) => *count += 1,
                None => kinds.push((kind, 1)),
            }
        }
        let several = |(kind, count): &(&str, usize)| format!("{count} {kind}{}", if *count == 1 { "" } else { "s" });
        let mut cast = kinds.iter().map(several).collect::<Vec<_>>().join(", ");
        for bug in self.case.scenario.bugs.iter() {
            cast.push_str(&format!("; with {}", bug.name()));
        }
        for (name, value) in &self.case.knobs {
            cast.push_str(&format!("; {name}={value}"));
        }
        cast
    }

    /// What a client is asked for.
    pub fn asked(&self, asked: &Asked) -> String {
        let client = self.name(Node((self.prepared.servers.len() + usize::from(asked.client)) as u16));
        let names = self.case.scenario.clients.topics().names;
        let topic = |place: u16| names.get(usize::from(place)).map_or("a topic", |name| name).to_owned();
        let does = match &asked.what {
            ClientOperation::Append { count } => format!("appends {count} times"),
            ClientOperation::AppendRecords { records } => format!("appends {}", plural(u64::from(*records), "record")),
            ClientOperation::ReadFrom { server } => format!("reads from {}", self.name(Node(*server))),
            ClientOperation::Rest => "rests".to_owned(),
            ClientOperation::Resume => "goes on".to_owned(),
            ClientOperation::CreateTopics { topics } => {
                format!("creates {}", topics.iter().map(|place| topic(*place)).collect::<Vec<_>>().join(", "))
            }
            ClientOperation::DeleteTopic { topic: place } => format!("deletes {}", topic(*place)),
            ClientOperation::CreatePartitions { topic: place, count } => {
                format!("gives {} {count} partitions", topic(*place))
            }
            ClientOperation::AlterConfig { topic: place, name, value: Some(value) } => {
                format!("sets {name}={value} of {}", topic(*place))
            }
            ClientOperation::AlterConfig { topic: place, name, value: None } => {
                format!("deletes {name} of {}", topic(*place))
            }
            ClientOperation::DescribeConfigs { topic: place } => format!("describes {}", topic(*place)),
            ClientOperation::ElectLeaders { unclean, of } => {
                let kind = if *unclean { "unclean" } else { "preferred" };
                let whose =
                    of.map_or("everything".to_owned(), |(place, partition)| format!("{}-{partition}", topic(place)));
                format!("asks for {kind} elections of {whose}")
            }
            ClientOperation::Send { topic: place, partition, count } => {
                format!("sends {} to {}-{partition}", plural(u64::from(*count), "record"), topic(*place))
            }
            ClientOperation::Assign { topic: place, partition } => format!("reads {}-{partition}", topic(*place)),
            ClientOperation::AssignAll => "reads everything".to_owned(),
        };
        format!("{client} {does}")
    }

    /// What strikes whom.
    pub fn fault(&self, fault: &Fault) -> String {
        let what = self.what(fault);
        let mut told = match &fault.on {
            None => what,
            Some(trigger) => {
                let nth = if trigger.nth == 1 { "the next".to_owned() } else { format!("{} times", trigger.nth) };
                let after = if trigger.after_ns == 0 {
                    String::new()
                } else {
                    format!(" and {} later", time(trigger.after_ns))
                };
                let whom = match (trigger.seen_as, trigger.peer_as) {
                    (Some(node), _) => format!(" ({} being whom it is about)", self.name(node)),
                    (None, Some(node)) => format!(" ({} being whom else it is about)", self.name(node)),
                    (None, None) => String::new(),
                };
                format!("from then on, after {nth} {}{after}{whom}: {what}", trigger.sight)
            }
        };
        if let Some(guard) = &fault.unless {
            told.push_str(&format!(", unless {guard}"));
        }
        told
    }

    fn what(&self, fault: &Fault) -> String {
        let lasts = time(fault.lasts_ns);
        let name = |node: &Node| self.name(*node).to_owned();
        match &fault.what {
            What::Cut { links } => format!("{} cut for {lasts}", self.links(links)),
            What::Loss { links, ppm } => {
                format!("{} lose {}.{} % for {lasts}", self.links(links), ppm / 10_000, ppm / 1_000 % 10)
            }
            What::Delay { links, extra_ns } => {
                format!("{} take {} longer for {lasts}", self.links(links), time(*extra_ns))
            }
            What::Duplicate { links, .. } => format!("{} deliver twice for {lasts}", self.links(links)),
            What::Kill { node, after_effects } => {
                format!("{} is killed{} for {lasts}", name(node), between(*after_effects))
            }
            What::PowerLoss { node, tail, after_effects } => {
                let tail = match tail {
                    Tail::Lost => "what is not synced is lost",
                    Tail::Kept => "what is not synced is kept",
                    Tail::Torn => "what is not synced is torn",
                };
                format!("{} loses power{} for {lasts}, {tail}", name(node), between(*after_effects))
            }
            What::Terminate { node } => format!("{} is told to stop, and starts {lasts} later", name(node)),
            What::Pause { node } => format!("the process of {} is paused for {lasts}", name(node)),
            What::Stall { node } => format!("the machine of {} stalls for {lasts}", name(node)),
            What::Drift { node, ppm } => {
                let how = if *ppm < 0 { "slow" } else { "fast" };
                format!("the clock of {} runs {} ppm {how} for {lasts}", name(node), ppm.unsigned_abs())
            }
            What::WallStep { node, by_ms } => {
                let lasts = if fault.lasts_ns == 0 { String::new() } else { format!(" for {lasts}") };
                format!("the wall clock of {} steps by {by_ms} ms{lasts}", name(node))
            }
            What::WallSmear { node, by_ms } => {
                format!("the wall clock of {} is slewed by {by_ms} ms in {lasts}", name(node))
            }
            What::FsyncFails { node, count: 1 } => format!("the next fsync of {} fails", name(node)),
            What::FsyncFails { node, count } => format!("the next {count} fsyncs of {} fail", name(node)),
            What::SlowDisk { node, factor } => {
                format!("the disk of {} is {factor} times slower for {lasts}", name(node))
            }
            What::FullDisk { node } => format!("the disk of {} is full for {lasts}", name(node)),
            What::BitRot { node, .. } => format!("a bit of a log of {} rots", name(node)),
            What::ReplaceDisk { node } => {
                format!("{} is down for {lasts} and comes back with an empty disk", name(node))
            }
        }
    }

    /// One-way links, told by the node that most of them share.
    fn links(&self, links: &[Link]) -> String {
        let both = |link: &Link| links.contains(&Link(link.1, link.0));
        let shown: Vec<String> = links
            .iter()
            .filter(|link| !both(link) || link.0 < link.1)
            .map(|link| format!("{}{}{}", self.name(link.0), if both(link) { "<->" } else { "->" }, self.name(link.1)))
            .take(4)
            .collect();
        let told = shown.len();
        let all = links.iter().filter(|link| !both(link) || link.0 < link.1).count();
        let more = if all > told { format!(" and {} more", all - told) } else { String::new() };
        format!("links {}{more}", shown.join(", "))
    }
}

fn between(after_effects: Option<u8>) -> String {
    after_effects.map_or(String::new(), |after| format!(" after {} of a step", plural(u64::from(after), "effect")))
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
