//! Kafka's metrics over a run, by the names of their MBeans, and the conditions that operators alert on.
//!
//! The metrics are read from the state of each server at equal intervals of true time. Those that Kafka computes over a
//! window are left out, except the latencies of raft, whose windows a replica keeps as Kafka's does.

use std::collections::BTreeMap;

use raft::ids::NodeId;
use raft::message::Value;

use super::moment::{At, Moment};
use super::state;

/// A gauge, and how it is read from the state of a server.
struct Gauge {
    mbean: &'static str,
    read: fn(&Value) -> Option<i64>,
}

macro_rules! gauges {
    ($($mbean:literal: $read:expr;)+) => {
        const GAUGES: &[Gauge] = &[$(Gauge { mbean: $mbean, read: $read }),+];
    };
}

gauges! {
    "kafka.controller:type=KafkaController,name=ActiveControllerCount": |of| {
        at(of, &["controller", "active"]).map(|active| i64::from(*active != Value::Null))
    };
    "kafka.controller:type=KafkaController,name=LastCommittedRecordOffset": |of| {
        number(of, &["controller", "lastCommittedOffset"])
    };
    "kafka.controller:type=KafkaController,name=ActiveBrokerCount": |of| {
        number(of, &["controller", "metadata", "activeBrokers"])
    };
    "kafka.controller:type=KafkaController,name=FencedBrokerCount": |of| {
        number(of, &["controller", "metadata", "fencedBrokers"])
    };
    "kafka.controller:type=KafkaController,name=ControlledShutdownBrokerCount": |of| {
        number(of, &["controller", "metadata", "brokersInControlledShutdown"])
    };
    "kafka.controller:type=KafkaController,name=GlobalTopicCount": |of| {
        number(of, &["controller", "metadata", "topics"])
    };
    "kafka.controller:type=KafkaController,name=GlobalPartitionCount": |of| {
        number(of, &["controller", "metadata", "partitions"])
    };
    "kafka.controller:type=KafkaController,name=OfflinePartitionsCount": |of| {
        number(of, &["controller", "metadata", "offlinePartitions"])
    };
    "kafka.controller:type=KafkaController,name=PreferredReplicaImbalanceCount": |of| {
        number(of, &["controller", "metadata", "partitionsWithoutPreferredLeader"])
    };
    "kafka.controller:type=ControllerEventManager,name=EventQueueSize": |of| {
        list(of, &["controller", "eventQueue"]).map(|events| events.len() as i64)
    };
    "kafka.server:type=raft-metrics,current-leader": |of| {
        at(of, &["raft", "leaderId"]).map(|leader| plain(leader).unwrap_or(-1))
    };
    "kafka.server:type=raft-metrics,current-vote": |of| {
        at(of, &["raft", "votedId"]).map(|voted| plain(voted).unwrap_or(-1))
    };
    "kafka.server:type=raft-metrics,current-epoch": |of| number(of, &["raft", "epoch"]);
    "kafka.server:type=raft-metrics,high-watermark": |of| {
        at(of, &["raft", "highWatermark"]).map(|offset| plain(offset).unwrap_or(-1))
    };
    "kafka.server:type=raft-metrics,commit-latency-avg": |of| number(of, &["raft", "commitLatencyUs", "avg"]);
    "kafka.server:type=raft-metrics,commit-latency-max": |of| number(of, &["raft", "commitLatencyUs", "max"]);
    "kafka.server:type=raft-metrics,election-latency-avg": |of| number(of, &["raft", "electionLatencyUs", "avg"]);
    "kafka.server:type=raft-metrics,election-latency-max": |of| number(of, &["raft", "electionLatencyUs", "max"]);
    "kafka.server:type=raft-metrics,log-end-offset": |of| number(of, &["raft", "logEndOffset"]);
    "kafka.server:type=raft-metrics,log-end-epoch": |of| number(of, &["raft", "lastFetchedEpoch"]);
    "kafka.server:type=raft-metrics,number-of-observers": |of| {
        list(of, &["raft", "state", "observers"]).map(|observers| observers.len() as i64)
    };
    "kafka.server:type=broker-metadata-metrics,last-applied-record-offset": |of| {
        number(of, &["broker", "publishedOffset"])
    };
    "kafka.server:type=KafkaServer,name=BrokerState": |of| number(of, &["broker", "lifecycle", "brokerState"]);
    "kafka.server:type=ReplicaManager,name=PartitionCount": |of| {
        partitions(of).map(|partitions| partitions.len() as i64)
    };
    "kafka.server:type=ReplicaManager,name=LeaderCount": |of| led(of, |_, _, _| true);
    "kafka.server:type=ReplicaManager,name=UnderReplicatedPartitions": |of| {
        led(of, |isr, replicas, _| isr < replicas)
    };
    "kafka.server:type=ReplicaManager,name=UnderMinIsrPartitionCount": |of| led(of, |isr, _, min| isr < min);
    "kafka.server:type=ReplicaManager,name=AtMinIsrPartitionCount": |of| led(of, |isr, _, min| isr == min);
}

/// The decimals of a metric's values: latencies are in ms with three of them, all others are whole numbers.
pub fn decimals(mbean: &str) -> u32 {
    if mbean.contains("-latency-") { 3 } else { 0 }
}

/// What Kafka's documentation lists and its code does not register.
pub const NOT_REGISTERED: &[(&str, &str)] = &[(
    "kafka.controller:type=ControllerEventManager,name=EventQueueSize",
    "listed in Kafka's documentation, and not registered by a KRaft controller",
)];

/// The values of a metric of a server: true time in ns, and the value in units of its last decimal ([`decimals`]); none while its process is down.
pub type Values = Vec<(u64, i64)>;

/// What was measured.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// By server and MBean.
    pub series: BTreeMap<(String, &'static str), Values>,
    pub alerts: Vec<Alert>,
}

/// A condition that held over some samples in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub condition: &'static str,
    pub from_ns: u64,
    /// Of the last sample at which it held.
    pub to_ns: u64,
    /// What was seen when it was worst.
    pub seen: String,
    worst: i64,
}

impl Metrics {
    /// Samples a run from its present instant to its end, or to `until_ns`; every `every_ns`.
    pub fn of(moment: &mut Moment<'_>, until_ns: u64, every_ns: u64) -> Metrics {
        let mut metrics = Metrics::default();
        let mut at_ns = moment.now_ns();
        while moment.go_to(At::Time(at_ns)) && at_ns <= until_ns && at_ns < moment.end_ns() {
            metrics.sample(moment, at_ns, every_ns);
            at_ns = at_ns.saturating_add(every_ns);
        }
        metrics
    }

    fn sample(&mut self, moment: &Moment<'_>, at_ns: u64, every_ns: u64) {
        let servers = moment.servers();
        let states: Vec<(&str, NodeId, Value)> =
            servers.iter().map(|of| (of.name, of.id, state::of_process(of))).collect();
        for (name, _, state) in &states {
            for gauge in GAUGES {
                if let Some(value) = (gauge.read)(state) {
                    self.series.entry(((*name).to_owned(), gauge.mbean)).or_default().push((at_ns, value));
                }
            }
        }
        for (condition, found) in conditions(&states, moment.has_metadata()) {
            self.alert(condition, found, (at_ns, every_ns));
        }
    }

    fn alert(&mut self, condition: &'static str, found: Option<(i64, String)>, (at_ns, every_ns): (u64, u64)) {
        let Some((worst, seen)) = found else { return };
        let running = self.alerts.iter_mut().rev().find(|alert| alert.condition == condition);
        match running.filter(|alert| alert.to_ns.saturating_add(every_ns) == at_ns) {
            Some(alert) => {
                alert.to_ns = at_ns;
                if worst > alert.worst {
                    (alert.worst, alert.seen) = (worst, seen);
                }
            }
            None => self.alerts.push(Alert { condition, from_ns: at_ns, to_ns: at_ns, seen, worst }),
        }
    }
}

/// Of the average that a leader measures.
const COMMIT_LATENCY_US: i64 = 100_000;

/// How bad it is, and what is seen.
type Found = Option<(i64, String)>;

/// The conditions of operators, and whether they hold.
fn conditions(states: &[(&str, NodeId, Value)], has_metadata: bool) -> Vec<(&'static str, Found)> {
    let active: Vec<&str> = states.iter().filter(|(_, _, of)| is_active(of)).map(|(name, ..)| *name).collect();
    let queue = |of: &Value| list(of, &["controller", "eventQueue"]).map_or(0, <[Value]>::len);
    let longest = states.iter().max_by_key(|(_, _, of)| queue(of));
    let end = states.iter().filter_map(|(_, _, of)| number(of, &["raft", "highWatermark"])).max().unwrap_or(0);
    let applied = |of: &Value| number(of, &["broker", "publishedOffset"]);
    let slowest = states.iter().filter_map(|(name, _, of)| Some((applied(of)?, *name))).min();
    let offline = states.iter().filter(|(_, _, of)| is_active(of));
    let offline = offline
        .filter_map(|(name, _, of)| Some((number(of, &["controller", "metadata", "offlinePartitions"])?, *name)));
    let below = states.iter().filter_map(|(name, _, of)| Some((led(of, |isr, _, min| isr < min)?, *name)));
    let latency = |of: &Value| number(of, &["raft", "commitLatencyUs", "avg"]).filter(|_| is_leader(of));
    let latest = states.iter().filter_map(|(name, _, of)| Some((latency(of)?, *name))).max();
    let some = |found: Option<(i64, &str)>, what: &str| {
        found.filter(|(count, _)| *count > 0).map(|(count, name)| (count, format!("{count} {what} {name}")))
    };
    let knows_none = states.iter().find(|(_, _, of)| at(of, &["raft", "leaderId"]) == Some(&Value::Null));
    let late = latest.filter(|(us, _)| *us > COMMIT_LATENCY_US);
    let mut all = vec![
        (
            "no leader of the quorum known to a running node",
            knows_none.map(|(name, ..)| (1, format!("{name} knows none"))),
        ),
        (
            "the average commit latency exceeds 100 ms",
            late.map(|(us, name)| (us, format!("{}.{:03} ms per record at {name}", us / 1_000, us % 1_000))),
        ),
    ];
    if has_metadata {
        let found = (active.len() != 1).then(|| match active.len() {
            0 => (1, "there is none".to_owned()),
            many => (many as i64, active.join(" and ")),
        });
        let queued = longest.filter(|(_, _, of)| queue(of) > 1_000);
        let lag = slowest.map(|(offset, name)| (end - 1 - offset, name)).filter(|(lag, _)| *lag > 1_000);
        all.extend([
            ("active controllers are not 1", found),
            (
                "more than 1000 events in a controller's queue",
                queued.map(|(name, _, of)| (queue(of) as i64, format!("{} in that of {name}", queue(of)))),
            ),
            ("a broker's metadata lag exceeds 1000 records", some(lag, "records behind at")),
            ("offline partitions", some(offline.max(), "without a leader, at")),
            ("partitions below min.insync.replicas", some(below.max(), "led by")),
        ]);
    }
    all
}

fn is_leader(of: &Value) -> bool {
    at(of, &["raft", "role"]) == Some(&Value::text("Leader"))
}

fn is_active(of: &Value) -> bool {
    at(of, &["controller", "active"]).is_some_and(|active| *active != Value::Null)
}

fn at<'a>(of: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(of, |of, name| of.get(name))
}

fn plain(of: &Value) -> Option<i64> {
    match of {
        Value::Number(it) => Some(*it),
        _ => None,
    }
}

fn number(of: &Value, path: &[&str]) -> Option<i64> {
    plain(at(of, path)?)
}

fn list<'a>(of: &'a Value, path: &[&str]) -> Option<&'a [Value]> {
    match at(of, path)? {
        Value::List(elements) => Some(elements),
        _ => None,
    }
}

fn partitions(of: &Value) -> Option<&[(String, Value)]> {
    match at(of, &["broker", "replicas", "partitions"])? {
        Value::Struct(fields) => Some(fields),
        _ => None,
    }
}

/// Partitions that a broker leads, of which this holds: size of the ISR, of the assignment, and `min.insync.replicas`.
fn led(of: &Value, holds: fn(usize, usize, usize) -> bool) -> Option<i64> {
    let is_counted = |of: &Value| {
        let length = |path: &[&str]| list(of, path).map_or(0, <[Value]>::len);
        let min = number(of, &["minInsyncReplicas"]).and_then(|min| usize::try_from(min).ok()).unwrap_or(0);
        let replicas = length(&["replicas"]);
        // `Partition.effectiveMinIsr`
        at(of, &["role"]) == Some(&Value::text("Leader"))
            && holds(length(&["isr", "committed"]), replicas, min.min(replicas))
    };
    Some(partitions(of)?.iter().filter(|(_, of)| is_counted(of)).count() as i64)
}
