//! The bug catalog: bugs that Kafka had, or that any faithful implementation may have, with the row of `bugs.md`, the
//! source, and the checks that should detect each.
//!
//! `expected` names checks of `scenarios::checks::invariant`, which this crate does not know: a test
//! there compares them with the checks that detect the bug. `hidden_by` says why a bug may not be detected.
//!
//! The following rows of `bugs.md` are left out, because the model does not contain the feature or because the
//! model's design prevents the mistake from having an effect:
//! * a log of partitions that is trimmed (P16, P17), transactions (C07 to C10, C13),
//!   reassignment (M32, L14, P22, P35), ZooKeeper (Z01, Z03 to Z09 but Z05 and Z08), several directories (L15,
//!   L16);
//! * M02: no fault removes a snapshot. M08: `Fix::FirstPublishAfterCaughtUp`, which generic scenarios have, waits for the
//!   same.
//!   G21: an image consists of committed records. M11: publications of the loader alone ask for snapshots, so none is
//!   asked for before the first one. M12: the loader's publisher counts the bytes, and hears of no resignation. M16: the
//!   controller keeps its newest and its last stable state, and no snapshot in memory for each offset;
//! * R20 is what Kafka 4.4 does, which documents it, and so does the model. R36: no generic scenario has a second
//!   cluster; `other-cluster` has, and the switch is the mutant of its check;
//! * R27: latencies and clocks break every tie. R23: an abandoned delayed fetch waits for `MaxWaitMs` at most. R22: a
//!   connection carries one fetch, so a delayed fetch is the follower's newest. R31: listeners are registered before
//!   anything happens. R32: a node that knows no leader sends its requests to the bootstrap servers;
//! * M26: a broker sends a heartbeat in every heartbeat interval, and CreateTopics may fail meanwhile. M13, M14,
//!   M22, M23: nothing writes a record that cannot be applied, or is too large. M18: raft reports a lost
//!   leadership at once, and applied changes are dropped then. M20: no counters are derived. M21: a change of the voters
//!   may put a control record in between, and of the offset only one thing depends, whether a broker has caught up with
//!   its registration: it would be unfenced one record early. M27: features never change. M42: controllers do not
//!   register. M31 is the same as P19. M33: a
//!   caught-up replica that may not join delays commits for `replica.lag.time.max.ms` at most.
//! * L06: the controller's queue is never as long as half a heartbeat interval for a whole session. L07: a broker that
//!   is fenced after one lost heartbeat is unfenced by the next. L12: strays are set aside in one step, with the first
//!   publish. L02: both tests read one state in one step. L18: an answer belongs to a connection, which ends with its
//!   process;
//! * C02: the batch that would be sent first is behind the other in its queue, until both are given up. C01: every
//!   producer here is idempotent, and the broker refuses batches that are out of sequence. C04:
//!   `producer.id.expiration.check.interval.ms` is ten minutes, and every run is shorter. C06: producer state is
//!   rebuilt from the log, not read from a snapshot. C11: nothing is guaranteed to clients of a topic that is deleted,
//!   however often it is created again;
//! * P02 is P01 with two disks. P04, P06: each fetch is compared with the leader's epochs. P08, P14, P29:
//!   one thread does both. P12: the next fetch repairs it. P18: the next append moves the high watermark.
//!   P23: the controller itself removes silent brokers from ISRs. P25: a log with epochs is not truncated to its
//!   high watermark. P26, P28, P30: no retention, no index, no byte positions. P33: the records
//!   below a recovery point are scanned with the segment that contains it;
//! * M34 is Kafka's design. G12 among partitions is P07. G19: Kafka reads so. G20: there are no leases.
//!   G28: replay derives leader epochs.

use super::Bug;
use strum::{IntoStaticStr, VariantArray};

/// The part of the system that a bug affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase")]
pub enum Layer {
    /// The quorum of controllers and its log.
    Raft,
    /// The active controller and its state machine, and the images of its records.
    Controller,
    /// Start, registration, fencing and shutdown of a broker.
    Lifecycle,
    /// Replicas of partitions.
    Repl,
    /// Idempotent producers and the producer state of brokers.
    Producer,
}

impl Layer {
    /// All layers, in declaration order.
    pub const ALL: &'static [Layer] = Layer::VARIANTS;

    /// The name in lists.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// One bug of the bug catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub bug: Bug,
    /// Row of `bugs.md`. Two forms of one mistake share it.
    pub id: &'static str,
    pub layer: Layer,
    /// Issue, KIP or report, and the release that fixed it.
    pub source: &'static str,
    /// Names of the checks that should be violated first.
    pub expected: &'static [&'static str],
    /// Why the bug may not be detected; empty for most.
    pub hidden_by: &'static str,
}

impl Bug {
    /// Its row; a synthetic mutant has none.
    pub fn row(self) -> Option<&'static Row> {
        CATALOG.iter().find(|row| row.bug == self)
    }
}

macro_rules! rows {
    ($($id:ident $bug:ident $layer:ident $source:literal => [$($expected:literal),*] $(hidden by $why:literal)?;)+) => {
        &[$(Row {
            bug: Bug::$bug,
            id: stringify!($id),
            layer: Layer::$layer,
            source: $source,
            expected: &[$($expected),*],
            hidden_by: concat!($($why)?),
        },)+]
    };
}

/// Every row, by layer.
pub const CATALOG: &[Row] = rows! {
    R01 Kafka10533AckBeforeFlush Raft "KAFKA-10533, fixed in 2.8.0" => ["PersistBeforePromise:D9", "PersistBeforePromise:D8"];
    R02 Kafka10527ResumeAsLeader Raft "KAFKA-10527, fixed in 2.7.0" => ["NeverTwoLeadersInSameEpoch"];
    R04 Kafka12331LeaderChangeAtZero Raft "KAFKA-12331, fixed in 2.8.0" => ["LogMatching"];
    R07 Kafka15489NoCheckQuorum Raft "KAFKA-15489, fixed in 3.7" => ["LeaderWithoutMajorityResigns"];
    R08 Kafka16144OnlyVoterChecksQuorum Raft "KAFKA-16144, fixed in 3.7" => ["LeaderWithMajorityStays"];
    R09 Kafka16530LeaderOutsideVotersCounts Raft "KAFKA-16530, fixed in 3.8" => ["MajorityReachedHighWatermark", "HighWatermarkAcknowledged"];
    R10 Kafka16531CheckQuorumCountsLeader Raft "KAFKA-16531, fixed in 3.9" => ["LeaderWithoutMajorityResigns"];
    R11 Kafka17067ObserverCampaigns Raft "KAFKA-17067, fixed in 3.9" => ["RemovedLeaderResigns", "OnlyVotersCampaign"];
    R12 Kafka17332ForcedByVotersOnly Raft "KAFKA-17332, KAFKA-13884, fixed in 3.9" => ["MajorityReachedHighWatermark", "PersistBeforePromise:D8"];
    R13 Kip853DirectoryIdIgnored Raft "KIP-853, since 3.9; static voters still" => ["MajorityReachedHighWatermark", "LeaderCompleteness", "HighWatermarkAcknowledged"];
    R14 Kafka16526VotedDirectoryNotStored Raft "KAFKA-16526, since 3.9; by design with kraft.version 0" => ["PersistBeforePromise:D1", "PersistBeforePromise:D3"];
    R17 VoterChangeBeforeOwnCommit Raft "Ongaro 2015, never shipped" => ["OneVoterChangeAtATime"];
    R18 VoterChangeBesideUncommitted Raft "KAFKA-20661, thread of PR 22620" => ["OneVoterChangeAtATime"];
    R19 FetchOfObserverRefused Raft "KIP-853, a design rule" => ["Recovery"];
    R33 Kafka17030VoterAsksNobody Raft "KAFKA-17030, fixed in 3.9" => ["Recovery"]
        hidden by "a replica that wrongly regards itself as a voter requests pre-votes of its old voter set, and an answer names the leader: in 430 seeds of membership none stayed behind";
    R34 Kafka19354ObserverStaysAtBootstrap Raft "KAFKA-19354, fixed in 4.2" => ["Recovery"]
        hidden by "a bootstrap server is chosen at random, and the leader is one of them in every scenario: the observer reaches it within a few requests, which restarts its fetch timeout";
    R21 Kafka18723StaleFetchAppended Raft "KAFKA-18723, fixed in 3.9" => ["PersistBeforePromise:D5", "LogMatching"];
    R24 Kafka10826LingerIgnored Raft "KAFKA-10826, fixed in 2.8.0" => ["AppendWithinLinger"];
    R25 Kafka12181FetchOffsetBackwardFatal Raft "KAFKA-12181, fixed in 3.0.0" => ["NoFatalFault"];
    R26 Kafka14644FaultSwallowed Raft "KAFKA-14644, fixed in 3.4" => ["RequestAnswered", "Recovery", "EndQuorumEpochObeyed"];
    R28 Kip996NoPreVote Raft "KIP-996, KAFKA-17642, since 4.0" => ["PreVoteBeforeVote"];
    R29 Kafka17641BackToNamedLeader Raft "KAFKA-17641, fixed in 4.0" => ["PreVoteCarriedThrough"];
    R30 EndQuorumEpochIgnored Raft "KAFKA-20895, open in 2026-08" => ["EndQuorumEpochObeyed"];
    R35 Kafka17751PollTimeoutZero Raft "KAFKA-17751, fixed in 3.9; KAFKA-19605, fixed in 4.2" => ["TimeMoves"];
    R37 Kafka20661VoterUpdatedUnprobed Raft "KAFKA-20661, fixed after 4.4" => ["VoterProbedBeforeUpdate"];
    M01 Kafka14238RetentionWithoutSnapshot Raft "KAFKA-14238, fixed in 3.3" => ["NoRecordBelowLogStartNeeded"];
    M03 Kafka15312SnapshotNotForced Raft "KAFKA-15312, fixed in 3.3" => ["PersistBeforePromise:D10"];
    M04 Kafka14618SnapshotIdInclusive Raft "KAFKA-14618, fixed in 3.4" => ["SnapshotEqualsReplay"];
    M05 Kafka17713SnapshotWithinBatch Raft "KAFKA-17713, fixed in 4.0" => ["SnapshotEqualsReplay"];
    M10 Kafka10761LogKeptBesideSnapshot Raft "KAFKA-10761, KAFKA-12205, fixed in 3.0.0" => ["GhostMismatch", "PersistBeforePromise:D12"];
    M06 Kafka14104SnapshotChecksumIgnored Raft "KAFKA-14104, fixed in 3.3" => ["DamagedFileRefused"];
    R16 MalformedElectionIgnored Raft "KIP-595" => ["DamagedFileRefused"];
    G01 VoteNotDurable Raft "Raft §5.2" => ["PersistBeforePromise:D3"];
    G02 TwoVotesInOneEpoch Raft "Raft §5.2" => ["ValidVotes"];
    G04 NoLogTest Raft "Raft §5.4.1" => ["LeaderCompleteness"];
    G05 CountOldEpochReplicas Raft "Raft §5.4.2, figure 8" => ["OwnEpochCommit"];
    G06 LeaderCountedTwice Raft "Raft §5.3: a majority" => ["MajorityReachedHighWatermark", "HighWatermarkAcknowledged"];
    G09 PreVoteCountsAsVote Raft "KIP-996" => ["NeverTwoLeadersInSameEpoch"];
    G10 HigherEpochIgnored Raft "Raft §5.1" => ["HigherEpochObeyed"];
    G11 EpochNotDurable Raft "Raft §5.1" => ["PersistBeforePromise:D2"];
    G12 NoEpochCheckOnFetch Raft "KIP-595" => ["HighWatermarkAcknowledged", "SingleActiveController"];
    G13 NoDivergenceCheck Raft "KIP-595" => ["LogMatching", "NoFatalFault"];
    G14 WrongDivergenceAnswerOfQuorum Raft "KIP-595" => ["Recovery"];
    G15 TruncateBelowHighWatermark Raft "KIP-595" => ["HighWatermarkWithinLog"];
    G23 VotersKeptAtTruncation Raft "KIP-853: KRaftControlRecordStateMachine.truncateNewEntries" => ["PreVoteCarriedThrough", "OnlyVotersCampaign", "HighWatermarkAcknowledged", "OneVoterChangeAtATime"];
    G24 VoterChangesOverlap Raft "Ongaro 2014, section 4.1; KIP-853" => ["OneVoterChangeAtATime"];
    G30 NoChecksumOnRecovery Raft "torn writes" => ["PersistBeforePromise:D8"];
    G32 FetchTimerNeedsRecords Raft "redpanda #30815" => ["Recovery", "LeaderNotLeftEarly"];
    G32 FetchTimerResetByAnyMessage Raft "redpanda #30815" => ["SilentLeaderLeft"];

    R05 Kafka15345LeaderBeforeCaughtUp Controller "KAFKA-15345, fixed in 3.6" => ["CommittedMetadataReplays", "ValidControllerIsrAndElr"];
    M07 Kafka14894SnapshotKeepsTopics Controller "KAFKA-14894, fixed in 3.4" => ["ImagesEqualAtEqualOffsets"];
    G22 SnapshotForgetsFencing Controller "KIP-630" => ["SnapshotEqualsReplay"];
    M15 Kafka13114RenounceWithoutRevert Controller "KAFKA-13114, fixed in 3.0.0" => ["NoFatalFault", "Recovery", "IsrCompareAndSet"];
    M19 Kafka15048ReadOfLatestState Controller "KAFKA-15048, fixed in 3.6" => ["StaleAdminAnswer"];
    M24 Kafka13173ExpiriesFromOneBase Controller "KAFKA-13173, fixed in 3.0.0" => ["ValidControllerIsrAndElr"];
    M25 Kafka18138NoSessionAfterFailover Controller "KAFKA-18138, fixed in 4.0" => ["SilentBrokerFenced"];
    M28 Kafka13083FencedInNewIsr Controller "KAFKA-13083, fixed in 3.0.0" => ["ValidControllerIsrAndElr"];
    M30 Kafka14154LaggingControllerFences Controller "KAFKA-14154, fixed in 3.3" => ["IsrCompareAndSet", "Recovery"]
        hidden by "a broker learns epochs from the controller that it sends requests to, and a new active controller has replayed all of them: no broker sends AlterPartition to a controller that lags";
    M35 Kafka18635UncleanShutdownUnnoticed Controller "KAFKA-18635, fixed in 4.0" => ["AckedValueNotLost"];
    M36 Kafka18106UncleanWithoutElection Controller "KAFKA-18106, fixed in 4.0" => ["ValidControllerIsrAndElr"];
    M37 Kafka16540ElrOfOldMinIsr Controller "KAFKA-16540, fixed in 4.0" => ["ValidControllerIsrAndElr"];
    M38 Kafka19522FencedLastKnownLeader Controller "KAFKA-19522, fixed in 4.1" => ["ValidControllerIsrAndElr"];
    M39 Kafka19383ClearElrRestoresTopic Controller "KAFKA-19383, fixed in 4.0" => ["ImagesEqualAtEqualOffsets"];
    M40 Kafka19497DeletedTopicStaysCreated Controller "KAFKA-19497, fixed in 4.2" => ["ImagesEqualAtEqualOffsets"];
    M41 Kafka13162ElectionTypeIgnored Controller "KAFKA-13162, fixed in 3.1.0" => ["StaleAdminAnswer", "AckedValueNotLost"];
    G17 AckAtAppend Controller "Raft §5.3: reply when it is committed" => ["LinearizableAppends", "ReplicationQuorumSuperset"];
    G18 AckByOffset Controller "Raft §8; KIP-595" => ["LinearizableAdmin", "RequestAnswered"];
    Z02 Kafka6082WriteWithoutEpoch Controller "KAFKA-6082, fixed in 2.1.0" => ["RecordAfterClaim"];
    Z05 Kafka428NoCompareAndSet Controller "KAFKA-428, fixed by 0.10.0" => ["IsrCompareAndSet"];
    Z08 Kafka15799FullUpdateKeepsDeleted Controller "KAFKA-16180, KAFKA-15799, fixed in 3.6" => ["ImagesEqualAtEqualOffsets"];
    G25 ReplayByLocalClock Controller "replicated state machines are deterministic" => ["ImagesEqualAtEqualOffsets"];

    L01 Kafka14617IsrWithoutEpochs Lifecycle "KIP-903, KAFKA-14617, fixed in 3.5" => ["ProposalNamesProcess"];
    L03 Kafka13916FencedJoinsIsr Lifecycle "KIP-841, KAFKA-13916, fixed in 3.3" => ["ValidControllerIsrAndElr"];
    L04 Kafka16952NewEpochAtReregistration Lifecycle "KAFKA-16952, fixed in 3.9" => ["MonotonicBrokerEpoch"];
    L05 Kafka16757ReregistrationFences Lifecycle "KAFKA-16757, fixed in 3.7" => ["ReregistrationKeepsState"];
    L08 Kafka13959UnfencedAtLogEndOnly Lifecycle "KAFKA-13959, fixed in 3.3" => ["Recovery"];
    L09 Kafka14292ShutdownTargetMoves Lifecycle "KAFKA-14292, fixed in 3.3" => ["ControlledShutdownEnds"];
    L10 Kafka14296DemotionIgnored Lifecycle "KAFKA-14296, fixed in 3.3" => ["DemotionObeyed"];
    L11 Kafka13127StrayDetectionInverted Lifecycle "KAFKA-13127, fixed in 3.0.0" => ["AckedValueNotLost"];
    G31 SessionOnWallClock Lifecycle "liveness on a clock that may jump" => ["HeardBrokerNotFenced", "SilentBrokerFenced"];

    P01 Kip101TruncateToHighWatermark Repl "KIP-101, fixed in 0.11.0" => ["AckedValueNotLost"];
    P03 Kip279EndOffsetWithoutEpoch Repl "KIP-279, KAFKA-6361, fixed in 2.0.0" => ["Recovery"];
    P05 Kafka7128JoinBelowEpochStart Repl "KAFKA-7128, fixed in 2.0.1" => ["LeaderCandidateCompleteness"];
    P07 Kip320EpochOfFetchIgnored Repl "KIP-320, KAFKA-7395, fixed in 2.1.0" => ["PositionLost", "TruncationMissed"];
    P09 Kafka18991StaleFetchApplied Repl "KAFKA-18991, fixed in 3.9" => ["PresentLeaderObeyed"];
    P13 Kafka13207AnswerForRemovedPartition Repl "KAFKA-13207, fixed in 2.8.1" => ["PresentLeaderObeyed", "AckedValueNotLost"]
        hidden by "an answer that truncates must arrive after a promotion: two leader changes while one answer is in flight, the first of which left this replica records that its leader did not have";
    P15 Kafka10706EpochsLeftAtTruncation Repl "KAFKA-10706, fixed in 2.6.1" => ["Recovery"];
    P19 Kafka12751IsrChangeNeverCleared Repl "KAFKA-12751, fixed in 2.7.2" => ["Recovery"];
    P20 Kip497CommittedIsrOnly Repl "KIP-497, KAFKA-8836, since 2.7.0" => ["ReplicationQuorumSuperset", "LeaderCandidateCompleteness"];
    P24 Kafka2143RestartFromZero Repl "KAFKA-2143, fixed in 0.10.0" => ["AckedValueNotLost"];
    P32 Kafka16541EpochCheckpointNotForced Repl "KAFKA-16541, fixed in 3.8" => ["NoFatalFault", "PersistBeforePromise:D6"];
    P36 Jepsen2013NoMinIsr Repl "Jepsen 2013, Kafka 0.8 beta" => ["ReplicationQuorumSuperset"];
    G14 WrongDivergenceAnswer Repl "KIP-101, KIP-279" => ["Recovery"];
    G27 ShrinkCountsAtOnce Repl "KIP-497" => ["LeaderCandidateCompleteness", "ReplicationQuorumSuperset"];

    C03 Kafka12152BumpKeepsSequences Producer "KAFKA-12152, fixed in 2.7.1" => ["NewEpochBeginsAtZero"];
    C05 Kafka6683StateBeforeAppend Producer "KAFKA-6683, fixed in 1.0.2" => ["AckedValueNotLost"];
    C12 RetryRefusedAsOutOfOrder Producer "Jepsen on Redpanda 21.10.1, redpanda #3039" => ["DuplicateRecognised"];
    C12 RetryAnsweredWithWrongOffset Producer "Jepsen on Redpanda 21.10.1, redpanda #3003" => ["AckedValueNotLost"];
    G29 ProducerStateOfLeaderOnly Producer "KIP-98" => ["DuplicateRecord"];
    G29 ProducerStateNotRestored Producer "KIP-98" => ["DuplicateRecord", "IdempotentSequence"];

    N01 VoteComparesOffsetsOnly Raft "Raft §5.4.1" => ["LeaderCompleteness"];
    N02 FetchOffsetNeverGoesBack Raft "Raft §5.3: a majority; KAFKA-12181" => ["HighWatermarkAcknowledged"];
    N03 ObserverCountsForCheckQuorum Raft "KAFKA-15489" => ["LeaderWithoutMajorityResigns"];
    N04 AppendedKeptByFollower Raft "Raft §5.4.3" => ["CommittedReads"];
    N05 PreVoteOfFollowerInTouch Raft "KIP-996" => ["PreVoteRefusedInTouch"];
    N06 DivergingFetchCredited Raft "KIP-595" => ["MajorityReachedHighWatermark"];
    N07 ElrKeptAtMinIsr Controller "KIP-966" => ["ValidControllerIsrAndElr"];
    N08 NoRecordAnsweredAtOnce Controller "KIP-631" => ["StaleAdminAnswer", "HeardBrokerNotFenced"];
    N09 UnfencedBrokerNotYetAlive Controller "KIP-631" => ["LeaderWhileCandidateActive"];
    N10 ConfigsOutliveTopic Controller "KIP-631" => ["StaleAdminAnswer"];
    N11 PreferredLeaderOutsideIsr Controller "KIP-460" => ["ValidControllerIsrAndElr"];
    N12 ExpiredSessionOfFormerProcess Lifecycle "KIP-631" => ["HeardBrokerNotFenced"];
    N13 LastIsrMemberRemoved Controller "KIP-966" => ["AckedValueNotLost"];
    N14 ShutdownAwaitsItselfOnly Lifecycle "KIP-631" => ["ControlledShutdownWaits", "ControlledShutdownEnds"];
    N15 FetcherOutlivesElection Repl "KIP-101" => ["PresentLeaderObeyed"];
    N16 RefusedProposalForgotten Repl "KIP-497" => ["ProposalKeptUntilKnown"];
    N17 HighWatermarkBelowMinIsr Repl "KIP-966" => ["ReplicationQuorumSuperset", "LeaderCompleteness"];
    N18 ProducersNotRolledBack Producer "KIP-98" => ["IdempotentSequence"];
    N19 RemembersOneBatch Producer "KIP-98, KAFKA-5494" => ["DuplicateRecognised"];
    N20 AckAtLastOffset Repl "Kafka's acks=all" => ["ReplicationQuorumSuperset"];
    N21 UnknownEpochStopsFetching Repl "KIP-320" => ["Recovery"];
    N22 TruncatedSegmentsLeftOnDisk Repl "LocalLog.truncateTo" => ["LogMatching"];
    N23 UnresolvedOnlyOnTheWire Producer "KIP-360" => ["Recovery"];
    N24 RetriedBatchTakesMore Producer "KIP-98" => ["InventedRecord"];
    N25 OlderMetadataWithLeaderAccepted Producer "KIP-320" => ["PositionLost"];
    N26 PositionTakesLeaderEpoch Producer "KIP-320" => ["PositionLost"];
    N27 AdminCallForgottenInFlight Producer "KIP-117" => ["Recovery"];
    N28 RenameNotForced Raft "Utils.atomicMoveWithFallback, KAFKA-3968" => ["PersistBeforePromise:D2"];
    N29 TornTailNotCut Raft "torn writes" => ["LogMatching"];
    N30 FlushedCountsAsCommitted Repl "KIP-101" => ["GhostMismatch"];
    P31 Kafka3968SegmentNameNotForced Raft "KAFKA-3968, fixed in 3.0.0" => ["PersistBeforePromise:D8"];
    N33 FailedFsyncIgnored Raft "PostgreSQL, 2018; Rebello et al., ATC 2020" => ["PersistBeforePromise:D8"];
    N34 UnreadableSegmentEmpty Raft "Alagappan et al., FAST 2018" => ["DamagedFileRefused"];
    N35 ShortWriteIgnored Raft "FileRecords.append" => ["PersistBeforePromise:D8", "PersistBeforePromise:D2"];
    N32 SegmentsBehindCutKept Repl "LogLoader.recoverLog" => ["NoHoleBelowLogEnd", "HighWatermarkWithinLog", "LogMatching", "PersistBeforePromise:D8"];
};
