//! Brokers come, fall silent, leave, and come back (controller-broker.md §3, §4.5).

use std::rc::Rc;

use super::harness::{Harness, cluster, registration, settings};
use super::{nodes, uuid};
use crate::bugs::Bugs;
use crate::controller::cluster::BrokerHeartbeatManager;
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::settings::ControllerSettings;
use crate::controller::state::{ClusterState, ControllerState};
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, NodeId, Offset, Uuid};
use crate::message::admin::UnregisterBrokerRequest;
use crate::message::cluster::{BrokerRegistrationRequest, ControllerRegistrationRequest};
use crate::message::{AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, ErrorCode, Response};
use crate::metadata::MetadataRecord;
use crate::metadata::records::RegisterBroker;

fn refusal(change: impl FnOnce(&mut BrokerRegistrationRequest)) -> ErrorCode {
    let mut harness = Harness::active();
    harness.join(&[1]);
    let mut request = registration(2, 2, BrokerEpoch::UNKNOWN);
    change(&mut request);
    match harness.ask(cluster(ClusterRequest::BrokerRegistration(request))) {
        Response::Cluster(ClusterResponse::BrokerRegistration(response)) => response.error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn registrations_are_refused_for_what_is_wrong_with_them() {
    assert_eq!(refusal(|_| {}), ErrorCode::None);
    assert_eq!(refusal(|request| request.cluster_id = Rc::from("other")), ErrorCode::InconsistentClusterId);
    assert_eq!(refusal(|request| request.log_dirs = Rc::from([])), ErrorCode::InvalidRegistration);
    assert_eq!(refusal(|request| request.log_dirs = [uuid(5), uuid(5)].into()), ErrorCode::InvalidRegistration);
    let reserved = crate::ids::Uuid::METADATA_TOPIC_ID;
    assert_eq!(refusal(|request| request.log_dirs = [reserved].into()), ErrorCode::InvalidRegistration);
    assert_eq!(refusal(|request| request.log_dirs = [uuid(10_001)].into()), ErrorCode::InvalidRegistration);
    assert_eq!(refusal(|request| request.features = Rc::from([])), ErrorCode::InvalidRegistration);
    let without_elr = |request: &mut BrokerRegistrationRequest| request.features = request.features[..2].into();
    assert_eq!(refusal(without_elr), ErrorCode::UnsupportedVersion, "0..0 does not contain a finalized 1");
    let too_old = |request: &mut BrokerRegistrationRequest| {
        let mut features = request.features.to_vec();
        features[0].max_supported_version = 20;
        request.features = features.into();
    };
    assert_eq!(refusal(too_old), ErrorCode::UnsupportedVersion);
}

#[test]
fn a_restarted_broker_waits_for_its_old_session_and_a_retry_does_not() {
    let mut harness = Harness::active();
    harness.join(&[1]);
    let old = harness.epoch_of(1);
    assert_eq!(harness.register(1, 1, old).broker_epoch, old, "the same process keeps its epoch");
    assert_eq!(harness.register(1, 99, old).error, ErrorCode::DuplicateBrokerRegistration);
    harness.advance(9_000);
    assert_eq!(harness.register(1, 99, old).error, ErrorCode::DuplicateBrokerRegistration, "9 s is not over 9 s");
    harness.advance(1);
    let new = harness.register(1, 99, old);
    assert_eq!(new.error, ErrorCode::None);
    assert!(new.broker_epoch > old);
    let cluster = &harness.latest().cluster;
    assert!(cluster.broker(NodeId(1)).is_some_and(|broker| broker.fenced));
    assert!(cluster.registration_offset(NodeId(1)).is_some_and(|at| at.0 >= new.broker_epoch.0));
}

#[test]
fn a_late_registration_of_a_former_process_takes_over_unless_the_session_begins_with_the_registration() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::SessionSinceRegistration)] {
        let mut harness = Harness::active_with(ControllerSettings { fixes, ..settings() });
        let new = harness.register(1, 2, BrokerEpoch::UNKNOWN).broker_epoch;
        let late = harness.register(1, 1, BrokerEpoch::UNKNOWN).error;
        let heard = harness.heartbeat_request(1, false, false);
        if fixes == Fixes::NONE {
            assert_eq!(late, ErrorCode::None);
            assert!(heard.broker_epoch > new, "the process that lives will be refused for ever");
        } else {
            assert_eq!(late, ErrorCode::DuplicateBrokerRegistration);
            assert_eq!(heard.broker_epoch, new);
            harness.advance(9_000);
            assert_eq!(harness.register(1, 2, BrokerEpoch::UNKNOWN).broker_epoch, new);
            harness.advance(1);
            let next = harness.register(1, 3, new);
            assert_eq!(next.error, ErrorCode::None, "its own late duplicates do not prolong a session");
            harness.advance(9_001);
            assert_eq!(harness.register(1, 3, new).broker_epoch, next.broker_epoch, "the answer was lost");
            assert_eq!(harness.register(1, 2, BrokerEpoch::UNKNOWN).error, ErrorCode::DuplicateBrokerRegistration);
        }
    }
}

#[test]
fn a_broker_is_unfenced_when_it_has_published_its_registration() {
    let mut harness = Harness::active();
    harness.register(1, 1, BrokerEpoch::UNKNOWN);
    let mut request = harness.heartbeat_request(1, false, false);
    request.current_metadata_offset -= 1;
    let response = harness.ask(cluster(ClusterRequest::BrokerHeartbeat(request.clone())));
    let Response::Cluster(ClusterResponse::BrokerHeartbeat(response)) = response else { panic!() };
    assert_eq!((response.is_caught_up, response.is_fenced), (false, true));
    assert!(harness.heartbeat(1, true, false).is_fenced, "caught up, but it does not want to serve");
    assert!(!harness.heartbeat(1, false, false).is_fenced);
    request.broker_epoch.0 -= 1;
    let response = harness.ask(cluster(ClusterRequest::BrokerHeartbeat(request)));
    let Response::Cluster(ClusterResponse::BrokerHeartbeat(response)) = response else { panic!() };
    assert_eq!(response.error, ErrorCode::StaleBrokerEpoch);
}

#[test]
fn a_silent_broker_is_fenced_and_its_leaderships_move() {
    let mut harness = Harness::active();
    harness.join(&[1, 2]);
    harness.create("t", &[&[1, 2]], &[]);
    for _ in 0..6 {
        harness.advance(2_000);
        harness.heartbeat(2, false, false);
    }
    assert!(harness.latest().cluster.broker(NodeId(1)).expect("registered").fenced);
    assert!(!harness.latest().cluster.broker(NodeId(2)).expect("registered").fenced);
    let partition = harness.partition("t", 0);
    assert_eq!((partition.leader, &partition.isr, &partition.elr), (NodeId(2), &nodes(&[2]), &nodes(&[1])));
    let fence = harness.log.written.iter().rposition(|r| matches!(r, MetadataRecord::BrokerRegistrationChange(_)));
    let change = harness.log.written.iter().rposition(|r| matches!(r, MetadataRecord::PartitionChange(_)));
    assert!(change < fence, "partitions move before the fence stands in the log");
    assert!(!harness.heartbeat(1, false, false).is_fenced, "it was only silent");
}

#[test]
fn brokers_that_fall_silent_together_are_fenced_one_by_one() {
    let mut harness = Harness::active();
    harness.join(&[1, 2, 3]);
    harness.create("t", &[&[1, 2, 3]], &[]);
    harness.advance(11_000);
    let partition = harness.partition("t", 0);
    assert_eq!((partition.leader, &partition.isr, &partition.elr), (NodeId::NONE, &nodes(&[]), &nodes(&[2, 3])));
    assert_eq!(partition.last_known_elr, nodes(&[3]));
    assert!(!harness.heartbeat(2, false, false).is_fenced);
    assert_eq!(harness.partition("t", 0).leader, NodeId(2), "unfencing elects from the ELR");
}

#[test]
fn controlled_shutdown_waits_until_the_others_know() {
    let mut harness = Harness::active();
    harness.join(&[1, 2]);
    harness.create("t", &[&[1, 2]], &[]);
    harness.heartbeat(2, false, false);
    let behind = harness.heartbeat_request(2, false, false);
    assert!(!harness.heartbeat(1, false, true).should_shut_down);
    assert_eq!(harness.partition("t", 0).leader, NodeId(2), "it leads nothing any more");
    harness.ask(cluster(ClusterRequest::BrokerHeartbeat(behind)));
    assert!(!harness.heartbeat(1, false, true).should_shut_down, "broker 2 has not heard of it");
    harness.heartbeat(2, false, false);
    let response = harness.heartbeat(1, false, true);
    assert!(response.should_shut_down && response.is_fenced);
    let noted = |record: &&MetadataRecord| matches!(record, MetadataRecord::BrokerRegistrationChange(change) if change.in_controlled_shutdown == 1);
    assert_eq!(harness.log.written.iter().filter(noted).count(), 1);
}

#[test]
fn a_new_controller_gives_fresh_sessions_and_lets_the_leaving_go_at_once() {
    let mut harness = Harness::active();
    harness.join(&[1, 2]);
    harness.create("t", &[&[1, 2]], &[]);
    harness.heartbeat(1, false, true);
    harness.advance(5_000);
    harness.depose(2, true);
    harness.lead(3);
    harness.commit();
    harness.advance(8_900);
    assert!(!harness.latest().cluster.broker(NodeId(2)).expect("registered").fenced, "a full session from the claim");
    assert!(harness.heartbeat(1, false, true).should_shut_down, "it leads nothing, and nobody is waited for");
}

#[test]
fn a_late_heartbeat_has_the_leaving_lead_unless_they_stay_fenced() {
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::StayFencedInShutdown)] {
        let mut harness = Harness::active_with(ControllerSettings { fixes, ..settings() });
        harness.join(&[1]);
        harness.create("t", &[&[1]], &[]);
        let late = harness.heartbeat_request(1, false, false);
        assert!(!harness.heartbeat(1, false, true).should_shut_down, "first its partition is taken");
        assert!(harness.heartbeat(1, false, true).should_shut_down);
        assert_eq!(harness.partition("t", 0).leader, NodeId::NONE);
        harness.ask(cluster(ClusterRequest::BrokerHeartbeat(late)));
        let leader = if fixes == Fixes::NONE { NodeId(1) } else { NodeId::NONE };
        assert_eq!(harness.partition("t", 0).leader, leader);
        assert!(harness.latest().cluster.broker(NodeId(1)).is_some_and(|broker| broker.in_controlled_shutdown));
    }
}

#[test]
fn an_unclean_restart_costs_its_place_in_the_elr_and_a_clean_one_does_not() {
    for clean in [true, false] {
        let mut harness = Harness::active();
        harness.join(&[1, 2]);
        harness.create("t", &[&[1, 2]], &[]);
        // 1 is fenced while 2 lives, and then 2 is as well.
        harness.heartbeat(1, true, false);
        harness.heartbeat(2, true, false);
        assert_eq!(harness.partition("t", 0).elr, nodes(&[1, 2]));
        harness.advance(9_001);
        let epoch = harness.epoch_of(1);
        let marker = if clean { epoch } else { BrokerEpoch::UNKNOWN };
        assert_eq!(harness.register(1, 50, marker).error, ErrorCode::None);
        assert_eq!(harness.partition("t", 0).elr, if clean { nodes(&[1, 2]) } else { nodes(&[2]) });
        harness.heartbeat(1, false, false);
        assert_eq!(harness.partition("t", 0).leader, if clean { NodeId(1) } else { NodeId::NONE });
    }
}

#[test]
fn a_lost_directory_takes_its_replicas_out_of_isrs() {
    let mut harness = Harness::active();
    let mut request = registration(1, 1, BrokerEpoch::UNKNOWN);
    request.log_dirs = [uuid(70), uuid(71)].into();
    harness.ask(cluster(ClusterRequest::BrokerRegistration(request)));
    harness.heartbeat(1, false, false);
    harness.join(&[2]);
    harness.create("t", &[&[2, 1]], &[]);
    let mut request = harness.heartbeat_request(2, false, false);
    request.offline_log_dirs = [uuid(10_002)].into();
    harness.ask(cluster(ClusterRequest::BrokerHeartbeat(request)));
    let partition = harness.partition("t", 0);
    assert_eq!((partition.leader, &partition.isr), (NodeId(1), &nodes(&[1])), "the other's directory is unassigned");
    let dirs =
        |harness: &Harness, id| harness.latest().cluster.broker(NodeId(id)).expect("registered").log_dirs.clone();
    assert_eq!(&*dirs(&harness, 2), [uuid(10_002)], "the loss of the last directory is never recorded");
    let mut request = harness.heartbeat_request(1, false, false);
    request.offline_log_dirs = [uuid(71)].into();
    harness.ask(cluster(ClusterRequest::BrokerHeartbeat(request)));
    assert_eq!(&*dirs(&harness, 1), [uuid(70)]);
}

/// `handleDirectoriesCordoned`: the first list of a registration is always a change.
#[test]
fn a_broker_that_has_caught_up_names_its_cordoned_directories_once() {
    let mut harness = Harness::active();
    harness.join(&[1]);
    let names = |harness: &mut Harness, cordoned: Option<&[u128]>| {
        let before = harness.log.written.len();
        let mut request = harness.heartbeat_request(1, false, false);
        request.cordoned_log_dirs = cordoned.map(|dirs| dirs.iter().map(|dir| uuid(*dir)).collect());
        harness.ask(cluster(ClusterRequest::BrokerHeartbeat(request)));
        let named = |record: &MetadataRecord| match record {
            MetadataRecord::BrokerRegistrationChange(change) => change.cordoned_log_dirs.as_ref().map(|it| it.len()),
            _ => None,
        };
        harness.log.written[before..].iter().map(named).collect::<Vec<_>>()
    };
    assert_eq!(names(&mut harness, None), [], "not yet known");
    assert_eq!(names(&mut harness, Some(&[])), [Some(0)]);
    assert_eq!(names(&mut harness, Some(&[])), []);
    assert_eq!(names(&mut harness, Some(&[10_001])), [Some(1)]);
    assert_eq!(names(&mut harness, Some(&[10_001])), []);
    harness.advance(9_001);
    harness.register(1, 50, BrokerEpoch::UNKNOWN);
    assert_eq!(names(&mut harness, None), [None], "it is unfenced");
    assert_eq!(names(&mut harness, Some(&[])), [Some(0)], "a new registration");
}

#[test]
fn an_unregistered_broker_is_gone_and_controllers_register() {
    let mut harness = Harness::active();
    harness.join(&[1, 2]);
    harness.create("t", &[&[1, 2]], &[]);
    let unregister = |id| {
        let request = UnregisterBrokerRequest { broker_id: NodeId(id) };
        ControllerRequest::Admin(AdminRequest::UnregisterBroker(request))
    };
    let error = |response| match response {
        Response::Admin(AdminResponse::UnregisterBroker(response)) => response.error,
        other => panic!("{other:?}"),
    };
    assert_eq!(error(harness.ask(unregister(1))), ErrorCode::None);
    assert_eq!(harness.partition("t", 0).leader, NodeId(2));
    assert_eq!(error(harness.ask(unregister(1))), ErrorCode::BrokerIdNotRegistered);
    let request = ControllerRegistrationRequest {
        controller_id: NodeId(3001),
        incarnation_id: uuid(1),
        listeners: Rc::from([]),
        features: Rc::from([]),
    };
    harness.ask(cluster(ClusterRequest::ControllerRegistration(request)));
    assert!(harness.controller.stable().cluster.controller(NodeId(3001)).is_some());
}

/// The order was printed by a `ConcurrentHashMap` of Kafka's `BrokerIdAndEpoch`.
#[test]
fn of_several_expired_sessions_the_first_in_kafkas_hash_map_is_removed() {
    let removed = |keys: &[(i32, i64)]| {
        let mut manager = BrokerHeartbeatManager::activate(10, &ClusterState::default(), Bugs::NONE, 0);
        for (id, epoch) in keys {
            manager.contact(NodeId(*id), BrokerEpoch(*epoch), 1);
        }
        // A later contact leaves the entry where it is.
        manager.contact(NodeId(keys[0].0), BrokerEpoch(keys[0].1), 2);
        let keys = std::iter::from_fn(|| manager.remove_expired(100));
        keys.map(|(id, epoch)| (id.0, epoch.0)).collect::<Vec<_>>()
    };
    let one_slot = [(102, 5), (101, 4), (101, 36), (103, 9), (101, 20)];
    assert_eq!(removed(&one_slot), [(103, 9), (102, 5), (101, 4), (101, 36), (101, 20)]);
    assert_eq!(removed(&[(5, 5_000_000_123), (6, 70_000), (1, -1)]), [(5, 5_000_000_123), (6, 70_000), (1, -1)]);
    let of = |count: i32| (1..=count).map(|id| (id, i64::from(7 * id))).collect::<Vec<_>>();
    let ids = |count: i32| removed(&of(count)).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(11), [8, 3, 11, 6, 1, 9, 4, 7, 2, 10, 5]);
    assert_eq!(ids(12), [11, 6, 1, 12, 7, 2, 8, 3, 9, 4, 10, 5], "the table has grown");
}

/// The order was printed by a `TimelineHashMap`.
#[test]
fn registrations_are_in_the_order_of_kafkas_table() {
    let mut state = ControllerState::default();
    let mut offset = 0;
    let mut register = |state: &mut ControllerState, broker: i32| {
        offset += 1;
        let record = MetadataRecord::RegisterBroker(RegisterBroker {
            broker_id: NodeId(broker),
            is_migrating_zk_broker: false,
            incarnation_id: Uuid([1; 16]),
            broker_epoch: BrokerEpoch(offset),
            end_points: Rc::from([]),
            features: Rc::from([]),
            rack: None,
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Rc::from([]),
            cordoned_log_dirs: None,
        });
        state.replay(&record, Offset(offset), (Bugs::NONE, Fixes::NONE)).expect("it fits");
        state.cluster.in_table_order().into_iter().map(|id| id.0).collect::<Vec<_>>()
    };
    assert_eq!(register(&mut state, 103), [103]);
    assert_eq!(register(&mut state, 101), [101, 103]);
    assert_eq!(register(&mut state, 102), [102, 101, 103]);
    assert_eq!(register(&mut state, 104), [102, 104, 101, 103]);
    register(&mut state, 105);
    assert_eq!(register(&mut state, 106), [102, 104, 101, 106, 103, 105]);
    assert_eq!(register(&mut state, 103), [102, 104, 101, 106, 103, 105], "again");
}
