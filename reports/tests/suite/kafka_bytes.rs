//! Kafka's messages in a capture, read by `kafka-protocol`.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, HeaderVersion};

use crate::pcap_bytes::Packet;

/// Reads a message with its header, to the last byte.
fn whole<H: Decodable, T: Decodable + HeaderVersion>(mut bytes: &[u8], version: i16) -> (H, T) {
    let header = H::decode(&mut bytes, T::header_version(version)).expect("a header");
    let message = T::decode(&mut bytes, version).expect("a message");
    assert!(bytes.is_empty(), "{} bytes are left of version {version}", bytes.len());
    (header, message)
}

macro_rules! readers {
    ($($key:literal: $request:ident => $response:ident;)+) => {
        fn request(key: i16, version: i16, bytes: &[u8]) -> RequestHeader {
            match key {
                58 => {
                    let (header, envelope) = whole::<RequestHeader, EnvelopeRequest>(bytes, version);
                    let (key, version) = key_and_version(&envelope.request_data);
                    request(key, version, &envelope.request_data);
                    header
                }
                $($key => whole::<RequestHeader, $request>(bytes, version).0,)+
                other => panic!("API {other}"),
            }
        }

        fn response(key: i16, version: i16, bytes: &[u8]) {
            match key {
                58 => drop(whole::<ResponseHeader, EnvelopeResponse>(bytes, version)),
                $($key => drop(whole::<ResponseHeader, $response>(bytes, version)),)+
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

/// The number of messages, and the keys of their APIs.
pub fn read(packets: &[Packet]) -> (usize, BTreeSet<i16>) {
    let (mut count, mut apis) = (0, BTreeSet::new());
    let mut streams: BTreeMap<_, Vec<u8>> = BTreeMap::new();
    // Requests that are not answered, by the ends of the connection and the correlation id.
    let mut asked = BTreeMap::new();
    for packet in packets {
        let stream = streams.entry((packet.from, packet.to)).or_default();
        stream.extend(&packet.payload);
        while let Some(length) = stream.first_chunk().map(|length| u32::from_be_bytes(*length) as usize)
            && stream.len() >= 4 + length
        {
            let message: Vec<u8> = stream.drain(..4 + length).skip(4).collect();
            if matches!(packet.to.1, 9092 | 9093) {
                let (key, version) = key_and_version(&message);
                let header = request(key, version, &message);
                assert_eq!((header.request_api_key, header.request_api_version), (key, version));
                asked.insert((packet.from, packet.to, header.correlation_id), (key, version));
                apis.insert(key);
            } else {
                let id = i32::from_be_bytes([message[0], message[1], message[2], message[3]]);
                let (key, version) = asked[&(packet.to, packet.from, id)];
                response(key, version, &message);
            }
            count += 1;
        }
    }
    assert!(streams.values().all(Vec::is_empty), "no part of a message is missing");
    (count, apis)
}
