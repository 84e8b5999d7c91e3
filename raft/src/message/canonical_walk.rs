//! The canonical field walk, derived: each message lists its fields once, and the walk follows that list.

use std::rc::Rc;

use super::ErrorCode;
use super::canonical_hasher::CanonicalHasher;
use crate::ids::{
    BrokerEpoch, LeaderEpoch, NodeId, Offset, OffsetAndEpoch, PartitionEpoch, ProducerId, TopicIdPartition, Uuid,
};
use crate::log::Records;

/// A value with a canonical hash: fixed-width numbers, length prefixes.
pub trait Canonical {
    /// Field by field, in declaration order.
    fn walk(&self, hasher: &mut CanonicalHasher);
}

macro_rules! by_number {
    ($($type:ty: |$value:ident| $number:expr;)+) => {
        $(impl Canonical for $type {
            #[inline]
            fn walk(&self, hasher: &mut CanonicalHasher) {
                let $value = *self;
                hasher.i64(i64::from($number));
            }
        })+
    };
}

by_number! {
    bool: |value| value;
    i8: |value| value;
    i16: |value| value;
    u16: |value| value;
    i32: |value| value;
    i64: |value| value;
    NodeId: |value| value.0;
    LeaderEpoch: |value| value.0;
    PartitionEpoch: |value| value.0;
    BrokerEpoch: |value| value.0;
    ProducerId: |value| value.0;
    Offset: |value| value.0;
    ErrorCode: |value| value as i16;
}

impl Canonical for Uuid {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        let bits = u128::from_le_bytes(self.0);
        hasher.u64(bits as u64).u64((bits >> 64) as u64);
    }
}

impl Canonical for TopicIdPartition {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        self.topic_id.walk(hasher);
        self.partition.walk(hasher);
    }
}

impl Canonical for OffsetAndEpoch {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        self.epoch.walk(hasher);
        self.offset.walk(hasher);
    }
}

impl Canonical for Rc<str> {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        hasher.bytes(self.as_bytes());
    }
}

impl<T: Canonical> Canonical for Option<T> {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        hasher.u8(u8::from(self.is_some()));
        if let Some(value) = self {
            value.walk(hasher);
        }
    }
}

impl<T: Canonical> Canonical for Rc<[T]> {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        hasher.u64(self.len() as u64);
        for value in self.iter() {
            value.walk(hasher);
        }
    }
}

impl<T: Canonical> Canonical for Vec<T> {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        hasher.u64(self.len() as u64);
        for value in self {
            value.walk(hasher);
        }
    }
}

impl Canonical for Records {
    fn walk(&self, hasher: &mut CanonicalHasher) {
        hasher.u64(self.0.len() as u64);
        for batch in &self.0 {
            hasher.u64(batch.hash);
        }
    }
}

/// Declares messages: `Name { field: type; … }`, all fields public, with their walk and their
/// [`Fields`](super::fields::Fields).
macro_rules! messages {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty;)* })+) => {
        $($(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl $crate::message::Canonical for $name {
            fn walk(&self, hasher: &mut $crate::message::CanonicalHasher) {
                let $name { $($field),* } = self;
                $($crate::message::Canonical::walk($field, hasher);)*
                let _ = hasher;
            }
        }

        $crate::message::fields::fields! { $name { $($field),* } })+
    };
}
pub(super) use messages;
