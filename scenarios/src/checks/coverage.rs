//! Rare situations, counted: what a run went through, by name.

use raft::io::Probe;

/// Declares names for situations that the border shows.
macro_rules! situations {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A rare situation that no node needs to tell.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Situation { $($(#[doc = $doc])+ $variant,)+ }

        const SITUATIONS: &[&str] = &[$($name,)+];
    };
}

situations! {
    /// Two servers believed at once that they lead.
    TwoLeadersAtOnce = "two_leaders_at_once",
    /// A leader was elected while links were cut.
    ElectionDuringPartition = "election_during_partition",
    /// A boot found bytes behind the last whole batch.
    TornTail = "torn_tail",
    /// A voter forgot durable bytes that it had promised or held.
    AmnesiacVoter = "amnesiac_voter",
    /// A leader wrote where a newer one's records were committed already.
    Divergence = "divergence",
    /// An older leader moved its high watermark after a newer one was elected.
    CommitByOlderLeader = "commit_by_older_leader",
    /// Power was lost with written bytes that were not durable.
    PowerLossWithUnsyncedTail = "power_loss_with_unsynced_tail",
    /// Two voters asked for votes in one epoch.
    SplitVote = "split_vote",
    /// A process died while it led.
    LeaderDied = "leader_died",
    /// A written batch was cut from a log.
    WrittenBatchCut = "written_batch_cut",
    /// A write or an fsync was refused.
    DiskFailed = "disk_failed",
    /// A record that an indeterminate append brought was committed.
    UnknownAppendCommitted = "unknown_append_committed",
    /// A read was answered by a replica that had not yet applied what was acknowledged already.
    StaleRead = "stale_read",
}

const PROBES: &[(Probe, &str)] = &[
    (Probe::VoteLost, "vote_lost"),
    (Probe::PreVoteLost, "pre_vote_lost"),
    (Probe::CheckQuorumResigned, "check_quorum_resigned"),
    (Probe::DivergingFetch, "diverging_fetch"),
    (Probe::TruncatedLog, "truncated_log"),
    (Probe::RestartedResigned, "restarted_resigned"),
    (Probe::RestartedCandidate, "restarted_candidate"),
    (Probe::RecoveredTornTail, "recovered_torn_tail"),
    (Probe::NonMonotonicFetch, "non_monotonic_fetch"),
    (Probe::EndQuorumEpochHonoured, "end_quorum_epoch_honoured"),
    (Probe::ParkedFetchFailed, "parked_fetch_failed"),
    (Probe::SegmentRolled, "segment_rolled"),
    (Probe::FencedRequest, "fenced_request"),
    (Probe::BatchDropped, "batch_dropped"),
    (Probe::AppendRefused, "append_refused"),
];

/// Counters by name.
#[derive(Clone, Debug)]
pub struct Coverage {
    situations: [u64; SITUATIONS.len()],
    probes: [u64; PROBES.len()],
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage { situations: [0; SITUATIONS.len()], probes: [0; PROBES.len()] }
    }
}

impl Coverage {
    /// The border showed a situation.
    pub fn met(&mut self, situation: Situation) {
        self.situations[situation as usize] += 1;
    }

    /// A node reached a rare place.
    pub fn reached(&mut self, probe: Probe) {
        self.probes[probe as usize] += 1;
    }

    /// Every name and how often it was met.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let situations = SITUATIONS.iter().copied().zip(self.situations.iter().copied());
        let probes = PROBES.iter().zip(self.probes.iter().copied());
        // Records leave a leader as they were when it answered and are intact on the way, so only
        // a mutant (KAFKA-18723) makes a follower drop a batch: not a place runs could reach.
        let reachable = probes.filter(|((probe, _), _)| *probe != Probe::BatchDropped);
        situations.chain(reachable.map(|((_, name), count)| (*name, count)))
    }

    /// How often one name was met; `None` if there is no such name.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.counts().find(|(other, _)| *other == name).map(|(_, count)| count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_are_listed_in_their_own_order() {
        for (index, (probe, name)) in PROBES.iter().enumerate() {
            assert_eq!(*probe as usize, index, "{name}");
        }
    }
}
