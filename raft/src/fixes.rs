//! Fixes for defects that *faithful* Kafka shows under simulated faults: switches, off
//! by default. Catalog scenarios name the fixes that they need; each `findings` scenario runs
//! without its fix and must show the finding.

use crate::bugs::switches;

switches! {
    /// A fix that real Kafka does not have.
    Fix, Fixes {
        /// Kafka does not fsync the log that it recovers at start-up, so records that a killed process
        /// had written but not forced count in its next Fetch or Vote (consensus.md §4.9).
        /// Fix: every recovered segment is forced before the process sends anything.
        FlushRecoveredLog,
        /// A failed fsync leaves the pages of a file clean and readable (Linux), and the process ends itself
        /// (`LogDirFailureChannel`, the fault handler of the raft thread). The next one reads the records from the page
        /// cache (`LogLoader.recoverLog`) and states them in Fetch and Vote as its own. No flush writes them any more, not
        /// even that of [`Fix::FlushRecoveredLog`], so a power loss takes them (consensus.md §4.9).
        /// Fix: the flush of the recovered log writes it again, to new files. It has no effect without `FlushRecoveredLog`.
        RewriteRecoveredLog,
        /// A voter that has voted for a candidate repeats that vote in the same epoch without comparing
        /// logs (`canGrantVote`, consensus.md §1.2). A candidate whose log was truncated by recovery (a
        /// corrupt batch) restarts as Candidate in the same epoch and wins with votes that were granted
        /// to its longer log. Fix: a repeated vote compares the logs again.
        CompareLogOfRepeatedVote,
        /// A replica that voted for itself, lost, and follows the winner keeps its vote in
        /// `quorum-state`. At a restart its own vote takes precedence over the leader that it knows, so it
        /// starts as Candidate of an epoch whose records it holds. Its Vote request (last epoch = its epoch)
        /// is refused as INVALID_REQUEST, which is fatal unless the answer names the leader; every further
        /// restart in that epoch ends the same way (consensus.md §1.6, §3.2, §3.3; Kafka keeps the vote
        /// beside the leader since KIP-996). Fix: a known leader takes precedence over the replica's own vote.
        RestartAsFollowerDespiteOwnVote,
        /// With exactly one voter Kafka moves the high watermark, and so acknowledges, before
        /// its own fsync (the exception to D9). Fix: a single voter forces its append first.
        SingleVoterFlushFirst,
        /// A broker's metadata loader counts as caught up when it has loaded everything below the *local*
        /// high watermark, which is never above the end of the local log. A broker whose metadata log was
        /// truncated by recovery (a corrupt batch), and which fetches a few records at a time, therefore
        /// publishes an old image first, in which its topics do not exist yet. It sets their logs aside
        /// as strays, although it may still be in their ISR (controller-broker.md §5.2, §5.4). Fix: the
        /// first publish waits until the controller reports that the broker has caught up.
        FirstPublishAfterCaughtUp,
        /// A leader that receives an ISR in the answer to its AlterPartition proposes the next member at
        /// once. The metadata record of that same ISR arrives later; `makeLeader` accepts it (its partition
        /// epoch is equal) and forgets the proposal in flight (controller-broker.md §6.2). If the
        /// controller accepts the proposal, the new member is in the ISR while the leader commits without
        /// it. Fix: metadata of the partition epoch that the leader already uses does not change its ISR.
        KeepProposalOfSameEpoch,
        /// A client that can reach none of its brokers starts anew from its bootstrap servers (KIP-899,
        /// KIP-1102) and forgets its topic ids, but not the leader epochs that it has seen. The first
        /// answer therefore counts as one about new topics, and its older epochs replace the known ones
        /// (`Metadata.updateLatestMetadata`; controller-broker.md §6.10). If the answer comes from a broker
        /// that lags, a consumer has its position validated by a deposed leader, which does not know the
        /// epoch: the consumer concludes that the log was truncated and resets its position, although no
        /// record is lost (KIP-320). Fix: the client keeps topic ids as it keeps epochs.
        KeepTopicIdsThroughRebootstrap,
        /// A broker has no session between its registration and its first heartbeat. A registration of
        /// its *former* process that arrives late (delayed by a network partition until after that process
        /// ended) therefore replaces the current one. A broker whose heartbeats are refused as
        /// STALE_BROKER_EPOCH only retries (controller-broker.md §3.1, §5.1), so it stays fenced until it is
        /// restarted. Fix: the session begins with the registration, and begins again with a
        /// registration of the same process if that is fenced and has no session. A fenced broker has no
        /// session behind a failover until its next heartbeat, so a broker also registers again after
        /// STALE_BROKER_EPOCH, unless it is in controlled shutdown. (So it undoes an UnregisterBroker.)
        SessionSinceRegistration,
        /// A broker's start removes `.kafka_cleanshutdown` and does not force the directory
        /// (`CleanShutdownFileHandler.delete`; controller-broker.md §5.3). A power loss soon after restores
        /// the file, and the next start takes a torn log for a complete one and skips its recovery (§6.9).
        /// Fix: the removal is forced before anything is appended.
        ForceMarkerRemoval,
        /// A fenced broker is unfenced by any heartbeat that does not ask to stay fenced
        /// (`calculateNextBrokerState`, controller-broker.md §3.3), even in controlled shutdown, which only
        /// a new registration ends. A heartbeat from before the shutdown that arrives late therefore makes a
        /// stopped broker the leader of partitions without a leader (`brokerToAdd` need not be active).
        /// Fix: a broker in controlled shutdown stays fenced.
        StayFencedInShutdown,
        /// Altering `min.insync.replicas` clears the ELR of all partitions of the topic (ClearElrRecord,
        /// controller-broker.md §4.9), even where the ISR is empty. No replica may lead then, although the
        /// high watermark cannot have moved since the members of the ELR had every record. Such a partition
        /// stays without a leader until an unclean election. Fix: the ELR is kept where the ISR is empty,
        /// until the ISR has enough members again.
        KeepElrOfEmptyIsr,
        /// A leader uses an ISR as soon as the answer to its AlterPartition names it, but learns its own
        /// topic configuration later, from the metadata (controller-broker.md §6.3, §6.4). If
        /// `min.insync.replicas` was raised in between, the controller has put the removed member into the
        /// ELR, on the assumption that the high watermark waits for it (KIP-966), and the leader
        /// acknowledges without it. The ELR then has a member that lacks acknowledged records and that may
        /// lead once the ISR is empty. If one publication has both, the leader takes its role from it, and moves the high
        /// watermark, before it takes the configuration. Fix: after a member has left the ISR, the high watermark does not
        /// move until the metadata of that ISR is published, and a publication applies configurations before roles.
        AwaitMetadataOfIsr,
        /// A leader that learns of a new leader epoch keeps the known log ends of its followers if it also
        /// leads in that epoch (`Partition.makeLeader`, `Replica.resetReplicaState`; controller-broker.md
        /// §6.2). In KRaft it may have missed an epoch of another leader in between, in which its followers
        /// truncated their logs. The high watermark then passes records that the followers no longer have,
        /// and the leader acknowledges them. (KAFKA-7164 is the same defect in a follower, fixed in 2.0.1.)
        /// Fix: a leader that has missed an epoch forgets the log ends of its followers.
        ResetReplicasOfMissedEpoch,
        /// A consumer asks a new leader for the end offset of its position's epoch, and goes back if that is
        /// below the position (KIP-320). A leader that has lost that epoch (unclean election, lost disk)
        /// answers with the end of an older epoch, and the consumer compares only the end offset
        /// (`SubscriptionState.maybeCompleteValidation`; controller-broker.md §6.7). If the older epoch
        /// extends past the position, the consumer reads on and skips records that it never read; otherwise
        /// it goes back to an end that may be above the offset at which the two logs diverge. Followers
        /// compare the epochs (KIP-279). The consumer does not compare epochs either when it receives a
        /// late answer to a Fetch that the deposed leader got before the position was validated
        /// (`FetchCollector` compares offsets): it reads on in that leader's log. Moreover, a position that
        /// goes back takes the epoch of the answer, which may have no record below it: the next leader then
        /// seems to have lost that epoch.
        /// Fix: after an older epoch in the answer the position goes back to its end, or to the first record
        /// that was read of a later epoch if that is lower (it is reset if none was read); an
        /// answer to a Fetch is dropped once the position is validated against another leader; and a
        /// position that goes back takes the epoch of the record that was read before it.
        CompareEpochOfPosition,
        /// Recovery deletes the segments behind one that it had to cut, but not those behind one that merely ends too
        /// early (`LogLoader.recoverLog`; consensus.md §4.1, controller-broker.md §6.9). A power loss between the roll
        /// of a segment and its flush may take the end of the closed segment, at the boundary of a batch, and leave the
        /// next one. The replica then starts with a hole in its log and the log end behind it, so it never fetches
        /// those records again: a replica of a partition may lead without acknowledged records, and voters of the
        /// quorum may apply different records. Fix: the log ends where the next segment does not follow on.
        DropSegmentsBehindGap,
        /// A truncation removes epochs from the cache, and leaves it to a scheduler's thread to rewrite
        /// `leader-epoch-checkpoint` (`LeaderEpochFileCache.truncateFromEndAsyncFlush`; consensus.md §4.2). Records of an
        /// epoch that the cache still has may be appended meanwhile. If the process dies then, the next one finds an
        /// entry of the removed epochs below the end of its log, which loading does not remove: it states an epoch in
        /// Fetch and Vote of which it has no record, and as a leader it gives a wrong end of the epochs before.
        /// Fix: the checkpoint is rewritten before records are appended.
        WriteEpochsBeforeAppend,
        /// Replay of a ClearElr record empties the ELRs and leaves the index from brokers to ELRs as it was
        /// (`ReplicationControlManager.removeTopicElrs`, `BrokersToElrs`; controller-broker.md §1.2). Once the topic is
        /// deleted, the stale entry makes each unclean registration of that broker throw, and the active controller
        /// renounces: the broker stays out, and every retry costs a failover. Fix: the index is updated.
        ClearIndexOfElr,
        /// A consumer that receives an error for a partition that is not assigned any more, in an answer to
        /// OffsetForLeaderEpoch, loses the whole answer: `SubscriptionState.setNextAllowedRetry` throws
        /// (`OffsetFetcherUtils.onSuccessfulResponseForValidatingPositions`; controller-broker.md §6.7). The other
        /// partitions of that request are not read, and are asked about again only after `request.timeout.ms`.
        /// Fix: partitions that are not assigned any more are passed over, as after an error of ListOffsets.
        RetryAssignedOnly,
        /// A controller that loads a snapshot of the metadata log takes its end, which is exclusive, for the last committed
        /// and the last stable offset (`OffsetControlManager.endLoadSnapshot`; controller-broker.md §2.4). When the record at
        /// that offset is committed in a batch of its own, the stable offset does not advance, so the state in memory that
        /// is kept for it remains the one that was loaded. A controller that becomes active then, and renounces before
        /// another record of the state machine is committed, returns to a state without that record. Active again, it
        /// writes records that contradict it, and every controller that replays them ends itself.
        /// Fix: the last offset that the snapshot contains is the last committed and stable one.
        StableOffsetOfSnapshot,
        /// A replica reads the control records of its log once. A truncation removes the voter sets from its end on, and does
        /// not move back the offset up to which records were read (`KRaftControlRecordStateMachine.truncateNewEntries`;
        /// consensus.md §6.1). The records that are appended in place of the truncated ones are not read, so a follower may
        /// miss a change of the voters, and counts votes and commits by an older set until it is restarted; the same is so
        /// after a snapshot that replaces a longer log. Fix: the offset moves back with the end of the log.
        ReadControlRecordsAfterTruncation,
        /// A RemoveRaftVoter that is not committed within `controller.quorum.request.timeout.ms` is forgotten, although its
        /// record stays in the log (`ChangeVoterHandlerState.maybeExpirePendingOperation`; consensus.md §6.4). A leader that
        /// has removed itself does not resign then when the record is committed at last, and leads on without being a voter.
        /// Fix: a leader resigns when the committed voter set is without it.
        ResignAfterExpiredRemoval,
        /// A leader that receives the answer to a BeginQuorumEpoch from a replica that it has removed from the voters
        /// meanwhile throws, which ends its process (`LeaderState.ensureValidVoter`; consensus.md §3.4). Fix: the answer has
        /// no effect.
        IgnoreAnswerOfRemovedVoter,
        /// A replica that starts with a leader in `quorum-state` whose endpoints are not in its voter set is Unattached, and
        /// asks the bootstrap servers. If one of them is that leader, its successful answer to Fetch reaches a replica that
        /// is not a Follower, which throws (`KafkaRaftClient.handleFetchResponse`; consensus.md §1.6); so does each further
        /// process of that epoch. Fix: an answer with the leader's endpoints makes it a Follower.
        FollowLeaderOfUnattached,
        /// A replica that starts with a leader in `quorum-state` whose endpoints are not in its voter set names that leader in
        /// its answers, without endpoints (`QuorumState.initialize`, `UnattachedState.leaderEndpoints`; consensus.md §1.6).
        /// Who asks it, does not know the leader, and does not have it among its own voters either throws, which ends its
        /// process (`KafkaRaftClient.transitionToFollower`; consensus.md §3.2): while a leader that has removed itself leads
        /// on, or before a new node has the voters, that is each other new node, controller or broker, with such a bootstrap
        /// server. Fix: an answer with a leader whose endpoints are unknown counts as one without a leader.
        IgnoreLeaderWithoutEndpoints,
        /// A replica that starts with a leader in `quorum-state` follows it at the endpoints that its own voter set has
        /// (`QuorumState.initialize`). If the leader has other ones since, they are in the answers of the other controllers and
        /// in its own BeginQuorumEpoch, but the same number of endpoints of the same leader in the same epoch changes nothing
        /// (`KafkaRaftClient.maybeTransition`; consensus.md §3.2): the replica fetches nothing for as long as the epoch lasts.
        /// Fix: a Follower that its leader has not answered in this epoch takes the endpoints that a message names.
        TakeNewLeaderEndpoints,
        /// A leader leaves the field LeaderEndpoints of EndQuorumEpoch empty (`RaftUtil.singletonEndQuorumEpochRequest`). A
        /// replica that does not know the leader looks for its endpoints in its voter set, and throws if they are not there
        /// (`KafkaRaftClient.transitionToFollower`; consensus.md §3.5), which ends its process: a controller whose disk was
        /// replaced and that has its id still in the voter set, for one. Fix: the leader of a dynamic quorum fills in its
        /// endpoints.
        EndpointsInEndQuorumEpoch,
        /// Answers name the leader by its id alone, and a message that names a replica as leader of an epoch in which it is
        /// not the leader throws (`KafkaRaftClient.maybeTransition`, `KafkaRaftClient.hasConsistentLeader`; consensus.md
        /// §3.2). If the disk of a leader is replaced, the new replica under its id has another directory id, and every
        /// server that it asks names its id, until another leader is elected: each process of it ends at its first answer.
        /// Fix: for a replica that is not among the voters that it knows, by its id and its directory id, such an answer
        /// counts as one without a leader.
        IgnoreLeaderOfFormerDirectory,
        /// A follower has at most one request in flight (`RequestManager.hasAnyInflightRequest`; consensus.md §2.4). While
        /// its leader is in backoff, it sends a Fetch to a bootstrap server, drawn at random. If that one is cut off, the
        /// follower fetches nothing from its leader for `controller.quorum.request.timeout.ms`, by default as long as the
        /// fetch timeout, and then requests pre-votes. A refused UpdateRaftVoter is enough for a backoff: the followers of a
        /// new leader send it at the same time, and the leader accepts one at a time (KAFKA-20661). A majority that has lost
        /// contact with the other voters therefore deposes its leaders again and again, two fetch timeouts after each
        /// election, until the draws of enough followers find servers that answer.
        /// Fix: a voter gives up a request that has been in flight to another server than its leader for half of the fetch
        /// timeout.
        LeaveSilentBootstrapServer,
        /// A replica that its own log does not have among the voters begins no election (`QuorumState.transitionToProspective`;
        /// consensus.md §6.4), and refuses its vote to every log that is shorter than its own. Voters may need that vote,
        /// as each counts by the voter set of its own log, and that of others may have been changed by a record that is not
        /// committed. The leader of two voters writes its own removal and is restarted before the other one has it; or a leader
        /// adds a voter, nobody else has the record, and the new replica alone has the first record of the next leader, which
        /// is lost. Nobody can be elected then until files are edited. Raft demands that such a server starts elections,
        /// although it does not count itself (Ongaro 2014, section 4.2.2).
        /// Fix: a replica without a leader that refuses its vote to a shorter log begins elections until it is Follower again; if
        /// it is elected, it resigns when a record of its own epoch is committed. As it may have voted for itself, a
        /// replica that has, and is no voter, does not end itself when it starts, but is Unattached.
        CampaignAfterRefusingVote,
        /// A Follower refuses pre-votes if it has fetched from its leader in this epoch (`FollowerState.canGrantVote`, KIP-996;
        /// consensus.md §3.3). A voter becomes Prospective when its fetch timer expires; an observer remains Follower until it
        /// hears of a later epoch. A replica that is being added to the voters is an observer by its own log as long as it
        /// does not have the record. If the leader fails then, and only one of the other voters has that record, its pre-vote
        /// needs that of the new one, which is refused however long the leader is silent; and the others need the vote of the one
        /// with the longer log. Nobody is elected until the leader is back, if it comes back.
        /// Fix: a Follower whose fetch timer has expired grants pre-votes.
        GrantPreVoteAfterFetchTimeout,
        /// A change of the voters that is not committed within `controller.quorum.request.timeout.ms` is forgotten, and a
        /// second one is refused while the last voter set of the log is not committed (`AddVoterHandler`,
        /// `RemoveVoterHandler`). A record in the accumulator is not in the log yet: it waits there behind records that the
        /// controller has prepared and not yet scheduled (`BatchAccumulator.drainOffset`). If replaying those takes longer than
        /// the time limit, the second change is accepted, and its voter set is made of the one before the first
        /// (consensus.md §6.2; KAFKA-20661, review of PR 22620): two changes at once, whose majorities need not meet.
        /// Fix: the voter set of the last change that the leader has begun has to be committed, also if it is not in the log.
        AwaitUnwrittenVoterChange,
        /// Servers do not check which server a connection has reached. Clients do since KIP-1242: ApiVersions v5 carries the
        /// id of the node that it is meant for, and a broker refuses that of another. All network clients of servers are
        /// built without that check (`KafkaRaftManager.buildNetworkClient`, `NodeToControllerChannelManagerImpl`), the one of
        /// a replica fetcher sends no ApiVersions (`BrokerBlockingSender`), and a controller ignores the id
        /// (`ControllerApis.handleApiVersionsRequest`). If the name of a server leads to another one for a while, since an
        /// address is used again, the connection remains when the name is right again: a follower fetches from a server that
        /// answers NOT_LEADER_OR_FOLLOWER for ever, and a leader that resigns ends itself by its own EndQuorumEpoch, which
        /// alone among the requests to voters does not name its receiver (consensus.md §2.4, §3.5).
        /// Fix: a server closes a connection that is meant for another one, whose id is in ApiVersions. Fetchers state it in
        /// Fetch and ListOffsets (a tagged field in Kafka, as `ClusterId` is), so no message is added.
        RefuseMisroutedConnections,
        /// `replication-offset-checkpoint` names partitions by the names of their topics, and a deletion leaves its line there
        /// until the next checkpoint; that of recovery points is written at once (`ReplicaManager.stopPartitions`,
        /// `LogManager.asyncDelete`; controller-broker.md §6.1). If a topic of the same name is created and the process dies
        /// before the next checkpoint, the new process takes the former topic's offset for the high watermark of the new log,
        /// limited by the end of that log (`Partition.createLog`). A leader then shows consumers records that its in-sync
        /// followers lack, and the next leader may not have them.
        /// Fix: a log that is created removes its line from the checkpoint before it has a record, also from one that is being
        /// written.
        ForgetHighWatermarkOfFormerTopic,
        /// `KafkaRaftLog.lastFetchedEpoch` is the epoch of the latest snapshot if the log has none of its own, but only where the
        /// log begins and ends with that snapshot; otherwise it throws (consensus.md §4.1). A log whose start was moved to a
        /// snapshot has its first epoch from there on in `leader-epoch-checkpoint`, and begins with its first segment again
        /// after a restart. A truncation to the end of that snapshot then leaves it records, no epoch and another start: the
        /// process ends itself, and the next one does, too, if the checkpoint was not rewritten before.
        /// Fix: the epoch is that of the snapshot wherever the log begins, if it ends with the snapshot.
        EpochOfSnapshotAtLogEnd,
        /// When a snapshot has its name, the history of the voters up to its end is forgotten, but for the newest set. That end is
        /// exclusive, and is taken as inclusive (`KafkaRaftClient.createSnapshot`, `TreeMapLogHistory.truncateOldEntries`;
        /// consensus.md §6.1): a voter set that is the first record behind the snapshot is kept, and the one in effect before is
        /// forgotten. If that record is not committed, and is truncated, the replica has no voters until another set is
        /// appended: others count its votes, but to itself it is an observer, which starts no election. The next snapshots that
        /// it writes have no voters either, so that a restart changes nothing.
        /// Fix: the set in effect at the last record of the snapshot is kept.
        KeepVotersOfSnapshotEnd,
    }
}
