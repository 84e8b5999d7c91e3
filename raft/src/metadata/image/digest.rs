//! The digest of an image: the sum of one hash per entity, so that it does not depend on the history, and a change
//! needs only the old and the new hash of the entity.
//!
//! An entity is hashed by a canonical walk: a sequence of 64-bit words that begins with the number of its
//! [`EntityKind`]. A number or a flag is one word; a text is its length in bytes and then eight bytes in each word; a
//! UUID two words; a list its length and then each item; an optional value is 0, or 1 and then the value. Numbers are
//! sign-extended, bytes are little-endian. An independent reader of the log computes the same words from its own
//! tables.
//!
//! | part | key | value |
//! | --- | --- | --- |
//! | 1 feature | name | level, unless it is 0 |
//! | 2 broker | id | epoch, incarnation, end points (name, host, port, protocol), features (name, least, most), rack?, fenced, in controlled shutdown, migrating, directories, cordoned directories? |
//! | 3 controller | id | incarnation, ready to migrate, end points, features |
//! | 4 topic | id | name |
//! | 5 partition | topic id, number | replicas, ISR, removing, adding, directories, ELR, last known ELR, leader, recovery state, leader epoch, partition epoch |
//! | 6 config | type of the resource, its name, name | value |
//! | 7 producer ids | next id | next id, once there was a block |

use crate::message::{Canonical, CanonicalHasher};

/// The kind of an entity: equal keys of two kinds are two entities.
#[derive(Clone, Copy, Debug)]
pub(super) enum EntityKind {
    Feature = 1,
    Broker,
    Controller,
    Topic,
    Partition,
    Config,
    ProducerIds,
}

/// The contribution of one entity to the digest.
pub(super) fn entity_hash(part: EntityKind, key: &impl Canonical, value: &impl Canonical) -> u64 {
    let mut hasher = CanonicalHasher::default();
    hasher.u8(part as u8);
    key.walk(&mut hasher);
    value.walk(&mut hasher);
    hasher.finish()
}
