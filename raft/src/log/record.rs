//! Records inside a batch: varints, the record frame, and the metadata frame around a value
//! (consensus.md §8.4).

use smallvec::SmallVec;

use super::batch_error::BatchError;
use crate::ids::Uuid;

/// The buffer for a batch or a record: on the stack, because most are small.
pub type Buffer = SmallVec<[u8; 256]>;

/// Metadata frame version.
const FRAME_VERSION: u32 = 1;
/// Api key of Kafka's `NoOpRecord`.
const NO_OP_API_KEY: u32 = 20;
/// Tag of the value in a `NoOpRecord` of this model: Kafka's readers skip unknown tagged fields, so every batch is
/// valid for them.
const VALUE_TAG: u32 = 0;

/// Value of a plain `NoOpRecord`.
pub(crate) const NO_OP_FRAME: [u8; 4] = [FRAME_VERSION as u8, NO_OP_API_KEY as u8, 0, 0];

/// Value of a `NoOpRecord` with a number of the model's client.
pub(crate) fn value_frame(value: u64) -> [u8; 14] {
    let mut frame = [0; 14];
    frame[..6].copy_from_slice(&[FRAME_VERSION as u8, NO_OP_API_KEY as u8, 0, 1, VALUE_TAG as u8, 8]);
    frame[6..].copy_from_slice(&value.to_be_bytes());
    frame
}

/// The number in a metadata frame; `Ok(None)` for a plain `NoOpRecord`.
pub(super) fn parse_frame(frame: &[u8]) -> Result<Option<u64>, BatchError> {
    let mut reader = Reader(frame);
    let frame_version = reader.unsigned_varint()?;
    let api_key = reader.unsigned_varint()?;
    let version = reader.unsigned_varint()?;
    if frame_version != FRAME_VERSION || api_key != NO_OP_API_KEY || version != 0 {
        return Err(BatchError::UnknownMetadataRecord { frame_version, api_key, version });
    }
    let mut value = None;
    reader.tagged_fields(|tag, field| {
        if tag == VALUE_TAG {
            value = field.try_into().ok().map(u64::from_be_bytes);
        }
    })?;
    reader.end()?;
    Ok(value)
}

/// One record, borrowed from its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Offset minus the batch's base offset.
    pub offset_delta: i32,
    /// `None` for data records.
    pub key: Option<&'a [u8]>,
    /// Never empty.
    pub value: &'a [u8],
}

impl<'a> Record<'a> {
    /// Reads the next record; rejects what Kafka's raft reader rejects.
    pub fn parse(reader: &mut Reader<'a>) -> Result<Record<'a>, BatchError> {
        let length = reader.varint()?;
        let mut body = Reader(reader.take_signed(length)?);
        body.i8()?;
        if body.varlong()? != 0 {
            return Err(BatchError::MalformedRecord("timestampDelta is not 0"));
        }
        let offset_delta = body.varint()?;
        let key_length = body.varint()?;
        let key = if key_length == -1 { None } else { Some(body.take_signed(key_length)?) };
        let value_length = body.varint()?;
        if value_length < 1 {
            return Err(BatchError::MalformedRecord("the value is missing or empty"));
        }
        let value = body.take_signed(value_length)?;
        if body.0 != [0] {
            return Err(BatchError::MalformedRecord("headers, or bytes after the record"));
        }
        Ok(Record { offset_delta, key, value })
    }

    /// Appends the record's bytes.
    pub fn write(&self, out: &mut Buffer) {
        let key_length = self.key.map_or(-1, i32_len);
        let body_length = 1
            + varint_len(0)
            + varint_len(self.offset_delta)
            + varint_len(key_length)
            + self.key.map_or(0, <[u8]>::len)
            + varint_len(i32_len(self.value))
            + self.value.len()
            + varint_len(0);
        put_varint(out, i32::try_from(body_length).expect("records are small"));
        out.push(0);
        put_varint(out, 0);
        put_varint(out, self.offset_delta);
        put_varint(out, key_length);
        out.extend_from_slice(self.key.unwrap_or_default());
        put_varint(out, i32_len(self.value));
        out.extend_from_slice(self.value);
        put_varint(out, 0);
    }
}

fn i32_len(bytes: &[u8]) -> i32 {
    i32::try_from(bytes.len()).expect("keys and values are small")
}

/// Appends an unsigned LEB128 number.
pub(crate) fn put_unsigned_varint(out: &mut Buffer, mut n: u32) {
    while n >= 0x80 {
        out.push(n as u8 & 0x7f | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn zigzag(n: i32) -> u32 {
    (n << 1 ^ n >> 31) as u32
}

fn put_varint(out: &mut Buffer, n: i32) {
    put_unsigned_varint(out, zigzag(n));
}

fn varint_len(n: i32) -> usize {
    (32 - (zigzag(n) | 1).leading_zeros()).div_ceil(7) as usize
}

/// Reads fields from the start of a byte string; never reads past its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], BatchError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(BatchError::MalformedRecord("it ends too early"))?;
        self.0 = tail;
        Ok(head)
    }

    pub fn take_signed(&mut self, count: i32) -> Result<&'a [u8], BatchError> {
        let count = usize::try_from(count).map_err(|_| BatchError::MalformedRecord("a negative length"))?;
        self.take(count)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], BatchError> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take gives as many bytes as asked"))
    }

    pub fn i8(&mut self) -> Result<i8, BatchError> {
        self.array().map(i8::from_be_bytes)
    }

    pub fn i16(&mut self) -> Result<i16, BatchError> {
        self.array().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> Result<i32, BatchError> {
        self.array().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> Result<i64, BatchError> {
        self.array().map(i64::from_be_bytes)
    }

    fn unsigned_varlong(&mut self, max_bits: u32) -> Result<u64, BatchError> {
        let mut n = 0;
        for shift in (0..max_bits).step_by(7) {
            let [byte] = self.array()?;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(n);
            }
        }
        Err(BatchError::MalformedRecord("a varint is too long"))
    }

    pub fn unsigned_varint(&mut self) -> Result<u32, BatchError> {
        let n = self.unsigned_varlong(32)?;
        u32::try_from(n).map_err(|_| BatchError::MalformedRecord("a varint is too large"))
    }

    pub fn varint(&mut self) -> Result<i32, BatchError> {
        let n = self.unsigned_varint()?;
        Ok((n >> 1) as i32 ^ -((n & 1) as i32))
    }

    pub fn varlong(&mut self) -> Result<i64, BatchError> {
        let n = self.unsigned_varlong(64)?;
        Ok((n >> 1) as i64 ^ -((n & 1) as i64))
    }

    /// A string of a flexible version.
    pub fn text(&mut self) -> Result<&'a str, BatchError> {
        let length = self.unsigned_varint()?.checked_sub(1).ok_or(BatchError::MalformedRecord("a string is null"))?;
        let bytes = self.take(length as usize)?;
        std::str::from_utf8(bytes).map_err(|_| BatchError::MalformedRecord("a string is not UTF-8"))
    }

    pub fn uuid(&mut self) -> Result<Uuid, BatchError> {
        self.array().map(Uuid)
    }

    /// The tagged fields at the end of every struct of a flexible version.
    pub fn tagged_fields(&mut self, mut field: impl FnMut(u32, &'a [u8])) -> Result<(), BatchError> {
        for _ in 0..self.unsigned_varint()? {
            let (tag, bytes) = self.tagged_field()?;
            field(tag, bytes.0);
        }
        Ok(())
    }

    /// One tagged field: its tag and its bytes.
    pub fn tagged_field(&mut self) -> Result<(u32, Reader<'a>), BatchError> {
        let tag = self.unsigned_varint()?;
        let size = self.unsigned_varint()?;
        Ok((tag, Reader(self.take(size as usize)?)))
    }

    /// Fails unless all bytes were read.
    pub fn end(&self) -> Result<(), BatchError> {
        if self.0.is_empty() { Ok(()) } else { Err(BatchError::MalformedRecord("bytes after its end")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_zigzag_leb128() {
        let cases: [(i32, &[u8]); 7] = [
            (0, &[0]),
            (-1, &[1]),
            (63, &[0x7e]),
            (64, &[0x80, 1]),
            (-65, &[0x81, 1]),
            (i32::MAX, &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i32::MIN, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ];
        for (n, bytes) in cases {
            let mut written = Buffer::new();
            put_varint(&mut written, n);
            assert_eq!((written.as_slice(), varint_len(n)), (bytes, bytes.len()), "{n}");
            assert_eq!(Reader(bytes).varint(), Ok(n));
        }
        assert!(Reader(&[0x80; 5]).varint().is_err() && Reader(&[0x80]).varint().is_err());
    }

    #[test]
    fn metadata_frames_are_no_op_records() {
        assert_eq!(NO_OP_FRAME, [0x01, 0x14, 0x00, 0x00]);
        let frame = value_frame(0x0102_0304_0506_0708);
        assert_eq!(frame, [0x01, 0x14, 0x00, 0x01, 0x00, 0x08, 1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(parse_frame(&frame), Ok(Some(0x0102_0304_0506_0708)));
        assert_eq!(parse_frame(&NO_OP_FRAME), Ok(None));
        assert!(parse_frame(&[0x01, 0x15, 0x00, 0x00]).is_err());
    }
}
