//! What may be missing from the metadata log, and what its voters may do once more: pure functions of what was written
//! and of the facts, as [`super::answers`] are of a partition.
//!
//! Voters promise what they have forced. So a power loss takes nothing from a promise; only a fault that destroys
//! durable bytes does (a replaced disk, rot).

use crate::checks::prelude::*;
use raft::ids::{LeaderEpoch, Offset, Uuid};
use raft::io::FatalFault;
use raft::log::Batch;

use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::{BatchId, Ledger};

/// Epochs of which a server does not know what it did, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForgottenEpochs {
    pub first: LeaderEpoch,
    pub last: LeaderEpoch,
    /// It votes in them as the voter that it was. On an empty disk, under another directory id, it is another replica, which
    /// votes for nobody until it is a voter (KIP-853).
    pub by_same_voter: bool,
}

impl ForgottenEpochs {
    fn has(self, epoch: LeaderEpoch) -> bool {
        self.first <= epoch && epoch <= self.last
    }
}

/// What has happened to the metadata log that bears on losses, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QuorumFact {
    /// A fault destroyed durable bytes of a server, or has misled it so that it cut its log.
    Destroyed {
        server: usize,
        /// Of the disk, as it was.
        directory_id: Option<Uuid>,
        /// Its word may have counted ([`Models::may_count`]).
        voter: bool,
        /// From that of its `quorum-state`, if that is not what it was, up to the one that it had, if that is later.
        epochs: Option<ForgottenEpochs>,
        /// What its log held durably, if some of that is gone.
        log: Option<BatchId>,
    },
    /// A fault has left other bytes in a server's `leader-epoch-checkpoint`, or that ends with the disk. By what it reads
    /// there a replica cuts its log, says in elections how far that goes, and lets its followers cut theirs.
    Misled { server: usize, is_misled: bool },
    /// A server holds durably again what it held. Other batches in its place do not count: an acknowledgement of the
    /// old ones may still be on its way.
    Restored { server: usize, log: BatchId },
    /// The leader of `epoch` begins with `left` of the committed log, which ended with `had`.
    Cut { epoch: LeaderEpoch, had: BatchId, left: BatchId, at_ns: u64 },
    /// A leader older than a cut commits up to `had`, beside the committed log, of which it has `left`.
    CommittedBeside { had: BatchId, left: BatchId },
}

/// The metadata log as the answers see it.
#[derive(Clone, Copy, Debug)]
pub struct QuorumLosses<'a> {
    pub ledger: &'a Ledger,
    pub facts: &'a [QuorumFact],
}

impl QuorumLosses<'_> {
    /// Servers that have forgotten epochs: who, whether it was a voter, and which.
    fn forgotten_epochs(&self) -> impl Iterator<Item = (usize, bool, ForgottenEpochs)> {
        self.facts.iter().filter_map(|fact| match fact {
            QuorumFact::Destroyed { server, voter, epochs: Some(epochs), .. } => Some((*server, *voter, *epochs)),
            _ => None,
        })
    }

    /// Has a server forgotten what it did in an epoch?
    fn has_forgotten_epoch(&self, server: usize, epoch: LeaderEpoch) -> bool {
        self.forgotten_epochs().any(|(of, _, epochs)| of == server && epochs.has(epoch))
    }

    /// Voters that have forgotten epochs, and vote as they did before.
    fn forgetful_voters(&self) -> impl Iterator<Item = (usize, bool, ForgottenEpochs)> {
        self.forgotten_epochs().filter(|(_, _, epochs)| epochs.by_same_voter)
    }

    /// May a voter vote once more in an epoch?
    pub fn may_vote_again(&self, server: usize, epoch: LeaderEpoch) -> Option<Excuse> {
        let is_again = |(of, _, epochs): (usize, bool, ForgottenEpochs)| of == server && epochs.has(epoch);
        self.forgetful_voters().any(is_again).then_some(Excuse::ForgottenVote)
    }

    /// May it vote in an epoch that it has left behind?
    pub fn may_vote_late(&self, server: usize, epoch: LeaderEpoch) -> Option<Excuse> {
        let is_behind =
            |(of, _, epochs): (usize, bool, ForgottenEpochs)| of == server && epochs.has(epoch) && epoch < epochs.last;
        self.forgetful_voters().any(is_behind).then_some(Excuse::ForgottenVote)
    }

    /// May a cluster not recover, though these servers alone are missing? `newest` is the newest epoch that has a leader.
    /// By epochs that were altered a leader makes its followers truncate for ever what they have fetched again
    /// (`RaftLog.validateOffsetAndEpoch`); a server that is no voter, and in a later epoch than the quorum, stays there
    /// without a leader, as only voters campaign in later ones (`KafkaRaftClient.maybeHandleCommonResponse` leaves out
    /// answers of earlier epochs).
    pub fn may_not_recover(&self, missing: &[usize], newest: LeaderEpoch, servers: &[ServerModel]) -> Option<Excuse> {
        let misleads = |(index, server): (usize, &ServerModel)| server.leads() == Some(newest) && self.is_misled(index);
        if servers.iter().enumerate().any(misleads) {
            return Some(Excuse::EpochsAltered);
        }
        let is_ahead = |index: &usize| {
            let server = &servers[*index];
            // It has started with the last epoch that it read of its log (`QuorumState.initialize`), or of `quorum-state`.
            let was_altered = || self.is_misled(*index) || self.has_forgotten_epoch(*index, server.durable_epoch());
            server.up && !server.voter && server.durable_epoch() > newest && was_altered()
        };
        (!missing.is_empty() && missing.iter().all(is_ahead)).then_some(Excuse::EpochAheadOfQuorum)
    }

    /// May an epoch have a second leader? A voter that forgot what it did in this epoch can make a second majority.
    pub fn may_be_led_again(&self, epoch: LeaderEpoch) -> Option<Excuse> {
        let is_again = |(_, voter, epochs): (usize, bool, ForgottenEpochs)| voter && epochs.has(epoch);
        self.forgetful_voters().any(is_again).then_some(Excuse::ForgottenLeadership)
    }

    /// May another batch of an epoch stand where one stood? By a second leader of that epoch.
    pub fn may_be_written_again(&self, epoch: LeaderEpoch) -> Option<Excuse> {
        self.may_be_led_again(epoch).map(|_| Excuse::ForgottenRecord)
    }

    /// Does a voter's word on what was committed in an epoch bind it? A vote that it has forgotten may elect a leader
    /// that lacks what it acknowledges now.
    pub fn is_bound(&self, server: usize, epoch: LeaderEpoch) -> bool {
        self.may_vote_late(server, epoch).is_none()
    }

    /// Did a server hold this batch durably until its disk was destroyed, and not since? It may have acknowledged it.
    pub fn has_forgotten(&self, server: usize, batch: BatchId) -> bool {
        self.forgotten(server).any(|log| self.ledger.holds(log, batch))
    }

    /// Did a replica, whose server is another one now, hold this batch durably when its disk was destroyed? It may have become a
    /// voter since: who adds it may not know that it is gone, and its successor answers for it (ApiVersions).
    pub fn had_destroyed(&self, server: usize, directory_id: Option<Uuid>, batch: BatchId) -> bool {
        self.facts.iter().any(|fact| match fact {
            QuorumFact::Destroyed { server: of, directory_id: its, log: Some(log), .. } => {
                *of == server && *its == directory_id && self.ledger.holds(*log, batch)
            }
            _ => false,
        })
    }

    /// What a server has forgotten and does not hold again, a prefix for each fault.
    fn forgotten(&self, server: usize) -> impl Iterator<Item = BatchId> {
        self.facts.iter().enumerate().filter_map(move |(at, fact)| match fact {
            QuorumFact::Destroyed { server: of, log: Some(log), .. } if *of == server => {
                let again = QuorumFact::Restored { server, log: *log };
                (!self.facts[at..].contains(&again)).then_some(*log)
            }
            _ => None,
        })
    }

    /// Does a replica lack what its log held until a fault destroyed it, and is it the same replica still?
    pub fn lacks_what_it_held(&self, server: usize, directory_id: Option<Uuid>) -> bool {
        let is_its = |fact: &QuorumFact, log: BatchId| match fact {
            QuorumFact::Destroyed { server: of, directory_id: its, log: Some(had), .. } => {
                *of == server && *its == directory_id && *had == log
            }
            _ => false,
        };
        self.forgotten(server).any(|log| self.facts.iter().any(|fact| is_its(fact, log)))
    }

    /// The first prefix that a server had forgotten and holds again, by what is durable of its log.
    pub fn restored(&self, server: usize, durable: impl FnOnce() -> BatchId) -> Option<BatchId> {
        let mut forgotten = self.forgotten(server).peekable();
        forgotten.peek()?;
        let durable = durable();
        forgotten.find(|log| self.ledger.holds(durable, *log))
    }

    fn is_misled(&self, server: usize) -> bool {
        let newest = self.facts.iter().rev().find_map(|fact| match fact {
            QuorumFact::Misled { server: of, is_misled } if *of == server => Some(*is_misled),
            _ => None,
        });
        newest.unwrap_or(false)
    }

    /// May a leader lack what was committed? Voters have compared their logs with epochs that it does not have.
    pub fn may_lead_without(&self, leader: usize) -> Option<Excuse> {
        self.is_misled(leader).then_some(Excuse::CommittedRecordDestroyed)
    }

    /// May a leader lack what all committed voters may have? Another voter set has elected it, that of its own log: older, as
    /// those of all who are behind, and of those whose log was cut. Of those who voted for it so many have `forgotten` the
    /// first batch that it lacks, and so many hold it.
    pub fn may_be_elected_without(&self, forgotten: usize, holders: usize) -> Option<Excuse> {
        (forgotten > 0 && holders == 0).then_some(Excuse::ElectedByOlderVoterSet)
    }

    /// May a replica cut what it must keep, by its own epochs or those of its leader?
    pub fn may_cut(&self, server: usize, leader: Option<usize>) -> bool {
        self.is_misled(server) || leader.is_some_and(|leader| self.is_misled(leader))
    }

    /// May a high watermark rest on so many voters that hold what is below it, if so many more held it until their
    /// disks were destroyed, or hold it and have forgotten a later epoch? So many others may have acknowledged it before
    /// they left its epoch.
    pub fn may_be_counted(
        &self,
        holders: usize,
        forgotten: usize,
        left_epoch: usize,
        majority: usize,
    ) -> Option<Excuse> {
        let rests_on_forgotten = forgotten > 0 && holders < majority && holders + forgotten + left_epoch >= majority;
        rests_on_forgotten.then_some(Excuse::CommitCountsAmnesiacVoter)
    }

    /// May a majority of voters not have what was committed? As soon as a fault strikes so many of them; what a majority
    /// still has is promised on.
    pub fn may_lose_majority(&self) -> Option<Excuse> {
        let is_struck = matches!(self.facts.last(), Some(QuorumFact::Destroyed { voter: true, log: Some(_), .. }));
        is_struck.then_some(Excuse::PromiseCutByDestroyedDisk)
    }

    /// May the leader of an epoch commit what is not in the committed log? If that was cut by a newer leader, which
    /// had to begin without records that were destroyed.
    pub fn may_commit_beside(&self, epoch: LeaderEpoch) -> Option<Excuse> {
        let is_cut = |fact: &QuorumFact| matches!(fact, QuorumFact::Cut { epoch: by, .. } if epoch < *by);
        self.facts.iter().any(is_cut).then_some(Excuse::CommittedRecordDestroyed)
    }

    /// May a batch that was committed be missing? If a cut has removed it.
    pub fn may_be_missing(&self, batch: BatchId) -> Option<Excuse> {
        let is_lost = |had: BatchId, left: BatchId| self.ledger.holds(had, batch) && !self.ledger.holds(left, batch);
        let is_lost = self.facts.iter().any(|fact| match fact {
            QuorumFact::Cut { had, left, .. } | QuorumFact::CommittedBeside { had, left } => is_lost(*had, *left),
            _ => false,
        });
        is_lost.then_some(Excuse::CommittedRecordDestroyed)
    }

    /// May a record of this value, acknowledged at this offset, be missing?
    pub fn may_record_be_missing(&self, offset: Offset, value: u64) -> Option<Excuse> {
        self.last_cut()?;
        let holds = |batch: &BatchId| {
            let known = self.ledger.get(*batch);
            !known.control
                && Batch::values_at(known.bytes()).is_ok_and(|mut values| values.any(|it| it == (offset, value)))
        };
        let mut batches = self.ledger.spanning(offset).filter(holds);
        batches.find_map(|batch| self.may_be_missing(batch)).map(|_| Excuse::AckedAppendDestroyed)
    }

    /// May a replica treat all of these batches as committed, which are not? If they were, and are destroyed.
    pub fn may_be_applied(&self, batches: impl IntoIterator<Item = BatchId>) -> Option<Excuse> {
        let all = batches.into_iter().all(|batch| self.may_be_missing(batch).is_some());
        all.then_some(Excuse::ReadOfDestroyedRecord)
    }

    /// May a replica end itself by a fault? It hears of another leader of an epoch that it, or who named the leader to
    /// it, forgot as the voter that it is; or a leader without the destroyed records takes it below its high watermark: `next` is the first batch
    /// that it has and the committed log does not, and what is below its high watermark is promised, or is not.
    pub fn may_end_itself(
        &self,
        fault: FatalFault,
        (server, leader): (usize, Option<usize>),
        (model, altered_at_start): (&ServerModel, bool),
        (next, is_promised): (Option<BatchId>, bool),
    ) -> Option<Excuse> {
        let explains = match fault {
            FatalFault::AnotherLeader => self.forgetful_voters().any(|(_, _, epochs)| epochs.has(model.epoch())),
            FatalFault::TruncationBelowHighWatermark => {
                let is_cut = next.is_some_and(|next| self.may_be_missing(next).is_some());
                is_cut || !is_promised || self.may_cut(server, leader)
            }
            // A file that can be read may name another cluster, node or partition: it is read at the start.
            FatalFault::Other => altered_at_start,
            FatalFault::BatchLargerThanSegment => {
                return model.has_small_segments.then_some(Excuse::BatchLargerThanSegment);
            }
        };
        explains.then_some(Excuse::FatalFaultAfterDestroyedDisk)
    }

    /// May a read show records that are not committed? Its server had applied ones that were destroyed, or they were
    /// while it was under way.
    pub fn may_be_read(&self, invoked_ns: u64, had_applied_destroyed: bool) -> Option<Excuse> {
        let (cut_ns, _) = self.last_cut()?;
        (had_applied_destroyed || invoked_ns <= cut_ns).then_some(Excuse::ReadOfDestroyedRecord)
    }

    /// May what is committed later not be replayed? Images of what was cut were handed out.
    pub fn may_not_be_replayed(&self) -> Option<Excuse> {
        self.last_cut().map(|_| Excuse::CommittedMetadataDestroyed)
    }

    /// True time of the last cut, ns, and where the committed log ended after it.
    pub fn last_cut(&self) -> Option<(u64, Offset)> {
        self.facts.iter().rev().find_map(|fact| match fact {
            QuorumFact::Cut { at_ns, left, .. } => Some((*at_ns, self.ledger.end(*left))),
            _ => None,
        })
    }
}
