//! Why bytes are not a batch of a log.

use crate::ids::Offset;

/// Why bytes are not a batch of this log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The bytes end before the batch does.
    #[error("the batch needs {needed} bytes and {found} are left")]
    Incomplete {
        /// Bytes of the header or, once that is there, of the whole batch.
        needed: usize,
        /// Bytes there.
        found: usize,
    },
    /// `batchLength` cannot be.
    #[error("batchLength is {0}")]
    Length(i32),
    /// Another format.
    #[error("magic is {0}, not 2")]
    Magic(u8),
    /// Offsets or record count contradict each other.
    #[error("baseOffset {base_offset}, lastOffsetDelta {last_offset_delta} and recordCount {count} contradict")]
    Offsets {
        /// First offset.
        base_offset: Offset,
        /// Of the last record.
        last_offset_delta: i32,
        /// Of records.
        count: i32,
    },
    /// Compressed or transactional: raft writes no such batch.
    #[error("attributes are {0:#06x}")]
    Attributes(u16),
    /// Rotten or torn.
    #[error("crc is {stored:#010x}, the bytes give {computed:#010x}")]
    Crc {
        /// In the header.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// Kafka's raft reader refuses such a record.
    #[error("malformed record: {0}")]
    MalformedRecord(&'static str),
    /// A metadata record that is not known here.
    #[error("unknown metadata record: frame version {frame_version}, api key {api_key}, version {version}")]
    UnknownMetadataRecord {
        /// Of the frame.
        frame_version: u32,
        /// Which record.
        api_key: u32,
        /// Of the record.
        version: u32,
    },
    /// A control record that must not occur, or that nobody knows.
    #[error("control record type {0}")]
    ControlRecordType(i16),
}
