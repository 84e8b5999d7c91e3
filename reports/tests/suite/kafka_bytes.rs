//! Kafka's messages in a capture, read by `kafka-protocol`.

use std::collections::BTreeMap;

use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, HeaderVersion};

use crate::kafka_values::{Values, of_kafka};
use crate::pcap_bytes::Packet;

/// Reads a message with its header, to the last byte.
fn whole<H: Decodable, T: Decodable + HeaderVersion>(mut bytes: &[u8], version: i16) -> (H, T) {
    let header = H::decode(&mut bytes, T::header_version(version)).expect("a header");
    let message = T::decode(&mut bytes, version).expect("a message");
    assert!(bytes.is_empty(), "{} bytes are left of version {version}", bytes.len());
    (header, message)
}

/// A message.
#[derive(Debug)]
pub struct Read {
    pub api: ApiKey,
    pub is_request: bool,
    pub correlation_id: i32,
    /// The port of the listener.
    pub port: u16,
    pub values: Values,
    /// Of the message in an Envelope.
    pub inside: Option<Values>,
}

macro_rules! readers {
    ($($key:literal: $request:ident => $response:ident;)+) => {
        fn request(key: i16, version: i16, bytes: &[u8]) -> (RequestHeader, Values, Option<Vec<u8>>) {
            match key {
                58 => {
                    let (header, it) = whole::<RequestHeader, EnvelopeRequest>(bytes, version);
                    (header, of_kafka(&it), Some(it.request_data.to_vec()))
                }
                $($key => {
                    let (header, it) = whole::<RequestHeader, $request>(bytes, version);
                    (header, of_kafka(&it), None)
                })+
                other => panic!("API {other}"),
            }
        }

        fn response(key: i16, version: i16, bytes: &[u8]) -> (Values, Option<Vec<u8>>) {
            match key {
                58 => {
                    let it = whole::<ResponseHeader, EnvelopeResponse>(bytes, version).1;
                    (of_kafka(&it), it.response_data.map(|bytes| bytes.to_vec()))
                }
                $($key => (of_kafka(&whole::<ResponseHeader, $response>(bytes, version).1), None),)+
                other => panic!("API {other}"),
            }
        }
    };
}

readers! {
    0: ProduceRequest => ProduceResponse;
    1: FetchRequest => FetchResponse;
    2: ListOffsetsRequest => ListOffsetsResponse;
    3: MetadataRequest => MetadataResponse;
    18: ApiVersionsRequest => ApiVersionsResponse;
    19: CreateTopicsRequest => CreateTopicsResponse;
    20: DeleteTopicsRequest => DeleteTopicsResponse;
    22: InitProducerIdRequest => InitProducerIdResponse;
    23: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse;
    32: DescribeConfigsRequest => DescribeConfigsResponse;
    37: CreatePartitionsRequest => CreatePartitionsResponse;
    43: ElectLeadersRequest => ElectLeadersResponse;
    44: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse;
    52: VoteRequest => VoteResponse;
    53: BeginQuorumEpochRequest => BeginQuorumEpochResponse;
    54: EndQuorumEpochRequest => EndQuorumEpochResponse;
    56: AlterPartitionRequest => AlterPartitionResponse;
    62: BrokerRegistrationRequest => BrokerRegistrationResponse;
    63: BrokerHeartbeatRequest => BrokerHeartbeatResponse;
    64: UnregisterBrokerRequest => UnregisterBrokerResponse;
    67: AllocateProducerIdsRequest => AllocateProducerIdsResponse;
    70: ControllerRegistrationRequest => ControllerRegistrationResponse;
    82: UpdateRaftVoterRequest => UpdateRaftVoterResponse;
}

fn key_and_version(bytes: &[u8]) -> (i16, i16) {
    (i16::from_be_bytes([bytes[0], bytes[1]]), i16::from_be_bytes([bytes[2], bytes[3]]))
}

/// All messages, in their order in the file.
pub fn read(packets: &[Packet]) -> Vec<Read> {
    let mut all = Vec::new();
    let mut streams: BTreeMap<_, Vec<u8>> = BTreeMap::new();
    // API and version of each request and of the one inside it, by the ends of the connection and the correlation id.
    let mut asked = BTreeMap::new();
    for packet in packets {
        let stream = streams.entry((packet.from, packet.to)).or_default();
        stream.extend(&packet.payload);
        while let Some(length) = stream.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
            && stream.len() >= 4 + length
        {
            let message: Vec<u8> = stream.drain(..4 + length).skip(4).collect();
            let is_request = matches!(packet.to.1, 9092 | 9093);
            let port = if is_request { packet.to.1 } else { packet.from.1 };
            let (key, correlation_id, values, inside) = if is_request {
                let (key, version) = key_and_version(&message);
                let (header, values, inside) = request(key, version, &message);
                assert_eq!((header.request_api_key, header.request_api_version), (key, version));
                let of_inside = inside.as_ref().map(|bytes| key_and_version(bytes));
                let place = (packet.from, packet.to, header.correlation_id);
                assert!(asked.insert(place, (key, version, of_inside)).is_none(), "{place:?} is used twice");
                let inside = inside.zip(of_inside).map(|(bytes, (key, version))| request(key, version, &bytes).1);
                (key, header.correlation_id, values, inside)
            } else {
                let id = i32::from_be_bytes([message[0], message[1], message[2], message[3]]);
                let (key, version, of_inside) = asked[&(packet.to, packet.from, id)];
                let (values, inside) = response(key, version, &message);
                let inside = inside.zip(of_inside).map(|(bytes, (key, version))| response(key, version, &bytes).0);
                (key, id, values, inside)
            };
            let api = ApiKey::try_from(key).expect("an API");
            all.push(Read { api, is_request, correlation_id, port, values, inside });
        }
    }
    assert!(streams.values().all(Vec::is_empty), "no part of a message is missing");
    all
}
