//! A scenario: everything that defines a run, except its seed. Plain data, read from TOML and printed as TOML.
//!
//! * this file: the fields; `reading`: reads and validates TOML
//! * [`cluster`]: nodes and their configuration; [`world`]: network, disk, clocks, threads
//! * [`clients`]: Kafka's own clients
//! * [`claims`]: workload, floors, limits; [`metric`]: the metrics that limits may name; [`faults`]: the nemesis's
//!   kinds and rates; [`aimed`]: faults that wait for a trigger
//! * [`finding`]: the claims that a scenario of a finding violates, and its fix
//! * [`mod@reference`]: every field, for the document
//! * [`profile`]: service times as measured on a machine
//! * [`values`]: durations, ranges, latencies, limits in text form
//! * `set`: `--set`, knobs, `--cluster`; [`error`]: error messages with file and line

pub mod aimed;
pub mod claims;
pub mod clients;
pub mod cluster;
pub mod error;
pub mod fault_profile;
pub mod faults;
pub mod finding;
pub mod machine;
pub mod metric;
pub mod nearest;
mod nearest_property;
pub mod profile;
mod reading;
pub mod reference;
mod set;
pub mod switches;
#[cfg(test)]
mod tests;
pub mod values;
pub mod world;

use raft::bugs::Bugs;
use raft::fixes::Fixes;
use serde::{Deserialize, Serialize};

pub use claims::{Expect, Floor, Workload};
pub use clients::Clients;
pub use cluster::{CONTROLLER_PORT, Cluster, FIRST_BROKER};
pub use error::ScenarioError;
pub use faults::Nemesis;
pub use finding::Finding;
pub use profile::Profile;
pub use world::{ClockProfile, DiskProfile, NetworkProfile, Threads, Transport};

use machine::Samples;
use values::{LatencyProfile, Nanos};

/// Everything that defines a run, except its seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    /// Its purpose, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// How long clients work and faults are injected; then all faults end.
    pub duration: Nanos,
    /// Fixes in force.
    #[serde(default, with = "switches::fixes", skip_serializing_if = "no_fixes")]
    pub fixes: Fixes,
    /// Bugs in force.
    #[serde(default, with = "switches::bugs", skip_serializing_if = "no_bugs")]
    pub bugs: Bugs,
    /// Rare situations that a sweep must reach to be conclusive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub require_probe: Vec<String>,
    /// They are required in sweeps of at least this number of seeds: smaller ones may miss them by chance.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub require_probe_from_seeds: u64,
    #[serde(default)]
    pub cluster: Cluster,
    #[serde(default)]
    pub network: NetworkProfile,
    #[serde(default)]
    pub disk: DiskProfile,
    #[serde(default)]
    pub clock: ClockProfile,
    /// How long servers work at what they do; `threads` precedes.
    #[serde(default, skip_serializing_if = "Profile::is_ideal")]
    pub profile: Profile,
    #[serde(default, skip_serializing_if = "Threads::is_empty")]
    pub threads: Threads,
    #[serde(default)]
    pub workload: Workload,
    /// Only in scenarios with brokers.
    #[serde(default, skip_serializing_if = "Clients::is_default")]
    pub clients: Clients,
    #[serde(default)]
    pub nemesis: Nemesis,
    #[serde(default)]
    pub knobs: Knobs,
    #[serde(default)]
    pub floor: Floor,
    #[serde(default, skip_serializing_if = "Expect::is_empty")]
    pub expect: Expect,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
}

/// `[knobs]`: the knobs that a seed may not draw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Knobs {
    /// No knob is drawn.
    #[serde(skip_serializing_if = "is_false")]
    pub off: bool,
    /// Knobs that keep the scenario's value.
    pub pinned: Vec<String>,
    /// Drawn only where they are named here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(value: &bool) -> bool {
    !*value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn no_fixes(fixes: &Fixes) -> bool {
    *fixes == Fixes::NONE
}

fn no_bugs(bugs: &Bugs) -> bool {
    *bugs == Bugs::NONE
}

impl Scenario {
    /// The top-level fields.
    pub const FIELDS: [&'static str; 20] = [
        "name",
        "about",
        "duration",
        "fixes",
        "bugs",
        "require_probe",
        "require_probe_from_seeds",
        "cluster",
        "network",
        "disk",
        "clock",
        "profile",
        "threads",
        "workload",
        "clients",
        "nemesis",
        "knobs",
        "floor",
        "expect",
        "finding",
    ];

    /// Puts the latencies of the profile in force where the scenario asks for them.
    pub fn follow_profile(&mut self) {
        let Some(machine) = self.profile.machine() else { return };
        let (link, fsync) = (machine.link.latency.latency(), machine.disk.fsync.latency());
        self.network.latency.follow(&link);
        self.network.link.iter_mut().for_each(|other| other.latency.follow(&link));
        if self.disk.fsync == LatencyProfile::Profile {
            self.disk.directory_fsync = machine.disk.directory_fsync.as_ref().map(Samples::latency);
        }
        self.disk.fsync.follow(&fsync);
    }

    /// This scenario as TOML; reading it returns an equal scenario.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("plain data, integers below 2^63")
    }

    fn to_table(&self) -> toml::Table {
        toml::Table::try_from(self).expect("plain data, integers below 2^63")
    }

    fn latencies(&self) -> impl Iterator<Item = (&'static str, &LatencyProfile)> {
        let links = self.network.link.iter().map(|link| ("network.link", &link.latency));
        [("network.latency", &self.network.latency), ("disk.fsync", &self.disk.fsync)].into_iter().chain(links)
    }

    /// `node.id` of each server. The number of voters, drawn or set, may be up to 7, so a link may name any of these.
    fn node_ids(&self) -> Vec<i32> {
        match self.cluster.configs() {
            Ok(configs) if !self.cluster.node.is_empty() => configs.iter().map(|c| c.node_id().0).collect(),
            _ => {
                let brokers = FIRST_BROKER..FIRST_BROKER + i32::from(self.cluster.brokers);
                (1..=7 + i32::from(self.cluster.observers)).chain(brokers).collect()
            }
        }
    }
}
