//! Names of servers that are not found, or lead elsewhere.

use raft::ids::Listener;
use raft::message::{DiscoverVersions, MeantFor, Request};
use sim::process::CloseReason;

use super::quorum::{Quorum, node};
use crate::checks::event::Rpc;
use crate::checks::prelude::*;

#[test]
fn failed_connections_count_by_their_reasons() {
    let mut quorum = Quorum::at_work();
    let rpc = Rpc { connection: 1, correlation_id: 1 };
    let discover = |server: usize| {
        let meant_for = MeantFor::node(node(server));
        Request::DiscoverVersions(DiscoverVersions { listener: Listener::Controllers, meant_for })
    };
    let events = [
        Event::ConnectionClosed { reason: CloseReason::Refused },
        Event::ConnectionClosed { reason: CloseReason::Unresolved },
        Event::ConnectionClosed { reason: CloseReason::Unreachable },
        Event::ConnectionClosed { reason: CloseReason::Unreachable },
        Event::RequestReceived { rpc, request: &discover(1) },
        Event::RequestReceived { rpc, request: &discover(2) },
    ];
    for event in events {
        quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event });
    }
    let count = |name: &str| quorum.checks.coverage().find(|(of, _)| *of == name).map(|(_, count)| count);
    assert_eq!(count("lookup_failed"), Some(1));
    assert_eq!(count("booted_without_names"), Some(0), "the other voters have not looked up any");
    assert_eq!(count("host_unreachable"), Some(2));
    assert_eq!(count("connected_to_another_server"), Some(1));
}

#[test]
fn all_voters_may_boot_without_names() {
    let mut quorum = Quorum::of(3);
    let count = |quorum: &Quorum| {
        quorum.checks.coverage().find(|(of, _)| *of == "booted_without_names").map(|(_, count)| count)
    };
    let unresolved = Event::ConnectionClosed { reason: CloseReason::Unresolved };
    let connected = Event::Connected { token: 1, connection: 1 };
    for (server, event, met) in
        [(0, unresolved, 0), (1, connected, 0), (1, unresolved, 0), (2, unresolved, 0), (0, unresolved, 0)]
    {
        quorum.checks.on(Crossing { at_ns: quorum.now, server, event });
        assert_eq!(count(&quorum), Some(met));
    }
    quorum.kill(1);
    quorum.boot(1);
    quorum.checks.on(Crossing { at_ns: quorum.now, server: 1, event: unresolved });
    assert_eq!(count(&quorum), Some(1), "no voter has found another since it booted");
}
