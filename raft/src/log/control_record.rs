//! Control records of the metadata log (consensus.md §8.5).

use smallvec::SmallVec;

use super::batch_error::BatchError;
use super::record::{Buffer, Reader, Record, put_unsigned_varint};
use crate::ids::NodeId;

/// Types in the key (`ControlRecordType`).
const LEADER_CHANGE: i16 = 2;
const SNAPSHOT_HEADER: i16 = 3;
const SNAPSHOT_FOOTER: i16 = 4;
const KRAFT_VERSION: i16 = 5;

/// A control record. All other types are rejected, as Kafka's raft reader rejects unknown ones. KRaftVoters (6) is among
/// them: with a static voter set it is never written.
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
            LEADER_CHANGE | SNAPSHOT_HEADER | SNAPSHOT_FOOTER | KRAFT_VERSION if message.i16()? != 0 => {
                return Err(BatchError::MalformedRecord("a control record is not of version 0"));
            }
            LEADER_CHANGE => ControlRecord::LeaderChange(parse_leader_change(&mut message)?),
            SNAPSHOT_HEADER => ControlRecord::SnapshotHeader { last_contained_log_timestamp_ms: message.i64()? },
            SNAPSHOT_FOOTER => ControlRecord::SnapshotFooter,
            KRAFT_VERSION => ControlRecord::KRaftVersion(message.i16()?),
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
    let length_plus_one = message.unsigned_varint()?;
    let count = length_plus_one.checked_sub(1).ok_or(BatchError::MalformedRecord("a list of voters is null"))?;
    let mut voters = SmallVec::new();
    for _ in 0..count {
        voters.push(NodeId(message.i32()?));
        message.tagged_fields(|_, _| {})?;
    }
    Ok(voters)
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
        for refused in [0, 1, 6, 7] {
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
