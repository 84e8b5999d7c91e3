//! Where checks bring what they found: the first violation, what was excused, and why a run ended.

use std::collections::{BTreeMap, BTreeSet};

use super::invariant::Invariant;
use crate::report::{Violation, ViolationKind};

/// Why something that looks like a broken promise is none. Counted and printed, never silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Excuse {
    /// A fault destroyed durable bytes of so many voters that committed records lost their
    /// majority; counted once per such fault.
    PromiseCutByDestroyedDisk,
    /// A record that had lost its majority so is not in the log of a later leader.
    CommittedRecordDestroyed,
    /// A high watermark rests on a voter whose disk was destroyed after it had acknowledged. Ends
    /// the run if a newer leader has committed otherwise meanwhile.
    CommitCountsAmnesiacVoter,
    /// A voter whose disk was destroyed voted again in an epoch in which it had voted, or in one
    /// that it had left behind: ends the run.
    ForgottenVote,
    /// A replica whose disk was destroyed led again an epoch that it had led: ends the run.
    ForgottenLeadership,
    /// A record is written at an offset and epoch where a destroyed disk's record was: ends the run.
    ForgottenRecord,
    /// An acknowledged append was destroyed so.
    AckedAppendDestroyed,
    /// A replica still shows records that were destroyed so.
    ReadOfDestroyedRecord,
    /// A replica ended itself over a rule that destroyed bytes break: its peers name it leader of
    /// an epoch that it forgot, or a leader without the destroyed records makes it cut its log
    /// below its high watermark. With static voters Kafka crashes so until another leads.
    FatalFaultAfterDestroyedDisk,
    /// Committed metadata of a cluster with brokers lost its majority of disks, and a leader began
    /// without it: ends the run, for partitions rest on it.
    CommittedMetadataDestroyed,
    /// Acknowledged records of a partition went with the disk (its page cache, mostly) of the last
    /// guard; counted by the record, as the following ones are.
    AckedLostWithLastGuard,
    /// The same, where `min.insync.replicas` is 1 and so nobody else need have had them.
    AckedLostWithMinIsrOne,
    /// The same, where the last member of an ISR came back without them and led again (ELR off).
    AckedLostBySoleReplica,
    /// The last guard lost its place by an unclean restart, as KIP-966 has it, and then the last
    /// known leader led without them.
    AckedLostByUncleanRestart,
    /// An unclean election that was allowed or asked for.
    AckedLostByUncleanElection,
    /// The topic was deleted.
    AckedLostByDeletion,
    /// Committed records of a partition that nobody had been acknowledged went the same ways.
    CommittedUnackedLost,
    /// A replica acknowledged, or still shows, records that went so.
    ServedAfterLoss,
    /// A partition's log has rotten bytes in the middle, which Kafka does not look for in segments
    /// that were forced, and the replica counts as in sync.
    RottenReplicaInSync,
    /// Such a replica leads: ends the run.
    RottenReplicaLeads,
    /// A producer that bumped its epoch sent a batch again that had been appended under the epoch
    /// before: Kafka's known duplicate (controller-broker.md §6.8).
    DuplicateByEpochBump,
    /// A batch that a leader without producer state refused was renumbered by an epoch bump, and
    /// now stands behind a later one that it had accepted (controller-broker.md §6.8).
    ReorderedByEpochBump,
    /// A producer without `enable.idempotence` appended a batch once more by its retry: nothing was
    /// promised.
    DuplicateWithoutIdempotence,
    /// The same, of a batch that its retry put behind a later one.
    ReorderedWithoutIdempotence,
    /// Records acknowledged with `acks=1` are in no committed log: only their leader had them, and
    /// no more was promised. Counted by the record, once all has recovered.
    AckedByLeaderOnlyLost,
    /// A stale leader acknowledged or showed a record of a topic that was deleted, of which the
    /// committed log knows nothing.
    RecordOfDeletedTopic,
    /// A consumer's position was lost with the records below it, or with its topic.
    PositionLostWithRecords,
    /// A leader that was elected uncleanly and deposed before it acted has not heard of that: it sends a consumer
    /// back behind records that it lacks, which are committed and stay.
    PositionSentBackByDeposedLeader,
    /// Beyond tolerance a claim broke that needs more than the faults have left; counted each time.
    BeyondTolerance,
    /// Committed metadata was destroyed: admin operations are not judged any more.
    AdminHistoryDestroyed,
}

impl Excuse {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Excuse::PromiseCutByDestroyedDisk => "promise_cut_by_destroyed_disk",
            Excuse::CommittedRecordDestroyed => "committed_record_destroyed",
            Excuse::CommitCountsAmnesiacVoter => "commit_counts_amnesiac_voter",
            Excuse::ForgottenVote => "forgotten_vote",
            Excuse::ForgottenLeadership => "forgotten_leadership",
            Excuse::ForgottenRecord => "forgotten_record",
            Excuse::AckedAppendDestroyed => "acked_append_destroyed",
            Excuse::ReadOfDestroyedRecord => "read_of_destroyed_record",
            Excuse::FatalFaultAfterDestroyedDisk => "fatal_fault_after_destroyed_disk",
            Excuse::CommittedMetadataDestroyed => "committed_metadata_destroyed",
            Excuse::AckedLostWithLastGuard => "acked_lost_with_last_guard",
            Excuse::AckedLostWithMinIsrOne => "acked_lost_with_min_isr_one",
            Excuse::AckedLostBySoleReplica => "acked_lost_by_sole_replica",
            Excuse::AckedLostByUncleanRestart => "acked_lost_by_unclean_restart",
            Excuse::AckedLostByUncleanElection => "acked_lost_by_unclean_election",
            Excuse::AckedLostByDeletion => "acked_lost_by_deletion",
            Excuse::CommittedUnackedLost => "committed_unacked_lost",
            Excuse::ServedAfterLoss => "served_after_loss",
            Excuse::RottenReplicaInSync => "rotten_replica_in_sync",
            Excuse::RottenReplicaLeads => "rotten_replica_leads",
            Excuse::DuplicateByEpochBump => "duplicate_by_epoch_bump",
            Excuse::ReorderedByEpochBump => "reordered_by_epoch_bump",
            Excuse::DuplicateWithoutIdempotence => "duplicate_without_idempotence",
            Excuse::ReorderedWithoutIdempotence => "reordered_without_idempotence",
            Excuse::AckedByLeaderOnlyLost => "acked_by_leader_only_lost",
            Excuse::RecordOfDeletedTopic => "record_of_deleted_topic",
            Excuse::PositionLostWithRecords => "position_lost_with_records",
            Excuse::PositionSentBackByDeposedLeader => "position_sent_back_by_deposed_leader",
            Excuse::BeyondTolerance => "beyond_tolerance",
            Excuse::AdminHistoryDestroyed => "admin_history_destroyed",
        }
    }
}

/// A time as messages say it.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

/// What the checks have found so far.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// True time of the event being judged, ns.
    pub now_ns: u64,
    keep_going: bool,
    beyond_tolerance: bool,
    /// Beyond tolerance: two records stand at one place, so what ghosts know of logs is worth nothing.
    ambiguous: bool,
    violation: Option<Violation>,
    fired: BTreeSet<Invariant>,
    excused: BTreeMap<Excuse, u64>,
    ended_by: Option<Excuse>,
}

impl Verdict {
    /// With `keep_going`, later violations are gathered too (in [`Verdict::fired`]).
    pub fn new(keep_going: bool) -> Verdict {
        Verdict { keep_going, ..Verdict::default() }
    }

    /// Only what each process promises by itself is judged.
    #[must_use]
    pub fn beyond_tolerance(self) -> Verdict {
        Verdict { beyond_tolerance: true, ..self }
    }

    /// Are only some claims judged?
    pub fn is_beyond_tolerance(&self) -> bool {
        self.beyond_tolerance
    }

    /// A claim broke. The first one is kept; `detail` is made only then.
    #[cold]
    pub fn fail(&mut self, invariant: Invariant, detail: impl FnOnce() -> String) {
        let rests_on_logs = invariant == Invariant::GhostMismatch;
        if self.beyond_tolerance && (!invariant.is_of_one_process() || rests_on_logs && self.ambiguous) {
            self.ambiguous |= invariant == Invariant::LogMatching;
            return self.excuse(Excuse::BeyondTolerance, 1);
        }
        if self.ended_by.is_some() || (self.violation.is_some() && !self.keep_going) {
            return;
        }
        self.fired.insert(invariant);
        if self.violation.is_some() {
            return;
        }
        let kind = match invariant {
            Invariant::GhostMismatch => ViolationKind::GhostMismatch,
            Invariant::Recovery
            | Invariant::LeaderWithoutMajorityResigns
            | Invariant::AppendWithinLinger
            | Invariant::SilentLeaderLeft
            | Invariant::EndQuorumEpochObeyed => ViolationKind::Liveness,
            _ => ViolationKind::Safety,
        };
        self.violation = Some(Violation {
            kind,
            invariant: invariant.name().to_owned(),
            spec: invariant.source().to_owned(),
            detail: detail(),
            at_ns: self.now_ns,
            event: 0,
        });
    }

    /// Something that destroyed bytes explain.
    #[cold]
    pub fn excuse(&mut self, excuse: Excuse, count: u64) {
        *self.excused.entry(excuse).or_default() += count;
    }

    /// Destroyed bytes explain what follows, whatever it is: nothing more can be judged.
    #[cold]
    pub fn end_excused(&mut self, excuse: Excuse) {
        self.excuse(excuse, 1);
        self.ambiguous |= excuse == Excuse::ForgottenRecord;
        // What is judged beyond tolerance rests on nothing that was destroyed.
        if self.violation.is_none() && self.ended_by.is_none() && !self.beyond_tolerance {
            self.ended_by = Some(excuse);
        }
    }

    /// The first violation.
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// The excuse that ended the run, if one did.
    pub fn ended_by(&self) -> Option<Excuse> {
        self.ended_by
    }

    /// Is there reason to stop?
    #[inline]
    pub fn stop(&self) -> bool {
        self.ended_by.is_some() || (self.violation.is_some() && !self.keep_going)
    }

    /// Every invariant that broke so far (only the first unless kept going).
    pub fn fired(&self) -> impl Iterator<Item = Invariant> {
        self.fired.iter().copied()
    }

    /// Excuses and how often, by name.
    pub fn excused(&self) -> impl Iterator<Item = (Excuse, u64)> {
        self.excused.iter().map(|(excuse, count)| (*excuse, *count))
    }
}
