//! Fixes for places where *faithful* Kafka breaks a promise under our faults: switches, off
//! by default. Catalog scenarios name the ones they need; each `findings` scenario runs
//! without its fix and must show the finding.

use crate::bugs::switches;

switches! {
    /// A fix that real Kafka does not have.
    Fix, Fixes {
        /// Kafka does not fsync the log it recovered at start-up, so records that a killed
        /// process had written but not forced count in its next Fetch or Vote (consensus.md §4.9).
        /// Fix: force every recovered segment before anything is sent.
        FlushRecoveredLog,
        /// A voter that has voted for a candidate grants it again in the same epoch without
        /// comparing logs (`canGrantVote`, consensus.md §1.2). A candidate whose log was cut by
        /// recovery (a rotten batch) restarts as Candidate in the same epoch and wins by votes
        /// that were given to the longer log. Fix: a repeated vote compares the logs again.
        CompareLogOfRepeatedVote,
        /// A replica that voted for itself, lost, and follows the winner keeps its vote in
        /// `quorum-state`; at a restart its own vote counts before the leader it knows, so it
        /// starts as Candidate of an epoch whose records it holds, and its Vote request (last
        /// epoch = its epoch) is refused as INVALID_REQUEST, which is fatal unless the answer names
        /// the leader, and again at every restart while the epoch lasts (consensus.md §1.6, §3.2,
        /// §3.3; Kafka keeps the vote beside the leader since KIP-996). Fix: a known leader counts
        /// before the own vote.
        RestartAsFollowerDespiteOwnVote,
        /// With exactly one voter Kafka moves the high watermark, and so acknowledges, before
        /// its own fsync (D9's exception). Fix: a single voter forces its append first.
        SingleVoterFlushFirst,
        /// A broker's loader counts as caught up when it has loaded all below the *local* high
        /// watermark, which is never above the end of the local log. A broker whose metadata log
        /// was cut by recovery (a rotten batch) and comes back a few records at a time so publishes
        /// a first image of long ago, in which its topics do not exist yet: it sets their logs aside
        /// as strays, while it may still be in their ISR (controller-broker.md §5.2, §5.4). Fix:
        /// the first publish waits until the controller says that the broker has caught up.
        FirstPublishAfterCaughtUp,
        /// A leader that learns of an ISR by the answer to its AlterPartition proposes the next member
        /// at once; the metadata that says the same as that answer comes later, and `makeLeader` takes
        /// it (its partition epoch is equal) and forgets the proposal that is under way
        /// (controller-broker.md §6.2). If the controller accepts it, the new member counts in the
        /// ISR while the leader commits without it. Fix: metadata of the partition epoch that the
        /// leader goes by already changes nothing of its ISR.
        KeepProposalOfSameEpoch,
        /// A client whose brokers are all out of reach starts anew from its bootstrap servers (KIP-899,
        /// KIP-1102) and forgets the ids of its topics, though not the leader epochs it has seen. The
        /// first answer then counts as one about new topics, and its older epochs overrule those
        /// (`Metadata.updateLatestMetadata`; controller-broker.md §6.10). If a broker that lags gives it,
        /// a consumer has its position validated by a deposed leader, which knows nothing of the
        /// epoch: that reads as truncation, and the position is reset though all is there (KIP-320).
        /// Fix: topic ids survive as epochs do.
        KeepTopicIdsThroughRebootstrap,
        /// A broker has no session between its registration and its first heartbeat, so a registration
        /// of its *former* process that comes late (held behind a cut, while the process is long gone)
        /// takes the registration over; and a broker whose heartbeats are refused as STALE_BROKER_EPOCH
        /// only tries again (controller-broker.md §3.1, §5.1): it stays fenced until somebody restarts
        /// it. Fix: the session begins with the registration, and anew with one of the same process that is
        /// fenced and has none.
        SessionSinceRegistration,
        /// A start removes `.kafka_cleanshutdown` and does not force the directory
        /// (`CleanShutdownFileHandler.delete`; controller-broker.md §5.3): a power loss soon after brings
        /// it back, and the next start takes a torn log for whole, without a scan (§6.9). Fix: the
        /// removal is forced before anything is appended.
        ForceMarkerRemoval,
        /// A fenced broker is unfenced by any heartbeat that does not ask to stay fenced
        /// (`calculateNextBrokerState`, controller-broker.md §3.3), also if it is in controlled shutdown,
        /// which nothing but a new registration ends: a heartbeat from before the shutdown that comes late
        /// has a broker that is gone lead partitions without a leader (`brokerToAdd` need not be active).
        /// Fix: it stays fenced.
        StayFencedInShutdown,
        /// Altering `min.insync.replicas` clears the ELR of all the topic's partitions (ClearElrRecord,
        /// controller-broker.md §4.9), also where the ISR is empty: then nobody is left who may lead, though
        /// the high watermark cannot have moved since the ELR's members had everything. Such a partition
        /// stays without a leader until an unclean election. Fix: where the ISR is empty the ELR stays,
        /// until one is elected who is enough.
        KeepElrOfEmptyIsr,
        /// A leader goes by an ISR as soon as AlterPartition's answer says it, and by its own topic config,
        /// which comes later, with the metadata (controller-broker.md §6.3, §6.4). If
        /// `min.insync.replicas` was raised in between, the controller has put the member that left into
        /// the ELR, as one that the high watermark waits for (KIP-966), and the leader acknowledges
        /// without it: the ELR then has somebody who lacks acknowledged records, and who may lead once
        /// the ISR is gone. Fix: the high watermark stands still until the metadata of that ISR is
        /// published.
        AwaitMetadataOfIsr,
        /// A leader that learns of a new leader epoch keeps its followers' log ends if it leads in that
        /// one, too (`Partition.makeLeader`, `Replica.resetReplicaState`; controller-broker.md §6.2). In
        /// KRaft it may have missed an epoch of another leader in between, by which its followers have cut
        /// their logs: the high watermark then passes over records that they have no more, and they are
        /// acknowledged. (KAFKA-7164 is the same of a follower, fixed in 2.0.1.) Fix: it knows nothing of its
        /// followers if it has missed an epoch.
        ResetReplicasOfMissedEpoch,
        /// A consumer asks a new leader where the epoch of its position ends, and goes back if that is below
        /// the position (KIP-320). A leader that has lost that epoch (unclean election, lost disk) answers an
        /// older one with *its* end, and the consumer looks at the end only
        /// (`SubscriptionState.maybeCompleteValidation`; controller-broker.md §6.7): if the older epoch goes
        /// on past the position, it reads on behind records that it never saw, as if it had; if not, it goes
        /// back to an end that may lie behind where the logs part. Followers compare the epochs (KIP-279).
        /// Nor does it compare epochs when the answer to a Fetch comes that the deposed leader was sent before
        /// the position was validated (`FetchCollector` compares offsets): it reads on by that log.
        /// And a position that is sent back gets the epoch that was answered, of which there may be no record:
        /// the next leader then seems to have lost it.
        /// Fix: an older epoch says no more than none does, so the position is reset; what a leader answers to
        /// a Fetch is dropped once the position is held against another; and a position that is sent back has
        /// the epoch of the record that was read before it.
        CompareEpochOfPosition,
    }
}
