//! Historical mistakes as switches: each is off unless a scenario, a test or `--bug` asks.
//!
//! A row names its source in `bugs.md`'s numbering (R, M, L, P = a Kafka ticket of the raft layer,
//! the controller, the broker's lifecycle, the partitions; G = a generic mutation), what the wrong
//! code does, and nothing of how it is caught.

/// Declares the closed list of bugs with their names and documentation.
macro_rules! switches {
    ($(#[$meta:meta])* $name:ident, $set:ident { $($(#[doc = $doc:literal])+ $variant:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $doc])+ $variant,)+ }

        impl $name {
            /// Every one, in declaration order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)+];

            /// The name used on the command line and in files.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => stringify!($variant),)+ }
            }

            /// What it does, in the words of its documentation.
            pub fn doc(self) -> &'static str {
                match self { $($name::$variant => concat!($($doc),+),)+ }
            }

            /// Finds one by name.
            pub fn by_name(name: &str) -> Option<$name> {
                Self::ALL.iter().copied().find(|s| s.name() == name)
            }
        }

        /// A set of switches that are on.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $set(u128);

        impl $set {
            /// Nothing on.
            pub const NONE: $set = $set(0);

            /// Is this one on?
            #[inline]
            pub fn has(self, switch: $name) -> bool {
                self.0 >> (switch as u64) & 1 == 1
            }

            /// The set with this one on as well.
            #[must_use]
            pub fn with(self, switch: $name) -> $set {
                $set(self.0 | 1 << (switch as u64))
            }

            /// Those that are on, in declaration order.
            pub fn iter(self) -> impl Iterator<Item = $name> {
                $name::ALL.iter().copied().filter(move |s| self.has(*s))
            }
        }

        impl FromIterator<$name> for $set {
            fn from_iter<I: IntoIterator<Item = $name>>(switches: I) -> $set {
                switches.into_iter().fold($set::NONE, $set::with)
            }
        }
    };
}
pub(crate) use switches;

switches! {
    /// A mistake that can be switched on.
    Bug, Bugs {
        /// R01 (KAFKA-10533): no flush after an append; a follower's next fetch acknowledges
        /// records that are only in its page cache, and the leader counts its own unflushed end.
        Kafka10533AckBeforeFlush,
        /// R02 (KAFKA-10527): a replica whose `quorum-state` names it leader of an epoch resumes
        /// as leader of that same epoch after a restart.
        Kafka10527ResumeAsLeader,
        /// R04 (KAFKA-12331): the LeaderChange batch gets base offset 0 instead of the log end.
        Kafka12331LeaderChangeAtZero,
        /// R07 (KAFKA-15489): a leader never steps down when a majority has stopped fetching.
        Kafka15489NoCheckQuorum,
        /// R21 (KAFKA-18723): parked fetches read their bytes from the log when the response is
        /// written, after it may have been cut and rewritten, and the follower appends batches
        /// without comparing their epoch with the epoch of its request.
        Kafka18723StaleFetchAppended,
        /// R24 (KAFKA-10826): the poll deadline ignores the append linger, so an accepted record
        /// is not drained while the network is quiet.
        Kafka10826LingerIgnored,
        /// R25 (KAFKA-12181): a leader fails hard when a follower's fetch offset moves backward.
        Kafka12181FetchOffsetBackwardFatal,
        /// R26 (KAFKA-14644): a fault on the raft thread is swallowed; the process lives on, its loop is
        /// dead.
        Kafka14644FaultSwallowed,
        /// R28 (KIP-996): no pre-vote; a cut-off follower bumps its epoch and deposes a healthy
        /// leader when it comes back.
        Kip996NoPreVote,
        /// R30 (KAFKA-20895): a follower told by EndQuorumEpoch that its leader resigned still
        /// refuses pre-votes because it fetched once in this epoch. (Faithful Kafka does this; the
        /// switch makes the override never happen at all: EndQuorumEpoch is ignored.)
        EndQuorumEpochIgnored,
        /// G01: the vote is answered before it is durable.
        VoteNotDurable,
        /// G02: a vote is granted whenever the epoch matches, whoever was voted for before.
        TwoVotesInOneEpoch,
        /// G04: a vote is granted to any candidate of a new epoch, whatever its log.
        NoLogTest,
        /// G05: the high watermark counts replicas of older epochs: no own-epoch condition.
        CountOldEpochReplicas,
        /// G10: a leader that sees a higher epoch stays leader.
        HigherEpochIgnored,
        /// G11: a candidate bumps its epoch only in memory.
        EpochNotDurable,
        /// G12: a leader counts a fetch as an acknowledgement though it carries another epoch.
        NoEpochCheckOnFetch,
        /// G13: a leader ignores the follower's last fetched epoch and serves from the offset.
        NoDivergenceCheck,
        /// G15: a follower truncates below its own high watermark if told to.
        TruncateBelowHighWatermark,
        /// G17: the client is answered when the record is in the leader's log; a partition's leader
        /// takes acks=all for acks=1.
        AckAtAppend,
        /// G30: recovery accepts a half-written last batch: no checksum.
        NoChecksumOnRecovery,
        /// D1's own mutant: a candidate writes its new epoch, but not the vote for itself.
        OwnVoteNotRecorded,
        /// D2's own mutant: an epoch seen in a message is answered before it is durable.
        EpochBumpNotDurable,
        /// D4's own mutant: LeaderChange is appended before `quorum-state` names this node leader.
        LeaderStateAfterAppend,
        /// D5's own mutant: a follower fetches and appends before its leader is durable.
        FollowerStateNotDurable,
        /// D6's own mutant: the epoch cache entry is written after the batch.
        EpochCacheAfterBatch,
        /// D7's own mutant: `partition.metadata` is written but not forced before the first append.
        TopicIdNotDurable,
        /// D9's own mutant: the leader takes its next message before its append is forced.
        LeaderFlushSkipped,
        /// MonotonicEpoch's own mutant: a restarted replica takes its epoch from its log, whatever
        /// `quorum-state` says.
        EpochFromLogAtRestart,
        /// DuplicateRecord's own mutant: the state machine submits what it was asked to append twice.
        AppendSubmittedTwice,
        /// FailedAppendCommitted's own mutant: a controller that loses its leadership tells those who
        /// wait that nothing was done; a partition's leader says NOT_ENOUGH_REPLICAS.
        PendingAppendRefused,
        /// The replica's high watermark may go back within an epoch.
        HighWatermarkGoesBack,
        /// CommittedRecordsDurable's own mutant: recovery takes the last batch for torn, always.
        RecoveryDropsLastBatch,
        /// SingleActiveController's own mutant: whoever hears of a new leader claims the epoch.
        FollowerClaimsLeadership,
        /// StateMachineSafety's own mutant: the state machine is given the log to its end.
        AppliedPastHighWatermark,
        /// MonotonicReads' own mutant: every other read is answered as of half the log; a consumer
        /// goes on at half the offset it has read to.
        ReadsGoBack,
        /// A node reports a log end in audits that its disk does not hold.
        AuditLies,
        /// The state machine answers reads from its log end, not from what was committed; a partition's
        /// leader serves consumers to its log end, past the high watermark.
        ReadUncommitted,
        /// The state machine acknowledges with an offset one too low; so does a partition's leader.
        AckWrongOffset,
        /// R05 (KAFKA-15345, fixed in 3.6): the state machine is told that it leads as soon as the
        /// election is won, not when it has applied what lies before the start of the epoch.
        Kafka15345LeaderBeforeCaughtUp,
        /// M15 (KAFKA-13114, fixed in 3.0.0): a controller that renounces has no snapshot at the
        /// committed offset to go back to; what was not committed stays in its memory.
        Kafka13114RenounceWithoutRevert,
        /// M19 (KAFKA-15048, fixed in 3.6): a read is answered from the newest state in memory, not from
        /// the last committed one. (In Kafka listPartitionReassignments; here describeConfigs.)
        Kafka15048ReadOfLatestState,
        /// M24 (KAFKA-13173, fixed in 3.0.0): all sessions that have expired are handled in one event; the
        /// changes of ISRs and leaders for each broker are computed from the state before the event,
        /// and a later one overwrites an earlier one.
        Kafka13173ExpiriesFromOneBase,
        /// M25 (KAFKA-18138, fixed in 4.0): a new active controller opens no session for the brokers that
        /// are registered already: one that died with the controller before it is never fenced.
        Kafka18138NoSessionAfterFailover,
        /// M28 (KAFKA-13083, fixed in 3.0.0): the ISR of a new partition has every assigned broker, fenced
        /// or not.
        Kafka13083FencedInNewIsr,
        /// L01 (KAFKA-14617, KIP-903, fixed in 3.5): neither fetches nor ISR changes say which process of a
        /// broker they are of: a late one adds a replica that is another process by now.
        Kafka14617IsrWithoutEpochs,
        /// P01 (KIP-101, fixed in 0.11.0): a replica that becomes a follower is cut to its own high
        /// watermark, not to where epochs diverge.
        Kip101TruncateToHighWatermark,
        /// P05 (KAFKA-7128, fixed in 2.0.1): a replica joins the ISR when it reaches the leader's high
        /// watermark, even below the start of the leader's epoch.
        Kafka7128JoinBelowEpochStart,
        /// P09 (KAFKA-18991, fixed in 3.9): a fetch answer is held against the offset that was asked for, and
        /// not against the leader epoch: one of an older epoch is applied, divergence included.
        Kafka18991StaleFetchApplied,
        /// P19 (KAFKA-12751, fixed in 2.7.2): metadata that overtakes the answer to an ISR change does not
        /// end "in flight": no further change is ever proposed.
        Kafka12751IsrChangeNeverCleared,
        /// P20 (KIP-497, fixed in 2.7.0): the high watermark moves with the committed ISR; a replica that was
        /// proposed, and may be a member already, is not waited for.
        Kip497CommittedIsrOnly,
        /// P36 (Kafka 0.8 as Jepsen saw it in 2013): there is no min ISR; a leader whose ISR is itself
        /// alone goes on acknowledging.
        Jepsen2013NoMinIsr,
        /// G18: who waits for an offset is answered when the high watermark passes it, though another
        /// leader's record stands there.
        AckByOffset,
        /// G29: what is known of idempotent producers lives on the leader that appended; its followers
        /// take no note.
        ProducerStateOfLeaderOnly,
        /// ImagesEqualAtEqualOffsets' own mutant: of a delivery of several batches the loader loses the
        /// first.
        LoaderSkipsBatch,
        /// MonotonicBrokerEpoch's own mutant: a new process of a broker gets the epoch of the one before.
        BrokerEpochReused,
        /// ProducerIdBlocksDisjoint's own mutant: a block is handed out whole, and one id of it reserved.
        ProducerIdBlocksOverlap,
        /// LogMatching's own mutant among partitions: a leader ignores the follower's last fetched epoch
        /// and serves from the offset.
        NoPartitionDivergenceCheck,
        /// MonotonicHighWatermark's own mutant among partitions: a leader's high watermark follows a
        /// replica that went back.
        PartitionHighWatermarkGoesBack,
        /// The first replica of a partition leads it, too, whoever was elected.
        FirstReplicaLeads,
        /// A leader takes an idempotent producer's batches in any order.
        SequenceNotChecked,
        /// The controller answers when records are written, not when they are committed.
        AnsweredBeforeCommit,
        /// A consumer that hears of another leader goes on at the end of its log.
        ConsumerResetsAtNewLeader,
        /// L03 (KAFKA-13916, KIP-841, fixed in 3.3): a replica that is fenced or shutting down may join
        /// the ISR: neither the leader nor the controller asks.
        Kafka13916FencedJoinsIsr,
        /// M35 (KAFKA-18635, fixed in 4.0): a new process of a broker counts as cleanly shut down
        /// without proof, and stays in the ELR.
        Kafka18635UncleanShutdownUnnoticed,
        /// G14: a partition's leader answers a follower whose log diverges with the follower's own
        /// epoch and the end of its own log.
        WrongDivergenceAnswer,
        /// NeverTwoPartitionLeadersInSameEpoch's own mutant: a new process of a broker takes over what
        /// the one before had, its leaderships included: no session is waited for, and nothing is fenced.
        RestartKeepsRoles,
        /// InventedRecord's own mutant: a leader appends a batch without the producer that it is of.
        ProducerNotAppended,
        /// NonmonotonicSend's own mutant: a record that finds others waiting goes into a batch of its
        /// own, ahead of them.
        NewerBatchOvertakes,
        /// IntPollSkip's own mutant: of three batches fetched at once a poll leaves out the second.
        PollLeavesBatchOut,
        /// IntNonmonotonicPoll's own mutant: a poll that has fetched several batches shows the first
        /// one twice.
        PollShowsBatchTwice,
        /// PositionLost's own mutant: a consumer that is ahead of its leader's high watermark is out of
        /// range, and does not wait (KIP-207 for ListOffsets).
        OutOfRangeAboveHighWatermark,
        /// Unseen's own mutant: a consumer never asks for partitions numbered 1.
        PartitionNeverRead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        let set: Bugs = [Bug::NoLogTest, Bug::VoteNotDurable].into_iter().collect();
        assert!(set.has(Bug::NoLogTest) && !set.has(Bug::AckAtAppend));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Bug::VoteNotDurable, Bug::NoLogTest]);
        assert_eq!(Bug::by_name("NoLogTest"), Some(Bug::NoLogTest));
        assert!(Bug::ALL.len() <= 128);
    }
}
