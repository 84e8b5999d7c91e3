//! Tests of connections (controller-broker.md §6.10).

use super::brokers::Brokers;
use super::producer_stories::{config, send};
use super::world::{Fate, Kind, World, is_produce};
use crate::client::*;
use crate::ids::NodeId;
use crate::message::Request;

fn world(up: [Option<bool>; 3]) -> World<Producer> {
    let mut brokers = Brokers::new(1);
    brokers.up = up.to_vec();
    World::new(Producer::new(config()).expect("a legal configuration"), brokers)
}

#[test]
fn refused_connects_back_off_exponentially_and_per_node() {
    let mut world = world([Some(false); 3]);
    world.run_for(10_000);
    let times = |node| world.connects.iter().filter(move |(_, to)| *to == NodeId(node)).map(|(at_ms, _)| *at_ms);
    for node in 0..3 {
        let times: Vec<i64> = times(node).collect();
        let gaps: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!((40..=70).contains(&gaps[0]) && (80..=140).contains(&gaps[1]), "{gaps:?}");
        assert!(gaps.last().is_some_and(|gap| (800..=1_100).contains(gap)), "{gaps:?}");
    }
}

#[test]
fn a_connect_into_silence_is_given_up_after_the_setup_timeout() {
    let mut world = world([None, None, None]);
    world.run_for(9_000);
    assert_eq!((world.connects.len(), world.closes.len()), (1, 0), "one connect at a time for metadata");
    world.run_for(3_100);
    assert_eq!((world.connects.len(), world.closes.len()), (2, 1));
}

#[test]
fn a_client_whose_brokers_are_all_gone_goes_back_to_its_bootstrap_servers() {
    let mut world = world([Some(true); 3]);
    send(&mut world, 0, 1);
    world.run_for(100);
    // It knows only broker 0, which then crashes; a bootstrap server that it has dropped is active.
    world.brokers.hidden = vec![NodeId(1), NodeId(2)];
    world.run_for(300_100);
    world.brokers.hidden.clear();
    world.brokers.up[0] = Some(false);
    world.reset(NodeId(0));
    world.brokers.elect(0, 1);
    let before = world.connects.len();
    send(&mut world, 0, 2);
    world.run_for(5_000);
    assert!(world.connects[before..].iter().any(|(_, to)| *to != NodeId(0)), "{:?}", &world.connects[before..]);
    assert_eq!(world.brokers.values(0), [1, 2]);
}

#[test]
fn a_reset_before_the_request_is_done_is_no_different() {
    let mut world = world([Some(true); 3]);
    for _ in 0..3 {
        world.fate(is_produce, Fate::ResetBefore);
    }
    send(&mut world, 0, 1);
    world.run_for(3_000);
    assert_eq!(world.brokers.values(0), [1]);
    assert_eq!(world.count(|event| matches!(event, AttemptEvent::ProduceUnknown { .. })), 3);
}

/// `NetworkClient.handleInitiateApiVersionRequests`
#[test]
fn a_connection_whose_api_versions_is_not_answered_is_never_used() {
    let is_versions: Kind = |request| matches!(request, Request::DiscoverVersions(_));
    let mut brokers = Brokers::new(1);
    brokers.up = vec![Some(true); 3];
    let mut world = World::new(Producer::new(config()).expect("a legal configuration"), brokers);
    world.fate(is_versions, Fate::RequestLost);
    send(&mut world, 0, 1);
    world.run_for(29_000);
    assert_eq!((world.connects.len(), world.closes.len()), (1, 0), "it waits for the connection that it has");
    assert!(world.requests.iter().all(|(_, _, request)| is_versions(request)));
    world.run_for(2_000);
    assert_eq!(world.closes.len(), 1, "`request.timeout.ms`");
    assert_eq!(world.brokers.values(0), [1]);
}
