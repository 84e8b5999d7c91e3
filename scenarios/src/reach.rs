//! Which situations the runs of a scenario can reach at all.

use raft::bugs::Bugs;
use raft::config::NodeConfig;
use raft::fixes::Fix;
use raft::shared_server::SharedServer;

use crate::knobs;
use crate::scenario::Scenario;
use crate::scenario::aimed::AimedKind;
use crate::scenario::fault_profile::{Destroys, LeadsTo, means};
use crate::scenario::faults::Nemesis;
use crate::workload::append_bytes;
use sim::fault::{Kind, Tail};

/// Kafka's default of `metadata.log.segment.ms`; no run lasts that long.
const SEGMENT_MS: i64 = 604_800_000;

/// Kafka's default of `log.segment.bytes`.
const SEGMENT_BYTES: u64 = 1 << 30;

/// What may happen in some run of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// There is another voter.
    pub several_voters: bool,
    /// There is another voter, and it informs each leader of itself (`kraft.version` 0), or its endpoint changes.
    pub voter_updates: bool,
    /// A voter may have another endpoint after a start.
    pub endpoint_changes: bool,
    /// There is another server, which fetches from a leader.
    pub several_servers: bool,
    pub reads: bool,
    pub brokers: bool,
    pub cut: bool,
    /// Links around the present leader are cut.
    pub cut_at_leader: bool,
    /// Lookups of host names fail.
    pub failed_lookup: bool,
    /// The name of a server leads to another one.
    pub wrong_server: bool,
    /// A process stops and restarts.
    pub restart: bool,
    /// A host loses power, and with it its page cache.
    pub power_loss: bool,
    /// A host without power, or an address that no host has, is in the subnet of those that connect to it, which notice that.
    pub unreachable_host: bool,
    /// A file ends in the middle of a batch, or in a batch with bit rot.
    pub torn_file: bool,
    /// Durable bytes of a voter are destroyed.
    pub lost_disk: bool,
    /// A state file is damaged.
    pub damaged_file: bool,
    /// A handler of a controller throws.
    pub exception: bool,
    /// A write or an fsync is refused.
    pub disk_error: bool,
    /// A segment becomes full, or too old, within a run.
    pub small_segments: bool,
    /// A snapshot of the metadata log is written within a run.
    pub snapshots: bool,
    /// The metadata log is cleaned within a run, so that it may begin at a snapshot.
    pub trimmed_log: bool,
    /// Voters are added and removed.
    pub voter_changes: bool,
    /// An operator removes voters, among them a leader.
    pub removed_leader: bool,
    /// A quorum that begins with `kraft.version` 0 has operators, and controllers that upgrade it.
    pub upgrades: bool,
    /// A bug is in force, whose effects are not limited.
    pub bug: bool,
}

impl Reach {
    /// The reach of all seeds of a scenario, whatever knobs they draw.
    pub fn of(scenario: &Scenario) -> Reach {
        let Nemesis { power_loss, bit_rot, .. } = &scenario.nemesis;
        let allowed = || Kind::ALL.iter().filter(|kind| scenario.nemesis.allows(**kind)).map(|kind| means(*kind));
        let may = |situation| allowed().any(|means| means.leads_to.contains(&situation));
        let durable_bytes_go = allowed().any(|means| means.destroys == Destroys::Forced);
        let several_voters = scenario.cluster.voter_count() > 1
            || scenario.cluster.spare_controllers > 0
            || knobs::names(scenario).contains(&"cluster.voters");
        let fsync_fails = scenario.nemesis.allows(Kind::FsyncFails) || scenario.nemesis.allows(Kind::FullAtFsync);
        let aimed_loss =
            scenario.nemesis.aimed.as_ref().is_some_and(|aimed| aimed.kinds.contains(&AimedKind::PowerLoss));
        let begins_static =
            scenario.cluster.begins_static() || knobs::names(scenario).contains(&"cluster.kraft_version");
        let moves = !scenario.cluster.moving.is_empty();
        let has_operators = scenario.workload.membership_clients > 0;
        Reach {
            several_voters,
            voter_updates: several_voters && (begins_static || !scenario.cluster.is_dynamic() || moves),
            endpoint_changes: several_voters && moves,
            several_servers: several_voters || scenario.cluster.observers + scenario.cluster.spare_controllers > 0,
            reads: scenario.workload.reads_ppm > 0,
            brokers: scenario.cluster.has_brokers(),
            cut: may(LeadsTo::Cut),
            cut_at_leader: several_voters && scenario.nemesis.cut.as_ref().is_some_and(|cut| cut.leader_ppm > 0),
            failed_lookup: scenario.nemesis.allows(Kind::UnresolvedName),
            wrong_server: scenario.nemesis.wrong_name.as_ref().is_some_and(|names| names.other_servers_ppm > 0),
            restart: may(LeadsTo::Restart),
            power_loss: may(LeadsTo::HostDeath),
            unreachable_host: scenario.network.one_subnet_ppm > 0
                && (may(LeadsTo::HostDeath) || scenario.nemesis.allows(Kind::WrongName)),
            torn_file: bit_rot.is_some()
                || aimed_loss
                || scenario.nemesis.allows(Kind::ShortWrite)
                // Pages that a failed fsync has lost, with later ones kept.
                || fsync_fails && may(LeadsTo::HostDeath)
                || power_loss.as_ref().is_some_and(|loss| loss.tails.contains(&Tail::Torn)),
            // Only a minority's, so never a single voter's.
            lost_disk: several_voters && durable_bytes_go,
            damaged_file: scenario.nemesis.allows(Kind::FileDamage),
            exception: scenario.cluster.has_brokers()
                && (scenario.nemesis.allows(Kind::Exception) || !scenario.fixes.has(Fix::ClearIndexOfElr)),
            disk_error: may(LeadsTo::DiskError),
            small_segments: small_segments(scenario),
            snapshots: snapshots(scenario),
            // The bootstrap snapshot is older, so the first one is enough; a run lasts longer than its faults.
            trimmed_log: snapshots(scenario),
            voter_changes: has_operators || joins(scenario),
            removed_leader: has_operators,
            upgrades: begins_static && has_operators && scenario.cluster.has_brokers(),
            bug: scenario.bugs != Bugs::NONE,
        }
    }
}

/// Controllers of a dynamic quorum add themselves as voters.
fn joins(scenario: &Scenario) -> bool {
    let configs = scenario.cluster.configs().unwrap_or_default();
    configs.iter().any(|config| config.quorum.is_dynamic && config.quorum.auto_join)
}

fn snapshots(scenario: &Scenario) -> bool {
    if knobs::names(scenario).contains(&knobs::BYTES_BETWEEN_SNAPSHOTS) {
        return true;
    }
    let configs = scenario.cluster.configs().unwrap_or_default();
    scenario.cluster.has_brokers() && configs.iter().any(|config| SharedServer::generates_snapshots(&config.quorum))
}

fn small_segments(scenario: &Scenario) -> bool {
    let drawn = knobs::names(scenario);
    if drawn.contains(&"internal.metadata.log.segment.bytes") || drawn.contains(&"internal.segment.bytes") {
        return true;
    }
    let work = &scenario.workload;
    let appends = scenario.duration.0 / work.interval.0.max(1) * 2 + u64::from(work.max_in_flight);
    let batch = append_bytes(work.records.max.unsigned_abs());
    let written = appends * u64::from(work.clients) * batch;
    let configs = scenario.cluster.configs().unwrap_or_default();
    let is_small = |config: &NodeConfig| {
        let (quorum, log) = (&config.quorum, &config.broker.log);
        let metadata = u64::from(quorum.segment_bytes.unsigned_abs());
        // A partition's log is smaller than the default in every run.
        metadata <= written || quorum.segment_ms < SEGMENT_MS || log.segment_bytes < SEGMENT_BYTES
    };
    configs.iter().any(is_small)
}
