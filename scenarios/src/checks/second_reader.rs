//! The second reader of batches: `kafka-protocol`, which shares no code with `raft::log`. Audits hold it against what a
//! node reads.
//!
//! It knows Kafka's batches, records and control records, and no metadata records: these are held against their own
//! bytes, which must be what writing them anew gives.

use kafka_protocol::messages::{KRaftVersionRecord, LeaderChangeMessage, VotersRecord};
use kafka_protocol::protocol::Decodable;
use kafka_protocol::records::{Record, RecordBatchDecoder};
use raft::log::{Batch, ControlRecord};
use raft::metadata::MetadataRecord;

/// Key and version of a LeaderChange control record (`ControlRecordType`).
const LEADER_CHANGE: (i16, i16) = (0, 2);
const KRAFT_VERSION: (i16, i16) = (0, 5);
const KRAFT_VOTERS: (i16, i16) = (0, 6);
/// A NoOpRecord (20) of version 0 in a frame of version 1, with a tagged field of 8 bytes: a number of a client.
const NUMBER: [u8; 6] = [1, 20, 0, 1, 0, 8];

/// What the second reader finds otherwise than the node, if anything.
pub fn differs(batch: &Batch) -> Option<String> {
    // Only recovery without a checksum (G30) keeps a batch that no reader takes.
    if !batch.is_intact() {
        return None;
    }
    let (mut header_bytes, mut record_bytes) = (&batch.bytes[..], &batch.bytes[..]);
    let read = RecordBatchDecoder::decode_batch_info(&mut header_bytes)
        .and_then(|headers| Ok((headers, RecordBatchDecoder::decode(&mut record_bytes)?.records)));
    let (headers, records) = match read {
        Ok(read) => read,
        Err(error) => return Some(format!("its batch at offset {} is refused: {error}", batch.base_offset)),
    };
    let [header] = &headers[..] else { return Some(format!("its newest bytes are {} batches", headers.len())) };
    let producer = batch.producer();
    let last = records.last();
    let facts = [
        ("base offset", batch.base_offset.0, header.min_offset),
        ("last offset", batch.last_offset.0, last.map_or(-1, |last| last.offset)),
        ("leader epoch", batch.epoch.0.into(), header.partition_leader_epoch.into()),
        ("control attribute", batch.control.into(), header.control.into()),
        ("largest timestamp", batch.max_timestamp_ms(), last.map_or(-1, |last| last.timestamp)),
        ("producer id", producer.map_or(-1, |producer| producer.id.0), header.producer_id),
        ("producer epoch", producer.map_or(-1, |producer| producer.epoch).into(), header.producer_epoch.into()),
        ("base sequence", producer.map_or(-1, |producer| producer.base_sequence).into(), header.base_sequence.into()),
        ("number of records", batch.offset_count(), header.record_count.into()),
    ];
    let other = facts.iter().find(|(_, ours, theirs)| ours != theirs);
    let of_header = other.map(|(name, ours, theirs)| format!("the {name} is {theirs} and not {ours}"));
    let wrong = of_header.or_else(|| if batch.control { control(batch, &records) } else { data(batch, &records) })?;
    Some(format!("of its batch at offset {}, {wrong}", batch.base_offset))
}

fn control(batch: &Batch, records: &[Record]) -> Option<String> {
    let Ok(known) = batch.control_records() else { return Some("the control records cannot be read".to_owned()) };
    let is_same = |(ours, record): (&ControlRecord, &Record)| {
        let ours = match ours {
            ControlRecord::LeaderChange(ours) => ours,
            ControlRecord::KRaftVersion(level) => return kraft_version(record) == Some(*level),
            ControlRecord::KRaftVoters(voters) => {
                return voter_keys(record).is_some_and(|keys| {
                    let ours =
                        voters.nodes().iter().map(|voter| (voter.id.0, voter.directory_id.unwrap_or_default().0));
                    ours.eq(keys)
                });
            }
            ControlRecord::SnapshotHeader { .. } | ControlRecord::SnapshotFooter => return false,
        };
        let theirs = leader_change(record);
        theirs.is_some_and(|theirs| {
            let same = |ours: &[raft::ids::NodeId], theirs: Vec<i32>| ours.iter().map(|id| id.0).eq(theirs);
            let voters = theirs.voters.iter().map(|voter| voter.voter_id).collect();
            let granting = theirs.granting_voters.iter().map(|voter| voter.voter_id).collect();
            theirs.leader_id.0 == ours.leader_id.0
                && same(&ours.voters, voters)
                && same(&ours.granting_voters, granting)
        })
    };
    let all_same = known.len() == records.len() && known.iter().zip(records).all(is_same);
    (!all_same).then(|| "the control records are others".to_owned())
}

fn leader_change(record: &Record) -> Option<LeaderChangeMessage> {
    let mut value = value_of(record, LEADER_CHANGE)?;
    LeaderChangeMessage::decode(&mut value, LEADER_CHANGE.0).ok()
}

fn kraft_version(record: &Record) -> Option<i16> {
    let mut value = value_of(record, KRAFT_VERSION)?;
    Some(KRaftVersionRecord::decode(&mut value, KRAFT_VERSION.0).ok()?.k_raft_version)
}

/// Ids and directory ids.
fn voter_keys(record: &Record) -> Option<Vec<(i32, [u8; 16])>> {
    let mut value = value_of(record, KRAFT_VOTERS)?;
    let voters = VotersRecord::decode(&mut value, KRAFT_VOTERS.0).ok()?.voters;
    Some(voters.iter().map(|voter| (voter.voter_id.0, voter.voter_directory_id.into_bytes())).collect())
}

/// The value of a control record of this version and type.
fn value_of(record: &Record, kind: (i16, i16)) -> Option<&[u8]> {
    let key: [u8; 4] = record.key.as_deref()?.try_into().ok()?;
    let [version, of_key] = [[key[0], key[1]], [key[2], key[3]]].map(i16::from_be_bytes);
    ((version, of_key) == kind).then_some(record.value.as_deref()?)
}

/// A batch of data has metadata records, or numbers of clients in the place of NoOp records.
fn data(batch: &Batch, records: &[Record]) -> Option<String> {
    let frames = || records.iter().filter_map(|record| Some((record.offset, record.value.as_deref()?)));
    let number = |(offset, frame): (i64, &[u8])| {
        let number = frame.strip_prefix(&NUMBER)?;
        Some((offset, u64::from_be_bytes(number.try_into().ok()?)))
    };
    if !batch.values().map(|(offset, number)| (offset.0, number)).eq(frames().filter_map(number)) {
        return Some("the numbers are others".to_owned());
    }
    let Ok(known) = batch.metadata_records() else { return Some("the metadata records cannot be read".to_owned()) };
    let is_same = |(frame, ours): ((i64, &[u8]), (raft::ids::Offset, &MetadataRecord))| {
        frame.0 == ours.0.0 && (number(frame).is_some() || is_frame_of(frame.1, ours.1))
    };
    let all_same = known.len() == records.len() && frames().zip(known).all(is_same);
    (!all_same).then(|| "the metadata records are others".to_owned())
}

/// A frame begins with its own version, the record's key and the record's version, each in one byte.
fn is_frame_of(frame: &[u8], record: &MetadataRecord) -> bool {
    let written = |version: u8| record.frame(version.into()).is_ok_and(|written| *written == *frame);
    frame.get(2).is_some_and(|version| written(*version))
}
