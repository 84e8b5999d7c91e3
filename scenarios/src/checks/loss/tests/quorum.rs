//! Every history of a few steps of a metadata log, with destroyed disks, altered `quorum-state` and
//! `leader-epoch-checkpoint` files at every place: what a quorum may do by that, against a naive definition that keeps
//! what each server has had. Whether elections and commits are judged by it is tested in `checks/tests/histories.rs`.
//!
//! Limits: 3 voters and a broker, 3 elections, 3 records; 5 steps from where all hold two committed records. Voter 2 is
//! touched only after voter 1: they are alike.

use raft::ids::NodeId;
use raft::io::{FatalFault, Role};

use super::*;
use crate::checks::loss::quorum::{ForgottenEpochs, QuorumFact, QuorumLosses};
use crate::checks::server_model::ServerModel;
use crate::checks::server_model::state_files::Election;

const SERVERS: usize = 4;
const BROKER: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Append,
    Replicate(usize),
    /// The leader commits its log.
    Commit,
    /// A voter is elected, whatever it lacks.
    Elect(usize),
    /// The whole disk is replaced.
    Replace(usize),
    /// `quorum-state` comes back with an epoch so much later.
    AlterEpoch(usize, i32),
    /// `leader-epoch-checkpoint` comes back with other epochs.
    Mislead(usize),
    /// A misled server, or one that follows a misled leader, cuts its last record.
    Cut(usize),
}

#[derive(Clone, Debug)]
struct History {
    logs: [Vec<BatchId>; SERVERS],
    leader: usize,
    epoch: i32,
    written: Vec<BatchId>,
    committed: Vec<BatchId>,
    /// Once committed, and a later leader began without it.
    gone: Vec<BatchId>,
    /// Of each server, what it held whenever a fault took some of that, until it holds all of it again.
    forgotten: [Vec<Vec<BatchId>>; SERVERS],
    /// Servers with the first and the last epoch of which they may have forgotten what they did.
    forgot: Vec<(usize, i32, i32)>,
    misled: [bool; SERVERS],
    /// The newest epoch before which a leader has cut the committed log.
    cut_by: Option<i32>,
    facts: Vec<QuorumFact>,
    events: Vec<Event>,
}

impl History {
    fn new(records: &mut Records) -> History {
        let first = records.behind(BatchId::START, 0);
        let log = vec![first, records.behind(first, 0)];
        History {
            logs: [(); SERVERS].map(|()| log.clone()),
            leader: 0,
            epoch: 0,
            written: log.clone(),
            committed: log,
            gone: Vec::new(),
            forgotten: Default::default(),
            forgot: Vec::new(),
            misled: [false; SERVERS],
            cut_by: None,
            facts: Vec::new(),
            events: Vec::new(),
        }
    }

    fn possible(&self) -> Vec<Event> {
        let log = &self.logs[self.leader];
        let touched = |server: &usize| {
            *server != 2
                || self.logs[1] != self.logs[2]
                || self.events.iter().any(|event| match event {
                    Event::Elect(it) | Event::Replace(it) | Event::AlterEpoch(it, _) | Event::Mislead(it) => *it == 1,
                    _ => false,
                })
        };
        let servers = (0..SERVERS).filter(touched);
        let mut events: Vec<Event> = (log.len() < RECORDS - 1).then_some(Event::Append).into_iter().collect();
        events.extend((*log != self.committed && log.starts_with(&self.committed)).then_some(Event::Commit));
        for server in servers {
            events.extend((self.logs[server] != *log).then_some(Event::Replicate(server)));
            events.extend((server != BROKER && self.epoch < EPOCHS).then_some(Event::Elect(server)));
            events.extend((!self.logs[server].is_empty()).then_some(Event::Replace(server)));
            events.extend([1, 2].map(|more| Event::AlterEpoch(server, more)));
            events.extend((!self.misled[server]).then_some(Event::Mislead(server)));
            let cuts = (self.misled[server] || self.misled[self.leader]) && !self.logs[server].is_empty();
            events.extend(cuts.then_some(Event::Cut(server)));
        }
        events
    }

    fn destroyed(&mut self, server: usize, epochs: Option<(i32, i32)>, log: Option<BatchId>) {
        let (voter, epochs) = (server != BROKER, epochs.map(|(first, last)| (LeaderEpoch(first), LeaderEpoch(last))));
        let epochs = epochs.map(|(first, last)| ForgottenEpochs { first, last, by_same_voter: true });
        self.facts.push(QuorumFact::Destroyed { server, directory_id: None, voter, epochs, log });
    }

    fn step(&mut self, event: Event, records: &mut Records) {
        self.events.push(event);
        match event {
            Event::Append => {
                let id = records.behind(last(&self.logs[self.leader]), self.epoch);
                self.logs[self.leader].push(id);
                self.written.push(id);
                self.holds_again(self.leader, records);
            }
            Event::Replicate(server) => {
                self.logs[server] = self.logs[self.leader].clone();
                self.holds_again(server, records);
            }
            Event::Commit => self.committed = self.logs[self.leader].clone(),
            Event::Elect(server) => {
                (self.leader, self.epoch) = (server, self.epoch + 1);
                let kept = self.logs[server].iter().zip(&self.committed).take_while(|(a, b)| a == b).count();
                if kept < self.committed.len() {
                    let (had, left) = (last(&self.committed), last(&self.committed[..kept]));
                    self.facts.push(QuorumFact::Cut { epoch: LeaderEpoch(self.epoch), had, left, at_ns: 0 });
                    self.gone.extend(self.committed.split_off(kept));
                    self.cut_by = Some(self.epoch);
                }
            }
            Event::Replace(server) => {
                let log = std::mem::take(&mut self.logs[server]);
                self.misled[server] = false;
                self.facts.push(QuorumFact::Misled { server, is_misled: false });
                self.destroyed(server, Some((0, self.epoch)), Some(last(&log)));
                self.forgotten[server].push(log);
                self.forgot.push((server, 0, self.epoch));
            }
            Event::AlterEpoch(server, more) => {
                let later = self.epoch + more;
                self.destroyed(server, Some((later, later)), None);
                self.forgot.push((server, later, later));
            }
            Event::Mislead(server) => {
                self.misled[server] = true;
                self.facts.push(QuorumFact::Misled { server, is_misled: true });
                self.destroyed(server, None, None);
            }
            Event::Cut(server) => {
                let log = self.logs[server].clone();
                self.logs[server].pop();
                self.destroyed(server, None, Some(last(&log)));
                self.forgotten[server].push(log);
            }
        }
    }

    /// As `Models::note_restored`.
    fn holds_again(&mut self, server: usize, records: &Records) {
        let tip = last(&self.logs[server]);
        while let Some(log) = (QuorumLosses { ledger: &records.ledger, facts: &self.facts }).restored(server, || tip) {
            self.facts.push(QuorumFact::Restored { server, log });
        }
        let log = &self.logs[server];
        self.forgotten[server].retain(|before| !log.starts_with(before));
    }

    /// All answers, by the facts and naively.
    fn is_judged_naively(&self, records: &Records, judged: &mut [[u64; 2]; 10]) {
        let losses = QuorumLosses { ledger: &records.ledger, facts: &self.facts };
        let mut agree = |which: usize, answer: bool, naive: bool| {
            assert_eq!(answer, naive, "{which}: {:?}\n{:#?}", self.events, self.facts);
            judged[which][usize::from(answer)] += 1;
        };
        for number in 0..=self.epoch + 2 {
            let epoch = LeaderEpoch(number);
            for server in 0..SERVERS {
                let of_it = || self.forgot.iter().filter(|(of, ..)| *of == server);
                let again = of_it().any(|(_, first, last)| (*first..=*last).contains(&number));
                agree(0, losses.may_vote_again(server, epoch).is_some(), again);
                let late = of_it().any(|(_, first, last)| (*first..*last).contains(&number));
                agree(1, losses.may_vote_late(server, epoch).is_some(), late);
            }
            let mut models: Vec<ServerModel> =
                (0..SERVERS).map(|server| ServerModel::new(NodeId(server as i32), server != BROKER)).collect();
            models.iter_mut().for_each(|model| model.up = true);
            models[self.leader].role = Some((Role::Leader, LeaderEpoch(self.epoch), NodeId(self.leader as i32)));
            models[BROKER].durable_election = Some(Election { epoch, ..Election::default() });
            for (missing, is_broker) in [(&[BROKER][..], true), (&[1, BROKER], false), (&[], false)] {
                let forgot =
                    |(of, first, last): &(usize, i32, i32)| *of == BROKER && (*first..=*last).contains(&number);
                let is_altered = self.misled[BROKER] || self.forgot.iter().any(forgot);
                let naive = self.misled[self.leader] || is_broker && number > self.epoch && is_altered;
                agree(2, losses.may_not_recover(missing, LeaderEpoch(self.epoch), &models).is_some(), naive);
            }
            let by = |(of, first, last): &(usize, i32, i32)| *of != BROKER && (*first..=*last).contains(&number);
            let by_voter = self.forgot.iter().any(by);
            agree(3, losses.may_be_led_again(epoch).is_some(), by_voter);
            let beside = self.cut_by.is_some_and(|by| number < by);
            agree(4, losses.may_commit_beside(epoch).is_some(), beside);
            let another = self.forgot.iter().any(|(_, first, last)| (*first..=*last).contains(&number));
            let mut model = ServerModel::new(NodeId(0), true);
            model.role = Some((Role::Follower, epoch, NodeId(1)));
            for altered in [false, true] {
                let ends = |fault| losses.may_end_itself(fault, (0, None), (&model, altered), (None, true)).is_some();
                agree(5, ends(FatalFault::AnotherLeader), another);
                agree(5, ends(FatalFault::Other), altered);
            }
        }
        for id in &self.written {
            agree(6, losses.may_be_missing(*id).is_some(), self.gone.contains(id));
        }
        for server in 0..SERVERS {
            let misled = self.misled[server];
            agree(7, losses.may_lead_without(server).is_some(), misled);
            for id in &self.written {
                let forgotten = self.forgotten[server].iter().any(|log| log.contains(id));
                agree(8, losses.has_forgotten(server, *id), forgotten);
            }
            for leader in [None, Some(self.leader)] {
                let naive = misled || leader.is_some_and(|leader| self.misled[leader]);
                agree(9, losses.may_cut(server, leader), naive);
                for next in self.written.iter().copied().map(Some).chain([None]) {
                    let (fault, model) = (FatalFault::TruncationBelowHighWatermark, ServerModel::new(NodeId(0), true));
                    let is_gone = next.is_some_and(|next| self.gone.contains(&next));
                    for promised in [false, true] {
                        let answer = losses.may_end_itself(fault, (server, leader), (&model, false), (next, promised));
                        agree(9, answer.is_some(), naive || is_gone || !promised);
                    }
                }
            }
        }
    }
}

fn explore(history: &History, depth: usize, records: &mut Records, judged: &mut [[u64; 2]; 10]) {
    history.is_judged_naively(records, judged);
    if depth > 0 {
        for event in history.possible() {
            let mut next = history.clone();
            next.step(event, records);
            explore(&next, depth - 1, records, judged);
        }
    }
}

#[test]
fn what_a_quorum_may_do_is_judged_as_the_naive_definition_does() {
    let (mut records, mut judged) = (Records::default(), [[0; 2]; 10]);
    explore(&History::new(&mut records), 5, &mut records, &mut judged);
    assert!(judged.iter().flatten().all(|count| *count > 1_000), "{judged:?}");
}
