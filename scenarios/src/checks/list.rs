//! Every check, by the module that has it: what is claimed of every run. Of several that one event breaks, the first
//! in the list is reported, so that those stand first which say most plainly what is wrong.

use super::check::Check;
use super::claim::{Claim, Claimed};
use super::config::CheckConfig;
use super::event::{Crossing, Kinds};
use super::models::Models;
use super::verdict::Verdict;

/// Makes the list: the claims, and the judges by the events that they look at.
macro_rules! checks {
    (
        judged: { $($check:ident in $($module:ident)::+;)+ }
        judged by the models, or with another: { $($claim:ident in $($of:ident)::+;)+ }
    ) => {
        /// Every claim, in the order of the list.
        pub const CLAIMS: &[Claim] = &[
            $(<super::$($module)::+::$check as Claimed>::CLAIM,)+
            $(<super::$($of)::+::$claim as Claimed>::CLAIM,)+
        ];

        #[allow(non_snake_case)]
        #[derive(Clone, Debug)]
        pub struct Judges { $(pub $check: super::$($module)::+::$check,)+ }

        impl Judges {
            pub fn new(config: &CheckConfig) -> Judges {
                Judges { $($check: Check::new(config),)+ }
            }

            /// Something crossed a border: to all who look at events of its kind, which is known when this is compiled.
            #[inline]
            pub fn on(&mut self, crossing: &Crossing<'_>, models: &Models, verdict: &mut Verdict) {
                let kind = crossing.event.kind();
                // The first condition is known when this is compiled, and leaves a handful of checks.
                if kind.meets(Kinds::FREQUENT) {
                    $(if <super::$($module)::+::$check as Check>::EVENTS.meets(Kinds::FREQUENT)
                        && <super::$($module)::+::$check as Check>::EVENTS.meets(kind) {
                        self.$check.on(crossing, models, verdict);
                    })+
                    return;
                }
                $(if <super::$($module)::+::$check as Check>::EVENTS.meets(kind) {
                    self.$check.on(crossing, models, verdict);
                })+
            }
        }
    };
}

checks! {
    judged: {
        PersistBeforePromiseD2 in invariant::promise;
        PersistBeforePromiseD1 in invariant::promise;
        PersistBeforePromiseD3 in invariant::promise;
        PersistBeforePromiseD4 in invariant::promise;
        PersistBeforePromiseD8 in invariant::promise;
        PersistBeforePromiseD9 in invariant::promise;
        Leaders in invariant::leaders;
        ValidVotes in invariant::votes;
        PreVotes in invariant::pre_votes;
        HigherEpochObeyed in invariant::leaders;
        Acknowledged in invariant::acknowledged;
        CheckQuorum in invariant::check_quorum;
        QuorumKept in invariant::kept;
        Linger in invariant::linger;
        VoterUpdates in invariant::voter_update;
        NewVoters in invariant::voter_sets::new_voters;
        Campaigners in invariant::voter_sets;
        RemovedLeaders in invariant::voter_sets;
        Holes in invariant::holes;
        EpochsOfRecords in invariant::epochs;
        PersistBeforePromiseD10 in invariant::snapshots;
        NoRecordBelowLogStartNeeded in invariant::snapshots;
        Replayed in invariant::snapshots;
        InstalledSnapshots in invariant::snapshots;
        Campaigns in invariant::campaigns;
        Images in metadata::images;
        BrokerEpochs in metadata::brokers;
        ReregistrationKeepsState in metadata::brokers;
        Sessions in metadata::sessions;
        Heard in metadata::heard;
        Leaving in metadata::leaving;
        ProducerIds in metadata::producer_ids;
        IsrAndElr in metadata::partitions;
        IsrChanges in metadata::isr_changes;
        LeaderWhileCandidateActive in metadata::leaderless;
        Answered in invariant::answered;
        Early in invariant::early;
        Refused in invariant::refused;
        OtherClusters in invariant::refused::other_clusters;
        Shrinks in replication::shrinks;
        Demotions in replication::demotions;
        ProposalNamesProcess in replication::proposals;
    }
    judged by the models, or with another: {
        PersistBeforePromiseD5 in invariant::promise;
        PersistBeforePromiseD6 in invariant::promise;
        PersistBeforePromiseD7 in invariant::topic_id;
        MonotonicEpoch in invariant::leaders;
        OneVoterChangeAtATime in invariant::voter_sets;
        MonotonicHighWatermark in invariant::high_watermark;
        HighWatermarkWithinLog in invariant::high_watermark;
        LogMatching in invariant::log_matching;
        LeaderCompleteness in invariant::durability;
        StateMachineSafety in invariant::durability;
        MajorityReachedHighWatermark in invariant::durability;
        OwnEpochCommit in invariant::durability;
        SingleActiveController in invariant::durability;
        RecordAfterClaim in invariant::leaders;
        CommittedRecordsDurable in invariant::durability;
        NoFatalFault in invariant::fatal_fault;
        GhostMismatch in audit;
        SnapshotAtLogStart in invariant::snapshots;
        LinearizableAppends in linearizability;
        CommittedReads in linearizability;
        MonotonicReads in linearizability;
        DuplicateRecord in linearizability;
        FailedAppendCommitted in linearizability;
        AckedValueNotLost in replication::elections;
        CommittedMetadataReplays in metadata::model;
        ProposalKeptUntilKnown in replication::model;
        PresentLeaderObeyed in replication::answers;
        NeverTwoPartitionLeadersInSameEpoch in replication::elections;
        LeaderByCommittedMetadata in replication::elections;
        ReplicationQuorumSuperset in replication::acks;
        LeaderCandidateCompleteness in replication::elections;
        ConsistentRead in replication::partition;
        CheckpointedHighWatermark in replication::disks;
        IdempotentSequence in replication::producers;
        DuplicateRecognised in replication::producers;
        EndQuorumEpochObeyed in invariant::campaigns;
        PreVoteCarriedThrough in invariant::campaigns;
        ControlledShutdownWaits in metadata::leaving;
        PreVoteRefusedInTouch in invariant::early;
        ElectionNotEarly in invariant::early;
        RecoveryWithinBound in recovery;
        AvailableWithMajority in availability;
        InconsistentOffsets in clients::appends;
        LostWrite in clients::histories;
        AbortedRead in clients::appends;
        InventedRecord in clients::appends;
        UncommittedRead in clients::polls;
        NewEpochBeginsAtZero in clients::appends;
        NonmonotonicSend in clients::appends;
        PollSkip in clients::polls;
        NonmonotonicPoll in clients::polls;
        IntPollSkip in clients::polls;
        IntNonmonotonicPoll in clients::polls;
        PositionLost in clients::polls;
        TruncationMissed in clients::polls;
        Unseen in clients::histories;
        RetriedAfterBackoff in clients::retries;
        ValidationAnswerUsed in clients::validations;
        LinearizableAdmin in clients::answers;
        StaleAdminAnswer in clients::answers;
        UnaskedMetadata in clients::requested;
    }
}
