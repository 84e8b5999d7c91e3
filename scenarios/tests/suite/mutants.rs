//! The bug catalog: with each switch of `raft::bugs` on, a generic catalog scenario breaks a named check.
//! A row names the first check that breaks, and with `then` those that break if the run continues. A bug
//! that is no row of `raft::bugs::CATALOG` is a check's own mutant, made for what it breaks.

use std::collections::BTreeSet;

use raft::bugs::{Bug, CATALOG};
use scenarios::catalog;
use scenarios::checks::claim::Claim;
use scenarios::checks::list::CLAIMS;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request, drive, run};
use scenarios::scenario::Scenario;

/// None of them was made for one bug; the table's columns.
const GENERIC: [&str; 6] = ["ci", "quorum", "partitions", "clock-skew", "power-loss", "controller-failover"];
/// Neither were these.
const MORE_GENERIC: [&str; 13] = [
    "brokers",
    "cluster-partitions",
    "cluster-power-loss",
    "combined",
    "snapshots",
    "asymmetric",
    "membership",
    "cluster-membership",
    "membership-snapshots",
    "disk-replacement",
    "replacement-by-operator",
    "endpoint-change",
    "cold-boot",
];
/// A change of the draws may move what a seed meets; so many seeds from the recorded one on are tried.
const NEARBY: u64 = 20;
/// How far the table looks in each scenario.
const TABLE_SEEDS: u64 = 200;

/// A bug, and where it is caught.
pub struct Mutant {
    test: &'static str,
    pub bug: Bug,
    pub scenario: &'static str,
    /// The first seed of the scenario in which `check` is the first to break.
    pub seed: u64,
    pub check: &'static str,
    /// Checks that have no mutant of their own, for another always breaks before them; if the run
    /// continues, they break too.
    pub then: &'static [&'static str],
}

macro_rules! mutants {
    ($($test:ident: $bug:ident, $scenario:literal $seed:literal => $check:literal $(, then $then:literal)*;)+) => {
        pub const MUTANTS: &[Mutant] = &[$(Mutant {
            test: stringify!($test),
            bug: Bug::$bug,
            scenario: $scenario,
            seed: $seed,
            check: $check,
            then: &[$($then),*],
        },)+];

        $(#[test]
        fn $test() {
            is_caught(stringify!($test));
        })+
    };
}

mutants! {
    r01_acknowledged_before_flush: Kafka10533AckBeforeFlush, "quorum" 0 => "PersistBeforePromise:D9";
    r02_resumes_as_leader: Kafka10527ResumeAsLeader, "power-loss" 0 => "NeverTwoLeadersInSameEpoch";
    r04_leader_change_at_zero: Kafka12331LeaderChangeAtZero, "power-loss" 0 => "LogMatching";
    r07_no_check_quorum: Kafka15489NoCheckQuorum, "quorum" 0 => "LeaderWithoutMajorityResigns";
    r21_stale_fetch_appended: Kafka18723StaleFetchAppended, "quorum" 43 => "PersistBeforePromise:D5";
    r25_fetch_offset_backward_is_fatal: Kafka12181FetchOffsetBackwardFatal, "quorum" 4 => "NoFatalFault";
    r26_fault_swallowed: Kafka14644FaultSwallowed, "quorum" 0 => "RequestAnswered";
    m01_retention_without_snapshot: Kafka14238RetentionWithoutSnapshot, "snapshots" 2 => "NoRecordBelowLogStartNeeded";
    m03_snapshot_not_forced: Kafka15312SnapshotNotForced, "snapshots" 0 => "PersistBeforePromise:D10";
    m04_snapshot_id_inclusive: Kafka14618SnapshotIdInclusive, "snapshots" 0 => "SnapshotEqualsReplay";
    m05_snapshot_within_batch: Kafka17713SnapshotWithinBatch, "snapshots" 0 => "SnapshotEqualsReplay";
    m07_snapshot_keeps_topics: Kafka14894SnapshotKeepsTopics, "snapshots" 172 => "ImagesEqualAtEqualOffsets";
    m10_log_kept_beside_snapshot: Kafka10761LogKeptBesideSnapshot, "snapshots" 1 => "GhostMismatch", then "PersistBeforePromise:D12";
    g22_snapshot_forgets_fencing: SnapshotForgetsFencing, "snapshots" 0 => "SnapshotEqualsReplay";
    r09_leader_outside_voters_counts: Kafka16530LeaderOutsideVotersCounts, "membership" 1 => "MajorityReachedHighWatermark";
    r10_check_quorum_counts_leader: Kafka16531CheckQuorumCountsLeader, "membership" 70 => "LeaderWithoutMajorityResigns";
    r11_observer_campaigns: Kafka17067ObserverCampaigns, "membership" 0 => "RemovedLeaderResigns", then "OnlyVotersCampaign";
    r12_forced_by_voters_only: Kafka17332ForcedByVotersOnly, "membership" 1 => "MajorityReachedHighWatermark";
    r13_directory_id_ignored: Kip853DirectoryIdIgnored, "disk-replacement" 0 => "MajorityReachedHighWatermark";
    r17_voter_change_before_own_commit: VoterChangeBeforeOwnCommit, "membership" 1 => "OneVoterChangeAtATime";
    r18_voter_change_beside_uncommitted: VoterChangeBesideUncommitted, "membership" 7 => "OneVoterChangeAtATime";
    r19_fetch_of_observer_refused: FetchOfObserverRefused, "membership" 0 => "Recovery";
    log_start_beside_snapshot: LogStartBesideSnapshot, "snapshots" 0 => "SnapshotAtLogStart";
    g01_vote_not_durable: VoteNotDurable, "quorum" 0 => "PersistBeforePromise:D3";
    g02_two_votes_in_one_epoch: TwoVotesInOneEpoch, "quorum" 1 => "ValidVotes";
    g04_no_log_test: NoLogTest, "quorum" 0 => "LeaderCompleteness";
    g05_old_epoch_replicas_counted: CountOldEpochReplicas, "quorum" 0 => "OwnEpochCommit";
    g10_higher_epoch_ignored: HigherEpochIgnored, "quorum" 0 => "HigherEpochObeyed";
    g11_epoch_not_durable: EpochNotDurable, "quorum" 0 => "PersistBeforePromise:D2";
    g12_no_epoch_check_on_fetch: NoEpochCheckOnFetch, "partitions" 904 => "HighWatermarkAcknowledged";
    g13_no_divergence_check: NoDivergenceCheck, "quorum" 1 => "LogMatching";
    g15_truncated_below_high_watermark: TruncateBelowHighWatermark, "quorum" 106 => "HighWatermarkWithinLog";
    g17_acknowledged_at_append: AckAtAppend, "quorum" 0 => "LinearizableAppends";
    g30_no_checksum_on_recovery: NoChecksumOnRecovery, "quorum" 1 => "PersistBeforePromise:D8";
    own_vote_not_recorded: OwnVoteNotRecorded, "quorum" 0 => "PersistBeforePromise:D1";
    epoch_bump_not_durable: EpochBumpNotDurable, "quorum" 0 => "PersistBeforePromise:D2";
    leader_state_after_append: LeaderStateAfterAppend, "quorum" 0 => "PersistBeforePromise:D4";
    follower_state_not_durable: FollowerStateNotDurable, "power-loss" 0 => "PersistBeforePromise:D5";
    epoch_cache_after_batch: EpochCacheAfterBatch, "quorum" 0 => "PersistBeforePromise:D6";
    topic_id_not_durable: TopicIdNotDurable, "quorum" 0 => "PersistBeforePromise:D7";
    leader_flush_skipped: LeaderFlushSkipped, "quorum" 0 => "PersistBeforePromise:D9", then "MajorityReachedHighWatermark";
    epoch_from_log_at_restart: EpochFromLogAtRestart, "quorum" 0 => "MonotonicEpoch";
    append_submitted_twice: AppendSubmittedTwice, "quorum" 0 => "DuplicateRecord", then "AckedValueNotLost";
    pending_append_refused: PendingAppendRefused, "quorum" 0 => "FailedAppendCommitted";
    high_watermark_goes_back: HighWatermarkGoesBack, "quorum" 6 => "MonotonicHighWatermark";
    recovery_drops_last_batch: RecoveryDropsLastBatch, "quorum" 1 => "CommittedRecordsDurable";
    follower_claims_leadership: FollowerClaimsLeadership, "quorum" 0 => "SingleActiveController";
    applied_past_high_watermark: AppliedPastHighWatermark, "quorum" 0 => "StateMachineSafety";
    reads_go_back: ReadsGoBack, "quorum" 0 => "MonotonicReads";
    audit_lies: AuditLies, "quorum" 0 => "GhostMismatch";
    read_uncommitted: ReadUncommitted, "quorum" 0 => "CommittedReads";
    ack_wrong_offset: AckWrongOffset, "quorum" 0 => "LinearizableAppends";
    r05_leads_before_it_has_caught_up: Kafka15345LeaderBeforeCaughtUp, "ci" 13 => "CommittedMetadataReplays";
    m15_renounces_without_revert: Kafka13114RenounceWithoutRevert, "ci" 7 => "NoFatalFault";
    m24_expiries_from_one_base: Kafka13173ExpiriesFromOneBase, "ci" 5 => "ValidControllerIsrAndElr";
    m28_fenced_in_a_new_isr: Kafka13083FencedInNewIsr, "ci" 0 => "ValidControllerIsrAndElr";
    g18_acknowledged_by_offset: AckByOffset, "ci" 3 => "LinearizableAdmin";
    p01_truncates_to_its_high_watermark: Kip101TruncateToHighWatermark, "ci" 1 => "AckedValueNotLost";
    p05_joins_below_the_epochs_start: Kafka7128JoinBelowEpochStart, "ci" 237 => "LeaderCandidateCompleteness";
    p19_isr_change_never_cleared: Kafka12751IsrChangeNeverCleared, "ci" 1 => "Recovery";
    p20_committed_isr_only: Kip497CommittedIsrOnly, "ci" 1 => "ReplicationQuorumSuperset";
    p36_no_min_isr: Jepsen2013NoMinIsr, "ci" 0 => "ReplicationQuorumSuperset";
    g29_producer_state_of_leader_only: ProducerStateOfLeaderOnly, "ci" 0 => "DuplicateRecord";
    loader_skips_batch: LoaderSkipsBatch, "ci" 0 => "ImagesEqualAtEqualOffsets";
    broker_epoch_reused: BrokerEpochReused, "ci" 0 => "MonotonicBrokerEpoch";
    producer_id_blocks_overlap: ProducerIdBlocksOverlap, "ci" 0 => "ProducerIdBlocksDisjoint";
    no_partition_divergence_check: NoPartitionDivergenceCheck, "ci" 37 => "LogMatching";
    partition_high_watermark_goes_back: PartitionHighWatermarkGoesBack, "ci" 5 => "MonotonicHighWatermark";
    renounced_without_answer: RenouncedWithoutAnswer, "ci" 3 => "RequestAnswered";
    leader_left_early: LeaderLeftEarly, "ci" 0 => "LeaderNotLeftEarly";
    election_timeout_from_zero: ElectionTimeoutFromZero, "quorum" 0 => "ElectionNotEarly";
    forwarded_forgotten: ForwardedForgotten, "ci" 0 => "RequestAnswered";
    r16_malformed_election_ignored: MalformedElectionIgnored, "power-loss" 87 => "DamagedFileRefused";
    epoch_begins_at_last_record: EpochBeginsAtLastRecord, "quorum" 4 => "EpochsOfRecords";
    log_end_checkpointed: LogEndCheckpointed, "brokers" 0 => "CheckpointedHighWatermark";
    malformed_epoch_skipped: MalformedEpochSkipped, "power-loss" 487 => "DamagedFileRefused";
    renounced_unheard: RenouncedUnheard, "ci" 0 => "Recovery";
    shrunk_early: ShrunkEarly, "ci" 0 => "IsrNotShrunkEarly";
    retried_at_once: RetriedAtOnce, "ci" 0 => "RetriedAfterBackoff";
    batch_retried_at_once: BatchRetriedAtOnce, "ci" 0 => "RetriedAfterBackoff";
    let_go_early: LetGoEarly, "ci" 0 => "ControlledShutdownWaits";
    first_replica_leads: FirstReplicaLeads, "ci" 0 => "LeaderByCommittedMetadata";
    sequence_not_checked: SequenceNotChecked, "ci" 1 => "IdempotentSequence";
    answered_before_commit: AnsweredBeforeCommit, "ci" 0 => "ProducerIdBlocksDisjoint", then "UnaskedMetadata";
    consumer_resets_at_new_leader: ConsumerResetsAtNewLeader, "ci" 12 => "NonmonotonicPoll", then "PollSkip";
    partition_acknowledged_at_append: AckAtAppend, "ci" 5 => "ReplicationQuorumSuperset", then "LostWrite";
    partition_read_uncommitted: ReadUncommitted, "ci" 178 => "ConsistentRead", then "UncommittedRead";
    partition_ack_wrong_offset: AckWrongOffset, "ci" 0 => "AckedValueNotLost", then "InconsistentOffsets";
    partition_pending_append_refused: PendingAppendRefused, "ci" 44 => "AbortedRead";
    m19_read_of_latest_state: Kafka15048ReadOfLatestState, "cluster-partitions" 42 => "StaleAdminAnswer";
    m25_no_session_after_failover: Kafka18138NoSessionAfterFailover, "cluster-partitions" 43 => "SilentBrokerFenced";
    m35_unclean_shutdown_unnoticed: Kafka18635UncleanShutdownUnnoticed, "brokers" 47 => "AckedValueNotLost";
    l03_fenced_joins_isr: Kafka13916FencedJoinsIsr, "ci" 0 => "ValidControllerIsrAndElr";
    g14_wrong_divergence_answer: WrongDivergenceAnswer, "ci" 5 => "Recovery";
    restart_keeps_roles: RestartKeepsRoles, "ci" 1 => "NeverTwoPartitionLeadersInSameEpoch";
    producer_not_appended: ProducerNotAppended, "ci" 0 => "InventedRecord";
    newer_batch_overtakes: NewerBatchOvertakes, "ci" 0 => "NonmonotonicSend";
    poll_leaves_batch_out: PollLeavesBatchOut, "ci" 0 => "IntPollSkip";
    poll_shows_batch_twice: PollShowsBatchTwice, "ci" 0 => "IntNonmonotonicPoll";
    no_position_validation: Kafka7747NoPositionValidation, "brokers" 0 => "TruncationMissed";
    out_of_range_above_high_watermark: OutOfRangeAboveHighWatermark, "ci" 4 => "PositionLost";
    validation_ends_at_error: ValidationEndsAtError, "brokers" 68 => "ValidationAnswerUsed";
    partition_never_read: PartitionNeverRead, "ci" 0 => "Recovery", then "Unseen";
    r28_no_pre_vote: Kip996NoPreVote, "ci" 0 => "PreVoteBeforeVote";
    r35_poll_timeout_of_zero: Kafka17751PollTimeoutZero, "ci" 0 => "TimeMoves";
    g06_leader_counted_twice: LeaderCountedTwice, "ci" 0 => "MajorityReachedHighWatermark";
    g09_pre_vote_counts_as_vote: PreVoteCountsAsVote, "ci" 0 => "NeverTwoLeadersInSameEpoch";
    g14_wrong_divergence_answer_of_quorum: WrongDivergenceAnswerOfQuorum, "ci" 7 => "Recovery";
    g32_fetch_timer_needs_records: FetchTimerNeedsRecords, "ci" 2 => "Recovery";
    m36_unclean_without_election: Kafka18106UncleanWithoutElection, "ci" 3 => "ValidControllerIsrAndElr";
    m38_fenced_last_known_leader: Kafka19522FencedLastKnownLeader, "ci" 3 => "ValidControllerIsrAndElr";
    m41_election_type_ignored: Kafka13162ElectionTypeIgnored, "ci" 2 => "StaleAdminAnswer";
    l04_new_epoch_at_reregistration: Kafka16952NewEpochAtReregistration, "ci" 0 => "MonotonicBrokerEpoch";
    l05_reregistration_fences: Kafka16757ReregistrationFences, "ci" 98 => "ReregistrationKeepsState";
    l08_unfenced_at_log_end_only: Kafka13959UnfencedAtLogEndOnly, "ci" 50 => "Recovery";
    l09_shutdown_target_moves: Kafka14292ShutdownTargetMoves, "ci" 1 => "ControlledShutdownEnds";
    l10_demotion_ignored: Kafka14296DemotionIgnored, "ci" 0 => "DemotionObeyed";
    g31_session_on_wall_clock: SessionOnWallClock, "combined" 38 => "HeardBrokerNotFenced";
    l11_stray_detection_inverted: Kafka13127StrayDetectionInverted, "ci" 6 => "AckedValueNotLost";
    p07_epoch_of_fetch_ignored: Kip320EpochOfFetchIgnored, "ci" 251 => "PositionLost";
    p15_epochs_left_at_truncation: Kafka10706EpochsLeftAtTruncation, "ci" 4 => "Recovery";
    p24_restart_from_zero: Kafka2143RestartFromZero, "ci" 2 => "AckedValueNotLost";
    p32_epoch_checkpoint_not_forced: Kafka16541EpochCheckpointNotForced, "ci" 40 => "NoFatalFault";
    g27_shrink_counts_at_once: ShrinkCountsAtOnce, "ci" 0 => "LeaderCandidateCompleteness";
    c03_bump_keeps_sequences: Kafka12152BumpKeepsSequences, "ci" 2 => "NewEpochBeginsAtZero";
    c05_state_before_append: Kafka6683StateBeforeAppend, "ci" 0 => "AckedValueNotLost";
    c12_retry_refused_as_out_of_order: RetryRefusedAsOutOfOrder, "ci" 0 => "DuplicateRecognised";
    c12_retry_answered_with_wrong_offset: RetryAnsweredWithWrongOffset, "ci" 0 => "AckedValueNotLost";
    r24_linger_ignored: Kafka10826LingerIgnored, "quorum" 0 => "AppendWithinLinger";
    r29_back_to_the_named_leader: Kafka17641BackToNamedLeader, "quorum" 0 => "PreVoteCarriedThrough";
    r30_end_quorum_epoch_ignored: EndQuorumEpochIgnored, "power-loss" 0 => "EndQuorumEpochObeyed";
    g32_fetch_timer_reset_by_any_message: FetchTimerResetByAnyMessage, "quorum" 0 => "SilentLeaderLeft";
    m37_elr_of_an_old_min_isr: Kafka16540ElrOfOldMinIsr, "ci" 1 => "ValidControllerIsrAndElr";
    z02_write_without_epoch: Kafka6082WriteWithoutEpoch, "cluster-partitions" 5 => "RecordAfterClaim";
    z05_no_compare_and_set: Kafka428NoCompareAndSet, "combined" 12 => "IsrCompareAndSet";
    l01_isr_without_epochs: Kafka14617IsrWithoutEpochs, "ci" 0 => "ProposalNamesProcess";
    p03_end_offset_without_its_epoch: Kip279EndOffsetWithoutEpoch, "brokers" 515 => "Recovery";
    p09_stale_fetch_applied: Kafka18991StaleFetchApplied, "cluster-partitions" 268 => "PresentLeaderObeyed";
    g29_producer_state_not_restored: ProducerStateNotRestored, "ci" 3 => "DuplicateRecord";
    m39_clear_elr_restores_a_topic: Kafka19383ClearElrRestoresTopic, "ci" 132 => "ImagesEqualAtEqualOffsets";
    m40_deleted_topic_stays_created: Kafka19497DeletedTopicStaysCreated, "ci" 0 => "ImagesEqualAtEqualOffsets";
    z08_full_update_keeps_deleted: Kafka15799FullUpdateKeepsDeleted, "ci" 0 => "ImagesEqualAtEqualOffsets";
    g25_replay_by_local_clock: ReplayByLocalClock, "ci" 0 => "ImagesEqualAtEqualOffsets";
    n01_vote_compares_offsets_only: VoteComparesOffsetsOnly, "partitions" 2 => "LeaderCompleteness";
    n02_fetch_offset_never_goes_back: FetchOffsetNeverGoesBack, "quorum" 43 => "HighWatermarkAcknowledged";
    n03_observer_counts_for_check_quorum: ObserverCountsForCheckQuorum, "ci" 7 => "LeaderWithoutMajorityResigns";
    n04_appended_kept_by_follower: AppendedKeptByFollower, "quorum" 217 => "CommittedReads";
    n05_pre_vote_of_follower_in_touch: PreVoteOfFollowerInTouch, "quorum" 100 => "PreVoteRefusedInTouch";
    n06_diverging_fetch_credited: DivergingFetchCredited, "quorum" 0 => "MajorityReachedHighWatermark";
    n07_elr_kept_at_min_isr: ElrKeptAtMinIsr, "ci" 1 => "ValidControllerIsrAndElr";
    n08_no_record_answered_at_once: NoRecordAnsweredAtOnce, "cluster-partitions" 0 => "StaleAdminAnswer";
    n09_unfenced_broker_not_yet_alive: UnfencedBrokerNotYetAlive, "ci" 0 => "LeaderWhileCandidateActive";
    n10_configs_outlive_topic: ConfigsOutliveTopic, "cluster-power-loss" 21 => "StaleAdminAnswer";
    n11_preferred_leader_outside_isr: PreferredLeaderOutsideIsr, "ci" 0 => "ValidControllerIsrAndElr";
    n12_expired_session_of_former_process: ExpiredSessionOfFormerProcess, "brokers" 1 => "HeardBrokerNotFenced";
    n13_last_isr_member_removed: LastIsrMemberRemoved, "brokers" 0 => "AckedValueNotLost";
    n14_shutdown_awaits_itself_only: ShutdownAwaitsItselfOnly, "brokers" 49 => "ControlledShutdownEnds";
    n15_fetcher_outlives_election: FetcherOutlivesElection, "combined" 0 => "PresentLeaderObeyed";
    n16_refused_proposal_forgotten: RefusedProposalForgotten, "brokers" 0 => "ProposalKeptUntilKnown";
    n17_high_watermark_below_min_isr: HighWatermarkBelowMinIsr, "ci" 0 => "ReplicationQuorumSuperset";
    n18_producers_not_rolled_back: ProducersNotRolledBack, "brokers" 35 => "IdempotentSequence";
    n19_remembers_one_batch: RemembersOneBatch, "ci" 0 => "DuplicateRecognised";
    n20_ack_at_last_offset: AckAtLastOffset, "ci" 0 => "ReplicationQuorumSuperset";
    n21_unknown_epoch_stops_fetching: UnknownEpochStopsFetching, "combined" 22 => "Recovery";
    n22_truncated_segments_left_on_disk: TruncatedSegmentsLeftOnDisk, "brokers" 0 => "LogMatching";
    n23_unresolved_only_on_the_wire: UnresolvedOnlyOnTheWire, "cluster-power-loss" 15 => "Recovery";
    n24_retried_batch_takes_more: RetriedBatchTakesMore, "brokers" 1 => "InventedRecord";
    n25_older_metadata_with_leader_accepted: OlderMetadataWithLeaderAccepted, "cluster-partitions" 127 => "PositionLost";
    n26_position_takes_leader_epoch: PositionTakesLeaderEpoch, "cluster-power-loss" 22 => "PositionLost";
    n27_admin_call_forgotten_in_flight: AdminCallForgottenInFlight, "ci" 2 => "Recovery";
    n28_rename_not_forced: RenameNotForced, "quorum" 0 => "PersistBeforePromise:D2";
    n29_torn_tail_not_cut: TornTailNotCut, "power-loss" 0 => "LogMatching";
    n30_flushed_counts_as_committed: FlushedCountsAsCommitted, "brokers" 0 => "GhostMismatch";
    n32_quorum_segments_behind_cut_kept: SegmentsBehindCutKept, "quorum" 38 => "PersistBeforePromise:D8", then "NoHoleBelowLogEnd";
    n32_segments_behind_cut_kept: SegmentsBehindCutKept, "cluster-power-loss" 143 => "NoHoleBelowLogEnd";
    n33_failed_fsync_ignored: FailedFsyncIgnored, "quorum" 0 => "PersistBeforePromise:D8";
    n34_unreadable_segment_empty: UnreadableSegmentEmpty, "power-loss" 18 => "DamagedFileRefused";
    n35_short_write_ignored: ShortWriteIgnored, "cluster-power-loss" 2 => "PersistBeforePromise:D8";
    p31_segment_name_not_forced: Kafka3968SegmentNameNotForced, "quorum" 13 => "PersistBeforePromise:D8";
    r07_leader_keeps_a_follower: Kafka15489NoCheckQuorum, "asymmetric" 3 => "LeaderWithoutMajorityResigns", then "AvailableWithMajority";
    r28_leaders_deposed_by_a_voter_outside: Kip996NoPreVote, "asymmetric" 15 => "PreVoteBeforeVote", then "AvailableWithMajority";
    r08_only_voter_checks_quorum: Kafka16144OnlyVoterChecksQuorum, "membership" 0 => "LeaderWithMajorityStays";
    r14_voted_directory_not_stored: Kafka16526VotedDirectoryNotStored, "membership" 0 => "PersistBeforePromise:D1";
    g23_voters_kept_at_truncation: VotersKeptAtTruncation, "membership" 652 => "PreVoteCarriedThrough";
    g24_voter_changes_overlap: VoterChangesOverlap, "membership" 2 => "OneVoterChangeAtATime";
    m06_snapshot_checksum_ignored: Kafka14104SnapshotChecksumIgnored, "snapshots" 282 => "DamagedFileRefused";
    r36_cluster_id_unchecked: Kafka12440ClusterIdUnchecked, "other-cluster" 0 => "OtherClusterRefused";
    new_voter_behind: NewVoterBehind, "membership" 10 => "NewVoterCaughtUp";
    r37_voter_updated_unprobed: Kafka20661VoterUpdatedUnprobed, "quorum" 0 => "VoterProbedBeforeUpdate";
}

/// What ends a run that does not end by itself; no check of ours, and yet a violation.
const RUNAWAY: &str = "TimeMoves";

fn scenario(name: &str, bug: Option<Bug>) -> Scenario {
    let entry = catalog::find(name).unwrap_or_else(|| panic!("no scenario {name}"));
    let mut scenario = entry.scenario().unwrap_or_else(|error| panic!("{error}"));
    scenario.bugs = bug.into_iter().collect();
    scenario
}

fn request(scenario: &Scenario, seed: u64) -> Request<'_> {
    Request { host: Host::Bare, ..Request::new(scenario, seed) }
}

/// The check that a seed breaks first.
fn first_broken(scenario: &Scenario, seed: u64) -> Option<String> {
    match run(&request(scenario, seed)).unwrap_or_else(|error| panic!("{error}")).outcome {
        RunOutcome::Violated(violation) => Some(violation.invariant),
        RunOutcome::Holds | RunOutcome::Inconclusive { .. } => None,
    }
}

/// All checks that break if the run continues after the first.
fn all_broken(scenario: &Scenario, seed: u64) -> BTreeSet<&'static str> {
    let request = Request { keep_going: true, ..request(scenario, seed) };
    let finished = drive(&request).unwrap_or_else(|error| panic!("{error}"));
    finished.run.watch.checks.as_ref().into_iter().flat_map(|checks| checks.fired()).collect()
}

/// The first seed from the recorded one on that shows what the row says, or else what was seen.
fn caught_at(mutant: &Mutant) -> Result<u64, BTreeSet<String>> {
    let scenario = scenario(mutant.scenario, Some(mutant.bug));
    let mut seen = BTreeSet::new();
    for seed in mutant.seed..mutant.seed + NEARBY {
        let Some(check) = first_broken(&scenario, seed) else { continue };
        let breaks_too = |then: &&str| all_broken(&scenario, seed).contains(then);
        if check == mutant.check && mutant.then.iter().all(breaks_too) {
            return Ok(seed);
        }
        seen.insert(check);
    }
    Err(seen)
}

/// As with static voters.
#[test]
fn a_dynamic_quorum_that_no_client_reaches_is_unavailable() {
    let mut scenario = scenario("asymmetric", Some(Bug::Kafka15489NoCheckQuorum));
    scenario.cluster.dynamic = true;
    assert!((0..NEARBY).any(|seed| all_broken(&scenario, seed).contains("AvailableWithMajority")));
}

/// Where a row is caught now: `ROW=r21_stale_fetch_appended cargo test --release -p scenarios --test suite
/// mutants::first_seed -- --ignored --nocapture`
#[test]
#[ignore = "looks for a new seed of a row"]
#[expect(clippy::disallowed_methods, reason = "outside of any run")]
fn first_seed() {
    let row = std::env::var("ROW").expect("the name of a row's test");
    let mutant = MUTANTS.iter().find(|mutant| mutant.test == row).expect("a row");
    let found = (0..1_000).step_by(NEARBY as usize).find_map(|seed| caught_at(&Mutant { seed, ..*mutant }).ok());
    println!("{row}: {found:?}");
}

fn is_caught(test: &str) {
    let mutant = MUTANTS.iter().find(|mutant| mutant.test == test).expect("the macro makes both");
    if let Err(seen) = caught_at(mutant) {
        let bug = mutant.bug;
        panic!("{} no more breaks {} and then {:?}, but {seen:?}", bug.name(), mutant.check, mutant.then);
    }
}

#[test]
fn the_same_seeds_hold_without_a_bug() {
    let seeds: BTreeSet<(&str, u64)> = MUTANTS.iter().map(|mutant| (mutant.scenario, mutant.seed)).collect();
    for (name, seed) in seeds {
        assert_eq!(first_broken(&scenario(name, None), seed), None, "seed {seed} of {name}");
    }
}

#[test]
fn every_bug_and_every_check_has_its_row() {
    for bug in Bug::ALL {
        // One that a quorum and its brokers have both may have a row for each.
        let is_caught = MUTANTS.iter().any(|mutant| mutant.bug == *bug);
        let is_hidden = bug.row().is_some_and(|row| !row.hidden_by.is_empty());
        assert_ne!(is_caught, is_hidden, "{}", bug.name());
    }
    let has_mutant =
        |check: &&Claim| MUTANTS.iter().any(|mutant| mutant.check == check.name || mutant.then.contains(&check.name));
    let without: Vec<&str> = CLAIMS.iter().filter(|check| !has_mutant(check)).map(|it| it.name).collect();
    assert_eq!(without, Vec::<&str>::new(), "checks without a mutant");
    let is_generic = |name: &str| GENERIC.contains(&name) || MORE_GENERIC.contains(&name);
    // The mutant of a check may need what no generic scenario has.
    assert!(MUTANTS.iter().all(|mutant| is_generic(mutant.scenario) || mutant.bug.row().is_none()));
}

#[test]
fn what_is_caught_is_what_the_zoo_expects() {
    let is_check = |name: &&str| *name == RUNAWAY || CLAIMS.iter().any(|check| check.name == *name);
    for row in CATALOG {
        assert!(row.expected.iter().all(is_check), "{}: {:?}", row.bug.name(), row.expected);
        for mutant in MUTANTS.iter().filter(|mutant| mutant.bug == row.bug) {
            assert!(row.expected.contains(&mutant.check), "{} breaks {}", row.bug.name(), mutant.check);
        }
    }
}

/// Prints the table above, and one by check:
/// `cargo test --release -p scenarios --test suite mutants -- --ignored --nocapture`
#[test]
#[ignore = "takes minutes"]
fn table() {
    println!("| row | bug | breaks first, where | if the run goes on, also | {} |", GENERIC.join(" | "));
    println!("|{}", "---|".repeat(4 + GENERIC.len()));
    for bug in Bug::ALL {
        let needed: Vec<String> = GENERIC.iter().map(|name| seeds_needed(name, *bug)).collect();
        let (place, also) = match MUTANTS.iter().find(|mutant| mutant.bug == *bug) {
            Some(mutant) => {
                let seed = caught_at(mutant).unwrap_or(mutant.seed);
                (format!("{} ({} {seed})", mutant.check, mutant.scenario), also_broken(mutant, seed))
            }
            None => ("none".to_owned(), "-".to_owned()),
        };
        let line = format!(
            "| {} | `{}` | {place} | {also} | {} |",
            bug.row().map_or("", |row| row.id),
            bug.name(),
            needed.join(" | ")
        );
        println!("{}", line.replace("PersistBeforePromise:", ""));
    }
    println!("\n| check | mutant that breaks it first | seeds needed | if the run goes on, also |\n|---|---|---|---|");
    for check in CLAIMS {
        let own = MUTANTS.iter().filter(|mutant| mutant.check == check.name);
        let Some((seed, mutant)) = own.filter_map(|m| Some((caught_at(m).ok()?, m))).min_by_key(|(seed, _)| *seed)
        else {
            println!("| `{}` | none | - | - |", check.name);
            continue;
        };
        let also = also_broken(mutant, seed);
        println!("| `{}` | `{}` | {} of {} | {also} |", check.name, mutant.bug.name(), seed + 1, mutant.scenario);
    }
}

/// What else breaks if the run continues after its first violation.
fn also_broken(mutant: &Mutant, seed: u64) -> String {
    let mut also = all_broken(&scenario(mutant.scenario, Some(mutant.bug)), seed);
    also.remove(mutant.check);
    let also: Vec<&str> = also.into_iter().collect();
    if also.is_empty() { "-".to_owned() } else { also.join(", ") }
}

/// How many seeds of a scenario until any check breaks.
fn seeds_needed(name: &str, bug: Bug) -> String {
    let scenario = scenario(name, Some(bug));
    let caught = (0..TABLE_SEEDS).find(|seed| first_broken(&scenario, *seed).is_some());
    caught.map_or(format!(">{TABLE_SEEDS}"), |seed| (seed + 1).to_string())
}
