//! Where checks bring what they found: the first violation, what was excused, and why a run ended.

use std::collections::{BTreeMap, BTreeSet};

use super::invariant::Invariant;
use crate::report::{Violation, ViolationKind};

/// Declares the closed list with names and causes.
macro_rules! excuses {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// Why something that looks like a violation is none. Always counted and printed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Excuse { $($(#[doc = $doc])+ $variant,)+ }

        impl Excuse {
            /// Every one, in declaration order.
            pub const ALL: &'static [Excuse] = &[$(Excuse::$variant,)+];

            /// The name in reports.
            pub fn name(self) -> &'static str {
                match self { $(Excuse::$variant => $name,)+ }
            }

            /// What happened, in the words of its documentation.
            pub fn cause(self) -> &'static str {
                match self { $(Excuse::$variant => concat!($($doc),+),)+ }.trim_start()
            }
        }
    };
}

excuses! {
    /// A fault destroyed durable bytes of so many voters that committed records lost their majority.
    /// Counted once for each such fault.
    PromiseCutByDestroyedDisk = "promise_cut_by_destroyed_disk";
    /// A record that lost its majority by destroyed disks is not in the log of a later leader.
    CommittedRecordDestroyed = "committed_record_destroyed";
    /// A high watermark counts a voter whose disk was destroyed after it had acknowledged. Ends the run
    /// if a newer leader has committed something else meanwhile.
    CommitCountsAmnesiacVoter = "commit_counts_amnesiac_voter";
    /// A voter whose disk was destroyed voted again in an epoch in which it had voted, or in an older
    /// one. Ends the run.
    ForgottenVote = "forgotten_vote";
    /// A replica whose disk was destroyed led an epoch again that it had led. Ends the run.
    ForgottenLeadership = "forgotten_leadership";
    /// A record is written at an offset and epoch at which a destroyed disk had another. Ends the run.
    ForgottenRecord = "forgotten_record";
    /// An acknowledged append was destroyed with the disks of a majority.
    AckedAppendDestroyed = "acked_append_destroyed";
    /// A replica still returns records that were destroyed on a majority.
    ReadOfDestroyedRecord = "read_of_destroyed_record";
    /// A replica ended itself because destroyed bytes violate a rule: its peers name it leader of an
    /// epoch that it forgot, or a leader without the destroyed records makes it truncate its log below
    /// its high watermark. With static voters Kafka does so, too, until another replica leads.
    FatalFaultAfterDestroyedDisk = "fatal_fault_after_destroyed_disk";
    /// Committed metadata of a cluster with brokers lost its majority of disks, and a leader began
    /// without it. Ends the run, because partitions depend on it.
    CommittedMetadataDestroyed = "committed_metadata_destroyed";
    /// Acknowledged records of a partition were lost with the disk, mostly the page cache, of the last
    /// replica that had to keep them. Counted by the record, as the following ones are.
    AckedLostWithLastGuard = "acked_lost_with_last_guard";
    /// Acknowledged records were lost with a replica's disk or page cache where `min.insync.replicas`
    /// is 1, so that no other replica was required to have them.
    AckedLostWithMinIsrOne = "acked_lost_with_min_isr_one";
    /// The last member of an ISR came back without acknowledged records and led again (ELR disabled).
    AckedLostBySoleReplica = "acked_lost_by_sole_replica";
    /// The last replica that had to keep the records lost its place in ISR and ELR by an unclean
    /// restart (KIP-966), and the last known leader led without them.
    AckedLostByUncleanRestart = "acked_lost_by_unclean_restart";
    /// An unclean election, allowed or requested, lost acknowledged records.
    AckedLostByUncleanElection = "acked_lost_by_unclean_election";
    /// The topic was deleted.
    AckedLostByDeletion = "acked_lost_by_deletion";
    /// Committed records that were not acknowledged were lost in one of the ways above.
    CommittedUnackedLost = "committed_unacked_lost";
    /// A replica acknowledged, or still returns, records that were lost in one of the ways above.
    ServedAfterLoss = "served_after_loss";
    /// The log of a replica in the ISR has corrupt bytes (bit rot) in a forced segment, which Kafka does not
    /// verify at a start.
    RottenReplicaInSync = "rotten_replica_in_sync";
    /// A replica with such a log leads. Ends the run.
    RottenReplicaLeads = "rotten_replica_leads";
    /// A producer that bumped its epoch sent a batch again that had been appended under the previous
    /// epoch: Kafka's known duplicate (controller-broker.md §6.8).
    DuplicateByEpochBump = "duplicate_by_epoch_bump";
    /// A batch that a leader without producer state refused was renumbered by an epoch bump, and is
    /// behind a later one that the leader had accepted (controller-broker.md §6.8).
    ReorderedByEpochBump = "reordered_by_epoch_bump";
    /// A producer without `enable.idempotence` appended a batch once more by a retry.
    DuplicateWithoutIdempotence = "duplicate_without_idempotence";
    /// A producer without `enable.idempotence` appended a batch behind a later one by a retry.
    ReorderedWithoutIdempotence = "reordered_without_idempotence";
    /// Records acknowledged with `acks=1` are in no committed log: only their leader had them. Counted
    /// by the record, once the cluster has recovered.
    AckedByLeaderOnlyLost = "acked_by_leader_only_lost";
    /// A stale leader acknowledged or returned a record of a deleted topic, which the committed log
    /// does not have.
    RecordOfDeletedTopic = "record_of_deleted_topic";
    /// A consumer's position was lost with the records below it, or with its topic.
    PositionLostWithRecords = "position_lost_with_records";
    /// A leader that was elected uncleanly, and deposed before it acted, does not know that yet: it
    /// sends a consumer back behind committed records that it lacks.
    PositionSentBackByDeposedLeader = "position_sent_back_by_deposed_leader";
    /// With `beyond-tolerance`, a claim was violated that assumes fewer faults than were injected. Counted
    /// each time.
    BeyondTolerance = "beyond_tolerance";
    /// Committed metadata was destroyed, so admin operations are not judged any more.
    AdminHistoryDestroyed = "admin_history_destroyed";
}

/// A time as messages say it.
pub fn seconds(ns: u64) -> String {
    format!("{}.{:03} s", ns / 1_000_000_000, ns / 1_000_000 % 1_000)
}

/// An optional value as messages say it.
pub fn or_none(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
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
        self.fail_by(invariant, None, detail);
    }

    /// The same, by this one of the predicates that the claim is made of.
    #[cold]
    pub fn fail_by(&mut self, invariant: Invariant, predicate: Option<&str>, detail: impl FnOnce() -> String) {
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
            predicate: predicate.map(str::to_owned),
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
