//! Everything that may excuse what looks like a violation, each by one of a few arguments: which promise of Kafka's
//! ends there.

use crate::checks::claim::{Claim, ClaimKind, Scope};

/// Which promise ends, and where that is said; numbered from 1.
pub const ARGUMENTS: &[&str] = &[
    "A record that is acknowledged with acks=all stays as long as one replica that has to keep it keeps its disk and its page cache: brokers do not force records before they acknowledge them (KIP-966, motivation; log.flush.interval.messages).",
    "When every member of ISR and ELR has restarted uncleanly, the last known leader may lead with what it has (KIP-966).",
    "An unclean election, permitted by unclean.leader.election.enable or requested by ElectLeaders, gives up what the elected replica lacks (KIP-460, KIP-966).",
    "The deletion of a topic deletes its records.",
    "What was lost by arguments 1 to 4 or 7 may still be acknowledged, shown and counted by a process that has not yet heard of it (KIP-101, KIP-320).",
    "A start verifies only segments behind the recovery point (LogLoader): rot in others stays unseen until it is read.",
    "Voters keep what they have forced to disk (Raft §5, stable storage): where a fault destroys it, votes and records may be given again.",
    "A batch that is sent again after an epoch bump is a new batch to the leader (KIP-360).",
    "Without enable.idempotence a retry may duplicate and reorder (KIP-98, motivation).",
    "acks=1 promises only that one broker had the record.",
    "The scenario injects more faults than Kafka tolerates (beyond-tolerance).",
    "No batch of the quorum is larger than a segment: metadata.log.segment.bytes is at least 8 MiB (MetadataLogConfig), which is KafkaRaftClient.MAX_BATCH_SIZE_BYTES. internal.metadata.log.segment.bytes, for tests, has no such bound.",
];

/// Declares the closed list with names and causes.
macro_rules! excuses {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $argument:literal;)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        enum Cause { $($(#[doc = $doc])+ $variant,)+ }

        /// Why something that looks like a violation is none. Always counted and printed. Only the answers of
        /// [`loss`](crate::checks::loss) can name one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct Excuse(Cause);

        #[allow(non_upper_case_globals)]
        impl Excuse {
            $(
                #[cfg(not(test))]
                pub(in crate::checks::loss) const $variant: Excuse = Excuse(Cause::$variant);
                #[cfg(test)]
                pub(crate) const $variant: Excuse = Excuse(Cause::$variant);
            )+

            /// Every one, in declaration order.
            pub const ALL: &'static [Excuse] = &[$(Excuse(Cause::$variant),)+];

            /// The name in reports.
            pub fn name(self) -> &'static str {
                match self.0 { $(Cause::$variant => $name,)+ }
            }

            /// What happened, in the words of its documentation.
            pub fn cause(self) -> &'static str {
                match self.0 { $(Cause::$variant => concat!($($doc),+),)+ }.trim_start()
            }

            /// The number of the argument in [`ARGUMENTS`] by which it excuses.
            pub fn argument(self) -> usize {
                match self.0 { $(Cause::$variant => $argument,)+ }
            }
        }
    };
}

impl Excuse {
    /// Why may a claim be violated by more faults than Kafka tolerates? Unless one process keeps it by itself, whatever
    /// becomes of others; what a process says of its logs may be `ambiguous`, too.
    pub fn beyond_tolerance(claim: &Claim, ambiguous: bool) -> Option<Excuse> {
        let by_itself = matches!(claim.scope, Scope::Server | Scope::Client);
        let rests_on_logs = claim.kind == ClaimKind::Audit;
        (!by_itself || rests_on_logs && ambiguous).then_some(Excuse::BeyondTolerance)
    }

    /// Does it explain that a value stands in a log twice?
    pub fn is_of_duplicates(self) -> bool {
        matches!(self, Excuse::DuplicateByEpochBump | Excuse::DuplicateWithoutIdempotence)
    }

    /// Does one place of a log hold two records from now on?
    pub fn makes_logs_ambiguous(self) -> bool {
        self == Excuse::ForgottenRecord
    }
}

excuses! {
    /// A fault destroyed durable bytes of so many voters that committed records lost their majority.
    /// Counted once for each such fault.
    PromiseCutByDestroyedDisk = "promise_cut_by_destroyed_disk", 7;
    /// A record that lost its majority by destroyed disks is not in the log of a later leader.
    CommittedRecordDestroyed = "committed_record_destroyed", 7;
    /// A high watermark counts a voter whose disk was destroyed after it had acknowledged. Ends the run if a newer leader
    /// has committed something else meanwhile.
    CommitCountsAmnesiacVoter = "commit_counts_amnesiac_voter", 7;
    /// A voter whose disk was destroyed voted again in an epoch in which it had voted, or in an older
    /// one. Ends the run.
    ForgottenVote = "forgotten_vote", 7;
    /// A replica whose disk was destroyed led an epoch again that it had led. Ends the run.
    ForgottenLeadership = "forgotten_leadership", 7;
    /// A record is written at an offset and epoch at which a destroyed disk had another. Ends the run.
    ForgottenRecord = "forgotten_record", 7;
    /// An acknowledged append was destroyed with the disks of a majority.
    AckedAppendDestroyed = "acked_append_destroyed", 5;
    /// A replica still returns records that were destroyed on a majority.
    ReadOfDestroyedRecord = "read_of_destroyed_record", 5;
    /// A replica ended itself because destroyed bytes violate a rule: its peers name it leader of an
    /// epoch that it forgot, or a leader without the destroyed records makes it truncate its log below
    /// its high watermark. With static voters Kafka does so, too, until another replica leads.
    FatalFaultAfterDestroyedDisk = "fatal_fault_after_destroyed_disk", 7;
    /// A fault left a later epoch in a broker's `quorum-state` or `leader-epoch-checkpoint` than the quorum has: it
    /// refuses all leaders until an election goes beyond that epoch, and begins none itself. Ends the run if it has not recovered within its bound.
    EpochAheadOfQuorum = "epoch_ahead_of_quorum", 7;
    /// A fault left other epochs in a leader's `leader-epoch-checkpoint`, which has no checksum: its followers truncate
    /// again and again what they fetch. Ends the run if it has not recovered within its bound.
    EpochsAltered = "epochs_altered", 7;
    /// A voter whose log was cut by a fault has, with others of an older voter set, elected a leader without what the
    /// committed voters hold. Ends the run.
    ElectedByOlderVoterSet = "elected_by_older_voter_set", 7;
    /// Committed metadata of a cluster with brokers lost its majority of disks, and a leader began
    /// without it. Ends the run, because partitions depend on it.
    CommittedMetadataDestroyed = "committed_metadata_destroyed", 7;
    /// Acknowledged records of a partition were lost with the disk, mostly the page cache, of the last
    /// replica that had to keep them. Counted by the record, as the following ones are.
    AckedLostWithLastGuard = "acked_lost_with_last_guard", 1;
    /// Acknowledged records were lost with a replica's disk or page cache where `min.insync.replicas`
    /// is 1, so that no other replica was required to have them.
    AckedLostWithMinIsrOne = "acked_lost_with_min_isr_one", 1;
    /// The last member of an ISR came back without acknowledged records and led again (ELR disabled).
    AckedLostBySoleReplica = "acked_lost_by_sole_replica", 1;
    /// The last replica that had to keep the records lost its place in ISR and ELR by an unclean
    /// restart (KIP-966), and the last known leader led without them.
    AckedLostByUncleanRestart = "acked_lost_by_unclean_restart", 2;
    /// An unclean election, allowed or requested, lost acknowledged records.
    AckedLostByUncleanElection = "acked_lost_by_unclean_election", 3;
    /// The topic was deleted.
    AckedLostByDeletion = "acked_lost_by_deletion", 4;
    /// Committed records that were not acknowledged were lost in one of the ways above.
    CommittedUnackedLost = "committed_unacked_lost", 5;
    /// A replica acknowledged, or still returns, records that were lost in one of the ways above.
    ServedAfterLoss = "served_after_loss", 5;
    /// The log of a replica in the ISR has corrupt bytes (bit rot) in a forced segment, which Kafka does not
    /// verify at a start.
    RottenReplicaInSync = "rotten_replica_in_sync", 6;
    /// A replica with such a log served it, or cut it, as it is.
    RottenReplica = "rotten_replica", 6;
    /// A replica lost records with its page cache or its disk, and counts as in sync before the controllers can know.
    HurtReplicaInSync = "hurt_replica_in_sync", 1;
    /// A fault left other bytes in the `leader-epoch-checkpoint` of a replica, which has no checksum: its leader refuses
    /// what it asks for, or its followers truncate their logs again and again, and it sends consumers back. Ends the run
    /// if a member of the ISR truncates committed records, or if the ISR stays below `min.insync.replicas`.
    ReplicaEpochsAltered = "replica_epochs_altered", 7;
    /// A fault left other bytes in the `replication-offset-checkpoint` of a broker, or in a `partition.metadata`, which have
    /// no checksum: its replicas start with other high watermarks, or with those of another topic.
    HighWatermarksAltered = "high_watermarks_altered", 7;
    /// A replica whose log has corrupt bytes leads. Ends the run.
    RottenReplicaLeads = "rotten_replica_leads", 6;
    /// A producer that bumped its epoch sent a batch again that had been appended under the previous
    /// epoch: Kafka's known duplicate (controller-broker.md §6.8).
    DuplicateByEpochBump = "duplicate_by_epoch_bump", 8;
    /// A batch that a leader without producer state refused was renumbered by an epoch bump, and is
    /// behind a later one that the leader had accepted (controller-broker.md §6.8).
    ReorderedByEpochBump = "reordered_by_epoch_bump", 8;
    /// A producer without `enable.idempotence` appended a batch once more by a retry.
    DuplicateWithoutIdempotence = "duplicate_without_idempotence", 9;
    /// A producer without `enable.idempotence` appended a batch behind a later one by a retry.
    ReorderedWithoutIdempotence = "reordered_without_idempotence", 9;
    /// Records acknowledged with `acks=1` are in no committed log: only their leader had them. Counted
    /// by the record, once the cluster has recovered.
    AckedByLeaderOnlyLost = "acked_by_leader_only_lost", 10;
    /// A stale leader acknowledged or returned a record of a deleted topic, which the committed log
    /// does not have.
    RecordOfDeletedTopic = "record_of_deleted_topic", 4;
    /// A consumer's position was lost with the records below it, or with its topic.
    PositionLostWithRecords = "position_lost_with_records", 5;
    /// A leader that was elected uncleanly, and deposed before it acted, does not know that yet: it
    /// sends a consumer back behind committed records that it lacks.
    PositionSentBackByDeposedLeader = "position_sent_back_by_deposed_leader", 3;
    /// A replica that may lead truncates committed records that such a leader lacks: it does not know either that
    /// the leader was deposed.
    TruncatedForDeposedLeader = "truncated_for_deposed_leader", 3;
    /// A leader ended itself because a batch is larger than a segment, whose size `internal.metadata.log.segment.bytes` sets.
    BatchLargerThanSegment = "batch_larger_than_segment", 12;
    /// With `beyond-tolerance`, a claim was violated that assumes fewer faults than were injected. Counted
    /// each time.
    BeyondTolerance = "beyond_tolerance", 11;
}
