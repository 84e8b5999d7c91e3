//! The closed list of bugs. The documentation of a row of `bugs.md` begins with the row's id and says what the wrong
//! code does; that of a check's synthetic mutant begins with the name of the check.

use super::declare::switches;

switches! {
    /// A bug that can be switched on.
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
        /// R09 (KAFKA-16530): the high watermark always counts the leader's own log end, also after the leader has removed
        /// itself from the voters.
        Kafka16530LeaderOutsideVotersCounts,
        /// R10 (KAFKA-16531): the check of the quorum always counts the leader as one of its majority, also after it has
        /// removed itself from the voters.
        Kafka16531CheckQuorumCountsLeader,
        /// R11 (KAFKA-17067): any controller whose timer expires begins an election, whether it is a voter or not.
        Kafka17067ObserverCampaigns,
        /// R12 (KAFKA-17332, KAFKA-13884): a controller forces what it has fetched only if it is a voter by its own log.
        Kafka17332ForcedByVotersOnly,
        /// R13 (KIP-853): voters are identified by their ids alone; directory ids are ignored.
        Kip853DirectoryIdIgnored,
        /// R17 (Ongaro 2015): a leader begins a change of the voters before it has committed a record of its own epoch.
        VoterChangeBeforeOwnCommit,
        /// R18: a leader begins a change of the voters while the last one, which has timed out, is not committed.
        VoterChangeBesideUncommitted,
        /// R19 (KIP-853): a leader refuses the fetches of controllers that are not in its voter set.
        FetchOfObserverRefused,
        /// R33 (KAFKA-17030): a replica that knows no leader and takes itself for a voter waits for BeginQuorumEpoch, and
        /// does not ask the bootstrap servers.
        Kafka17030VoterAsksNobody,
        /// R21 (KAFKA-18723): a delayed fetch reads its bytes from the log when the response is written, after
        /// the log may have been truncated and rewritten, and the follower appends batches without comparing
        /// their epoch with the epoch of its request.
        Kafka18723StaleFetchAppended,
        /// R24 (KAFKA-10826): the poll deadline ignores the append linger, so an accepted record
        /// is not drained while the network is quiet.
        Kafka10826LingerIgnored,
        /// R25 (KAFKA-12181): a leader fails hard when a follower's fetch offset moves backward.
        Kafka12181FetchOffsetBackwardFatal,
        /// R26 (KAFKA-14644): a fault on the raft thread is swallowed: the process continues, but its raft loop
        /// has ended.
        Kafka14644FaultSwallowed,
        /// R28 (KIP-996): no pre-vote; an isolated follower bumps its epoch and deposes a healthy leader when
        /// its connection returns.
        Kip996NoPreVote,
        /// R30 (KAFKA-20895): a follower that receives EndQuorumEpoch from its resigning leader still refuses
        /// pre-votes, because it has fetched once in this epoch. (Faithful Kafka does this; with the switch
        /// EndQuorumEpoch is ignored altogether.)
        EndQuorumEpochIgnored,
        /// G01: the vote is answered before it is durable.
        VoteNotDurable,
        /// G02: a vote is granted whenever the epoch matches, even if the voter has voted for another
        /// candidate.
        TwoVotesInOneEpoch,
        /// G04: a vote is granted to any candidate of a new epoch without comparing logs.
        NoLogTest,
        /// G05: the high watermark counts replicas of older epochs: the condition on records of the leader's
        /// own epoch is missing.
        CountOldEpochReplicas,
        /// G10: a leader that sees a higher epoch stays leader.
        HigherEpochIgnored,
        /// G11: a candidate bumps its epoch only in memory.
        EpochNotDurable,
        /// G12: a leader counts a fetch as an acknowledgement though it carries another epoch.
        NoEpochCheckOnFetch,
        /// G13: a leader ignores the follower's last fetched epoch and serves from the offset.
        NoDivergenceCheck,
        /// G15: a follower truncates below its own high watermark if its leader's answer asks it to.
        TruncateBelowHighWatermark,
        /// G17: the client is answered when the record is in the leader's log; a partition's leader treats
        /// acks=all as acks=1.
        AckAtAppend,
        /// G30: recovery accepts a half-written last batch: it does not verify checksums.
        NoChecksumOnRecovery,
        /// D1's synthetic mutant: a candidate writes its new epoch, but not its vote for itself.
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
        /// MonotonicEpoch's synthetic mutant: a restarted replica takes its epoch from its log and ignores
        /// `quorum-state`.
        EpochFromLogAtRestart,
        /// DuplicateRecord's synthetic mutant: the state machine submits each requested append twice.
        AppendSubmittedTwice,
        /// FailedAppendCommitted's synthetic mutant: a controller that loses its leadership answers pending
        /// requests as if nothing had been written; a partition's leader answers NOT_ENOUGH_REPLICAS.
        PendingAppendRefused,
        /// The replica's high watermark may go back within an epoch.
        HighWatermarkGoesBack,
        /// CommittedRecordsDurable's synthetic mutant: recovery always treats the last batch as torn and
        /// removes it.
        RecoveryDropsLastBatch,
        /// SingleActiveController's synthetic mutant: every replica that learns of a new leader claims the
        /// epoch for itself.
        FollowerClaimsLeadership,
        /// StateMachineSafety's synthetic mutant: the state machine receives the log up to its end.
        AppliedPastHighWatermark,
        /// MonotonicReads' synthetic mutant: every other read is answered from the first half of the log; a
        /// consumer continues at half the offset that it has reached.
        ReadsGoBack,
        /// A node reports a log end in audits that its disk does not hold.
        AuditLies,
        /// The state machine answers reads up to its log end instead of the committed offset; a partition's
        /// leader serves consumers up to its log end, past the high watermark.
        ReadUncommitted,
        /// The state machine, and a partition's leader, acknowledge an append with an offset that is one too
        /// low.
        AckWrongOffset,
        /// R05 (KAFKA-15345, fixed in 3.6): the state machine is notified of its leadership as soon as the
        /// election is won, before it has applied the log up to the start of the epoch.
        Kafka15345LeaderBeforeCaughtUp,
        /// M15 (KAFKA-13114, fixed in 3.0.0): a controller that renounces has no snapshot at the committed
        /// offset to revert to; uncommitted changes stay in its memory.
        Kafka13114RenounceWithoutRevert,
        /// M19 (KAFKA-15048, fixed in 3.6): a read is answered from the newest state in memory instead of the
        /// last committed one. (In Kafka listPartitionReassignments; here describeConfigs.)
        Kafka15048ReadOfLatestState,
        /// M24 (KAFKA-13173, fixed in 3.0.0): all expired sessions are handled in one event; the changes of
        /// ISRs and leaders for each broker are computed from the state before the event, and a later change
        /// overwrites an earlier one.
        Kafka13173ExpiriesFromOneBase,
        /// M25 (KAFKA-18138, fixed in 4.0): a new active controller opens no sessions for the brokers that are
        /// already registered: a broker that died together with the controller before it is never fenced.
        Kafka18138NoSessionAfterFailover,
        /// M28 (KAFKA-13083, fixed in 3.0.0): the ISR of a new partition contains every assigned broker, even
        /// fenced ones.
        Kafka13083FencedInNewIsr,
        /// L01 (KAFKA-14617, KIP-903, fixed in 3.5): fetches and ISR changes do not name the process of the
        /// broker (its broker epoch): a late one adds a replica that has been restarted since.
        Kafka14617IsrWithoutEpochs,
        /// P01 (KIP-101, fixed in 0.11.0): a replica that becomes a follower truncates its log to its own high
        /// watermark, not to the offset at which the epochs diverge.
        Kip101TruncateToHighWatermark,
        /// P05 (KAFKA-7128, fixed in 2.0.1): a replica joins the ISR when it reaches the leader's high
        /// watermark, even below the start of the leader's epoch.
        Kafka7128JoinBelowEpochStart,
        /// P09 (KAFKA-18991, fixed in 3.9): a fetch answer is compared with the requested offset, but not with
        /// the leader epoch: an answer of an older epoch is applied, including its diverging epoch.
        Kafka18991StaleFetchApplied,
        /// P19 (KAFKA-12751, fixed in 2.7.2): metadata that arrives before the answer to an ISR change does not
        /// clear the change in flight: no further change is ever proposed.
        Kafka12751IsrChangeNeverCleared,
        /// P20 (KIP-497, fixed in 2.7.0): the high watermark moves with the committed ISR and does not wait for
        /// a replica that was proposed and may already be a member.
        Kip497CommittedIsrOnly,
        /// P36 (Kafka 0.8 as tested by Jepsen in 2013): there is no min ISR; a leader that is alone in its ISR
        /// continues to acknowledge.
        Jepsen2013NoMinIsr,
        /// G18: a request that waits for an offset is answered when the high watermark passes that offset, even
        /// if the record there is another leader's.
        AckByOffset,
        /// G29: only the leader that appended a batch keeps the state of its idempotent producer; its followers
        /// do not.
        ProducerStateOfLeaderOnly,
        /// ImagesEqualAtEqualOffsets' synthetic mutant: when several batches are delivered at once the loader
        /// loses the first.
        LoaderSkipsBatch,
        /// MonotonicBrokerEpoch's synthetic mutant: a new process of a broker gets the epoch of the previous
        /// one.
        BrokerEpochReused,
        /// ProducerIdBlocksDisjoint's synthetic mutant: a whole block is handed out, but only one id of it is
        /// reserved.
        ProducerIdBlocksOverlap,
        /// LogMatching's synthetic mutant among partitions: a leader ignores the follower's last fetched epoch
        /// and serves from the offset.
        NoPartitionDivergenceCheck,
        /// MonotonicHighWatermark's synthetic mutant among partitions: a leader's high watermark follows a
        /// replica whose log end went back.
        PartitionHighWatermarkGoesBack,
        /// RequestAnswered's synthetic mutant: a controller that renounces forgets the requests that wait for a
        /// commit.
        RenouncedWithoutAnswer,
        /// IsrNotShrunkEarly's synthetic mutant: a replica lags after an eighth of `replica.lag.time.max.ms`.
        ShrunkEarly,
        /// ControlledShutdownWaits' synthetic mutant: a broker that leaves is let go when it leads nothing, whatever
        /// metadata the others have.
        LetGoEarly,
        /// RetriedAfterBackoff's synthetic mutant: an admin client sends a call that has failed again at once.
        RetriedAtOnce,
        /// R16 (KIP-595): a `quorum-state` that cannot be read counts as absent, and the voter votes once more in an epoch
        /// in which it has voted.
        MalformedElectionIgnored,
        /// Recovery's synthetic mutant: a controller that renounces does not tell raft, which leads on.
        RenouncedUnheard,
        /// LeaderNotLeftEarly's synthetic mutant: a follower's timer restarts with a quarter of the fetch timeout.
        LeaderLeftEarly,
        /// ElectionNotEarly's synthetic mutant: an election timeout is drawn from 0 to
        /// `controller.quorum.election.timeout.ms`, not from that to twice as much.
        ElectionTimeoutFromZero,
        /// RetriedAfterBackoff's synthetic mutant: a producer sends a batch that has failed again at once.
        BatchRetriedAtOnce,
        /// RequestAnswered's synthetic mutant: a broker remembers only the newest request that it has forwarded.
        ForwardedForgotten,
        /// The first replica of a partition leads it in addition to the elected leader.
        FirstReplicaLeads,
        /// A leader accepts an idempotent producer's batches in any order.
        SequenceNotChecked,
        /// The controller answers when records are written, before they are committed.
        AnsweredBeforeCommit,
        /// A consumer that learns of a new leader continues at the end of that leader's log.
        ConsumerResetsAtNewLeader,
        /// L03 (KAFKA-13916, KIP-841, fixed in 3.3): a replica that is fenced or shutting down may join the
        /// ISR: neither the leader nor the controller checks its state.
        Kafka13916FencedJoinsIsr,
        /// M35 (KAFKA-18635, fixed in 4.0): a new process of a broker counts as cleanly shut down
        /// without proof, and stays in the ELR.
        Kafka18635UncleanShutdownUnnoticed,
        /// G14: a partition's leader answers a follower whose log diverges with the follower's own
        /// epoch and the end of its own log.
        WrongDivergenceAnswer,
        /// NeverTwoPartitionLeadersInSameEpoch's synthetic mutant: a new process of a broker keeps the roles of
        /// the previous one, including its leaderships: no session is waited for, and nothing is fenced.
        RestartKeepsRoles,
        /// InventedRecord's synthetic mutant: a leader appends a batch without its producer id.
        ProducerNotAppended,
        /// NonmonotonicSend's synthetic mutant: a record that arrives while others wait goes into a new batch
        /// ahead of them.
        NewerBatchOvertakes,
        /// IntPollSkip's synthetic mutant: a poll that has fetched three batches at once omits the second.
        PollLeavesBatchOut,
        /// IntNonmonotonicPoll's synthetic mutant: a poll that has fetched several batches returns the first
        /// one twice.
        PollShowsBatchTwice,
        /// PositionLost's synthetic mutant: a consumer whose position is above its leader's high watermark gets
        /// OFFSET_OUT_OF_RANGE instead of waiting (KIP-207 for ListOffsets).
        OutOfRangeAboveHighWatermark,
        /// Unseen's synthetic mutant: a consumer never fetches partitions numbered 1.
        PartitionNeverRead,
        /// ValidationAnswerUsed's synthetic mutant: a consumer that finds an error in an answer to OffsetForLeaderEpoch
        /// does not look at the other partitions of the answer.
        ValidationEndsAtError,
        /// L04 (KAFKA-16952, fixed in 3.9): a registration that the same process sends again gets a new broker
        /// epoch.
        Kafka16952NewEpochAtReregistration,
        /// L05 (KAFKA-16757, fixed in 3.7): a registration that the same process sends again fences the broker
        /// although it is active, and ends its controlled shutdown.
        Kafka16757ReregistrationFences,
        /// L08 (KAFKA-13959, fixed in 3.3): a broker counts as caught up when it has reached the end of the
        /// controller's log, which NoOp records keep extending, and not when it has passed its own
        /// registration.
        Kafka13959UnfencedAtLogEndOnly,
        /// L09 (KAFKA-14292, fixed in 3.3): each heartbeat of a broker in controlled shutdown raises the offset
        /// that the other brokers must reach before it may stop.
        Kafka14292ShutdownTargetMoves,
        /// L10 (KAFKA-14296, fixed in 3.3): a broker in controlled shutdown ignores that it no longer leads a
        /// partition and continues to serve it.
        Kafka14296DemotionIgnored,
        /// L11 (KAFKA-13127, fixed in 3.0.0): a start sets aside as strays exactly the logs that must be kept.
        Kafka13127StrayDetectionInverted,
        /// G31: sessions of brokers are timed by the controller's wall clock, which may jump.
        SessionOnWallClock,
        /// G29, second form: the state of idempotent producers is not restored from the log at a restart.
        ProducerStateNotRestored,
        /// C03 (KAFKA-12152, fixed in 2.7.1): an epoch bump does not reset a producer's sequences for
        /// partitions without requests in flight.
        Kafka12152BumpKeepsSequences,
        /// C05 (KAFKA-6683, fixed in 1.0.2): a leader records a batch in its producer state before it is
        /// appended; a batch that is refused counts as appended when it is sent again.
        Kafka6683StateBeforeAppend,
        /// C12 (Jepsen on Redpanda 21.10.1, redpanda #3039): a batch that is already in the log is refused as
        /// out of order instead of being recognised as a duplicate.
        RetryRefusedAsOutOfOrder,
        /// C12, second form (redpanda #3003): a duplicate is recognised, but the answer contains the end of the
        /// log instead of its offset.
        RetryAnsweredWithWrongOffset,
        /// P03 (KIP-279, KAFKA-6361, fixed in 2.0.0): a leader that has no record of the follower's epoch
        /// answers with the end of an older epoch without naming that epoch.
        Kip279EndOffsetWithoutEpoch,
        /// P07 (KIP-320, KAFKA-7395, fixed in 2.1.0): a fetch is served without comparing the leader epoch that
        /// it names.
        Kip320EpochOfFetchIgnored,
        /// P13 (KAFKA-13207, fixed in 2.8.1): an answer for a partition that the replica no longer follows
        /// still truncates its log.
        Kafka13207AnswerForRemovedPartition,
        /// P15 (KAFKA-10706, fixed in 2.6.1): a truncation at or past the end of the log returns at once and
        /// keeps epochs in the cache that have no record.
        Kafka10706EpochsLeftAtTruncation,
        /// P24 (KAFKA-2143, fixed in 0.10.0): a follower whose log is longer than its new leader's starts again
        /// at offset 0.
        Kafka2143RestartFromZero,
        /// P32 (KAFKA-16541, fixed in 3.8): the checkpoint of a partition's leader epochs is not forced.
        Kafka16541EpochCheckpointNotForced,
        /// G27: the high watermark no longer waits for a replica as soon as its removal from the ISR is
        /// proposed, although the controller may refuse.
        ShrinkCountsAtOnce,
        /// M30 (KAFKA-14154, fixed in 3.3): a controller that lags answers FENCED_LEADER_EPOCH, which is final,
        /// instead of NOT_CONTROLLER to a leader whose epochs are higher than its own.
        Kafka14154LaggingControllerFences,
        /// M36 (KAFKA-18106, fixed in 4.0): a broker that shut down uncleanly is removed from ISR and ELR
        /// without an election: its partitions keep their leader and epoch.
        Kafka18106UncleanWithoutElection,
        /// M37 (KAFKA-16540, fixed in 4.0): an ELR is kept although `min.insync.replicas` was altered.
        Kafka16540ElrOfOldMinIsr,
        /// M38 (KAFKA-19522, fixed in 4.1): the last known leader is elected although it is fenced.
        Kafka19522FencedLastKnownLeader,
        /// M41 (KAFKA-13162, fixed in 3.1.0): ElectLeaders confuses the election types: a request for the
        /// preferred leader holds an unclean election.
        Kafka13162ElectionTypeIgnored,
        /// Z02 (KAFKA-6082, fixed in 2.1.0): a controller's writes do not depend on the epoch that it claimed:
        /// a write that is refused because that epoch has ended waits, and is appended when its node leads
        /// again.
        Kafka6082WriteWithoutEpoch,
        /// Z05 (KAFKA-428): an ISR is updated without comparing partition epochs.
        Kafka428NoCompareAndSet,
        /// R29 (KAFKA-17641, fixed in 4.0): a replica that requests pre-votes returns to its leader as soon as
        /// any voter names it, although its own fetches to that leader fail.
        Kafka17641BackToNamedLeader,
        /// R35 (KAFKA-17751, fixed in 3.9): a follower's poll timeout is always zero.
        Kafka17751PollTimeoutZero,
        /// G06, second form: a leader counts itself twice in the majority that moves its high watermark.
        LeaderCountedTwice,
        /// G09: a granted pre-vote also counts in the real election.
        PreVoteCountsAsVote,
        /// G14, in the quorum: a leader answers a follower whose log diverges with the follower's own epoch and
        /// the end of its own log.
        WrongDivergenceAnswerOfQuorum,
        /// G32: only answers that carry records reset a follower's fetch timeout.
        FetchTimerNeedsRecords,
        /// G32, second form: any message from any node resets a follower's fetch timeout.
        FetchTimerResetByAnyMessage,
        /// TruncationMissed's synthetic mutant: KAFKA-7747, fixed in 2.3.0: a consumer reads on at a new leader
        /// without validating that its log contains the records that it has read.
        Kafka7747NoPositionValidation,
        /// M39 (KAFKA-19383, fixed in 4.0): a ClearElr record restores a topic that was deleted in the same delta,
        /// with its old id.
        Kafka19383ClearElrRestoresTopic,
        /// M40 (KAFKA-19497, fixed in 4.2): a topic that is created and deleted in one delta stays among the created
        /// ones, and so in the image.
        Kafka19497DeletedTopicStaysCreated,
        /// Z08 (KAFKA-15799, fixed in 3.6): the whole metadata that a process loads at its start is merged as if it
        /// were incremental: topics that it deletes stay.
        Kafka15799FullUpdateKeepsDeleted,
        /// G25: replay uses the local clock: a record that unfences a broker has an effect only while it is younger
        /// than a session.
        ReplayByLocalClock,
        /// N01: a voter compares the end offsets of the two logs, but not the epochs of their last records.
        VoteComparesOffsetsOnly,
        /// N02: a leader keeps the highest fetch offset of each voter, even when the voter has lost records
        /// since.
        FetchOffsetNeverGoesBack,
        /// N03: a leader counts the fetches of observers for check quorum.
        ObserverCountsForCheckQuorum,
        /// N04: a leader that becomes a follower keeps its queue of batches that wait for their commit; when it
        /// leads again it delivers them, although they may no longer be in the log.
        AppendedKeptByFollower,
        /// N05: a follower grants a pre-vote although it has fetched from its leader in this epoch.
        PreVoteOfFollowerInTouch,
        /// N06: a fetch whose log diverges counts as an acknowledgement of its fetch offset.
        DivergingFetchCredited,
        /// N07: a replica that leaves the ISR joins the ELR although the ISR still has `min.insync.replicas`
        /// members, and the high watermark goes on.
        ElrKeptAtMinIsr,
        /// N08: a result without records is answered before the records that it depends on are committed.
        NoRecordAnsweredAtOnce,
        /// N09: when a broker is unfenced, the election for partitions without a leader regards it as still
        /// fenced.
        UnfencedBrokerNotYetAlive,
        /// N10: the removal of a topic does not remove its configs from the controller's state.
        ConfigsOutliveTopic,
        /// N11: the preferred election chooses the first replica although it is not in the ISR.
        PreferredLeaderOutsideIsr,
        /// N12: the expired session of a former process of a broker fences its present process.
        ExpiredSessionOfFormerProcess,
        /// N13: without the ELR feature the last member of an ISR is removed from it, too, and nobody may be
        /// elected again.
        LastIsrMemberRemoved,
        /// N14: a controlled shutdown waits for the metadata of the brokers that shut down, not for that of the
        /// others.
        ShutdownAwaitsItselfOnly,
        /// N15: a replica that becomes leader continues to fetch from the former leader.
        FetcherOutlivesElection,
        /// N16: a leader takes INVALID_UPDATE_VERSION for a refusal of its proposal, although the proposal may
        /// be committed.
        RefusedProposalForgotten,
        /// N17: the high watermark moves although the ISR has fewer than `min.insync.replicas` members.
        HighWatermarkBelowMinIsr,
        /// N18: a truncation leaves the producer state as it was before.
        ProducersNotRolledBack,
        /// N19: a broker remembers one batch of each producer instead of five.
        RemembersOneBatch,
        /// N20: acks=all waits for a high watermark at the last record instead of past it.
        AckAtLastOffset,
        /// N21: a follower that gets UNKNOWN_LEADER_EPOCH fetches no more until the next leader epoch.
        UnknownEpochStopsFetching,
        /// N22: a truncation leaves the files of the segments that it drops.
        TruncatedSegmentsLeftOnDisk,
        /// N23: a batch that expires while it waits for its retry leaves no unresolved sequence: no epoch bump
        /// is requested.
        UnresolvedOnlyOnTheWire,
        /// N24: a batch that waits for its retry takes further records.
        RetriedBatchTakesMore,
        /// N25: a client accepts metadata of an older leader epoch if they name a leader.
        OlderMetadataWithLeaderAccepted,
        /// N26: the epoch of a consumer's position is that of the leader it fetched from, not that of the last
        /// record it read.
        PositionTakesLeaderEpoch,
        /// N27: a call of the admin client that failed still counts as in flight: it is neither sent again nor
        /// ended.
        AdminCallForgottenInFlight,
        /// N28: a small file is replaced by a rename, and the directory is not forced.
        RenameNotForced,
        /// N29: recovery leaves a torn tail in the file, and new batches are written behind it.
        TornTailNotCut,
        /// N30: a replica starts with a high watermark at its recovery point.
        FlushedCountsAsCommitted,
        /// N32: recovery cuts a segment, and keeps those behind it.
        SegmentsBehindCutKept,
        /// R37 (KAFKA-20661): a leader accepts an UpdateRaftVoter without an ApiVersions request to the voter, and a
        /// voter sends it already one fetch timeout after it has followed its leader. With kraft.version 0 releases
        /// since KAFKA-16538 do so: 4.3.0 and 4.4.0, but not 4.0.0, which does not send it.
        Kafka20661VoterUpdatedUnprobed,
        /// OtherClusterRefused's synthetic mutant: a controller does not compare the cluster id of a request with its own
        /// (row R36 of `bugs.md`, where Kafka did so for Fetch and for the requests of elections).
        Kafka12440ClusterIdUnchecked,
        /// N33: the failure of an fsync of the raft thread is ignored, and the next one that succeeds counts for it, too.
        /// Linux has marked the pages clean by then, and nothing writes them any more.
        FailedFsyncIgnored,
        /// N34: a segment that cannot be read counts as one that ends at its first byte, and is truncated.
        UnreadableSegmentEmpty,
        /// N35: that the disk is full is ignored on the raft thread, and a batch counts as written although a part of it
        /// is missing.
        ShortWriteIgnored,
        /// P31 (KAFKA-3968): the directory is not forced after a segment was created.
        Kafka3968SegmentNameNotForced,
        /// EpochsOfRecords' synthetic mutant: a new leader's epoch begins at the last record of its log, not behind it.
        EpochBeginsAtLastRecord,
        /// DamagedFileRefused's synthetic mutant: a malformed entry of a `leader-epoch-checkpoint` is skipped.
        MalformedEpochSkipped,
        /// M01 (KAFKA-14238): retention by size deletes old segments of the metadata log, whether or not a snapshot
        /// contains them.
        Kafka14238RetentionWithoutSnapshot,
        /// M03 (KAFKA-15312): a snapshot gets its name before its bytes are forced.
        Kafka15312SnapshotNotForced,
        /// M04 (KAFKA-14618): the id of a snapshot has the last offset that it contains, not the one behind it.
        Kafka14618SnapshotIdInclusive,
        /// M07 (KAFKA-14894): a snapshot that is loaded over an image does not remove the topics that it lacks.
        Kafka14894SnapshotKeepsTopics,
        /// M10 (KAFKA-10761): a log is kept beside a snapshot that is ahead of it: one that was downloaded, or that a process
        /// finds when it starts.
        Kafka10761LogKeptBesideSnapshot,
        /// G22: a snapshot does not say which brokers are fenced.
        SnapshotForgetsFencing,
        /// SnapshotAtLogStart's synthetic mutant: the log starts one offset before the end of the snapshot for which it is
        /// trimmed.
        LogStartBesideSnapshot,
        /// R08 (KAFKA-16144): check quorum also runs where the leader is the only voter, from whom nobody fetches as a voter: it
        /// resigns again and again.
        Kafka16144OnlyVoterChecksQuorum,
        /// R14 (KAFKA-16526): `quorum-state` does not have the directory id of the replica that was voted for, although
        /// kraft.version is 1.
        Kafka16526VotedDirectoryNotStored,
        /// R34 (KAFKA-19354): an observer whose fetch timeout has expired asks bootstrap servers alone, also when one of them has
        /// named its leader again.
        Kafka19354ObserverStaysAtBootstrap,
        /// G23: a truncation does not undo the voter sets that it removes from the log.
        VotersKeptAtTruncation,
        /// G24: a leader begins a change of the voters while another one is pending.
        VoterChangesOverlap,
        /// M06 (KAFKA-14104): the checksums of a snapshot are not verified when it is read.
        Kafka14104SnapshotChecksumIgnored,
        /// CheckpointedHighWatermark's synthetic mutant: the checkpoint of high watermarks has the ends of the logs.
        LogEndCheckpointed,
        /// M05 (KAFKA-17713): an image is published before the last record of a batch, and a snapshot of it is taken,
        /// although it ends within the batch.
        Kafka17713SnapshotWithinBatch,
        /// NewVoterCaughtUp's synthetic mutant: a leader adds a voter that has not caught up with it.
        NewVoterBehind,
    }
}
