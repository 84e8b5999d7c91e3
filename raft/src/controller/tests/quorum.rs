//! Claim, activation, commit, renounce: what is answered when (controller-broker.md §2).

use std::rc::Rc;

use super::harness::{Harness, cluster, registration, settings};
use crate::controller::metadata_log::{CommittedBatch, RaftEvent};
use crate::controller::quorum_controller::ControllerRequest;
use crate::controller::settings::{ControllerSettings, ELR_VERSION, Feature, METADATA_VERSION, level};
use crate::ids::{BrokerEpoch, NodeId, Offset};
use crate::message::admin::{CreatableTopic, CreateTopicsRequest};
use crate::message::{
    AdminRequest, AdminResponse, ClusterRequest, ClusterResponse, ErrorCode, FeatureUpdate, Response,
    UpdateFeaturesRequest,
};
use crate::metadata::MetadataRecord;
use crate::metadata::image::KRAFT_VERSION;
use crate::metadata::records::BeginTransaction;
use crate::quorum::accumulator::AppendError;

fn create(name: &str, timeout_ms: i32) -> AdminRequest {
    let topic = CreatableTopic {
        name: Rc::from(name),
        num_partitions: 1,
        replication_factor: 1,
        assignments: Rc::from([]),
        configs: Rc::from([]),
    };
    AdminRequest::CreateTopics(CreateTopicsRequest { topics: Rc::from([topic]), timeout_ms, validate_only: false })
}

fn created(answer: Option<Response>) -> Option<ErrorCode> {
    match answer? {
        Response::Admin(AdminResponse::CreateTopics(response)) => Some(response.topics[0].error),
        other => panic!("{other:?}"),
    }
}

fn names(records: &[MetadataRecord]) -> Vec<&'static str> {
    records.iter().map(MetadataRecord::name).collect()
}

#[test]
fn the_first_controller_writes_what_was_formatted_in_one_transaction() {
    let mut harness = Harness::new(settings());
    harness.lead(1);
    assert_eq!(
        names(&harness.log.written),
        ["BeginTransactionRecord", "FeatureLevelRecord", "FeatureLevelRecord", "ConfigRecord", "EndTransactionRecord"]
    );
    assert_eq!(harness.controller.stable().features.known_metadata_version(), None);
    harness.commit();
    assert_eq!(harness.controller.stable().features.known_metadata_version(), Some(level::LATEST));
    assert_eq!(Some(harness.controller.stable()), harness.controller.latest());
    harness.depose(2, true);
    harness.lead(3);
    assert!(harness.log.pending.is_empty(), "the log has it already");
}

#[test]
fn before_transactions_bootstrap_is_one_batch() {
    let bootstrap = Rc::from([Feature { name: METADATA_VERSION.into(), level: level::TRANSACTIONS - 1 }]);
    let mut harness = Harness::new(ControllerSettings { bootstrap, ..settings() });
    harness.lead(1);
    assert_eq!(names(&harness.log.written), ["FeatureLevelRecord"]);
}

#[test]
fn a_transaction_left_open_is_aborted_and_until_then_nothing_of_it_is_stable() {
    let mut harness = Harness::new(settings());
    let begin = MetadataRecord::BeginTransaction(BeginTransaction { name: None });
    let feature = |name: &str, feature_level| {
        let record = crate::metadata::records::FeatureLevel { name: Rc::from(name), feature_level };
        MetadataRecord::FeatureLevel(record)
    };
    let records = vec![begin, feature(METADATA_VERSION, level::LATEST), feature(ELR_VERSION, 1)];
    let batch = CommittedBatch { base_offset: Offset(0), last_offset: Offset(2), control: false, records };
    harness.log.end = 3;
    harness.tell(RaftEvent::Commit { batches: vec![batch], ordinal: 0 });
    assert_eq!(
        (harness.controller.last_committed_offset(), harness.controller.last_stable_offset()),
        (Offset(2), Offset(-1))
    );
    assert_eq!(harness.controller.stable().features.known_metadata_version(), None);
    harness.lead(1);
    let written = names(&harness.log.written);
    assert_eq!(written[..3], ["AbortTransactionRecord", "BeginTransactionRecord", "FeatureLevelRecord"]);
    harness.commit();
    assert_eq!(harness.controller.stable().features.known_metadata_version(), Some(level::LATEST));
    assert_eq!(harness.controller.last_stable_offset(), harness.controller.last_committed_offset());
}

#[test]
fn answers_wait_for_the_commit_and_reads_of_the_latest_state_do_too() {
    let mut harness = Harness::active();
    harness.join(&[1]);
    let first = harness.send(ControllerRequest::Admin(create("t", 9_999)));
    let again = harness.send(ControllerRequest::Admin(create("t", 9_999)));
    assert_eq!((harness.answer(first), harness.answer(again)), (None, None));
    harness.commit();
    assert_eq!(created(harness.answer(first)), Some(ErrorCode::None));
    assert_eq!(created(harness.answer(again)), Some(ErrorCode::TopicAlreadyExists), "it waited with the first");
    let alone = harness.send(ControllerRequest::Admin(create("t", 9_999)));
    assert_eq!(created(harness.answer(alone)), Some(ErrorCode::TopicAlreadyExists), "nothing to wait for");
}

#[test]
fn who_waits_at_a_renounce_learns_nothing_of_the_outcome() {
    for keep in [true, false] {
        let mut harness = Harness::active();
        harness.join(&[1]);
        let id = harness.send(ControllerRequest::Envelope(create("t", 9_999)));
        harness.depose(2, keep);
        match harness.answer(id) {
            Some(Response::Envelope(response)) => {
                assert_eq!((response.error, response.response), (ErrorCode::NotController, None));
            }
            other => panic!("{other:?}"),
        }
        assert!(harness.controller.latest().is_none());
        assert_eq!(harness.controller.leader(), Some(NodeId(3001)));
        if keep {
            harness.commit();
        }
        assert_eq!(harness.controller.stable().topics.id_of("t").is_some(), keep, "it may yet be committed");
        let id = harness.send(ControllerRequest::Admin(create("u", 9_999)));
        assert_eq!(created(harness.answer(id)), Some(ErrorCode::NotController));
    }
}

#[test]
fn appends_that_raft_refuses_end_the_claim() {
    for (error, code) in [
        (AppendError::NotLeader, ErrorCode::NotController),
        (AppendError::TooManyBatches, ErrorCode::UnknownServerError),
    ] {
        let mut harness = Harness::active();
        harness.join(&[1]);
        let before = harness.controller.stable().clone();
        harness.log.fails_with = Some(error);
        let id = harness.send(ControllerRequest::Admin(create("t", 9_999)));
        assert_eq!(created(harness.answer(id)), Some(code));
        assert!(harness.controller.claimed().is_none() && harness.log.resigned);
        assert_eq!(harness.controller.stable(), &before);
    }
}

/// Raft knows first that it does not lead any more.
#[test]
fn an_upgrade_that_raft_refuses_to_a_former_leader_ends_the_claim() {
    let mut harness = Harness::active();
    harness.log.epoch = None;
    let update = FeatureUpdate { feature: KRAFT_VERSION.into(), max_version_level: 1 };
    let request = UpdateFeaturesRequest { timeout_ms: 1_000, feature_updates: [update].into(), validate_only: false };
    let id = harness.send(ControllerRequest::Envelope(AdminRequest::UpdateFeatures(request)));
    match harness.answer(id) {
        Some(Response::Envelope(response)) => {
            assert_eq!((response.error, response.response), (ErrorCode::NotController, None));
        }
        other => panic!("{other:?}"),
    }
    assert!(harness.controller.claimed().is_none());
}

/// The quorum has another leader by the time that the records are replayed.
#[test]
fn a_prepared_append_that_cannot_be_scheduled_ends_the_claim() {
    let mut harness = Harness::active();
    harness.join(&[1]);
    let before = harness.controller.stable().clone();
    harness.log.refuses = true;
    let id = harness.send(ControllerRequest::Admin(create("t", 9_999)));
    assert_eq!(created(harness.answer(id)), Some(ErrorCode::NotController));
    assert!(harness.controller.claimed().is_none() && harness.log.resigned);
    assert_eq!(harness.controller.stable(), &before);
}

#[test]
fn the_heartbeat_of_a_standby_is_refused_at_once_and_one_that_waited_too_long_keeps_its_session() {
    let mut harness = Harness::active();
    harness.join(&[1]);
    harness.advance(8_000);
    let id = harness.queue(cluster(ClusterRequest::BrokerHeartbeat(harness.heartbeat_request(1, false, false))));
    harness.now_ns += 1_001_000_000;
    harness.run();
    match harness.answer(id) {
        Some(Response::Cluster(ClusterResponse::BrokerHeartbeat(response))) => {
            assert_eq!(response.error, ErrorCode::RequestTimedOut);
        }
        other => panic!("{other:?}"),
    }
    harness.advance(5_000);
    assert!(!harness.latest().cluster.broker(NodeId(1)).expect("registered").fenced);
    let request = cluster(ClusterRequest::BrokerHeartbeat(harness.heartbeat_request(1, false, false)));
    harness.depose(2, true);
    let id = harness.queue(request);
    assert!(harness.answer(id).is_some(), "before any step of the queue's thread");
}

#[test]
fn one_event_is_one_step_and_queued_requests_keep_their_order() {
    let mut harness = Harness::active();
    let steps = harness.steps;
    let request = |id| cluster(ClusterRequest::BrokerRegistration(registration(id, 1, BrokerEpoch::UNKNOWN)));
    for id in [3, 1, 2] {
        harness.queue(request(id));
    }
    harness.run();
    assert_eq!(harness.steps - steps, 3);
    let epochs = [3, 1, 2].map(|id| harness.epoch_of(id));
    assert!(epochs.is_sorted(), "{epochs:?}");
}

#[test]
fn no_op_records_are_written_while_active_and_only_then() {
    let mut harness = Harness::active();
    let count = |harness: &Harness| names(&harness.log.written).iter().filter(|name| **name == "NoOpRecord").count();
    // Two tasks of one instant: the later moves by a nanosecond, and stays there.
    harness.advance(5_001);
    assert_eq!(count(&harness), 10);
    harness.depose(2, true);
    harness.advance(5_000);
    assert_eq!(count(&harness), 10);
    harness.lead(3);
    harness.advance(1_001);
    assert_eq!(count(&harness), 12);
}

/// `QuorumController.appendRecords`: a result of n × 10,000 records that need not be atomic ends with an append of none,
/// which raft refuses. The records are written.
#[test]
fn ten_thousand_records_at_once_make_the_controller_renounce() {
    for (partitions, resigns) in [(9_999, true), (9_998, false)] {
        let mut harness = Harness::active();
        harness.join(&[1]);
        harness.create("t", &vec![&[1][..]; 5_000], &[]);
        harness.create("u", &vec![&[1][..]; partitions - 5_000], &[]);
        let before = harness.log.end;
        harness.advance(12_000);
        assert_eq!(harness.log.resigned, resigns, "{partitions} partitions lose their leader, and a broker is fenced");
        assert!(harness.log.end > before + partitions as i64, "all are written");
    }
}
