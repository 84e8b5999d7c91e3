//! Admin clients' stories.

use raft::client::{AttemptEvent, Outcome, text_hash};
use raft::message::admin::*;
use raft::metadata::records::{Config, PartitionChange, UnregisterBroker};

use super::*;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;
/// A second topic.
const U: Uuid = Uuid([3; 16]);

pub(super) fn delete(name: &str) -> AdminRequest {
    let topic = DeleteTopicState { name: Some(name.into()), topic_id: Uuid::ZERO };
    AdminRequest::DeleteTopics(DeleteTopicsRequest { topics: Rc::from([topic]), timeout_ms: 1_000 })
}

fn grow(name: &str, count: i32) -> AdminRequest {
    let topic = CreatePartitionsTopic { name: name.into(), count, assignments: Rc::from([]) };
    let (topics, timeout_ms, validate_only) = (Rc::from([topic]), 1_000, false);
    AdminRequest::CreatePartitions(CreatePartitionsRequest { topics, timeout_ms, validate_only })
}

pub(super) fn alter(name: &str, config_operation: i8, value: Option<&str>) -> AdminRequest {
    let config = AlterableConfig { name: name.into(), config_operation, value: value.map(Rc::from) };
    let (resource_type, resource_name) = (2, "t".into());
    let resource = AlterConfigsResource { resource_type, resource_name, configs: Rc::from([config]) };
    let (resources, validate_only) = (Rc::from([resource]), false);
    AdminRequest::IncrementalAlterConfigs(IncrementalAlterConfigsRequest { resources, validate_only })
}

pub(super) fn describe() -> AdminRequest {
    let resource = DescribeConfigsResource { resource_type: 2, resource_name: "t".into() };
    AdminRequest::DescribeConfigs(DescribeConfigsRequest { resources: Rc::from([resource]) })
}

pub(super) fn config(name: &str, value: Option<&str>) -> Step {
    let (resource_type, resource_name) = (2, "t".into());
    let value = value.map(Rc::from);
    Step::Metadata(MetadataRecord::Config(Config { resource_type, resource_name, name: name.into(), value }))
}

/// Operation and attempt `number` of a client is sent.
pub(super) fn asks(client: usize, number: u32, request: AdminRequest) -> Vec<Step> {
    let api_key = request.api_key();
    vec![Step::Operation(request), calls(client, number, api_key)]
}

/// It is answered.
pub(super) fn reported(client: usize, number: u32, error: ErrorCode, outcome: Outcome) -> Vec<Step> {
    vec![result(client, number, error, outcome), answered(client, number)]
}

fn done(client: usize, number: u32) -> Vec<Step> {
    reported(client, number, ErrorCode::None, Outcome::Done)
}

fn failed(client: usize, number: u32, error: ErrorCode) -> Vec<Step> {
    reported(client, number, error, Outcome::Failed)
}

fn topic_id(client: usize, attempt: u32, topic_id: Uuid) -> Vec<Step> {
    vec![Step::Client(client, AttemptEvent::AdminTopicId { attempt, index: 0, topic_id })]
}

pub(super) fn described(client: usize, attempt: u32, configs: &[(&str, &str)]) -> Vec<Step> {
    let event = |(name, value): &(&str, &str)| {
        let (name_hash, value_hash) = (text_hash(name), text_hash(value));
        Step::Client(client, AttemptEvent::AdminConfig { attempt, index: 0, name_hash, value_hash })
    };
    let configs: Vec<Step> = configs.iter().map(event).collect();
    [configs, done(client, attempt)].concat()
}

fn broke(parts: &[Vec<Step>]) -> Option<String> {
    play(&parts.concat()).broke().map(str::to_owned)
}

fn violates(invariant: &str) -> Option<String> {
    Some(invariant.to_owned())
}

#[test]
fn a_creation_is_committed_between_call_and_return() {
    let created = || vec![topic("u", U), partition(U, 0)];
    let story = |id: Uuid| [asks(2, 1, create("u")), created(), topic_id(2, 1, id), done(2, 1)].concat();
    let good = play(&story(U));
    assert_eq!((good.broke(), good.counts("create_topic")), (None, (2, 0, 0)));
    assert_eq!(broke(&[story(T)]), violates("LinearizableAdmin"));
    assert_eq!(broke(&[asks(2, 1, create("u")), topic_id(2, 1, U), done(2, 1)]), violates("LinearizableAdmin"));
    // Another attempt, sent when it stood there already, says that it has made it.
    let late = [asks(3, 1, create("u")), topic_id(3, 1, U), done(3, 1)].concat();
    assert_eq!(broke(&[asks(2, 1, create("u")), created(), late]), violates("LinearizableAdmin"));
    // More partitions were requested than came.
    let mut more = create("u");
    if let AdminRequest::CreateTopics(request) = &mut more {
        request.topics = Rc::from([CreatableTopic { num_partitions: 2, ..request.topics[0].clone() }]);
    }
    assert_eq!(broke(&[asks(2, 1, more), created(), topic_id(2, 1, U), done(2, 1)]), violates("LinearizableAdmin"));
}

#[test]
fn what_definitely_failed_commits_nothing() {
    let commit = || vec![topic("u", U), partition(U, 0)];
    let refused = || failed(2, 1, ErrorCode::InvalidReplicationFactor);
    let open = || reported(2, 1, ErrorCode::NotController, Outcome::Unknown);
    let lost = || vec![Step::Client(2, AttemptEvent::AdminUnknown { attempt: 1 })];
    let ask = || asks(2, 1, create("u"));
    for end in [open(), lost(), Vec::new()] {
        assert_eq!(broke(&[ask(), commit(), end.clone()]), None);
        assert_eq!(broke(&[ask(), end, commit()]), None);
    }
    assert_eq!(broke(&[ask(), commit(), refused()]), violates("UnaskedMetadata"));
    assert_eq!(broke(&[ask(), refused(), commit()]), violates("UnaskedMetadata"));
    assert_eq!(broke(&[commit()]), violates("UnaskedMetadata"));
    // A broker that forwards anew may have it executed twice.
    let exists = || failed(2, 1, ErrorCode::TopicAlreadyExists);
    assert_eq!(broke(&[ask(), commit(), exists()]), violates("UnaskedMetadata"));
    let forwarded = |connection| vec![Step::Forwarded(BROKER, connection)];
    let twice = [forwarded(1), ask(), forwarded(2), commit(), exists()].concat();
    let twice = play(&twice);
    assert_eq!((twice.broke(), twice.remarked(Remark::ForwardedTwice)), (None, 1));
    let once = [forwarded(1), ask(), forwarded(1), commit(), exists()];
    assert_eq!(broke(&once), violates("UnaskedMetadata"));
}

/// The first forward waits behind a cut link, and is executed after the second one is answered.
#[test]
fn what_was_forwarded_twice_may_be_done_again() {
    let forwarded = |connection| vec![Step::Forwarded(BROKER, connection)];
    let set = |value: &str| vec![config("x", Some(value))];
    let requested = |n: u32, value: &str| asks(2, n, alter("x", SET, Some(value)));
    let story = |second: u64, late: &str| {
        let first = [forwarded(1), requested(1, "1"), forwarded(second), set("1"), done(2, 1)].concat();
        broke(&[first, requested(2, "2"), set("2"), done(2, 2), set(late)])
    };
    assert_eq!(story(2, "1"), None);
    assert_eq!(story(1, "1"), violates("UnaskedMetadata"));
    // What was forwarded once, over the new link, is over when it is done.
    assert_eq!(story(2, "2"), violates("UnaskedMetadata"));
}

#[test]
fn a_deletion_is_of_one_life_and_reported_once() {
    let delete_t = |client| [asks(client, 2, delete("t"))].concat();
    let ends = |client, id| [topic_id(client, 2, id), done(client, 2)].concat();
    assert_eq!(broke(&[delete_t(0), vec![remove(T)], ends(0, T)]), None);
    assert_eq!(broke(&[delete_t(0), ends(0, T)]), violates("LinearizableAdmin"));
    let both = [delete_t(0), delete_t(2), vec![remove(T)], ends(0, T), ends(2, T)];
    assert_eq!(broke(&both), violates("LinearizableAdmin"));
    assert_eq!(broke(&[delete_t(0), vec![remove(T)], delete_t(2), ends(2, T)]), violates("LinearizableAdmin"));
    assert_eq!(broke(&[vec![remove(T)]]), violates("UnaskedMetadata"));
}

#[test]
fn partitions_grow_as_requested() {
    let ask = |count| asks(2, 1, grow("t", count));
    assert_eq!(broke(&[ask(2), vec![partition(T, 1)], done(2, 1)]), None);
    assert_eq!(broke(&[ask(3), vec![partition(T, 1)], done(2, 1)]), violates("LinearizableAdmin"));
    assert_eq!(broke(&[ask(2), vec![partition(T, 1), partition(T, 2)], done(2, 1)]), violates("UnaskedMetadata"));
    // There is one partition, so one cannot be requested, and two can.
    assert_eq!(broke(&[ask(1), failed(2, 1, ErrorCode::InvalidPartitions)]), None);
    assert_eq!(broke(&[ask(2), failed(2, 1, ErrorCode::InvalidPartitions)]), violates("StaleAdminAnswer"));
}

#[test]
fn configs_are_changed_as_incremental_changes_do() {
    const NAME: &str = "cleanup.policy";
    let story = |change: (i8, Option<&str>), committed: &[Option<&str>]| {
        let before = [asks(2, 1, alter(NAME, SET, Some("a,b"))), vec![config(NAME, Some("a,b"))], done(2, 1)].concat();
        let records = committed.iter().map(|value| config(NAME, *value)).collect();
        broke(&[before, asks(2, 2, alter(NAME, change.0, change.1)), records, done(2, 2)])
    };
    for (change, value) in [
        ((SET, Some("c")), Some("c")),
        ((DELETE, None), None),
        ((APPEND, Some("b,c")), Some("a,b,c")),
        ((SUBTRACT, Some("a")), Some("b")),
    ] {
        assert_eq!(story(change, &[value]), None);
        assert_eq!(story(change, &[Some("x")]), violates("UnaskedMetadata"));
        assert_eq!(story(change, &[]), violates("LinearizableAdmin"));
    }
    // What is so already needs no record.
    assert_eq!(story((APPEND, Some("a")), &[]), None);
    assert_eq!(story((SET, Some("a,b")), &[]), None);
}

#[test]
fn a_description_is_a_state_not_older_than_what_was_seen() {
    let set = |n: u32, value: &str| [asks(2, n, alter("x", SET, Some(value))), vec![config("x", Some(value))]].concat();
    let both = || [set(1, "1"), set(2, "2")].concat();
    let see = |n: u32, value: &str| [asks(3, n, describe()), described(3, n, &[("x", value)])].concat();
    let stale = play(&[both(), see(1, "1"), see(2, "2")].concat());
    assert_eq!((stale.broke(), stale.remarked(Remark::StaleAdminAnswer)), (None, 1));
    assert_eq!(broke(&[both(), see(1, "2"), see(2, "1")]), violates("StaleAdminAnswer"));
    assert_eq!(broke(&[both(), see(1, "3")]), violates("StaleAdminAnswer"));
    assert_eq!(broke(&[see(1, "1"), both()]), violates("StaleAdminAnswer"));
    // One that found it as it was requested may have found it so early.
    let found = || [asks(3, 1, alter("x", SET, Some("1"))), done(3, 1)].concat();
    assert_eq!(broke(&[both(), set(3, "1"), found(), see(2, "2"), see(3, "1")]), None);
    assert_eq!(broke(&[set(1, "2"), set(2, "1"), found(), see(2, "2")]), violates("StaleAdminAnswer"));
    // Over a new link nothing was seen.
    let forwarded = |connection| vec![Step::Forwarded(BROKER, connection)];
    let relinked = [both(), forwarded(1), see(1, "2"), forwarded(2), see(2, "1")];
    assert_eq!(broke(&relinked), None);
    // What its own operation did was seen, too.
    let own = |value: &str| [asks(2, 3, describe()), described(2, 3, &[("x", value)])].concat();
    assert_eq!(broke(&[set(1, "1"), set(2, "2"), done(2, 2), own("2")]), None);
    assert_eq!(broke(&[set(1, "1"), set(2, "2"), done(2, 2), own("1")]), violates("StaleAdminAnswer"));
}

#[test]
fn a_refusal_shows_a_state() {
    let exists = |n: u32, name: &str| [asks(2, n, create(name)), failed(2, n, ErrorCode::TopicAlreadyExists)].concat();
    let unknown = |n: u32| [asks(2, n, delete("t")), failed(2, n, ErrorCode::UnknownTopicOrPartition)].concat();
    let deletes = || [asks(2, 1, delete("t")), vec![remove(T)], topic_id(2, 1, T), done(2, 1)].concat();
    assert_eq!(broke(&[exists(1, "t")]), None);
    assert_eq!(broke(&[exists(1, "u")]), violates("StaleAdminAnswer"));
    assert_eq!(broke(&[deletes(), exists(2, "t")]), violates("StaleAdminAnswer"));
    // A controller that is behind knows no topic; one that has shown it does.
    assert_eq!(broke(&[unknown(1)]), None);
    assert_eq!(broke(&[exists(1, "t"), unknown(2)]), violates("StaleAdminAnswer"));
    assert_eq!(broke(&[exists(1, "t"), deletes()[2..].to_vec()]), violates("UnaskedMetadata"));
}

#[test]
fn leaders_are_elected_and_brokers_unregistered_as_requested() {
    let elect = || {
        let topics = ElectLeadersTopic { topic: "t".into(), partitions: Rc::from([0]) };
        let (election_type, topic_partitions) = (0, Some(Rc::from([topics])));
        asks(
            2,
            1,
            AdminRequest::ElectLeaders(ElectLeadersRequest { election_type, topic_partitions, timeout_ms: 1_000 }),
        )
    };
    let led_by = |leader| {
        let of = TopicIdPartition { topic_id: T, partition: 0 };
        let change = PartitionChange { leader, ..PartitionChange::nothing(of) };
        vec![Step::Metadata(MetadataRecord::PartitionChange(change))]
    };
    const OTHER: NodeId = NodeId(102);
    assert_eq!(broke(&[led_by(OTHER), elect(), led_by(BROKER), done(2, 1)]), None);
    assert_eq!(broke(&[led_by(OTHER), led_by(BROKER), elect(), done(2, 1)]), violates("LinearizableAdmin"));

    let refused = |error| failed(2, 1, error);
    let needed = ErrorCode::ElectionNotNeeded;
    assert_eq!(broke(&[elect(), refused(needed)]), None);
    assert_eq!(broke(&[led_by(OTHER), elect(), led_by(BROKER), refused(needed)]), None);
    let seen = || [asks(2, 2, alter("a", SET, Some("1"))), vec![config("a", Some("1"))], done(2, 2)].concat();
    assert_eq!(broke(&[led_by(OTHER), seen(), elect(), refused(needed)]), violates("StaleAdminAnswer"));
    let unavailable = ErrorCode::PreferredLeaderNotAvailable;
    assert_eq!(broke(&[led_by(OTHER), seen(), elect(), refused(unavailable)]), None);
    assert_eq!(broke(&[seen(), elect(), refused(unavailable)]), violates("StaleAdminAnswer"), "it led all the time");
    let unknown = ErrorCode::UnknownTopicOrPartition;
    assert_eq!(broke(&[seen(), elect(), refused(unknown)]), violates("StaleAdminAnswer"));
    let gone = || [asks(2, 9, delete("t")), vec![remove(T)], topic_id(2, 9, T), done(2, 9)].concat();
    assert_eq!(broke(&[gone(), elect(), refused(unknown)]), None);

    let ask = || asks(2, 1, AdminRequest::UnregisterBroker(UnregisterBrokerRequest { broker_id: BROKER }));
    let gone = || {
        let record = UnregisterBroker { broker_id: BROKER, broker_epoch: BrokerEpoch(0) };
        vec![Step::Metadata(MetadataRecord::UnregisterBroker(record))]
    };
    let error = |error| vec![Step::Client(2, AttemptEvent::AdminAnswered { attempt: 1, error })];
    let good = play(&[ask(), gone(), error(ErrorCode::None)].concat());
    assert_eq!((good.broke(), good.counts("unregister_broker")), (None, (1, 0, 0)));
    assert_eq!(broke(&[ask(), error(ErrorCode::None)]), violates("LinearizableAdmin"));
    assert_eq!(broke(&[ask(), gone(), error(ErrorCode::BrokerIdNotRegistered)]), violates("UnaskedMetadata"));
    assert_eq!(broke(&[gone()]), violates("UnaskedMetadata"));
}
