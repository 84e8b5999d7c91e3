//! The closed list of mistakes. A doc names the row of `bugs.md`, if it is of one, and says what the
//! wrong code does; a check's synthetic mutant names the check.

use super::declare::switches;

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
        /// D1's synthetic mutant: a candidate writes its new epoch, but not the vote for itself.
        OwnVoteNotRecorded,
        /// D2's synthetic mutant: an epoch seen in a message is answered before it is durable.
        EpochBumpNotDurable,
        /// D4's synthetic mutant: LeaderChange is appended before `quorum-state` names this node leader.
        LeaderStateAfterAppend,
        /// D5's synthetic mutant: a follower fetches and appends before its leader is durable.
        FollowerStateNotDurable,
        /// D6's synthetic mutant: the epoch cache entry is written after the batch.
        EpochCacheAfterBatch,
        /// D7's synthetic mutant: `partition.metadata` is written but not forced before the first append.
        TopicIdNotDurable,
        /// D9's synthetic mutant: the leader takes its next message before its append is forced.
        LeaderFlushSkipped,
        /// MonotonicEpoch's synthetic mutant: a restarted replica takes its epoch from its log, whatever
        /// `quorum-state` says.
        EpochFromLogAtRestart,
        /// DuplicateRecord's synthetic mutant: the state machine submits what it was asked to append twice.
        AppendSubmittedTwice,
        /// FailedAppendCommitted's synthetic mutant: a controller that loses its leadership tells those who
        /// wait that nothing was done; a partition's leader says NOT_ENOUGH_REPLICAS.
        PendingAppendRefused,
        /// The replica's high watermark may go back within an epoch.
        HighWatermarkGoesBack,
        /// CommittedRecordsDurable's synthetic mutant: recovery takes the last batch for torn, always.
        RecoveryDropsLastBatch,
        /// SingleActiveController's synthetic mutant: whoever hears of a new leader claims the epoch.
        FollowerClaimsLeadership,
        /// StateMachineSafety's synthetic mutant: the state machine is given the log to its end.
        AppliedPastHighWatermark,
        /// MonotonicReads' synthetic mutant: every other read is answered as of half the log; a consumer
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
        /// ImagesEqualAtEqualOffsets' synthetic mutant: of a delivery of several batches the loader loses the
        /// first.
        LoaderSkipsBatch,
        /// MonotonicBrokerEpoch's synthetic mutant: a new process of a broker gets the epoch of the one before.
        BrokerEpochReused,
        /// ProducerIdBlocksDisjoint's synthetic mutant: a block is handed out whole, and one id of it reserved.
        ProducerIdBlocksOverlap,
        /// LogMatching's synthetic mutant among partitions: a leader ignores the follower's last fetched epoch
        /// and serves from the offset.
        NoPartitionDivergenceCheck,
        /// MonotonicHighWatermark's synthetic mutant among partitions: a leader's high watermark follows a
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
        /// NeverTwoPartitionLeadersInSameEpoch's synthetic mutant: a new process of a broker takes over what
        /// the one before had, its leaderships included: no session is waited for, and nothing is fenced.
        RestartKeepsRoles,
        /// InventedRecord's synthetic mutant: a leader appends a batch without the producer that it is of.
        ProducerNotAppended,
        /// NonmonotonicSend's synthetic mutant: a record that finds others waiting goes into a batch of its
        /// own, ahead of them.
        NewerBatchOvertakes,
        /// IntPollSkip's synthetic mutant: of three batches fetched at once a poll leaves out the second.
        PollLeavesBatchOut,
        /// IntNonmonotonicPoll's synthetic mutant: a poll that has fetched several batches shows the first
        /// one twice.
        PollShowsBatchTwice,
        /// PositionLost's synthetic mutant: a consumer that is ahead of its leader's high watermark is out of
        /// range, and does not wait (KIP-207 for ListOffsets).
        OutOfRangeAboveHighWatermark,
        /// Unseen's synthetic mutant: a consumer never asks for partitions numbered 1.
        PartitionNeverRead,
        /// L04 (KAFKA-16952, fixed in 3.9): a registration that is sent again by the same process gets a
        /// new broker epoch.
        Kafka16952NewEpochAtReregistration,
        /// L05 (KAFKA-16757, fixed in 3.7): a registration that is sent again by the same process fences the
        /// broker, live as it is, and ends its controlled shutdown.
        Kafka16757ReregistrationFences,
        /// L08 (KAFKA-13959, fixed in 3.3): a broker has caught up when it is at the end of the controller's
        /// log, which NoOp records move on, and not when it is past its own registration.
        Kafka13959UnfencedAtLogEndOnly,
        /// L09 (KAFKA-14292, fixed in 3.3): each heartbeat of a broker that is stopping moves on the offset
        /// that the others must reach before it may go.
        Kafka14292ShutdownTargetMoves,
        /// L10 (KAFKA-14296, fixed in 3.3): a broker that is stopping does not take note that it leads no
        /// longer, and goes on serving.
        Kafka14296DemotionIgnored,
        /// L11 (KAFKA-13127, fixed in 3.0.0): a start sets aside exactly the logs that are to be kept.
        Kafka13127StrayDetectionInverted,
        /// G31: sessions of brokers run on the controller's wall clock, which may jump.
        SessionOnWallClock,
        /// G29, second form: what is known of idempotent producers is not restored from the log at a
        /// restart.
        ProducerStateNotRestored,
        /// C03 (KAFKA-12152, fixed in 2.7.1): a bump of its epoch leaves a producer's sequences as they are
        /// where nothing is in flight.
        Kafka12152BumpKeepsSequences,
        /// C05 (KAFKA-6683, fixed in 1.0.2): a leader notes a batch among its producer's before it is
        /// appended; if it is refused it counts as appended when it is sent again.
        Kafka6683StateBeforeAppend,
        /// C12 (Jepsen on Redpanda 21.10.1, redpanda #3039): a batch that is there already is refused as out
        /// of order, and not known for a duplicate.
        RetryRefusedAsOutOfOrder,
        /// C12, second form (redpanda #3003): a duplicate is known for one, and answered with the end of the
        /// log for its offset.
        RetryAnsweredWithWrongOffset,
        /// P03 (KIP-279, KAFKA-6361, fixed in 2.0.0): a leader that has no record of the follower's epoch
        /// answers with the end of an older one, and does not say that it is older.
        Kip279EndOffsetWithoutEpoch,
        /// P07 (KIP-320, KAFKA-7395, fixed in 2.1.0): a fetch is served whatever leader epoch it names.
        Kip320EpochOfFetchIgnored,
        /// P13 (KAFKA-13207, fixed in 2.8.1): an answer for a partition that is followed no longer still cuts
        /// its log.
        Kafka13207AnswerForRemovedPartition,
        /// P15 (KAFKA-10706, fixed in 2.6.1): a truncation at or past the end of the log returns at once, and
        /// leaves epochs of which there is no record.
        Kafka10706EpochsLeftAtTruncation,
        /// P24 (KAFKA-2143, fixed in 0.10.0): a follower that is ahead of its new leader begins again at
        /// offset 0.
        Kafka2143RestartFromZero,
        /// P32 (KAFKA-16541, fixed in 3.8): the checkpoint of a partition's leader epochs is not forced.
        Kafka16541EpochCheckpointNotForced,
        /// G27: a replica that is proposed to leave the ISR is not waited for any more, though the controller
        /// may refuse.
        ShrinkCountsAtOnce,
        /// M30 (KAFKA-14154, fixed in 3.3): a controller that lags says FENCED_LEADER_EPOCH, which is final,
        /// to a leader whose epochs are ahead of its own, and not NOT_CONTROLLER.
        Kafka14154LaggingControllerFences,
        /// M36 (KAFKA-18106, fixed in 4.0): a broker that shut down uncleanly is taken out of ISR and ELR
        /// without an election: its partitions keep their leader and epoch.
        Kafka18106UncleanWithoutElection,
        /// M37 (KAFKA-16540, fixed in 4.0): an ELR that was made under another `min.insync.replicas` is kept.
        Kafka16540ElrOfOldMinIsr,
        /// M38 (KAFKA-19522, fixed in 4.1): the last known leader is elected though it is fenced.
        Kafka19522FencedLastKnownLeader,
        /// M41 (KAFKA-13162, fixed in 3.1.0): ElectLeaders takes the election type for the other: asked for a
        /// preferred leader it holds an unclean election.
        Kafka13162ElectionTypeIgnored,
        /// Z02 (KAFKA-6082, fixed in 2.1.0): what a controller writes does not depend on the epoch that it
        /// claimed: what is refused because that epoch is over waits, and is appended when its node leads
        /// again.
        Kafka6082WriteWithoutEpoch,
        /// Z05 (KAFKA-428): an ISR is updated without a comparison of partition epochs.
        Kafka428NoCompareAndSet,
        /// R29 (KAFKA-17641, fixed in 4.0): a replica that asks for pre-votes goes back to its leader as soon
        /// as any voter names it, though its own fetches to that leader fail.
        Kafka17641BackToNamedLeader,
        /// R35 (KAFKA-17751, fixed in 3.9): a follower's poll timeout is always zero.
        Kafka17751PollTimeoutZero,
        /// G06, second form: a leader counts itself twice in the majority that moves its high watermark.
        LeaderCountedTwice,
        /// G09: a granted pre-vote counts in the real election, too.
        PreVoteCountsAsVote,
        /// G14, of the quorum: a leader answers a follower whose log diverges with the follower's own epoch
        /// and the end of its own log.
        WrongDivergenceAnswerOfQuorum,
        /// G32: a follower's fetch timeout is put off only by answers that carry records.
        FetchTimerNeedsRecords,
        /// G32, second form: a follower's fetch timeout is put off by any message of anybody.
        FetchTimerResetByAnyMessage,
        /// TruncationMissed's synthetic mutant: KAFKA-7747, fixed in 2.3.0: a consumer reads on at a new leader
        /// without asking whether that one's log is the one it has read.
        Kafka7747NoPositionValidation,
    }
}
