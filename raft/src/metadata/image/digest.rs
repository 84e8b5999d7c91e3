//! The digest of an image: the sum of one hash per entity, so that it is the same whatever history
//! led there, and costs a change only the hashes before and after.

use crate::message::{Canonical, CanonicalHasher};

/// Which kind of entity: equal keys of two kinds are two entities.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Feature = 1,
    Broker,
    Controller,
    Topic,
    Partition,
    Config,
    ProducerIds,
}

/// The part of the digest that one entity makes.
pub(super) fn entity_hash(part: Part, key: &impl Canonical, value: &impl Canonical) -> u64 {
    let mut hasher = CanonicalHasher::default();
    hasher.u8(part as u8);
    key.walk(&mut hasher);
    value.walk(&mut hasher);
    hasher.finish()
}
