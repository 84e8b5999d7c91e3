//! What may be missing from a partition, who may lead it, what may be served and who may be sent back: pure
//! functions of what was written and committed, and of the facts.

use crate::checks::prelude::*;
use raft::client::ReadApi;
use raft::ids::{BrokerEpoch, LeaderEpoch, Offset};

use super::facts::{Began, Fact};
use crate::checks::replication::committed_log::ReportedBy;
use crate::checks::server_model::ledger::{BatchId, Ledger};

/// A partition as the answers see it.
#[derive(Clone, Copy, Debug)]
pub struct Losses<'a> {
    pub ledger: &'a Ledger,
    pub committed: &'a [BatchId],
    pub facts: &'a [Fact],
}

/// A consumer's position that the requested leader does not have.
#[derive(Clone, Copy, Debug)]
pub struct SentBack {
    pub from: Offset,
    /// Where it is sent, if the leader said so.
    pub to: Option<Offset>,
    /// Number of the event at which the request was sent whose answer has shown that the log reaches so far.
    pub since: u64,
    /// And of that which has shown that it does not.
    pub until: u64,
    /// The newest epoch of which it was shown a record: it reads from no older leader.
    pub shown: Option<LeaderEpoch>,
    /// Number of the event of its request.
    pub requested: u64,
    /// What that asked for.
    pub asked: ReadApi,
}

impl Losses<'_> {
    /// Is the topic gone? Then nothing is promised.
    pub fn is_deleted(&self) -> bool {
        self.facts.iter().any(|fact| matches!(fact, Fact::Deleted))
    }

    /// Has a server's log corrupt bytes now?
    pub fn is_rotten(&self, server: usize) -> bool {
        let of_it = self.facts.iter().rev().find_map(|fact| match fact {
            Fact::Rotten { server: other } if *other == server => Some(true),
            Fact::Whole { server: other } if *other == server => Some(false),
            _ => None,
        });
        of_it.unwrap_or(false)
    }

    /// Why nothing is promised of the partition any more.
    pub fn promises_nothing_more(&self) -> Option<Excuse> {
        self.is_deleted().then_some(Excuse::RecordOfDeletedTopic)
    }

    /// Why nothing is promised of what this server's log holds.
    pub fn promises_nothing(&self, server: usize) -> Option<Excuse> {
        self.promises_nothing_more().or_else(|| self.may_differ(server))
    }

    /// Why may a server's log not be what was written? A rotten log ends for the checks where it is rotten, and for its
    /// process later.
    pub fn may_differ(&self, server: usize) -> Option<Excuse> {
        self.is_rotten(server).then_some(Excuse::RottenReplica)
    }

    /// Why may a server that follows the leader of an epoch cut its log to this end, though metadata permits it to
    /// lead? That leader was elected uncleanly and deposed before it began, and the server does not know that yet
    /// (`ReplicaFetcherThread.truncateOnFetchResponse` goes by the epoch that both know). What leads next by that
    /// election's permission begins without what is cut.
    pub fn may_cut(&self, server: usize, follows: Option<LeaderEpoch>, left: Offset) -> Option<Excuse> {
        let is_deposed = |fact: &Fact| match fact {
            Fact::Began(began) => {
                began.deposed
                    && Some(began.epoch) == follows
                    && began.agreed_end <= left
                    && self.is_elected_uncleanly(began.epoch)
            }
            _ => false,
        };
        let by_deposed = || self.facts.iter().any(is_deposed).then_some(Excuse::TruncatedForDeposedLeader);
        self.promises_nothing(server).or_else(by_deposed)
    }

    /// What the deletion of the topic takes away.
    pub fn lost_by_deletion(&self) -> Option<Excuse> {
        self.is_deleted().then_some(Excuse::AckedLostByDeletion)
    }

    /// Why may a server be in sync without a batch that it must have? A fault took it, and the controllers cannot know.
    pub fn may_lack(&self, server: usize, batch: BatchId) -> Option<Excuse> {
        self.rotten_in_sync(server).or_else(|| self.has_lost(server, batch).then_some(Excuse::HurtReplicaInSync))
    }

    /// Why may a broker, `registered` by this epoch, join the ISR without all that is committed?
    pub fn may_join(&self, server: usize, registered: BrokerEpoch) -> Option<Excuse> {
        let is_hurt = || self.is_hurt(server, registered).then_some(Excuse::HurtReplicaInSync);
        self.rotten_in_sync(server).or_else(is_hurt)
    }

    fn rotten_in_sync(&self, server: usize) -> Option<Excuse> {
        self.is_rotten(server).then_some(Excuse::RottenReplicaInSync)
    }

    /// Why may a server lead by a log that cannot be judged?
    pub fn may_lead_unjudged(&self, server: usize) -> Option<Excuse> {
        self.is_rotten(server).then_some(Excuse::RottenReplicaLeads)
    }

    /// Why may a replica never be in sync, or its leader never get one in sync?
    pub fn may_stay_out_of_sync(&self, server: usize, leader: usize) -> Option<Excuse> {
        let is_rotten = self.is_rotten(server) || self.is_rotten(leader);
        is_rotten.then_some(Excuse::RottenReplica).or_else(|| self.may_stay_out_by_epochs(server, leader))
    }

    /// The same, for epochs that a fault has altered: the leader refuses what a replica asks for, or the replica cuts
    /// again and again what it fetches.
    pub fn may_stay_out_by_epochs(&self, server: usize, leader: usize) -> Option<Excuse> {
        let is_altered = self.has_altered_epochs(server) || self.has_altered_epochs(leader);
        is_altered.then_some(Excuse::ReplicaEpochsAltered)
    }

    /// Has a fault left other epochs in the checkpoint of a server's replica?
    pub fn has_altered_epochs(&self, of: usize) -> bool {
        let newest = self.facts.iter().rev().find_map(|fact| match fact {
            Fact::EpochsAltered { server, are } if *server == of => Some(*are),
            _ => None,
        });
        newest == Some(true)
    }

    /// Why may a server's replica start with a high watermark that it never had?
    pub fn may_start_above(&self, of: usize) -> Option<Excuse> {
        let newest = self.facts.iter().rev().find_map(|fact| match fact {
            Fact::HighWatermarksAltered { server, are } if *server == of => Some(*are),
            _ => None,
        });
        (newest == Some(true)).then_some(Excuse::HighWatermarksAltered)
    }

    /// Has a fault taken this batch from a server, and not itself since it got it back?
    fn has_lost(&self, server: usize, batch: BatchId) -> bool {
        self.has_lost_before(self.facts.len(), server, batch)
    }

    fn has_lost_before(&self, at: usize, server: usize, batch: BatchId) -> bool {
        let goes = |had: BatchId, left: BatchId| self.ledger.holds(had, batch) && !self.ledger.holds(left, batch);
        let newest = self.facts[..at].iter().rev().find_map(|fact| match fact {
            Fact::Destroyed { server: other, had, left, .. } if *other == server && goes(*had, *left) => Some(true),
            Fact::Truncated { server: other, had, left } if *other == server && goes(*had, *left) => Some(false),
            _ => None,
        });
        newest.unwrap_or(false)
    }

    /// Has a fault hurt this server's log so that the controllers cannot know? They learn of it when the broker
    /// registers again, and never of rot.
    pub fn is_hurt(&self, server: usize, registered: BrokerEpoch) -> bool {
        let newest = self.facts.iter().rev().find_map(|fact| match fact {
            Fact::Destroyed { server: other, registered, .. } if *other == server => Some(*registered),
            _ => None,
        });
        newest == Some(registered) || self.is_rotten(server)
    }

    /// Leaders that began and by whose logs the committed one continued, with their places.
    fn begun(&self) -> impl DoubleEndedIterator<Item = (usize, &Began)> {
        self.facts.iter().enumerate().filter_map(|(at, fact)| match fact {
            Fact::Began(began) if !began.deposed => Some((at, began)),
            _ => None,
        })
    }

    /// What metadata has committed since the last of them, up to this place.
    fn pending(&self, at: usize) -> &[Fact] {
        let last = self.begun().map(|(place, _)| place).take_while(|place| *place < at).last();
        &self.facts[last.map_or(0, |place| place + 1)..at]
    }

    /// Unclean elections whose leaders have not begun: the oldest and the newest epoch.
    fn pending_elections(&self, at: usize) -> Option<(LeaderEpoch, LeaderEpoch)> {
        let epochs = self.pending(at).iter().filter_map(|fact| match fact {
            Fact::UncleanElection { epoch } => Some(*epoch),
            _ => None,
        });
        epochs.clone().min().zip(epochs.max())
    }

    /// May the committed log continue with that of a server that leads `epoch`, though a newer epoch is committed, and
    /// it is the only one that may lead again? If it was elected uncleanly, or a fault took the committed batch that it
    /// lacks.
    pub fn may_begin_late(&self, epoch: LeaderEpoch, server: usize, lacked: Option<BatchId>) -> bool {
        let is_newest_elected = self.pending_elections(self.facts.len()).is_some_and(|(_, newest)| newest <= epoch);
        is_newest_elected || lacked.is_some_and(|next| self.has_lost(server, next))
    }

    /// Why may a leader that begins lack a batch? `None` if it has it, or must have it.
    pub fn may_begin_without(&self, place: usize, batch: BatchId) -> Option<Excuse> {
        let Fact::Began(began) = &self.facts[place] else { return None };
        let first = self.ledger.first_beyond(batch, began.log)?;
        // What stands behind a lost batch is lost with it.
        let is_held = began.others.iter().any(|log| self.ledger.holds(*log, first));
        let by_fault = !is_held && self.has_lost_before(place, began.server, first);
        let by_fault = by_fault.then_some(began.if_lost);
        let pending = self.pending(place);
        // After an unclean restart of the last that had it, the last known leader may be elected uncleanly.
        if !is_held && pending.iter().any(|fact| matches!(fact, Fact::UncleanRestart)) {
            return Some(Excuse::AckedLostByUncleanRestart);
        }
        let unclean = pending.iter().any(|fact| matches!(fact, Fact::UncleanElection { .. }));
        by_fault.or(unclean.then_some(Excuse::AckedLostByUncleanElection))
    }

    /// Does the leader that begins at this place begin without something that others have written?
    pub fn is_cut(&self, place: usize) -> bool {
        let Fact::Began(began) = &self.facts[place] else { return false };
        let pending = self.pending(place);
        let unclean = |fact: &Fact| matches!(fact, Fact::UncleanElection { .. });
        pending.iter().any(unclean)
            || self.facts[..place].iter().any(|fact| match fact {
                Fact::Destroyed { server, had, .. } if *server == began.server => {
                    self.may_begin_without(place, *had).is_some()
                }
                _ => false,
            })
    }

    /// The lowest end that the committed log was ever cut to.
    pub fn lowest_cut(&self) -> Option<Offset> {
        self.begun().filter(|(place, _)| self.is_cut(*place)).map(|(_, began)| began.agreed_end).min()
    }

    /// Why may a batch that somebody wrote not be in the committed log, now and ever? `None` if it is there, or if
    /// nothing explains that it is not.
    pub fn may_be_missing(&self, batch: BatchId) -> Option<Excuse> {
        if self.is_deleted() {
            return Some(Excuse::AckedLostByDeletion);
        }
        let known = self.ledger.get(batch);
        let place = self.committed.partition_point(|other| self.ledger.get(*other).base < known.base);
        if self.committed.get(place) == Some(&batch) {
            return None;
        }
        let mut later = self.begun().rev().filter(|(_, began)| known.epoch < began.epoch).peekable();
        // What was lost with an earlier leader may come back with a later one.
        if later.peek().is_none_or(|(_, newest)| self.ledger.holds(newest.log, batch)) {
            return None;
        }
        later.find_map(|(place, _)| self.may_begin_without(place, batch))
    }

    /// Why may a broker acknowledge or show a batch that is not committed, and may never be? Either it is lost for
    /// those who continue, or a leader that was elected uncleanly and has begun too late wrote or holds it, and another
    /// one that was, too, has yet to begin.
    pub fn may_serve(&self, batch: BatchId) -> Option<Excuse> {
        self.why_served(batch).map(|_| Excuse::ServedAfterLoss)
    }

    /// Why may a broker acknowledge or show a batch that is lost for those who continue?
    pub fn may_serve_lost(&self, batch: BatchId) -> Option<Excuse> {
        self.may_be_missing(batch).map(|_| Excuse::ServedAfterLoss)
    }

    fn why_served(&self, batch: BatchId) -> Option<Excuse> {
        let is_passed_over = || {
            let (oldest, newest) = self.pending_elections(self.facts.len())?;
            let passed_over = oldest..newest;
            let holds = |fact: &Fact| match fact {
                Fact::Began(Began { epoch, log, deposed, .. }) => {
                    *deposed && passed_over.contains(epoch) && self.ledger.holds(*log, batch)
                }
                _ => false,
            };
            (passed_over.contains(&self.ledger.get(batch).epoch) || self.facts.iter().any(holds))
                .then_some(Excuse::AckedLostByUncleanElection)
        };
        self.may_be_missing(batch).or_else(is_passed_over)
    }

    /// Why may a record of this value be acknowledged or shown at this offset, though the committed log has another one
    /// there or does not reach it?
    pub fn may_be_reported(
        &self,
        offset: Offset,
        value: u64,
        epoch: Option<LeaderEpoch>,
        by: ReportedBy,
    ) -> Option<Excuse> {
        if self.facts.is_empty() {
            return None;
        }
        let holds = |batch: &BatchId| {
            let known = self.ledger.get(*batch);
            let shown = |batch: raft::log::Batch| batch.values().any(|record| record == (offset, value));
            epoch.is_none_or(|epoch| known.epoch == epoch) && known.parse().is_ok_and(shown)
        };
        let cause = self.ledger.spanning(offset).filter(holds).find_map(|batch| self.why_served(batch))?;
        Some(match (cause, by) {
            (Excuse::AckedLostByDeletion, _) => Excuse::RecordOfDeletedTopic,
            (_, ReportedBy::Acked) => Excuse::AckedAppendDestroyed,
            (_, ReportedBy::Shown) => Excuse::ReadOfDestroyedRecord,
        })
    }

    /// Why may a leader report an end of its log that the committed one does not have?
    pub fn may_end_at(&self, end: Offset) -> Option<Excuse> {
        let is_missing = || self.is_missing_at(end).then_some(Excuse::ReadOfDestroyedRecord);
        self.promises_nothing_more().or_else(is_missing)
    }

    /// Does a batch end there, or beyond, that is missing with cause? A leader that has not learned of it may report that
    /// end, and does so in each answer to a consumer: most batches end before it, and are not looked at.
    fn is_missing_at(&self, end: Offset) -> bool {
        let mut beyond = self.ledger.all().filter(|batch| self.ledger.end(*batch) >= end);
        self.lowest_cut().is_some() && beyond.any(|batch| self.may_be_missing(batch).is_some())
    }

    /// Why may a consumer lose a position within the committed log, behind a record of this value? The log was cut below
    /// it since it was known to reach so far, or while a leader of before the cut may still have said so; or that leader
    /// served a record that nobody can ever commit (KIP-320).
    pub fn may_be_lost(&self, position: &SentBack, last: Option<u64>) -> Option<Excuse> {
        let is_later = |fact: &Fact| matches!(fact, Fact::Began(began) if began.at > position.until);
        let until = self.facts.iter().position(is_later).unwrap_or(self.facts.len());
        // What is committed now may have come back since: those who had begun say what was committed then.
        let then = Losses { facts: &self.facts[..until], committed: &[], ..*self };
        let led_by = |at: u64, of: LeaderEpoch| {
            !then.facts.iter().any(|fact| matches!(fact, Fact::Ended { epoch, at: end } if *epoch == of && *end <= at))
        };
        let by_earlier = |cut: &Began| {
            then.facts.iter().any(|fact| match fact {
                Fact::Began(other) => other.epoch < cut.epoch && led_by(position.since, other.epoch),
                _ => false,
            })
        };
        let explains = |(place, cut): (usize, &Began)| {
            let is_since = position.since < cut.at || by_earlier(cut);
            is_since && cut.agreed_end < position.from && then.is_cut(place)
        };
        let before = Offset(position.from.0 - 1);
        let is_missing = |value| then.may_be_reported(before, value, None, ReportedBy::Shown).is_some();
        let is_lost = self.is_deleted() || then.begun().any(explains) || last.is_some_and(is_missing);
        is_lost.then_some(Excuse::PositionLostWithRecords)
    }

    /// Was the leader of this epoch elected uncleanly, or after such an election before anybody had begun? Then it
    /// may lack some of the committed log.
    fn is_elected_uncleanly(&self, epoch: LeaderEpoch) -> bool {
        self.facts.iter().enumerate().any(|(at, fact)| match fact {
            Fact::UncleanElection { epoch: unclean } => {
                let next = self.begun().find(|(place, _)| *place > at);
                *unclean <= epoch && next.is_none_or(|(_, began)| epoch < began.epoch)
            }
            _ => false,
        })
    }

    /// Why may a consumer be sent back behind committed records? The leader that answers was elected uncleanly and deposed
    /// before it began, and does not know that; or it goes by epochs that a fault has altered, which may end anywhere.
    pub fn may_be_sent_back(&self, position: &SentBack) -> Option<Excuse> {
        let why = |(place, fact): (usize, &Fact)| match fact {
            Fact::Began(began) if self.may_answer(place, began, position) => self
                .sends_back_when_deposed(began, position)
                .or_else(|| self.sends_back_by_altered_epochs(place, began, position)),
            _ => None,
        };
        self.facts.iter().enumerate().find_map(why)
    }

    /// Did the leader that began at this place lead when the request was sent, and does it know of no older epoch than
    /// the consumer?
    fn may_answer(&self, place: usize, by: &Began, position: &SentBack) -> bool {
        let until = self.facts[place..].iter().find_map(|fact| match fact {
            Fact::Ended { epoch, at } if *epoch == by.epoch => Some(*at),
            _ => None,
        });
        until.is_none_or(|until| position.requested <= until) && position.shown.is_none_or(|shown| shown <= by.epoch)
    }

    /// It sends nobody further back than to where it has all of the committed log.
    fn sends_back_when_deposed(&self, by: &Began, position: &SentBack) -> Option<Excuse> {
        let lacks = by.deposed
            && by.agreed_end < position.from
            && position.to.is_none_or(|to| by.agreed_end <= to)
            && self.is_elected_uncleanly(by.epoch);
        lacks.then_some(Excuse::PositionSentBackByDeposedLeader)
    }

    /// `LeaderEpochFileCache.endOffsetFor`; what a Fetch is answered does not depend on epochs, as consumers send none.
    fn sends_back_by_altered_epochs(&self, place: usize, by: &Began, position: &SentBack) -> Option<Excuse> {
        let is_by_epochs = position.asked == ReadApi::OffsetForLeaderEpoch && self.began_with_altered_epochs(place, by);
        is_by_epochs.then_some(Excuse::ReplicaEpochsAltered)
    }

    fn began_with_altered_epochs(&self, place: usize, by: &Began) -> bool {
        Losses { facts: &self.facts[..place], ..*self }.has_altered_epochs(by.server)
    }

    /// Why may a server that follows the leader of an epoch cut its log anywhere? That leader goes by epochs that a fault
    /// has altered. What is lost then is not known, so nothing more can be judged.
    pub fn may_cut_anything(&self, follows: Option<LeaderEpoch>) -> Option<Excuse> {
        let mut begun = self.facts.iter().enumerate();
        let is_misled = begun.any(|(place, fact)| match fact {
            Fact::Began(began) => Some(began.epoch) == follows && self.began_with_altered_epochs(place, began),
            _ => false,
        });
        is_misled.then_some(Excuse::ReplicaEpochsAltered)
    }
}
