//! Responses to clients: duplicates, offsets, epochs, metadata.

use std::rc::Rc;

use super::harness::{Harness, PARTITION, batch, numbered};
use crate::bugs::Bugs;
use crate::fixes::{Fix, Fixes};
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId};
use crate::io::{CloseReason, Input, Listener};
use crate::message::admin::{CreatableTopic, CreateTopicsRequest, UnregisterBrokerRequest, UnregisterBrokerResponse};
use crate::message::data::*;
use crate::message::{
    AdminRequest, AdminResponse, DataRequest, DataResponse, DiscoverVersions, EnvelopeResponse, ErrorCode, MeantFor,
    Request, Response,
};

#[test]
fn a_retried_batch_gets_its_first_offset_also_from_the_next_leader() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let send = |harness: &mut Harness, to, sequence, values: &[u64]| {
        let id = harness.produce(to, -1, numbered(5, 0, sequence, values));
        harness.advance(600);
        harness.produced(id)
    };
    assert_eq!(send(&mut harness, 1, 0, &[1, 2]), Some((ErrorCode::None, 0)));
    assert_eq!(send(&mut harness, 1, 2, &[3]), Some((ErrorCode::None, 2)));
    assert_eq!(send(&mut harness, 1, 0, &[1, 2]), Some((ErrorCode::None, 0)), "the answer was lost");
    assert_eq!(send(&mut harness, 1, 4, &[9]), Some((ErrorCode::OutOfOrderSequenceNumber, -1)), "a gap");
    harness.change(2, &[1, 2, 3], &[1, 2, 3]);
    harness.advance(2_000);
    assert_eq!(send(&mut harness, 2, 2, &[3]), Some((ErrorCode::None, 2)), "followers know producers, too");
    assert_eq!(send(&mut harness, 2, 3, &[4]), Some((ErrorCode::None, 3)));
    assert_eq!(harness.values(2), [1, 2, 3, 4]);
    let stale = harness.produce(2, -1, numbered(5, -1, 4, &[5]));
    assert_eq!(harness.produced(stale), Some((ErrorCode::InvalidRecord, -1)));
}

#[test]
fn a_duplicate_waits_until_its_original_is_committed() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.cut(1, 2);
    harness.cut(1, 3);
    let original = harness.produce(1, -1, numbered(5, 0, 0, &[1]));
    let duplicate = harness.produce(1, -1, numbered(5, 0, 0, &[1]));
    assert_eq!((harness.produced(original), harness.produced(duplicate)), (None, None));
    harness.heal();
    harness.advance(32_000);
    assert_eq!(harness.values(1), [1]);
    let after = harness.produce(1, -1, numbered(5, 0, 0, &[1]));
    assert_eq!(harness.produced(after), Some((ErrorCode::None, 0)));
}

#[test]
fn what_a_producer_must_not_send_is_refused() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let unknown = harness.produce(1, 2, batch(&[1]));
    assert_eq!(harness.produced(unknown), Some((ErrorCode::InvalidRequiredAcks, -1)));
    let elsewhere = Rc::new(batch(&[1]).assigned(crate::ids::Offset(4), LeaderEpoch(0)));
    let id = harness.produce(1, 1, elsewhere);
    assert_eq!(harness.produced(id), Some((ErrorCode::InvalidRecord, -1)));
    let large = harness.produce(1, 1, batch(&vec![7; 60_000]));
    assert_eq!(harness.produced(large), Some((ErrorCode::MessageTooLarge, -1)));
    assert_eq!(harness.values(1), Vec::<u64>::new());
}

#[test]
fn a_broker_that_has_stopped_does_nothing_more() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.with(1, |data_plane, _, step| data_plane.stop(step));
    harness.kill(3);
    let id = harness.ask(1, Request::Data(DataRequest::Metadata(MetadataRequest { topics: None })));
    harness.advance(60_000);
    assert_eq!(harness.answer(id), None);
    assert_eq!(harness.proposed(), Vec::<Vec<i32>>::new(), "no timer checks the ISR");
}

#[test]
fn latest_is_not_reported_while_a_new_leader_does_not_know_what_is_committed() {
    let latest = |harness: &mut Harness, id: i32| {
        let (partition, current_leader_epoch) = (PARTITION, LeaderEpoch(-1));
        let requested = ListOffsetsPartition { partition, current_leader_epoch, timestamp: -1 };
        let request = ListOffsetsRequest {
            replica_id: NodeId::NONE,
            meant_for: MeantFor::ANY,
            partitions: Rc::from([requested]),
        };
        let id = harness.ask(id, Request::Data(DataRequest::ListOffsets(request)));
        match harness.answer(id) {
            Some(Response::Data(DataResponse::ListOffsets(response))) => {
                (response.partitions[0].error, response.partitions[0].offset.0)
            }
            other => panic!("{other:?}"),
        }
    };
    let mut harness = Harness::new();
    harness.advance(1_000);
    let id = harness.produce(1, -1, batch(&[1, 2]));
    assert!(harness.produced(id).is_some());
    assert_eq!(latest(&mut harness, 1), (ErrorCode::None, 2));
    // Broker 2 has the records but does not know that they are committed, and no broker follows it yet.
    harness.kill(1);
    harness.change(2, &[2, 3], &[2]);
    assert_eq!(latest(&mut harness, 2), (ErrorCode::OffsetNotAvailable, -1));
    harness.publish(&[3]);
    harness.advance(1_000);
    assert_eq!(latest(&mut harness, 2), (ErrorCode::None, 2));
    assert_eq!(latest(&mut harness, 3), (ErrorCode::NotLeaderOrFollower, -1));
}

#[test]
fn metadata_names_alive_brokers_and_leaders_that_can_be_reached() {
    let mut harness = Harness::new();
    let ask = |harness: &mut Harness| {
        let id = harness.ask(3, Request::Data(DataRequest::Metadata(MetadataRequest { topics: None })));
        match harness.answer(id) {
            Some(Response::Data(DataResponse::Metadata(response))) => {
                let alive: Vec<i32> = response.brokers.iter().map(|broker| broker.node_id.0).collect();
                let partition = &response.topics[0].partitions[0];
                (alive, partition.error, partition.leader_id.0, partition.leader_epoch.0)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut harness), (vec![1, 2, 3], ErrorCode::None, 1, 0));
    harness.image.brokers[0].fenced = true;
    assert_eq!(ask(&mut harness), (vec![2, 3], ErrorCode::ListenerNotFound, -1, 0));
    harness.image.brokers.remove(0);
    assert_eq!(ask(&mut harness), (vec![2, 3], ErrorCode::LeaderNotAvailable, -1, 0));
}

#[test]
fn an_admin_request_goes_to_the_controller_in_an_envelope_and_again_if_the_answer_is_lost() {
    let mut harness = Harness::new();
    let unregister = AdminRequest::UnregisterBroker(UnregisterBrokerRequest { broker_id: NodeId(9) });
    let id = harness.ask(2, Request::Admin(unregister.clone()));
    let (from, token, _, request) = harness.envelopes.remove(0);
    assert_eq!((from, &request), (2, &unregister));
    harness.hand(2, Input::Closed { token, reason: CloseReason::Reset });
    harness.advance(60);
    let (_, token, correlation_id, request) = harness.envelopes.remove(0);
    assert_eq!((&request, harness.answer(id)), (&unregister, None), "it may be executed twice");
    let done = AdminResponse::UnregisterBroker(UnregisterBrokerResponse { error: ErrorCode::None });
    let response = EnvelopeResponse { error: ErrorCode::None, response: Some(done.clone()) };
    harness.hand(2, Input::Response { token, correlation_id, response: Response::Envelope(response) });
    assert_eq!(harness.answer(id), Some(Response::Admin(done)));
}

#[test]
fn an_admin_request_without_an_answer_times_out_after_a_minute() {
    let mut harness = Harness::new();
    let topic = CreatableTopic {
        name: "new".into(),
        num_partitions: 1,
        replication_factor: 1,
        assignments: Rc::from([]),
        configs: Rc::from([]),
    };
    let request = CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms: 1_000, validate_only: false };
    let id = harness.ask(2, Request::Admin(AdminRequest::CreateTopics(request)));
    // The network request times out after 30 s, twice; the retry timeout is checked before it is sent again.
    harness.advance(60_000);
    assert_eq!((harness.envelopes.len(), harness.answer(id)), (2, None));
    harness.advance(200);
    match harness.answer(id) {
        Some(Response::Admin(AdminResponse::CreateTopics(response))) => {
            assert_eq!(response.topics[0].error, ErrorCode::RequestTimedOut);
        }
        other => panic!("{other:?}"),
    }
}

/// `DelayedFetch.tryComplete`, case F, for consumers: their end is the high watermark.
#[test]
fn a_consumer_above_the_high_watermark_does_not_wait() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let id = harness.produce(1, -1, batch(&[1, 2]));
    assert!(harness.produced(id).is_some());
    let at_end = harness.poll(1, 2, 500, 1);
    assert_eq!(harness.consumed(at_end), None, "it waits for records");
    // Broker 2 has the records but does not know that they are committed, and no broker follows it yet.
    harness.kill(1);
    harness.change(2, &[2, 3], &[2]);
    assert_eq!(harness.high_watermark(2), 0);
    let above = harness.poll(2, 2, 500, 1);
    assert_eq!(harness.consumed(above), Some((ErrorCode::None, 0, Vec::new())));
}

/// `DelayedFetch.tryComplete`, case F: its fetch offset has the segment of its first read.
#[test]
fn a_fetch_at_the_end_of_a_segment_completes_when_the_log_has_rolled() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    let mut values = 0;
    let mut append = |harness: &mut Harness| {
        values += 1;
        let id = harness.produce(1, 1, batch(&[values]));
        assert!(harness.produced(id).is_some());
        harness.partition(1).log().segment_base(harness.partition(1).log().end_offset())
    };
    let before = append(&mut harness);
    let waiting = loop {
        let waiting = harness.poll(1, harness.high_watermark(1), 500, 10_000);
        assert_eq!(harness.consumed(waiting), None);
        if append(&mut harness) > before {
            break waiting;
        }
        assert_eq!(harness.consumed(waiting), None, "one batch is less than the fetch waits for");
    };
    let (error, _, values) = harness.consumed(waiting).expect("the log has rolled");
    assert_eq!((error, values.len()), (ErrorCode::None, 1));
}

#[test]
fn only_a_new_request_that_names_a_topic_id_is_told_that_the_id_is_unknown() {
    let mut harness = Harness::new();
    harness.advance(1_000);
    harness.cut(1, 2);
    harness.cut(1, 3);
    let waiting = (harness.produce(1, -1, batch(&[1])), harness.poll(1, 0, 5_000, 1));
    harness.delete_topic();
    assert_eq!(harness.produced(waiting.0), Some((ErrorCode::UnknownTopicOrPartition, -1)));
    let fetched = harness.consumed(waiting.1).map(|(error, ..)| error);
    assert_eq!(fetched, Some(ErrorCode::UnknownTopicOrPartition));

    let id = harness.produce(1, -1, batch(&[1]));
    assert_eq!(harness.produced(id), Some((ErrorCode::UnknownTopicId, -1)));
    assert_eq!(harness.consume(1, 0).0, ErrorCode::UnknownTopicId);
    let (partition, current_leader_epoch) = (PARTITION, LeaderEpoch(-1));
    let requested = ListOffsetsPartition { partition, current_leader_epoch, timestamp: -1 };
    let request =
        ListOffsetsRequest { replica_id: NodeId::NONE, meant_for: MeantFor::ANY, partitions: Rc::from([requested]) };
    let id = harness.ask(1, Request::Data(DataRequest::ListOffsets(request)));
    match harness.answer(id) {
        Some(Response::Data(DataResponse::ListOffsets(response))) => {
            assert_eq!(response.partitions[0].error, ErrorCode::UnknownTopicOrPartition);
        }
        other => panic!("{other:?}"),
    }
    let requested = OffsetForLeaderPartition { partition, current_leader_epoch, leader_epoch: LeaderEpoch(0) };
    let request = OffsetForLeaderEpochRequest { replica_id: NodeId::NONE, partitions: Rc::from([requested]) };
    let id = harness.ask(1, Request::Data(DataRequest::OffsetForLeaderEpoch(request)));
    match harness.answer(id) {
        Some(Response::Data(DataResponse::OffsetForLeaderEpoch(response))) => {
            assert_eq!(response.partitions[0].error, ErrorCode::UnknownTopicOrPartition);
        }
        other => panic!("{other:?}"),
    }
}

/// The name of another broker led its sender here.
#[test]
fn a_request_that_is_meant_for_another_broker_is_answered_unless_its_connection_is_refused() {
    let (partition, current_leader_epoch) = (PARTITION, LeaderEpoch(0));
    let versions = |meant_for| Request::DiscoverVersions(DiscoverVersions { listener: Listener::Brokers, meant_for });
    let offsets = |meant_for| {
        let partitions = Rc::from([ListOffsetsPartition { partition, current_leader_epoch, timestamp: -1 }]);
        let request = ListOffsetsRequest { replica_id: NodeId(3), meant_for, partitions };
        Request::Data(DataRequest::ListOffsets(request))
    };
    let fetch = |meant_for| {
        Request::Data(DataRequest::Fetch(DataFetchRequest {
            replica_id: NodeId::NONE,
            replica_epoch: BrokerEpoch::UNKNOWN,
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: 1,
            meant_for,
            partitions: Rc::from([]),
        }))
    };
    for fixes in [Fixes::NONE, Fixes::NONE.with(Fix::RefuseMisroutedConnections)] {
        for meant_for in [MeantFor::ANY, MeantFor::node(NodeId(1)), MeantFor::node(NodeId(2))] {
            let mut harness = Harness::switched(Bugs::NONE, fixes);
            harness.advance(1_000);
            let answered = [versions(meant_for), offsets(meant_for), fetch(meant_for)].map(|request| {
                let id = harness.ask(1, request);
                harness.answer(id).is_some()
            });
            let refused = fixes != Fixes::NONE && !meant_for.admits(NodeId(1));
            assert_eq!(answered, [!refused; 3], "{fixes:?} {meant_for:?}");
        }
    }
}
