//! Describes a run in words: its nodes, its operations, its faults, and the claim that it violates.

use scenarios::cluster::{Prepared, prepare};
use scenarios::report::RunReport;
use scenarios::workload::{ClientOperation, ScheduledOperation};
use sim::duration::in_words;
use sim::fault::Fault;
use sim::fault::words::FaultWords;
use sim::process::Node;
use sim::rng::Seed;

use super::{Case, violation};

/// Maximum number of lines.
const LINES: usize = 10;

/// The description of a case whose run is `report`, in at most ten lines.
pub fn tell(case: &Case, report: &RunReport) -> Vec<String> {
    let Ok(describer) = Describer::of(case) else { return Vec::new() };
    let mut events: Vec<(u64, String)> =
        case.operations.iter().map(|requested| (requested.at_ns, describer.requested(requested))).collect();
    events.extend(case.plan.0.iter().map(|fault| (fault.at_ns, describer.fault(fault))));
    events.sort();
    let mut lines = vec![describer.cast()];
    // The lines between the first and the last.
    let room = LINES - 2;
    let left_out = events.len().saturating_sub(room);
    let shown = if left_out > 0 { room - 1 } else { room };
    lines.extend(events.iter().take(shown).map(|(at_ns, what)| format!("at {}: {what}", in_words(*at_ns))));
    if left_out > 0 {
        lines.push(format!("and {} more", events.len() - shown));
    }
    lines.push(match violation(report) {
        Some(violation) => {
            format!("at {}: {} is violated: {}", in_words(violation.at_ns), violation.invariant, violation.detail)
        }
        None => "no claim is violated".to_owned(),
    });
    lines
}

/// Describes the parts of a case.
pub struct Describer<'a> {
    case: &'a Case,
    prepared: Prepared,
}

impl<'a> Describer<'a> {
    /// Describes a case. An error is a case that cannot be run.
    pub fn of(case: &'a Case) -> Result<Describer<'a>, String> {
        let prepared = prepare(&case.effective()?, Seed(case.seed), &case.explicit())?;
        Ok(Describer { case, prepared })
    }

    fn name(&self, node: Node) -> &str {
        self.prepared.world.nodes.get(usize::from(node.0)).map_or("no node", |node| &node.name)
    }

    /// The number of nodes of each kind, the bugs, and the properties that are not defaults.
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

    /// Describes a client's operation.
    pub fn requested(&self, requested: &ScheduledOperation) -> String {
        let client = self.name(Node((self.prepared.servers.len() + usize::from(requested.client)) as u16));
        let names = self.case.scenario.clients.topics().names;
        let topic = |place: u16| names.get(usize::from(place)).map_or("a topic", |name| name).to_owned();
        let does = match &requested.what {
            ClientOperation::Append { count } => {
                format!("appends {}", plural(u64::from(*count), "batch").replace("batchs", "batches"))
            }
            ClientOperation::AppendRecords { records } => format!("appends {}", plural(u64::from(*records), "record")),
            ClientOperation::ReadFrom { server } => format!("reads from {}", self.name(Node(*server))),
            ClientOperation::AddVoter { node } => format!("adds node {node} to the voters"),
            ClientOperation::RemoveVoter { node } => format!("removes node {node} from the voters"),
            ClientOperation::DescribeQuorum => "asks for the voters".to_owned(),
            ClientOperation::UpgradeKraftVersion => "upgrades kraft.version to 1".to_owned(),
            ClientOperation::Rest => "pauses".to_owned(),
            ClientOperation::Resume => "continues".to_owned(),
            ClientOperation::CreateTopics { topics } => {
                format!("creates {}", topics.iter().map(|place| topic(*place)).collect::<Vec<_>>().join(", "))
            }
            ClientOperation::DeleteTopic { topic: place } => format!("deletes {}", topic(*place)),
            ClientOperation::CreatePartitions { topic: place, count } => {
                format!("increases {} to {}", topic(*place), plural(u64::from(count.unsigned_abs()), "partition"))
            }
            ClientOperation::AlterConfig { topic: place, name, value: Some(value) } => {
                format!("sets {name}={value} of {}", topic(*place))
            }
            ClientOperation::AlterConfig { topic: place, name, value: None } => {
                format!("deletes {name} of {}", topic(*place))
            }
            ClientOperation::AlterBrokerConfig { broker, name, value } => {
                let whose = broker.map_or("all brokers".to_owned(), |id| format!("broker {id}"));
                match value {
                    Some(value) => format!("sets {name}={value} of {whose}"),
                    None => format!("deletes {name} of {whose}"),
                }
            }
            ClientOperation::DescribeConfigs { topic: place } => format!("describes {}", topic(*place)),
            ClientOperation::ElectLeaders { unclean, of } => {
                let kind = if *unclean { "unclean" } else { "preferred" };
                let whose = of
                    .map_or("all partitions".to_owned(), |(place, partition)| format!("{}-{partition}", topic(place)));
                format!("requests {kind} leader elections of {whose}")
            }
            ClientOperation::Send { topic: place, partition, count } => {
                format!("sends {} to {}-{partition}", plural(u64::from(*count), "record"), topic(*place))
            }
            ClientOperation::Assign { topic: place, partition } => format!("is assigned {}-{partition}", topic(*place)),
            ClientOperation::AssignAll => "is assigned all partitions".to_owned(),
            ClientOperation::Subscribe => "subscribes to topics that come and go".to_owned(),
        };
        format!("{client} {does}")
    }

    /// Describes the fault, its trigger and its guard.
    pub fn fault(&self, fault: &Fault) -> String {
        let what = self.what(fault);
        let mut text = match &fault.on {
            None => what,
            Some(trigger) => {
                let after = match trigger.after_ns {
                    0 => "at".to_owned(),
                    after_ns => format!("{} after", in_words(after_ns)),
                };
                let node = match (trigger.seen_as, trigger.peer_as) {
                    (Some(node), _) => format!(" ({} is the node of that event)", self.name(node)),
                    (None, Some(node)) => format!(" ({} is the other node of that event)", self.name(node)),
                    (None, None) => String::new(),
                };
                format!("{after} the {} {} from here on: {what}{node}", ordinal(trigger.nth), trigger.name)
            }
        };
        if let Some(guard) = fault.unless {
            text.push_str(&format!(", {}", guard.condition()));
        }
        text
    }

    fn what(&self, fault: &Fault) -> String {
        let name = |node| self.name(node).to_owned();
        fault.what.describe(&FaultWords { name: &name, lasts_ns: fault.lasts_ns })
    }
}

/// `1st`, `2nd`.
fn ordinal(n: u32) -> String {
    let ending = match (n % 10, n % 100) {
        (1, not) if not != 11 => "st",
        (2, not) if not != 12 => "nd",
        (3, not) if not != 13 => "rd",
        _ => "th",
    };
    format!("{n}{ending}")
}

fn plural(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
