//! Rare situations of a run, counted by name.

use raft::io::Probe;

use crate::reach::Reach;

/// Whether a scenario can reach a rare situation.
type Needs = fn(&Reach) -> bool;

/// Declares the situations that are observable at the border, and what each needs.
macro_rules! situations {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal needs $needs:expr,)+) => {
        /// A rare situation that is observed at the border of the nodes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Situation { $($(#[doc = $doc])+ $variant,)+ }

        const SITUATIONS: &[(&str, Needs, &str)] = &[$(($name, $needs, concat!($($doc),+)),)+];
    };
}

situations! {
    /// Two servers were leaders in their own view at the same time.
    TwoLeadersAtOnce = "two_leaders_at_once" needs |can| can.several_voters,
    /// A leader was elected while links were cut.
    ElectionDuringPartition = "election_during_partition" needs |can| can.cut,
    /// A boot found bytes behind the last whole batch.
    TornTail = "torn_tail" needs |can| can.torn_file,
    /// A voter lost durable bytes that it had acknowledged.
    AmnesiacVoter = "amnesiac_voter" needs |can| can.lost_disk,
    /// A leader wrote at offsets at which records of a newer leader were already committed.
    Divergence = "divergence" needs |can| can.several_voters,
    /// An older leader moved its high watermark after a newer one was elected.
    CommitByOlderLeader = "commit_by_older_leader" needs |can| can.several_voters,
    /// Power was lost with written bytes that were not durable.
    PowerLossWithUnsyncedTail = "power_loss_with_unsynced_tail" needs |can| can.power_loss,
    /// Two voters requested votes in one epoch.
    SplitVote = "split_vote" needs |can| can.several_voters,
    /// A leader's process died.
    LeaderDied = "leader_died" needs |can| can.restart,
    /// A written batch was truncated from a log.
    TruncatedLog = "truncated_log" needs |can| can.several_servers,
    /// A write or an fsync was refused.
    DiskFailed = "disk_failed" needs |can| can.disk_error,
    /// A process refused to start from a damaged file.
    DamagedFileRefused = "damaged_file_refused" needs |can| can.damaged_file,
    /// A record of an append with unknown outcome was committed.
    UnknownAppendCommitted = "unknown_append_committed" needs |_| true,
    /// A read was answered by a replica that had not yet applied acknowledged records.
    StaleRead = "stale_read" needs |can| can.reads && (can.several_servers || can.restart),
    /// A broker left the ISR of a partition.
    IsrShrunk = "isr_shrunk" needs |can| can.brokers,
    /// A broker joined an ISR.
    IsrExpanded = "isr_expanded" needs |can| can.brokers,
    /// A broker that left an ISR stayed eligible.
    ElrFilled = "elr_filled" needs |can| can.brokers,
    /// A leader was elected from the ELR.
    ElrUsed = "elr_used" needs |can| can.brokers,
    /// A leader was elected that was in neither ISR nor ELR.
    UncleanElection = "unclean_election" needs |can| can.brokers,
    /// A partition had no replica that could lead.
    PartitionWithoutLeader = "partition_without_leader" needs |can| can.brokers,
    /// A broker's session ended.
    BrokerFenced = "broker_fenced" needs |can| can.brokers,
    /// A replica truncated written batches of its log.
    ReplicaTruncated = "replica_truncated" needs |can| can.brokers,
    /// A replica came back without batches that it had written.
    ReplicaLostTail = "replica_lost_tail" needs |can| can.brokers && can.power_loss,
    /// A leader was alone in its ISR.
    LeaderWithoutIsrPeer = "leader_without_isr_peer" needs |can| can.brokers,
    /// A broker began to lead in an epoch that had already ended.
    LeaderAlreadyDeposed = "leader_already_deposed" needs |can| can.brokers,
    /// A controller refused a leader's AlterPartition.
    AlterPartitionRejected = "alter_partition_rejected" needs |can| can.brokers,
    /// A duplicate batch was answered with the offsets of the earlier attempt.
    DuplicateProduceAnswered = "duplicate_produce_answered" needs |can| can.brokers,
    /// A leader's ISR change named an incarnation of a broker, and another one was registered when it
    /// reached the controller.
    IsrChangeOfFormerProcess = "isr_change_of_former_process" needs |can| can.brokers,
    /// An append was committed, and the producer received NOT_ENOUGH_REPLICAS_AFTER_APPEND.
    NotEnoughReplicasAfterAppend = "not_enough_replicas_after_append" needs |can| can.brokers,
    /// A node wrote a snapshot of the metadata log.
    SnapshotGenerated = "snapshot_generated" needs |can| can.snapshots,
    /// A snapshot that was downloaded replaced a log.
    SnapshotInstalled = "snapshot_installed" needs |can| can.snapshots,
    /// A metadata loader read a snapshot.
    SnapshotLoaded = "snapshot_loaded" needs |can| can.snapshots,
    /// A server died while it wrote a snapshot.
    DiedDuringSnapshot = "died_during_snapshot" needs |can| can.snapshots && can.restart,
    /// A server died after a snapshot had replaced its log, and before its metadata loader had read that.
    DiedBeforeSnapshotLoaded = "died_before_snapshot_loaded" needs |can| can.snapshots && can.restart,
    /// A link was cut while a server wrote a snapshot.
    CutDuringSnapshot = "cut_during_snapshot" needs |can| can.snapshots && can.cut,
    /// A leader was elected while a server wrote a snapshot.
    ElectionDuringSnapshot = "election_during_snapshot" needs |can| can.snapshots && can.several_voters,
    /// A cut began, or another fault, while one direction between the leader and a voter was cut and the other was open.
    LeaderCutOneWay = "leader_cut_one_way" needs |can| can.cut_at_leader,
    /// The leader lost its majority, while others were a majority that all talked to each other.
    LeaderOutsideMajority = "leader_outside_majority" needs |can| can.cut_at_leader,
    /// The leader talked to a majority, but no client to it, while clients talked to another majority.
    LeaderBeyondClients = "leader_beyond_clients" needs |can| can.cut_at_leader,
    /// A voter talked to two others that did not talk to each other.
    BridgeBetweenSides = "bridge_between_sides" needs |can| can.cut_at_leader,
    /// Voters were split into three sides or more, perhaps with one voter that reached all.
    SplitThreeWays = "split_three_ways" needs |can| can.cut_at_leader,
    /// A voter talked to a majority again, with a higher epoch than all that had done so meanwhile.
    ReturnedWithHigherEpoch = "returned_with_higher_epoch" needs |can| can.cut_at_leader,
    /// A majority talked to each other and to clients for longer than the bound of outages, with nothing changing.
    MajorityOutlastedBound = "majority_outlasted_bound" needs |can| can.cut_at_leader,
    /// A server did not find the address of another one.
    LookupFailed = "lookup_failed" needs |can| can.failed_lookup,
    /// No voter had found another server since it booted, and each had had a failed lookup.
    BootedWithoutNames = "booted_without_names" needs |can| can.failed_lookup && can.several_voters,
    /// A server connected to an address that no host had, or whose host was off.
    HostUnreachable = "host_unreachable" needs |can| can.unreachable_host,
    /// A server received a request that was meant for another one.
    ConnectedToAnotherServer = "connected_to_another_server" needs |can| can.wrong_server,
    /// The disk of a server refused something while it wrote a snapshot.
    DiskFailedDuringSnapshot = "disk_failed_during_snapshot" needs |can| can.snapshots && can.disk_error,
    /// A server died while it downloaded a snapshot.
    DiedDuringDownload = "died_during_download" needs |can| can.snapshots && can.restart,
    /// A link was cut while a server downloaded a snapshot.
    CutDuringDownload = "cut_during_download" needs |can| can.snapshots && can.cut,
    /// A leader was elected while a server downloaded a snapshot.
    ElectionDuringDownload = "election_during_download" needs |can| can.snapshots && can.several_voters,
    /// The disk of a server refused something while it downloaded a snapshot.
    DiskFailedDuringDownload = "disk_failed_during_download" needs |can| can.snapshots && can.disk_error,
    /// A link was cut before a metadata loader had read the snapshot that replaced its log.
    CutBeforeSnapshotLoaded = "cut_before_snapshot_loaded" needs |can| can.snapshots && can.cut,
    /// A leader was elected before a metadata loader had read the snapshot that replaced its log.
    ElectionBeforeSnapshotLoaded = "election_before_snapshot_loaded" needs |can| can.snapshots && can.several_voters,
    /// The disk of a server refused something before its metadata loader had read the snapshot that replaced its log.
    DiskFailedBeforeSnapshotLoaded = "disk_failed_before_snapshot_loaded" needs |can| can.snapshots && can.disk_error,
}

const PROBES: &[(Probe, &str, Needs, &str)] = &[
    (Probe::VoteLost, "vote_lost", |can| can.several_voters, "A candidate's majority became impossible."),
    (Probe::PreVoteLost, "pre_vote_lost", |can| can.several_voters, "A prospective's majority became impossible."),
    (
        Probe::CheckQuorumResigned,
        "check_quorum_resigned",
        |can| can.several_voters,
        "A leader resigned because no majority fetched (check quorum).",
    ),
    (
        Probe::DivergingFetch,
        "diverging_fetch",
        |can| can.several_servers,
        "A Fetch was answered with a diverging epoch.",
    ),
    (
        Probe::RestartedResigned,
        "restarted_resigned",
        |can| can.restart,
        "A replica started as Resigned, because it had led its last epoch.",
    ),
    (
        Probe::RestartedCandidate,
        "restarted_candidate",
        |can| can.restart,
        "A replica started as Candidate, because it had voted for itself.",
    ),
    (
        Probe::RecoveredTornTail,
        "recovered_torn_tail",
        |can| can.torn_file,
        "Recovery truncated a torn or corrupt tail.",
    ),
    (Probe::NonMonotonicFetch, "non_monotonic_fetch", |can| can.several_servers, "A fetch offset went backward."),
    (
        Probe::VoterUpdated,
        "voter_updated",
        |can| can.voter_updates,
        "A leader accepted an UpdateRaftVoter, after ApiVersions.",
    ),
    (
        Probe::EndQuorumEpochHonoured,
        "end_quorum_epoch_honoured",
        |can| can.several_voters,
        "EndQuorumEpoch made a follower a candidate before its fetch timeout.",
    ),
    (
        Probe::ParkedFetchFailed,
        "parked_fetch_failed",
        |can| can.several_servers,
        "A delayed Fetch was answered with an error because leadership was lost.",
    ),
    (
        Probe::ControllerFailedOver,
        "controller_failed_over",
        |can| can.exception,
        "An exception in its event queue made a controller renounce.",
    ),
    (Probe::SegmentRolled, "segment_rolled", |can| can.small_segments, "A new segment was started."),
    (
        Probe::FencedRequest,
        "fenced_request",
        |can| can.several_servers,
        "A request was refused because of its older epoch.",
    ),
    // Records leave a leader unchanged and are intact on the network, so only a defect (KAFKA-18723) makes a follower
    // drop a batch.
    (
        Probe::BatchDropped,
        "batch_dropped",
        |can| can.bug,
        "A follower dropped a corrupt batch, or one of a newer epoch than its own.",
    ),
    (
        Probe::AppendRefused,
        "append_refused",
        |can| can.several_voters || can.restart,
        "Appends were refused or lost because leadership was lost.",
    ),
    (
        Probe::StaleFetchAnswer,
        "stale_fetch_answer",
        |can| can.brokers,
        "A follower of a partition received an answer to a Fetch of an older leader epoch, at its present fetch offset.",
    ),
    (
        Probe::LogStartMoved,
        "log_start_moved",
        |can| can.trimmed_log,
        "A node deleted old snapshots, and the metadata log before the oldest that is left.",
    ),
    (
        Probe::SnapshotNotFound,
        "snapshot_not_found",
        |can| can.trimmed_log,
        "A follower asked for a snapshot that the leader had deleted.",
    ),
    (Probe::VoterAdded, "voter_added", |can| can.voter_changes, "A leader appended a voter set with another voter."),
    (
        Probe::VoterRemoved,
        "voter_removed",
        |can| can.voter_changes,
        "A leader appended a voter set without one of the other voters.",
    ),
    (Probe::LeaderRemoved, "leader_removed", |can| can.removed_leader, "A leader appended a voter set without itself."),
    (
        Probe::RemovedLeaderResigned,
        "removed_leader_resigned",
        |can| can.removed_leader,
        "A leader resigned because the committed voter set is without it.",
    ),
    (
        Probe::VoterChangeCommitted,
        "voter_change_committed",
        |can| can.voter_changes || can.endpoint_changes,
        "A change of the voters was committed while its leader waited for it.",
    ),
    (
        Probe::VoterChangeExpired,
        "voter_change_expired",
        |can| can.voter_changes || can.endpoint_changes,
        "A change of the voters was appended, and not committed in time.",
    ),
    (
        Probe::VoterChangePending,
        "voter_change_pending",
        |can| can.voter_changes,
        "A change of the voters was refused because another one was pending.",
    ),
    (
        Probe::KRaftVersionUpgraded,
        "kraft_version_upgraded",
        |can| can.upgrades || can.bug,
        "A leader appended a higher level of kraft.version.",
    ),
];

pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, ..)| name)
}

pub fn described() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().map(|(name, _, about)| (name, about.trim_start()))
}

/// The names that runs within this reach may count.
pub fn possible(reach: Reach) -> impl Iterator<Item = &'static str> {
    all().filter(move |(_, needs, _)| needs(&reach)).map(|(name, ..)| name)
}

fn all() -> impl Iterator<Item = (&'static str, Needs, &'static str)> {
    SITUATIONS.iter().copied().chain(PROBES.iter().map(|(_, name, needs, about)| (*name, *needs, *about)))
}

#[derive(Clone, Debug)]
pub struct Coverage {
    situations: [u64; SITUATIONS.len()],
    probes: [u64; PROBES.len()],
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage { situations: [0; SITUATIONS.len()], probes: [0; PROBES.len()] }
    }
}

impl Coverage {
    /// Counts a situation observed at the border.
    pub fn met(&mut self, situation: Situation) {
        self.situations[situation as usize] += 1;
    }

    /// Counts a probe that a node reached.
    pub fn reached(&mut self, probe: Probe) {
        self.probes[probe as usize] += 1;
    }

    /// Every name and its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        names().zip(self.situations.iter().chain(&self.probes).copied())
    }

    /// The count of one name; `None` if there is no such name.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.counts().find(|(other, _)| *other == name).map(|(_, count)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_listed_in_their_own_order() {
        for (index, (probe, name, ..)) in PROBES.iter().enumerate() {
            assert_eq!(*probe as usize, index, "{name}");
        }
    }
}
