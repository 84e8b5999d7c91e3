//! Outages while a majority of the controllers talk to each other.

use sim::fault::{Cut, Delay, Fault, Kill, Link, ReplaceDisk, UnresolvedName, What};
use sim::process::Node;
use sim::watch::Phase;

use super::voters;
use crate::actor::AttemptEvent;
use crate::availability_bound::AvailabilityBound;
use crate::checks::availability::Availability;
use crate::checks::prelude::*;
use crate::checks::server_model::ServerModel;
use crate::report::Failover;

/// Of five voters and two clients, which are nodes 5 and 6; times in ns.
const BOUND: AvailabilityBound =
    AvailabilityBound { settle_ns: 100, bound_ns: 1_000, pause_ns: 10, clients: 2, counts_situations: true };

struct Judged {
    availability: Availability,
    servers: Vec<ServerModel>,
    verdict: Verdict,
}

impl Judged {
    /// All run since 0.
    fn new() -> Judged {
        let config = CheckConfig { availability: Some(BOUND), ..voters(5) };
        let servers = config.voters.iter().map(|id| ServerModel::new(*id, true)).collect();
        let mut it = Judged { availability: Availability::new(&config), servers, verdict: Verdict::new(false) };
        for server in 0..5 {
            it.availability.runs(0, server, true, &it.servers, &mut it.verdict);
        }
        it
    }

    fn fault(&mut self, at_ns: u64, what: impl Into<What>, phase: Phase) {
        let fault = Fault::at(at_ns, 1, what);
        self.availability.fault(at_ns, &fault, phase, &self.servers, &mut self.verdict);
    }

    fn cut(&mut self, at_ns: u64, links: &[(u16, u16)]) {
        self.fault(at_ns, cut(links), Phase::Start);
    }

    /// A client's append is acknowledged every 10 ns.
    fn appends(&mut self, client: usize, from_ns: u64, until_ns: u64) {
        for at_ns in (from_ns..until_ns).step_by(10) {
            let event = AttemptEvent::AppendOk { attempt: 1, base_offset: 1 };
            self.availability.client(at_ns, client, event, &self.servers, &mut self.verdict);
        }
    }

    /// What was found until then.
    fn broke(&mut self, at_ns: u64) -> bool {
        let event = AttemptEvent::AppendFailed { attempt: 1 };
        self.availability.client(at_ns, 0, event, &self.servers, &mut self.verdict);
        self.verdict.violation().is_some()
    }
}

fn cut(links: &[(u16, u16)]) -> Cut {
    Cut { links: links.iter().map(|(from, to)| Link(Node(*from), Node(*to))).collect() }
}

/// Nodes 3 and 4 send nothing to the others, which are a majority.
const TWO_ARE_SILENT: &[(u16, u16)] = &[(3, 0), (3, 1), (3, 2), (4, 0), (4, 1), (4, 2)];

#[test]
fn an_outage_longer_than_its_bound_is_found_while_a_majority_talk() {
    let mut quiet = Judged::new();
    quiet.cut(500, TWO_ARE_SILENT);
    assert!(!quiet.broke(1_500));
    assert!(quiet.broke(1_501));
    let violation = quiet.verdict.violation().expect("found");
    assert_eq!(violation.invariant, "AvailableWithMajority");
    assert!(violation.detail.starts_with("nodes 1, 2, 3 talk to each other, clients 0, 1 to all"), "{violation:?}");

    let mut served = Judged::new();
    served.cut(500, TWO_ARE_SILENT);
    served.appends(1, 1_400, 4_000);
    assert!(!served.broke(4_000));
}

/// A quorum that is deposed again and again is never down for long.
#[test]
fn outages_are_added_up_until_something_changes() {
    let outages = |changes: bool| {
        let mut judged = Judged::new();
        judged.cut(500, TWO_ARE_SILENT);
        for round in 1..10 {
            judged.appends(0, 500 + round * 200, 500 + round * 200 + 50);
            if changes && round == 4 {
                judged.cut(500 + round * 200 + 50, &[(4, 3)]);
            }
        }
        judged.broke(2_500)
    };
    assert!(outages(false) && !outages(true));
}

#[test]
fn nothing_is_judged_where_nothing_is_promised() {
    let broke = |change: &dyn Fn(&mut Judged)| {
        let mut judged = Judged::new();
        judged.cut(500, TWO_ARE_SILENT);
        change(&mut judged);
        judged.broke(5_000)
    };
    assert!(broke(&|_| {}));
    assert!(!broke(&|judged| judged.cut(500, &[(0, 1)])), "no majority talks to each other");
    assert!(!broke(&|judged| judged.cut(500, &[(5, 0), (2, 6)])), "no client talks to all that may lead");
    assert!(broke(&|judged| judged.cut(500, &[(5, 0), (6, 4)])), "one does");
    let delay = || Delay { links: cut(&[(0, 1)]).links, extra_ns: 1 };
    assert!(!broke(&|judged| judged.fault(500, delay(), Phase::Start)), "messages are late");
    assert!(broke(&|judged| {
        judged.fault(500, delay(), Phase::Start);
        judged.fault(600, delay(), Phase::End);
    }));
    assert!(!broke(&|judged| judged.fault(500, Kill { node: Node(0), after_effects: None }, Phase::Start)));
    assert!(broke(&|judged| judged.fault(500, Kill { node: Node(0), after_effects: None }, Phase::Skipped)));
    assert!(!broke(&|judged| judged.fault(500, ReplaceDisk { node: Node(3) }, Phase::Start)), "records are destroyed");
    assert!(!broke(&|judged| judged.availability.healed(600, &judged.servers, &mut judged.verdict)));
}

#[test]
fn what_is_given_back_has_time_to_connect() {
    let mut judged = Judged::new();
    judged.cut(500, &[(0, 1), (1, 2), (2, 0), (3, 4), (4, 0)]);
    judged.fault(2_000, cut(&[(0, 1), (1, 2), (2, 0), (3, 4), (4, 0)]), Phase::End);
    assert!(!judged.broke(3_100));
    assert!(judged.broke(3_101));
}

/// A process remembers for 10 s that a name had no address (`networkaddress.cache.negative.ttl`).
#[test]
fn a_name_has_time_to_be_looked_up_again() {
    let mut judged = Judged::new();
    let unresolved = || UnresolvedName { links: cut(&[(0, 1)]).links };
    judged.fault(500, unresolved(), Phase::Start);
    judged.fault(600, unresolved(), Phase::End);
    judged.cut(700, TWO_ARE_SILENT);
    assert!(!judged.broke(10_000_000_000));
    assert!(judged.broke(10_000_010_000));
}

#[test]
fn a_cut_is_measured_whether_it_leaves_a_majority_or_not() {
    let measured = |links: &[(u16, u16)]| -> Vec<(u64, u64, bool)> {
        let mut judged = Judged::new();
        judged.cut(200, links);
        judged.appends(0, 300, 400);
        judged.fault(400, cut(links), Phase::End);
        judged.cut(600, links);
        judged.fault(650, cut(links), Phase::End);
        let of = |it: &Failover| (it.at_ns, it.total_ns, it.ended);
        judged.availability.done.iter().map(of).collect()
    };
    let expected = [(200, 100, true), (600, 50, false)];
    assert_eq!(measured(TWO_ARE_SILENT), expected);
    assert_eq!(measured(&[(0, 1), (1, 2), (2, 0), (3, 4), (4, 0)]), expected);
}

#[test]
fn a_judged_time_is_counted_once() {
    let count = |judged: &Judged| judged.verdict.coverage.count("majority_outlasted_bound");
    let mut judged = Judged::new();
    judged.appends(0, 10, 1_000);
    assert_eq!(count(&judged), Some(0));
    judged.appends(0, 1_000, 3_000);
    assert_eq!(count(&judged), Some(1));
    assert!(!judged.broke(3_000));
}
