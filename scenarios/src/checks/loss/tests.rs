//! Every short history of three replicas, with faults and mistakes at every place, against a naive definition: a
//! committed record may be missing if metadata was permitted to pass over all that had it, or if a fault took it
//! from the last replica that had to keep it.

use crate::checks::prelude::*;
use std::collections::BTreeMap;

use raft::ids::{BrokerEpoch, LeaderEpoch, Offset};
use raft::log::{Batch, BatchBuilder};

use super::answers::Losses;
use super::elections::{Candidate, CommittedChange};
use super::facts::{Began, Fact};
use crate::checks::server_model::ledger::{BatchId, Ledger};

mod leaders;
mod quorum;

const REPLICAS: usize = 3;
const RECORDS: usize = 4;
const EPOCHS: i32 = 3;

fn last(log: &[BatchId]) -> BatchId {
    log.last().copied().unwrap_or(BatchId::START)
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The leader appends a record.
    Append,
    /// A follower makes its log the leader's.
    Replicate(usize),
    /// What the ISR holds is committed.
    Commit,
    /// The leader takes a replica out of the ISR.
    Shrink(usize),
    /// It takes in one that has all that is committed.
    Expand(usize),
    /// Power loss leaves so many records. The broker registers again, which takes it out of the ISR if it is not the
    /// last.
    PowerLoss(usize, usize),
    /// A member of the ISR is elected, and begins.
    Elect(usize),
    /// With permission another replica is.
    ElectUncleanly(usize),
    /// A mistake: another replica is, without permission.
    ElectWrongly(usize),
    /// A mistake: a replica cuts its last record.
    CutWrongly(usize),
}

/// Every record once, by what is before it and its epoch.
#[derive(Default)]
struct Records {
    ledger: Ledger,
    known: BTreeMap<(BatchId, i32), BatchId>,
}

impl Records {
    fn behind(&mut self, before: BatchId, epoch: i32) -> BatchId {
        let ledger = &mut self.ledger;
        *self.known.entry((before, epoch)).or_insert_with(|| {
            let value = ledger.all().count() as u64;
            let batch = BatchBuilder::new(ledger.end(before), LeaderEpoch(epoch), 0).value(value).build();
            let header = Batch::peek_header(&batch.bytes).expect("it was just built");
            ledger.record(&header, before, &batch.bytes, 0).id
        })
    }
}

/// What the naive definition knows of a committed record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Committed {
    id: BatchId,
    /// Replicas that have to keep it.
    keepers: Vec<usize>,
    may_be_missing: bool,
}

#[derive(Clone, Debug)]
struct World {
    logs: [Vec<BatchId>; REPLICAS],
    isr: Vec<usize>,
    leader: Option<usize>,
    epoch: i32,
    records: usize,
    committed: Vec<Committed>,
    facts: Vec<Fact>,
    mistaken: bool,
    steps: Vec<Step>,
}

impl World {
    fn new() -> World {
        World {
            logs: Default::default(),
            isr: (0..REPLICAS).collect(),
            leader: Some(0),
            epoch: 0,
            records: 0,
            committed: Vec::new(),
            facts: Vec::new(),
            mistaken: false,
            steps: Vec::new(),
        }
    }

    fn tip(&self, replica: usize) -> BatchId {
        last(&self.logs[replica])
    }

    fn has_committed(&self, replica: usize) -> bool {
        let ids = self.committed.iter().map(|record| &record.id);
        self.logs[replica].iter().zip(ids.clone()).filter(|(a, b)| a == b).count() == ids.len()
    }

    fn possible(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let others = (0..REPLICAS).filter(|replica| Some(*replica) != self.leader);
        if let Some(leader) = self.leader {
            steps.extend((self.records < RECORDS).then_some(Step::Append));
            for other in others {
                steps.extend((self.logs[other] != self.logs[leader]).then_some(Step::Replicate(other)));
                if self.isr.contains(&other) {
                    steps.push(Step::Shrink(other));
                } else if self.has_committed(other) {
                    steps.push(Step::Expand(other));
                }
            }
            let all = self.isr.iter().all(|member| self.logs[*member].len() > self.committed.len());
            steps.extend(all.then_some(Step::Commit));
        } else if self.epoch + 1 < EPOCHS {
            for replica in 0..REPLICAS {
                if self.isr.contains(&replica) {
                    steps.push(Step::Elect(replica));
                } else {
                    steps.push(Step::ElectUncleanly(replica));
                    steps.extend((!self.mistaken).then_some(Step::ElectWrongly(replica)));
                }
            }
        }
        for replica in 0..REPLICAS {
            let len = self.logs[replica].len();
            steps.extend((0..len).map(|left| Step::PowerLoss(replica, left)));
            let cuts = !self.mistaken && len > 0 && Some(replica) != self.leader;
            steps.extend(cuts.then_some(Step::CutWrongly(replica)));
        }
        steps
    }

    /// Takes a step; a leader that begins is judged.
    fn step(&mut self, step: Step, records: &mut Records, judged: &mut [u64; 2]) {
        self.steps.push(step);
        match step {
            Step::Append => {
                let leader = self.leader.expect("somebody appends");
                let id = records.behind(self.tip(leader), self.epoch);
                self.logs[leader].push(id);
                self.records += 1;
            }
            Step::Replicate(to) => {
                let from = self.leader.expect("somebody leads");
                let had = self.tip(to);
                let common = self.logs[to].iter().zip(&self.logs[from]).take_while(|(a, b)| a == b).count();
                if common < self.logs[to].len() {
                    let left = common.checked_sub(1).map_or(BatchId::START, |last| self.logs[to][last]);
                    self.facts.push(Fact::Truncated { server: to, had, left });
                }
                self.logs[to] = self.logs[from].clone();
            }
            Step::Commit => {
                let leader = self.leader.expect("somebody leads");
                let id = self.logs[leader][self.committed.len()];
                self.committed.push(Committed { id, keepers: self.isr.clone(), may_be_missing: false });
            }
            Step::Shrink(member) => {
                self.isr.retain(|other| *other != member);
                self.committed.iter_mut().for_each(|record| record.keepers.retain(|other| *other != member));
            }
            Step::Expand(member) => {
                self.isr.push(member);
                self.isr.sort_unstable();
                self.committed.iter_mut().for_each(|record| record.keepers.push(member));
            }
            Step::PowerLoss(replica, left) => {
                let had = self.tip(replica);
                let gone = self.logs[replica].split_off(left);
                let registered = BrokerEpoch(0);
                self.facts.push(Fact::Destroyed { server: replica, had, left: self.tip(replica), registered });
                for record in self.committed.iter_mut().filter(|record| gone.contains(&record.id)) {
                    let kept = record.keepers.contains(&replica);
                    record.keepers.retain(|other| *other != replica);
                    record.may_be_missing |= kept && record.keepers.is_empty();
                }
                if self.isr != [replica] {
                    self.isr.retain(|other| *other != replica);
                    self.committed.iter_mut().for_each(|record| record.keepers.retain(|other| *other != replica));
                }
                self.leader = self.leader.filter(|leader| *leader != replica);
            }
            Step::CutWrongly(replica) => {
                let had = self.tip(replica);
                self.logs[replica].pop();
                self.facts.push(Fact::Truncated { server: replica, had, left: self.tip(replica) });
                self.mistaken = true;
            }
            Step::Elect(leader) => {
                if self.commits_change(&self.isr.clone(), Some((leader, false))) {
                    self.begins(leader, records, judged);
                }
            }
            Step::ElectUncleanly(leader) => {
                self.facts.push(Fact::UncleanElection { epoch: LeaderEpoch(self.epoch + 1) });
                self.committed.iter_mut().for_each(|record| record.may_be_missing = true);
                if self.commits_change(&[leader], Some((leader, true))) {
                    self.begins(leader, records, judged);
                }
            }
            Step::ElectWrongly(leader) => {
                self.mistaken = true;
                if self.commits_change(&[leader], Some((leader, false))) {
                    // It has all, so that nothing is lost; from now on it has to keep it.
                    self.committed.iter_mut().for_each(|record| record.keepers = vec![leader]);
                    self.begins(leader, records, judged);
                }
            }
        }
    }

    /// Metadata commits this ISR, and a leader if one is elected, with permission to do so uncleanly or not. False if
    /// that is a violation, which ends the run.
    fn commits_change(&mut self, isr: &[usize], elected: Option<(usize, bool)>) -> bool {
        let candidate =
            |replica: usize| Candidate { has_all: self.has_committed(replica), hurt: false, restarted: false };
        let of = |members: &[usize]| members.iter().map(|member| candidate(*member)).collect::<Vec<_>>();
        let change = CommittedChange {
            before: &of(&self.isr),
            after: &of(isr),
            elected: elected.map(|(leader, _)| candidate(leader)),
            unclean: elected.is_some_and(|(leader, _)| !self.isr.contains(&leader)),
            unclean_allowed: elected.is_some_and(|(_, allowed)| allowed),
            elr: false,
        };
        let (before, answer) = (change.before, change.may_leave());
        if answer.is_err() {
            // Somebody had to have it, and is passed over or has cut it; and nobody may be elected so who lacks it.
            let is_kept = self.committed.iter().any(|record| !record.may_be_missing);
            let is_forbidden = change.unclean && !change.unclean_allowed;
            assert!(is_kept || is_forbidden, "{answer:?} {before:?}\n{:?}", self.steps);
            (self.epoch, self.leader) = (EPOCHS, None);
            return false;
        }
        self.isr = isr.to_vec();
        true
    }

    fn begins(&mut self, leader: usize, records: &Records, judged: &mut [u64; 2]) {
        self.epoch += 1;
        self.leader = Some(leader);
        let others = self.isr.iter().filter(|member| **member != leader).map(|member| self.tip(*member)).collect();
        let place = self.facts.len();
        self.facts.push(Fact::Began(Began {
            at: 0,
            epoch: LeaderEpoch(self.epoch),
            server: leader,
            log: self.tip(leader),
            agreed_end: Offset(0),
            others,
            deposed: false,
            if_lost: Excuse::AckedLostWithLastGuard,
        }));
        let committed: Vec<BatchId> = self.committed.iter().map(|record| record.id).collect();
        let losses = Losses { ledger: &records.ledger, committed: &committed, facts: &self.facts };
        let kept = self.logs[leader].iter().zip(&committed).take_while(|(a, b)| a == b).count();
        // What it has is promised anew.
        let isr = &self.isr;
        for record in self.committed[..kept].iter_mut().filter(|record| record.may_be_missing) {
            let has = |member: &&usize| self.logs[**member].contains(&record.id);
            let keepers = isr.iter().filter(has).copied().collect();
            *record = Committed { id: record.id, keepers, may_be_missing: false };
        }
        let Some(lacked) = self.committed.get(kept) else { return };
        let answer = losses.may_begin_without(place, lacked.id);
        assert_eq!(answer.is_some(), lacked.may_be_missing, "{answer:?}\n{:?}\n{:#?}", self.steps, self.facts);
        judged[usize::from(answer.is_some())] += 1;
        if answer.is_none() {
            // A violation: the run would end.
            self.epoch = EPOCHS;
            self.leader = None;
            return;
        }
        // One fact more never excuses less.
        let took = Fact::Destroyed { server: leader, had: lacked.id, left: BatchId::START, registered: BrokerEpoch(0) };
        let election = Fact::UncleanElection { epoch: LeaderEpoch(self.epoch) };
        for more in [took, election, Fact::UncleanRestart, Fact::Rotten { server: leader }] {
            let mut facts = self.facts.clone();
            facts.insert(place, more);
            let losses = Losses { facts: &facts, ..losses };
            assert!(losses.may_begin_without(place + 1, lacked.id).is_some(), "{:?}\n{facts:#?}", self.steps);
        }
        for record in &committed[kept..] {
            let losses = Losses { committed: &committed[..kept], ..losses };
            assert!(losses.may_be_missing(*record).is_some(), "{:?}\n{:#?}", self.steps, self.facts);
        }
        self.committed.truncate(kept);
    }
}

/// Histories of so many steps.
fn explore(world: &World, depth: usize, records: &mut Records, judged: &mut [u64; 2]) {
    if depth == 0 || world.epoch >= EPOCHS {
        return;
    }
    for step in world.possible() {
        let mut next = world.clone();
        next.step(step, records, judged);
        explore(&next, depth - 1, records, judged);
    }
}

/// All of at most three replicas that were or are candidates, with every fault, leader and permission. A change is wrong
/// if it takes the records from the last who has them, or gives the lead to one who lacks them, for no cause.
#[test]
fn every_change_of_candidates_is_judged_as_the_naive_definition_does() {
    let mut judged = BTreeMap::new();
    for bits in 0..1_u32 << 15 {
        let of = |replica: usize, bit: usize| bits >> (5 * replica + bit) & 1 == 1;
        let [was, is] = [0, 1].map(|bit| (0..REPLICAS).filter(|it| of(*it, bit)).collect::<Vec<_>>());
        let candidate = |it: &usize| Candidate { has_all: of(*it, 2), hurt: of(*it, 3), restarted: of(*it, 4) };
        let [before, after] = [&was, &is].map(|of| of.iter().map(candidate).collect::<Vec<_>>());
        for (elected, allowed, elr) in is.iter().map(Some).chain([None]).flat_map(|elected| {
            [(elected, false, false), (elected, true, false), (elected, false, true), (elected, true, true)]
        }) {
            let unclean = elected.is_some_and(|leader| !was.contains(leader));
            let change = CommittedChange {
                before: &before,
                after: &after,
                elected: elected.map(candidate),
                unclean,
                unclean_allowed: allowed,
                elr,
            };
            let is_settled_later = elected.is_some_and(|leader| of(*leader, 3));
            let takes_lead = elected.is_some_and(|leader| !of(*leader, 2)) && !is_settled_later;
            let had: Vec<&usize> = was.iter().filter(|it| of(**it, 2)).collect();
            let has = is.iter().any(|it| of(*it, 2));
            let by_restarts = elr && had.iter().all(|it| of(**it, 3) || of(**it, 4));
            let by_faults = !is.is_empty() && is.iter().all(|it| of(*it, 3));
            let naive = match (unclean, has) {
                (true, _) if allowed => Ok(false),
                (true, true) | (false, true) => {
                    if takes_lead {
                        Err(())
                    } else {
                        Ok(false)
                    }
                }
                (true, false) => Err(()),
                (false, false) if had.is_empty() => Ok(false),
                (false, false) if by_restarts => Ok(true),
                (false, false) => {
                    if by_faults {
                        Ok(false)
                    } else {
                        Err(())
                    }
                }
            };
            let answer = change.may_leave().map(|fact| fact.is_some()).map_err(|_| ());
            assert_eq!(answer, naive, "{change:?}");
            *judged.entry(answer).or_insert(0) += 1;
        }
    }
    assert!(judged.len() == 3 && judged.values().all(|count| *count > 1_000), "{judged:?}");
}

#[test]
fn every_short_history_is_judged_as_the_naive_definition_does() {
    let (mut records, mut judged) = (Records::default(), [0, 0]);
    explore(&World::new(), 8, &mut records, &mut judged);
    // From here on, too, where two records are committed by all three.
    let mut at_work = World::new();
    for step in [Step::Append, Step::Append, Step::Replicate(1), Step::Replicate(2), Step::Commit, Step::Commit] {
        at_work.step(step, &mut records, &mut judged);
    }
    explore(&at_work, 6, &mut records, &mut judged);
    assert!(judged.iter().all(|count| *count > 1_000), "{judged:?}");
}
