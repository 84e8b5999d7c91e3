//! Tests: the bytes of each message, and the values that are not the model's.

mod messages;

use kafka_protocol::messages as kafka;
use kafka_protocol::protocol::{Decodable, HeaderVersion};
use raft::ids::Listener;
use raft::message::{Request, Response};

use super::{Carried, Versions};
use crate::actor::Message;
use crate::topic_names::TopicNames;
use crate::trace::Trace;

/// Of an encoder whose messages Kafka's classes read and write again without a difference, as
/// `fuzz/conformance/wire/run` shows for the messages of runs.
const FIXED: &str = include_str!("tests/messages.txt");

const CLIENT: &str = "broker-102";
const CORRELATION_ID: i32 = 77;

fn encoded(message: Message, listener: Listener, versions: Versions) -> (i16, Vec<u8>) {
    let names = [(messages::TOPIC, "orders".into()), (messages::RECREATED, "orders".into())];
    let mut trace = Trace::default();
    trace.topics = TopicNames::new(names);
    let carried = Carried { client: CLIENT, correlation_id: CORRELATION_ID, listener };
    let encoded = trace.encoded(&message, carried, versions).expect("it has its version").expect("Kafka has it");
    (encoded.api_version, encoded.bytes)
}

fn request(request: Request) -> Message {
    Message::Request { correlation_id: 5, request }
}

fn response(response: Response) -> Message {
    Message::Response { correlation_id: 5, response }
}

/// `API vN request|response HEX`, in all versions that are written.
#[test]
fn messages_keep_their_bytes() {
    let mut lines = Vec::new();
    for versions in [Versions::Kafka, Versions::Wireshark] {
        for (asked, answered) in messages::all() {
            let listener = Listener::Controllers;
            for (kind, message) in [("request", request(asked)), ("response", response(answered))] {
                let name = message.rpc();
                let (version, bytes) = encoded(message, listener, versions);
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                lines.push(format!("{name} v{version} {kind} {hex}\n"));
            }
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    #[expect(clippy::disallowed_methods, reason = "no run is concerned")]
    let is_update = std::env::var("UPDATE_DOCUMENTS").is_ok_and(|value| value == "1");
    if is_update {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wire/tests/messages.txt");
        std::fs::write(path, lines.concat()).expect("it is written");
        return;
    }
    for (now, fixed) in lines.iter().zip(FIXED.split_inclusive('\n')) {
        assert_eq!(now, fixed, "UPDATE_DOCUMENTS=1 rewrites the file; fuzz/conformance/wire/run then reads it");
    }
    assert_eq!(lines.len(), FIXED.lines().count());
}

/// A message without its header, in the newest version.
fn decoded<T: Decodable + HeaderVersion>(message: Message, listener: Listener) -> T {
    let is_request = matches!(message, Message::Request { .. });
    let (version, bytes) = encoded(message, listener, Versions::Kafka);
    let (mut rest, header) = (&bytes[4..], T::header_version(version));
    if is_request {
        kafka::RequestHeader::decode(&mut rest, header).expect("a header");
    } else {
        kafka::ResponseHeader::decode(&mut rest, header).expect("a header");
    }
    T::decode(&mut rest, version).expect("a message")
}

/// `KafkaRaftClient.buildFetchRequest` sets the limit of all partitions only; the others have no default but 0. A consumer or
/// follower sets each.
#[test]
fn a_fetch_has_the_limits_that_its_sender_sets() {
    let limits = |it: kafka::FetchRequest| {
        let partition = it.topics[0].partitions[0].partition_max_bytes;
        (it.max_wait_ms, it.min_bytes, it.max_bytes, partition, it.session_epoch, it.isolation_level)
    };
    let raft = limits(decoded(request(messages::raft_fetch().0), Listener::Controllers));
    assert_eq!(raft, (501, 0, 1_048_577, 0, -1, 0));
    let data = limits(decoded(request(messages::data_fetch().0), Listener::Brokers));
    assert_eq!(data, (502, 3, 10_485_761, 65_537, -1, 0));
}

/// The list of raft is the empty one of `FetchResponseData.PartitionData`; a broker has none for `read_uncommitted`
/// (`FetchPartitionData.abortedTransactions`), and without transactions the LastStableOffset is the high watermark.
#[test]
fn a_fetch_response_has_kafkas_values_of_transactions() {
    let values = |it: kafka::FetchResponse| {
        let partition = &it.responses[0].partitions[0];
        (partition.aborted_transactions.as_ref().map(Vec::len), partition.last_stable_offset)
    };
    let raft = values(decoded(response(messages::raft_fetch().1), Listener::Controllers));
    assert_eq!(raft, (Some(0), -1));
    let data = values(decoded(response(messages::data_fetch().1), Listener::Brokers));
    assert_eq!(data, (None, 210));
}

/// `allow.auto.create.topics` of a consumer, and what producers and admin clients send (`ProducerMetadata`,
/// `KafkaAdminClient.makeMetadataCall`).
#[test]
fn metadata_is_requested_with_automatic_creation() {
    let metadata: kafka::MetadataRequest = decoded(request(messages::metadata().0), Listener::Brokers);
    assert!(metadata.allow_auto_topic_creation);
    assert!(!metadata.include_topic_authorized_operations);
}

/// A topic that was created again has its plain name, which is in texts not enough.
#[test]
fn a_topic_by_name_is_its_plain_name() {
    let offsets: kafka::ListOffsetsRequest = decoded(request(messages::list_offsets().0), Listener::Brokers);
    assert_eq!(offsets.topics[0].name.as_str(), "orders");
}

/// `ApiVersionsResponse.filterApis` by listener, and the versions that the encoder has not.
#[test]
fn api_versions_lists_the_apis_of_the_listener() {
    let keys = |listener| {
        let it: kafka::ApiVersionsResponse = decoded(response(Response::DiscoverVersions), listener);
        it.api_keys.iter().map(|api| (api.api_key, api.min_version, api.max_version)).collect::<Vec<_>>()
    };
    let (brokers, controllers) = (keys(Listener::Brokers), keys(Listener::Controllers));
    assert_eq!((brokers.len(), controllers.len()), (77, 42));
    let of = |all: &[(i16, i16, i16)], key| all.iter().find(|api| api.0 == key).copied();
    for (key, broker, controller) in [
        (0, Some((0, 0, 13)), None),
        (1, Some((1, 4, 18)), Some((1, 4, 18))),
        (2, Some((2, 1, 11)), None),
        (18, Some((18, 0, 5)), Some((18, 0, 5))),
        (22, Some((22, 0, 5)), None),
        (52, None, Some((52, 0, 2))),
        (58, None, Some((58, 0, 0))),
        (63, None, Some((63, 0, 2))),
    ] {
        assert_eq!((of(&brokers, key), of(&controllers, key)), (broker, controller), "API {key}");
    }
}

/// The README names these versions.
#[test]
fn versions_are_the_newest_of_kafka_but_for_three() {
    let older = |api: kafka::ApiKey| {
        let (newest, own) = (super::supported::newest(api as i16), Versions::Kafka.of(api));
        newest.filter(|newest| *newest != own).map(|newest| (api, own, newest))
    };
    let written = messages::all().map(|(asked, _)| super::encoded::api(&request(asked)).expect("Kafka has it"));
    let mut older: Vec<_> = written.into_iter().filter_map(older).collect();
    older.dedup();
    let expected = [
        (kafka::ApiKey::ApiVersions, 4, 5),
        (kafka::ApiKey::ListOffsets, 10, 11),
        (kafka::ApiKey::BrokerHeartbeat, 1, 2),
    ];
    assert_eq!(older, expected);
}
