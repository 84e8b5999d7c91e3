//! The fields of a message and of a metadata record, by Kafka's names: for traces and logs.
//!
//! Names are those of Kafka's message definitions, as its JSON converters write them (`fetchOffset`). The raft RPCs of
//! this model have only the partition of `__cluster_metadata`, so its fields are placed beside those of the request;
//! `partitionErrorCode` is the `errorCode` of that partition.

use std::rc::Rc;

use smallvec::SmallVec;

use super::error_code::ErrorCode;
use super::quorum::CurrentLeader;
use crate::ids::{BrokerEpoch, LeaderEpoch, NodeId, Offset, PartitionEpoch, ProducerId, TopicIdPartition, Uuid};

/// A value to be displayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Absent.
    Null,
    Bool(bool),
    Number(i64),
    /// A name, an id, or Kafka's name of an error.
    Text(String),
    List(Vec<Value>),
    /// Fields by name, in order.
    Struct(Vec<(String, Value)>),
}

impl Value {
    /// A struct with these fields.
    pub fn of<const N: usize>(fields: [(&str, Value); N]) -> Value {
        Value::Struct(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }

    /// A text, of what is displayed.
    pub fn text(of: impl std::fmt::Display) -> Value {
        Value::Text(of.to_string())
    }

    /// A number of things.
    pub fn count(of: usize) -> Value {
        Value::Number(of as i64)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Value::Struct(fields) => fields.iter().find(|(other, _)| other == name).map(|(_, value)| value),
            _ => None,
        }
    }
}

/// A type with fields, or the value of a field.
pub trait Fields {
    fn value(&self) -> Value;

    /// Adds it to the fields of a struct, under the name of its Rust field.
    fn put(&self, name: &str, into: &mut Vec<(String, Value)>) {
        into.push((kafka_name(name), self.value()));
    }
}

/// Kafka's name of a Rust field: `fetch_offset` is `fetchOffset`.
fn kafka_name(name: &str) -> String {
    match name {
        "error" => return "errorCode".to_owned(),
        "partition" => return "partitionIndex".to_owned(),
        _ => {}
    }
    let mut words = name.split('_');
    let mut kafka = words.next().unwrap_or_default().to_owned();
    for word in words {
        kafka.push_str(&word[..1].to_uppercase());
        kafka.push_str(&word[1..]);
    }
    kafka
}

macro_rules! by_number {
    ($($type:ty: |$value:ident| $number:expr;)+) => {
        $(impl Fields for $type {
            fn value(&self) -> Value {
                let $value = *self;
                Value::Number(i64::from($number))
            }
        })+
    };
}

by_number! {
    i8: |value| value;
    u16: |value| value;
    i16: |value| value;
    i32: |value| value;
    u32: |value| value;
    i64: |value| value;
    NodeId: |value| value.0;
    LeaderEpoch: |value| value.0;
    PartitionEpoch: |value| value.0;
    BrokerEpoch: |value| value.0;
    ProducerId: |value| value.0;
    Offset: |value| value.0;
}

impl Fields for bool {
    fn value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Fields for u64 {
    fn value(&self) -> Value {
        i64::try_from(*self).map_or_else(|_| Value::Text(self.to_string()), Value::Number)
    }
}

impl Fields for Rc<str> {
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Fields for Uuid {
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl Fields for ErrorCode {
    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }
}

impl<T: Fields> Fields for Option<T> {
    fn value(&self) -> Value {
        self.as_ref().map_or(Value::Null, Fields::value)
    }
}

impl<T: Fields> Fields for Box<T> {
    fn value(&self) -> Value {
        (**self).value()
    }
}

impl<T: Fields> Fields for [T] {
    fn value(&self) -> Value {
        Value::List(self.iter().map(Fields::value).collect())
    }
}

impl<T: Fields> Fields for Rc<[T]> {
    fn value(&self) -> Value {
        self[..].value()
    }
}

impl<T: Fields> Fields for Vec<T> {
    fn value(&self) -> Value {
        self[..].value()
    }
}

impl<T: Fields, const N: usize> Fields for SmallVec<[T; N]>
where
    [T; N]: smallvec::Array<Item = T>,
{
    fn value(&self) -> Value {
        self[..].value()
    }
}

impl Fields for TopicIdPartition {
    fn value(&self) -> Value {
        let mut fields = Vec::new();
        self.put("", &mut fields);
        Value::Struct(fields)
    }

    /// Kafka has both beside the fields of the partition.
    fn put(&self, _name: &str, into: &mut Vec<(String, Value)>) {
        self.topic_id.put("topic_id", into);
        self.partition.put("partition", into);
    }
}

impl Fields for CurrentLeader {
    fn value(&self) -> Value {
        let mut fields = Vec::new();
        self.put("", &mut fields);
        Value::Struct(fields)
    }

    fn put(&self, _name: &str, into: &mut Vec<(String, Value)>) {
        let CurrentLeader { leader_id, leader_epoch, endpoints } = self;
        leader_id.unwrap_or(NodeId::NONE).put("leader_id", into);
        leader_epoch.put("leader_epoch", into);
        endpoints.put("node_endpoints", into);
    }
}

/// Implements [`Fields`] for a struct with named fields.
macro_rules! fields {
    ($($name:ident { $($field:ident $(as $kafka:literal)?),* $(,)? })+) => {
        $(impl $crate::message::Fields for $name {
            fn value(&self) -> $crate::message::Value {
                let $name { $($field),* } = self;
                #[allow(unused_mut, reason = "a struct may have no fields")]
                let mut fields = Vec::new();
                $($crate::message::Fields::put(
                    $field,
                    $crate::message::fields::name_or!($field $($kafka)?),
                    &mut fields,
                );)*
                $crate::message::Value::Struct(fields)
            }
        })+
    };
}

macro_rules! name_or {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $kafka:literal) => {
        $kafka
    };
}

pub(crate) use {fields, name_or};

/// A struct of these fields.
pub(super) fn of<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Struct(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A struct, preceded by the name of its type.
pub(super) fn named(name: &str, value: Value) -> Value {
    let mut fields = vec![("type".to_owned(), Value::Text(name.to_owned()))];
    if let Value::Struct(rest) = value {
        fields.extend(rest);
    }
    Value::Struct(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_kafkas_names() {
        assert_eq!(kafka_name("new_isr_with_epochs"), "newIsrWithEpochs");
    }
}
