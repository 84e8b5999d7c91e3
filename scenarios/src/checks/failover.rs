//! How long the cluster was without a leader in charge, on true time and in phases.

use raft::ids::LeaderEpoch;

use crate::report::{Failover, FailoverKind};

/// A leader was struck and nobody has taken over yet.
#[derive(Clone, Debug)]
struct Struck {
    at_ns: u64,
    server: usize,
    epoch: LeaderEpoch,
    cause: &'static str,
    lifted: bool,
    /// When each server first asked for pre-votes since.
    prospective_ns: Vec<Option<u64>>,
    /// Who won since: server, epoch, detected, elected.
    winner: Option<(usize, LeaderEpoch, u64, u64)>,
}

/// Samples failovers.
#[derive(Clone, Debug)]
pub struct Failovers {
    servers: usize,
    /// The newest leader: server and epoch.
    leader: Option<(usize, LeaderEpoch)>,
    struck: Option<Struck>,
    /// Those that completed.
    pub done: Vec<Failover>,
}

impl Failovers {
    /// Of so many servers.
    pub fn new(servers: usize) -> Failovers {
        Failovers { servers, leader: None, struck: None, done: Vec::new() }
    }

    /// A fault hits a server; it counts if that server is the newest leader.
    pub fn struck(&mut self, at_ns: u64, server: usize, cause: &'static str) {
        let Some((leader, epoch)) = self.leader.filter(|(leader, _)| *leader == server) else {
            return;
        };
        // The same leader struck again while it is already out: the first strike counts.
        if self.struck.as_ref().is_some_and(|struck| struck.server == leader && struck.epoch == epoch) {
            return;
        }
        let prospective_ns = vec![None; self.servers];
        self.struck = Some(Struck { at_ns, server, epoch, cause, lifted: false, prospective_ns, winner: None });
    }

    /// The fault that struck a server is over.
    pub fn lifted(&mut self, server: usize) {
        if let Some(struck) = &mut self.struck {
            struck.lifted |= struck.server == server;
        }
    }

    /// A server asks for pre-votes.
    pub fn prospective(&mut self, at_ns: u64, server: usize) {
        if let Some(struck) = &mut self.struck {
            struck.prospective_ns[server].get_or_insert(at_ns);
        }
    }

    /// A server leads.
    pub fn elected(&mut self, at_ns: u64, server: usize, epoch: LeaderEpoch) {
        if self.leader.is_some_and(|(_, newest)| newest >= epoch) {
            return;
        }
        self.leader = Some((server, epoch));
        if let Some(struck) = &mut self.struck {
            // A restarted candidate asks for votes at once, without pre-votes.
            let detected = struck.prospective_ns[server].unwrap_or(at_ns);
            struck.winner = Some((server, epoch, detected, at_ns));
        }
    }

    /// A leader's high watermark moved.
    pub fn committed(&mut self, at_ns: u64, server: usize, epoch: LeaderEpoch) {
        let Some(struck) = &self.struck else {
            return;
        };
        match struck.winner {
            Some((winner, won, detected_ns, elected_ns)) if winner == server && won == epoch => {
                self.done.push(Failover {
                    kind: FailoverKind::Controller,
                    at_ns: struck.at_ns,
                    cause: struck.cause.to_owned(),
                    total_ns: at_ns - struck.at_ns,
                    phases: vec![
                        ("detect", detected_ns - struck.at_ns),
                        ("elect", elected_ns - detected_ns),
                        ("commit", at_ns - elected_ns),
                    ],
                });
                self.struck = None;
            }
            // The struck leader lived through it.
            None if struck.lifted && struck.server == server && struck.epoch == epoch => self.struck = None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failover_has_three_phases_and_counts_when_complete() {
        let mut failovers = Failovers::new(3);
        failovers.elected(1, 0, LeaderEpoch(1));
        failovers.struck(100, 2, "kill");
        failovers.struck(100, 0, "kill");
        failovers.prospective(150, 1);
        failovers.prospective(200, 2);
        failovers.prospective(250, 1);
        failovers.elected(300, 1, LeaderEpoch(2));
        assert!(failovers.done.is_empty());
        failovers.committed(330, 1, LeaderEpoch(2));
        let expected = vec![("detect", 50), ("elect", 150), ("commit", 30)];
        assert_eq!((failovers.done.len(), failovers.done[0].total_ns), (1, 230));
        assert_eq!(failovers.done[0].phases, expected);
    }

    #[test]
    fn a_leader_that_lives_through_it_is_no_failover() {
        let mut failovers = Failovers::new(3);
        failovers.elected(1, 0, LeaderEpoch(1));
        failovers.struck(100, 0, "cut");
        failovers.committed(101, 0, LeaderEpoch(1));
        failovers.lifted(0);
        failovers.committed(200, 0, LeaderEpoch(1));
        failovers.elected(900, 1, LeaderEpoch(2));
        failovers.committed(950, 1, LeaderEpoch(2));
        assert!(failovers.done.is_empty());
    }
}
