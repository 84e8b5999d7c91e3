//! A connection that drops every packet, while both of its hosts live and nobody tells them: Kafka's request timeouts
//! end it, and a new one takes its place.

use std::ops::Range;

use scenarios::catalog;
use scenarios::cluster::Explicit;
use scenarios::report::RunOutcome;
use scenarios::run::{Host, Request};
use scenarios::trace::{Line, Stage, Trace, What};
use sim::fault::{BlackHole, Fault, Link, Plan};
use sim::process::Node;
use sim::watch::Phase;

const SECOND_NS: u64 = 1_000_000_000;
const CONTROLLERS: Range<u16> = 0..3;
const BROKERS: Range<u16> = 3..6;
const PRODUCERS: Range<u16> = 7..9;

/// The lines of `calm` with these faults.
fn lines(plan: Vec<Fault>) -> Vec<Line> {
    let scenario = catalog::find("calm").expect("built in").scenario().expect("good");
    let (until_ns, explicit) = (Some(50 * SECOND_NS), Explicit::plan(Plan(plan)));
    let request = Request { host: Host::Bare, until_ns, explicit, ..Request::new(&scenario, 1) };
    let (report, trace) = Trace::of(&request).expect("it runs");
    assert!(!matches!(report.outcome, RunOutcome::Violated(_)), "{:?}", report.outcome);
    trace.lines
}

/// Who opens a connection to whom, from a time on.
fn opened(lines: &[Line], from_ns: u64) -> impl Iterator<Item = (u64, Node, Node)> {
    lines.iter().filter(move |line| line.at_ns >= from_ns).filter_map(|line| match (&line.what, line.node) {
        (What::Connecting(to), Some(node)) => Some((line.at_ns, node, *to)),
        _ => None,
    })
}

/// The time from the first message that a black hole at 10 s drops until the opener of the connection opens another
/// to the same server, ms.
fn noticed_after_ms(openers: Range<u16>, servers: Range<u16>) -> u64 {
    let pairs = openers.flat_map(|from| servers.clone().map(move |to| Link(Node(from), Node(to))));
    let links: Vec<Link> = pairs.filter(|link| link.0 != link.1).collect();
    let at_ns = 10 * SECOND_NS;
    for rank in 0..12 {
        let lines = lines(vec![Fault::at(at_ns, 40 * SECOND_NS, BlackHole { links: links.clone(), rank })]);
        assert!(
            lines.iter().any(|line| matches!(line.what, What::Fault(_, Phase::Start))),
            "rank {rank}: none is open"
        );
        let dropped = lines.iter().find_map(|line| match line.what {
            What::Message(Stage::Blocked, way, _) if line.at_ns >= at_ns => Some((line.at_ns, way)),
            _ => None,
        });
        // Some are idle.
        let Some((since_ns, way)) = dropped else { continue };
        let (opener, server) = if way.is_request { (way.from, way.to) } else { (way.to, way.from) };
        assert!(links.contains(&Link(opener, server)));
        let another = opened(&lines, since_ns).find(|(_, node, to)| (*node, *to) == (opener, server));
        let (again_ns, ..) = another.unwrap_or_else(|| panic!("rank {rank}: {opener:?} never notices"));
        let passes = |line: &&Line| {
            let What::Message(Stage::Received, other, _) = line.what else { return false };
            (other.from, other.to) == (server, opener) && !other.is_request && other.connection != way.connection
        };
        assert!(lines.iter().filter(|line| line.at_ns > again_ns).any(|line| passes(&line)), "rank {rank}: no answer");
        return (again_ns - since_ns) / 1_000_000;
    }
    panic!("all are idle");
}

#[test]
fn request_timeouts_end_a_black_holed_connection() {
    let lines = lines(vec![]);
    // A broker opens one to a broker of whose partitions it fetches none for a while.
    // The channel for forwarded requests connects when an admin client first asks this broker.
    for broker in BROKERS {
        let to_controller = |(_, node, to): &(u64, Node, Node)| node.0 == broker && CONTROLLERS.contains(&to.0);
        let count = opened(&lines, 10 * SECOND_NS).filter(to_controller).count();
        assert!(count <= 1, "without a fault broker {broker} needs {count} more connections to a controller");
    }
    let noticed = |openers: Range<u16>, servers: Range<u16>, in_time: fn(u64) -> bool| {
        let after_ms = noticed_after_ms(openers.clone(), servers.clone());
        assert!(in_time(after_ms), "{openers:?} to {servers:?}: after {after_ms} ms");
    };
    // controller.quorum.request.timeout.ms is 2 s, of which a fetch has waited up to 500 ms for its answer.
    noticed(CONTROLLERS, CONTROLLERS, |ms| matches!(ms, 1_400..2_100));
    // The same of their fetches; the channel of heartbeats gives up, and tries again, by
    // broker.heartbeat.interval.ms, 2 s; that of forwarded requests by request.timeout.ms, 30 s.
    noticed(BROKERS, CONTROLLERS, |ms| matches!(ms, 1_400..4_600 | 29_900..30_200));
    // replica.socket.timeout.ms is 30 s, and a fetcher that fails waits for replica.fetch.backoff.ms.
    noticed(BROKERS, BROKERS, |ms| matches!(ms, 29_400..31_100));
    // request.timeout.ms
    noticed(PRODUCERS, BROKERS, |ms| matches!(ms, 29_900..30_200));
}
