//! `[network]`, `[disk]`, `[clock]`, `[threads]`: the environment of the cluster without faults.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::Refusal;
use super::values::{IntRange, LatencyProfile, Nanos};
use sim::disk::FileSystem;
use sim::latency::Latency;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Connections with in-order bytes, as Kafka uses them.
    Tcp,
    /// Each message independently: lost, duplicated, reordered. Harsher than any real network.
    Datagram,
}

/// `[network]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkProfile {
    pub transport: Transport,
    /// One way, the same for each link; its median is at least 1 ns (see `takes_time`).
    pub latency: LatencyProfile,
    /// The chance that a packet is lost, parts per million.
    pub loss_ppm: u32,
    /// The chance that a datagram is duplicated, parts per million.
    pub duplicate_ppm: u32,
    /// The maximum additional delay of a datagram, distributed uniformly.
    pub reorder: Nanos,
    /// TCP's longest retransmission timeout; Linux has 120 s.
    pub rto_max: Nanos,
    /// The chance that all hosts of a run share a subnet, parts per million: a connect to a host without power then fails
    /// after three seconds (EHOSTUNREACH).
    #[serde(skip_serializing_if = "is_zero")]
    pub one_subnet_ppm: u32,
    /// Links between servers that differ from the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<LinkProfile>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(ppm: &u32) -> bool {
    *ppm == 0
}

/// `[[network.link]]`: one way, from each node of `from` to each node of `to`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkProfile {
    /// `node.id`s.
    pub from: Vec<i32>,
    /// `node.id`s.
    pub to: Vec<i32>,
    /// One way; its median is at least 1 ns.
    pub latency: LatencyProfile,
}

impl Default for NetworkProfile {
    fn default() -> NetworkProfile {
        NetworkProfile {
            transport: Transport::Tcp,
            latency: LatencyProfile::constant(500_000),
            loss_ppm: 0,
            duplicate_ppm: 0,
            reorder: Nanos(0),
            rto_max: Nanos::from_ms(120_000),
            one_subnet_ppm: 0,
            link: Vec::new(),
        }
    }
}

impl NetworkProfile {
    /// The longest transit time of a message, ns, unless it is lost.
    pub fn longest_one_way_ns(&self) -> u64 {
        let links = self.link.iter().map(|link| link.latency.longest_ns());
        let longest = links.chain([self.latency.longest_ns()]).max().unwrap_or(0);
        let extra = if self.transport == Transport::Datagram { self.reorder.0 } else { 0 };
        longest.saturating_add(extra)
    }

    /// The mean transit time of a message on the slowest link, ns, unless it is lost.
    pub fn mean_one_way_ns(&self) -> u64 {
        let links = self.link.iter().map(|link| link.latency.mean_ns());
        let slowest = links.chain([self.latency.mean_ns()]).max().unwrap_or(0);
        let extra = if self.transport == Transport::Datagram { self.reorder.0 } else { 0 };
        slowest.saturating_add(extra)
    }

    pub(super) fn check(&self, nodes: &[i32]) -> Result<(), Refusal> {
        for (name, ppm) in [
            ("loss_ppm", self.loss_ppm),
            ("duplicate_ppm", self.duplicate_ppm),
            ("one_subnet_ppm", self.one_subnet_ppm),
        ] {
            if ppm > 1_000_000 {
                return Err(Refusal::new(format!("network.{name}"), format!("{ppm}; allowed: 0..1000000")));
            }
        }
        if self.transport == Transport::Tcp && (self.duplicate_ppm > 0 || self.reorder.0 > 0) {
            let name = if self.duplicate_ppm > 0 { "duplicate_ppm" } else { "reorder" };
            return Err(Refusal::new(
                format!("network.{name}"),
                "TCP never does that; allowed: 0, or transport = \"datagram\"",
            ));
        }
        takes_time("network.latency", &self.latency)?;
        self.link.iter().try_for_each(|link| takes_time("network.link", &link.latency))?;
        if self.rto_max < Nanos::from_ms(200) {
            return Err(Refusal::new("network.rto_max", format!("{}; allowed: 200ms..3600s", self.rto_max)));
        }
        for id in self.link.iter().flat_map(|link| link.from.iter().chain(&link.to)) {
            if !nodes.contains(id) {
                let ids: Vec<String> = nodes.iter().map(i32::to_string).collect();
                return Err(Refusal::new("network.link", format!("no node {id}; allowed: {}", ids.join(", "))));
            }
        }
        Ok(())
    }
}

/// Messages must take time: with a disk without latency, too, servers that answer each other at once (for example, a
/// resigned leader and a candidate that retries when it receives another epoch) would do so for ever at one instant,
/// and the timer that ends it would never expire. A disk without latency is permitted, and so is a link on which fewer
/// than half of the messages take no time.
fn takes_time(path: &str, latency: &LatencyProfile) -> Result<(), Refusal> {
    if *latency != LatencyProfile::Profile && latency.known().sample(1 << 63) == 0 {
        return Err(Refusal::new(path, "a median of 0ns would stop simulated time; allowed: 1ns..3600s"));
    }
    Ok(())
}

/// `[disk]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskProfile {
    /// How long an fsync takes.
    pub fsync: LatencyProfile,
    /// What it does for changes of directories.
    pub fs: FileSystem,
    /// How long an fsync of a directory takes if that is something else; the profile knows it.
    #[serde(skip)]
    pub directory_fsync: Option<Latency>,
}

impl Default for DiskProfile {
    fn default() -> DiskProfile {
        DiskProfile { fsync: LatencyProfile::constant(1_000_000), fs: FileSystem::default(), directory_fsync: None }
    }
}

/// `[clock]`: the initial state of each node's clocks, drawn per node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockProfile {
    /// The offset of the wall clock, ms.
    pub offset_ms: IntRange,
    /// The drift of both clocks, parts per million; positive is fast.
    pub drift_ppm: IntRange,
}

impl ClockProfile {
    /// How much the slowest clock loses without clock faults, ppm.
    pub fn slowest_ppm(&self) -> u32 {
        u32::try_from(-self.drift_ppm.min).unwrap_or(0)
    }

    /// How much the fastest clock gains without clock faults, ppm.
    pub fn fastest_ppm(&self) -> u32 {
        u32::try_from(self.drift_ppm.max).unwrap_or(0)
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        let offset = self.offset_ms.min >= -86_400_000 && self.offset_ms.max <= 86_400_000;
        if !offset {
            return Err(Refusal::new(
                "clock.offset_ms",
                format!("{}; allowed: within -86400000..86400000", self.offset_ms),
            ));
        }
        drift_within_bounds("clock.drift_ppm", self.drift_ppm)
    }
}

/// A clock may run at half to one and a half times the true rate.
pub(super) fn drift_within_bounds(path: &str, ppm: IntRange) -> Result<(), Refusal> {
    if ppm.min < -500_000 || ppm.max > 500_000 {
        return Err(Refusal::new(path, format!("{ppm}; allowed: within -500000..500000")));
    }
    Ok(())
}

/// `[threads.NAME]`: how long a thread is busy with an input, by the input's kind; 0 by default.
pub type Threads = BTreeMap<String, BTreeMap<String, Nanos>>;

/// A server's threads.
pub const THREAD_NAMES: &[&str] = <crate::actor::Actor as sim::process::Process>::THREADS;

/// The kinds of input that a thread may process.
pub const INPUT_KINDS: [&str; 10] =
    ["opened", "closed", "request", "response", "timer", "disk-error", "post", "terminate", "operation", "continue"];

pub(super) fn check_threads(threads: &Threads) -> Result<(), Refusal> {
    for (thread, costs) in threads {
        if !THREAD_NAMES.contains(&thread.as_str()) {
            let problem = format!("no such thread; allowed: {}", THREAD_NAMES.join(", "));
            return Err(Refusal::new(format!("threads.{thread}"), problem));
        }
        if let Some(kind) = costs.keys().find(|kind| !INPUT_KINDS.contains(&kind.as_str())) {
            let problem = format!("no such kind of input; allowed: {}", INPUT_KINDS.join(", "));
            return Err(Refusal::new(format!("threads.{thread}.{kind}"), problem));
        }
    }
    Ok(())
}
