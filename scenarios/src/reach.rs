//! What the runs of a scenario can go through at all: what the rare situations need of it.

use raft::bugs::Bugs;

use crate::knobs;
use crate::scenario::Scenario;
use crate::scenario::aimed::AimedKind;
use crate::scenario::fault_profile::{Destroys, LeadsTo, means};
use crate::scenario::faults::Nemesis;
use crate::workload::append_bytes;
use sim::fault::{Kind, Tail};

/// Kafka's default of `metadata.log.segment.ms`; no run is as long.
const SEGMENT_MS: i64 = 604_800_000;

/// What may happen in some run of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// There is somebody else to vote for.
    pub several_voters: bool,
    /// There is somebody to fetch from a leader.
    pub several_servers: bool,
    /// Clients read.
    pub reads: bool,
    /// There are brokers, and Kafka's clients.
    pub brokers: bool,
    /// Links are cut.
    pub cut: bool,
    /// A process ends, and comes back.
    pub restart: bool,
    /// A host dies, and its page cache with it.
    pub power_loss: bool,
    /// A file ends in the middle of a batch, or in a batch that rotted.
    pub torn_file: bool,
    /// Durable bytes of a voter are destroyed.
    pub lost_disk: bool,
    /// A state file comes back damaged.
    pub damaged_file: bool,
    /// A handler of a controller throws.
    pub exception: bool,
    /// A write or an fsync is refused.
    pub disk_error: bool,
    /// A segment is full, or too old, within a run.
    pub small_segments: bool,
    /// A mistake is in force, which may lead anywhere.
    pub bug: bool,
}

impl Reach {
    /// Of all seeds of a scenario, whatever knobs they draw.
    pub fn of(scenario: &Scenario) -> Reach {
        let Nemesis { power_loss, bit_rot, .. } = &scenario.nemesis;
        let allowed = || Kind::ALL.iter().filter(|kind| scenario.nemesis.allows(**kind)).map(|kind| means(*kind));
        let may = |situation| allowed().any(|means| means.leads_to.contains(&situation));
        let durable_bytes_go = allowed().any(|means| means.destroys == Destroys::Forced);
        let several_voters = scenario.cluster.voter_count() > 1 || knobs::names(scenario).contains(&"cluster.voters");
        let aimed_loss =
            scenario.nemesis.aimed.as_ref().is_some_and(|aimed| aimed.kinds.contains(&AimedKind::PowerLoss));
        Reach {
            several_voters,
            several_servers: several_voters || scenario.cluster.observers > 0,
            reads: scenario.workload.reads_ppm > 0,
            brokers: scenario.cluster.has_brokers(),
            cut: may(LeadsTo::Cut),
            restart: may(LeadsTo::Restart),
            power_loss: may(LeadsTo::HostDeath),
            torn_file: bit_rot.is_some()
                || aimed_loss
                || power_loss.as_ref().is_some_and(|loss| loss.tails.contains(&Tail::Torn)),
            // A minority's only, so never a single voter's.
            lost_disk: several_voters && durable_bytes_go,
            damaged_file: scenario.nemesis.allows(Kind::FileDamage),
            exception: scenario.cluster.has_brokers() && scenario.nemesis.allows(Kind::Exception),
            disk_error: may(LeadsTo::DiskError),
            small_segments: small_segments(scenario),
            bug: scenario.bugs != Bugs::NONE,
        }
    }
}

fn small_segments(scenario: &Scenario) -> bool {
    if knobs::names(scenario).contains(&"internal.metadata.log.segment.bytes") {
        return true;
    }
    let work = &scenario.workload;
    let appends = scenario.duration.0 / work.interval.0.max(1) * 2 + u64::from(work.max_in_flight);
    let batch = append_bytes(work.records.max.unsigned_abs());
    let written = appends * u64::from(work.clients) * batch;
    let configs = scenario.cluster.configs().unwrap_or_default();
    configs
        .iter()
        .map(|config| &config.quorum)
        .any(|c| u64::from(c.segment_bytes.unsigned_abs()) <= written || c.segment_ms < SEGMENT_MS)
}
