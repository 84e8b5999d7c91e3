//! Record batch format v2: header, CRC-32C, building and reading (consensus.md §8.3).

use std::cell::OnceCell;
use std::rc::Rc;

use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::batch_error::BatchError;
use super::control_record::ControlRecord;
use super::record::{Buffer, NO_OP_FRAME, Reader, Record, parse_frame, value_frame};
use crate::ids::{LeaderEpoch, Offset, ProducerId};
use crate::metadata::MetadataRecord;

/// Size of the batch header.
pub const BATCH_HEADER_BYTES: usize = 61;
/// `max.message.bytes` of the metadata log: the limit of a batch.
pub const MAX_BATCH_BYTES: usize = 8 << 20;

/// `baseOffset` and `batchLength`: the bytes that the length does not include.
const LOG_OVERHEAD_BYTES: usize = 12;
const LENGTH_AT: usize = 8;
const EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const LAST_OFFSET_DELTA_AT: usize = 23;
const BASE_TIMESTAMP_AT: usize = 27;
const MAX_TIMESTAMP_AT: usize = 35;
const PRODUCER_ID_AT: usize = 43;
const PRODUCER_EPOCH_AT: usize = 51;
const BASE_SEQUENCE_AT: usize = 53;
const RECORD_COUNT_AT: usize = 57;

const MAGIC: u8 = 2;
const CONTROL_ATTRIBUTE: u16 = 0x20;

/// The fields of a batch header; the CRC is not checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// First offset.
    pub base_offset: Offset,
    /// Last offset (inclusive).
    pub last_offset: Offset,
    /// `partitionLeaderEpoch`.
    pub epoch: LeaderEpoch,
    /// Attribute bit 5.
    pub control: bool,
    /// Bytes of the whole batch, this header included.
    pub size_bytes: usize,
}

/// All fields of a header, of a batch of whatever kind; the CRC as it is and as it should be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyHeader {
    pub base_offset: Offset,
    pub last_offset: Offset,
    pub epoch: LeaderEpoch,
    pub control: bool,
    pub attributes: u16,
    pub crc: u32,
    pub computed_crc: u32,
    pub base_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub producer: Option<BatchProducer>,
    pub record_count: i32,
}

/// The header of a complete batch, which [`Batch::peek_header`] has accepted; the model accepts fewer kinds of batches.
pub(crate) fn header_of_any(batch: &[u8]) -> AnyHeader {
    let i64_at = |at| i64::from_be_bytes(field(batch, at));
    let i32_at = |at| i32::from_be_bytes(field(batch, at));
    let attributes = u16::from_be_bytes(field(batch, ATTRIBUTES_AT));
    AnyHeader {
        base_offset: Offset(i64_at(0)),
        last_offset: Offset(i64_at(0) + i64::from(i32_at(LAST_OFFSET_DELTA_AT))),
        epoch: LeaderEpoch(i32_at(EPOCH_AT)),
        control: attributes & CONTROL_ATTRIBUTE != 0,
        attributes,
        crc: u32::from_be_bytes(field(batch, CRC_AT)),
        computed_crc: crc32c::crc32c(&batch[ATTRIBUTES_AT..]),
        base_timestamp_ms: i64_at(BASE_TIMESTAMP_AT),
        max_timestamp_ms: i64_at(MAX_TIMESTAMP_AT),
        producer: producer(batch),
        record_count: i32_at(RECORD_COUNT_AT),
    }
}

fn producer(batch: &[u8]) -> Option<BatchProducer> {
    let id = ProducerId(i64::from_be_bytes(field(batch, PRODUCER_ID_AT)));
    (id.0 >= 0).then(|| BatchProducer {
        id,
        epoch: i16::from_be_bytes(field(batch, PRODUCER_EPOCH_AT)),
        base_sequence: i32::from_be_bytes(field(batch, BASE_SEQUENCE_AT)),
    })
}

/// The decoded metadata records of a batch.
type MetadataRecords = Box<[(Offset, MetadataRecord)]>;
/// The producer fields of a batch header, if an idempotent producer wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProducer {
    /// Never negative.
    pub id: ProducerId,
    /// `producerEpoch`
    pub epoch: i16,
    /// Sequence number of the first record; the others follow, 0 after 2^31 - 1.
    pub base_sequence: i32,
}

impl std::fmt::Display for BatchProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "producer {} epoch {} sequence {}", self.id, self.epoch, self.base_sequence)
    }
}

/// One record batch, format v2; the bytes are shared by all owners.
#[derive(Debug)]
pub struct Batch {
    /// The whole batch, header and CRC included.
    pub bytes: Rc<[u8]>,
    /// First offset.
    pub base_offset: Offset,
    /// Last offset (inclusive).
    pub last_offset: Offset,
    /// `partitionLeaderEpoch`.
    pub epoch: LeaderEpoch,
    /// Attribute bit 5.
    pub control: bool,
    /// xxh3-64 of `bytes`.
    pub hash: u64,
    /// The result of the CRC check. The bytes are immutable and shared, so the check is done once, when the batch is
    /// created.
    intact: bool,
    /// The metadata records, decoded once, at the first access.
    metadata: OnceCell<Result<MetadataRecords, BatchError>>,
}

impl Batch {
    /// Reads the header at the start of `bytes` without reading the rest.
    pub fn peek_header(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let header = bytes
            .first_chunk::<BATCH_HEADER_BYTES>()
            .ok_or(BatchError::Incomplete { needed: BATCH_HEADER_BYTES, found: bytes.len() })?;
        let magic = header[MAGIC_AT];
        if magic != MAGIC {
            return Err(BatchError::Magic(magic));
        }
        let length = i32::from_be_bytes(field(header, LENGTH_AT));
        let size_bytes = usize::try_from(length).map_or(0, |length| length + LOG_OVERHEAD_BYTES);
        if size_bytes < BATCH_HEADER_BYTES {
            return Err(BatchError::Length(length));
        }
        let attributes = u16::from_be_bytes(field(header, ATTRIBUTES_AT));
        let base_offset = Offset(i64::from_be_bytes(field(header, 0)));
        let last_offset_delta = i32::from_be_bytes(field(header, LAST_OFFSET_DELTA_AT));
        // The next offset must be valid, too.
        let next_offset = base_offset.0.checked_add(i64::from(last_offset_delta) + 1);
        match next_offset {
            Some(next) if base_offset.0 >= 0 && last_offset_delta >= 0 => Ok(BatchHeader {
                base_offset,
                last_offset: Offset(next - 1),
                epoch: LeaderEpoch(i32::from_be_bytes(field(header, EPOCH_AT))),
                control: attributes & CONTROL_ATTRIBUTE != 0,
                size_bytes,
            }),
            _ => {
                let count = i32::from_be_bytes(field(header, RECORD_COUNT_AT));
                Err(BatchError::Offsets { base_offset, last_offset_delta, count })
            }
        }
    }

    /// Reads one whole batch from the start of `bytes` and checks its CRC; also returns its size. The records inside
    /// are decoded only when needed.
    pub fn parse(bytes: &[u8]) -> Result<(Batch, usize), BatchError> {
        let header = Batch::check(bytes)?;
        let size = header.size_bytes;
        Ok((Batch::with_header(header, bytes[..size].into(), true), size))
    }

    /// As [`Batch::parse`], for bytes that are exactly one batch: they are shared, not copied.
    pub fn parse_shared(bytes: &Rc<[u8]>) -> Result<Batch, BatchError> {
        let header = Batch::check(bytes)?;
        let size = header.size_bytes;
        let bytes = if size == bytes.len() { Rc::clone(bytes) } else { bytes[..size].into() };
        Ok(Batch::with_header(header, bytes, true))
    }

    /// Checks the batch at the start of `bytes` as [`Batch::parse`] does.
    pub fn check(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
        let header = Batch::peek_header(bytes)?;
        let size = header.size_bytes;
        let bytes = bytes.get(..size).ok_or(BatchError::Incomplete { needed: size, found: bytes.len() })?;
        check_crc(bytes)?;
        let attributes = u16::from_be_bytes(field(bytes, ATTRIBUTES_AT));
        if attributes & !CONTROL_ATTRIBUTE != 0 {
            return Err(BatchError::Attributes(attributes));
        }
        let count = i32::from_be_bytes(field(bytes, RECORD_COUNT_AT));
        let delta = header.last_offset.0 - header.base_offset.0;
        if i64::from(count) != delta + 1 {
            let last_offset_delta = i32::from_be_bytes(field(bytes, LAST_OFFSET_DELTA_AT));
            return Err(BatchError::Offsets { base_offset: header.base_offset, last_offset_delta, count });
        }
        Ok(header)
    }

    /// Reads a batch without checking its CRC: for the recovery without checksums (G30), and after a clean shutdown.
    pub(crate) fn parse_unchecked(bytes: &[u8]) -> Result<(Batch, usize), BatchError> {
        let header = Batch::peek_header(bytes)?;
        let size = header.size_bytes.min(bytes.len());
        let bytes = &bytes[..size];
        let intact = size == header.size_bytes && check_crc(bytes).is_ok();
        Ok((Batch::with_header(header, bytes.into(), intact), size))
    }

    fn with_header(header: BatchHeader, bytes: Rc<[u8]>, intact: bool) -> Batch {
        let BatchHeader { base_offset, last_offset, epoch, control, size_bytes: _ } = header;
        let metadata = OnceCell::new();
        Batch { hash: xxh3_64(&bytes), bytes, base_offset, last_offset, epoch, control, intact, metadata }
    }

    /// Whether the bytes match their CRC. Only a recovery without checksums creates a batch whose bytes do not.
    pub fn is_intact(&self) -> bool {
        self.intact
    }

    /// Size of the whole batch.
    pub fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Number of offsets in the batch.
    pub fn offset_count(&self) -> i64 {
        self.last_offset.0 - self.base_offset.0 + 1
    }

    /// One past the last offset.
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset.0 + 1)
    }

    /// `maxTimestamp`; raft gives all records of a batch the same one.
    pub fn max_timestamp_ms(&self) -> i64 {
        i64::from_be_bytes(field(&self.bytes, MAX_TIMESTAMP_AT))
    }

    /// The idempotent producer of the batch, if any.
    pub fn producer(&self) -> Option<BatchProducer> {
        producer(&self.bytes)
    }

    /// The same records with other offsets and another epoch, as a leader assigns them to a producer's batch. The CRC
    /// covers neither field.
    #[must_use]
    pub fn assigned(&self, base_offset: Offset, epoch: LeaderEpoch) -> Batch {
        let mut bytes: Rc<[u8]> = Rc::from(&self.bytes[..]);
        let header = Rc::get_mut(&mut bytes).expect("nobody else holds it yet");
        header[..LENGTH_AT].copy_from_slice(&base_offset.0.to_be_bytes());
        header[EPOCH_AT..MAGIC_AT].copy_from_slice(&epoch.0.to_be_bytes());
        let header = BatchHeader {
            base_offset,
            last_offset: Offset(base_offset.0 + self.offset_count() - 1),
            epoch,
            control: self.control,
            size_bytes: bytes.len(),
        };
        Batch::with_header(header, bytes, self.intact)
    }

    /// Offset and value of each data record; no-ops and control records have none. Ends early at a malformed record,
    /// which only a batch that is not intact can contain.
    pub fn values(&self) -> impl Iterator<Item = (Offset, u64)> + '_ {
        values(&self.bytes, self.base_offset, self.control)
    }

    /// [`Batch::values`] of the batch at the start of `bytes`, without keeping the batch.
    pub fn values_at(bytes: &[u8]) -> Result<impl Iterator<Item = (Offset, u64)> + '_, BatchError> {
        let header = Batch::peek_header(bytes)?;
        let size = header.size_bytes;
        let bytes = bytes.get(..size).ok_or(BatchError::Incomplete { needed: size, found: bytes.len() })?;
        check_crc(bytes)?;
        Ok(values(bytes, header.base_offset, header.control))
    }

    /// The metadata records in order, none in a control batch; decoded once for all nodes that share the batch. A
    /// malformed record makes the whole batch unreadable, as in Kafka's reader.
    pub fn metadata_records(&self) -> Result<impl ExactSizeIterator<Item = (Offset, &MetadataRecord)>, BatchError> {
        let records = self.metadata.get_or_init(|| self.decode_metadata()).as_deref().map_err(|error| *error)?;
        Ok(records.iter().map(|(offset, record)| (*offset, record)))
    }

    fn decode_metadata(&self) -> Result<MetadataRecords, BatchError> {
        if self.control {
            return Ok(Box::default());
        }
        let decode = |record: Result<Record<'_>, BatchError>| {
            let record = record?;
            if record.key.is_some() {
                return Err(BatchError::MalformedRecord("a data record with a key"));
            }
            let offset = Offset(self.base_offset.0 + i64::from(record.offset_delta));
            Ok((offset, MetadataRecord::read(record.value)?))
        };
        records(&self.bytes).map(decode).collect()
    }

    /// The control records in order; none in a data batch. An unexpected type or a malformed record is an error (fatal
    /// in Kafka, consensus.md §8.5).
    pub fn control_records(&self) -> Result<SmallVec<[ControlRecord; 1]>, BatchError> {
        if !self.control {
            return Ok(SmallVec::new());
        }
        records(&self.bytes).map(|record| ControlRecord::parse(record?)).collect()
    }
}

fn values(bytes: &[u8], base_offset: Offset, control: bool) -> impl Iterator<Item = (Offset, u64)> + '_ {
    let records = records(bytes).take_while(move |record| !control && record.is_ok()).flatten();
    let offset = move |record: &Record<'_>| Offset(base_offset.0 + i64::from(record.offset_delta));
    let numbers = records.map(move |record| (offset(&record), parse_frame(record.value)));
    numbers.take_while(|(_, number)| number.is_ok()).filter_map(|(offset, number)| Some((offset, number.ok()??)))
}

fn records(bytes: &[u8]) -> impl Iterator<Item = Result<Record<'_>, BatchError>> + '_ {
    let mut reader = Reader(&bytes[BATCH_HEADER_BYTES..]);
    let count = i32::from_be_bytes(field(bytes, RECORD_COUNT_AT));
    let base_offset = i64::from_be_bytes(field(bytes, 0));
    let has_offset = move |record: &Record<'_>| base_offset.checked_add(i64::from(record.offset_delta)).is_some();
    (0..count).map(move |_| {
        let record = Record::parse(&mut reader)?;
        if has_offset(&record) { Ok(record) } else { Err(BatchError::MalformedRecord("its offset is above all")) }
    })
}

fn check_crc(batch: &[u8]) -> Result<(), BatchError> {
    let stored = u32::from_be_bytes(field(batch, CRC_AT));
    let computed = crc32c::crc32c(&batch[ATTRIBUTES_AT..]);
    if stored == computed { Ok(()) } else { Err(BatchError::Crc { stored, computed }) }
}

/// A fixed-width field of a complete header.
fn field<const N: usize>(header: &[u8], at: usize) -> [u8; N] {
    header[at..at + N].try_into().expect("a slice of N bytes is an array of N")
}

/// Whole batches in offset order; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Records(pub SmallVec<[Rc<Batch>; 1]>);

impl PartialEq for Records {
    fn eq(&self, other: &Records) -> bool {
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(|(a, b)| a.hash == b.hash)
    }
}
impl Eq for Records {}

/// Writes one batch, of either data or control records.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    /// The bytes of the batch so far; the header is not filled in yet.
    bytes: Buffer,
    base_offset: Offset,
    epoch: LeaderEpoch,
    timestamp_ms: i64,
    count: i32,
    control: bool,
    producer: Option<BatchProducer>,
}

impl BatchBuilder {
    /// An empty batch.
    pub fn new(base_offset: Offset, epoch: LeaderEpoch, timestamp_ms: i64) -> BatchBuilder {
        let bytes = Buffer::from_slice(&[0; BATCH_HEADER_BYTES]);
        BatchBuilder { bytes, base_offset, epoch, timestamp_ms, count: 0, control: false, producer: None }
    }

    /// Sets the producer; without it the batch has none.
    pub fn producer(&mut self, producer: BatchProducer) -> &mut BatchBuilder {
        self.producer = Some(producer);
        self
    }

    /// Adds a data record with a number.
    pub fn value(&mut self, value: u64) -> &mut BatchBuilder {
        self.push(false, None, &value_frame(value))
    }

    /// Adds a plain `NoOpRecord`.
    pub fn no_op(&mut self) -> &mut BatchBuilder {
        self.push(false, None, &NO_OP_FRAME)
    }

    /// Adds a metadata record, encoded by [`MetadataRecord::frame`].
    pub fn record(&mut self, frame: &[u8]) -> &mut BatchBuilder {
        self.push(false, None, frame)
    }

    pub fn control(&mut self, record: ControlRecord) -> &mut BatchBuilder {
        self.push(true, Some(&record.key()), &record.value())
    }

    fn push(&mut self, control: bool, key: Option<&[u8]>, value: &[u8]) -> &mut BatchBuilder {
        assert!(
            self.count == 0 || self.control == control,
            "a batch at offset {} of {} records mixes control and data",
            self.base_offset,
            self.count
        );
        self.control = control;
        Record { offset_delta: self.count, key, value }.write(&mut self.bytes);
        self.count += 1;
        self
    }

    /// Size of the batch if it were built now.
    pub fn size(&self) -> u32 {
        u32::try_from(self.bytes.len()).expect("batches are at most 8 MiB")
    }

    pub fn record_count(&self) -> u32 {
        self.count.unsigned_abs()
    }

    /// The offset of the next record.
    pub fn next_offset(&self) -> Offset {
        Offset(self.base_offset.0 + i64::from(self.count))
    }

    /// The batch, with its header and CRC.
    pub fn build(&self) -> Rc<Batch> {
        assert!(self.count > 0, "a batch at offset {} has no record", self.base_offset);
        let mut bytes: Rc<[u8]> = Rc::from(&self.bytes[..]);
        let header = Rc::get_mut(&mut bytes).expect("nobody else holds it yet");
        let length = i32::try_from(header.len() - LOG_OVERHEAD_BYTES).expect("batches are at most 8 MiB");
        let last_offset_delta = self.count - 1;
        let mut put = |at: usize, field: &[u8]| header[at..at + field.len()].copy_from_slice(field);
        put(0, &self.base_offset.0.to_be_bytes());
        put(LENGTH_AT, &length.to_be_bytes());
        put(EPOCH_AT, &self.epoch.0.to_be_bytes());
        put(MAGIC_AT, &[MAGIC]);
        put(ATTRIBUTES_AT, &(if self.control { CONTROL_ATTRIBUTE } else { 0 }).to_be_bytes());
        put(LAST_OFFSET_DELTA_AT, &last_offset_delta.to_be_bytes());
        put(BASE_TIMESTAMP_AT, &self.timestamp_ms.to_be_bytes());
        put(MAX_TIMESTAMP_AT, &self.timestamp_ms.to_be_bytes());
        // producerId, producerEpoch, baseSequence: all -1 without an idempotent producer.
        put(PRODUCER_ID_AT, &[0xff; RECORD_COUNT_AT - PRODUCER_ID_AT]);
        if let Some(producer) = self.producer {
            put(PRODUCER_ID_AT, &producer.id.0.to_be_bytes());
            put(PRODUCER_EPOCH_AT, &producer.epoch.to_be_bytes());
            put(BASE_SEQUENCE_AT, &producer.base_sequence.to_be_bytes());
        }
        put(RECORD_COUNT_AT, &self.count.to_be_bytes());
        let crc = crc32c::crc32c(&header[ATTRIBUTES_AT..]);
        header[CRC_AT..ATTRIBUTES_AT].copy_from_slice(&crc.to_be_bytes());
        let batch_header = BatchHeader {
            base_offset: self.base_offset,
            last_offset: Offset(self.base_offset.0 + i64::from(last_offset_delta)),
            epoch: self.epoch,
            control: self.control,
            size_bytes: bytes.len(),
        };
        Rc::new(Batch::with_header(batch_header, bytes, true))
    }
}
