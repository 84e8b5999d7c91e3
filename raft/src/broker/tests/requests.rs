//! What clients are told: duplicates, offsets, epochs, metadata.

use std::rc::Rc;

use super::desk::{Desk, PARTITION, batch, numbered};
use crate::ids::{LeaderEpoch, NodeId};
use crate::io::{CloseReason, Input};
use crate::message::admin::{CreatableTopic, CreateTopicsRequest, UnregisterBrokerRequest, UnregisterBrokerResponse};
use crate::message::data::*;
use crate::message::{
    AdminRequest, AdminResponse, DataRequest, DataResponse, EnvelopeResponse, ErrorCode, Request, Response,
};

#[test]
fn a_retried_batch_gets_its_first_offset_also_from_the_next_leader() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    let send = |desk: &mut Desk, to, sequence, values: &[u64]| {
        let id = desk.produce(to, -1, numbered(5, 0, sequence, values));
        desk.advance(600);
        desk.produced(id)
    };
    assert_eq!(send(&mut desk, 1, 0, &[1, 2]), Some((ErrorCode::None, 0)));
    assert_eq!(send(&mut desk, 1, 2, &[3]), Some((ErrorCode::None, 2)));
    assert_eq!(send(&mut desk, 1, 0, &[1, 2]), Some((ErrorCode::None, 0)), "the answer was lost");
    assert_eq!(send(&mut desk, 1, 4, &[9]), Some((ErrorCode::OutOfOrderSequenceNumber, -1)), "a gap");
    desk.change(2, &[1, 2, 3], &[1, 2, 3]);
    desk.advance(2_000);
    assert_eq!(send(&mut desk, 2, 2, &[3]), Some((ErrorCode::None, 2)), "followers know producers, too");
    assert_eq!(send(&mut desk, 2, 3, &[4]), Some((ErrorCode::None, 3)));
    assert_eq!(desk.values(2), [1, 2, 3, 4]);
    let stale = desk.produce(2, -1, numbered(5, -1, 4, &[5]));
    assert_eq!(desk.produced(stale), Some((ErrorCode::InvalidRecord, -1)));
}

#[test]
fn a_duplicate_waits_until_its_original_is_committed() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    desk.cut(1, 2);
    desk.cut(1, 3);
    let original = desk.produce(1, -1, numbered(5, 0, 0, &[1]));
    let duplicate = desk.produce(1, -1, numbered(5, 0, 0, &[1]));
    assert_eq!((desk.produced(original), desk.produced(duplicate)), (None, None));
    desk.heal();
    desk.advance(32_000);
    assert_eq!(desk.values(1), [1]);
    let after = desk.produce(1, -1, numbered(5, 0, 0, &[1]));
    assert_eq!(desk.produced(after), Some((ErrorCode::None, 0)));
}

#[test]
fn what_a_producer_must_not_send_is_refused() {
    let mut desk = Desk::new();
    desk.advance(1_000);
    let unknown = desk.produce(1, 2, batch(&[1]));
    assert_eq!(desk.produced(unknown), Some((ErrorCode::InvalidRequiredAcks, -1)));
    let elsewhere = Rc::new(batch(&[1]).assigned(crate::ids::Offset(4), LeaderEpoch(0)));
    let id = desk.produce(1, 1, elsewhere);
    assert_eq!(desk.produced(id), Some((ErrorCode::InvalidRecord, -1)));
    let large = desk.produce(1, 1, batch(&vec![7; 60_000]));
    assert_eq!(desk.produced(large), Some((ErrorCode::MessageTooLarge, -1)));
    assert_eq!(desk.values(1), Vec::<u64>::new());
}

#[test]
fn latest_is_not_told_while_a_new_leader_does_not_know_what_is_committed() {
    let latest = |desk: &mut Desk, id: i32| {
        let (partition, current_leader_epoch) = (PARTITION, LeaderEpoch(-1));
        let asked = ListOffsetsPartition { partition, current_leader_epoch, timestamp: -1 };
        let request = ListOffsetsRequest { replica_id: NodeId::NONE, partitions: Rc::from([asked]) };
        let id = desk.ask(id, Request::Data(DataRequest::ListOffsets(request)));
        match desk.answer(id) {
            Some(Response::Data(DataResponse::ListOffsets(response))) => {
                (response.partitions[0].error, response.partitions[0].offset.0)
            }
            other => panic!("{other:?}"),
        }
    };
    let mut desk = Desk::new();
    desk.advance(1_000);
    let id = desk.produce(1, -1, batch(&[1, 2]));
    assert!(desk.produced(id).is_some());
    assert_eq!(latest(&mut desk, 1), (ErrorCode::None, 2));
    // Broker 2 has the records but was not told that they are committed, and nobody follows it yet.
    desk.kill(1);
    desk.change(2, &[2, 3], &[2]);
    assert_eq!(latest(&mut desk, 2), (ErrorCode::OffsetNotAvailable, -1));
    desk.publish(&[3]);
    desk.advance(1_000);
    assert_eq!(latest(&mut desk, 2), (ErrorCode::None, 2));
    assert_eq!(latest(&mut desk, 3), (ErrorCode::NotLeaderOrFollower, -1));
}

#[test]
fn metadata_names_alive_brokers_and_leaders_that_can_be_reached() {
    let mut desk = Desk::new();
    let ask = |desk: &mut Desk| {
        let id = desk.ask(3, Request::Data(DataRequest::Metadata(MetadataRequest { topics: None })));
        match desk.answer(id) {
            Some(Response::Data(DataResponse::Metadata(response))) => {
                let alive: Vec<i32> = response.brokers.iter().map(|broker| broker.node_id.0).collect();
                let partition = &response.topics[0].partitions[0];
                (alive, partition.error, partition.leader_id.0, partition.leader_epoch.0)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&mut desk), (vec![1, 2, 3], ErrorCode::None, 1, 0));
    desk.image.brokers[0].fenced = true;
    assert_eq!(ask(&mut desk), (vec![2, 3], ErrorCode::ListenerNotFound, -1, 0));
    desk.image.brokers.remove(0);
    assert_eq!(ask(&mut desk), (vec![2, 3], ErrorCode::LeaderNotAvailable, -1, 0));
}

#[test]
fn an_admin_request_goes_to_the_controller_in_an_envelope_and_again_if_the_answer_is_lost() {
    let mut desk = Desk::new();
    let unregister = AdminRequest::UnregisterBroker(UnregisterBrokerRequest { broker_id: NodeId(9) });
    let id = desk.ask(2, Request::Admin(unregister.clone()));
    let (from, token, _, request) = desk.envelopes.remove(0);
    assert_eq!((from, &request), (2, &unregister));
    desk.hand(2, Input::Closed { token, reason: CloseReason::Reset });
    desk.advance(60);
    let (_, token, correlation_id, request) = desk.envelopes.remove(0);
    assert_eq!((&request, desk.answer(id)), (&unregister, None), "it may be executed twice");
    let done = AdminResponse::UnregisterBroker(UnregisterBrokerResponse { error: ErrorCode::None });
    let response = EnvelopeResponse { error: ErrorCode::None, response: Some(done.clone()) };
    desk.hand(2, Input::Response { token, correlation_id, response: Response::Envelope(response) });
    assert_eq!(desk.answer(id), Some(Response::Admin(done)));
}

#[test]
fn an_admin_request_without_an_answer_times_out_after_a_minute() {
    let mut desk = Desk::new();
    let topic = CreatableTopic {
        name: "new".into(),
        num_partitions: 1,
        replication_factor: 1,
        assignments: Rc::from([]),
        configs: Rc::from([]),
    };
    let request = CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms: 1_000, validate_only: false };
    let id = desk.ask(2, Request::Admin(AdminRequest::CreateTopics(request)));
    // The network gives up after 30 s, and again; the age counts when it would be sent once more.
    desk.advance(60_000);
    assert_eq!((desk.envelopes.len(), desk.answer(id)), (2, None));
    desk.advance(200);
    match desk.answer(id) {
        Some(Response::Admin(AdminResponse::CreateTopics(response))) => {
            assert_eq!(response.topics[0].error, ErrorCode::RequestTimedOut);
        }
        other => panic!("{other:?}"),
    }
}
