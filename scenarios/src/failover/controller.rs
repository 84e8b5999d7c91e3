//! The active controller's failover: from the fault that hit it until the next active controller has committed.

use raft::ids::{LeaderEpoch, Offset};

use crate::report::{Failover, FailoverKind};

/// A fault has hit a leader, and no other server has replaced it yet.
#[derive(Clone, Debug)]
struct Struck {
    at_ns: u64,
    server: usize,
    epoch: LeaderEpoch,
    cause: &'static str,
    lifted: bool,
    /// When each server first requested pre-votes since then.
    prospective_ns: Vec<Option<u64>>,
    /// The server elected since then.
    winner: Option<Winner>,
}

#[derive(Clone, Copy, Debug)]
struct Winner {
    server: usize,
    epoch: LeaderEpoch,
    detected_ns: u64,
    elected_ns: u64,
    /// When it claimed to be the active controller (at its election in a quorum without controllers), and where the
    /// committed log ended then.
    active: Option<(u64, Offset)>,
    /// Its first commit of a record that was appended after that: time and end offset.
    commit: Option<(u64, Offset)>,
}

#[derive(Clone, Debug)]
pub struct ControllerFailovers {
    /// Which servers have brokers; empty in scenarios of the quorum alone.
    has_broker: Vec<bool>,
    /// The end of each broker's published image.
    published: Vec<Offset>,
    /// Brokers that are down or hit by a fault themselves: the failover does not wait for them.
    away: Vec<bool>,
    servers: usize,
    /// The newest leader: server and epoch.
    leader: Option<(usize, LeaderEpoch)>,
    struck: Option<Struck>,
}

impl ControllerFailovers {
    /// `has_broker` is empty in scenarios of the quorum alone.
    pub fn new(servers: usize, has_broker: Vec<bool>) -> ControllerFailovers {
        let published = vec![Offset(-1); has_broker.len()];
        let away = vec![false; servers];
        ControllerFailovers { has_broker, published, away, servers, leader: None, struck: None }
    }

    /// A fault hits a server. Returns whether it is the newest leader, and so a failover begins; and the failover that
    /// this ends early.
    pub fn struck(&mut self, at_ns: u64, server: usize, cause: &'static str) -> (bool, Option<Failover>) {
        self.away[server] = true;
        let Some((leader, epoch)) = self.leader.filter(|(leader, _)| *leader == server) else {
            return (false, None);
        };
        // The same leader is hit again while it is already out: the first fault counts.
        if self.struck.as_ref().is_some_and(|struck| struck.server == leader && struck.epoch == epoch) {
            return (false, None);
        }
        let replaced = self.finish(at_ns);
        let prospective_ns = vec![None; self.servers];
        self.struck = Some(Struck { at_ns, server, epoch, cause, lifted: false, prospective_ns, winner: None });
        (true, replaced)
    }

    /// The run is over, or the next leader is hit; returns the unfinished failover if a server was elected after the
    /// hit leader, or if that was out until now.
    pub fn finish(&mut self, at_ns: u64) -> Option<Failover> {
        let unfinished = self.struck.take().filter(|struck| struck.winner.is_some() || !struck.lifted)?;
        Some(Failover::at_least(FailoverKind::Controller, unfinished.at_ns, unfinished.cause, at_ns))
    }

    /// The fault of a server is over.
    pub fn lifted(&mut self, server: usize) {
        if let Some(struck) = &mut self.struck {
            struck.lifted |= struck.server == server;
        }
    }

    /// A server requests pre-votes.
    pub fn prospective(&mut self, at_ns: u64, server: usize) {
        if let Some(struck) = &mut self.struck {
            struck.prospective_ns[server].get_or_insert(at_ns);
        }
    }

    /// A server leads; the committed log ends at `end`.
    pub fn elected(&mut self, at_ns: u64, server: usize, epoch: LeaderEpoch, end: Offset) {
        if self.leader.is_some_and(|(_, newest)| newest >= epoch) {
            return;
        }
        self.leader = Some((server, epoch));
        if let Some(struck) = &mut self.struck {
            // A restarted candidate requests votes at once, without pre-votes.
            let detected_ns = struck.prospective_ns[server].unwrap_or(at_ns);
            let active = self.has_broker.is_empty().then_some((at_ns, end));
            struck.winner = Some(Winner { server, epoch, detected_ns, elected_ns: at_ns, active, commit: None });
        }
    }

    /// A controller has claimed; the committed log ends at `end`, behind its LeaderChange record.
    pub fn activated(&mut self, at_ns: u64, server: usize, epoch: LeaderEpoch, end: Offset) {
        let winner = self.struck.as_mut().and_then(|struck| struck.winner.as_mut());
        if let Some(winner) = winner.filter(|winner| (winner.server, winner.epoch) == (server, epoch)) {
            winner.active.get_or_insert((at_ns, end));
        }
    }

    /// A leader has shown a high watermark, and the committed log ends at `end`; returns the failover that this
    /// completes.
    pub fn committed(&mut self, at_ns: u64, server: usize, epoch: LeaderEpoch, end: Offset) -> Option<Failover> {
        let struck = self.struck.as_mut()?;
        match &mut struck.winner {
            Some(winner) if (winner.server, winner.epoch) == (server, epoch) => {
                let is_later = winner.active.is_some_and(|(_, before)| before < end);
                winner.commit = winner.commit.or(is_later.then_some((at_ns, end)));
            }
            // The leader stayed leader through the fault.
            None if struck.lifted && struck.server == server && struck.epoch == epoch => self.struck = None,
            _ => {}
        }
        self.complete(at_ns)
    }

    /// A broker has published an image up to this offset; returns the failover that this completes.
    pub fn published(&mut self, at_ns: u64, server: usize, offset: Offset) -> Option<Failover> {
        self.away[server] = false;
        self.published[server] = offset;
        self.complete(at_ns)
    }

    fn complete(&mut self, at_ns: u64) -> Option<Failover> {
        let struck = self.struck.as_ref()?;
        let winner = struck.winner?;
        let ((active_ns, _), (committed_ns, end)) = (winner.active?, winner.commit?);
        let waits_for = |server: &usize| self.has_broker[*server] && !self.away[*server];
        let mut brokers = (0..self.has_broker.len()).filter(waits_for);
        if brokers.any(|broker| self.published[broker].0 + 1 < end.0) {
            return None;
        }
        let mut phases =
            vec![("detect", winner.detected_ns - struck.at_ns), ("elect", winner.elected_ns - winner.detected_ns)];
        if self.has_broker.is_empty() {
            phases.push(("commit", committed_ns - winner.elected_ns));
        } else {
            phases.push(("activate", active_ns - winner.elected_ns));
            phases.push(("commit", committed_ns - active_ns));
            phases.push(("brokers", at_ns - committed_ns));
        }
        let failover = Failover {
            kind: FailoverKind::Controller,
            at_ns: struck.at_ns,
            cause: struck.cause.to_owned(),
            total_ns: phases.iter().map(|(_, ns)| ns).sum(),
            ended: true,
            phases,
        };
        self.struck = None;
        Some(failover)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failover_of_a_quorum_has_three_phases_and_counts_when_complete() {
        let mut failovers = ControllerFailovers::new(3, Vec::new());
        failovers.elected(1, 0, LeaderEpoch(1), Offset(0));
        assert!(!failovers.struck(100, 2, "kill").0);
        assert!(failovers.struck(100, 0, "kill").0);
        failovers.prospective(150, 1);
        failovers.prospective(200, 2);
        failovers.prospective(250, 1);
        failovers.elected(300, 1, LeaderEpoch(2), Offset(8));
        let done = failovers.committed(330, 1, LeaderEpoch(2), Offset(9)).expect("complete");
        assert_eq!(done.phases, [("detect", 50), ("elect", 150), ("commit", 30)]);
        assert_eq!(done.total_ns, 230);
    }

    #[test]
    fn a_failover_of_a_cluster_ends_when_all_brokers_that_can_have_published_the_first_commit() {
        let mut failovers = ControllerFailovers::new(3, vec![false, true, true]);
        failovers.elected(1, 0, LeaderEpoch(1), Offset(0));
        failovers.struck(50, 2, "kill");
        failovers.struck(100, 0, "kill");
        failovers.prospective(200, 0);
        failovers.elected(300, 0, LeaderEpoch(2), Offset(9));
        // The LeaderChange record: no controller is active yet.
        assert_eq!(failovers.committed(310, 0, LeaderEpoch(2), Offset(10)), None);
        failovers.activated(320, 0, LeaderEpoch(2), Offset(10));
        // A Fetch answer shows that high watermark again.
        assert_eq!(failovers.committed(321, 0, LeaderEpoch(2), Offset(10)), None);
        assert_eq!(failovers.committed(345, 0, LeaderEpoch(2), Offset(12)), None);
        assert_eq!(failovers.published(350, 1, Offset(10)), None);
        let done = failovers.published(360, 1, Offset(11)).expect("the other one is down");
        let phases = [("detect", 100), ("elect", 100), ("activate", 20), ("commit", 25), ("brokers", 15)];
        assert_eq!(done.phases, phases);
    }

    #[test]
    fn a_failover_that_does_not_end_is_reported() {
        let unended = |failover: Option<Failover>| failover.map(|it| (it.at_ns, it.cause, it.total_ns, it.ended));
        let mut failovers = ControllerFailovers::new(3, Vec::new());
        failovers.elected(1, 0, LeaderEpoch(1), Offset(0));
        failovers.struck(100, 0, "kill");
        failovers.elected(300, 1, LeaderEpoch(2), Offset(0));
        let (is_active, replaced) = failovers.struck(310, 1, "power-loss");
        assert!(is_active);
        assert_eq!(unended(replaced), Some((100, "kill".to_owned(), 210, false)), "it never committed");
        assert_eq!(unended(failovers.finish(900)), Some((310, "power-loss".to_owned(), 590, false)));
        assert_eq!(failovers.finish(900), None);
    }

    #[test]
    fn a_leader_that_lives_through_it_is_no_failover() {
        let mut failovers = ControllerFailovers::new(3, Vec::new());
        failovers.elected(1, 0, LeaderEpoch(1), Offset(0));
        failovers.struck(100, 0, "cut");
        failovers.committed(101, 0, LeaderEpoch(1), Offset(5));
        failovers.lifted(0);
        failovers.committed(200, 0, LeaderEpoch(1), Offset(6));
        failovers.elected(900, 1, LeaderEpoch(2), Offset(6));
        assert_eq!(failovers.committed(950, 1, LeaderEpoch(2), Offset(7)), None);
    }
}
