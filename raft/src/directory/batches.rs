//! One file of batches, a segment or a snapshot: every batch with its header's fields and its records.

use std::rc::Rc;

use super::damage::Damage;
use super::found_record::{FoundRecord, Kind, Place};
use crate::ids::{LeaderEpoch, Offset};
use crate::io::{DiskError, DurableFiles};
use crate::log::{BATCH_HEADER_BYTES, Batch, BatchError, BatchProducer, Reader, header_of_any};

/// A segment or a snapshot.
#[derive(Clone, Debug)]
pub struct BatchFile {
    /// From the log directory.
    pub path: Rc<str>,
    pub size_bytes: u64,
    pub batches: Vec<FoundBatch>,
}

/// A batch as it is in the file.
#[derive(Clone, Debug)]
pub struct FoundBatch {
    /// In bytes from the start of the file.
    pub position: u64,
    pub size_bytes: u64,
    pub base_offset: Offset,
    /// Inclusive.
    pub last_offset: Offset,
    /// `partitionLeaderEpoch`
    pub epoch: LeaderEpoch,
    pub crc: u32,
    /// The CRC matches the bytes.
    pub is_valid: bool,
    /// Number of records, compressed ones included.
    pub record_count: i32,
    /// `baseTimestamp`; `deleteHorizonMs` of a compacted batch.
    pub base_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub producer: Option<BatchProducer>,
    pub is_control: bool,
    pub is_transactional: bool,
    pub compression: Compression,
    /// None of a compressed batch, nor of one with a wrong CRC.
    pub records: Vec<FoundRecord>,
}

/// The lowest three attribute bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr, strum::FromRepr)]
#[strum(serialize_all = "lowercase")]
#[repr(u16)]
pub enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
    /// Not Kafka's.
    Unknown5,
    /// Not Kafka's.
    Unknown6,
    /// Not Kafka's.
    Unknown7,
}

const COMPRESSION: u16 = 0x07;
const TRANSACTIONAL: u16 = 0x10;

impl BatchFile {
    /// Reads a file up to the first byte that is no batch.
    pub(super) fn read(path: &Rc<str>, files: &dyn DurableFiles, kind: Kind, damage: &mut Vec<Damage>) -> BatchFile {
        let mut damaged = |position: u64, problem: String| {
            damage.push(Damage { file: Rc::clone(path), position: Some(position), problem });
        };
        let Some(bytes) = files.read(path) else {
            damaged(0, DiskError::Io.to_string());
            return BatchFile { path: Rc::clone(path), size_bytes: 0, batches: Vec::new() };
        };
        let mut file = BatchFile { path: Rc::clone(path), size_bytes: bytes.len() as u64, batches: Vec::new() };
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let position = (bytes.len() - rest.len()) as u64;
            let size = match Batch::peek_header(rest) {
                Ok(header) if header.size_bytes <= rest.len() => header.size_bytes,
                Ok(header) => {
                    damaged(
                        position,
                        BatchError::Incomplete { needed: header.size_bytes, found: rest.len() }.to_string(),
                    );
                    break;
                }
                Err(error) => {
                    damaged(position, error.to_string());
                    break;
                }
            };
            let batch = FoundBatch::read(&rest[..size], position, kind, &mut damaged);
            file.batches.push(batch);
            rest = &rest[size..];
        }
        file
    }
}

impl FoundBatch {
    /// Exclusive; the highest there is behind an offset that no header may have.
    pub(super) fn end_offset(&self) -> Offset {
        Offset(self.last_offset.0.saturating_add(1))
    }

    fn read(bytes: &[u8], position: u64, kind: Kind, damaged: &mut impl FnMut(u64, String)) -> FoundBatch {
        let header = header_of_any(bytes);
        let mut batch = FoundBatch {
            position,
            size_bytes: bytes.len() as u64,
            base_offset: header.base_offset,
            last_offset: header.last_offset,
            epoch: header.epoch,
            crc: header.crc,
            is_valid: header.crc == header.computed_crc,
            record_count: header.record_count,
            base_timestamp_ms: header.base_timestamp_ms,
            max_timestamp_ms: header.max_timestamp_ms,
            producer: header.producer,
            is_control: header.control,
            is_transactional: header.attributes & TRANSACTIONAL != 0,
            compression: Compression::from_repr(header.attributes & COMPRESSION).unwrap_or(Compression::None),
            records: Vec::new(),
        };
        if !batch.is_valid {
            let error = BatchError::Crc { stored: header.crc, computed: header.computed_crc };
            damaged(position, error.to_string());
        } else if batch.compression == Compression::None {
            let mut reader = Reader(&bytes[BATCH_HEADER_BYTES..]);
            let place = Place {
                base_offset: batch.base_offset,
                base_timestamp_ms: batch.base_timestamp_ms,
                is_control: batch.is_control,
            };
            for _ in 0..batch.record_count {
                match FoundRecord::read(&mut reader, place, kind) {
                    Ok(record) => batch.records.push(record),
                    Err(error) => {
                        let of = batch.base_offset;
                        damaged(position, format!("the batch at offset {of}: record {}: {error}", batch.records.len()));
                        return batch;
                    }
                }
            }
            if let Err(error) = reader.end() {
                damaged(position, format!("the batch at offset {}: {error}", batch.base_offset));
            }
        }
        batch
    }
}
