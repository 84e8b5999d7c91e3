//! Errors of reading a batch.

use crate::ids::Offset;

/// Why bytes are not a valid batch of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch needs {needed} bytes and {found} are left")]
    Incomplete {
        /// Size of the header or, if that is complete, of the whole batch.
        needed: usize,
        /// Bytes available.
        found: usize,
    },
    /// `batchLength` is out of range.
    #[error("batchLength is {0}")]
    Length(i32),
    /// An unsupported format.
    #[error("magic is {0}, not 2")]
    Magic(u8),
    /// Offsets and record count are inconsistent.
    #[error("baseOffset {base_offset}, lastOffsetDelta {last_offset_delta} and recordCount {count} contradict")]
    Offsets {
        /// From the header.
        base_offset: Offset,
        /// From the header.
        last_offset_delta: i32,
        /// From the header.
        count: i32,
    },
    /// Compressed or transactional: raft writes no such batch.
    #[error("attributes are {0:#06x}")]
    Attributes(u16),
    /// Corrupt or torn.
    #[error("crc is {stored:#010x}, the bytes give {computed:#010x}")]
    Crc {
        /// From the header.
        stored: u32,
        /// Computed from the bytes.
        computed: u32,
    },
    /// Kafka's raft reader rejects such a record.
    #[error("malformed record: {0}")]
    MalformedRecord(&'static str),
    /// An unknown type or version of a metadata record.
    #[error("unknown metadata record: frame version {frame_version}, api key {api_key}, version {version}")]
    UnknownMetadataRecord {
        /// Version of the frame.
        frame_version: u32,
        /// Key of the record type.
        api_key: u32,
        /// Version of the record.
        version: u32,
    },
    /// A control record of an unknown or unexpected type.
    #[error("control record type {0}")]
    ControlRecordType(i16),
}
