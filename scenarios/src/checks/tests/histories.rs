//! Every short history of a quorum of three voters, with destroyed disks and mistakes at every place, against a naive
//! definition: a committed record is safe as long as it, and a record of its committer's own epoch at or behind it, are
//! on a majority of disks (Raft §5.4.2); a fault that ends this ends the promise, until a later commit renews it.

use std::collections::BTreeMap;

use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use raft::io::Role;
use raft::log::{Batch, BatchBuilder};

use super::quorum::node;
use super::voters;
use crate::checks::committed::Committed;
use crate::checks::committed::Quorum;
use crate::checks::invariant::durability::{became_leader, commit, cut_promise};
use crate::checks::loss::quorum::{ForgottenEpochs, QuorumFact, QuorumLosses};
use crate::checks::prelude::*;
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::ledger::{BatchId, Ledger};
use crate::checks::server_model::log::LogModel;

const VOTERS: usize = 3;
const MAJORITY: usize = 2;
const QUORUM: Quorum = Quorum { majority: MAJORITY, commits_before_flush: false, single_voter_is_early: true };
const RECORDS: usize = 4;
const EPOCHS: i32 = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The leader appends and forces a record of its epoch.
    Append,
    /// A follower makes its log the leader's, forces it, and the leader knows that.
    Replicate(usize),
    /// The leader commits what a majority has acknowledged in its epoch.
    Commit,
    /// A mistake: the leader commits its whole log.
    CommitWrongly,
    /// A disk is replaced by an empty one.
    Replace(usize),
    /// A voter is elected by a majority whose logs are not ahead of its own, and begins.
    Elect(usize),
    /// A mistake, unless its epochs mislead the others: a voter is elected whatever they hold.
    ElectWrongly(usize),
    /// A `leader-epoch-checkpoint` comes back with other epochs.
    Mislead(usize),
    /// A follower whose epochs, or those of its leader, are not what they were cuts its last record.
    Cut(usize),
}

/// Every record of one history once, by what is before it and its epoch.
#[derive(Clone, Debug, Default)]
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

    fn log(&mut self, records: &[BatchId]) -> LogModel {
        let bytes: Vec<u8> = records.iter().flat_map(|id| self.ledger.get(*id).bytes().to_vec()).collect();
        let found = LogModel::read(vec![(Offset(0), bytes.into())], Vec::new(), &mut self.ledger);
        let mut log = LogModel::default();
        log.booted(found, None, false);
        log
    }

    fn epoch(&self, id: BatchId) -> i32 {
        self.ledger.get(id).epoch.0
    }
}

/// What the naive definition knows of a committed record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    id: BatchId,
    committer: i32,
    promised: bool,
}

#[derive(Clone, Debug)]
struct World {
    logs: [Vec<BatchId>; VOTERS],
    /// Voters that have held a record, also those whose disks were replaced since.
    held: BTreeMap<BatchId, [bool; VOTERS]>,
    leader: Option<usize>,
    epoch: i32,
    /// How many records each voter has acknowledged to the leader.
    acknowledged: [usize; VOTERS],
    known: Vec<Known>,
    misled: [bool; VOTERS],
    /// Epochs may mislead.
    with_misled: bool,
    steps: Vec<Step>,
    records: Records,
    servers: Vec<ServerModel>,
    committed: Committed,
    verdict: Verdict,
}

/// How often an election was judged, permitted and not; and a commit.
#[derive(Debug, Default)]
struct Judged {
    elections: [u64; 2],
    commits: [u64; 2],
}

impl World {
    fn new() -> World {
        let mut servers: Vec<ServerModel> = (0..VOTERS).map(|server| ServerModel::new(node(server), true)).collect();
        servers.iter_mut().for_each(|server| server.up = true);
        World {
            logs: Default::default(),
            held: BTreeMap::new(),
            leader: None,
            epoch: 0,
            acknowledged: [0; VOTERS],
            known: Vec::new(),
            misled: [false; VOTERS],
            with_misled: false,
            steps: Vec::new(),
            records: Records { ledger: Ledger::new(voters(VOTERS as i32).voter_set), ..Records::default() },
            servers,
            committed: Committed::default(),
            verdict: Verdict::default(),
        }
    }

    fn holders(&self, id: BatchId) -> usize {
        self.logs.iter().filter(|log| log.contains(&id)).count()
    }

    fn could_win(&self, candidate: usize) -> bool {
        let last = |log: &Vec<BatchId>| (log.last().map_or(0, |last| self.records.epoch(*last)), log.len());
        let grants = |voter: &usize| last(&self.logs[*voter]) <= last(&self.logs[candidate]);
        (0..VOTERS).filter(grants).count() >= MAJORITY
    }

    fn possible(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = (0..VOTERS).map(Step::Replace).collect();
        if let Some(leader) = self.leader {
            let log = &self.logs[leader];
            steps.extend((log.len() < RECORDS).then_some(Step::Append));
            let others = (0..VOTERS).filter(|other| self.logs[*other] != *log);
            steps.extend(others.map(Step::Replicate));
            let cuts = |voter: &usize| {
                *voter != leader && !self.logs[*voter].is_empty() && (self.misled[*voter] || self.misled[leader])
            };
            steps.extend((0..VOTERS).filter(cuts).map(Step::Cut));
            let is_own =
                |count: usize| count.checked_sub(1).is_some_and(|last| self.records.epoch(log[last]) == self.epoch);
            let mut acknowledged = self.acknowledged;
            acknowledged[leader] = log.len();
            acknowledged.sort_unstable();
            let majority = acknowledged[VOTERS - MAJORITY];
            if majority > self.known.len() && is_own(majority) {
                steps.push(Step::Commit);
            } else if log.len() > self.known.len() && is_own(log.len()) {
                steps.push(Step::CommitWrongly);
            }
        }
        let misleads = |voter: &usize| self.with_misled && !self.misled[*voter];
        steps.extend((0..VOTERS).filter(misleads).map(Step::Mislead));
        if self.epoch + 1 < EPOCHS {
            let election = |voter: usize| {
                if self.could_win(voter) { Step::Elect(voter) } else { Step::ElectWrongly(voter) }
            };
            steps.extend((0..VOTERS).filter(|voter| Some(*voter) != self.leader).map(election));
        }
        steps
    }

    fn set_log(&mut self, server: usize, log: Vec<BatchId>) {
        for id in &log {
            self.held.entry(*id).or_default()[server] = true;
        }
        self.servers[server].log = self.records.log(&log);
        self.servers[server].log.recount_agreement(&self.committed.batches);
        self.logs[server] = log;
    }

    fn step(&mut self, step: Step, judged: &mut Judged) {
        self.steps.push(step);
        match step {
            Step::Append => {
                let leader = self.leader.expect("a leader appends");
                let before = self.logs[leader].last().copied().unwrap_or(BatchId::START);
                let id = self.records.behind(before, self.epoch);
                let log = [&self.logs[leader][..], &[id]].concat();
                self.set_log(leader, log);
            }
            Step::Replicate(to) => {
                let from = self.leader.expect("a leader is fetched from");
                self.set_log(to, self.logs[from].clone());
                self.acknowledged[to] = self.logs[to].len();
            }
            Step::Commit | Step::CommitWrongly => self.commits(step, judged),
            Step::Replace(server) => {
                let log = self.logs[server].last().copied();
                self.set_log(server, Vec::new());
                if self.leader == Some(server) {
                    self.leader = None;
                    self.servers[server].role = None;
                }
                self.misled[server] = false;
                self.committed.facts.push(QuorumFact::Misled { server, is_misled: false });
                self.destroyed(server, Some((LeaderEpoch(0), LeaderEpoch(self.epoch))), log);
            }
            Step::Mislead(server) => {
                self.misled[server] = true;
                self.committed.facts.push(QuorumFact::Misled { server, is_misled: true });
                self.destroyed(server, None, None);
            }
            Step::Cut(server) => {
                let (last, log) = self.logs[server].split_last().expect("it cuts something");
                let (last, log) = (*last, log.to_vec());
                self.set_log(server, log);
                self.destroyed(server, None, Some(last));
            }
            Step::Elect(server) | Step::ElectWrongly(server) => self.elects(server, step, judged),
        }
        if self.verdict.violation().is_none() {
            let promised = self.known.iter().take_while(|known| known.promised).count();
            assert_eq!(self.committed.promised, promised, "{:?}", self.steps);
            assert!(
                self.known.iter().map(|known| known.id).eq(self.committed.batches.iter().copied()),
                "{:?}",
                self.steps
            );
        }
    }

    /// A fault took what a majority needs: the promise ends where no majority has it.
    fn destroyed(&mut self, server: usize, epochs: Option<(LeaderEpoch, LeaderEpoch)>, log: Option<BatchId>) {
        let epochs = epochs.map(|(first, last)| ForgottenEpochs { first, last, by_same_voter: true });
        self.committed.facts.push(QuorumFact::Destroyed { server, directory_id: None, voter: true, epochs, log });
        for at in 0..self.known.len() {
            let anchored =
                |other: &Known| other.committer == self.records.epoch(other.id) && self.holders(other.id) >= MAJORITY;
            self.known[at].promised &= self.known[at..].iter().any(anchored);
        }
        cut_promise(&self.servers, &mut self.committed, &self.records.ledger, QUORUM, &mut self.verdict);
    }

    fn commits(&mut self, step: Step, judged: &mut Judged) {
        let leader = self.leader.expect("a leader commits");
        let mut acknowledged = self.acknowledged;
        acknowledged[leader] = self.logs[leader].len();
        acknowledged.sort_unstable();
        let count = if step == Step::Commit { acknowledged[VOTERS - MAJORITY] } else { self.logs[leader].len() };
        let last = self.logs[leader][count - 1];
        // Which acknowledgements have arrived is not seen at the border; who has ever held the record is.
        let ever = self.held[&last].iter().filter(|held| **held).count();
        let permitted = ever >= MAJORITY;
        assert!(permitted || step == Step::CommitWrongly, "{:?}", self.steps);
        for id in &self.logs[leader][self.known.len()..count] {
            self.known.push(Known { id: *id, committer: self.epoch, promised: false });
        }
        if self.holders(last) >= MAJORITY {
            for known in self.known.iter_mut().filter(|known| !known.promised) {
                (known.promised, known.committer) = (true, self.epoch.max(known.committer));
            }
        }
        let shown = OffsetAndEpoch { epoch: LeaderEpoch(self.epoch), offset: self.records.ledger.end(last) };
        let World { servers, committed, verdict, records, .. } = self;
        commit(servers, leader, shown, committed, &records.ledger, QUORUM, verdict);
        self.agrees(permitted, &mut judged.commits);
    }

    fn elects(&mut self, server: usize, step: Step, judged: &mut Judged) {
        self.epoch += 1;
        if let Some(before) = self.leader.replace(server) {
            self.servers[before].role = None;
        }
        self.acknowledged = [0; VOTERS];
        let epoch = LeaderEpoch(self.epoch);
        self.servers[server].role = Some((Role::Leader, epoch, node(server)));
        let kept = self.known.iter().zip(&self.logs[server]).take_while(|(known, held)| known.id == **held).count();
        // Its epochs may have won votes that its log does not deserve.
        let permitted = self.misled[server] || self.known[kept..].iter().all(|known| !known.promised);
        assert!(permitted || step != Step::Elect(server), "Raft has elected it: {:?}", self.steps);
        self.known.truncate(kept);
        let World { servers, committed, verdict, records, .. } = self;
        became_leader(servers, server, epoch, committed, &records.ledger, verdict);
        self.agrees(permitted, &mut judged.elections);
    }

    fn agrees(&self, permitted: bool, judged: &mut [u64; 2]) {
        judged[usize::from(permitted)] += 1;
        let violation = self.verdict.violation();
        assert_eq!(violation.is_none(), permitted, "{:?}\n{violation:#?}\n{:#?}", self.steps, self.committed.facts);
    }

    /// One fact more never excuses less.
    fn is_monotone(&self) {
        let ledger = &self.records.ledger;
        let answers = |facts: &[QuorumFact]| {
            let losses = QuorumLosses { ledger, facts };
            let mut answers = Vec::new();
            for epoch in (0..=self.epoch).map(LeaderEpoch) {
                answers.extend((0..VOTERS).flat_map(|server| {
                    [losses.may_vote_again(server, epoch).is_some(), losses.may_vote_late(server, epoch).is_some()]
                }));
                answers.extend([losses.may_be_led_again(epoch).is_some(), losses.may_commit_beside(epoch).is_some()]);
            }
            for id in self.held.keys() {
                answers.extend((0..VOTERS).map(|server| losses.has_forgotten(server, *id)));
                answers.push(losses.may_be_missing(*id).is_some());
            }
            answers
        };
        let before = answers(&self.committed.facts);
        let had = self.logs.iter().filter_map(|log| log.last()).next_back().copied().unwrap_or(BatchId::START);
        let epoch = LeaderEpoch(self.epoch);
        let epochs = ForgottenEpochs { first: LeaderEpoch(0), last: epoch, by_same_voter: true };
        let more = [
            QuorumFact::Destroyed { server: 0, directory_id: None, voter: true, epochs: Some(epochs), log: Some(had) },
            QuorumFact::Cut { epoch, had, left: BatchId::START, at_ns: 0 },
            QuorumFact::CommittedBeside { had, left: BatchId::START },
        ];
        for (place, more) in
            (0..=self.committed.facts.len()).flat_map(|place| more.iter().map(move |more| (place, more)))
        {
            let mut facts = self.committed.facts.clone();
            facts.insert(place, more.clone());
            let lost = before.iter().zip(answers(&facts)).any(|(before, after)| *before && !after);
            assert!(!lost, "{:?}\n{facts:#?}", self.steps);
        }
    }
}

/// Histories of so many steps.
fn explore(world: &World, depth: usize, judged: &mut Judged) {
    if depth == 0 {
        return world.is_monotone();
    }
    for step in world.possible() {
        let mut next = world.clone();
        next.step(step, judged);
        if next.verdict.violation().is_none() {
            explore(&next, depth - 1, judged);
        }
    }
}

#[test]
fn every_short_history_of_a_quorum_is_judged_as_the_naive_definition_does() {
    let mut judged = Judged::default();
    let mut world = World::new();
    world.step(Step::Elect(0), &mut judged);
    explore(&world, 6, &mut judged);
    // From here on, too, where two records are committed, and one voter lacks the second.
    for step in [Step::Append, Step::Replicate(1), Step::Replicate(2), Step::Append, Step::Replicate(1), Step::Commit] {
        world.step(step, &mut judged);
    }
    explore(&world, 6, &mut judged);
    // With epochs that mislead: fewer steps, for there are more kinds of them.
    world.with_misled = true;
    explore(&world, 5, &mut judged);
    let Judged { elections, commits } = judged;
    assert!(elections.iter().chain(&commits).all(|count| *count > 1_000), "{judged:?}");
}
