//! Encoding of one field of a metadata record: Kafka's flexible encoding (controller-broker.md §1.1).

use std::rc::Rc;

use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, PartitionEpoch, ProducerId, Uuid};
use crate::log::{BatchError, Frame, Reader, put_unsigned_varint};

/// Limit of a string, in bytes.
const MAX_STRING_BYTES: usize = 0x7fff;

/// Why a record cannot be encoded in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A field has a value, and the version has no such field.
    #[error("{record} has no {field} in version {version}")]
    FieldNotInVersion {
        /// Name of the struct.
        record: &'static str,
        /// Name of the field.
        field: &'static str,
        /// The requested version.
        version: i16,
    },
    /// The record type has no such version.
    #[error("{record} has no version {version}")]
    UnknownVersion {
        /// Name of the record type.
        record: &'static str,
        /// The requested version.
        version: i16,
    },
    /// A string of more than 32,767 bytes.
    #[error("a string of {0} bytes")]
    StringTooLong(usize),
}

/// Kafka's default of the type of a field.
pub(super) trait Absent {
    fn absent() -> Self;
}

/// A field, or a struct of fields.
pub(super) trait RecordField: Sized + PartialEq {
    fn write(&self, version: i16, out: &mut Frame) -> Result<(), EncodeError>;
    /// Reads it from the start.
    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, BatchError>;
}

/// The tagged fields at the end of every struct of a flexible version.
#[derive(Default)]
pub(super) struct TaggedFields {
    count: u32,
    bytes: Frame,
}

impl TaggedFields {
    /// Adds a field; tags ascend.
    pub fn push(&mut self, tag: u32, field: &impl RecordField, version: i16) -> Result<(), EncodeError> {
        let mut bytes = Frame::new();
        field.write(version, &mut bytes)?;
        self.count += 1;
        put_unsigned_varint(&mut self.bytes, tag);
        put_length(&mut self.bytes, bytes.len());
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    pub fn write(&self, out: &mut Frame) -> Result<(), EncodeError> {
        put_unsigned_varint(out, self.count);
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

fn put_length(out: &mut Frame, length: usize) {
    put_unsigned_varint(out, u32::try_from(length).expect("records are far smaller than 4 GiB"));
}

macro_rules! numbers {
    ($($type:ty: $absent:expr, $name:ident($raw:ty) => $number:expr, $make:expr;)+) => {
        $(impl Absent for $type {
            fn absent() -> $type {
                $absent
            }
        }

        impl RecordField for $type {
            fn write(&self, _: i16, out: &mut Frame) -> Result<(), EncodeError> {
                let $name = *self;
                let number: $raw = $number;
                out.extend_from_slice(&number.to_be_bytes());
                Ok(())
            }

            fn read(reader: &mut Reader<'_>, _: i16) -> Result<$type, BatchError> {
                let $name = <$raw>::from_be_bytes(reader.array()?);
                Ok($make)
            }
        })+
    };
}

numbers! {
    i8: 0, n(i8) => n, n;
    i16: 0, n(i16) => n, n;
    u16: 0, n(u16) => n, n;
    i32: 0, n(i32) => n, n;
    bool: false, n(u8) => u8::from(n), n != 0;
    NodeId: NodeId(0), n(i32) => n.0, NodeId(n);
    LeaderEpoch: LeaderEpoch(0), n(i32) => n.0, LeaderEpoch(n);
    PartitionEpoch: PartitionEpoch(0), n(i32) => n.0, PartitionEpoch(n);
    BrokerEpoch: BrokerEpoch(0), n(i64) => n.0, BrokerEpoch(n);
    ProducerId: ProducerId(0), n(i64) => n.0, ProducerId(n);
    Uuid: Uuid::ZERO, n(u128) => u128::from_be_bytes(n.0), Uuid(n.to_be_bytes());
}

/// Compact encoding: the length plus one, 0 for null.
fn read_length(reader: &mut Reader<'_>) -> Result<Option<usize>, BatchError> {
    let length = reader.unsigned_varint()?.checked_sub(1);
    Ok(length.map(|length| length as usize))
}

fn not_null<T>(value: Option<T>) -> Result<T, BatchError> {
    value.ok_or(BatchError::MalformedRecord("a field that may not be null is null"))
}

impl Absent for Option<Rc<str>> {
    fn absent() -> Self {
        None
    }
}

impl RecordField for Option<Rc<str>> {
    fn write(&self, version: i16, out: &mut Frame) -> Result<(), EncodeError> {
        match self {
            Some(text) => text.write(version, out),
            None => {
                out.push(0);
                Ok(())
            }
        }
    }

    fn read(reader: &mut Reader<'_>, _: i16) -> Result<Self, BatchError> {
        let Some(length) = read_length(reader)? else { return Ok(None) };
        if length > MAX_STRING_BYTES {
            return Err(BatchError::MalformedRecord("a string is too long"));
        }
        let text = str::from_utf8(reader.take(length)?);
        text.map(|text| Some(text.into())).map_err(|_| BatchError::MalformedRecord("a string is not UTF-8"))
    }
}

impl Absent for Rc<str> {
    fn absent() -> Self {
        "".into()
    }
}

impl RecordField for Rc<str> {
    fn write(&self, _: i16, out: &mut Frame) -> Result<(), EncodeError> {
        if self.len() > MAX_STRING_BYTES {
            return Err(EncodeError::StringTooLong(self.len()));
        }
        put_length(out, self.len() + 1);
        out.extend_from_slice(self.as_bytes());
        Ok(())
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, BatchError> {
        not_null(Option::<Rc<str>>::read(reader, version)?)
    }
}

impl<T> Absent for Option<Rc<[T]>> {
    fn absent() -> Self {
        None
    }
}

impl<T: RecordField> RecordField for Option<Rc<[T]>> {
    fn write(&self, version: i16, out: &mut Frame) -> Result<(), EncodeError> {
        match self {
            Some(items) => items.write(version, out),
            None => {
                out.push(0);
                Ok(())
            }
        }
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, BatchError> {
        let Some(count) = read_length(reader)? else { return Ok(None) };
        // Every item has at least one byte: this limits the allocation.
        if count > reader.0.len() {
            return Err(BatchError::MalformedRecord("an array has more items than there are bytes"));
        }
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(T::read(reader, version)?);
        }
        Ok(Some(items.into()))
    }
}

impl<T> Absent for Rc<[T]> {
    fn absent() -> Self {
        Rc::new([])
    }
}

impl<T: RecordField> RecordField for Rc<[T]> {
    fn write(&self, version: i16, out: &mut Frame) -> Result<(), EncodeError> {
        put_length(out, self.len() + 1);
        self.iter().try_for_each(|item| item.write(version, out))
    }

    fn read(reader: &mut Reader<'_>, version: i16) -> Result<Self, BatchError> {
        not_null(Option::<Rc<[T]>>::read(reader, version)?)
    }
}
