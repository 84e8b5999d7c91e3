//! Honest quorums under kills, power losses (also between two effects) and replaced disks: no
//! check may find anything. Three rules stand in for the protocol: a vote goes to a log that is
//! up to date, a majority elects, and a high watermark covers what a majority has fetched.

use proptest::prelude::*;
use raft::ids::{LeaderEpoch, Offset, OffsetAndEpoch};
use raft::io::{Observation, Out, Role};
use raft::log::Validation;

use super::quorum::Quorum;

const SERVERS: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Step {
    Elect(usize),
    Append,
    /// A follower fetches up to so many bytes.
    Replicate(usize, u32),
    Commit,
    Kill(usize),
    LosePower(usize),
    /// Dies after so many effects of a vote for somebody, then loses power or not.
    DieVoting(usize, usize, bool),
    ReplaceDisk(usize),
}

fn step(replaced_disks: bool) -> impl Strategy<Value = Step> {
    let server = 0..SERVERS;
    prop_oneof![
        3 => server.clone().prop_map(Step::Elect),
        6 => Just(Step::Append),
        12 => (server.clone(), prop_oneof![Just(1), Just(u32::MAX)]).prop_map(|(s, bytes)| Step::Replicate(s, bytes)),
        6 => Just(Step::Commit),
        2 => server.clone().prop_map(Step::Kill),
        2 => server.clone().prop_map(Step::LosePower),
        1 => (server.clone(), 0..6_usize, any::<bool>()).prop_map(|(s, n, power)| Step::DieVoting(s, n, power)),
        u32::from(replaced_disks) => server.prop_map(Step::ReplaceDisk),
    ]
}

struct Walk {
    quorum: Quorum,
    epoch: i32,
    leader: Option<usize>,
    /// What the leader knows of each voter in its epoch, and where its epoch starts.
    fetched: [Option<Offset>; SERVERS],
    epoch_start: Offset,
    following: [bool; SERVERS],
    committed: Offset,
    value: u64,
}

impl Walk {
    fn last(&self, server: usize) -> OffsetAndEpoch {
        let log = &self.quorum.logs[server];
        OffsetAndEpoch { epoch: log.last_fetched_epoch(), offset: log.end_offset() }
    }

    fn restarted(&mut self, server: usize) {
        self.quorum.boot(server);
        self.following[server] = false;
        if self.leader == Some(server) {
            self.leader = None;
        }
    }

    fn elect(&mut self, candidate: usize) {
        self.epoch += 1;
        let epoch = self.epoch;
        let grants = |voter: &usize| *voter != candidate && self.last(candidate) >= self.last(*voter);
        let voters: Vec<usize> = (0..SERVERS).filter(grants).collect();
        self.quorum.campaign(candidate, epoch);
        for voter in &voters {
            self.quorum.vote(*voter, candidate, epoch);
        }
        self.following = [false; SERVERS];
        if voters.len() < SERVERS / 2 {
            // Its epoch is over for whoever led: a voter has left it.
            self.leader = None;
            return;
        }
        (self.leader, self.fetched, self.committed) = (Some(candidate), [None; SERVERS], Offset(0));
        self.epoch_start = self.last(candidate).offset;
        self.quorum.take_over(candidate, epoch);
        self.quorum.say(candidate, Observation::LeadershipAnnounced { epoch: LeaderEpoch(epoch) });
    }

    fn replicate(&mut self, leader: usize, follower: usize, max_bytes: u32) {
        let epoch = self.quorum.logs[leader].last_fetched_epoch();
        if follower == leader || epoch.0 != self.epoch {
            return;
        }
        if !self.following[follower] {
            self.quorum.follow(follower, leader, epoch.0);
            self.following[follower] = true;
        }
        self.quorum.fetch(follower, epoch.0);
        let last = self.last(follower);
        match self.quorum.logs[leader].validate_offset_and_epoch(last.offset, last.epoch) {
            Validation::Valid => {
                self.quorum.replicate_up_to(leader, follower, epoch.0, max_bytes);
                self.fetched[follower] = Some(self.last(follower).offset);
            }
            Validation::Diverging(at) => {
                let mut out = Out::default();
                if self.quorum.logs[follower].truncate_to_end_offset(at, &mut out).is_err() {
                    // Below its high watermark: fatal in Kafka, and only after disks were replaced.
                    self.quorum.kill(follower);
                    return self.restarted(follower);
                }
                self.quorum.perform(follower, out);
            }
            Validation::Snapshot(id) => unreachable!("no log has a snapshot: {id:?}"),
        }
    }

    fn commit(&mut self, leader: usize) {
        let mut ends = self.fetched;
        ends[leader] = Some(self.last(leader).offset);
        ends.sort_unstable_by(|a, b| b.cmp(a));
        if let Some(end) = ends[SERVERS / 2]
            && end > self.epoch_start
            && end > self.committed
        {
            self.committed = end;
            self.quorum.logs[leader].update_high_watermark(end);
            self.quorum.show_high_watermark(leader, self.epoch, end.0, true);
        }
    }

    fn take(&mut self, step: Step) {
        match (step, self.leader) {
            (Step::Elect(candidate), _) => self.elect(candidate),
            (Step::Append, Some(leader)) => {
                self.value += 1;
                let batch = self.quorum.data(leader, self.epoch, self.value);
                self.quorum.write(leader, &batch);
            }
            (Step::Replicate(follower, max_bytes), Some(leader)) => self.replicate(leader, follower, max_bytes),
            (Step::Commit, Some(leader)) => self.commit(leader),
            (Step::Kill(server), _) => {
                self.quorum.kill(server);
                self.restarted(server);
            }
            (Step::LosePower(server), _) => {
                self.quorum.lose_power(server);
                self.restarted(server);
            }
            (Step::DieVoting(server, effects, power), _) => {
                self.epoch += 1;
                let mut out = self.quorum.election(self.epoch, None, Some((server + 1) % SERVERS));
                out.effects.truncate(effects);
                self.quorum.perform(server, out);
                if power {
                    self.quorum.lose_power(server)
                } else {
                    self.quorum.kill(server)
                }
                self.restarted(server);
                // Nobody leads the epoch, and whoever led before is not obeyed by this one.
                self.leader = None;
            }
            (Step::ReplaceDisk(server), _) => {
                self.quorum.replace_disk(server);
                self.restarted(server);
                self.fetched[server] = None;
            }
            (Step::Append | Step::Replicate(..) | Step::Commit, None) => {}
        }
    }
}

fn walk(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut walk = Walk {
        quorum: Quorum::of(SERVERS),
        epoch: 0,
        leader: None,
        fetched: [None; SERVERS],
        epoch_start: Offset(0),
        following: [false; SERVERS],
        committed: Offset(0),
        value: 0,
    };
    for step in steps {
        walk.take(*step);
        prop_assert_eq!(walk.quorum.checks.violation(), None, "at {:?}", step);
    }
    // Nobody sent the values, so the history is not asked.
    walk.quorum.role(0, Role::Unattached, walk.epoch, None);
    prop_assert_eq!(walk.quorum.checks.ended_by(), None);
    prop_assert!(LeaderEpoch(walk.epoch) >= walk.quorum.checks.models.servers[0].durable_epoch());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn honest_quorums_pass(steps in prop::collection::vec(step(false), 1..120)) {
        walk(&steps)?;
    }

    #[test]
    fn replaced_disks_are_excused(steps in prop::collection::vec(step(true), 1..120)) {
        walk(&steps)?;
    }
}
