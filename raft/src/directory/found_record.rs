//! One record of a batch, and its meaning: a metadata record, a control record, or bytes of an application.

use std::rc::Rc;

use super::schema;
use crate::ids::Offset;
use crate::log::{BatchError, Reader};
use crate::message::Value;
use crate::metadata::MetadataRecord;

/// How values are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As metadata records.
    Metadata,
    /// As bytes.
    Data,
}

/// What a record's fields are relative to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub base_offset: Offset,
    pub base_timestamp_ms: i64,
    pub is_control: bool,
}

#[derive(Clone, Debug)]
pub struct FoundRecord {
    pub offset: Offset,
    /// `baseTimestamp` plus `timestampDelta`.
    pub timestamp_ms: i64,
    pub key: Option<Rc<[u8]>>,
    pub value: Option<Rc<[u8]>>,
    pub headers: Vec<(String, Option<Rc<[u8]>>)>,
    pub meaning: Meaning,
}

#[derive(Clone, Debug)]
pub enum Meaning {
    /// Bytes of an application.
    Data,
    Control {
        /// Kafka's `ControlRecordType`.
        name: String,
        data: Value,
    },
    Metadata {
        /// Kafka's `MetadataRecordType`.
        name: String,
        version: i16,
        /// By Kafka's names; without tagged fields that have their default, as Kafka's JSON converters write them.
        data: Value,
        /// `None`: of a type that does not occur in simulated clusters.
        record: Option<Rc<MetadataRecord>>,
    },
}

impl FoundRecord {
    /// Reads the next record of a batch that is not compressed (`DefaultRecord.readFrom`).
    pub(super) fn read(reader: &mut Reader<'_>, place: Place, kind: Kind) -> Result<FoundRecord, BatchError> {
        let length = reader.varint()?;
        let mut body = Reader(reader.take_signed(length)?);
        body.i8()?;
        let timestamp_delta = body.varlong()?;
        let offset_delta = body.varint()?;
        let key = bytes(&mut body)?;
        let value = bytes(&mut body)?;
        let mut headers = Vec::new();
        for _ in 0..body.varint()? {
            let name = bytes(&mut body)?.ok_or(BatchError::MalformedRecord("a header without a key"))?;
            headers.push((String::from_utf8_lossy(&name).into_owned(), bytes(&mut body)?));
        }
        body.end()?;
        let offset = place.base_offset.0.checked_add(i64::from(offset_delta));
        let meaning = match (kind, place.is_control) {
            (_, true) => control(key.as_deref(), value.as_deref())?,
            (Kind::Metadata, false) => metadata(value.as_deref().unwrap_or_default())?,
            (Kind::Data, false) => Meaning::Data,
        };
        Ok(FoundRecord {
            offset: Offset(offset.ok_or(BatchError::MalformedRecord("its offset is above all"))?),
            timestamp_ms: place.base_timestamp_ms.saturating_add(timestamp_delta),
            key,
            value,
            headers,
            meaning,
        })
    }
}

/// A length, -1 for null, and as many bytes.
fn bytes(reader: &mut Reader<'_>) -> Result<Option<Rc<[u8]>>, BatchError> {
    let length = reader.varint()?;
    if length == -1 { Ok(None) } else { Ok(Some(reader.take_signed(length)?.into())) }
}

fn control(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Meaning, BatchError> {
    let mut key = Reader(key.ok_or(BatchError::MalformedRecord("a control record without a key"))?);
    key.i16()?;
    let kind = key.i16()?;
    let (name, data) = schema::control(kind, Reader(value.unwrap_or_default()))?;
    Ok(Meaning::Control { name: name.to_owned(), data })
}

fn metadata(value: &[u8]) -> Result<Meaning, BatchError> {
    match MetadataRecord::read_versioned(value) {
        Ok((version, record)) => Ok(Meaning::Metadata {
            name: kafka_type(record.name()),
            version,
            data: record.written_fields(version),
            record: Some(Rc::new(record)),
        }),
        Err(BatchError::UnknownMetadataRecord { frame_version: 1, api_key, version }) => {
            let unknown = BatchError::UnknownMetadataRecord { frame_version: 1, api_key, version };
            let (name, data) = schema::metadata(api_key, version, value)?.ok_or(unknown)?;
            let version = i16::try_from(version).map_err(|_| unknown)?;
            Ok(Meaning::Metadata { name: kafka_type(name), version, data, record: None })
        }
        Err(error) => Err(error),
    }
}

/// The name in Kafka's enum `MetadataRecordType`: `RegisterBrokerRecord` is `REGISTER_BROKER_RECORD`.
fn kafka_type(name: &str) -> String {
    let mut kafka = String::new();
    for (index, c) in name.char_indices() {
        if index > 0 && c.is_ascii_uppercase() {
            kafka.push('_');
        }
        kafka.push(c.to_ascii_uppercase());
    }
    kafka
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_have_the_names_of_kafkas_enum() {
        for (name, kafka) in [("NoOpRecord", "NO_OP_RECORD"), ("ZkMigrationStateRecord", "ZK_MIGRATION_STATE_RECORD")] {
            assert_eq!(kafka_type(name), kafka);
        }
    }
}
