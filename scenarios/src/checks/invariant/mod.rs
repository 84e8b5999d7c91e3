//! What we claim: every invariant by its name, with the place the claim comes from.
//!
//! * [`leaders`]: at most one leader and one active controller per epoch, epochs that only grow
//! * [`votes`]: one vote per epoch, across crashes; [`pre_votes`]: who may ask for them
//! * [`high_watermark`]: it only grows, stays inside the log, and shows one history to all
//! * [`check_quorum`]: a leader that its majority has left does not stay; [`campaigns`]: nor a follower
//!   whose leader is silent; [`linger`]: what a leader has accepted it writes; [`timings`]: their clocks
//! * [`acknowledged`]: what a leader counts was told in its epoch
//! * [`durability`]: what is committed lies on a majority of disks, and leaders have it
//! * [`promise`]: nothing is promised before it is durable (D1 to D9)
//!
//! `LogMatching` lives in [`super::ghost::ledger`], the one map of all batches. What is claimed of a
//! cluster with brokers lives in [`super::metadata`] and [`super::replication`].

pub mod acknowledged;
pub mod campaigns;
pub mod check_quorum;
pub mod durability;
pub mod high_watermark;
pub mod leaders;
pub mod linger;
pub mod pre_votes;
pub mod promise;
pub mod timings;
pub mod votes;

/// Declares the closed list with names and sources.
macro_rules! invariants {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $source:literal;)+) => {
        /// A claim that is checked in every run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Invariant { $($(#[doc = $doc])+ $variant,)+ }

        impl Invariant {
            /// Every one, in declaration order.
            pub const ALL: &'static [Invariant] = &[$(Invariant::$variant,)+];

            /// The name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Invariant::$variant => $name,)+ }
            }

            /// The claim, in the words of its documentation.
            pub fn claim(self) -> &'static str {
                match self { $(Invariant::$variant => concat!($($doc),+),)+ }.trim_start()
            }

            /// Where the claim comes from.
            pub fn source(self) -> &'static str {
                match self { $(Invariant::$variant => $source,)+ }
            }
        }
    };
}

impl Invariant {
    /// Does one process keep it by itself, whatever becomes of others and of what disks held? These
    /// are judged beyond tolerance, too.
    pub fn is_of_one_process(self) -> bool {
        use Invariant::{GhostMismatch, HigherEpochObeyed, LeaderWithoutMajorityResigns, MonotonicEpoch};
        use Invariant::{IntNonmonotonicPoll, MonotonicHighWatermark, OwnEpochCommit, ValidVotes};
        use Invariant::{
            PersistBeforePromiseD1, PersistBeforePromiseD2, PersistBeforePromiseD3, PersistBeforePromiseD4,
            PersistBeforePromiseD5, PersistBeforePromiseD6, PersistBeforePromiseD7, PersistBeforePromiseD8,
            PersistBeforePromiseD9,
        };
        matches!(
            self,
            GhostMismatch
                | HigherEpochObeyed
                | LeaderWithoutMajorityResigns
                | MonotonicEpoch
                | IntNonmonotonicPoll
                | MonotonicHighWatermark
                | OwnEpochCommit
                | ValidVotes
                | PersistBeforePromiseD1
                | PersistBeforePromiseD2
                | PersistBeforePromiseD3
                | PersistBeforePromiseD4
                | PersistBeforePromiseD5
                | PersistBeforePromiseD6
                | PersistBeforePromiseD7
                | PersistBeforePromiseD8
                | PersistBeforePromiseD9
        )
    }
}

invariants! {
    /// Two servers, or two processes of one server, never lead the same epoch.
    NeverTwoLeadersInSameEpoch = "NeverTwoLeadersInSameEpoch", "KRaft TLA+ (Vanlightly): NeverTwoLeadersInSameEpoch; KIP-595";
    /// A voter votes at most once per epoch, even across crashes.
    ValidVotes = "ValidVotes", "Raft §5.2; KRaft TLA+ (Vanlightly): ValidVotesRecv";
    /// A replica requests votes in a new epoch only after a majority has granted a pre-vote.
    PreVoteBeforeVote = "PreVoteBeforeVote", "KIP-996: Prospective before Candidate";
    /// A replica's epoch never goes back.
    MonotonicEpoch = "MonotonicEpoch", "RaftEventSimulationTest: MonotonicEpoch";
    /// A replica, even a leader, that answers a vote request has moved to the epoch of the request.
    HigherEpochObeyed = "HigherEpochObeyed", "Raft §5.1: any message with a higher term";
    /// A replica's high watermark never goes back within one process and epoch.
    MonotonicHighWatermark = "MonotonicHighWatermark", "RaftEventSimulationTest: MonotonicHighWatermark";
    /// A high watermark is never above the end of the log, and the log is never truncated below it.
    HighWatermarkWithinLog = "HighWatermarkWithinLog", "KIP-595; Kafka: KafkaRaftLog.truncateTo";
    /// Logs with the same (epoch, end offset) have the same prefix; offsets have no gap.
    LogMatching = "LogMatching", "Raft §5.3, figure 3: Log Matching; KRaft TLA+: LogMatching";
    /// A leader, also of a partition, has every record committed in an earlier epoch.
    LeaderCompleteness = "LeaderCompleteness", "Raft §5.4, figure 3: Leader Completeness; KIP-966 TLA+ (Vanlightly): LeaderCompletenessProperty";
    /// No replica ever treats a different record at a committed offset as committed.
    StateMachineSafety = "StateMachineSafety", "Raft §5.4.3, figure 3: State Machine Safety";
    /// Everything below a leader's high watermark is durable on a majority of voters.
    MajorityReachedHighWatermark = "MajorityReachedHighWatermark", "RaftEventSimulationTest: MajorityReachedHighWatermark, read durably";
    /// A leader's high watermark counts only offsets that a majority acknowledged in Fetch requests of its
    /// epoch.
    HighWatermarkAcknowledged = "HighWatermarkAcknowledged", "KIP-595: a fetch of another epoch is fenced";
    /// A leader's high watermark covers a record of its own epoch, or is unknown.
    OwnEpochCommit = "OwnEpochCommit", "Raft §5.4.2, figure 8";
    /// One active controller per epoch; an older leader commits only records that the newer one has.
    SingleActiveController = "SingleActiveController", "KIP-631; KIP-595, two self-believed leaders";
    /// Every record of an epoch was decided by the controller in that epoch, after it had claimed it.
    RecordAfterClaim = "RecordAfterClaim", "KIP-631: a write carries the claimed epoch; KAFKA-6082";
    /// A committed record stays on a majority of disks until a fault destroys durable bytes.
    CommittedRecordsDurable = "CommittedRecordsDurable", "KIP-595; KRaft TLA+ (Vanlightly): some replica holds each committed record";
    /// D1: a candidate's epoch and vote for itself are durable before it sends a Vote request.
    PersistBeforePromiseD1 = "PersistBeforePromise:D1", "KIP-595, Raft §5.1: currentTerm and votedFor before a RequestVote";
    /// D2: an epoch is durable before any message carries it.
    PersistBeforePromiseD2 = "PersistBeforePromise:D2", "Raft §5.1: currentTerm before any message that carries it";
    /// D3: a vote is durable before it is granted.
    PersistBeforePromiseD3 = "PersistBeforePromise:D3", "Raft §5.2: votedFor before the vote is granted";
    /// D4: leadership is durable before LeaderChange is appended or BeginQuorumEpoch is sent.
    PersistBeforePromiseD4 = "PersistBeforePromise:D4", "KIP-595: QuorumState.transitionToLeader before LeaderChange";
    /// D5: the followed leader is durable before any of its records is appended.
    PersistBeforePromiseD5 = "PersistBeforePromise:D5", "KIP-595: QuorumState.transitionToFollower before the first append";
    /// D6: the epoch-cache entry is durable before the first batch of its epoch is written.
    PersistBeforePromiseD6 = "PersistBeforePromise:D6", "KIP-101, KIP-595: the leader-epoch cache before the batch";
    /// D7: the topic id is durable before the first batch is written.
    PersistBeforePromiseD7 = "PersistBeforePromise:D7", "KIP-516: partition.metadata before the first record";
    /// D8: a voter's log is durable up to the end that its Fetch or Vote request claims.
    PersistBeforePromiseD8 = "PersistBeforePromise:D8", "KAFKA-10533: a fetch offset acknowledges what is on disk";
    /// D9: a leader's appends are durable before its raft thread takes the next input.
    PersistBeforePromiseD9 = "PersistBeforePromise:D9", "KAFKA-10533: the leader forces its append before it counts the next fetch";
    /// No replica ends itself for any reason but its disk. (Kafka throws where it finds a rule of the
    /// protocol violated, and no rule may be.)
    NoFatalFault = "NoFatalFault", "KRaft TLA+ (Vanlightly): NoIllegalState; a throw on Kafka's raft IO thread ends the process";
    /// The node's report, the model built from its messages and disk operations, and its disk agree.
    GhostMismatch = "GhostMismatch", "the audit: node, model and disk";
    /// An acknowledged append is at its offset; acknowledgements respect real time.
    LinearizableAppends = "LinearizableAppends", "Herlihy and Wing; a log decided by its offsets";
    /// A read returns all committed records of its range, and nothing else.
    CommittedReads = "CommittedReads", "KIP-595: listeners see offsets below the high watermark";
    /// The records that one process of a server returns never go back.
    MonotonicReads = "MonotonicReads", "Kafka: RaftClient.Listener.handleCommit, in offset order, no repeat";
    /// No value is committed twice.
    DuplicateRecord = "DuplicateRecord", "Jepsen Kafka: duplicate";
    /// An append that was definitely refused is never committed.
    FailedAppendCommitted = "FailedAppendCommitted", "Jepsen Kafka: aborted read";
    /// An acknowledged value is kept: in the metadata log on a majority of disks, in a partition on at least
    /// one replica that may lead.
    AckedValueNotLost = "AckedValueNotLost", "KIP-966's promise; Jepsen Kafka: lost write";
    /// Nodes that have published up to the same offset have the image that results from replaying the
    /// committed log; the published offset of one process never goes back, nor past the committed offset.
    ImagesEqualAtEqualOffsets = "ImagesEqualAtEqualOffsets", "KIP-631; KIP-966 TLA+ (Vanlightly): MetadataLogMatchingProperty";
    /// Every committed record can be replayed on the records before it.
    CommittedMetadataReplays = "CommittedMetadataReplays", "Kafka: a record that does not replay is a fatal fault of every controller";
    /// A broker epoch belongs to one incarnation of one broker, and newer epochs are higher.
    MonotonicBrokerEpoch = "MonotonicBrokerEpoch", "KIP-631: the broker epoch is the offset of its registration";
    /// A registration that the same broker process sends again changes neither its fencing nor its controlled
    /// shutdown.
    ReregistrationKeepsState = "ReregistrationKeepsState", "controller-broker.md §3.1; KAFKA-16757";
    /// A broker from which the active controller receives no heartbeat is fenced when its session ends.
    SilentBrokerFenced = "SilentBrokerFenced", "KIP-631: broker.session.timeout.ms, fencing; KAFKA-18138";
    /// A broker from which the controller has received a heartbeat is not fenced before its session ends.
    HeardBrokerNotFenced = "HeardBrokerNotFenced", "KIP-631: broker.session.timeout.ms, fencing; KAFKA-15019";
    /// A broker in controlled shutdown may stop as soon as no partition needs it.
    ControlledShutdownEnds = "ControlledShutdownEnds", "KIP-841; controller-broker.md §3.3: the offset to wait for is set once; KAFKA-14292";
    /// A producer id is handed out once: by the controller to one broker, and by that broker to one producer.
    ProducerIdBlocksDisjoint = "ProducerIdBlocksDisjoint", "KIP-730: producer ids are allocated in disjoint blocks";
    /// ISR and ELR are disjoint sets of replicas; the leader and all members of the ISR are active; the ELR
    /// is kept while the ISR is too small, and loses no member without a cause; epochs never go back.
    ValidControllerIsrAndElr = "ValidControllerIsrAndElr", "KIP-966 TLA+ (Vanlightly): ValidControllerIsrAndElr, ValidControllerState";
    /// An ISR change is accepted only with the newest partition epoch, and refused as fenced only to an older
    /// leader.
    IsrCompareAndSet = "IsrCompareAndSet", "KIP-497, controller-broker.md §4.3; KAFKA-428, KAFKA-14154";
    /// A leader that proposes a replica for its ISR names the process that has fetched.
    ProposalNamesProcess = "ProposalNamesProcess", "KIP-903: BrokerEpoch in AlterPartition";
    /// A replica changes its log only by answers from the leader of its present epoch, never by older
    /// answers.
    PresentLeaderObeyed = "PresentLeaderObeyed", "KIP-320, controller-broker.md §6.5; KAFKA-18991, KAFKA-13207";
    /// A partition's leader epoch has one leader, in one process.
    NeverTwoPartitionLeadersInSameEpoch = "NeverTwoPartitionLeadersInSameEpoch", "KIP-101: at most one leader per leader epoch";
    /// A broker leads a partition only in an epoch that committed metadata gave it.
    LeaderByCommittedMetadata = "LeaderByCommittedMetadata", "KIP-966 TLA+ (Vanlightly): ValidReplicaState; KIP-631";
    /// A broker gives up a leadership as soon as it has published metadata that names another leader.
    DemotionObeyed = "DemotionObeyed", "controller-broker.md §5.5: roles follow the image; KAFKA-14296";
    /// At an acks=all acknowledgement every member of the maximal ISR has all of the batch, the maximal ISR
    /// is large enough and includes the committed ISR.
    ReplicationQuorumSuperset = "ReplicationQuorumSuperset", "KIP-966 TLA+ (Vanlightly): ReplicationQuorumSupersetProperty; KIP-497";
    /// Every replica that metadata allows to lead, as a member of the ISR or ELR, has all committed records.
    LeaderCandidateCompleteness = "LeaderCandidateCompleteness", "KIP-966 TLA+ (Vanlightly): LeaderCandidateCompletenessProperty; KIP-101, KIP-279, KIP-903";
    /// Consumers see only committed records below the high watermark of the replica that returns them.
    ConsistentRead = "ConsistentRead", "KIP-966 TLA+ (Vanlightly): ConsistentReadProperty; KIP-392";
    /// A partition's committed log has each batch of an idempotent producer once and in sequence.
    IdempotentSequence = "IdempotentSequence", "KIP-98, controller-broker.md §6.8: base == last + 1; idempotent producers neither lose, duplicate nor reorder";
    /// A leader never refuses a batch as out of sequence that it already has.
    DuplicateRecognised = "DuplicateRecognised", "KIP-98: a duplicate is acknowledged; Jepsen on Redpanda 21.10.1";
    /// A leader from which no majority fetches resigns within the bound of its timers.
    LeaderWithoutMajorityResigns = "LeaderWithoutMajorityResigns", "KAFKA-15489: check quorum";
    /// A leader writes an accepted record when its linger ends, whatever else it does.
    AppendWithinLinger = "AppendWithinLinger", "KAFKA-10826: controller.quorum.append.linger.ms";
    /// A follower that receives no answer from its leader requests pre-votes when its fetch timeout ends.
    SilentLeaderLeft = "SilentLeaderLeft", "KIP-595: controller.quorum.fetch.timeout.ms";
    /// A follower that receives EndQuorumEpoch from its resigning leader becomes a candidate when its backoff
    /// ends.
    EndQuorumEpochObeyed = "EndQuorumEpochObeyed", "KIP-595: EndQuorumEpoch, PreferredCandidates; KAFKA-20895";
    /// A replica that requests pre-votes follows its leader again only when it cannot win or its election
    /// timeout ends.
    PreVoteCarriedThrough = "PreVoteCarriedThrough", "KIP-996: Prospective; KAFKA-17641";
    /// After all faults have ended, the cluster serves again within its bound.
    Recovery = "Recovery", "bounded progress after heal: KRaft TLA+ (Vanlightly): EventuallyLeaderElected, ValuesEventuallyAcked";
    // Histories of Kafka clients: judged in `checks::clients`.
    /// One offset of a partition shows one value, to producers and consumers alike.
    InconsistentOffsets = "InconsistentOffsets", "Jepsen Kafka: inconsistent-offsets";
    /// An acknowledged batch is in its partition's committed log.
    LostWrite = "LostWrite", "Jepsen Kafka: lost-write; controller-broker.md §6.11";
    /// A batch whose attempts have all definitely failed is never committed, nor read.
    AbortedRead = "AbortedRead", "Jepsen Kafka: G1a; a closed list of definite failures";
    /// A committed batch is one that a producer sent, with its values and its sequence.
    InventedRecord = "InventedRecord", "every committed record was sent by a client";
    /// A record that a consumer receives is committed.
    UncommittedRead = "UncommittedRead", "controller-broker.md §6.7, §6.11: consumers read below the high watermark";
    /// In a new epoch of a producer the sequences of each partition begin at 0.
    NewEpochBeginsAtZero = "NewEpochBeginsAtZero", "KIP-360; KAFKA-12152";
    /// An idempotent producer's records are in the log in the order in which they were sent.
    NonmonotonicSend = "NonmonotonicSend", "Jepsen Kafka: nonmonotonic-send, int-nonmonotonic-send; controller-broker.md §6.11";
    /// A poll continues where the one before ended and omits no record.
    PollSkip = "PollSkip", "Jepsen Kafka: poll-skip";
    /// A poll continues where the one before ended and repeats no record.
    NonmonotonicPoll = "NonmonotonicPoll", "Jepsen Kafka: nonmonotonic-poll";
    /// One poll omits no record between its first and its last.
    IntPollSkip = "IntPollSkip", "Jepsen Kafka: int-poll-skip";
    /// The offsets within one poll increase.
    IntNonmonotonicPoll = "IntNonmonotonicPoll", "Jepsen Kafka: int-nonmonotonic-poll";
    /// A position in the committed log is never out of range, nor truncated.
    PositionLost = "PositionLost", "KIP-320; controller-broker.md §6.7, §6.11: no record read disappears";
    /// A consumer that has received records that are lost later does not read on behind them without noticing
    /// the truncation.
    TruncationMissed = "TruncationMissed", "KIP-320: a consumer detects log truncation before it reads on";
    /// Every acknowledged record that was committed when the last fault ended has been read by the end of the
    /// run.
    Unseen = "Unseen", "Jepsen Kafka: unseen";
    /// A committed admin operation takes effect, in the order of commits, between its call and its return,
    /// and its answer describes its effect.
    LinearizableAdmin = "LinearizableAdmin", "Herlihy and Wing; commit offsets order the operations";
    /// An answer that needs no commit shows a state that is not older than any state that its connection
    /// showed before.
    StaleAdminAnswer = "StaleAdminAnswer", "controller-broker.md §2.1, §4.1, §4.2: some state at or after what was seen";
    /// Every record of the metadata log was requested by an attempt that did not definitely fail.
    UnaskedMetadata = "UnaskedMetadata", "a closed list of definite failures; controller-broker.md §2.9";
    /// Producer ids are handed out once, from the block that the broker received.
    ProducerIdsOnce = "ProducerIdsOnce", "KIP-730: blocks as fetch-and-add; controller-broker.md §4.10";
    /// Broker epochs are unique, grow, and are log offsets.
    RegistrationEpochs = "RegistrationEpochs", "KIP-631; controller-broker.md §3.1";
}
