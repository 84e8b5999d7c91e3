//! Tests of an admin client (controller-broker.md §5.7).

use std::rc::Rc;

use super::brokers::{Brokers, creatable};
use super::world::{Fate, World};
use crate::client::AttemptEvent as Event;
use crate::client::*;
use crate::ids::NodeId;
use crate::message::admin::*;
use crate::message::{AdminRequest, AdminResponse, ErrorCode, Request, Response};

fn world() -> World<AdminClient> {
    let client = ClientConfig::new(Rc::from([NodeId(2)]), Rc::from([]));
    let mut world = World::new(AdminClient::new(AdminConfig::new(client)), Brokers::new(1));
    world.run_for(50);
    world
}

fn create(name: &str) -> AdminOperation {
    let assignments = Rc::from([]);
    let configs = Rc::from([]);
    let topic = CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 3, assignments, configs };
    let request = CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms: 0, validate_only: false };
    AdminOperation { operation: 7, request: AdminRequest::CreateTopics(request) }
}

fn is_admin(request: &Request) -> bool {
    matches!(request, Request::Admin(_))
}

fn requested(world: &World<AdminClient>) -> Vec<(i64, NodeId)> {
    world.requests.iter().filter(|(_, _, request)| is_admin(request)).map(|(at_ms, to, _)| (*at_ms, *to)).collect()
}

fn result(world: &World<AdminClient>, attempt: u32) -> Option<(ErrorCode, Outcome)> {
    world.observed().find_map(|event| match event {
        Event::AdminResult { attempt: of, error, outcome, index: 0 } if of == attempt => Some((error, outcome)),
        _ => None,
    })
}

#[test]
fn not_controller_makes_it_ask_whom_metadata_names_next() {
    let mut world = world();
    let reported = creatable(&"a".into(), ErrorCode::NotController);
    let refused = AdminResponse::CreateTopics(CreateTopicsResponse { topics: Rc::from([reported]) });
    world.fate(is_admin, Fate::Instead(Response::Admin(refused)));
    world.operate(create("a"));
    world.run_for(2);
    world.brokers.controller = NodeId(1);
    world.run_for(1_000);
    let requested = requested(&world);
    assert_eq!((requested[0].1, requested[1].1, requested.len()), (NodeId(0), NodeId(1), 2));
    assert!(requested[1].0 - requested[0].0 >= 80, "after retry.backoff.ms");
    assert_eq!(result(&world, 1), Some((ErrorCode::NotController, Outcome::Unknown)));
    assert_eq!(result(&world, 2), Some((ErrorCode::None, Outcome::Done)));
    let done = Event::OperationDone { operation: 7, error: ErrorCode::None };
    assert!(world.observed().any(|event| event == done));
}

#[test]
fn a_lost_answer_makes_the_second_attempt_find_what_the_first_did() {
    let mut world = world();
    world.fate(is_admin, Fate::ResetAfter);
    world.operate(create("a"));
    world.run_for(1_000);
    assert!(world.observed().any(|event| event == Event::AdminUnknown { attempt: 1 }));
    assert_eq!(result(&world, 2), Some((ErrorCode::TopicAlreadyExists, Outcome::Failed)));
    assert_eq!(world.client.outstanding(), 0);
}

#[test]
fn it_gives_up_after_default_api_timeout() {
    let mut world = world();
    for _ in 0..5 {
        world.fate(is_admin, Fate::RequestLost);
    }
    world.operate(create("a"));
    world.run_for(70_000);
    let (at_ms, end) = *world.events.last().expect("it has ended");
    assert_eq!(end, Event::OperationDone { operation: 7, error: ErrorCode::RequestTimedOut });
    assert!((61_050..61_060).contains(&at_ms), "after 60 s, not at {at_ms}");
    assert_eq!(requested(&world).len(), 2, "30 s each; the second has what is left");
}

#[test]
fn a_broker_s_configs_are_requested_from_that_broker() {
    let mut world = world();
    let resource = DescribeConfigsResource { resource_type: 4, resource_name: "1".into() };
    let request = DescribeConfigsRequest { resources: Rc::from([resource]) };
    world.operate(AdminOperation { operation: 1, request: AdminRequest::DescribeConfigs(request) });
    world.run_for(100);
    assert_eq!(requested(&world).iter().map(|(_, node)| *node).collect::<Vec<_>>(), [NodeId(1)]);
    let (name_hash, value_hash) = (text_hash("a"), text_hash("1"));
    let config = Event::AdminConfig { attempt: 1, index: 0, name_hash, value_hash };
    assert!(world.observed().any(|event| event == config));
}

#[test]
fn a_dead_controller_is_replaced_by_a_fresh_look() {
    let mut world = world();
    world.brokers.up[0] = Some(false);
    world.reset(NodeId(0));
    world.run_for(5);
    world.brokers.controller = NodeId(2);
    world.operate(create("a"));
    world.run_for(2_000);
    assert_eq!(requested(&world).last().map(|(_, node)| *node), Some(NodeId(2)));
    assert_eq!(world.client.outstanding(), 0);
}
