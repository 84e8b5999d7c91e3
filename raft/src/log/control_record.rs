//! Control records of the metadata log (consensus.md §8.5).

use smallvec::SmallVec;

use super::batch_error::BatchError;
use super::record::{Buffer, Reader, Record, put_unsigned_varint};
use crate::ids::{NodeId, Uuid};
use crate::voter_set::{Endpoint, Endpoints, KRaftVersionFeature, VoterNode, VoterSet};

/// Types in the key (`ControlRecordType`).
const LEADER_CHANGE: i16 = 2;
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
const KRAFT_VERSION: i16 = 5;
const KRAFT_VOTERS: i16 = 6;

/// A control record. All other types are rejected, as Kafka's raft reader rejects unknown ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlRecord {
    /// First record of a leader's epoch.
    LeaderChange(LeaderChange),
    /// First record of a snapshot: the timestamp of the last batch that it contains, in ms.
    SnapshotHeader { last_contained_log_timestamp_ms: i64 },
    /// Last record of a snapshot.
    SnapshotFooter,
    /// The level of `kraft.version`.
    KRaftVersion(i16),
    /// The voter set from this record on.
    KRaftVoters(VoterSet),
}

/// LeaderChange (type 2), version 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderChange {
    pub leader_id: NodeId,
    /// The voter set, in the order written.
    pub voters: SmallVec<[NodeId; 7]>,
    /// The voters that granted their vote, in the order written.
    pub granting_voters: SmallVec<[NodeId; 7]>,
}

impl ControlRecord {
    /// Record key: schema version 0, then the type.
    pub(super) fn key(&self) -> [u8; 4] {
        let kind = match self {
            ControlRecord::LeaderChange(_) => LEADER_CHANGE,
            ControlRecord::SnapshotHeader { .. } => SNAPSHOT_HEADER,
            ControlRecord::SnapshotFooter => SNAPSHOT_FOOTER,
            ControlRecord::KRaftVersion(_) => KRAFT_VERSION,
            ControlRecord::KRaftVoters(_) => KRAFT_VOTERS,
        };
        [0, 0, 0, kind as u8]
    }

    /// Record value: the message, which starts with its version.
    pub(super) fn value(&self) -> Buffer {
        let mut value = Buffer::new();
        value.extend_from_slice(&0_i16.to_be_bytes());
        match self {
            ControlRecord::LeaderChange(change) => {
                value.extend_from_slice(&change.leader_id.0.to_be_bytes());
                for voters in [&change.voters, &change.granting_voters] {
                    put_unsigned_varint(&mut value, voters.len() as u32 + 1);
                    for voter in voters {
                        value.extend_from_slice(&voter.0.to_be_bytes());
                        value.push(0);
                    }
                }
            }
            ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms } => {
                value.extend_from_slice(&last_contained_log_timestamp_ms.to_be_bytes());
            }
            ControlRecord::SnapshotFooter => {}
            ControlRecord::KRaftVersion(level) => value.extend_from_slice(&level.to_be_bytes()),
            ControlRecord::KRaftVoters(voters) => {
                put_unsigned_varint(&mut value, voters.len() as u32 + 1);
                voters.nodes().iter().for_each(|voter| put_voter(&mut value, voter));
            }
        }
        value.push(0);
        value
    }

    /// Decodes a record of a control batch.
    pub(super) fn parse(record: Record<'_>) -> Result<ControlRecord, BatchError> {
        let mut key = Reader(record.key.ok_or(BatchError::MalformedRecord("a control record without a key"))?);
        key.i16()?;
        let kind = key.i16()?;
        let mut message = Reader(record.value);
        let content = match kind {
            LEADER_CHANGE | SNAPSHOT_HEADER | SNAPSHOT_FOOTER | KRAFT_VERSION | KRAFT_VOTERS if message.i16()? != 0 => {
                return Err(BatchError::MalformedRecord("a control record is not of version 0"));
            }
            LEADER_CHANGE => ControlRecord::LeaderChange(parse_leader_change(&mut message)?),
            SNAPSHOT_HEADER => ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms: message.i64()? },
            SNAPSHOT_FOOTER => ControlRecord::SnapshotFooter,
            KRAFT_VERSION => ControlRecord::KRaftVersion(message.i16()?),
            KRAFT_VOTERS => ControlRecord::KRaftVoters(parse_voter_set(&mut message)?),
            other => return Err(BatchError::ControlRecordType(other)),
        };
        message.tagged_fields(|_, _| {})?;
        message.end()?;
        Ok(content)
    }
}

fn parse_leader_change(message: &mut Reader<'_>) -> Result<LeaderChange, BatchError> {
    let leader_id = NodeId(message.i32()?);
    let voters = parse_voters(message)?;
    let granting_voters = parse_voters(message)?;
    Ok(LeaderChange { leader_id, voters, granting_voters })
}

fn parse_voters(message: &mut Reader<'_>) -> Result<SmallVec<[NodeId; 7]>, BatchError> {
    let mut voters = SmallVec::new();
    for _ in 0..length(message)? {
        voters.push(NodeId(message.i32()?));
        message.tagged_fields(|_, _| {})?;
    }
    Ok(voters)
}

fn put_voter(value: &mut Buffer, voter: &VoterNode) {
    let VoterNode { id, directory_id, endpoints, supported } = voter;
    value.extend_from_slice(&id.0.to_be_bytes());
    value.extend_from_slice(&directory_id.unwrap_or(Uuid::ZERO).0);
    put_unsigned_varint(value, endpoints.len() as u32 + 1);
    for Endpoint { name, host, port } in endpoints.iter() {
        for text in [name, host] {
            put_unsigned_varint(value, text.len() as u32 + 1);
            value.extend_from_slice(text.as_bytes());
        }
        value.extend_from_slice(&port.to_be_bytes());
        value.push(0);
    }
    value.extend_from_slice(&supported.min_supported_version.to_be_bytes());
    value.extend_from_slice(&supported.max_supported_version.to_be_bytes());
    // Tagged fields of the range, and of the voter.
    value.extend_from_slice(&[0, 0]);
}

fn parse_voter_set(message: &mut Reader<'_>) -> Result<VoterSet, BatchError> {
    let mut voters = Vec::new();
    for _ in 0..length(message)? {
        let id = NodeId(message.i32()?);
        let directory_id = Some(message.uuid()?).filter(|id| *id != Uuid::ZERO);
        let mut endpoints = Vec::new();
        for _ in 0..length(message)? {
            let (name, host) = (message.text()?.into(), message.text()?.into());
            let port = message.i16()?.cast_unsigned();
            message.tagged_fields(|_, _| {})?;
            endpoints.push(Endpoint { name, host, port });
        }
        let (min_supported_version, max_supported_version) = (message.i16()?, message.i16()?);
        message.tagged_fields(|_, _| {})?;
        message.tagged_fields(|_, _| {})?;
        let supported = KRaftVersionFeature { min_supported_version, max_supported_version };
        voters.push(VoterNode { id, directory_id, endpoints: Endpoints::from(endpoints), supported });
    }
    Ok(VoterSet::of(voters))
}

/// Of a list.
fn length(message: &mut Reader<'_>) -> Result<u32, BatchError> {
    message.unsigned_varint()?.checked_sub(1).ok_or(BatchError::MalformedRecord("a list is null"))
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    #[test]
    fn leader_change_has_kafkas_bytes() {
        let change = ControlRecord::LeaderChange(LeaderChange {
            leader_id: NodeId(1),
            voters: smallvec![NodeId(1), NodeId(2), NodeId(3)],
            granting_voters: smallvec![NodeId(1), NodeId(2)],
        });
        let golden = [
            &[0, 0, 0, 0, 0, 1][..],
            &[4, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0],
            &[3, 0, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0],
        ]
        .concat();
        assert_eq!(change.value().as_slice(), golden);
        let parse = |key: &[u8], value: &[u8]| ControlRecord::parse(Record { offset_delta: 0, key: Some(key), value });
        assert_eq!(parse(&change.key(), &golden), Ok(change.clone()));
        // A newer schema version of the key is read as the oldest one.
        assert_eq!(parse(&[0, 1, 0, 2], &golden), Ok(change));
        for refused in [0, 1, 7] {
            assert_eq!(parse(&[0, 0, 0, refused], &golden), Err(BatchError::ControlRecordType(refused.into())));
        }
        for cut in 0..golden.len() {
            assert!(parse(&[0, 0, 0, 2], &golden[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn records_of_snapshots_have_kafkas_bytes() {
        let last_contained_log_timestamp_ms = 0x0102_0304_0506_0708;
        for (record, kind, golden) in [
            (
                ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms },
                3,
                &[0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0][..],
            ),
            (ControlRecord::SnapshotFooter, 4, &[0, 0, 0]),
            (ControlRecord::KRaftVersion(1), 5, &[0, 0, 0, 1, 0]),
        ] {
            assert_eq!((record.key(), record.value().as_slice()), ([0, 0, 0, kind], golden));
            let parse =
                |value: &[u8]| ControlRecord::parse(Record { offset_delta: 0, key: Some(&[0, 0, 0, kind]), value });
            assert_eq!(parse(golden), Ok(record));
            for cut in 0..golden.len() {
                assert!(parse(&golden[..cut]).is_err(), "{kind} {cut}");
            }
        }
    }
}
