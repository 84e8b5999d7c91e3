//! Is metadata available *while* faults are in force, wherever Kafka promises that? The network and the processes
//! decide what is promised, and acknowledged appends decide whether it is kept.
//!
//! **What Kafka promises.** Suppose that some majority of the controllers runs and that its members all talk to each other
//! (both links of each pair carry packets). Then each of them hears of a majority, so one that has the longest log among
//! them can be elected; with pre-votes (KIP-996) no voter outside can depose a leader that its majority still hears, and
//! with check quorum (KAFKA-15489) a leader that a majority does not hear gives up. So a leader exists, and commits, after
//! one election. It need not be a member of that majority: a voter outside may have a majority of its own. A quorum does
//! not know whom clients reach (nor do Raft and its descendants), so a client is served only if it reaches the leader,
//! whoever that is. Hence a client counts that talks to every voter that may lead.
//!
//! **Where voters change** (KIP-853), an election is decided by the last voter set of the candidate's log. The replica with
//! the longest log has the last committed set, or one that is not committed yet. So the members must contain a majority of
//! the committed set, and of each set behind it in any log; and the sum begins anew with each change, which may remove the
//! leader.
//!
//! **What is judged.** Time counts from the last change of the network or of the processes on, and where that gave
//! something back (a link, a process), from when connections must have been set up again. The sum of all times without an
//! acknowledged append since then must not exceed [`AvailabilityBound::bound_ns`]: not one outage alone, since a quorum
//! that is deposed again and again is never down for long. The sum begins anew with each change, because each may cost an
//! election.

use std::fmt::Write as _;

use sim::fault::{Fault, Kind, What};
use sim::watch::Phase;

use super::connectivity::{Connectivity, Electorate, Set, each, named};
use super::server_model::ServerModel;
use crate::actor::AttemptEvent;
use crate::availability_bound::AvailabilityBound;
use crate::checks::prelude::*;
use crate::report::{Failover, FailoverKind};
use crate::scenario::fault_profile::{Destroys, cuts, means};

claim! {
    /// While a majority of the controllers talk to each other, and a client to all that may lead, appends are
    /// acknowledged, apart from one election.
    AvailableWithMajority, Liveness of Cluster, "Ongaro 2014: available while a majority communicates; KIP-996, KAFKA-15489";
}

/// Sums up the times without success.
#[derive(Clone, Copy, Debug)]
struct Outages {
    from_ns: u64,
    /// The last success; at first the beginning.
    last_ns: u64,
    sum_ns: u64,
}

impl Outages {
    fn from(from_ns: u64) -> Outages {
        Outages { from_ns, last_ns: from_ns, sum_ns: 0 }
    }

    /// The present outage, if it is one.
    fn present_ns(&self, at_ns: u64, pause_ns: u64) -> u64 {
        Some(at_ns.saturating_sub(self.last_ns)).filter(|ns| *ns > pause_ns).unwrap_or(0)
    }

    fn success(&mut self, at_ns: u64, pause_ns: u64) {
        self.sum_ns += self.present_ns(at_ns, pause_ns);
        self.last_ns = self.last_ns.max(at_ns);
    }

    fn sum_ns(&self, at_ns: u64, pause_ns: u64) -> u64 {
        self.sum_ns + self.present_ns(at_ns, pause_ns)
    }
}

/// What is judged since the last change.
#[derive(Clone, Copy, Debug)]
struct Promised {
    outages: Outages,
    members: Set,
    clients: Set,
    /// Its time has exceeded the bound, so that something was judged.
    outlasted: bool,
}

/// See the module's documentation.
#[derive(Clone, Debug)]
pub struct Availability {
    /// `None`: nothing is judged.
    bound: Option<AvailabilityBound>,
    links: Connectivity,
    /// Faults in force that disturb in another way than a cut or the end of a process.
    others: u32,
    /// A fault has destroyed forced bytes: an election may be impossible.
    spoiled: bool,
    /// When something was given back for the last time.
    restored_ns: u64,
    may_lead: Set,
    promised: Option<Promised>,
    /// Since a cut has begun, if nothing has changed since then.
    measured: Option<Outages>,
    /// What cuts have cost, whether anything is promised or not.
    pub done: Vec<Failover>,
}

impl Availability {
    pub fn new(config: &CheckConfig) -> Availability {
        let clients = config.availability.map_or(0, |bound| bound.clients);
        // A single voter elects itself, and is available whenever it runs.
        let may_change = config.voters.len() > 1 || config.is_dynamic;
        Availability {
            bound: config.availability.filter(|_| may_change && !config.beyond_tolerance),
            links: Connectivity::new(Electorate::of_first(config.voters.len()), config.servers.len(), clients),
            others: 0,
            spoiled: false,
            restored_ns: 0,
            may_lead: 0,
            promised: None,
            measured: None,
            done: Vec::new(),
        }
    }

    /// A fault begins, ends, or is skipped.
    pub fn fault(&mut self, at_ns: u64, fault: &Fault, phase: Phase, servers: &[ServerModel], verdict: &mut Verdict) {
        let begins = phase == Phase::Start;
        if self.bound.is_none() || phase == Phase::Skipped {
            return;
        }
        let kind = fault.what.kind();
        let (means, server) = (means(kind), fault.what.node().map(|node| usize::from(node.0)));
        self.spoiled |= means.destroys == Destroys::Forced;
        match (&fault.what, server) {
            (What::Cut(_), _) => self.links.cut(cuts(&fault.what), begins),
            (What::Pause(_) | What::Stall(_), Some(server)) if server < servers.len() => {
                self.links.pause(server, begins)
            }
            // It ends when the process has booted.
            (_, Some(server)) if means.stops && server < servers.len() => self.links.set_up(server, false),
            _ if fault.lasts_ns == 0 => self.restored_ns = self.restored_ns.max(at_ns),
            _ => self.others = self.others.saturating_add_signed(if begins { 1 } else { -1 }),
        }
        if !begins {
            // A process remembers the result of a lookup beyond the fault.
            let remembered_ns = if means.stops { 0 } else { means.afterwards_ns };
            self.restored_ns = self.restored_ns.max(at_ns + remembered_ns);
        }
        self.changed(at_ns, (begins && kind == Kind::Cut).then_some(kind), servers, verdict);
    }

    /// A process has started, or has ended.
    pub fn runs(&mut self, at_ns: u64, server: usize, is_up: bool, servers: &[ServerModel], verdict: &mut Verdict) {
        if self.bound.is_none() {
            return;
        }
        self.links.set_up(server, is_up && servers[server].belongs);
        if is_up {
            self.restored_ns = self.restored_ns.max(at_ns);
        }
        self.changed(at_ns, None, servers, verdict);
    }

    /// Is anything judged?
    pub fn judges(&self) -> bool {
        self.bound.is_some()
    }

    /// Another voter set is committed, or in a log.
    pub fn voters_changed(
        &mut self,
        at_ns: u64,
        electorates: Vec<Electorate>,
        servers: &[ServerModel],
        verdict: &mut Verdict,
    ) {
        self.links.set_electorates(electorates);
        self.changed(at_ns, None, servers, verdict);
    }

    /// A client reports something.
    #[inline]
    pub fn client(
        &mut self,
        at_ns: u64,
        client: usize,
        event: AttemptEvent,
        servers: &[ServerModel],
        verdict: &mut Verdict,
    ) {
        let Some(bound) = self.bound else { return };
        self.judge(at_ns, bound, servers, verdict);
        if !matches!(event, AttemptEvent::AppendOk { .. }) {
            return;
        }
        if let Some(promised) = self.promised.as_mut().filter(|promised| promised.clients & 1 << client != 0) {
            promised.outages.success(at_ns, bound.pause_ns);
        }
        if let Some(measured) = &mut self.measured {
            measured.success(at_ns, bound.pause_ns);
        }
    }

    /// All faults have ended: what follows is judged by the bound of the recovery.
    pub fn healed(&mut self, at_ns: u64, servers: &[ServerModel], verdict: &mut Verdict) {
        if let Some(bound) = self.bound.take() {
            self.close(at_ns, bound, servers, verdict);
        }
    }

    /// The network, or which processes run, is another from now on.
    fn changed(&mut self, at_ns: u64, cut: Option<Kind>, servers: &[ServerModel], verdict: &mut Verdict) {
        let Some(bound) = self.bound else { return };
        self.close(at_ns, bound, servers, verdict);
        let could_lead = std::mem::replace(&mut self.may_lead, self.links.may_lead());
        let clients = self.links.clients_of(self.may_lead);
        let is_judged = self.others == 0 && !self.spoiled && clients != 0;
        self.promised = self.links.connected_majority().filter(|_| is_judged).map(|members| {
            let from_ns = at_ns.max(self.restored_ns + if self.restored_ns > 0 { bound.settle_ns } else { 0 });
            Promised { outages: Outages::from(from_ns), members, clients, outlasted: false }
        });
        self.measured = cut.map(|_| Outages::from(at_ns));
        if bound.counts_situations {
            self.count_situations(could_lead, servers, verdict);
        }
    }

    /// What was judged ends.
    fn close(&mut self, at_ns: u64, bound: AvailabilityBound, servers: &[ServerModel], verdict: &mut Verdict) {
        self.judge(at_ns, bound, servers, verdict);
        self.promised = None;
        if let Some(outages) = self.measured.take() {
            let (kind, cause) = (FailoverKind::AppendGap, Kind::Cut.name().to_owned());
            let total_ns = outages.sum_ns(at_ns, bound.pause_ns);
            let ended = outages.present_ns(at_ns, bound.pause_ns) == 0;
            self.done.push(Failover { kind, at_ns: outages.from_ns, cause, total_ns, ended, phases: Vec::new() });
        }
    }

    #[inline]
    fn judge(&mut self, at_ns: u64, bound: AvailabilityBound, servers: &[ServerModel], verdict: &mut Verdict) {
        let Some(promised) = &mut self.promised else { return };
        if at_ns.saturating_sub(promised.outages.from_ns) <= bound.bound_ns {
            return;
        }
        if !std::mem::replace(&mut promised.outlasted, true) && bound.counts_situations {
            verdict.met(Situation::MajorityOutlastedBound);
        }
        let Promised { outages, members, clients, .. } = *promised;
        let lost_ns = outages.sum_ns(at_ns, bound.pause_ns);
        if lost_ns <= bound.bound_ns {
            return;
        }
        self.promised = None;
        verdict.fail(&AvailableWithMajority::CLAIM, || {
            let mut text = format!("nodes {} talk to each other", named(members, |voter| servers[voter].id));
            let _ = write!(text, ", clients {} to all that may lead", numbers(clients));
            let _ = write!(text, ", and nothing has changed since {}", seconds(outages.from_ns));
            let _ = write!(text, "; no append was acknowledged for {} in all", seconds(lost_ns));
            let _ = write!(text, ", at most {} are promised", seconds(bound.bound_ns));
            text
        });
    }

    fn count_situations(&self, could_lead: Set, servers: &[ServerModel], verdict: &mut Verdict) {
        let links = &self.links;
        let leader = links.voters().filter_map(|voter| Some((servers[voter].leads()?, voter))).max();
        if let Some((_, leader)) = leader {
            let one_way = |other: usize| links.is_open(leader, other) != links.is_open(other, leader);
            if links.voters().any(one_way) {
                verdict.met(Situation::LeaderCutOneWay);
            }
            let may_lead = self.may_lead & 1 << leader != 0;
            if !may_lead && links.connected_majority().is_some() {
                verdict.met(Situation::LeaderOutsideMajority);
            }
            if may_lead && links.clients_of(1 << leader) == 0 && links.majority_with_client().is_some() {
                verdict.met(Situation::LeaderBeyondClients);
            }
        }
        if links.has_bridge() {
            verdict.met(Situation::BridgeBetweenSides);
        }
        let three = |bridge: Option<usize>| links.sides(bridge) >= 3;
        if links.voters().count() >= 5 && (three(None) || links.voters().any(|voter| three(Some(voter)))) {
            verdict.met(Situation::SplitThreeWays);
        }
        let epoch = |voter: usize| servers[voter].role.map(|(_, epoch, _)| epoch);
        let highest = links.voters().filter(|voter| could_lead & 1 << voter != 0).filter_map(epoch).max();
        if each(self.may_lead & !could_lead).any(|voter| highest.is_some() && epoch(voter) > highest) {
            verdict.met(Situation::ReturnedWithHigherEpoch);
        }
    }
}

fn numbers(set: Set) -> String {
    each(set).map(|index| index.to_string()).collect::<Vec<_>>().join(", ")
}
