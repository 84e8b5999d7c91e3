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
    /// Two servers, or two lives of one server, never lead the same epoch.
    NeverTwoLeadersInSameEpoch = "NeverTwoLeadersInSameEpoch", "KRaft TLA+ (Vanlightly): NeverTwoLeadersInSameEpoch; KIP-595";
    /// One vote per epoch and voter, across crashes.
    ValidVotes = "ValidVotes", "Raft §5.2; KRaft TLA+ (Vanlightly): ValidVotesRecv";
    /// Nobody asks for votes in a new epoch before a majority has granted a pre-vote.
    PreVoteBeforeVote = "PreVoteBeforeVote", "KIP-996: Prospective before Candidate";
    /// A replica's epoch never goes back.
    MonotonicEpoch = "MonotonicEpoch", "RaftEventSimulationTest: MonotonicEpoch";
    /// Whoever answers a vote request is in its epoch by then, leaders too.
    HigherEpochObeyed = "HigherEpochObeyed", "Raft §5.1: any message with a higher term";
    /// A replica's high watermark never goes back within one life and epoch.
    MonotonicHighWatermark = "MonotonicHighWatermark", "RaftEventSimulationTest: MonotonicHighWatermark";
    /// A high watermark never lies above the log, nor is the log cut below it.
    HighWatermarkWithinLog = "HighWatermarkWithinLog", "KIP-595; Kafka: KafkaRaftLog.truncateTo";
    /// Logs that hold the same (epoch, end offset) hold the same prefix; offsets have no gap.
    LogMatching = "LogMatching", "Raft §5.3, figure 3: Log Matching; KRaft TLA+: LogMatching";
    /// A leader holds every record committed in an earlier epoch; of a partition too.
    LeaderCompleteness = "LeaderCompleteness", "Raft §5.4, figure 3: Leader Completeness; KIP-966 TLA+ (Vanlightly): LeaderCompletenessProperty";
    /// No replica ever takes another record at a committed offset for committed.
    StateMachineSafety = "StateMachineSafety", "Raft §5.4.3, figure 3: State Machine Safety";
    /// Everything below a leader's high watermark is durable on a majority of voters.
    MajorityReachedHighWatermark = "MajorityReachedHighWatermark", "RaftEventSimulationTest: MajorityReachedHighWatermark, read durably";
    /// A leader's high watermark counts only what a majority has told it in Fetch requests of its epoch.
    HighWatermarkAcknowledged = "HighWatermarkAcknowledged", "KIP-595: a fetch of another epoch is fenced";
    /// A leader's high watermark covers a record of its own epoch, or is unknown.
    OwnEpochCommit = "OwnEpochCommit", "Raft §5.4.2, figure 8";
    /// One active controller per epoch; an older leader commits only what the newer one has.
    SingleActiveController = "SingleActiveController", "KIP-631; KIP-595, two self-believed leaders";
    /// What a leader writes in its epoch its controller has decided in that epoch: after it claimed it.
    RecordAfterClaim = "RecordAfterClaim", "KIP-631: a write carries the claimed epoch; KAFKA-6082";
    /// A committed record stays on a majority of disks until a fault destroys durable bytes.
    CommittedRecordsDurable = "CommittedRecordsDurable", "KIP-595; KRaft TLA+ (Vanlightly): some replica holds each committed record";
    /// D1: own vote and epoch are durable before a Vote request asks for others'.
    PersistBeforePromiseD1 = "PersistBeforePromise:D1", "KIP-595, Raft §5.1: currentTerm and votedFor before a RequestVote";
    /// D2: an epoch is durable before any message carries it.
    PersistBeforePromiseD2 = "PersistBeforePromise:D2", "Raft §5.1: currentTerm before any message that carries it";
    /// D3: a vote is durable before it is granted.
    PersistBeforePromiseD3 = "PersistBeforePromise:D3", "Raft §5.2: votedFor before the vote is granted";
    /// D4: leadership is durable before LeaderChange is appended or BeginQuorumEpoch is sent.
    PersistBeforePromiseD4 = "PersistBeforePromise:D4", "KIP-595: QuorumState.transitionToLeader before LeaderChange";
    /// D5: the leader followed is durable before anything of it is appended.
    PersistBeforePromiseD5 = "PersistBeforePromise:D5", "KIP-595: QuorumState.transitionToFollower before the first append";
    /// D6: the epoch-cache entry is durable before the first batch of its epoch is written.
    PersistBeforePromiseD6 = "PersistBeforePromise:D6", "KIP-101, KIP-595: the leader-epoch cache before the batch";
    /// D7: the topic id is durable before the first batch is written.
    PersistBeforePromiseD7 = "PersistBeforePromise:D7", "KIP-516: partition.metadata before the first record";
    /// D8: a voter's log is durable up to the end that its Fetch or Vote request claims.
    PersistBeforePromiseD8 = "PersistBeforePromise:D8", "KAFKA-10533: a fetch offset acknowledges what is on disk";
    /// D9: a leader's appends are durable before its raft thread takes the next input.
    PersistBeforePromiseD9 = "PersistBeforePromise:D9", "KAFKA-10533: the leader forces its append before it counts the next fetch";
    /// No replica ends itself for another reason than its disk: Kafka throws where a rule of the
    /// protocol is found broken, and none may be.
    NoFatalFault = "NoFatalFault", "KRaft TLA+ (Vanlightly): NoIllegalState; a throw on Kafka's raft IO thread ends the process";
    /// What a node says of itself, what crossed its border and what lies on its disk agree.
    GhostMismatch = "GhostMismatch", "the audit: node, model and disk";
    /// An acknowledged append stands at its offset; acknowledgements respect real time.
    LinearizableAppends = "LinearizableAppends", "Herlihy and Wing; a log decided by its offsets";
    /// A read shows committed records, all of them in its range, and nothing else.
    CommittedReads = "CommittedReads", "KIP-595: listeners see offsets below the high watermark";
    /// What one life of a server shows never goes back.
    MonotonicReads = "MonotonicReads", "Kafka: RaftClient.Listener.handleCommit, in offset order, no repeat";
    /// No value is committed twice.
    DuplicateRecord = "DuplicateRecord", "Jepsen Kafka: duplicate";
    /// An append that was definitely refused is never committed.
    FailedAppendCommitted = "FailedAppendCommitted", "Jepsen Kafka: aborted read";
    /// An acknowledged value stays: in the metadata log on a majority of disks, in a partition on some
    /// replica that may lead.
    AckedValueNotLost = "AckedValueNotLost", "KIP-966's promise; Jepsen Kafka: lost write";
    /// Nodes that have published up to the same offset have the image that replaying the committed
    /// log makes; what one life publishes never goes back, nor past what is committed.
    ImagesEqualAtEqualOffsets = "ImagesEqualAtEqualOffsets", "KIP-631; KIP-966 TLA+ (Vanlightly): MetadataLogMatchingProperty";
    /// Every committed record can be replayed on what came before it.
    CommittedMetadataReplays = "CommittedMetadataReplays", "Kafka: a record that does not replay is a fatal fault of every controller";
    /// A broker epoch belongs to one incarnation of one broker, and newer ones are higher.
    MonotonicBrokerEpoch = "MonotonicBrokerEpoch", "KIP-631: the broker epoch is the offset of its registration";
    /// The same process of a broker that registers again stays as fenced and as leaving as it was.
    ReregistrationKeepsState = "ReregistrationKeepsState", "controller-broker.md §3.1; KAFKA-16757";
    /// A broker that the active controller does not hear is fenced when its session is over.
    SilentBrokerFenced = "SilentBrokerFenced", "KIP-631: broker.session.timeout.ms, fencing; KAFKA-18138";
    /// A broker that the controller has heard is not fenced before its session is over.
    HeardBrokerNotFenced = "HeardBrokerNotFenced", "KIP-631: broker.session.timeout.ms, fencing; KAFKA-15019";
    /// A broker that wishes to leave is let go as soon as nobody needs it.
    ControlledShutdownEnds = "ControlledShutdownEnds", "KIP-841; controller-broker.md §3.3: the offset to wait for is set once; KAFKA-14292";
    /// A producer id is given out once: by the controller to one broker, by that to one producer.
    ProducerIdBlocksDisjoint = "ProducerIdBlocksDisjoint", "KIP-730: producer ids are allocated in disjoint blocks";
    /// ISR and ELR are disjoint sets of replicas, the leader and all of the ISR are active, the ELR is
    /// kept while the ISR is too small and loses nobody without cause; epochs never go back.
    ValidControllerIsrAndElr = "ValidControllerIsrAndElr", "KIP-966 TLA+ (Vanlightly): ValidControllerIsrAndElr, ValidControllerState";
    /// An ISR change is accepted of the newest partition epoch alone, and refused as fenced to none but
    /// an older leader.
    IsrCompareAndSet = "IsrCompareAndSet", "KIP-497, controller-broker.md §4.3; KAFKA-428, KAFKA-14154";
    /// A leader that proposes a replica for its ISR names the process that has fetched.
    ProposalNamesProcess = "ProposalNamesProcess", "KIP-903: BrokerEpoch in AlterPartition";
    /// A replica changes its log by what the leader of its present epoch answers, and by no older answer.
    PresentLeaderObeyed = "PresentLeaderObeyed", "KIP-320, controller-broker.md §6.5; KAFKA-18991, KAFKA-13207";
    /// A partition's leader epoch has one leader, in one life.
    NeverTwoPartitionLeadersInSameEpoch = "NeverTwoPartitionLeadersInSameEpoch", "KIP-101: at most one leader per leader epoch";
    /// A broker leads a partition only in an epoch that committed metadata gave it.
    LeaderByCommittedMetadata = "LeaderByCommittedMetadata", "KIP-966 TLA+ (Vanlightly): ValidReplicaState; KIP-631";
    /// A broker gives up a leadership as soon as it has published that it has it no longer.
    DemotionObeyed = "DemotionObeyed", "controller-broker.md §5.5: roles follow the image; KAFKA-14296";
    /// At an acks=all ack the maximal ISR is large enough, holds all of it, and covers the committed ISR.
    ReplicationQuorumSuperset = "ReplicationQuorumSuperset", "KIP-966 TLA+ (Vanlightly): ReplicationQuorumSupersetProperty; KIP-497";
    /// Whoever metadata lets lead, as member of an ISR or ELR, holds everything committed.
    LeaderCandidateCompleteness = "LeaderCandidateCompleteness", "KIP-966 TLA+ (Vanlightly): LeaderCandidateCompletenessProperty; KIP-101, KIP-279, KIP-903";
    /// Consumers see committed records, and below the high watermark of who shows them.
    ConsistentRead = "ConsistentRead", "KIP-966 TLA+ (Vanlightly): ConsistentReadProperty; KIP-392";
    /// A partition's committed log has each batch of an idempotent producer once and in sequence.
    IdempotentSequence = "IdempotentSequence", "KIP-98: idempotent producers neither lose, duplicate nor reorder";
    /// A leader never refuses as out of sequence what it holds already.
    DuplicateRecognised = "DuplicateRecognised", "KIP-98: a duplicate is acknowledged; Jepsen on Redpanda 21.10.1";
    /// A leader from which no majority fetches resigns within the bound of its timers.
    LeaderWithoutMajorityResigns = "LeaderWithoutMajorityResigns", "KAFKA-15489: check quorum";
    /// What a leader has accepted it writes when its linger is over, busy or not with anything else.
    AppendWithinLinger = "AppendWithinLinger", "KAFKA-10826: controller.quorum.append.linger.ms";
    /// A follower that its leader does not answer asks for pre-votes when its fetch timeout is over.
    SilentLeaderLeft = "SilentLeaderLeft", "KIP-595: controller.quorum.fetch.timeout.ms";
    /// A follower whose leader tells it that it resigns campaigns when its backoff is over.
    EndQuorumEpochObeyed = "EndQuorumEpochObeyed", "KIP-595: EndQuorumEpoch, PreferredCandidates; KAFKA-20895";
    /// Who asks for pre-votes follows its leader again only when it cannot win or its time is up.
    PreVoteCarriedThrough = "PreVoteCarriedThrough", "KIP-996: Prospective; KAFKA-17641";
    /// After healing, the quorum serves again within its bound.
    Recovery = "Recovery", "bounded progress after heal: KRaft TLA+ (Vanlightly): EventuallyLeaderElected, ValuesEventuallyAcked";
    // Histories of Kafka clients: judged in `checks::clients`.
    /// One offset of a partition shows one value, to producers and consumers alike.
    InconsistentOffsets = "InconsistentOffsets", "Jepsen Kafka: inconsistent-offsets";
    /// An acknowledged batch is in its partition's committed log.
    LostWrite = "LostWrite", "Jepsen Kafka: lost-write; controller-broker.md §6.11";
    /// A batch of which every attempt definitely failed is never committed, nor read.
    AbortedRead = "AbortedRead", "Jepsen Kafka: G1a; a closed list of definite failures";
    /// A committed batch is one that a producer sent, with its values and its sequence.
    InventedRecord = "InventedRecord", "every committed record was sent by a client";
    /// A record that a consumer was shown is committed.
    UncommittedRead = "UncommittedRead", "controller-broker.md §6.7, §6.11: consumers read below the high watermark";
    /// Sequences of a producer epoch follow each other in the committed log.
    IdempotentSequences = "IdempotentSequences", "KIP-98, controller-broker.md §6.8: base == last + 1";
    /// In a new epoch of a producer the sequences of each partition begin at 0.
    NewEpochBeginsAtZero = "NewEpochBeginsAtZero", "KIP-360; KAFKA-12152";
    /// An idempotent producer's records stand in the order in which it sent them.
    NonmonotonicSend = "NonmonotonicSend", "Jepsen Kafka: nonmonotonic-send, int-nonmonotonic-send; controller-broker.md §6.11";
    /// A poll goes on where the one before ended: nothing is left out.
    PollSkip = "PollSkip", "Jepsen Kafka: poll-skip";
    /// A poll goes on where the one before ended: nothing is shown again.
    NonmonotonicPoll = "NonmonotonicPoll", "Jepsen Kafka: nonmonotonic-poll";
    /// One poll leaves nothing out.
    IntPollSkip = "IntPollSkip", "Jepsen Kafka: int-poll-skip";
    /// One poll goes forward.
    IntNonmonotonicPoll = "IntNonmonotonicPoll", "Jepsen Kafka: int-nonmonotonic-poll";
    /// A position in the committed log is never out of range, nor cut off.
    PositionLost = "PositionLost", "KIP-320; controller-broker.md §6.7, §6.11: no record read disappears";
    /// A consumer that was shown what is lost does not read on behind it as if nothing were.
    TruncationMissed = "TruncationMissed", "KIP-320: a consumer detects log truncation before it reads on";
    /// At the end every acknowledged record that was committed when all faults were over has been read.
    Unseen = "Unseen", "Jepsen Kafka: unseen";
    /// An admin operation that committed stands, in the order of commits, between its call and its
    /// return, and did what its answer says.
    LinearizableAdmin = "LinearizableAdmin", "Herlihy and Wing; commit offsets order the operations";
    /// An answer that needed no commit shows a state not older than what its connection had shown.
    StaleAdminAnswer = "StaleAdminAnswer", "controller-broker.md §2.1, §4.1, §4.2: some state at or after what was seen";
    /// A record of the metadata log was asked for, by an attempt that did not definitely fail.
    UnaskedMetadata = "UnaskedMetadata", "a closed list of definite failures; controller-broker.md §2.9";
    /// Producer ids are handed out once, from the block that the broker was given.
    ProducerIdsOnce = "ProducerIdsOnce", "KIP-730: blocks as fetch-and-add; controller-broker.md §4.10";
    /// Broker epochs are unique, grow, and are log offsets.
    RegistrationEpochs = "RegistrationEpochs", "KIP-631; controller-broker.md §3.1";
}
