//! Records of which this crate has no type, because no simulated cluster writes them: access control, quotas, SCRAM,
//! delegation tokens, records of older releases, control records of dynamic quorums and transactions. Their fields are
//! read by a table of Kafka's message definitions.

use crate::log::{BatchError, Reader};
use crate::message::Value;

/// The type of a field.
#[derive(Clone, Copy)]
enum Type {
    Bool,
    Int8,
    Int16,
    Uint16,
    Int32,
    Int64,
    /// Displayed as text.
    Float64,
    Uuid,
    Text,
    NullableText,
    /// Bytes that are secret (Kafka's `MetadataRecordRedactor`): their content is not displayed.
    Secret,
    Texts,
    Struct(&'static [Field]),
    Structs(&'static [Field]),
}

use Type::{
    Bool, Float64, Int8, Int16, Int32, Int64, NullableText, Secret, Struct, Structs, Text, Texts, Uint16, Uuid,
};

/// Name, type, and the version since which it exists.
type Field = (&'static str, Type, i16);

/// Key, name, fields of version 0.
const METADATA: &[(u32, &str, &[Field])] = &[
    (
        10,
        "DelegationTokenRecord",
        &[
            ("owner", Text, 0),
            ("requester", Text, 0),
            ("renewers", Texts, 0),
            ("issueTimestamp", Int64, 0),
            ("maxTimestamp", Int64, 0),
            ("expirationTimestamp", Int64, 0),
            ("tokenId", Text, 0),
        ],
    ),
    (
        11,
        "UserScramCredentialRecord",
        &[
            ("name", Text, 0),
            ("mechanism", Int8, 0),
            ("salt", Secret, 0),
            ("storedKey", Secret, 0),
            ("serverKey", Secret, 0),
            ("iterations", Int32, 0),
        ],
    ),
    (
        14,
        "ClientQuotaRecord",
        &[
            ("entity", Structs(&[("entityType", Text, 0), ("entityName", NullableText, 0)]), 0),
            ("key", Text, 0),
            ("value", Float64, 0),
            ("remove", Bool, 0),
        ],
    ),
    (
        18,
        "AccessControlEntryRecord",
        &[
            ("id", Uuid, 0),
            ("resourceType", Int8, 0),
            ("resourceName", Text, 0),
            ("patternType", Int8, 0),
            ("principal", Text, 0),
            ("host", Text, 0),
            ("operation", Int8, 0),
            ("permissionType", Int8, 0),
        ],
    ),
    (19, "RemoveAccessControlEntryRecord", &[("id", Uuid, 0)]),
    (22, "RemoveUserScramCredentialRecord", &[("name", Text, 0), ("mechanism", Int8, 0)]),
    (26, "RemoveDelegationTokenRecord", &[("tokenId", Text, 0)]),
];

const VOTER: &[Field] = &[("voterId", Int32, 0), ("voterDirectoryId", Uuid, 1)];
const ENDPOINT: &[Field] = &[("name", Text, 0), ("host", Text, 0), ("port", Uint16, 0)];
const KRAFT_VERSIONS: &[Field] = &[("minSupportedVersion", Int16, 0), ("maxSupportedVersion", Int16, 0)];

/// Type of the key, name of `ControlRecordType`, fields behind the version.
const CONTROL: &[(i16, &str, &[Field])] = &[
    (
        2,
        "LEADER_CHANGE",
        &[("leaderId", Int32, 0), ("voters", Structs(VOTER), 0), ("grantingVoters", Structs(VOTER), 0)],
    ),
    (3, "SNAPSHOT_HEADER", &[("lastContainedLogTimestamp", Int64, 0)]),
    (4, "SNAPSHOT_FOOTER", &[]),
    (5, "KRAFT_VERSION", &[("kRaftVersion", Int16, 0)]),
    (
        6,
        "KRAFT_VOTERS",
        &[(
            "voters",
            Structs(&[
                ("voterId", Int32, 0),
                ("voterDirectoryId", Uuid, 0),
                ("endpoints", Structs(ENDPOINT), 0),
                ("kRaftVersionFeature", Struct(KRAFT_VERSIONS), 0),
            ]),
            0,
        )],
    ),
];

/// A metadata record, whose frame's header was read before; `None`: of an unknown type or version.
pub(super) fn metadata(api_key: u32, version: u32, frame: &[u8]) -> Result<Option<(&'static str, Value)>, BatchError> {
    let Some((_, name, fields)) = METADATA.iter().find(|(key, ..)| *key == api_key && version == 0) else {
        return Ok(None);
    };
    let mut reader = Reader(frame);
    for _ in 0..3 {
        reader.unsigned_varint()?;
    }
    let data = message(fields, 0, Vec::new(), &mut reader)?;
    reader.end()?;
    Ok(Some((name, data)))
}

/// The name and the fields of a control record.
pub(super) fn control(kind: i16, mut value: Reader<'_>) -> Result<(&'static str, Value), BatchError> {
    // The markers of transactions are not encoded as messages (`EndTransactionMarker`).
    if let 0 | 1 = kind {
        value.i16()?;
        let epoch = Value::Number(value.i32()?.into());
        let name = if kind == 0 { "ABORT" } else { "COMMIT" };
        return Ok((name, Value::Struct(vec![("coordinatorEpoch".to_owned(), epoch)])));
    }
    let (_, name, fields) =
        CONTROL.iter().find(|(other, ..)| *other == kind).ok_or(BatchError::ControlRecordType(kind))?;
    let version = value.i16()?;
    let first = vec![("version".to_owned(), Value::Number(version.into()))];
    let data = message(fields, version, first, &mut value)?;
    value.end()?;
    Ok((name, data))
}

/// The fields of a version, then tagged fields, of which these records have none that is known.
fn message(
    fields: &[Field],
    version: i16,
    mut read: Vec<(String, Value)>,
    reader: &mut Reader<'_>,
) -> Result<Value, BatchError> {
    for (name, kind, _) in fields.iter().filter(|(_, _, since)| version >= *since) {
        read.push(((*name).to_owned(), field(*kind, version, reader)?));
    }
    reader.tagged_fields(|_, _| {})?;
    Ok(Value::Struct(read))
}

fn field(kind: Type, version: i16, reader: &mut Reader<'_>) -> Result<Value, BatchError> {
    Ok(match kind {
        Bool => Value::Bool(reader.i8()? != 0),
        Int8 => Value::Number(reader.i8()?.into()),
        Int16 => Value::Number(reader.i16()?.into()),
        Uint16 => Value::Number(u16::from_be_bytes(reader.array()?).into()),
        Int32 => Value::Number(reader.i32()?.into()),
        Int64 => Value::Number(i64::from_be_bytes(reader.array()?)),
        Float64 => Value::Text(f64::from_be_bytes(reader.array()?).to_string()),
        Uuid => Value::Text(crate::ids::Uuid(reader.array()?).to_string()),
        Text => text(reader)?.ok_or(BatchError::MalformedRecord("a text is null"))?,
        NullableText => text(reader)?.unwrap_or(Value::Null),
        Secret => {
            let length = length(reader)?.unwrap_or(0);
            reader.take(length)?;
            Value::Text("(redacted)".to_owned())
        }
        Texts => list(reader, |reader| text(reader)?.ok_or(BatchError::MalformedRecord("a text is null")))?,
        Struct(fields) => message(fields, version, Vec::new(), reader)?,
        Structs(fields) => list(reader, |reader| message(fields, version, Vec::new(), reader))?,
    })
}

/// Compact encoding: the length plus one, 0 for null.
fn length(reader: &mut Reader<'_>) -> Result<Option<usize>, BatchError> {
    Ok(reader.unsigned_varint()?.checked_sub(1).map(|length| length as usize))
}

fn text(reader: &mut Reader<'_>) -> Result<Option<Value>, BatchError> {
    let Some(length) = length(reader)? else { return Ok(None) };
    let text = str::from_utf8(reader.take(length)?);
    text.map(|text| Some(Value::Text(text.to_owned()))).map_err(|_| BatchError::MalformedRecord("a text is not UTF-8"))
}

fn list(
    reader: &mut Reader<'_>,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<Value, BatchError>,
) -> Result<Value, BatchError> {
    let count = length(reader)?.unwrap_or(0);
    // Every item has at least one byte: this limits the work.
    if count > reader.0.len() {
        return Err(BatchError::MalformedRecord("a list has more items than there are bytes"));
    }
    (0..count).map(|_| item(reader)).collect::<Result<_, _>>().map(Value::List)
}
